#!/usr/bin/python3
"""Layout rows on a server that has transactions: the contract suite; what each operation calls; more lines than a transaction takes; nothing
left of a cart that is removed; writers of two processes at once; rows that were read while they changed.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from dynamodb_front import DynamodbFront, Reply, error  # noqa: E402
from operations import KEY, Asker  # noqa: E402
from tap import Skip, main  # noqa: E402

CONTRACT = os.path.join(ROOT, "build", "release", "tests", "contract")
# Those that read and write ids.
OF_IDS = ("cart", "batches", "lists", "owners", "guests", "merge")
MANY = 200
CLIENTS, ADDS = 8, 15
TABLE = "rows"
MERGE = '{"from":"%s","strategy":"add"}'


def settings(of, **changes):
    return {**private_dynalite.settings_for(of, layout="rows", table=TABLE, acquire_timeout="10s", timeout="10s"),
            "request.deadline": "10s", "threads": "1", **changes}


def lines(*products, quantity=2):
    return '{"items":[%s]}' % ",".join('{"product_id":%d,"quantity":%d}' % (product, quantity) for product in products)


class Rows:
    """A cartd, and the table behind it."""

    def __init__(self, cartd, server):
        self.cartd, self.server = cartd, server
        self.asker = Asker(cartd)
        self.ask = self.asker.ask

    def create(self, *products, **headers):
        items = ',"items":' + lines(*products)[9:-1] if products else ""
        return self.ask(201, "POST", "/shopping-carts", tuple(headers.items()), '{"customer_id":7%s}' % items).header("Location")

    def get(self, path):
        return {line["product_id"]: line["quantity"] for line in self.ask(200, "GET", path).json()["items"]}

    def stored(self, path):
        cart_id = path.rsplit("/", 1)[1]
        return {item["row"]["S"]: item for item in private_dynalite.items_of(self.server, TABLE) if item["cart_id"]["S"] == cart_id}

    def calls(self):
        counts = {}
        for name, value in self.cartd.metrics().items():
            if name.startswith("cart_dynamodb_calls_total{") and value:
                operation = name.split('"')[1]
                counts[operation] = counts.get(operation, 0) + int(value)
        return counts


def contract(server, id_type, names):
    """The programs of the suite, each with tables of its own."""
    programs = [program for program in sorted(glob.glob(os.path.join(CONTRACT, "test_*")))
                if "." not in os.path.basename(program) and (not names or os.path.basename(program)[5:] in names)]
    if not programs:
        raise Skip("the contract suite is not built: make tests")
    of = settings(server)
    environment = {**os.environ, **private_dynalite.keys_for(server), "CART_BACKEND": "dynamodb", "CART_ID_TYPE": id_type,
                   **{"CART_" + name.upper().replace(".", "_"): value for name, value in of.items()
                      if name.startswith("dynamodb.") and name != "dynamodb.table"}}
    done = subprocess.run([os.path.join(ROOT, "tests", "run"), "--jobs", "2", "--timeout", "600", *programs], cwd=ROOT, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print("# " + done.stdout.strip().splitlines()[-1])
    return "" if done.returncode == 0 else done.stdout[-4000:]


def what_each_calls(rows):
    """{operation: calls} of each request."""
    ask, cart, wrong = rows.ask, lambda: rows.create(1, 2), []
    read, transaction, put, update = {"Query": 1}, {"TransactWriteItems": 1}, {"PutItem": 1}, {"UpdateItem": 1}
    one = {"TransactGetItems": 1}
    item, keyed = '{"product_id":1,"quantity":1}', ((KEY, "k1"),)

    def used():
        path = cart()
        ask(204, "POST", path + "/items", keyed, item)
        return path

    for name, prepare, request, wanted in (
            ("get", cart, lambda path: ask(200, "GET", path), read),
            ("get of one line", cart, lambda path: ask(200, "GET", path + "/items/2"), one),
            ("get of one line that is not there", cart, lambda path: ask(404, "GET", path + "/items/3"), one),
            ("get of one line, eventual", cart, lambda path: ask(200, "GET", path + "/items/2?consistency=eventual"), read),
            ("get of one of many lines", lambda: rows.create(*range(1, MANY + 1)), lambda path: ask(200, "GET", path + "/items/7"), one),
            ("create", lambda: None, lambda _: rows.create(), put),
            ("create with lines", lambda: None, lambda _: rows.create(1, 2), transaction),
            ("create of many lines", lambda: None, lambda _: rows.create(*range(1, MANY + 1)), put),
            ("add", cart, lambda path: ask(204, "POST", path + "/items", (), item), {**read, **transaction}),
            ("add with a key", cart, lambda path: ask(204, "POST", path + "/items", keyed, item), {**read, **transaction}),
            ("replay", used, lambda path: ask(204, "POST", path + "/items", keyed, item), read),
            ("set of what is there, with a key", cart, lambda path: ask(204, "PUT", path + "/items/1", keyed, '{"quantity":2}'), {**read, **update}),
            ("add beyond a limit", cart, lambda path: ask(422, "POST", path + "/items", (), lines(*range(1, MANY + 2))), read),
            ("remove", cart, lambda path: ask(204, "DELETE", path + "/items/1"), {**read, **transaction}),
            ("replacement", cart, lambda path: ask(204, "PUT", path + "/items", (), lines(5, 6)), {**read, **transaction}),
            ("clear", cart, lambda path: ask(204, "DELETE", path + "/items"), {**read, **put}),
            ("checkout", cart, lambda path: ask(200, "POST", path + "/checkout"), {**read, **put}),
            ("delete", cart, lambda path: ask(204, "DELETE", path), {**read, **transaction}),
            ("merge", lambda: (cart(), rows.create(3)),
             lambda carts: ask(200, "POST", carts[0] + "/merge", (), MERGE % carts[1].rsplit("/", 1)[1]),
             # Seal, end, forget; the target and its lines in one.
             {"Query": 2, "UpdateItem": 3, **transaction})):
        path, before = prepare(), rows.calls()
        request(path)

        def found():
            return {operation: count - before.get(operation, 0) for operation, count in rows.calls().items() if count != before.get(operation)}

        # The last call of a merge comes after the answer.
        if found() != wanted and not (name == "merge" and await_that(lambda: found() == wanted, 5, "its calls")):
            wrong.append("%s: %s, not %s" % (name, found(), wanted))
    return "\n".join(wrong)


def many_lines(rows):
    """A cart grows and shrinks through what a transaction takes; all reads agree, and nothing is left of it at the end."""
    all_of = lambda count, first=1: {product: 2 for product in range(first, first + count)}
    path = rows.create(*all_of(MANY))
    steps = [
        ("made of %d lines" % MANY, lambda: None, all_of(MANY)),
        ("replaced by as many", lambda: rows.ask(204, "PUT", path + "/items", (), lines(*all_of(MANY, 1001))), all_of(MANY, 1001)),
        ("one removed", lambda: rows.ask(204, "DELETE", path + "/items/1001"), all_of(MANY - 1, 1002)),
        ("cleared", lambda: rows.ask(204, "DELETE", path + "/items"), {}),
        *[("%d added" % count, lambda count=count: rows.ask(204, "POST", path + "/items", (), lines(*range(count - 49, count + 1))), all_of(count))
          for count in range(50, MANY + 1, 50)],
        ("all set anew", lambda: rows.ask(204, "PUT", path + "/items", (), lines(*all_of(MANY), quantity=3)), {p: 3 for p in all_of(MANY)}),
        ("replaced by few", lambda: rows.ask(204, "PUT", path + "/items", (), lines(1, 2)), all_of(2)),
        ("grown again", lambda: rows.ask(204, "POST", path + "/items", (), lines(*range(3, 60))), all_of(59)),
    ]
    for name, request, wanted in steps:
        request()
        if rows.get(path) != wanted:
            return "%s: %s" % (name, rows.get(path))
    if len(rows.stored(path)) <= MANY:
        return "the rows that count no more were expected to wait for their TTL: %d" % len(rows.stored(path))
    rows.ask(204, "DELETE", path)
    rows.ask(404, "GET", path)
    return "left: %s" % rows.stored(path) if rows.stored(path) else ""


def many_lines_merged(rows):
    """Two carts whose lines are more than a transaction takes become one."""
    one, other = rows.create(*range(1, 101)), rows.create(*range(51, 201))
    rows.ask(200, "POST", one + "/merge", (), MERGE % other.rsplit("/", 1)[1])
    wanted = {product: 4 if 51 <= product <= 100 else 2 for product in range(1, 201)}
    return "" if rows.get(one) == wanted and rows.ask(200, "GET", other).json()["status"] == "merged" else str(rows.get(one))


def listed(rows):
    """Lists show carts with all their lines."""
    paths = [rows.create(*range(1, count + 1)) for count in (0, 3, 120)]
    page = rows.ask(200, "GET", "/shopping-carts?customer_id=7&limit=3").json()["carts"]
    found = [(cart["shopping_cart_id"], len(cart["items"])) for cart in page]
    wanted = [(path.rsplit("/", 1)[1], count) for path, count in zip(paths, (0, 3, 120))]
    return "" if sorted(found) == sorted(wanted) else "%s, not %s" % (found, wanted)


def at_once(rows, other):
    """Two processes add to one cart: every add that was answered with 204 is there, and no reader sees half of one."""
    path = rows.create()
    statuses, seen, over = [], [], threading.Event()

    def add(cartd):
        with cartd.client() as client:
            for _ in range(ADDS):
                statuses.append(client.ask("POST", path + "/items", (), lines(1, 2, quantity=1)).status)

    def read():
        with other.client() as client:
            while not over.is_set():
                answer = client.ask("GET", path)
                cart = answer.json()
                seen.append((answer.status, tuple(line["quantity"] for line in cart.get("items", ())), cart.get("version")))

    threads = [threading.Thread(target=add, args=((rows.cartd, other)[number % 2],)) for number in range(CLIENTS)]
    reader = threading.Thread(target=read)
    for thread in [reader, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    reader.join()
    done, cart = statuses.count(204), rows.ask(200, "GET", path).json()
    print("# %d of %d adds were done, %d reads meanwhile" % (done, len(statuses), len(seen)))
    torn = [each for each in seen if each[0] != 200 or each[1] not in ((), (each[2] - 1,) * 2)]
    if torn:
        return "half of a change was read: %s" % torn[:3]
    return "" if rows.get(path) == {1: done, 2: done} and cart["version"] == done + 1 and set(statuses) <= {204, 503} else \
        "%s at version %s, %d adds were done: %s" % (rows.get(path), cart["version"], done, set(statuses))


def is_of_a_cart(call):
    """The Query of a cart's rows, and not of an index."""
    return call.operation == "Query" and "IndexName" not in call.json()


class Crowd:
    """A rule: Queries of carts wait until so many are under way."""

    def __init__(self, wanted):
        self.wanted, self.count, self.now, self.most = wanted, 0, 0, 0
        self.met = threading.Condition()

    def __call__(self, call, ask):
        if not is_of_a_cart(call):
            return ask()
        with self.met:
            self.count, self.now = self.count + 1, self.now + 1
            self.most = max(self.most, self.now)
            self.met.notify_all()
            self.met.wait_for(lambda: self.most >= self.wanted, 8)
        try:
            return ask()
        finally:
            with self.met:
                self.now -= 1


def page_of(answer):
    return [(cart["shopping_cart_id"], len(cart["items"])) for cart in answer.json()["carts"]]


def ruled(front, rule, work):
    front.rule = rule
    try:
        return work()
    finally:
        front.rule = lambda call, ask: ask()


def at_once_in_lists(rows, front):
    """The carts of a page are read at once, by as many calls as lists may have connections: a quarter of 64. Those of a batch-get by all."""
    wanted = [(rows.create(*range(1, 1 + number % 4)).rsplit("/", 1)[1], number % 4) for number in range(30)][::-1]
    for query, carts, calls, most in (("", wanted[:20], 21, 16), ("&limit=3", wanted[:3], 4, 4), ("&limit=30", wanted, 30, 16)):
        crowd = Crowd(most)
        answer = ruled(front, crowd, lambda query=query: rows.ask(200, "GET", "/shopping-carts?customer_id=7" + query))
        if page_of(answer)[:len(carts)] != carts or crowd.most != most or (crowd.count != calls and query != "&limit=30"):
            return "%s: %s, %d calls, %d at once" % (query, page_of(answer), crowd.count, crowd.most)
    crowd = Crowd(20)
    answer = ruled(front, crowd, lambda: rows.ask(200, "POST", "/shopping-carts/batch-get", (), json.dumps({"ids": [cart for cart, _ in wanted[:20]]})))
    return "" if page_of(answer) == wanted[:20] and (crowd.count, crowd.most) == (20, 20) else \
        "batch-get: %s, %d calls, %d at once" % (page_of(answer), crowd.count, crowd.most)


def lists_on_few_connections(rows, front, few):
    """Two connections are for lists. Six lists at once, of which calls are throttled, are whole, and none waits for ever for another."""
    wanted = page_of(rows.ask(200, "GET", "/shopping-carts?customer_id=7"))
    answers, asked, lock = [], [], threading.Lock()

    def throttle(call, ask):
        if not is_of_a_cart(call):
            return ask()
        with lock:
            asked.append(call)
            busy = len(asked) % 3 == 0
        return error("ThrottlingException") if busy else ask()

    def read():
        with few.client() as client:
            answers.append(client.ask("GET", "/shopping-carts?customer_id=7"))

    def all_of_them():
        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    ruled(front, throttle, all_of_them)
    wrong = ["%d %s" % (answer.status, answer.body[:200]) for answer in answers if answer.status != 200 or page_of(answer) != wanted]
    return "\n".join(wrong)


def one_cart_of_a_list_fails(rows, front, few):
    """The list fails as it would by one call, and leaves nothing behind that holds up the next one."""
    path = "/shopping-carts?customer_id=7"
    with few.client() as client:
        page = client.ask("GET", path)
        victim = page_of(page)[5][0]

        def refuse(call, ask):
            return error("AccessDeniedException") if is_of_a_cart(call) and victim in call.body.decode() else ask()

        refused = ruled(front, refuse, lambda: client.ask("GET", path))
        held = threading.Event()

        def hold(call, ask):
            if is_of_a_cart(call) and victim in call.body.decode():
                held.wait(30)
            return ask()

        late = ruled(front, hold, lambda: client.ask("GET", path))
        held.set()
        again = client.ask("GET", path)
    found = (refused.status, refused.error()), (late.status, late.error())
    return "" if found == ((503, "UNAVAILABLE"), (504, "TIMEOUT")) and page_of(again) == page_of(page) else "%s, then %d" % (found, again.status)


class Torn:
    """A rule: a Query of a cart brings a row as it was before the last change, so many times."""

    def __init__(self, row):
        self.row, self.times, self.asked = row, 0, []

    def __call__(self, call, ask):
        reply = ask()
        if not is_of_a_cart(call):
            return reply
        self.asked.append(call.json()["ConsistentRead"])
        if self.times == 0:
            return reply
        self.times -= 1
        answer = reply.json()
        answer["Items"] = [self.row if item["row"] == self.row["row"] else item for item in answer["Items"]]
        return Reply(200, answer, reply.headers)


def torn_reads(rows, front):
    """A Query is no snapshot: rows that do not belong together are read again, strongly, by gets and by changes."""
    path = rows.create(1, 2)
    rule = Torn(rows.stored(path)["ITEM#1"])
    rows.ask(204, "POST", path + "/items", (), lines(1))
    front.rule = rule
    try:
        for query in ("", "?consistency=eventual"):
            rule.times, rule.asked = 3, []
            found = rows.get(path + query)
            if found != {1: 4, 2: 2} or len(rule.asked) != 4 or not all(rule.asked[1:]):
                return "%s after %s" % (found, rule.asked)
        rule.times = 3
        rows.ask(204, "POST", path + "/items", (), lines(1))
        if rows.get(path) != {1: 6, 2: 2}:
            return "an add to an old line: %s" % rows.get(path)
        rule.times = 1000
        rows.ask(500, "GET", path)
    finally:
        front.rule = lambda call, ask: ask()
    return "" if rows.get(path) == {1: 6, 2: 2} else "%s at the end" % rows.get(path)


def lost_answers(rows, front):
    """The answer to a transaction is lost after the deed: with a key it is applied once."""
    path, answers = rows.create(1), []

    def lose(call, ask):
        reply = ask()
        if call.operation != "TransactWriteItems":
            return reply
        answers.append(reply.status)
        return error("InternalServerError", 500) if len(answers) % 2 else reply

    front.rule = lose
    try:
        for number in range(6):
            rows.ask(204, "POST", path + "/items", ((KEY, "lost%d" % number),), lines(1))
    finally:
        front.rule = lambda call, ask: ask()
    found = rows.get(path), answers
    return "" if found == ({1: 14}, [200] * 6) else str(found)


def refused(folder):
    """Without transactions, before a table is made."""
    with private_dynalite.server() as server:
        if private_dynalite.KIND != "dynalite":
            raise Skip("this server has transactions")
        try:
            with Cartd(folder, settings(server), "refused"):
                return "cartd started"
        except AssertionError as why:
            tables = private_dynalite.call(server.endpoint, "ListTables", {})["TableNames"]
            return "" if "dynamodb.layout=rows needs transactions" in str(why) and not tables else "%s; tables: %s" % (why, tables)


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder:
        tap.run("a server without transactions is refused by name", refused, folder)
        with private_dynalite.with_transactions() as server, DynamodbFront(server.port) as front:
            with Cartd(folder, settings(front, **{"cart.ttl": "30d"}), "rows") as cartd, Cartd(folder, settings(server), "other") as other:
                rows = Rows(cartd, server)
                tap.run("what each operation calls", what_each_calls, rows)
                tap.run("%d lines, and more than a transaction takes" % MANY, many_lines, rows)
                tap.run("carts of many lines are merged", many_lines_merged, rows)
                tap.run("lists show all lines", listed, rows)
                tap.run("writers of two processes at once", at_once, rows, other)
                tap.run("rows of two instants are read again", torn_reads, rows, front)
                tap.run("answers to transactions that are lost", lost_answers, rows, front)
                tap.run("the carts of a page and of a batch-get are read at once", at_once_in_lists, rows, front)
                with Cartd(folder, settings(front, **{"dynamodb.connections": "8", "dynamodb.timeout": "3s", "request.deadline": "3s"}), "few") as few:
                    tap.run("lists on few connections, throttled", lists_on_few_connections, rows, front, few)
                    tap.run("one cart of a list fails", one_cart_of_a_list_fails, rows, front, few)
                rows.asker.client.close()
            for id_type, names in (("integer", ()), ("string", OF_IDS)):
                tap.run("the contract suite, ids of type %s" % id_type, contract, server, id_type, names)


if __name__ == "__main__":
    main(tests)
