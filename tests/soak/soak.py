#!/usr/bin/python3
"""Runs a cartd for long under mixed load and faults, and says whether memory, descriptors, threads or latency grow: `make soak`.

$CARTD is another cartd. The time is cut into 60 windows; those of the first quarter warm up and are not judged. Of memory, descriptors and
threads a window has the median of what /proc said every second or more often, of latency p50 and p99 of its good answers. The slope is Theil
and Sen's with an interval of 95 % (slopes.py). Verdicts: flat (certainly below what is tolerated), growing (certainly above), not decidable.
Exit status 1 if memory, descriptors or threads grow, or if cartd did not end well.
"""

import argparse
import contextlib
import datetime
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "pylib"), os.path.join(ROOT, "tools")]
import cartd  # noqa: E402
import page  # noqa: E402
import slopes  # noqa: E402
import troubles  # noqa: E402
from access import Access  # noqa: E402
from crowd import BadClient, Shopper  # noqa: E402
from sample import sample  # noqa: E402

WINDOWS, WARM_UP = 60, 15
RECORDS = os.path.join(ROOT, "build", "soak")
PAGE = os.path.join(ROOT, "docs", "reliability.md")
ROWS = ("<!-- make soak DOCS=1 writes what came of the soaks from here -->\n", "<!-- soaks to here -->\n")
NAMES = {"memory": "memory", "sqlite": "SQLite", "mysql": "MySQL", "dynamodb": "DynamoDB"}
HEAD = page.head("Soak", "Server", "Minutes", "Requests", "Faults", "RSS, MiB", "RSS, MiB an hour", "Heap and stacks, bytes a request", "Descriptors an hour",
                 "Threads an hour", "p50, ms; % an hour", "p99, ms; % an hour", "Run")
# What is kept for a while is kept so short that it has come to its greatest number when the warm-up ends.
SETTINGS = {"threads": "2", "core_dumps": "true", "idempotency.window": "20s", "request.deadline": "5s",
            "clock.skew": "10s", "sweep.grace": "10s", "cart.ttl": "1h", "cache.carts": "50", "http.header_deadline": "2s",
            "http.idle_timeout": "3s", "http.max_connections": "500", "log.file": "cartd.txt"}
# Growth that is tolerated: of descriptors and threads in an hour, of latency in an hour by its share.
TOLERATED = {"descriptors": 1.0, "threads": 1.0, "p50": 0.1, "p99": 0.25}
JUDGED = ("rss", "anonymous", "descriptors", "threads")
TROUBLE_S = 10.0


class Faults(threading.Thread):
    """SIGHUP, and the backend's troubles one after another."""

    def __init__(self, backend, access, process, enough):
        super().__init__(name="faults", daemon=True)
        self.backend, self.access, self.process, self.enough = backend, access, process, enough
        self.counts, self.failed = {}, None

    def run(self):
        try:
            turn = 0
            while True:
                for trouble in [self.reload, *self.backend.troubles()]:
                    if self.enough.wait(TROUBLE_S if turn else TROUBLE_S / 10):
                        return
                    turn += 1
                    trouble()
                    self.counts[trouble.__name__] = self.counts.get(trouble.__name__, 0) + 1
        except Exception as error:  # the verdict tells it
            self.failed = "faults: %r" % error
            raise

    def reload(self):
        """Rotates the log, and the old one goes; and renews the certificate, if there is one."""
        path = os.path.join(self.backend.folder, SETTINGS["log.file"])
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, path + ".old")
        if self.access.tls:
            self.access.renew()
        self.process.send_signal(signal.SIGHUP)


class Soak:
    def __init__(self, options, backend, enough):
        self.options, self.backend, self.enough = options, backend, enough
        self.windows, self.asked, self.unserved = [], 0, 0

    def run(self):
        access = Access(self.backend.folder, self.options.ids, self.options.tls)
        settings = {**SETTINGS, **access.settings(), **self.backend.settings(), **dict(pair.split("=", 1) for pair in self.options.set)}
        with Cartd(self.backend.folder, settings, keys=self.backend.keys) as service:
            pause_s = 0.0 if self.options.quick else 0.04
            self.shoppers = [Shopper(service.port, number, access, self.enough, pause_s) for number in range(6)]
            bad = [BadClient(service.port, number, access, self.enough, 0.2) for number in range(3)]
            self.faults = Faults(self.backend, access, service.process, self.enough)
            workers = [*self.shoppers, *bad, self.faults]
            for worker in workers:
                worker.start()
            self.began = time.monotonic()
            try:
                for number in range(WINDOWS):
                    self.windows.append(self.window(number, service, workers))
            finally:
                self.enough.set()
                for worker in workers:
                    worker.join(30)
            self.failed = [worker.failed for worker in workers if worker.failed] + service.stop()

    def over(self, number):
        """The end of a window: a time, or a number of requests."""
        if self.options.requests:
            return sum(len(shopper.took) for shopper in self.shoppers) >= self.options.requests / WINDOWS
        return time.monotonic() >= self.began + (number + 1) * self.options.minutes * 60 / WINDOWS

    def window(self, number, service, workers):
        seen, took = [], []
        every_s = 0.02 if self.options.requests else min(1.0, self.options.minutes * 60 / WINDOWS / 10)
        while True:
            time.sleep(every_s)
            assert service.is_running(), "cartd has ended: %s" % service.log()[-2000:]
            broken = [worker.failed for worker in workers if worker.failed]
            assert not broken, broken
            seen.append(sample(service.process.pid))
            if self.over(number):
                break
        for shopper in self.shoppers:
            times, asked, unserved = shopper.take()
            took += times
            self.asked, self.unserved = self.asked + asked, self.unserved + unserved
        return {"seconds": time.monotonic() - self.began, "asked": self.asked, "p50": slopes.quantile(took, 0.5), "p99": slopes.quantile(took, 0.99),
                **{name: statistics.median(moment[name] for moment in seen) for name in seen[0]}}


class Cartd(cartd.Cartd):
    def log(self):
        """Of both files: what it said before it opened log.file is in the first."""
        path = os.path.join(os.path.dirname(self.log_path), SETTINGS["log.file"])
        text = super().log()
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="backslashreplace") as log:
                text += log.read()
        return text


def judge(windows, bytes_tolerated):
    """{what: (level, slope, what is tolerated, verdict)}: memory in KiB and bytes for each request, all else for an hour."""
    windows = windows[WARM_UP:]
    found = {}
    for what in ("rss", "pss", "anonymous"):
        kept = [(window["asked"], window[what] * 1024) for window in windows]
        found[what] = (statistics.median(window[what] for window in windows), slopes.slope(*zip(*kept)), bytes_tolerated)
    for what, tolerated in TOLERATED.items():
        kept = [(window["seconds"] / 3600, window[what]) for window in windows if window[what] is not None]
        if len(kept) >= slopes.WINDOWS_MIN:
            level = statistics.median(value for _, value in kept)
            found[what] = (level, slopes.slope(*zip(*kept)), tolerated * (level if what in ("p50", "p99") else 1.0))
    return {what: (level, slope, tolerated, slope.verdict(tolerated)) for what, (level, slope, tolerated) in found.items()}


def rate(windows):
    """Requests an hour."""
    return 3600 * (windows[-1]["asked"] - windows[WARM_UP]["asked"]) / (windows[-1]["seconds"] - windows[WARM_UP]["seconds"])


def cell(slope, verdict, form="%.2f"):
    return "%s (%s … %s): %s" % (form % slope.estimate, form % slope.low, form % slope.high, verdict)


def row(record):
    judged = {what: (level, slopes.Slope(*slope), tolerated, verdict) for what, (level, slope, tolerated, verdict) in record["judged"].items()}
    hourly = record["requests_an_hour"] / 2 ** 20
    level, slope, _, verdict = judged["rss"]
    cells = ["%.1f" % (level / 1024), cell(slope.times(hourly), verdict), cell(judged["anonymous"][1], judged["anonymous"][3])]
    cells += [cell(judged[what][1], judged[what][3]) for what in ("descriptors", "threads")]
    for what in ("p50", "p99"):
        level, slope, _, verdict = judged.get(what) or (0, None, 0, "")
        cells.append("%.1f; %s" % (level * 1000, cell(slope.times(100 / level), verdict, "%.0f")) if slope else "–")
    faults = ", ".join("%d × %s" % (count, name.replace("_", " ")) for name, count in record["faults"].items())
    return page.line(NAMES[record["backend"]], record["server"], "%.1f" % record["minutes"], "{:,}, {:,} of them not served".format(record["asked"], record["unserved"]),
                     faults, *cells, "%s, %s, %d processors" % (record["date"], record["build"], record["processors"]))


def write(record, options):
    if not options.out:
        os.makedirs(RECORDS, exist_ok=True)
    with open(options.out or os.path.join(RECORDS, record["backend"] + ".json"), "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
    if options.docs:
        page.write_rows(PAGE, *ROWS, HEAD, {NAMES[record["backend"]]: row(record)}, list(NAMES.values()))


def parse():
    parser = argparse.ArgumentParser(prog="tests/soak/soak.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=troubles.KINDS, required=True)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", metavar="N", type=float, default=60, help="how long (default: %(default)g)")
    length.add_argument("--requests", metavar="N", type=int, default=0, help="how many requests, in place of a time")
    parser.add_argument("--ids", choices=("integer", "string"), default="integer", help="of customers and products (default: %(default)s)")
    parser.add_argument("--tls", action="store_true", help="cartd has a certificate, another one after each SIGHUP")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting of cartd's")
    parser.add_argument("--bytes", metavar="N", type=float, default=2.0,
                        help="memory may grow by so many bytes for each request (default: %(default)g; the smallest piece that malloc gives has 32)")
    parser.add_argument("--quick", action="store_true", help="the least that says something: no pauses between requests")
    parser.add_argument("--out", metavar="FILE", default="", help="the result, in place of build/soak/BACKEND.json")
    parser.add_argument("--docs", action="store_true", help="also writes the row into docs/reliability.md")
    return parser.parse_args()


def main():
    options = parse()
    enough = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="cart-soak-")
    try:
        with troubles.KINDS[options.backend](folder, enough.wait) as backend:
            soak = Soak(options, backend, enough)
            soak.run()
            server = ", ".join([backend.version(), *(["TLS"] if options.tls else []), *(["ids are strings"] if options.ids == "string" else [])])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    judged = judge(soak.windows, options.bytes)
    build = subprocess.run([cartd.PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    record = {
        "backend": options.backend, "server": server, "minutes": soak.windows[-1]["seconds"] / 60, "asked": soak.asked, "unserved": soak.unserved,
        "requests_an_hour": rate(soak.windows), "faults": soak.faults.counts, "build": build, "date": datetime.date.today().isoformat(),
        "processors": len(os.sched_getaffinity(0)), "windows": soak.windows,
        "judged": {what: (level, (slope.estimate, slope.low, slope.high), tolerated, verdict)
                   for what, (level, slope, tolerated, verdict) in judged.items()}}
    write(record, options)
    for what, (level, slope, tolerated, verdict) in judged.items():
        print("%-12s %12.6g, slope %10.4g (%.4g … %.4g), tolerated %.4g: %s" % (what, level, slope.estimate, slope.low, slope.high, tolerated, verdict))
    for text in soak.failed:
        print("failed: " + text)
    grows = [what for what in JUDGED if judged[what][3] == slopes.GROWING]
    unsure = [what for what in JUDGED if judged[what][3] == slopes.OPEN]
    print(HEAD + row(record))
    print("soak: %s: %d requests in %.1f minutes; growing: %s; not decidable: %s" % (
        "FAILED" if grows or soak.failed else "PASSED", soak.asked, record["minutes"], ", ".join(grows) or "nothing", ", ".join(unsure) or "nothing"))
    return 1 if grows or soak.failed else 0


if __name__ == "__main__":
    sys.exit(main())
