#!/usr/bin/python3
"""cartd starts before its database: it runs, is not ready, says so, and serves when the database comes. What a person must correct stops
the start at once, with a line that says what."""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import patience  # noqa: E402
import private_mariadb  # noqa: E402
from cartd import PROGRAM, Cartd, await_that, cartctl, environment, words_of  # noqa: E402
from tap import main  # noqa: E402

SMALL = {"threads": "2", "mysql.pool": "2"}
SERVES_S = 5
ENDS_S = 20
NOT_READY = "cannot provision the database; not ready until that succeeds"


def settings(server, **changes):
    return {**private_mariadb.settings_for(server, **changes), **SMALL}


def answers(client):
    """Of life, readiness, a read and a change; and whether each says when to come again."""
    asked = [client.ask("GET", "/livez"), client.ask("GET", "/readyz"), client.ask("GET", "/health"),
             client.ask("GET", "/shopping-carts/00000000-0000-4000-8000-000000000001"),
             client.ask("POST", "/shopping-carts", (), '{"customer_id":1}')]
    return [(answer.status, answer.header("Retry-After") is not None) for answer in asked]


def serves(client):
    return client.ask("POST", "/shopping-carts", (), '{"customer_id":1}').status == 201 and client.ask("GET", "/readyz").status == 200


def lines_of_start(lines):
    """One that the database is not there, one that it is, and of a schema that was made."""
    return 2 + sum("schema upgraded" in line for line in lines)


def comes_later(folder, server, provisioned, how):
    """With the tables there, or without."""
    if provisioned:
        status, said = cartctl(folder, settings(server), "provision")
        assert status == 0, said
    server.stop()
    status, said = cartctl(folder, settings(server), "provision")
    problem = "" if status == 1 and "127.0.0.1:%d" % server.port in said else "cartctl: status %d: %s\n" % (status, said)
    with Cartd(folder, {**settings(server), "provision": how}, "later-%s-%s" % (how, provisioned)) as cartd, cartd.client() as client:
        away = answers(client)
        server.start()
        began = time.monotonic()
        await_that(lambda: serves(client), 20, "a cart")
        took = time.monotonic() - began
        lines = [line for line in cartd.log().splitlines() if " listening " not in line and " request " not in line]
        told = [line for line in lines if NOT_READY in line]
        if away != [(200, False)] + [(503, True)] * 4:
            problem += "answers without a server: %s\n" % away
        if took > patience.at_most(SERVES_S):
            problem += "the first cart came %.2f s after the server's start\n" % took
        if len(told) != 1 or "127.0.0.1:%d" % server.port not in told[0] or len(lines) != lines_of_start(lines) or \
                cartd.log().count("the database is provisioned") != 1:
            problem += "its log:\n" + cartd.log()
        return problem + cartd.end_problem()


def comes_without_tables(folder, server):
    """With provision=check that is for a person; made by one, they are found without a restart."""
    server.sql("DROP DATABASE cart; CREATE DATABASE cart")
    server.stop()
    with Cartd(folder, {**settings(server), "provision": "check"}, "check") as cartd, cartd.client() as client:
        server.start()
        await_that(lambda: "the database cannot be used" in cartd.log(), 20, "the log says that the schema is missing")
        refused = answers(client)
        status, said = cartctl(folder, settings(server), "provision")
        assert status == 0, said
        await_that(lambda: serves(client), 30, "a cart")
        problem = "" if refused == [(200, False)] + [(503, True)] * 4 else "answers without tables: %s" % refused
        return problem + cartd.end_problem()


def ends_at_once(folder, given, *words):
    began = time.monotonic()
    done = subprocess.run([PROGRAM, *words_of({"listen": "127.0.0.1:0", **given})], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=ENDS_S, check=False)
    said = done.stdout.decode("utf-8", "backslashreplace")
    last = said.rstrip().split("\n")[-1]
    if done.returncode != 1 or not last.startswith("cartd: ") or any(word not in last for word in words):
        return "status %d after %.1f s, expected a last line with %s:\n%s\n" % (done.returncode, time.monotonic() - began, words, said)
    return ""


def for_a_person(folder, server):
    host = "127.0.0.1:%d" % server.port
    return ends_at_once(folder, settings(server, password="wrong"), host, "Access denied") + \
        ends_at_once(folder, settings(server, user="nobody"), host, "Access denied") + \
        ends_at_once(folder, settings(server, database="elsewhere"), host, "elsewhere") + \
        ends_at_once(folder, settings(server, tls="required"), host, "does not encrypt", "mysql.tls") + \
        ends_at_once(folder, settings(server, tls="verify_ca"), "mysql.tls=verify_ca needs mysql.tls_ca")


def tests(tap):
    with tempfile.TemporaryDirectory(prefix="cart-start-") as folder, private_mariadb.server(fast=True) as server:
        tap.run("the server comes later, and the tables are made", comes_later, folder, server, False, "auto")
        tap.run("the server comes later, and the tables are there", comes_later, folder, server, True, "check")
        tap.run("the server comes later without tables, which are made while cartd waits", comes_without_tables, folder, server)
        tap.run("what a person must correct ends the start with a line", for_a_person, folder, server)


if __name__ == "__main__":
    main(tests)
