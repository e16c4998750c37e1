"""What the processors do during a slice, and database servers with a core of their own."""

import os
import statistics
import time

from beside import on_processors
from servers import LOAD_CORE, SERVER_CORE, TICKS

QUIET = 0.15  # of one core: when others take more, a slice is disturbed


class Meter:
    """Over a `with` block: .seconds, .cpu (processor time of each of the servers), .others (what other processes took, as a share of a core)."""

    def __init__(self, *servers):
        self.servers = servers

    def _now(self):
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
        machine = (user + nice + system + irq + softirq + steal) / TICKS
        ours = sum(os.times()[:4])  # this process and its children that have ended
        return [time.monotonic(), machine, ours, *(server.cpu_seconds() for server in self.servers)]

    def __enter__(self):
        self.before = self._now()
        return self

    def __exit__(self, *_):
        self.seconds, machine, ours, *self.cpu = (after - before for after, before in zip(self._now(), self.before))
        self.others = max(0.0, (machine - ours - sum(self.cpu)) / self.seconds)


def undisturbed(pair):
    return all(side["others_cpu"] <= QUIET for side in pair)


def disturbance(pairs):
    """A note, and whether it forbids a verdict."""
    worst = max(side["others_cpu"] for pair in pairs for side in pair)
    return (f"; others took up to {worst:.0%} of a core", True) if worst > QUIET else ("", False)


def shares(pairs):
    a, b = (f"{statistics.median(pair[i]['db_cpu'] for pair in pairs):.0%}" for i in (0, 1))
    return f"; the database was busy for {b} and {a} of the time"


class Database:
    """A private server on a core of its own, whose processor time is counted beside what is measured on it. Use it with `with`: server
    and data end with the block. make() makes the server, one of beside.py's; settings are what every cartd on it gets."""

    settings = ()

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        self.server = self.make()
        try:
            with on_processors({SERVER_CORE}):
                self.server.start()
            os.environ.update(self.server.environment())
        except BaseException:
            self.server.close()
            raise
        return self

    def __exit__(self, *_):
        self.server.close()

    def cpu_seconds(self):
        """Of all its threads, including those that have ended; in hundredths of a second."""
        with open(f"/proc/{self.server.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def cartd(self, *settings):
        """Starts a cartd on the core of the load: the database has its own core, as it has for the floor."""
        return self.bench.cartd(*self.settings, *settings, cores=(LOAD_CORE,))

    def watch(self, work, *servers):
        """What work() counted, with the processor time of the database and the share that other processes took."""
        with Meter(self, *servers) as meter:
            counted = work()
        cost = max(meter.cpu[0], 1 / TICKS)
        counted.update(db_cpu=cost / meter.seconds, per_db_cpu_s=counted["per_s"] * counted["seconds"] / cost, others_cpu=meter.others)
        return counted

    def load(self, cartd, connections, load, ids, seconds=None):
        """Runs HTTP clients on the core of cartd for a slice."""
        return self.watch(lambda: self.bench.wrk(cartd, connections, load, ids, seconds=seconds), cartd)
