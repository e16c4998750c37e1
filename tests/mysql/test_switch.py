#!/usr/bin/python3
"""Another server becomes the primary, and one cartd has not noticed: it must not answer from the old one, which nobody writes to any more."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import Cartd  # noqa: E402
from tap import main  # noqa: E402


LATE = 3


class Site:
    """Several cartd on a primary and its replica, and a cart. All but the first will not have noticed when the replica has become the
    primary, and still have their connections. The old primary does not follow the new one, so what it says stays old."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="cart-switch-")
        self.old = private_mariadb.primary()
        self.old.start()
        self.new = private_mariadb.mariadb.Replica(self.old)
        self.new.start()
        hosts = "%s,%s" % (self.old.address(), self.new.address())
        settings = {**private_mariadb.settings_for(self.old, host=hosts), "threads": "1", "mysql.acquire_timeout": "4s"}
        self.cartds = [Cartd(self.folder.name, settings, "cartd-%d" % number) for number in range(1 + LATE)]
        self.first, *self.late = [cartd.client() for cartd in self.cartds]
        self.path = self.first.ask("POST", "/shopping-carts", (), {"customer_id": 5}).header("Location")
        self.add()
        for client in self.late:
            assert self.read(client) == 2
        return self

    def __exit__(self, *_):
        for cartd in self.cartds:
            cartd.stop()
        self.new.close()
        self.old.close()
        self.folder.cleanup()

    def switch(self):
        """And the first cartd changes the cart at the new primary."""
        self.old.sql("SET GLOBAL read_only = 1")
        self.new.await_caught_up()
        self.new.promote()
        self.add()

    def add(self):
        answer = self.first.ask("POST", self.path + "/items", (), {"product_id": 1, "quantity": 1})
        assert answer.status == 204, "%d %s" % (answer.status, answer.body)

    def read(self, client):
        answer = client.ask("GET", self.path)
        assert answer.status == 200, "%d %s" % (answer.status, answer.body)
        return answer.version()


def while_no_host_accepts_writes_a_strong_read_is_refused(site):
    """Another cartd may already know of a host that does, and have changed the cart there."""
    site.old.sql("SET GLOBAL read_only = 1")
    answer = site.late[0].ask("GET", site.path)
    site.old.sql("SET GLOBAL read_only = 0")
    assert (answer.status, answer.error()) == (503, "UNAVAILABLE") and answer.header("Retry-After"), answer.head


def a_strong_read_sees_what_the_new_primary_has(site):
    assert site.read(site.late[0]) == 3


def a_list_sees_what_the_new_primary_has(site):
    answer = site.late[1].ask("GET", "/shopping-carts?customer_id=5")
    assert answer.json()["carts"][0]["version"] == 3, answer.body


def a_condition_is_judged_by_what_the_new_primary_has(site):
    """A change with a condition reads first, and needs to write nothing to be refused."""
    answer = site.late[2].ask("PUT", site.path + "/items/1", [("If-Match", '"3"')], {"quantity": 7})
    assert (answer.status, answer.version()) == (204, 4), "%d %s" % (answer.status, answer.body)


def run(tap):
    with Site() as site:
        refused = while_no_host_accepts_writes_a_strong_read_is_refused
        tap.run(refused.__name__, refused, site)
        site.switch()
        for test in (a_strong_read_sees_what_the_new_primary_has, a_list_sees_what_the_new_primary_has,
                     a_condition_is_judged_by_what_the_new_primary_has):
            tap.run(test.__name__, test, site)


if __name__ == "__main__":
    main(run)
