#!/usr/bin/python3
"""Fewer connections to the database than cartd has loops: every loop is served all the same, and so are the sweeper, provisioning and probes."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from cartd import PROGRAM, Cartd, await_that  # noqa: E402
from http_client import Client  # noqa: E402
from private_mariadb import Session, server, settings_for  # noqa: E402

CARTBENCH = os.path.join(os.path.dirname(PROGRAM), "cartbench")
LOOPS = 8
CLIENTS = 64  # the kernel spreads them, so that very likely each loop has some
ROOM, OTHERS = 11, 8  # connections of the server, and those of somebody else
ACQUIRE = "5s"  # so that a busy machine alone refuses nobody; a loop without a connection would still show
CUSTOMER = 987654  # nobody of the load
ADD = '{"product_id":1,"quantity":1}'


def narrow(database, connections, **changes):
    """Settings of a user who may have so few connections."""
    database.sql("CREATE OR REPLACE USER narrow IDENTIFIED BY 'narrow' WITH MAX_USER_CONNECTIONS %d" % connections)
    database.sql("GRANT ALL ON cart.* TO narrow")
    return {**settings_for(database, user="narrow", password="narrow", acquire_timeout=ACQUIRE, **changes), "threads": str(LOOPS),
            "request.deadline": "10s"}


@contextlib.contextmanager
def service(settings):
    """A cartd that is to end well."""
    with tempfile.TemporaryDirectory(prefix="cart-fault-") as folder, Cartd(folder, settings) as cartd:
        yield cartd
        problem = cartd.end_problem()
        assert not problem, problem


def opened(cartd):
    return cartd.metrics()["cart_mysql_connections_opened_total"]


def use(client, wrong):
    """What a client of a shop does; appends what was not answered well."""
    created = client.ask("POST", "/shopping-carts", (), '{"customer_id":%d}' % CUSTOMER)
    if created.status != 201:
        wrong.append("create: %d %s" % (created.status, created.body))
        return
    path = "/shopping-carts/" + created.json()["shopping_cart_id"]
    for method, target, body, status in (("POST", path + "/items", ADD, 204), ("GET", path, None, 200),
                                         ("GET", "/readyz", None, 200)):
        answer = client.ask(method, target, (), body)
        if answer.status != status:
            wrong.append("%s %s: %d %s" % (method, target, answer.status, answer.body))


def use_all(cartd):
    """Each client by a connection of its own, so that every loop is used."""
    wrong = []
    with contextlib.ExitStack() as stack:
        for client in [stack.enter_context(Client(cartd.port, 20)) for _ in range(CLIENTS)]:
            use(client, wrong)
    assert not wrong, "%d requests were not answered well, the first ones: %s" % (len(wrong), "\n".join(wrong[:4]))


@contextlib.contextmanager
def load(cartd, seconds):
    """Beside it, clients that keep every loop busy; none of their requests may fail."""
    command = [CARTBENCH, "run", "--busy", "--json", "--quiet", "--clients", "64", "--mix", "add=2,get=1,create=1", "--carts", "500",
               "--duration", "%dms" % (1000 * seconds), "--warmup", "0", "http://127.0.0.1:%d" % cartd.port]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as bench:
        try:
            yield
            out, err = bench.communicate(timeout=60)
        finally:
            bench.kill()
    assert bench.returncode in (0, 1), err.decode()
    operations = json.loads(out)["results"]["operations"]
    failed = sum(each["tried"] - each["ok"] for each in operations)
    for each in operations:
        tap.say("%s: %d answered, %s" % (each["operation"], each["ok"], each["service"]["quantiles"]))
    assert failed == 0, "%d requests of the load failed" % failed


def a_user_with_fewer_connections_than_loops_is_served_by_every_loop():
    with server() as database, service(narrow(database, 3, pool="8")) as cartd:
        use_all(cartd)
        with load(cartd, 1):
            use_all(cartd)


def while_others_have_all_connections_the_open_ones_serve_every_loop():
    """The pool is below the number of loops besides, which is no contradiction."""
    with server(options=["--max-connections=%d" % ROOM]) as database, contextlib.ExitStack() as others:
        settings = narrow(database, 0, pool="2", sweep_interval="0")
        for _ in range(OTHERS):
            others.enter_context(database.connect())
        with service(settings) as cartd:
            await_that(lambda: opened(cartd) == ROOM - OTHERS, 10, "the server is full")
            with load(cartd, 0.5):
                use_all(cartd)
            assert opened(cartd) == ROOM - OTHERS, "connections were opened anew"
            others.close()
            await_that(lambda: opened(cartd) == LOOPS, 10, "each loop has a connection once there is room")


def the_sweeper_and_all_loops_share_a_single_connection():
    with server() as database, \
            service({**narrow(database, 1, sweep_interval="1s"), "sweep.grace": "0", "clock.skew": "0"}) as cartd:
        for beside in (contextlib.nullcontext(), load(cartd, 1)):
            use_all(cartd)
            swept = cartd.metrics()["cart_mysql_swept_carts"]
            with beside:
                database.sql("UPDATE cart.carts SET expires_ms = 1, sweep_ms = 1 WHERE customer_id = '%d'" % CUSTOMER)
                await_that(lambda: cartd.metrics()["cart_mysql_swept_carts"] == swept + CLIENTS, 20, "expired carts are removed")
        assert "cannot remove" not in cartd.log(), cartd.log()


def when_a_full_server_has_room_for_one_connection_it_is_provisioned():
    with server() as database:
        settings = narrow(database, 1)
        other = Session(database.socket, user="narrow", password="narrow")
        with service(settings) as cartd, cartd.client() as client:
            assert client.ask("GET", "/readyz").status == 503
            other.close()
            await_that(lambda: client.ask("GET", "/readyz").status == 200, 20, "the service is ready")
            use_all(cartd)


if __name__ == "__main__":
    tap.main_of([
        the_sweeper_and_all_loops_share_a_single_connection,
        when_a_full_server_has_room_for_one_connection_it_is_provisioned,
        while_others_have_all_connections_the_open_ones_serve_every_loop,
        a_user_with_fewer_connections_than_loops_is_served_by_every_loop,
    ])
