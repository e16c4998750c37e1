#!/usr/bin/python3
"""The feed on a server that has streams: the contract suite's part and the API's in both layouts and with both types of ids; cursors that go
from one instance to another and outlive both; a table that is made anew; how often the stream is read for those who wait.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
from cartd import ROOT, Cartd, cartctl  # noqa: E402
from tap import Skip, main  # noqa: E402

TESTS = os.path.join(ROOT, "build", "release", "tests")
TABLE = "fed"
CARTS = 30
WAIT_S = 3
POLL_MS = 40  # dynamodb.feed_poll


def settings(of, **changes):
    return {**private_dynalite.settings_for(of, table=TABLE, acquire_timeout="10s", timeout="10s"), "feed": "on", "request.deadline": "10s",
            "threads": "1", **changes}


def suite(server, program, layout, id_type):
    """A program of tests, which has tables of its own."""
    path = os.path.join(TESTS, program)
    if not os.path.exists(path):
        raise Skip("%s is not built: make tests" % program)
    of = private_dynalite.settings_for(server)
    environment = {**os.environ, **private_dynalite.keys_for(server), "CART_BACKEND": "dynamodb", "CART_ID_TYPE": id_type,
                   "CART_DYNAMODB_LAYOUT": layout,
                   **{"CART_" + name.upper().replace(".", "_"): value for name, value in of.items() if name.startswith("dynamodb.")}}
    done = subprocess.run([path], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if "has no feed here" in done.stdout:
        return "it was not tested:\n" + done.stdout[-1000:]
    return "" if done.returncode == 0 else done.stdout[-4000:]


def make_carts(cartd, count):
    with cartd.client() as client:
        for number in range(count):
            assert client.ask("POST", "/shopping-carts", (("Content-Type", "application/json"),), '{"customer_id":%d}' % (number + 1)).status == 201


def page(cartd, query):
    with cartd.client() as client:
        return client.ask("GET", "/changes?" + query)


def follow(cartds, cursor):
    """Reads on to the end, one page from each in turn. Returns the ids of the events, and the cursor."""
    ids, turn = [], 0
    while True:
        answer = page(cartds[turn % len(cartds)], "limit=7&wait=1s%s" % ("&after=" + cursor if cursor else "")).json()
        if not answer["events"]:
            return ids, answer["next_cursor"]
        ids += [event["id"] for event in answer["events"]]
        cursor = answer["next_cursor"]
        turn += 1


def instances(server, folder):
    """A reader goes from one to the other, and both are started anew in between."""
    with Cartd(folder, settings(server), "first") as first, Cartd(folder, settings(server), "second") as second:
        make_carts(first, CARTS)
        ids, cursor = follow((first, second), None)
        make_carts(second, CARTS)
    with Cartd(folder, settings(server), "third") as third:
        more, cursor = follow((third,), cursor)
        ids += more
        if page(third, "after=" + cursor).json()["events"]:
            return "there is more behind the end"
    found = len(ids), len(set(ids))
    return "" if found == (2 * CARTS, 2 * CARTS) else "%d events, %d different ones" % found


def lines(server, folder):
    """cartctl feed, in two parts."""
    status, first = cartctl(folder, settings(server), "feed", "--limit", "9")
    status_of_rest, rest = cartctl(folder, settings(server), "feed", "--after", first.rsplit("--after ", 1)[1].strip())
    found = status, status_of_rest, first.count('"cart.created"'), rest.count('"cart.created"')
    return "" if found == (0, 0, 9, 2 * CARTS - 9) else "%s\n%s%s" % (found, first, rest)


def anew(server, folder):
    """The table is removed and made again: its stream is another one."""
    with Cartd(folder, settings(server), "old") as old:
        cursor = page(old, "after=now").json()["next_cursor"]
    private_dynalite.call(server.endpoint, "DeleteTable", {"TableName": TABLE})
    with Cartd(folder, settings(server), "new") as new:
        answer = page(new, "after=" + cursor)
        return "" if (answer.status, answer.error()) == (410, "CURSOR_GONE") else "%d %s" % (answer.status, answer.body)


def waiting(server, folder):
    """One who waits where nothing comes costs a few reads a second."""
    name = 'cart_dynamodb_stream_calls_total{operation="GetRecords"}'
    with Cartd(folder, settings(server), "waiting") as cartd:
        cursor = page(cartd, "after=now").json()["next_cursor"]
        before = cartd.metrics()[name]
        page(cartd, "wait=%ds&after=%s" % (WAIT_S, cursor))
        reads = cartd.metrics()[name] - before
    # And at least one, however busy the machine is.
    return "" if 1 <= reads <= (WAIT_S + 2) * 1000 / POLL_MS else "%d reads in %d s" % (reads, WAIT_S)


def nobody_waits(server, folder):
    """Who has waited has gone: whatever is changed, the stream is not read."""
    def calls(cartd):
        return {name: value for name, value in cartd.metrics().items() if name.startswith("cart_dynamodb_stream_calls_total")}

    with Cartd(folder, settings(server), "nobody") as cartd:
        page(cartd, "wait=1s&after=" + page(cartd, "after=now").json()["next_cursor"])
        make_carts(cartd, 1)
        before = calls(cartd)
        make_carts(cartd, CARTS)
        after = calls(cartd)
    return "" if after == before and any(before.values()) else "%s, and before %s" % (after, before)


def refused(folder):
    with private_dynalite.server() as server:
        if private_dynalite.KIND != "dynalite":
            raise Skip("this server has streams")
        try:
            with Cartd(folder, settings(server), "refused"):
                return "cartd started"
        except AssertionError as why:
            return "" if "feed=on needs its stream, and it has none" in str(why) else str(why)


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder:
        tap.run("a server without streams is refused", refused, folder)
        with private_dynalite.with_streams() as server:
            for layout in ("map", "list"):
                for id_type in ("integer", "string"):
                    tap.run("the feed's contract, layout %s, ids of type %s" % (layout, id_type), suite, server, "contract/test_feed", layout, id_type)
            tap.run("the API's part", suite, server, "server/test_api_feed", "map", "integer")
            tap.run("cursors go from one instance to another", instances, server, folder)
            tap.run("lines of cartctl feed", lines, server, folder)
            tap.run("who waits costs few reads", waiting, server, folder)
            tap.run("where nobody waits nothing is read", nobody_waits, server, folder)
            tap.run("a cursor of a table that was made anew is gone", anew, server, folder)


if __name__ == "__main__":
    main(tests)
