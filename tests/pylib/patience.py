"""A clock for limits of time, so that no test depends on how fast the machine is: tests/lib/patience.h says what it is for."""

import collections
import functools
import os
import threading
import time

LOOK_S = 0.02
BEAT_S, LATE_S, LATELY_S = 0.1, 0.5, 60


@functools.lru_cache(None)
def pulse():
    """It beats from when it is first asked for: a program may have to do something before it has threads."""
    beats = Pulse()
    beats.start()
    return beats


class Pulse(threading.Thread):
    """Sees by its own delays when the machine, or this process, stands still."""

    def __init__(self):
        super().__init__(daemon=True)
        self.beat, self.total, self.seen = time.monotonic(), 0.0, collections.deque(maxlen=1000)

    def run(self):
        while True:
            time.sleep(BEAT_S)
            late, self.beat = self.late(), time.monotonic()
            if late:
                self.total += late
                self.seen.append((self.beat, late))

    def late(self):
        late = time.monotonic() - self.beat - BEAT_S
        return late if late > LATE_S else 0.0

    def stood_still(self):
        """Seconds, since the beginning."""
        return self.total + self.late()

    def stood_still_lately(self):
        since = time.monotonic() - LATELY_S
        return sum(late for at, late in list(self.seen) if at > since) + self.late()


def crowding():
    """Threads that want to run for each processor, now or over the last minute; 1 at least."""
    with open("/proc/loadavg", encoding="ascii") as file:
        fields = file.read().split()
    return max(1.0, max(int(fields[3].split("/")[0]), float(fields[0])) / len(os.sched_getaffinity(0)))


def at_most(seconds):
    """The limit that something need not keep on a quiet machine alone."""
    return seconds * crowding() + pulse().stood_still_lately()


class Clock:
    """Runs slower than the system's, by as many times as more threads want to run than there are processors; it stops when they do."""

    def __init__(self):
        self.lock = threading.Lock()
        self.read, self.seconds, self.crowd, self.still = time.monotonic(), 0.0, 1.0, 0.0

    def now(self):
        with self.lock:
            elapsed = time.monotonic() - self.read
            if elapsed >= LOOK_S:
                crowd, still = crowding(), pulse().stood_still()
                self.seconds += max(0.0, elapsed - max(0.0, still - self.still)) / max(crowd, self.crowd)
                self.read, self.crowd, self.still = self.read + elapsed, crowd, still
            return self.seconds


now = Clock().now
