"""Merges on SQLite and MySQL, and what may end cartd or its connection in the middle of one.

The pairs of carts and what is true of them are those of merges.py. A merge on MySQL is one command: CutProxy cuts it, or cartd is killed at
the same point. On SQLite it is one transaction of the writer: cartd is killed at any time after the request was sent.
"""

import os
import threading
import time

import merges
import patience
from cartd import Cartd
from cut_proxy import AFTER_REQUEST, BEFORE_ANSWER, WITHIN_ANSWER, WITHIN_REQUEST, CutProxy
from http_client import Broken
from private_mariadb import settings_for
from wrong_clock import WrongClock

POINTS = (WITHIN_REQUEST, AFTER_REQUEST, BEFORE_ANSWER, WITHIN_ANSWER)
QUIET = {"threads": "1", "mysql.pool": "1", "mysql.ping_after": "1h", "mysql.lifetime": "0", "mysql.sweep_interval": "0",
         "clock.skew": "0"}


class Rig(merges.Rig):
    def __init__(self, folder, settings, name):  # pylint: disable=super-init-not-called
        self.clock = WrongClock(folder)
        self.folder, self.name, self.id_type = folder, name, "integer"
        self.settings = {**QUIET, **settings}
        self.starts = 0
        self.start()

    def __exit__(self, kind, *_):
        self.client.close()  # first: the drain would wait a second for it to close
        problem = self.cartd.end_problem()
        assert kind is not None or not problem, problem

    def start(self):
        self.starts += 1
        self.cartd = Cartd(self.folder, self.settings, "%s-%d" % (self.name, self.starts), self.clock.wrapper)
        self.client = self.cartd.client()

    def item(self, _path):
        return {}


class KillingProxy(CutProxy):
    """Kills cartd where it cuts, if it is told whom."""

    victim = None

    def count_cut(self):
        if self.victim is not None:
            self.victim.kill()
        return super().count_cut()


def key_of(choice):
    return (("Idempotency-Key", "k%016x" % choice.getrandbits(64)),) if choice.random() < 0.5 else ()


def check_repeated(rig, pair, done, headers):
    """Whatever became of it: both carts or none, and the repeat ends it."""
    was = pair.check_either()
    assert was or not done, "a merge was answered 200, and is not there"
    if headers:
        pair.equal("the answer", rig.view(pair.merge(headers=headers).json()), pair.target_after())
    pair.check_end()


def merge_cut(rig, proxy, choice, point, kills):
    pair, headers, done = merges.random_pair(rig, choice), key_of(choice), False
    proxy.victim = rig.cartd if kills else None
    cuts = proxy.cuts
    proxy.cut(point, 1)
    # What is to find out whether it was applied has a connection that is not cut.
    threading.Thread(target=lambda: stop_after(proxy, cuts), daemon=True).start()
    try:
        answer = pair.merge((200, 504), headers)
        done = answer.status == 200
        assert kills or headers or not done, "the answer of what was cut %s is 200" % point
    except Broken:
        assert kills, "cartd has closed the connection"
    stop_after(proxy, cuts)
    if kills:
        rig.restart()
    check_repeated(rig, pair, done, headers)


def stop_after(proxy, cuts):
    until = patience.now() + 30
    while proxy.cuts == cuts and patience.now() < until:
        time.sleep(0.0005)
    proxy.cut(None, 0)
    assert proxy.cuts > cuts, "nothing was cut"


def merge_killed(rig, choice, within_s):
    """Of SQLite's: at some time, of which the latest is after the answer."""
    pair, headers, done = merges.random_pair(rig, choice), key_of(choice), False
    timer = threading.Timer(choice.uniform(0, within_s), rig.cartd.kill)
    timer.start()
    try:
        done = pair.merge(200, headers).status == 200
    except Broken:
        pass
    timer.join()
    rig.restart()
    check_repeated(rig, pair, done, headers)


def time_of_merge(rig, choice):
    began = time.monotonic()
    for _ in range(5):
        merges.random_pair(rig, choice).merge()
    return (time.monotonic() - began) / 5


def kill_on_sqlite(folder, kills):
    choice = merges.seeded()
    with Rig(folder, {"backend": "sqlite", "sqlite.path": os.path.join(folder, "carts.db")}, "sqlite") as rig:
        within_s = time_of_merge(rig, choice)
        for _ in range(kills):
            merge_killed(rig, choice, within_s)


def cut_and_kill_on_mysql(folder, database, rounds):
    choice = merges.seeded()
    with KillingProxy(database.port) as proxy, Rig(folder, settings_for(database, port=str(proxy.port)), "mysql") as rig:
        # The server finds that nobody listens between any two of the statements, and goes on.
        for _ in range(30):
            merge_cut(rig, proxy, choice, choice.choice(POINTS), False)
        for _ in range(rounds):
            for point in POINTS:
                for kills in (False, True):
                    merge_cut(rig, proxy, choice, point, kills)
