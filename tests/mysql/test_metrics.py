#!/usr/bin/python3
"""What /metrics says of the MySQL backend is so: each series moves when its cause is there, and by as much. And the documents know all of them."""

import os
import re
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from metrics_watch import Watch, documented, wrong  # noqa: E402
from tap import main  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs/backends/mysql.md")
POOL = 3
CONNECTIONS = 'cart_mysql_connections{state="%s"}'
QUIET = {**private_mariadb.PATIENT, "threads": "1", "mysql.pool": str(POOL), "mysql.ping_after": "1h", "mysql.sweep_interval": "0", "mysql.lifetime": "0"}


class PoolWatch(Watch):
    """Begins once there are connections."""

    def __init__(self, server, cartd):
        super().__init__(cartd)
        self.server = server
        await_that(lambda: self.value(CONNECTIONS % "idle") >= 1, 10, "connections")


class Lock:
    """Holds a cart's row, as a slow neighbour would."""

    def __init__(self, server, path):
        self.session = server.connect()
        self.session.sql("USE cart; BEGIN; SELECT * FROM carts WHERE id = x'%s' FOR UPDATE" % path.rsplit("/", 1)[1].replace("-", ""))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.sql("ROLLBACK")
        self.session.close()


class TableLock(Lock):
    """Holds the tables, so that a connection waits: no connection waits for a row."""

    def __init__(self, server):
        self.session = server.connect()
        self.session.sql("USE cart; LOCK TABLES carts WRITE, cart_items WRITE, idempotency_keys WRITE")

    def __exit__(self, *_):
        self.session.close()


def the_pool(watch):
    await_that(lambda: watch.value(CONNECTIONS % "idle") == POOL, 10, "every connection is idle")
    path = watch.new_cart()
    done = []
    with TableLock(watch.server):
        other = threading.Thread(target=lambda: done.append(watch.add(path, watch.cartd.client())))
        other.start()
        await_that(lambda: watch.value(CONNECTIONS % "in_use") == 1 and watch.value(CONNECTIONS % "idle") == POOL - 1, 5,
                   "one connection is in use")
    other.join()
    await_that(lambda: watch.value(CONNECTIONS % "in_use") == 0 and watch.value(CONNECTIONS % "idle") == POOL, 5, "it is idle again")
    return "" if done == [204] else "the add that waited: %s" % done


def statements(watch):
    """As many as the server has counted, in one transaction."""
    path = watch.new_cart()
    session = watch.server.connect()

    def questions():
        return int(session.sql("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])

    prefix = 'cart_mysql_statements_total{kind="%s"}'
    before = questions()
    kinds = watch.moved(lambda: watch.add(path), "cart_mysql_statements_total")
    counted = questions() - before - 1  # the question itself
    session.close()
    if sum(kinds.values()) != counted or {kinds.get(prefix % kind) for kind in ("begin", "carts", "items", "commit")} != {1}:
        return "moved: %s; the server counted %d" % (kinds, counted)
    return wrong(watch.moved(lambda: watch.client.ask("GET", path), "cart_mysql_statements_total"), {prefix % "select": 1})


def batches(watch):
    path = watch.new_cart()
    problem = wrong(watch.moved(lambda: watch.add(path), "cart_mysql_batches_total"), {'cart_mysql_batches_total{kind="write",ops="1"}': 1}) or \
        wrong(watch.moved(lambda: watch.client.ask("GET", path), "cart_mysql_batches_total"), {'cart_mysql_batches_total{kind="read",ops="1"}': 1})
    body = '{"ids":[%s]}' % ",".join(['"%s"' % path.rsplit("/", 1)[1]] * 100)
    moved = watch.moved(lambda: watch.client.ask("POST", "/shopping-carts/batch-get", (), body), "cart_mysql_batches_total")
    many = [name for name in moved if int(re.search(r'ops="(\d+)', name).group(1)) >= 8]
    return problem or ("" if many else "100 gets at once were no batch: %s" % moved)


def read_modify(watch):
    path = watch.new_cart()
    return wrong(watch.moved(lambda: watch.client.ask("POST", path + "/checkout"), "cart_mysql_read_modify"), {"cart_mysql_read_modify_writes_total": 1}) or \
        wrong(watch.moved(lambda: watch.add(path), "cart_mysql_read_modify"), {})


def lock_timeouts(watch):
    """A neighbour that keeps a row for longer than mysql.lock_timeout: tried again, and done once it lets go."""
    path = watch.new_cart()
    done = []
    name = 'cart_mysql_retries_total{cause="lock_timeout"}'
    before = watch.value(name)
    with Lock(watch.server, path):
        other = threading.Thread(target=lambda: done.append(watch.add(path, watch.cartd.client())))
        other.start()
        await_that(lambda: watch.value(name) > before, 10, "a retry for a lock")
    other.join()
    return "" if done == [204] else "the add that waited: %s" % done


def reconnects(watch):
    """Every connection is killed: replaced, counted, and nobody's read fails."""
    path = watch.new_cart()
    await_that(lambda: watch.value(CONNECTIONS % "idle") == POOL, 10, "every connection is idle")

    def kill():
        watch.server.sql("KILL USER cart")
        await_that(lambda: watch.value(CONNECTIONS % "idle") == POOL and
                   watch.value("cart_mysql_connections_opened_total") >= opened + POOL, 10, "all are there again")

    opened = watch.value("cart_mysql_connections_opened_total")
    moved = watch.moved(kill, "cart_mysql_connections_")
    status = watch.client.ask("GET", path).status
    return ("" if status == 200 else "a read afterwards: %d" % status) or \
        wrong(moved, {'cart_mysql_connections_closed_total{cause="broken"}': POOL, "cart_mysql_connections_opened_total": POOL})


def version(watch):
    said = watch.server.variable("version")
    major, minor, patch = [int(part) for part in re.match(r"(\d+)\.(\d+)\.(\d+)", said).groups()]
    found = watch.value("cart_mysql_server_version")
    return "" if found == major * 10000 + minor * 100 + patch else "%g for %s" % (found, said)


def durability(watch):
    """What a crash may lose is the server's to say."""
    wrong = []
    for name in ("innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin"):
        said, found = watch.server.variable(name), watch.value("cart_mysql_" + name)
        if found != float({"ON": 1, "OFF": 0}.get(said, said)):
            wrong.append("%s: %g for %s" % (name, found, said))
    return ", ".join(wrong)


def the_server_goes(watch):
    """A breaker opens, and closes when the server is back."""
    failures = watch.value("cart_mysql_connect_failures")
    watch.server.kill()
    await_that(lambda: watch.value("cart_mysql_breakers_open") == 1 and watch.value("cart_mysql_connect_failures") > failures, 10,
               "the host's breaker is open")
    gone = watch.value(CONNECTIONS % "idle") + watch.value(CONNECTIONS % "in_use")
    watch.server.start()
    await_that(lambda: watch.value("cart_mysql_breakers_open") == 0 and watch.value(CONNECTIONS % "idle") == POOL, 10, "it is closed")
    return "" if gone == 0 else "%d connections to a server that is gone" % gone


def waiting(folder, server):
    """One connection, and it is busy: who waits is counted, and refused in time."""
    settings = {**private_mariadb.PATIENT, **private_mariadb.settings_for(server, pool="1", acquire_timeout="3s", lock_timeout="20s"), "threads": "1",
                "mysql.sweep_interval": "0"}
    with Cartd(folder, settings, "waiting") as cartd:
        watch = PoolWatch(server, cartd)
        held, free = watch.new_cart(), [watch.new_cart() for _ in range(3)]
        name = "cart_mysql_acquire_timeouts_total"
        before, answers, seen = watch.value(name), [], []
        clients = [cartd.client() for _ in range(4)]
        with TableLock(server):
            clients[0].send("POST", held + "/items", (), '{"product_id":1,"quantity":1}')
            await_that(lambda: watch.value(CONNECTIONS % "in_use") >= 1, 5, "the connection is in use")
            for client, cart in zip(clients[1:], free):
                client.send("POST", cart + "/items", (), '{"product_id":1,"quantity":1}')
            await_that(lambda: seen.append(watch.value("cart_mysql_waiting")) or watch.value(name) >= before + 3, 20, "three are refused")
            answers = [client.receive() for client in clients[1:]]
        last = clients[0].receive().status
        for client in clients:
            client.close()
        watch.close()
        statuses = {(answer.status, answer.header("Retry-After") is not None) for answer in answers}
        if statuses != {(503, True)} or last != 204:
            return "answers %s, and %d for the one that held the connection" % (statuses, last)
        return "" if max(seen) >= 1 else "nobody was seen waiting"


def pings(folder, server):
    settings = dict(private_mariadb.settings_for(server, pool="2", ping_after="200ms", lifetime="1s"), **private_mariadb.PATIENT, threads="1")
    with Cartd(folder, settings, "pings") as cartd:
        watch = PoolWatch(server, cartd)
        await_that(lambda: watch.value("cart_mysql_pings_total") >= 3, 10, "pings of idle connections")
        await_that(lambda: watch.value('cart_mysql_connections_closed_total{cause="age"}') >= 2, 10, "old connections are replaced")
        problem = "" if watch.client.ask("GET", watch.new_cart()).status == 200 else "a read fails"
        watch.close()
        return problem


def tests(tap):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True) as server:
        with Cartd(folder, dict(private_mariadb.settings_for(server), **QUIET)) as cartd:
            watch = PoolWatch(server, cartd)
            for name, function in (("connections in use and idle", the_pool), ("statements by kind", statements), ("batches by size", batches),
                                   ("writes that read their carts first", read_modify), ("retries for a lock", lock_timeouts),
                                   ("connections that broke and were replaced", reconnects), ("the server's version", version), ("what a crash may lose", durability),
                                   ("a server that goes and comes", the_server_goes)):
                tap.run(name, function, watch)
            watch.close()
            tap.run("the document explains every series, and no other", documented, cartd, "cart_mysql_", DOCUMENT)
        tap.run("who waits for a connection, and who has waited too long", waiting, folder, server)
        tap.run("pings of idle connections, and the end of old ones", pings, folder, server)


if __name__ == "__main__":
    main(tests)
