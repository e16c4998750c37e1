#!/usr/bin/python3
"""A primary and a replica: who may read where, and what happens when one is behind or gone."""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import patience  # noqa: E402
import private_mariadb  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from tap import main  # noqa: E402

DEADLINE_S = 5
HANG_S = 10
QUIET = {"threads": "2", "mysql.ping_after": "1s", "mysql.timeout": "30s", "mysql.acquire_timeout": "5s", "request.deadline": "%ds" % DEADLINE_S}


class Site:
    """A cartd that knows both servers, and one cart."""

    def __init__(self, cartd, primary, replica):
        self.primary = primary
        self.replica = replica
        self.client = cartd.client()
        answer = self.client.ask("POST", "/shopping-carts", (), '{"customer_id":5}')
        assert answer.status == 201, answer.body
        self.path = answer.header("Location")
        self.version = 1

    def change(self):
        answer = self.client.ask("POST", self.path + "/items", (), '{"product_id":1,"quantity":1}')
        assert answer.status == 204, answer.body
        self.version += 1

    def read(self, consistency=None):
        """The version that a read shows; 0: no such cart."""
        answer = self.client.ask("GET", self.path + ("?consistency=" + consistency if consistency else ""))
        if answer.status == 404:
            return 0
        assert answer.status == 200, "%d %s" % (answer.status, answer.body)
        return int(answer.header("ETag").strip('"'))


def eventual_catches_up(site):
    site.change()
    await_that(lambda: site.read("eventual") == site.version, 10, "the replica shows the change")


def stale_and_fresh(site):
    """The replica stands still: only a read that may be stale is stale."""
    site.replica.await_caught_up()
    site.replica.sql("STOP SLAVE SQL_THREAD")
    try:
        before = site.version
        for _ in range(3):
            site.change()
        seen = {name: {site.read(name) for _ in range(20)} for name in ("eventual", "strong", None)}
    finally:
        site.replica.sql("START SLAVE SQL_THREAD")
    wanted = {"eventual": {before}, "strong": {site.version}, None: {site.version}}
    return "\n".join("%s reads show versions %s, not %s" % (name or "default", seen[name], wanted[name])
                     for name in wanted if seen[name] != wanted[name])


def lists_are_strong(site):
    """Lists come from the primary: they are as fresh as the contract says."""
    site.replica.sql("STOP SLAVE SQL_THREAD")
    try:
        site.change()
        answer = site.client.ask("GET", "/shopping-carts?customer_id=5")
    finally:
        site.replica.sql("START SLAVE SQL_THREAD")
    return "" if b'"version":%d' % site.version in answer.body else "version %d is not in %s" % (site.version, answer.body)


def nothing_is_written_to_the_replica(site):
    """It would have an error of its own for each try, because it is read-only, and transactions of its own if it were not."""
    rows = site.replica.sql("SELECT @@read_only, @@gtid_current_pos, @@gtid_slave_pos")
    return "" if rows[0][0] == "1" and rows[0][1] == rows[0][2] else "the replica has changes of its own: %s" % rows


def replica_down(site):
    """Reads that may be stale go to the primary, at once and without an error."""
    site.change()
    await_that(lambda: site.read("eventual") == site.version, 10, "the replica shows the change")
    site.replica.kill()
    site.change()
    seen = [site.read("eventual") for _ in range(50)]
    if set(seen) - {site.version}:
        return "versions %s without the replica, not %d" % (sorted(set(seen)), site.version)
    return ""


def replica_back(site):
    """And to the replica again once it is there: seen by what only it would answer, an old version."""
    site.replica.start()
    site.replica.sql("STOP SLAVE SQL_THREAD")
    try:
        before = site.version
        site.change()
        await_that(lambda: site.read("eventual") == before, 30, "a read goes to the replica again")
        strong = site.read("strong")
    finally:
        site.replica.sql("START SLAVE SQL_THREAD")
    return "" if strong == site.version else "a strong read shows version %d, not %d" % (strong, site.version)


def replica_hangs(site):
    """It is not gone, it says nothing: nobody waits longer than the deadline, strong reads notice nothing, and afterwards all is well."""
    statuses, slowest = {}, 0.0
    site.replica.suspend()
    try:
        until = time.monotonic() + HANG_S
        while time.monotonic() < until:
            start = time.monotonic()
            status = site.client.ask("GET", site.path + "?consistency=eventual").status
            slowest = max(slowest, time.monotonic() - start)
            statuses[status] = statuses.get(status, 0) + 1
            strong = site.client.ask("GET", site.path).status
            if strong != 200:
                return "a strong read: %d" % strong
    finally:
        site.replica.resume()
    print("# %g s of a replica that hangs: answers %s, the slowest after %.1f s" % (HANG_S, statuses, slowest))
    await_that(lambda: site.read("eventual") == site.version, 20, "eventual reads go on")
    return "" if slowest < patience.at_most(DEADLINE_S + 4) and set(statuses) <= {200, 503, 504} else "answers %s, the slowest after %.1f s" % (statuses, slowest)


def without_read_host(folder, primary, replica):
    """consistency=eventual is no error where there is no replica."""
    with Cartd(folder, dict(private_mariadb.settings_for(primary), **QUIET), "alone") as cartd:
        site = Site(cartd, primary, replica)
        site.change()
        return "" if site.read("eventual") == 2 else "the change is not seen"


def run(tap, folder, primary, replica):
    settings = private_mariadb.settings_for(primary, read_host=replica.address())
    with Cartd(folder, dict(settings, **QUIET)) as cartd:
        site = Site(cartd, primary, replica)
        for name, function in (("an eventual read sees changes in the end", eventual_catches_up),
                               ("the replica stands still: eventual reads are stale, strong ones fresh", stale_and_fresh),
                               ("the replica stands still: lists are fresh", lists_are_strong),
                               ("the replica is never written to", nothing_is_written_to_the_replica),
                               ("the replica hangs: nobody waits beyond the deadline", replica_hangs),
                               ("the replica is killed: eventual reads go to the primary", replica_down),
                               ("the replica is back: eventual reads go there again", replica_back)):
            tap.run(name, function, site)
        site.client.close()
        tap.check("cartd ends well", cartd.end_problem())
    tap.run("no mysql.read_host: eventual reads are reads", without_read_host, folder, primary, replica)


def tests(tap):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.primary(fast=True) as primary, \
            private_mariadb.mariadb.Replica(primary, fast=True) as replica:
        run(tap, folder, primary, replica)


if __name__ == "__main__":
    main(tests)
