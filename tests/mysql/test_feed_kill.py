#!/usr/bin/python3
"""An event that was given out is still there when the server has been killed, although a commit is visible before it is on the disk.

The moment between the two is made long: the server flushes its log neither at a commit nor once a second, until just before the event is read.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from cartd import Cartd  # noqa: E402
from private_mariadb import PATIENT, server, settings_for  # noqa: E402

NEVER = ["--innodb-flush-log-at-timeout=2700"]


def given_out_then_killed(ask):
    """ask: reads the feed up to the cart that was made, by a client: what was said of it."""
    with tempfile.TemporaryDirectory() as folder, server(options=NEVER) as database, Cartd(
            folder, {**settings_for(database), **PATIENT, "feed": "on", "mysql.sweep_interval": "0"}) as cartd, cartd.client() as client:
        client.ask("GET", "/changes?after=now")
        database.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        cart = client.ask("POST", "/shopping-carts", (), {"customer_id": 1}).json()["shopping_cart_id"]
        database.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        said = ask(client)
        database.kill()
        database.start()
        found = database.sql("SELECT seq FROM cart.cart_events WHERE INSTR(events, '%s') > 0" % cart.replace("-", ""))
        assert found, "the server has forgotten cart %s, of which the feed had said %s" % (cart, said)


def an_event_that_was_read_survives_the_server():
    def ask(client):
        events = client.ask("GET", "/changes").json()["events"]
        assert len(events) == 1
        return events[0]["id"]
    given_out_then_killed(ask)


def what_now_is_after_survives_the_server():
    given_out_then_killed(lambda client: client.ask("GET", "/changes?after=now").json()["next_cursor"])


if __name__ == "__main__":
    tap.main_of([an_event_that_was_read_survives_the_server, what_now_is_after_survives_the_server])
