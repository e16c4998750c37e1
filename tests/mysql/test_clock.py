#!/usr/bin/python3
"""Two instances on one database, and the clock of one of them is wrong: it loses nothing, and applies nothing twice."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from tap import main  # noqa: E402
from wrong_clock import WrongClock  # noqa: E402

DAY_S, MINUTE_S = 86400, 60
CARTS, ROUNDS, PATIENCE_S = 20, 4, 30
ITEM = '{"product_id":7,"quantity":1}'


def key(name):
    return (("Idempotency-Key", name),)


class Pair:
    """right, wrong: clients of the two instances."""

    def __init__(self, server, clock, right, wrong):
        self.server, self.clock, self.right, self.wrong = server, clock, right, wrong

    def create(self, *headers):
        return self.right.ask("POST", "/shopping-carts", headers, '{"customer_id":9}').header("Location")

    def connections(self):
        return int(self.server.sql("SHOW GLOBAL STATUS LIKE 'Connections'")[0][1])

    def set_wrong(self, ahead_s):
        self.clock.set(ahead_s)
        await_that(lambda: self.wrong.ask("GET", "/readyz").status == 503, PATIENCE_S, "the wrong one is not ready")

    def set_right(self):
        self.clock.set(0)
        await_that(lambda: self.wrong.ask("GET", "/readyz").status == 200, PATIENCE_S, "it is ready again")


def swept(pair):
    """32 days ahead, while it would sweep some times."""
    paths = [pair.create(*key("made-%d" % number)) for number in range(CARTS)]
    pair.set_wrong(32 * DAY_S)
    before = pair.connections()
    await_that(lambda: pair.connections() >= before + ROUNDS, PATIENCE_S, "the sweeper has connected some times")
    pair.set_right()
    gone = [path for path in paths if pair.right.ask("GET", path).status != 200]
    again = {pair.create(*key("made-%d" % number)) for number in range(CARTS)}
    return "" if not gone and again == set(paths) else "%d of %d carts are gone, %d keys" % (len(gone), CARTS, len(again - set(paths)))


def applied(pair):
    """The first attempt through the one that is 11 minutes behind or ahead, the repeats through the right one, and the reverse."""
    answers = []
    for minutes in (-11, 11):
        path, once = pair.create(), key("once%d" % minutes)
        pair.set_wrong(minutes * MINUTE_S)
        answers += [pair.wrong.ask("POST", path + "/items", once, ITEM).status]
        answers += [pair.right.ask("POST", path + "/items", once, ITEM).status for _ in range(2)]
        answers += [pair.wrong.ask("POST", path + "/items", once, ITEM).status]
        pair.set_right()
        answers += [pair.wrong.ask("POST", path + "/items", once, ITEM).status,
                    pair.right.ask("GET", path).json()["items"][0]["quantity"]]
    return "" if answers == [503, 204, 204, 503, 204, 1] * 2 else "answers %s" % answers


def times(pair):
    """Far behind: refused. A little behind: the times stay."""
    path = pair.create()
    pair.set_wrong(-40 * DAY_S)
    refused = pair.wrong.ask("POST", path + "/items", (), ITEM).status
    pair.set_right()
    before = pair.right.ask("GET", path).json()
    pair.clock.set(-5)
    added = pair.wrong.ask("POST", path + "/items", (), ITEM).status
    pair.clock.set(0)
    after = pair.right.ask("GET", path).json()
    good = (refused, added, after["version"]) == (503, 204, 2) and after["updated_at"] == before["updated_at"] \
        and after["expires_at"] == before["expires_at"]
    return "" if good else "%d, %d, %s, then %s" % (refused, added, before, after)


def tests(tap):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server() as server:
        settings = {**private_mariadb.settings_for(server, sweep_interval="1s"), **private_mariadb.PATIENT, "threads": "1"}
        clock = WrongClock(folder)
        with Cartd(folder, settings, "right") as right, Cartd(folder, settings, "wrong", wrapper=clock.wrapper) as wrong, \
                right.client() as to_right, wrong.client() as to_wrong:
            pair = Pair(server, clock, to_right, to_wrong)
            tap.run("a clock that is 32 days ahead removes no cart and no key", swept, pair)
            tap.run("a key through a clock that is 11 minutes off is applied once", applied, pair)
            tap.run("a clock that is behind takes no time of a cart back", times, pair)


if __name__ == "__main__":
    main(tests)
