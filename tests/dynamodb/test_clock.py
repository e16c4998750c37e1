#!/usr/bin/python3
"""A table whose clock is not ours: seen by the Date of its answers, here changed on their way."""

import email.utils
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pylib"))
import private_dynalite  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from dynamodb_front import DynamodbFront  # noqa: E402
from tap import main  # noqa: E402

AHEAD_S = 660
NOT_READY, READY = "not ready, and changes are refused", "agrees with the database's again"


def with_date(ahead_s):
    def rule(call, ask):
        reply = ask()
        reply.headers = [pair for pair in reply.headers if pair[0].lower() != "date"]
        reply.headers.append(("Date", email.utils.formatdate(time.time() + ahead_s, usegmt=True)))
        return reply
    return rule


def skewed(cartd, client, front, ahead_s):
    """While the table's clock is so far ahead: not ready, no changes, reads; then all is well again."""
    created = client.ask("POST", "/shopping-carts", body='{"customer_id":1}')
    path = "/shopping-carts/" + created.json()["shopping_cart_id"]
    add = ("POST", path + "/items", [], '{"product_id":7,"quantity":1}')
    logged = cartd.log().count(NOT_READY), cartd.log().count(READY)
    front.rule = with_date(ahead_s)
    await_that(lambda: client.ask("GET", "/readyz").status == 503, 30, "not ready")
    said = client.ask("GET", "/readyz").json()
    changed, read, health = client.ask(*add), client.ask("GET", path), client.ask("GET", "/health")
    figure = cartd.metrics()["cart_clock_skew_seconds"]
    front.rule = lambda call, ask: ask()
    await_that(lambda: client.ask("GET", "/readyz").status == 200, 30, "ready again")
    again = client.ask(*add)
    assert said["status"] == "unavailable" and abs(said["clock_skew_seconds"] + ahead_s) < 5, said
    assert abs(figure + ahead_s) < 5, figure
    assert (changed.status, changed.error(), read.status, health.status, again.status) == (503, "UNAVAILABLE", 200, 503, 204), \
        (changed.raw(), read.status, health.status, again.raw())
    assert (cartd.log().count(NOT_READY) - logged[0], cartd.log().count(READY) - logged[1]) == (1, 1), cartd.log()


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server() as server, DynamodbFront(server.port) as front, \
            Cartd(folder, {**private_dynalite.settings_for(front), **private_dynalite.PATIENT}) as cartd, cartd.client() as client:
        for ahead_s in (AHEAD_S, -AHEAD_S):
            tap.run("a table whose clock is %+d s from ours" % ahead_s, skewed, cartd, client, front, ahead_s)


if __name__ == "__main__":
    main(tests)
