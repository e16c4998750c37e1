"""A clock for limits of time, so that no test depends on how fast the machine is: tests/lib/patience.h says what it is for."""

import os
import threading
import time

LOOK_S = 0.02


def crowding():
    """Threads that want to run for each processor, now or over the last minute; 1 at least."""
    with open("/proc/loadavg", encoding="ascii") as file:
        fields = file.read().split()
    return max(1.0, max(int(fields[3].split("/")[0]), float(fields[0])) / len(os.sched_getaffinity(0)))


def at_most(seconds):
    """The limit that something need not keep on a quiet machine alone."""
    return seconds * crowding()


class Clock:
    """Runs slower than the system's, by as many times as more threads want to run than there are processors."""

    def __init__(self):
        self.lock = threading.Lock()
        self.read, self.seconds, self.crowd = time.monotonic(), 0.0, 1.0

    def now(self):
        with self.lock:
            elapsed = time.monotonic() - self.read
            if elapsed >= LOOK_S:
                crowd = crowding()
                self.seconds += elapsed / max(crowd, self.crowd)
                self.read, self.crowd = self.read + elapsed, crowd
            return self.seconds


now = Clock().now
