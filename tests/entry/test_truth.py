#!/usr/bin/python3
"""What bench/perf/run-open takes for the truth of a service that stalls: against values worked out by hand, and a clock that ticks."""

import os
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "pylib"), os.path.join(ROOT, "bench", "perf")]
import truth  # noqa: E402
from tap import main  # noqa: E402

STALL, EVERY = 100, 1000


def ticking(now, delay):
    """When it is answered, in whole milliseconds: nothing passes in a stall, and nothing is answered."""
    while now % EVERY >= EVERY - STALL or delay:
        delay -= now % EVERY < EVERY - STALL
        now += 1
    return now


def due_is_a_clock_that_stands_still(_):
    cases = [(now, delay) for now in (*range(0, 40, 7), *range(860, 1030, 3)) for delay in (0, 1, 39, 100, 899, 900, 901, 2000)]
    wrong = [(now, delay) for now, delay in cases if truth.due(now, delay, STALL, EVERY) != ticking(now, delay)]
    return f"other answers of {wrong}" if wrong else ""


def quantiles_are_those_worked_out_by_hand(_):
    """Delay 5: of 1,000 ms of arrivals the 5 before the stall wait for 105 ms, the 100 in it for 105 to 5, the others for 5."""
    found = [truth.quantile(truth.responses([5], STALL, EVERY), share) for share in truth.QUANTILES]
    return "" if all(abs(ms / wanted - 1) < 0.001 for ms, wanted in zip(found, (5, 100, 105))) else str(found)


def the_longest_gap_is_a_stall_and_a_bit(_):
    gap = truth.longest_gap([5], STALL, EVERY, 1000, 5, runs=3)
    return "" if STALL < gap < STALL + 10 else str(gap)


def run_all(tap):
    for test in (due_is_a_clock_that_stands_still, quantiles_are_those_worked_out_by_hand, the_longest_gap_is_a_stall_and_a_bit):
        tap.run(test.__name__.replace("_", " "), test, None)


if __name__ == "__main__":
    main(run_all)
