"""Consumers that are slower than feed.retention, while the rows are removed under load and services and database are killed.

Clocks of the services run so fast that a minute, the shortest retention, is over within a second. What a consumer must never see is a gap: of a cart that it knows
each event is the next one, unless it was told CURSOR_GONE in between.
"""

import random
import shutil
import tempfile
import threading
import time

import feed_crowd
import tap
from cartd import await_that
from feed_judge import REMOVED, type_of
from http_client import Broken, Client
from storm import Service

SETTINGS = {"feed": "on", "feed.retention": "1m", "sweep.grace": "0", "threads": "2", "clock.skew": "0", "request.deadline": "2s"}
STEP_S, EVERY_S = 15, 0.15  # of the clocks: a hundred times as fast


class Clocks(threading.Thread):
    def __init__(self, clocks, enough):
        super().__init__(daemon=True)
        self.clocks, self.enough = clocks, enough

    def run(self):
        ahead_s = 0
        while not self.enough.wait(EVERY_S):
            ahead_s += STEP_S
            for clock in self.clocks:
                clock.set(ahead_s)


class Reader(threading.Thread):
    """pause_s: between two pages, up to so long."""

    def __init__(self, ports, pause_s, enough):
        super().__init__(daemon=True)
        self.pause_s, self.enough = pause_s, enough
        self.random = random.Random(pause_s)
        self.https = [Client(port, 5) for port in ports]
        self.after, self.versions = "now", {}
        self.events = self.gone = 0
        self.wrong = []

    def run(self):
        while not self.enough.wait(self.random.uniform(0, self.pause_s)):
            try:
                answer = self.random.choice(self.https).ask("GET", "/changes?limit=40" + ("&after=" + self.after if self.after else ""))
            except Broken:
                continue
            if answer.status == 410:
                # Either way it has missed events, and knows it.
                self.gone += 1
                self.after, self.versions = self.random.choice(("now", "")), {}
            elif answer.status == 200:
                for event in answer.json()["events"]:
                    self.take(event)
                self.after = answer.json()["next_cursor"]
            elif answer.status < 500:
                self.wrong.append("GET /changes: %d" % answer.status)

    def take(self, event):
        key, version, known = event["subject"], event["data"]["version"], self.versions.get(event["subject"])
        self.events += 1
        if known is not None and version != known + 1:
            self.wrong.append("cart %s: %s with version %d comes after version %d" % (key, event["type"], version, known))
        self.versions[key] = version
        if type_of(event) in REMOVED:
            del self.versions[key]


class Scene:
    def __init__(self, scene, folder, clocks):
        self.enough = threading.Event()
        self.services = [Service(folder, {**scene.settings, **SETTINGS}, number, scene.keys) for number in range(2)]
        ports = [service.cartd.port for service in self.services]
        self.crowd = feed_crowd.Crowd(ports, "retention", pause_s=0.01)
        self.readers = [Reader(ports, pause_s, self.enough) for pause_s in (0.02, 0.5, 1.0)]
        self.threads = [Clocks([service.clock for service in self.services] + clocks, self.enough), *self.readers]

    def end(self):
        self.enough.set()
        self.crowd.enough.set()
        for service in self.services:
            service.cartd.kill()


def slower_than_the_retention(scene, faults, count, at_least, clocks=()):
    """faults: functions without arguments. at_least: how often a consumer must have been too slow. clocks: others that run as fast."""
    folder, choice, running = tempfile.mkdtemp(prefix="cart-feed-"), random.Random(), None
    try:
        running = Scene(scene, folder, list(clocks))
        running.crowd.start()
        for thread in running.threads:
            thread.start()
        for _ in range(count):
            service, events = choice.choice(running.services), running.readers[0].events
            time.sleep(choice.uniform(0.1, 0.5))
            choice.choice([service.kill, *faults])()
            if not service.cartd.is_running():
                service.start()
            await_that(lambda: running.readers[0].events > events + 20, 30, "events")  # pylint: disable=cell-var-from-loop
        await_that(lambda: sum(reader.gone for reader in running.readers) >= at_least, 60, "consumers that are too slow")
        running.enough.set()
        for reader in running.readers:
            reader.join()
        tap.say("%d kills; %s" % (count, "; ".join("%d events, %d times gone" % (reader.events, reader.gone) for reader in running.readers)))
        wrong = [text for reader in running.readers for text in reader.wrong]
        assert not wrong, "%d things are wrong:\n%s" % (len(wrong), "\n".join(wrong[:15]))
    finally:
        if running is not None:
            running.end()
        shutil.rmtree(folder, ignore_errors=True)
