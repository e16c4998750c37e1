"""A storm: two cartd on one database under load, hundreds of faults one after another, drawn by a seed, and the verdict in the end.

The verdict is made twice: by the ledger of tests/fault (nothing acknowledged is lost, nothing is applied twice), and by a judge that this
project has not written (history.py: every cart is linearizable). CART_SEED repeats a storm's choice of faults and requests; how they
meet differs. FAULTS=20 makes it shorter.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "fault")]
import disk  # noqa: E402 (where it is is known only now)
import history  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from ledger import ACKNOWLEDGED, REFUSED, UNKNOWN  # noqa: E402
from load import DEADLINE_S, Load  # noqa: E402
from scene import RECOVERY_S, SHOWN  # noqa: E402
from wrong_clock import WrongClock  # noqa: E402

FAULTS = int(os.environ.get("FAULTS", "200"))
SERVICES = 2
CLIENTS = 24
SETTLE_S = 60
STOPPED_S = 2.5  # the longest time for which a fault lasts


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
        self.cartd = Cartd(self.folder, {**self.settings, "listen": self.listen}, "cartd-%d" % self.starts, self.clock.wrapper,
                           self.keys)

    def kill(self):
        """What its log says is looked at as if it had ended in order."""
        self.cartd.kill()
        self.wrong += [line for line in self.cartd.end() if line.startswith("cartd's log")]


class Storm:
    """scene: one of tests/fault (not entered), for what it knows of the database. faults: {name: function of the storm}, beside those that
    befall the services."""

    def __init__(self, scene, faults, count=FAULTS):
        self.scene, self.count = scene, count
        self.faults = {"service killed": Storm.kill_service, "service stopped": Storm.stop_service,
                       "clock jumped": Storm.jump_clock, **faults}
        self.seed = os.environ.get("CART_SEED") or str(random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.done, self.recoveries, self.services = {}, [], []

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
        """By less than clocks may differ, or by minutes or days."""
        clock = self.some_service().clock
        clock.set(self.random.choice((-40 * 86400, -600, -5, -0.7, 0.7, 5, 600, 40 * 86400)))
        self.wait_some(0.3, 1.0)
        clock.set(0)

    # Its course.

    def run(self):
        folder = tempfile.mkdtemp(prefix="cart-storm-")
        load = None
        try:
            self.services = [Service(folder, self.scene.settings, number, self.scene.keys) for number in range(SERVICES)]
            ports = [service.cartd.port for service in self.services]
            self.load = load = Load(ports[0], CLIENTS, seed=self.seed, more_ports=ports[1:], crashes=True, slack_s=STOPPED_S + 0.5)
            load.start()
            self.await_recovery(20)
            for _ in range(self.count):
                self.strike()
            self.judge(folder)
        finally:
            if load is not None:
                load.enough.set()
            for service in self.services:
                service.cartd.kill()
            if os.environ.get("CART_KEEP"):
                tap.say("kept " + folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def strike(self):
        name = self.random.choice(list(self.faults))
        try:
            self.faults[name](self)
            self.done[name] = self.done.get(name, 0) + 1
            self.recoveries.append((self.await_recovery(RECOVERY_S), name))
        except BaseException:
            tap.say("fault %d: %s; complaints: %s" % (sum(self.done.values()), name, self.load.complaints[:SHOWN]))
            for service in self.services:
                tap.say("the log of %d ends:\n%s" % (service.number, service.cartd.log()[-2000:]))
            raise

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

    # Its end.

    def judge(self, folder):
        load = self.load
        load.stop()
        load.settle(SETTLE_S)
        read_at = time.monotonic()
        stored = load.stored()
        wrong = load.wrong(stored) + self.scene.compare_with_tables(stored)
        load.hang_up()
        for service in self.services:
            wrong += service.wrong + service.cartd.stop()
        self.report()
        assert not wrong, "%d things are wrong:\n%s" % (len(wrong), "\n".join(wrong[:SHOWN]))
        operations = history.of_load(load, stored, read_at)
        unlinear, counts = history.verdict(operations, os.environ.get("CART_KEEP") and folder)
        tap.say("judge: %s" % counts)
        if unlinear:
            tap.say(history.text_of(operations, unlinear[0]))
        assert not unlinear, "\n".join(unlinear[:SHOWN])

    def early_unknown(self):
        """Changes with a key whose outcome a service left open although there was time left to find it out."""
        return [event for event in self.load.events if event.keyed and event.error == "OUTCOME_UNKNOWN"
                and event.ended - event.began < 0.9 * DEADLINE_S]

    def report(self):
        load = self.load
        outcomes = {outcome: sum(change.outcome == outcome for change in load.changes()) for outcome in (ACKNOWLEDGED, REFUSED, UNKNOWN)}
        ends = sorted(event.ended for event in load.events if event.outcome == ACKNOWLEDGED and event.kind != "read")
        outage = max((after - before for before, after in zip(ends, ends[1:])), default=0)
        slowest, after = max(self.recoveries)
        tap.say("%d faults: %s" % (sum(self.done.values()), ", ".join("%d %s" % (n, name) for name, n in sorted(self.done.items()))))
        tap.say("%d changes acknowledged, %d refused, %d unknown at the end (without a key); %d with a key left open before the deadline; "
                "longest time without an acknowledged change %.2f s; longest recovery %.2f s (%s); CART_SEED=%s" % (
                    outcomes[ACKNOWLEDGED], outcomes[REFUSED], outcomes[UNKNOWN], len(self.early_unknown()), outage, slowest, after,
                    self.seed))


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
