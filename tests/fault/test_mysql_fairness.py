#!/usr/bin/python3
"""Nobody else is harmed: what 63 clients see beside a locked row, a hot cart and clients that list a long history.

cartbench asks the same cartd by turns without and with the neighbour, and the highest quantile that both have samples for is compared:
the machine's other work falls on both. ROUNDS=20 compares more rounds, of ROUND_S seconds each. Beside a hot cart, whose changes are much
work, only chaos_mysql_fairness.py compares.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import PROGRAM, Cartd, await_that  # noqa: E402
from http_client import Client  # noqa: E402
from private_mariadb import server, settings_for  # noqa: E402

CARTBENCH = os.path.join(os.path.dirname(PROGRAM), "cartbench")
ROUNDS = int(os.environ.get("ROUNDS") or 3)
ROUND_S = float(os.environ.get("ROUND_S") or 1)
SETS = 4  # of rounds, before it is believed that others are harmed
CLIENTS, LOOPS = 63, 8
FACTOR, SLACK_S = 1.5, 0.005
QUANTILES = ("0.99", "0.95", "0.9")
CUSTOMER, HISTORY = 77, 50000
ACQUIRE, LOCK = "5s", "1s"  # so that a busy machine alone refuses nobody; waiting for a lock would still show


def measure(cartd):
    """{operation: its quantiles in ns}, and how many requests were not answered well."""
    done = subprocess.run([CARTBENCH, "run", "--busy", "--json", "--quiet", "--clients", str(CLIENTS), "--mix", "add=1,get=1", "--carts", "1000",
                           "--duration", "%gs" % ROUND_S, "--warmup", "200ms", "http://127.0.0.1:%d" % cartd.port],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    operations = json.loads(done.stdout)["results"]["operations"]
    return ({each["operation"]: each["service"]["quantiles"] for each in operations},
            sum(each["tried"] - each["ok"] for each in operations))


def typical(measured, operation, quantile):
    return statistics.median(each[operation][quantile] for each in measured)


def harmed(alone, beside):
    """What got slower than it may, over all rounds."""
    wrong = []
    for operation in ("add", "get"):
        quantile = next((q for q in QUANTILES if all(q in each[operation] for each in alone + beside)), None)
        if quantile is None:
            raise tap.Skip("the machine is too busy: too few %ss in a round for a quantile" % operation)
        without, with_it = (typical(measured, operation, quantile) for measured in (alone, beside))
        tap.say("%s at quantile %s: %.2f ms without, %.2f ms with" % (operation, quantile, without / 1e6, with_it / 1e6))
        if with_it > max(without * FACTOR, without + patience.at_most(SLACK_S) * 1e9):
            wrong.append("%s: %.2f ms in place of %.2f" % (operation, with_it / 1e6, without / 1e6))
    return wrong


def compare(neighbour):
    """neighbour(database, cartd): a context in which it is there."""
    with server() as database, tempfile.TemporaryDirectory(prefix="cart-fault-") as folder, \
            Cartd(folder, {**settings_for(database, acquire_timeout=ACQUIRE, lock_timeout=LOCK), "threads": str(LOOPS),
                           "request.deadline": "10s"}) as cartd:
        alone, beside, failures, wrong = [], [], 0, ["nothing was measured"]
        for _ in range(SETS):
            for _ in range(ROUNDS):
                alone.append(measure(cartd)[0])
                with neighbour(database, cartd):
                    quantiles, failed = measure(cartd)
                beside.append(quantiles)
                failures += failed
            wrong = harmed(alone, beside)
            if not wrong:
                break
        assert not wrong, "others are slower: %s" % "; ".join(wrong)
        assert failures == 0, "%d requests of others failed" % failures


def new_cart(cartd, customer=1):
    client = cartd.client()
    answer = client.ask("POST", "/shopping-carts", (), '{"customer_id":%d}' % customer)
    client.close()
    assert answer.status == 201, "a create was answered %d" % answer.status
    return answer.json()["shopping_cart_id"]


@contextlib.contextmanager
def asking(cartd, count, method, path, body=None):
    """So many clients that ask the same again and again. Yields their answers' statuses so far."""
    enough, statuses = threading.Event(), []

    def ask():
        client = Client(cartd.port, 20)
        while not enough.is_set():
            statuses.append(client.ask(method, path, (), body).status)
        client.close()
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        enough.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def locked_row(database, cartd):
    """Another client of the database holds a cart's row, and clients of every loop want to change it."""
    cart = new_cart(cartd)
    with database.connect() as session:
        session.sql("START TRANSACTION; SELECT * FROM cart.carts WHERE id = UNHEX('%s') FOR UPDATE" % cart.replace("-", ""))
        with asking(cartd, LOOPS, "POST", "/shopping-carts/%s/items" % cart, '{"product_id":1,"quantity":1}') as statuses:
            yield
            assert 204 not in statuses, "the locked cart was changed"
            session.sql("ROLLBACK")
            await_that(lambda: 204 in statuses, 10, "the cart is changed once its row is free")


@contextlib.contextmanager
def hot_cart(_database, cartd):
    """Hundreds of changes of one cart wait."""
    command = [CARTBENCH, "run", "--busy", "--quiet", "--clients", "400", "--mix", "add=1", "--keys", "hot", "--carts", "1", "--threads", "1",
               "--duration", "60s", "--warmup", "0", "http://127.0.0.1:%d" % cartd.port]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as hot:
        try:
            await_that(lambda: cartd.metrics().get("cart_mysql_waiting", 0) > 100, 10, "changes of one cart wait")
            yield
        finally:
            hot.terminate()
            hot.wait(20)


@contextlib.contextmanager
def long_history(database, cartd):
    """Sixteen clients list the open carts of a customer with a long history."""
    if database.sql("SELECT COUNT(*) FROM cart.carts WHERE customer_id = '%d'" % CUSTOMER) == [["0"]]:
        new_cart(cartd, CUSTOMER)
        database.sql("INSERT INTO cart.carts SELECT UNHEX(MD5(seq)), '%d', 1, 2, seq, seq, 0, 0, 0, UNHEX(MD5(seq)), 0, 0"
                     " FROM cart.seq_1_to_%d" % (CUSTOMER, HISTORY))
    with asking(cartd, 16, "GET", "/shopping-carts?customer_id=%d&status=open" % CUSTOMER) as statuses:
        yield
    assert set(statuses) == {200}, "lists were answered %s" % set(statuses)


def beside_a_locked_row_the_others_see_no_difference():
    compare(locked_row)


def beside_a_hot_cart_the_others_see_no_difference():
    compare(hot_cart)


def beside_lists_of_a_long_history_the_others_see_no_difference():
    compare(long_history)


if __name__ == "__main__":
    tap.main_of([
        beside_a_locked_row_the_others_see_no_difference,
        beside_lists_of_a_long_history_the_others_see_no_difference,
    ])
