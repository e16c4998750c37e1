"""A storm: two cartd on one database under load, hundreds of faults one after another, drawn by a seed, and the verdict in the end.

The verdict is made twice: by the ledger of tests/fault (nothing acknowledged is lost, nothing is applied twice), and by a judge that this
project has not written (history.py: every cart is linearizable). A storm also asserts that a change is acknowledged soon after each fault,
that no client sees a blip, and that no outcome under a key stays open that could be found out in time. CART_SEED repeats a storm's choice
of faults and requests; how they meet differs. FAULTS=20 makes it shorter, KINDS=blip takes only faults of such names. What came of it is one JSON object in build/chaos/NAME.json, of
which tools/chaos makes the tables of docs/reliability.md.
"""

import collections
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "fault")]
import cut_proxy  # noqa: E402 (where it is is known only now)
import disk  # noqa: E402
import history  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import PROGRAM, ROOT, Cartd, await_that  # noqa: E402
from ledger import ACKNOWLEDGED, REFUSED, UNKNOWN, is_doubled, is_lost  # noqa: E402
from load import DEADLINE_S, Load  # noqa: E402
from scene import CART_GONE, RECOVERY_S, SHOWN  # noqa: E402
from wrong_clock import WrongClock  # noqa: E402

FAULTS = int(os.environ.get("FAULTS", "200"))
KINDS = os.environ.get("KINDS", "")
SETTINGS = dict(word.partition("=")[::2] for word in os.environ.get("SETTINGS", "").split())  # of the services, beside the storm's own
SERVICES = 2
CLIENTS = 24
SETTLE_S = 60
STOPPED_S = 2.5  # the longest time for which a fault lasts
BLIP_S = (0.02, 0.5)
SAID_EVERY = 10  # faults
RECORDS = os.path.join(ROOT, "build", "chaos")


class Service:
    """A cartd that can be killed and comes back on its port, and whose clock can be wrong."""

    def __init__(self, folder, settings, number, keys):
        self.folder, self.settings, self.number, self.keys = os.path.join(folder, str(number)), settings, number, keys
        os.mkdir(self.folder)
        self.clock = WrongClock(self.folder)
        self.wrong, self.starts, self.listen = [], 0, "127.0.0.1:0"
        self.start()
        self.listen = "127.0.0.1:%d" % self.cartd.port

    def start(self):
        self.starts += 1
        self.cartd = Cartd(self.folder, {**self.settings, **SETTINGS, "listen": self.listen}, "cartd-%d" % self.starts, self.clock.wrapper,
                           self.keys)

    def kill(self):
        """What its log says is looked at as if it had ended in order."""
        self.cartd.kill()
        self.wrong += [line for line in self.cartd.end() if line.startswith("cartd's log")]


class Storm:
    """name: of the row in the tables. scene: one of tests/fault (not entered), for what it knows of the database. faults: {name: function of
    the storm}, beside those that befall the services; each kind comes as often as every other."""

    def __init__(self, name, scene, faults):
        self.name, self.scene = name, scene
        self.faults = {"service killed": Storm.kill_service, "service stopped": Storm.stop_service, "clock jumped": Storm.jump_clock,
                       "all clocks jumped": Storm.jump_clocks, **faults}
        self.faults = {kind: fault for kind, fault in self.faults.items() if KINDS in kind}
        self.seed = os.environ.get("CART_SEED") or str(random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.done, self.recoveries, self.services, self.times, self.seen = {}, [], [], [], []
        self.seen_by = collections.Counter()
        self.blips = self.open_without_key = 0
        self.asked = []  # (name of a blip, when it began and ended, what was asked meanwhile)
        self.record = {"storm": name, "seed": self.seed, "failed": "it did not come to its end"}

    # Faults that befall a service. Each ends with what it did undone.

    def some_service(self):
        return self.random.choice(self.services)

    def wait_some(self, least, most):
        time.sleep(self.random.uniform(least, most))

    def kill_service(self):
        service = self.some_service()
        service.kill()
        self.wait_some(0, 0.5)
        service.start()

    def stop_service(self):
        process = self.some_service().cartd.process
        process.send_signal(signal.SIGSTOP)
        self.wait_some(0.1, STOPPED_S)
        process.send_signal(signal.SIGCONT)

    def jump_clock(self):
        self.jump([self.some_service()])

    def jump_clocks(self):
        """As if the database's clock jumped the other way."""
        self.jump(self.services)

    def jump(self, services):
        """By less than clocks may differ, or by minutes or days."""
        ahead_s = self.random.choice((-40 * 86400, -600, -5, -0.7, 0.7, 5, 600, 40 * 86400))
        for service in services:
            service.clock.set(ahead_s)
        self.wait_some(0.3, 1.0)
        for service in services:
            service.clock.set(0)

    # Its course.

    def run(self):
        if not self.faults:
            raise tap.Skip("this storm has no fault whose name holds %r" % KINDS)
        folder = tempfile.mkdtemp(prefix="cart-storm-")
        load = None
        try:
            self.record["database"] = self.scene.version()
            self.services = [Service(folder, self.scene.settings, number, self.scene.keys) for number in range(SERVICES)]
            ports = [service.cartd.port for service in self.services]
            self.load = load = Load(ports[0], CLIENTS, seed=self.seed, more_ports=ports[1:], crashes=True, slack_s=STOPPED_S + 0.5,
                                         eventual="cache.carts" in SETTINGS, merges=True)
            load.start()
            self.await_recovery(20)
            for name in self.choice_of_faults():
                self.strike(name)
            self.judge(folder)
        except BaseException as error:
            self.record["failed"] = str(error) or repr(error)
            raise
        finally:
            self.write_record()
            if load is not None:
                load.enough.set()
            for service in self.services:
                service.cartd.kill()
            if os.environ.get("CART_KEEP"):
                tap.say("kept " + folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def choice_of_faults(self):
        """All kinds, shuffled, and again."""
        deck = []
        while len(deck) < FAULTS:
            deck += self.random.sample(list(self.faults), len(self.faults))
        return deck[:FAULTS]

    def strike(self, name):
        began = time.monotonic()
        try:
            self.faults[name](self)
            self.done[name] = self.done.get(name, 0) + 1
            self.times.append((began, time.monotonic()))
            self.recoveries.append((self.await_recovery(RECOVERY_S), name))
        except BaseException:
            tap.say("fault %d: %s; complaints: %s" % (sum(self.done.values()), name, self.load.complaints[:SHOWN]))
            for service in self.services:
                tap.say("the log of %d ends:\n%s" % (service.number, service.cartd.log()[-2000:]))
            raise
        number = sum(self.done.values())
        if number % SAID_EVERY == 0:
            tap.say("%s: %d of %d faults" % (self.name, number, FAULTS))

    def await_recovery(self, within_s):
        """A change is acknowledged that soon, and before long one of every client: seconds to the first."""
        before, began = [client.successes for client in self.load.clients], time.monotonic()

        def succeeded():
            return [client.successes > count for client, count in zip(self.load.clients, before)]
        await_that(lambda: any(succeeded()), within_s + 20, "an acknowledged change")
        took = time.monotonic() - began
        assert took <= patience.at_most(within_s), "the first acknowledged change came %.2f s after the fault" % took
        await_that(lambda: all(succeeded()), 30, "a success of every client")
        return took

    def live_through_blip(self, name, begin, end):
        """What begin() does and end() undoes, for a moment. Of what is asked meanwhile nothing fails, but that nobody can say what became of a
        change without a key."""
        began = time.monotonic()
        begin()
        try:
            self.wait_some(*BLIP_S)
        finally:
            end()
        ended = time.monotonic()
        await_that(lambda: all(client.asked_at > ended for client in self.load.clients), 30, "the answers to all that was asked in the blip")
        self.asked += [(name, began, ended, event) for event in list(self.load.events) if began <= event.began <= ended]
        self.blips += 1

    # Its end.

    def look_at_blips(self):
        """What was seen of them. What nobody can find out is none of it: what became of a change without a key, and whether one that was refused
        in the end, as the checkout of an empty cart, still comes."""
        for name, began, ended, event in self.asked:
            if event.outcome == ACKNOWLEDGED or event.error in CART_GONE:
                continue
            if event.outcome == UNKNOWN and event.change is not None and (not event.keyed or event.change.outcome == REFUSED):
                self.open_without_key += not event.keyed
                continue
            self.seen_by[name, event.kind, event.error] += 1
            self.seen.append("a client saw %s of %.0f ms: %s, %s key, asked %.0f ms after its begin, after %.0f ms: %s" % (
                name, 1000 * (ended - began), event.kind, "with" if event.keyed else "without", 1000 * (event.began - began),
                1000 * (event.ended - event.began), event.said))

    def judge(self, folder):
        load = self.load
        load.stop()
        load.settle(SETTLE_S)
        read_at = time.monotonic()
        stored = load.stored()
        wrong = load.wrong(stored) + self.scene.compare_with_tables(stored)
        self.record.update(lost=sum(map(is_lost, wrong)), doubled=sum(map(is_doubled, wrong)))
        load.hang_up()
        for service in self.services:
            wrong += service.wrong + service.cartd.stop()
        self.look_at_blips()
        wrong += self.seen + ["a key's outcome was left open: %s after %.2f s: %s" % (event.kind, event.ended - event.began, event.said)
                              for event in self.left_open()]
        self.report()
        operations = history.of_load(load, stored, read_at)
        try:
            unlinear, counts = history.verdict(operations, os.environ.get("CART_KEEP") and folder)
            self.record.update((name, counts[name]) for name in ("carts", "operations", "not_linearizable", "undecided"))
            tap.say("judge: %s" % counts)
            if unlinear:
                tap.say(history.text_of(operations, unlinear[0]))
            wrong += unlinear
        except tap.Skip as skip:
            self.record["failed"] = None
            if not wrong:
                raise
            tap.say(skip)
        assert not wrong, "%d things are wrong:\n%s" % (len(wrong), "\n".join(wrong[:SHOWN]))
        self.record["failed"] = None

    def left_open(self):
        """Changes with a key whose outcome a service left open although it could have been found out: there was time left, or the last fault
        was over for so long that the service had recovered. (Of one that was refused in the end, as the checkout of an empty cart, nobody can
        say earlier that no try of it still comes. A merge on DynamoDB whose next write is refused has no outcome yet.)"""
        return [event for event in self.load.events if event.keyed and event.error == "OUTCOME_UNKNOWN" and event.change.outcome != REFUSED and (
            (event.kind != "merge" and event.ended - event.began < 0.9 * DEADLINE_S) or not any(
                began < event.ended and event.ended - patience.at_most(RECOVERY_S) < ended for began, ended in self.times))]

    def report(self):
        load = self.load
        outcomes = {outcome: sum(change.outcome == outcome for change in load.changes()) for outcome in (ACKNOWLEDGED, REFUSED, UNKNOWN)}
        ends = sorted(event.ended for event in load.events if event.outcome == ACKNOWLEDGED and event.kind != "read")
        outage = max((after - before for before, after in zip(ends, ends[1:])), default=0)
        slowest, after = max(self.recoveries)
        for what, times in self.seen_by.most_common(SHOWN):
            tap.say("%d times a client saw %s: %s was answered %s" % (times, *what))
        self.record.update(
            outcomes, left_open=len(self.left_open()), outage_s=round(outage, 2), recovery_s=round(slowest, 2), blips=self.blips,
            asked_in_blips=len(self.asked), seen=len(self.seen))
        tap.say("%d faults: %s" % (sum(self.done.values()), ", ".join("%d %s" % (n, name) for name, n in sorted(self.done.items()))))
        tap.say("%d changes acknowledged, %d refused, %d unknown at the end (without a key); %d with a key left open that could have been found "
                "out; longest time without an acknowledged change %.2f s; longest recovery %.2f s (%s); %d blips, in which clients asked %d times, "
                "saw %d failures and did not hear of %d changes without a key; CART_SEED=%s" % (
                    outcomes[ACKNOWLEDGED], outcomes[REFUSED], outcomes[UNKNOWN], len(self.left_open()), outage, slowest, after, self.blips,
                    len(self.asked), len(self.seen), self.open_without_key, self.seed))

    def write_record(self):
        self.record.update(faults=self.done, date=time.strftime("%Y-%m-%d"), build=os.path.basename(os.path.dirname(os.path.dirname(PROGRAM))),
                           processors=len(os.sched_getaffinity(0)))
        os.makedirs(RECORDS, exist_ok=True)
        with open(os.path.join(RECORDS, self.name + ".json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(self.record) + "\n")


def acquire_timeout(backend):
    """The default of one second, and more on a busy machine: a blip must not be seen because nothing gets a processor."""
    return {backend + ".acquire_timeout": "%dms" % min(1000 * patience.at_most(1), 800 * DEADLINE_S)}


# Faults that several kinds of database have.

def killed(database):
    def fault(storm):
        database.kill()
        storm.wait_some(0, 0.5)
        database.start()
    return fault


def stopped(database):
    def fault(storm):
        database.suspend()
        try:
            storm.wait_some(0.1, STOPPED_S)
        finally:
            database.resume()
    return fault


def cut(proxy, where):
    """A few connections, at this point of a request or its answer."""
    def fault(storm):
        before, wanted = proxy.cuts, storm.random.randint(1, 8)
        proxy.cut(where, storm.random.randint(3, 20))
        await_that(lambda: proxy.cuts >= before + wanted, 30, "%d connections cut %s" % (wanted, where))
        proxy.cut(None, 0)
    return fault


def cuts(proxy):
    return {"cut " + where: cut(proxy, where) for where in (
        cut_proxy.WITHIN_REQUEST, cut_proxy.AFTER_REQUEST, cut_proxy.BEFORE_ANSWER, cut_proxy.WITHIN_ANSWER)}


def silenced(proxy, seconds):
    """Connections over which nothing passes any more; the service gives them up after so long."""
    def fault(storm):
        proxy.silence()
        time.sleep(seconds)
    return fault


def full(folder):
    """The disk has no byte left for a while."""
    def fault(storm):
        ballast = os.path.join(folder, "ballast")
        disk.fill(ballast)
        storm.wait_some(0.2, 1.0)
        os.unlink(ballast)
    return fault


def blip(name, begin, end):
    return lambda storm: storm.live_through_blip(name, begin, end)
