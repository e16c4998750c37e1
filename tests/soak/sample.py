"""What a process takes at a moment."""

import os
import re

ROLLUP = {"rss": "Rss", "pss": "Pss", "anonymous": "Anonymous"}


def read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def sample(pid):
    """Memory in KiB: rss is all, pss counts shared pages by their share, anonymous is heap and stacks. Descriptors and threads."""
    rollup = dict(re.findall(r"(\w+): +(\d+) kB", read("/proc/%d/smaps_rollup" % pid)))
    threads = re.search(r"Threads:\t(\d+)", read("/proc/%d/status" % pid)).group(1)
    return {**{name: int(rollup[field]) for name, field in ROLLUP.items()},
            "descriptors": len(os.listdir("/proc/%d/fd" % pid)), "threads": int(threads)}
