#!/usr/bin/python3
"""What an operation costs: round trips, counted by a proxy that reads the protocol, and statements, counted by the server itself.

With nobody else at the same carts every operation that succeeds is exactly one round trip. The connections' set-up comes before the count;
pings, sweeps and connections that grow old are switched off, so that whatever is counted is the operation's own.
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from counting_proxy import CountingProxy  # noqa: E402
from tap import main  # noqa: E402

REPEATS = 8
CROWD = 64
POOL = 2
QUIET = {"threads": "1", "mysql.pool": str(POOL), "mysql.ping_after": "1h", "mysql.lifetime": "0", "mysql.sweep_interval": "0",
         "limits.lines": "20", "provision": "off"}
KEY = "Idempotency-Key"
PREFER = ("Prefer", "return=representation")


class Bench:
    def __init__(self, server, proxy, cartd):
        self.session = server.connect()
        self.proxy = proxy
        self.client = cartd.client()
        self.made = 0
        self.table = []

    def ask(self, want, method, target, headers=(), body=None):
        answer = self.client.ask(method, target, headers, body)
        if answer.status != want:
            raise AssertionError("%s %s: %d, not %d: %s" % (method, target, answer.status, want, answer.body.decode()))
        return answer

    def new_cart(self, lines=2):
        self.made += 1
        answer = self.ask(201, "POST", "/shopping-carts", (), '{"customer_id":%d}' % self.made)
        path = answer.header("Location")
        for product in range(1, lines + 1):
            self.ask(204, "POST", path + "/items", (), '{"product_id":%d,"quantity":2}' % product)
        return path

    def status(self):
        return {name: int(value) for name, value in self.session.sql(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_begin', 'Com_commit', 'Com_rollback')")}

    def is_quiet(self):
        """An operation may be answered before its transaction is rolled back."""
        last = {command.connection: command.statements() for command in self.proxy.commands if command.name == "QUERY"}
        return not any(statements[0] == "START TRANSACTION" and statements[-1] not in ("COMMIT", "ROLLBACK") for statements in last.values())

    def measure(self, request, prepare, repeats=REPEATS):
        """Commands and statements that each repeat took, and what the server counted for all of them."""
        given = [prepare() for _ in range(repeats)]
        before, between = self.status(), self.status()
        taken = []
        for argument in given:
            at = len(self.proxy.commands)
            request(argument)
            await_that(self.is_quiet, 5, "every transaction has ended")
            taken.append(self.proxy.commands[at:])
        sent = sum(len(command.statements()) for commands in taken for command in commands)
        until, asked = time.monotonic() + 5, 0
        while True:
            # The server may still be at the ROLLBACK that the proxy has passed on. Asking for the status is counted too.
            after, asked = self.status(), asked + 1
            counted = {name: after[name] - between[name] - asked * (between[name] - before[name]) for name in after}
            if counted["Questions"] >= sent or time.monotonic() > until:
                return taken, counted

    def cost(self, name, request, prepare, trips=(1, 1), writes=True):
        """What is wrong with the cost of an operation, as text. trips: at least, at most."""
        taken, counted = self.measure(request, prepare)
        problems = []
        for commands in taken:
            if not trips[0] <= len(commands) <= trips[1]:
                problems.append("%d round trips:\n%s" % (len(commands), "\n".join(map(str, commands))))
            problems += ["not a query: " + str(command) for command in commands if command.name != "QUERY"]
        statements = [len(command.statements()) for commands in taken for command in commands]
        if counted["Questions"] != sum(statements):
            problems.append("the proxy has seen %d statements, the server %d" % (sum(statements), counted["Questions"]))
        # One transaction an operation: between START TRANSACTION and COMMIT, or a statement that is one by itself.
        wanted = len(taken) if writes and trips == (1, 1) and set(statements) != {1} else 0 if not writes else counted["Com_commit"]
        if counted["Com_commit"] != wanted or counted["Com_begin"] != counted["Com_commit"] + counted["Com_rollback"]:
            problems.append("%s for %d operations" % (counted, len(taken)))
        print("# %-34s %s round trips, %.1f statements" % (name, "/".join(sorted({str(len(commands)) for commands in taken})),
                                                           sum(statements) / len(taken)))
        return "\n".join(problems[:3])


def operations(bench):
    """Name, the request, what is made ready for each repeat, whether it writes; one round trip each."""
    def ask(want, method, after="", headers=(), body=None):
        return lambda path: bench.ask(want, method, path + after, headers, body)

    def keyed(want, method, after="", body=None):
        def request(path):
            bench.made += 1
            return bench.ask(want, method, path + after, ((KEY, "k%d" % bench.made),), body)
        return request

    cart, empty, listed = bench.new_cart, lambda: bench.new_cart(0), lambda: "/shopping-carts"
    missing = lambda: "/shopping-carts/00000000-0000-4000-8000-000000000001"
    item, two, quantity = '{"product_id":1,"quantity":1}', '{"items":[{"product_id":1,"quantity":1},{"product_id":9,"quantity":1}]}', \
        '{"quantity":7}'
    return [
        ("get", ask(200, "GET"), cart, False),
        ("get, eventual", ask(200, "GET", "?consistency=eventual"), cart, False),
        ("get of a cart without lines", ask(200, "GET"), empty, False),
        ("get of no cart", ask(404, "GET"), missing, False),
        ("get, not modified", ask(304, "GET", "", (("If-None-Match", '"3"'),)), cart, False),
        ("list of a customer", ask(200, "GET", "?customer_id=1"), listed, False),
        ("list of idle carts", ask(200, "GET", "?idle_since=2100-01-01T00:00:00Z"), listed, False),
        ("create", ask(201, "POST", "", (), '{"customer_id":77}'), listed, True),
        ("create with a key", keyed(201, "POST", "", '{"customer_id":77}'), listed, True),
        ("add to a line", ask(204, "POST", "/items", (), item), cart, True),
        ("add of a line", ask(204, "POST", "/items", (), '{"product_id":99,"quantity":1}'), cart, True),
        ("add of two lines", ask(204, "POST", "/items", (), two), cart, True),
        ("add with a key", keyed(204, "POST", "/items", item), cart, True),
        ("add at a version", ask(204, "POST", "/items", (("If-Match", '"3"'),), item), cart, True),
        ("add, answered with the cart", ask(200, "POST", "/items", (PREFER,), item), cart, True),
        ("set", ask(204, "PUT", "/items/1", (), quantity), cart, True),
        ("set of a new line", ask(204, "PUT", "/items/5", (), quantity), cart, True),
        ("set to 0", ask(204, "PUT", "/items/1", (), '{"quantity":0}'), cart, True),
        ("set with a key", keyed(204, "PUT", "/items/1", quantity), cart, True),
        ("remove", ask(204, "DELETE", "/items/1"), cart, True),
        ("clear", ask(204, "DELETE", "/items"), cart, True),
        ("checkout", ask(200, "POST", "/checkout"), cart, True),
        ("checkout with a key", keyed(200, "POST", "/checkout"), cart, True),
        ("checkout, answered with the cart", ask(200, "POST", "/checkout", (PREFER,)), cart, True),
        ("delete", ask(204, "DELETE"), cart, True),
    ]


def careful_operations(bench):
    """What the one text cannot decide is looked at and done again: at most three round trips."""
    def closed():
        path = bench.new_cart()
        bench.ask(200, "POST", path + "/checkout")
        return path

    def used():
        path = bench.new_cart()
        bench.ask(204, "POST", path + "/items", ((KEY, "used"),), '{"product_id":1,"quantity":1}')
        return path

    return [
        ("replay of a key", lambda path: bench.ask(204, "POST", path + "/items", ((KEY, "used"),), '{"product_id":1,"quantity":1}'), used),
        ("key of another request", lambda path: bench.ask(422, "POST", path + "/items", ((KEY, "used"),), '{"product_id":2,"quantity":1}'),
         used),
        ("set of what is there", lambda path: bench.ask(204, "PUT", path + "/items/1", (), '{"quantity":2}'), bench.new_cart),
        ("remove of what is not there", lambda path: bench.ask(404, "DELETE", path + "/items/99"), bench.new_cart),
        ("clear of an empty cart", lambda path: bench.ask(204, "DELETE", path + "/items"), lambda: bench.new_cart(0)),
        ("checkout of an empty cart", lambda path: bench.ask(409, "POST", path + "/checkout"), lambda: bench.new_cart(0)),
        ("add beyond a limit", lambda path: bench.ask(422, "POST", path + "/items", (), '{"product_id":99,"quantity":1}'),
         lambda: bench.new_cart(20)),
        ("change of no cart", lambda path: bench.ask(404, "POST", path + "/items", (), '{"product_id":1,"quantity":1}'),
         lambda: "/shopping-carts/00000000-0000-4000-8000-000000000001"),
        ("change at another version", lambda path: bench.ask(412, "POST", path + "/items", (("If-Match", '"77"'),),
                                                             '{"product_id":1,"quantity":1}'), bench.new_cart),
        ("change of a cart that is closed", lambda path: bench.ask(409, "POST", path + "/items", (), '{"product_id":1,"quantity":1}'), closed),
    ]


def shared_round_trips(bench, cartd):
    """Many at once wait for a connection, and those that wait go together."""
    paths = [bench.new_cart() for _ in range(CROWD)]
    clients = [cartd.client() for _ in paths]
    lines = []
    try:
        for name, method, after, body, status in (("adds", "POST", "/items", '{"product_id":1,"quantity":1}', 204),
                                                  ("gets", "GET", "", None, 200)):
            for client, path in zip(clients, paths):  # connects
                client.ask("GET", "/livez")
            at = len(bench.proxy.commands)
            for client, path in zip(clients, paths):
                client.send(method, path + after, (), body)
            answers = [client.receive(method) for client in clients]
            trips = len(bench.proxy.commands) - at
            print("# %d %s at once: %d round trips" % (CROWD, name, trips))
            if any(answer.status != status for answer in answers):
                lines.append("%s: %s" % (name, {answer.status for answer in answers}))
            if not 1 <= trips <= CROWD // 4:
                lines.append("%d %s took %d round trips" % (CROWD, name, trips))
    finally:
        for client in clients:
            client.close()
    return "\n".join(lines)


def the_count_can_fail(bench):
    """Two operations for one, and the check says so."""
    def twice(path):
        bench.ask(200, "GET", path)
        bench.ask(200, "GET", path)
    return "" if "2 round trips" in bench.cost("(two gets counted as one)", twice, bench.new_cart, writes=False) else \
        "two round trips passed for one"


def pool_is_open(cartd):
    metrics = cartd.metrics()
    idle = [value for name, value in metrics.items() if name.startswith("cart_mysql_") and "idle" in name]
    return sum(idle) >= POOL


def run(tap, folder, server):
    # The schema is made by another one, so that what is counted has not made it.
    with Cartd(folder, private_mariadb.settings_for(server), "provision"):
        pass
    with CountingProxy(server.port) as proxy, \
            Cartd(folder, dict(private_mariadb.settings_for(server, port=proxy.port), **QUIET)) as cartd:
        await_that(lambda: pool_is_open(cartd), 10, "the pool is open")
        bench = Bench(server, proxy, cartd)
        for name, request, prepare, writes in operations(bench):
            tap.run("one round trip: " + name, bench.cost, name, request, prepare, (1, 1), writes)
        for name, request, prepare in careful_operations(bench):
            tap.run("at most three round trips: " + name, bench.cost, name, request, prepare, (1, 3))
        tap.run("%d at once share round trips" % CROWD, shared_round_trips, bench, cartd)
        tap.run("a second round trip would be seen", the_count_can_fail, bench)
        bench.client.close()


def tests(tap):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True) as server:
        run(tap, folder, server)


if __name__ == "__main__":
    main(tests)
