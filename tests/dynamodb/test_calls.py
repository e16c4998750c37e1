#!/usr/bin/python3
"""What an operation costs: calls, counted by a proxy that reads the protocol, and units, which the server says in its answers.

Both are held against docs/backends/dynamodb.md: the calls against its table, the units against its arithmetic. cartd's own metrics have to
say the same as the proxy. What the local server's units leave out: those of the indexes, and those of a condition that was false.
"""

import json
import math
import os
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from dynamodb_front import DynamodbFront, Reply  # noqa: E402
from operations import KEY, Asker, read_modify_operations, operations  # noqa: E402
from tap import main  # noqa: E402

REPEATS = 4
BATCH = 25
KEYS_MAX = 1000
CROWD = 64
NOBODY = "/shopping-carts/00000000-0000-4000-8000-000000000001"
QUIET = {**private_dynalite.PATIENT, "threads": "1", "limits.lines": "20", "provision": "off"}
DOCUMENT = os.path.join(ROOT, "docs/backends/dynamodb.md")


class Bench(Asker):
    def __init__(self, front, cartd, table):
        super().__init__(cartd)
        self.front = front
        self.cartd = cartd
        self.table = table

    def counted(self):
        """By cartd: {operation: calls}."""
        counts = {}
        for name, value in self.cartd.metrics().items():
            found = re.match(r'cart_dynamodb_calls_total\{operation="(\w+)"', name)
            if found and value:
                counts[found.group(1)] = counts.get(found.group(1), 0) + int(value)
        return counts

    def half_units(self):
        """By cartd: {"read": halves, "write": halves}."""
        sums = {}
        for name, value in self.cartd.metrics().items():
            found = re.match(r"cart_dynamodb_half_(\w+)_units_total", name)
            if found:
                sums[found.group(1)] = sums.get(found.group(1), 0) + value
        return sums

    def cost(self, name, request, prepare, wanted):
        """What is wrong with the calls of an operation, as text. wanted: {operation: calls}."""
        paths = [prepare() for _ in range(REPEATS)]
        before, problems = self.counted(), []
        start = len(self.front.calls)
        for path in paths:
            at = len(self.front.calls)
            request(path)
            calls = self.front.answered_since(at)
            if calls != wanted:
                problems.append("%s, not %s:\n%s" % (calls, wanted, "\n".join(str(call)[:300] for call in self.front.calls[at:])))
        after, seen = self.counted(), self.front.answered_since(start)
        counted = {operation: after[operation] - before.get(operation, 0) for operation in after if after[operation] != before.get(operation)}
        if counted != seen:
            problems.append("the proxy has seen %s, cartd has counted %s" % (seen, counted))
        print("# %-34s %s" % (name, ", ".join("%s %g" % (operation, calls / REPEATS) for operation, calls in sorted(seen.items()))))
        return "\n".join(problems[:3])


def add_the_item(server):
    """DynamoDB says which item it was with a condition that was false. Dynalite does not: the proxy asks it."""
    def rule(call, ask):
        reply = ask()
        if reply.status != 400 or b"ConditionalCheckFailedException" not in reply.body or b'"ALL_OLD"' not in call.body:
            return reply
        item = item_of(server, call.json()["TableName"], call.json().get("Key") or {"cart_id": call.json()["Item"]["cart_id"]})
        return Reply(400, {**reply.json(), "Item": item}, reply.headers) if item else reply
    return rule


def item_of(server, table, key):
    return private_dynalite.call(server.endpoint, "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}).get("Item")


def gets(n):
    return {"GetItem": n}


def updates(n=1):
    return {"UpdateItem": n}


def calls_of(name, layout):
    """Of an operation that succeeds."""
    others = {"create": {"PutItem": 1}, "create with a key": {"PutItem": 2}, "delete": {"DeleteItem": 1},
              # The index holds keys alone; and it is asked in idle_shards parts.
              "list of a customer": {"Query": 1, "BatchGetItem": 1}, "list of idle carts": {"Query": 8, "BatchGetItem": 1}}
    if name.startswith("get"):
        return gets(1)
    return others.get(name) or (updates() if layout == "map" else {"GetItem": 1, "PutItem": 1})


def calls_of_read_modify(name, layout, returns_item):
    """Of one that is refused or changes nothing: a condition that was false, and a look where that did not bring the item."""
    if layout == "list":
        return gets(1)
    # That no item is returned may also mean that there is none: then it is looked for.
    return updates() if returns_item and name != "change of no cart" else {"UpdateItem": 1, "GetItem": 1}


def more_operations(bench, layout):
    """What the document has beside those: name, request, what makes a path (or a key) ready, calls where the item is not returned, and
    where it is."""
    def create(key):
        return bench.ask(201, "POST", "/shopping-carts", ((KEY, key),), '{"customer_id":5}').header("Location")

    def new_key():
        bench.made += 1
        return "new%d" % bench.made

    def used_key():
        key = new_key()
        create(key)
        return key

    def put_again(path):
        bench.made += 1
        return bench.ask(204, "PUT", path + "/items/1", ((KEY, "k%d" % bench.made),), '{"quantity":2}')

    keyed_set = {"GetItem": 1, "UpdateItem": 1}
    return [
        ("delete of a cart made under a key", lambda path: bench.ask(204, "DELETE", path), lambda: create(new_key()),
         {"DeleteItem": 1, "GetItem": 1, "PutItem": 1}, {"DeleteItem": 1, "PutItem": 1}),
        ("replay of a create", create, used_key, {"PutItem": 1, "GetItem": 2}, {"PutItem": 1, "GetItem": 1}),
        ("delete of no cart", lambda path: bench.ask(404, "DELETE", path), lambda: NOBODY,
         {"DeleteItem": 1, "GetItem": 1}, {"DeleteItem": 1, "GetItem": 1}),
        ("set of what is there, with a key", put_again, bench.new_cart,
         keyed_set if layout == "list" else {"UpdateItem": 2, "GetItem": 1}, keyed_set if layout == "list" else {"UpdateItem": 2}),
    ]


def count_calls(tap, bench, layout):
    for name, request, prepare, *_ in operations(bench) + attribute_operations(bench):
        tap.run("%s: calls of: %s" % (layout, name), bench.cost, name, request, prepare, calls_of(name, layout))


def count_read_modify_calls(tap, bench, layout, returns_item):
    where = "%s, item %s" % (layout, "returned" if returns_item else "not returned")
    for name, request, prepare in read_modify_operations(bench):
        tap.run("%s: calls of: %s" % (where, name), bench.cost, name, request, prepare, calls_of_read_modify(name, layout, returns_item))
    for name, request, prepare, *calls in more_operations(bench, layout):
        tap.run("%s: calls of: %s" % (where, name), bench.cost, name, request, prepare,
                calls[returns_item])


def one_too_many(bench):
    """Two gets for one, and the check says so."""
    def twice(path):
        bench.ask(200, "GET", path)
        bench.ask(200, "GET", path)
    return "" if "{'GetItem': 2}, not {'GetItem': 1}" in bench.cost("(two gets counted as one)", twice, bench.new_cart, gets(1)) else \
        "two calls passed for one"


ATTRIBUTES = '"attributes":{"price":"12.50","gift":true}'


def attribute_operations(bench):
    """Those with attributes: name, request, what makes a path ready. Each is one change like those without."""
    def ask(want, method, after, body=None):
        return lambda path: bench.ask(want, method, path + after, (), body)

    def with_some():
        path = bench.new_cart()
        bench.ask(204, "PUT", path + "/items/1", (), '{"quantity":2,%s}' % ATTRIBUTES)
        return path

    return [
        ("add of a line with attributes", ask(204, "POST", "/items", '{"product_id":99,"quantity":1,%s}' % ATTRIBUTES), bench.new_cart),
        ("add that gives a line attributes", ask(204, "POST", "/items", '{"product_id":1,"quantity":1,%s}' % ATTRIBUTES), bench.new_cart),
        ("add to a line with attributes", ask(204, "POST", "/items", '{"product_id":1,"quantity":1}'), with_some),
        ("add that removes attributes", ask(204, "POST", "/items", '{"product_id":1,"quantity":1,"attributes":null}'), with_some),
        ("set of attributes alone", ask(204, "PUT", "/items/1", '{"quantity":2,%s}' % ATTRIBUTES), bench.new_cart),
        ("set that removes attributes alone", ask(204, "PUT", "/items/1", '{"quantity":2,"attributes":null}'), with_some),
        ("remove of a line with attributes", ask(204, "DELETE", "/items/1"), with_some),
        ("clear of a cart with attributes", ask(204, "DELETE", "/items"), with_some),
        ("checkout of a cart with attributes", ask(200, "POST", "/checkout"), with_some),
    ]


class Gate:
    """A rule: gets are held back until it is opened."""

    def __init__(self):
        self.opened = threading.Event()

    def __call__(self, call, ask):
        if call.operation in ("GetItem", "BatchGetItem"):
            self.opened.wait(20)
        return ask()


def asked_at_once(bench, paths):
    """The answers to gets of all the paths, of which the first was under way, and held, when the others came; and the calls for them."""
    clients = [bench.cartd.client() for _ in paths]
    bench.front.rule = gate = Gate()
    at = len(bench.front.calls)
    try:
        for number, (client, path) in enumerate(zip(clients, paths)):
            client.send("GET", path)
            if number == 0:
                await_that(lambda: len(bench.front.calls) > at, 10, "the first get is under way")
        await_that(lambda: bench.cartd.metrics()["cart_dynamodb_waiting"] == len(paths) - 1, 10, "the others wait")
        gate.opened.set()
        answers = [client.receive() for client in clients]
    finally:
        gate.opened.set()
        bench.front.rule = lambda call, ask: ask()
        for client in clients:
            client.close()
    return answers, bench.front.calls[at:]


def shared_calls(bench):
    """One connection, and it is busy: those that wait for it go together, up to dynamodb.batch."""
    paths = [bench.new_cart(1) for _ in range(CROWD)]
    answers, calls = asked_at_once(bench, paths)
    wrong = [path for path, answer in zip(paths, answers) if answer.status != 200 or answer.json()["shopping_cart_id"] not in path]
    asked = [len(call.json()["RequestItems"]["crowd"]["Keys"]) if call.operation == "BatchGetItem" else 1 for call in calls]
    wanted = [1] + [BATCH] * ((CROWD - 1) // BATCH) + [(CROWD - 1) % BATCH]
    print("# %d gets at once, of which %d waited: calls for %s carts" % (CROWD, CROWD - 1, asked))
    return "wrong answers: %s" % wrong if wrong else "" if asked == wanted else "calls for %s carts, not %s" % (asked, wanted)


def one_cart_for_many(bench):
    """Gets of the same cart that wait together ask for it once."""
    path = bench.new_cart()
    answers, calls = asked_at_once(bench, [path] * BATCH)
    if {answer.status for answer in answers} != {200} or len({answer.body for answer in answers}) != 1:
        return "answers: %s" % {answer.raw() for answer in answers}
    return "" if [call.operation for call in calls] == ["GetItem"] * 2 else "\n".join(map(str, calls))


def size_of(value):
    """Bytes of an attribute's value, as AWS counts them."""
    (kind, content), = value.items()
    if kind == "N":
        return 1 + math.ceil(len(content.lstrip("-").strip("0")) / 2) + content.startswith("-")
    if kind == "M":
        return 3 + len(content) + size_of_item(content)
    if kind == "L":
        return 3 + sum(1 + size_of(each) for each in content)
    return len(content.encode())


def size_of_item(item):
    return sum(len(name.encode()) + size_of(value) for name, value in item.items())


def documented(text, layout, row, unit="", attributes=False):
    """Of a row of the document's table, for 1, 5, 20 and 200 lines."""
    if attributes:
        table, row = text[text.index("**What attributes cost: "):], "%s: %s" % (layout, row)
    else:
        table = text[text.index("**What AWS bills: layout %s, projection keys, without" % layout):]
    cells = re.search(r"(?m)^\| %s \| (.*?) \|$" % re.escape(row), table).group(1).split(" | ")
    return {lines: float(re.search(r"([\d.,]+)%s" % unit, cell).group(1).replace(",", "")) for lines, cell in zip((1, 5, 20, 200), cells)}


def consumed(bench, server, lines, more=""):
    """For an add to one of n lines, a strong get and an eventual one: what the server has said of each call, what cartd has counted, and the
    item's bytes."""
    path = bench.new_cart(0)
    for product in range(lines):
        bench.ask(204, "POST", path + "/items", (), '{"product_id":%d,"quantity":12%s}' % (123457 + product, more))
    before, at = bench.half_units(), len(bench.front.calls)
    bench.ask(204, "POST", path + "/items", (), '{"product_id":123457,"quantity":1}')
    bench.ask(200, "GET", path)
    bench.ask(200, "GET", path + "?consistency=eventual")
    counted = {name: value - before.get(name, 0) for name, value in bench.half_units().items()}
    size = size_of_item(item_of(server, bench.table, {"cart_id": {"S": path.rsplit("/", 1)[1]}}))
    return [call.units() for call in bench.front.calls[at:]], counted, size


def differs(size, told):
    """By more than times make it: a number takes a byte less for every two zeros at its end, and a time may end so by chance."""
    return abs(size - told) > max(0.02 * told, 12)


def units(bench, server, layout):
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    problems = []
    for lines in (1, 5, 20):
        said, counted, size = consumed(bench, server, lines)
        write, read = math.ceil(size / 1024), math.ceil(size / 4096)
        wanted = ([read] if layout == "list" else []) + [write, read, read / 2]
        print("# %s, %2d lines: %d bytes; units of an add, a get, an eventual get: %s" % (layout, lines, size, said))
        if said != wanted:
            problems.append("%d lines, %d bytes: the server says %s, the arithmetic %s" % (lines, size, said, wanted))
        if counted != {"write": 2 * write, "read": 2 * (sum(wanted) - write)}:
            problems.append("%d lines: cartd has counted half units %s, the server said %s" % (lines, counted, said))
        told = [documented(text, layout, "add to a line that is there", " R")[lines]] if layout == "list" else []
        told += [documented(text, layout, row, unit)[lines] for row, unit in (
            ("add to a line that is there", " W"), ("get, strong", " R"), ("get, eventual", " R"))]
        if told != wanted or differs(size, documented(text, layout, "the item, bytes")[lines]):
            problems.append("%d lines, %d bytes: the document's table says %s, and it is %s" % (lines, size, told, wanted))
    return "\n".join(problems)


def units_of_attributes(bench, server, layout):
    """With 100 bytes on each line, by the server and by the document's table."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    problems = []
    for lines in (1, 5, 20):
        said, _, size = consumed(bench, server, lines, ',"attributes":{"name":"%s"}' % ("x" * 89))
        add = "add, of a new line or to one that is there"
        told = [documented(text, layout, add, " R", True)[lines]] if layout == "list" else []
        told += [documented(text, layout, row, unit, True)[lines] for row, unit in ((add, " W"), ("get, strong", " R"))]
        if told != said[:-1] or differs(size, documented(text, layout, "the item, bytes", "", True)[lines]):
            problems.append("%d lines, %d bytes: the document says %s, the server %s" % (lines, size, told, said))
    return "\n".join(problems)


def units_of_create(bench):
    """A unit, and one more for the item of a key."""
    at = len(bench.front.calls)
    bench.ask(201, "POST", "/shopping-carts", (), '{"customer_id":5}')
    bench.ask(201, "POST", "/shopping-carts", ((KEY, "units"),), '{"customer_id":5}')
    said = [(call.operation, call.units()) for call in bench.front.calls[at:]]
    return "" if said == [("PutItem", 1)] * 3 else str(said)


def units_of_merge(bench, layout):
    """Of two carts of 20 lines, none in both: every call with its units. The last one comes after the answer."""
    paths = [bench.ask(201, "POST", "/shopping-carts", (), "{}").header("Location") for _ in range(2)]
    for number, path in enumerate(paths):
        items = [{"product_id": 123457 + 20 * number + product, "quantity": 12} for product in range(20)]
        bench.ask(204, "PUT", path + "/items", (), json.dumps({"items": items}))
    at = len(bench.front.calls)
    answer = bench.ask(200, "POST", paths[0] + "/merge", (), json.dumps({"from": paths[1].rsplit("/", 1)[1], "strategy": "add"}))
    await_that(lambda: len(bench.front.calls) >= at + 6 and bench.front.calls[-1].reply, 10, "the decision is removed")
    said = [(call.operation, call.units()) for call in bench.front.calls[at:]]
    decide, target = ("PutItem", 4) if layout == "list" else ("UpdateItem", 2)
    wanted = [("GetItem", 1), ("GetItem", 1), ("UpdateItem", 2), (decide, target), ("UpdateItem", 2), ("UpdateItem", target)]
    with open(DOCUMENT, encoding="utf-8") as file:
        told = re.search(r"(?m)^\| `%s` \| (\d+) R \+ (\d+) W" % layout, file.read())
    print("# units of a merge of two carts of 20 lines: %s" % said)
    if said != wanted or len(answer.json()["items"]) != 40:
        return "%s, not %s" % (said, wanted)
    # The server counts no indexes: from leaves the one of idle carts.
    reads, writes = (sum(units for name, units in said if (name == "GetItem") == read) for read in (True, False))
    return "" if told and (int(told.group(1)), int(told.group(2))) == (reads, writes + 1) else "the document says %s" % (told and told.group(0))


def full_of_keys(bench, server):
    """A thousand keys that are a second old: there is room when they are 2 * request.deadline + clock.skew old, 130 s."""
    path, now = bench.new_cart(1), int(time.time() * 1000)
    names = ["A" * 18 + "%04d" % number for number in range(KEYS_MAX)]
    private_dynalite.call(server.endpoint, "UpdateItem", {
        "TableName": bench.table, "Key": {"cart_id": {"S": path.rsplit("/", 1)[1]}}, "UpdateExpression": "SET op_v=:v, op_f=:f",
        "ExpressionAttributeValues": {":v": {"M": {name: {"N": "1"} for name in names}},
                                      ":f": {"M": {name: {"S": "%015d.%s" % (now, "A" * 22)} for name in names}}}})
    answer = bench.ask(503, "POST", path + "/items", ((KEY, "one-more"),), '{"product_id":1,"quantity":1}')
    seconds = int(answer.header("Retry-After"))
    return "" if 1 < seconds <= 130 else "Retry-After: %d" % seconds


# Paths in an item, of a cart with one line.
LINES = {"map": "qty", "list": "#items"}
ATTRIBUTES_OF = {"map": "added.#attributes", "list": "#items[0].#attributes"}
PLACEHOLDERS = {"map": {"#attributes": " 1"}, "list": {"#items": "items", "#attributes": "attributes"}}


def damaged(bench, server, paths, change_status):
    """A cart that somebody has changed by hand: nobody else's answer is spoilt, and nothing of it is shown as if the rest had never been."""
    path, other = bench.new_cart(1), bench.new_cart(1)
    place = paths[bench.table]
    names = {name: stands for name, stands in PLACEHOLDERS[bench.table].items() if name in place}
    private_dynalite.call(server.endpoint, "UpdateItem", {
        "TableName": bench.table, "Key": {"cart_id": {"S": path.rsplit("/", 1)[1]}}, "UpdateExpression": "SET %s = :broken" % place,
        "ExpressionAttributeValues": {":broken": {"S": "none"}}, **({"ExpressionAttributeNames": names} if names else {})})
    broken, whole = path.rsplit("/", 1)[1], other.rsplit("/", 1)[1]
    problem = bench.ask(500, "GET", path).json()
    batch = bench.ask(200, "POST", "/shopping-carts/batch-get", (), json.dumps({"ids": [broken, whole]})).json()
    listed = [cart["shopping_cart_id"] for page in ("?customer_id=%d" % (bench.made - 1), "?customer_id=%d" % bench.made)
              for cart in bench.ask(200, "GET", "/shopping-carts" + page).json()["carts"]]
    counted = [value for name, value in bench.cartd.metrics().items() if name.startswith("cart_store_damaged_total")]
    change = bench.ask(change_status, "POST", path + "/items", ((KEY, "of-damaged"),), '{"product_id":1,"quantity":1}')
    bench.ask(500, "GET", path)
    bench.ask(204, "DELETE", path)
    if change_status != 204 and broken not in change.json()["detail"]:
        return "a change says %s" % change.body
    if problem["error"] != "INTERNAL" or broken not in problem["detail"]:
        return "a GET says %s" % problem
    if [cart["shopping_cart_id"] for cart in batch["carts"]] != [whole] or batch["missing"] or batch["damaged"] != [broken]:
        return "a batch says %s" % batch
    return "" if listed == [whole] and counted[0] >= 3 else "listed: %s, counted %s" % (listed, counted)


def quiet(front, layout, **changes):
    return dict(private_dynalite.settings_for(front, layout=layout, **changes), **QUIET)


def make_table(folder, server, table):
    """By another one, so that what is counted has not made it."""
    with Cartd(folder, private_dynalite.settings_for(server, table=table), "provision-" + table):
        pass


def run_layout(tap, folder, server, layout):
    make_table(folder, server, layout)
    with DynamodbFront(server.port) as front, Cartd(folder, quiet(front, layout, table=layout), layout) as cartd:
        bench = Bench(front, cartd, layout)
        count_calls(tap, bench, layout)
        for returns_item in (False, True):
            front.rule = add_the_item(server) if returns_item else lambda call, ask: ask()
            count_read_modify_calls(tap, bench, layout, returns_item)
        tap.run("%s: a second call would be seen" % layout, one_too_many, bench)
        tap.run("%s: units of adds and gets are as the document reckons" % layout, units, bench, server, layout)
        tap.run("%s: units of a create" % layout, units_of_create, bench)
        tap.run("%s: a cart full of keys" % layout, full_of_keys, bench, server)
        tap.run("%s: units of carts with attributes are as the document says" % layout, units_of_attributes, bench, server, layout)
        tap.run("%s: a cart that is damaged" % layout, damaged, bench, server, LINES, 500)
        # An add in layout map looks at no attributes, and is made.
        tap.run("%s: a cart with attributes that are damaged" % layout, damaged, bench, server, ATTRIBUTES_OF, 204 if layout == "map" else 500)
        bench.client.close()


def run_merge(tap, folder, server, layout):
    with DynamodbFront(server.port) as front, \
            Cartd(folder, {**quiet(front, layout, table=layout), "limits.lines": "40"}, "merge-" + layout) as cartd:
        bench = Bench(front, cartd, layout)
        tap.run("%s: calls and units of a merge" % layout, units_of_merge, bench, layout)
        bench.client.close()


def run_crowd(tap, folder, server):
    make_table(folder, server, "crowd")
    with DynamodbFront(server.port) as front, \
            Cartd(folder, quiet(front, "map", table="crowd", connections="1", acquire_timeout="30s"), "crowd") as cartd:
        bench = Bench(front, cartd, "crowd")
        tap.run("%d gets at once share calls" % CROWD, shared_calls, bench)
        tap.run("gets of one cart at once ask for it once", one_cart_for_many, bench)
        bench.client.close()


def costs_of_all(folder, server, layout, feed):
    """Calls and units, by cartd's count, of every operation and of a merge."""
    table = "%s-feed-%s" % (layout, feed)
    settings = {**private_dynalite.settings_for(server, layout=layout, table=table), **private_dynalite.PATIENT, "feed": feed}
    with Cartd(folder, settings, "provision-" + table):
        pass
    with Cartd(folder, {**QUIET, **settings}, table) as cartd:
        bench = Bench(None, cartd, table)
        for _, request, prepare, *_ in operations(bench) + attribute_operations(bench):
            request(prepare())
        target, source = (bench.ask(201, "POST", "/shopping-carts", (), '{"items":[{"product_id":%d,"quantity":1}]}' % n).header("Location")
                          for n in (1, 2))
        bench.ask(200, "POST", target + "/merge", (), '{"from":"%s","strategy":"add"}' % source.rsplit("/", 1)[1])
        await_that(lambda: "merges" not in next(item for item in private_dynalite.items_of(server, table)
                                                if item["cart_id"]["S"] == target.rsplit("/", 1)[1]), 10, "the decision of the merge is removed")
        bench.client.close()
        return bench.counted(), bench.half_units()


def the_feed_costs_nothing(folder, layout):
    """On a server that has streams: the same calls, and the same units."""
    with private_dynalite.with_streams() as server:
        without, with_feed = (costs_of_all(folder, server, layout, feed) for feed in ("off", "on"))
    return "" if without == with_feed and without[1]["write"] > 0 else "without %s, with %s" % (without, with_feed)


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server() as server:
        for layout in ("map", "list"):
            run_layout(tap, folder, server, layout)
            run_merge(tap, folder, server, layout)
        run_crowd(tap, folder, server)
        for layout in ("map", "list"):
            tap.run("%s: a change costs the same with the feed" % layout, the_feed_costs_nothing, folder, layout)


if __name__ == "__main__":
    main(tests)
