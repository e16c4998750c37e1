#!/usr/bin/python3
"""One table, two layouts: what one has written the other reads and changes, key for key; and a table lists the same whatever its index holds.

Two cartd on the same table, one a layout, are asked in turn; a third on SQLite says what the answers should be.
"""

import os
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
import script  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from same_answers import Kind, Services, sqlite  # noqa: E402
from tap import main  # noqa: E402

LAYOUTS = ("map", "list")
REQUESTS = 600
LIMITS = {**private_dynalite.PATIENT, "limits.lines": "8", "limits.quantity": "500"}
CART = '{"customer_id":%d}'
ITEM = '{"product_id":%d,"quantity":1}'
CLIENTS, ADDS = 8, 20
MANY = '{"items":[{"product_id":1,"quantity":2},{"product_id":7,"quantity":1}]}'
# Each change of the API to a cart of two lines: name, method, what follows the cart's path, body, status.
CHANGES = [("add to a line", "POST", "/items", ITEM % 1, 204), ("add of a line", "POST", "/items", ITEM % 9, 204),
           ("add of two", "POST", "/items", MANY, 204), ("set", "PUT", "/items/1", '{"quantity":5}', 204),
           ("set of a new line", "PUT", "/items/9", '{"quantity":5}', 204), ("set to 0", "PUT", "/items/1", '{"quantity":0}', 204),
           ("remove", "DELETE", "/items/2", None, 204), ("remove of what is not there", "DELETE", "/items/9", None, 404),
           ("clear", "DELETE", "/items", None, 204), ("checkout", "POST", "/checkout", None, 200), ("delete", "DELETE", "", None, 204)]


class Pair:
    """A cartd of each layout on one table, which the first makes."""

    def __init__(self, folder, server, table, **changes):
        self.server = server
        self.table = table
        self.cartds = {}
        for layout in LAYOUTS:
            settings = private_dynalite.settings_for(server, table=table, layout=layout, **changes)
            self.cartds[layout] = Cartd(folder, {**private_dynalite.PATIENT, **settings, "threads": "1"}, "%s-%s" % (table, layout))
        self.clients = {layout: cartd.client() for layout, cartd in self.cartds.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients.values():
            client.close()
        for cartd in self.cartds.values():
            if cartd.end_problem():
                raise AssertionError(cartd.end_problem())

    def ask(self, layout, want, method, target, headers=(), body=None):
        answer = self.clients[layout].ask(method, target, headers, body)
        assert answer.status == want, "%s: %s %s: %d, not %d: %s" % (layout, method, target, answer.status, want, answer.body)
        return answer

    def item(self, path):
        key = {"cart_id": {"S": path.rsplit("/", 1)[1]}}
        return private_dynalite.call(self.server.endpoint, "GetItem", {"TableName": self.table, "Key": key, "ConsistentRead": True})["Item"]

    def layout_of(self, path):
        item = self.item(path)
        assert ("qty" in item) != ("items" in item), "an item of both layouts, or of none: %s" % item
        return "map" if "qty" in item else "list"


def changed_by_the_other(pair, first, second):
    """Each change, done by the second layout to a cart of the first's; both read the same then."""
    problems = []
    for name, method, after, body, status in CHANGES:
        path = pair.ask(first, 201, "POST", "/shopping-carts", (), CART % 1).header("Location")
        for product in (1, 2):
            pair.ask(first, 204, "POST", path + "/items", (("Idempotency-Key", "made%d" % product),), ITEM % product)
        if pair.layout_of(path) != first:
            problems.append("%s: made in layout %s" % (name, pair.layout_of(path)))
        pair.ask(second, status, method, path + after, (), body)
        # A key of one layout is a key of the other: the add is not done again.
        if status == 204 and after:
            pair.ask(second, 204, "POST", path + "/items", (("Idempotency-Key", "made1"),), ITEM % 1)
        seen = [(answer.status, answer.body, answer.header("ETag")) for answer in [pair.clients[layout].ask("GET", path) for layout in LAYOUTS]]
        if seen[0] != seen[1] or seen[0][0] != (404 if name == "delete" else 200):
            problems.append("%s: one reads %s, the other %s" % (name, *seen))
    return "\n".join(problems)


def items_move(pair):
    """The first change that is decided by a look leaves the item in the layout of who made it: no migration."""
    problems = []
    for first, second in (LAYOUTS, LAYOUTS[::-1]):
        path = pair.ask(first, 201, "POST", "/shopping-carts", (), CART % 2).header("Location")
        pair.ask(first, 204, "POST", path + "/items", (), ITEM % 1)
        for _ in range(2):
            pair.ask(second, 204, "POST", path + "/items", (), ITEM % 1)
        pair.ask(second, 204, "PUT", path + "/items/1", (), '{"quantity":9}')
        if pair.layout_of(path) != second or pair.ask(first, 200, "GET", path).json()["items"][0]["quantity"] != 9:
            problems.append("of %s, changed by %s: %s" % (first, second, pair.item(path)))
    return "\n".join(problems)


def alternately(folder, server):
    """Requests by chance, each to one of the two at random, are answered as SQLite answers them."""
    seed = int(os.environ.get("CART_SEED", time.time_ns() // 1000 % 10 ** 9))
    with Services([sqlite(), Kind("dynamodb", lambda _folder, name: private_dynalite.settings_for(server, table=name, layout="map"))],
                  folder, LIMITS, "alternate") as services, \
            Cartd(folder, {**LIMITS, **private_dynalite.settings_for(server, table="alternate", layout="list")}, "alternate-list") as other:
        side = services.sides[1]
        cartds = [side.cartd, other]
        clients = [cartd.client() for cartd in cartds]
        choice, asked = random.Random(seed), [0, 0]
        chance = script.Random(seed, "a", [1, 2])
        problem = ""
        for step in chance.steps(REQUESTS):
            turn = choice.randrange(2)
            asked[turn] += 1
            side.clients = [clients[turn]]
            problem = problem or services.compare([step])
        problem = problem or services.compare(chance.review())
        for client in clients:
            client.close()
        side.clients = []
        print("# CART_SEED=%d, %s requests of layout %s: %s" % (seed, asked, LAYOUTS, services.seen))
    return problem


def at_once(pair):
    """Both add to one cart, many at a time: every add that was answered with 204 is there, and its version is one of its own."""
    path = pair.ask("map", 201, "POST", "/shopping-carts", (), CART % 3).header("Location")
    statuses = []

    def add(layout):
        with pair.cartds[layout].client() as client:
            for _ in range(ADDS):
                statuses.append((layout, client.ask("POST", path + "/items", (), ITEM % 1).status))

    threads = [threading.Thread(target=add, args=(LAYOUTS[number % 2],)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = {layout: statuses.count((layout, 204)) for layout in LAYOUTS}
    cart = pair.ask("list", 200, "GET", path).json()
    found = (cart["items"][0]["quantity"], cart["version"] - 1)
    print("# adds done: %s of %d" % (done, len(statuses)))
    wanted = sum(done.values())
    return "" if found == (wanted, wanted) and all(done.values()) and {status for _, status in statuses} <= {204, 503} else \
        "quantity and changes %s, adds that were done: %s, answers: %s" % (found, done, set(statuses))


def everything_listed(pair, layout):
    """All that lists say, page by page, of both kinds; a list of bodies."""
    found = []
    for query in ("customer_id=11", "customer_id=11&status=open", "customer_id=11&status=checked_out", "customer_id=12",
                  "idle_since=2100-01-01T00:00:00Z", "customer_id=13"):
        cursor = ""
        while cursor is not None:
            page = pair.ask(layout, 200, "GET", "/shopping-carts?%s&limit=3%s" % (query, cursor and "&cursor=" + cursor)).json()
            cursor = page.pop("next_cursor", None)
            found.append((query, cursor, page))
    return found


def copy(server, source, target):
    """All items of one table into another."""
    for item in private_dynalite.call(server.endpoint, "Scan", {"TableName": source})["Items"]:
        private_dynalite.call(server.endpoint, "PutItem", {"TableName": target, "Item": item})


def listed_alike(folder, server):
    """The same items in a table whose index holds keys and in one whose index holds everything, by either layout and setting."""
    with Pair(folder, server, "listed-keys", projection="keys") as keys, Pair(folder, server, "listed-all", projection="all") as full:
        for number in range(14):
            layout = LAYOUTS[number % 2]
            path = keys.ask(layout, 201, "POST", "/shopping-carts", (), CART % (11 + number // 10)).header("Location")
            for product in range(number % 4):
                keys.ask(layout, 204, "POST", path + "/items", (), ITEM % (product + 1))
            if number % 4 == 3:
                keys.ask(layout, 200, "POST", path + "/checkout")
            elif number % 7 == 6:
                keys.ask(layout, 204, "DELETE", path)
        copy(server, "listed-keys", "listed-all")
        seen = {(pair.table, layout): everything_listed(pair, layout) for pair in (keys, full) for layout in LAYOUTS}
        first = seen["listed-keys", "map"]
        if len(first) < 10 or not any(page for _, _, page in first):
            return "too little was listed: %s" % first
        problem = "\n".join("%s lists %s" % (who, pages) for who, pages in seen.items() if pages != first)
    other = private_dynalite.settings_for(server, table="listed-all", projection="keys")
    with Cartd(folder, {**other, "threads": "1"}, "other-setting") as cartd, cartd.client() as client:
        await_that(lambda: client.ask("GET", "/readyz").status == 200, 10, "it is ready")
        said = client.ask("GET", "/shopping-carts?customer_id=11&limit=3").json()
        said.pop("next_cursor", None)
    return problem + ("" if said == first[0][2] else "with the other setting: %s" % said)


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server() as server:
        with Pair(folder, server, "shared") as pair:
            for first, second in (LAYOUTS, LAYOUTS[::-1]):
                tap.run("carts of layout %s are read and changed by %s" % (first, second), changed_by_the_other, pair, first, second)
            tap.run("items move from layout to layout by themselves", items_move, pair)
            tap.run("adds of both layouts at once", at_once, pair)
        tap.run("the same answers from both in turn: %d requests by chance" % REQUESTS, alternately, folder, server)
        tap.run("tables list the same, with keys in the index and with everything", listed_alike, folder, server)


if __name__ == "__main__":
    main(tests)
