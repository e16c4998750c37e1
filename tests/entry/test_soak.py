#!/usr/bin/python3
"""tests/soak: that it sees a leak which is made on purpose and no other, and its statistics. The soaks themselves are for `make soak`."""

import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, "pylib"), os.path.join(HERE, os.pardir, "soak")]
import slopes  # noqa: E402
from cartd import ROOT  # noqa: E402
from tap import main_of  # noqa: E402

PROGRAM = os.path.join(ROOT, "build", "release", "bin", "cartd-test")
LEAK, TOLERATED = 8192, 1024  # bytes for each request: the least requests are enough to tell
REQUESTS = 1500


def noise(seed, phi=0.0, count=45):
    """Of a first-order autoregression with a deviation of 1."""
    draw, values = random.Random(seed), [0.0]
    for _ in range(count + 50):
        values.append(phi * values[-1] + draw.gauss(0, (1 - phi ** 2) ** 0.5))
    return values[-count:]


def a_slope_is_found_through_outages():
    ys = [0.2 * x + value for x, value in enumerate(noise(1))]
    for outage in (5, 17, 30):
        ys[outage] += 1000
    found = slopes.slope(list(range(len(ys))), ys)
    return "" if found.low < 0.2 < found.high and found.high - found.low < 0.1 else vars(found).__repr__()


def the_interval_holds_its_promise():
    """In 400 rows without growth, with neighbours that are alike or not, and also where memory only comes in pages."""
    wrong = []
    for phi, step in ((0.0, 0), (0.6, 0), (0.0, 1.0)):
        missed = 0
        for seed in range(400):
            ys = noise(seed, phi)
            found = slopes.slope(list(range(len(ys))), [step * round(y / step) for y in ys] if step else ys)
            missed += not found.low <= 0 <= found.high
        if missed > 0.10 * 400:
            wrong.append("phi=%g, steps of %g: %d of 400 intervals miss 0" % (phi, step, missed))
    return "\n".join(wrong)


def verdicts_are_flat_growing_or_open():
    found = [slopes.Slope(1, low, high).verdict(1) for low, high in ((-5, 0.9), (1.1, 3), (0.5, 2))]
    return "" if found == [slopes.FLAT, slopes.GROWING, slopes.OPEN] else str(found)


def soak(*words, requests=REQUESTS):
    """Its exit status, what it said, and what it judged, of a short run."""
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run([os.path.join(ROOT, "tests", "soak", "soak.py"), "--backend", "memory", "--requests", str(requests), "--quick", "--bytes",
                               str(TOLERATED), "--out", out.name, *words], env={**os.environ, "CARTD": PROGRAM}, capture_output=True, text=True, check=False)
        assert done.stdout.splitlines() and done.stdout.splitlines()[-1].startswith("soak: "), done.stdout + done.stderr
        with open(out.name, encoding="utf-8") as file:
            found = json.load(file)
    return done.returncode, done.stdout, {what: judged[3] for what, judged in found["judged"].items()}


def a_leak_is_seen():
    status, said, judged = soak("--set", "backend=fault", "--set", "fault.over=memory", "--set", "fault.leak=%dB" % LEAK)
    return "" if (status, judged["anonymous"], judged["rss"]) == (1, slopes.GROWING, slopes.GROWING) else said


def without_one_none_is_seen():
    status, said, judged = soak("--tls", "--ids", "string")
    if slopes.OPEN in (judged["anonymous"], judged["rss"]):
        # Too few requests on this machine to tell: more of them have to.
        status, said, judged = soak("--tls", "--ids", "string", requests=4 * REQUESTS)
    return "" if (status, judged["anonymous"], judged["rss"], judged["threads"]) == (0, slopes.FLAT, slopes.FLAT, slopes.FLAT) else said


if __name__ == "__main__":
    main_of([a_slope_is_found_through_outages, the_interval_holds_its_promise, verdicts_are_flat_growing_or_open, a_leak_is_seen, without_one_none_is_seen])
