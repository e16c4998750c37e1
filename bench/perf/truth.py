"""What an ideal client of a service with known delays and stalls measures: computed, not measured.

The service draws a delay for each request from a table. For `stall` at the end of each `every` it stands still: nothing is answered, and
no delay passes (backends/fault/delays.h). The client sends each request at its time, whatever the answers do, and loses no time itself.
All times are in milliseconds.
"""

import itertools
import random
import statistics

QUANTILES = (0.5, 0.99, 0.999)
PHASES = 20000


def due(now, delay, stall, every):
    """When a request that came at now, counted from the start of a period, is answered."""
    running = every - stall
    periods, at = divmod(now, every)
    start = periods * every
    if at >= running:
        start, at = start + every, 0.0
    return start + at + delay + (at + delay) // running * stall


def quantile(times, share):
    """Of sorted times, the smallest that share of them does not exceed."""
    return times[max(0, min(len(times) - 1, round(share * len(times)) - 1))]


def responses(delays, stall, every):
    """Sorted response times of requests that come at all times of a period alike."""
    arrivals = [(i + 0.5) * every / PHASES for i in range(PHASES)]
    return sorted(due(now, delay, stall, every) - now for now in arrivals for delay in delays)


def longest_gap(delays, stall, every, rate, seconds, runs=20):
    """Median over simulated runs of the longest time without an answer, with random arrivals at `rate` a second."""
    random_ = random.Random(1)
    gaps = []
    for _ in range(runs):
        now, answers = random_.uniform(0, every), []
        end = now + seconds * 1000
        while now < end:
            now += random_.expovariate(rate / 1000)
            answers.append(due(now, random_.choice(delays), stall, every))
        answers.sort()
        gaps.append(max(later - earlier for earlier, later in itertools.pairwise(answers)))
    return statistics.median(gaps)
