#!/usr/bin/python3
"""What an operation costs: round trips, counted by a proxy that reads the protocol, and statements, counted by the server itself.

While no other client uses the same carts, a read, a create, an add or a checkout that succeeds is exactly one round trip, and any other
change two. The connections are set up before the count begins; pings, sweeps and the age limit of connections are switched off, so that
every command that is counted belongs to the operation.
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from counting_proxy import CountingProxy  # noqa: E402
from operations import Asker, read_modify_operations, operations  # noqa: E402
from tap import main  # noqa: E402

REPEATS = 8
CROWD = 64
POOL = 2
LINES = 40
# What reads its cart before it writes.
TWO_TRIPS = {"add at a version", "set", "set of a new line", "set to 0", "set with a key", "remove", "clear", "delete"}
QUIET = {**private_mariadb.PATIENT, "threads": "1", "mysql.pool": str(POOL), "mysql.ping_after": "1h", "mysql.lifetime": "0", "mysql.sweep_interval": "0",
         "limits.lines": str(LINES), "provision": "off"}


def at_least(statements):
    """Of a text, the statements that the server runs even if the write is refused: the one that fails ends the text."""
    asserted = [at for at, statement in enumerate(statements) if "ROW_COUNT()" in statement]
    return statements[:asserted[0] + 1] if asserted else statements


class Bench(Asker):
    def __init__(self, server, proxy, cartd):
        super().__init__(cartd)
        self.session = server.connect()
        self.proxy = proxy
        self.most_lines = LINES

    def status(self):
        return {name: int(value) for name, value in self.session.sql(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_begin', 'Com_commit', 'Com_rollback')")}

    def is_quiet(self):
        """An operation may be answered before its transaction is rolled back."""
        last = {command.connection: command.statements() for command in self.proxy.commands if command.name == "QUERY"}
        return not any("START TRANSACTION" in statements and statements[-1] not in ("COMMIT", "ROLLBACK") for statements in last.values())

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
        least = sum(len(at_least(command.statements())) for commands in taken for command in commands)
        until, asked = time.monotonic() + 5, 0
        while True:
            # The server may still be at the ROLLBACK that the proxy has passed on. Asking for the status is counted too.
            after, asked = self.status(), asked + 1
            counted = {name: after[name] - between[name] - asked * (between[name] - before[name]) for name in after}
            ended = counted["Com_begin"] == counted["Com_commit"] + counted["Com_rollback"]
            if (counted["Questions"] >= least and ended) or time.monotonic() > until:
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
        least = sum(len(at_least(command.statements())) for commands in taken for command in commands) if trips[0] != trips[1] else sum(statements)
        if not least <= counted["Questions"] <= sum(statements):
            problems.append("the proxy has seen %d statements, the server %d" % (sum(statements), counted["Questions"]))
        # One transaction an operation: between START TRANSACTION and COMMIT, or a statement that is one by itself.
        wanted = len(taken) if writes and trips[0] == trips[1] and set(statements) != {1} else 0 if not writes else counted["Com_commit"]
        if counted["Com_commit"] != wanted or counted["Com_begin"] != counted["Com_commit"] + counted["Com_rollback"]:
            problems.append("%s for %d operations" % (counted, len(taken)))
        print("# %-34s %s round trips, %.1f statements" % (name, "/".join(sorted({str(len(commands)) for commands in taken})),
                                                           sum(statements) / len(taken)))
        return "\n".join(problems[:3])


def shared_round_trips(bench, cartd):
    """Many at once wait for a connection, and those that wait go together, also where one of them repeats what was done."""
    key, add = [("Idempotency-Key", "crowd")], '{"product_id":1,"quantity":1}'
    paths = [bench.new_cart() for _ in range(CROWD)]
    clients = [cartd.client() for _ in paths]
    lines = []
    try:
        for name, method, after, headers, body, status in (("adds", "POST", "/items", (), add, 204),
                                                           ("adds and one replay", "POST", "/items", key, add, 204),
                                                           ("gets", "GET", "", (), None, 200)):
            for client, path in zip(clients, paths):  # connects
                client.ask("GET", "/livez")
            if headers:
                bench.ask(status, method, paths[CROWD // 2] + after, headers, body)
            at = len(bench.proxy.commands)
            for client, path in zip(clients, paths):
                client.send(method, path + after, headers, body)
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


def merge(bench, strategy):
    """Of two carts of 20 lines, half of which are in both."""
    def guest(first):
        items = ",".join('{"product_id":%d,"quantity":2}' % product for product in range(first, first + 20))
        return bench.ask(201, "POST", "/shopping-carts", (), '{"items":[%s]}' % items).header("Location")

    def prepare():
        return guest(1), guest(11)

    def request(carts):
        bench.ask(200, "POST", carts[0] + "/merge", (), '{"from":"%s","strategy":"%s"}' % (carts[1].rsplit("/", 1)[1], strategy))
    return request, prepare


def with_attributes(bench):
    """Changes of lines with attributes: name, the request, what makes a path ready, round trips."""
    def line(product):
        return '{"product_id":%d,"quantity":1,"attributes":{"size":"L","colour":"blue"}}' % product

    def cart():
        path = bench.new_cart()
        bench.ask(204, "POST", path + "/items", (), line(1))
        return path

    def add(product):
        return lambda path: bench.ask(204, "POST", path + "/items", (), line(product))

    return [
        ("add of a line with attributes", add(9), cart, 1),
        ("add to a line that gives it attributes", add(2), cart, 1),
        ("add to a line that has these attributes", add(1), cart, 1),
        ("set of a line with attributes", lambda path: bench.ask(204, "PUT", path + "/items/2", (), '{"quantity":4,"attributes":{"a":1}}'), cart, 2),
        ("get of a cart with attributes", lambda path: bench.ask(200, "GET", path), cart, 1),
    ]


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
            if name in TWO_TRIPS:
                tap.run("two round trips: " + name, bench.cost, name, request, prepare, (2, 2), writes)
            else:
                tap.run("one round trip: " + name, bench.cost, name, request, prepare, (1, 1), writes)
        for name, request, prepare, trips in with_attributes(bench):
            tap.run("%s: %s" % (("one round trip", "two round trips")[trips - 1], name), bench.cost, name, request, prepare, (trips, trips),
                    not name.startswith("get"))
        for strategy in ("add", "max", "keep"):
            request, prepare = merge(bench, strategy)
            tap.run("one round trip: merge of two carts of 20 lines, " + strategy, bench.cost, "merge, " + strategy, request, prepare, (1, 1), True)
        for name, request, prepare in read_modify_operations(bench):
            tap.run("at most three round trips: " + name, bench.cost, name, request, prepare, (1, 3))
        tap.run("%d at once share round trips" % CROWD, shared_round_trips, bench, cartd)
        tap.run("a second round trip would be seen", the_count_can_fail, bench)
        bench.client.close()


def tests(tap):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True) as server:
        run(tap, folder, server)


if __name__ == "__main__":
    main(tests)
