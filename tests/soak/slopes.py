"""Whether a row of values grows: the slope by Theil and Sen, its interval, and a verdict.

The slope is the median of those of all pairs, which single bad values (a minute with an outage in it) do not move. Its interval is Sen's
(1968), from the distribution of Kendall's S, whose variance is multiplied by (1 + r) / (1 - r) for neighbours that resemble each other (r is the
lag-1 autocorrelation of what the line leaves; Yue and Wang 2004).
"""

import math
import statistics

FLAT, GROWING, OPEN = "flat", "growing", "not decidable"
WINDOWS_MIN = 10
LAG_MAX = 0.9


class Slope:
    """Of y over x; low and high are the ends of the interval."""

    def __init__(self, estimate, low, high):
        self.estimate, self.low, self.high = estimate, low, high

    def verdict(self, tolerance):
        """flat: certainly not above the tolerance; growing: certainly above it."""
        return FLAT if self.high <= tolerance else GROWING if self.low > tolerance else OPEN

    def times(self, factor):
        return Slope(self.estimate * factor, self.low * factor, self.high * factor)


def lag1(values):
    mean = statistics.fmean(values)
    spread = sum((value - mean) ** 2 for value in values)
    if spread == 0:
        return 0.0
    found = sum((a - mean) * (b - mean) for a, b in zip(values, values[1:])) / spread
    # In a short row it comes out too small (Marriott and Pope 1954).
    return min(LAG_MAX, max(0.0, found + (1 + 4 * max(0.0, found)) / len(values)))


def slope(xs, ys, confidence=0.95):
    n = len(xs)
    assert n == len(ys) and n >= WINDOWS_MIN, "%d values are too few" % n
    slopes = sorted((ys[j] - ys[i]) / (xs[j] - xs[i]) for i in range(n) for j in range(i + 1, n) if xs[j] > xs[i])
    estimate = statistics.median(slopes)
    r = lag1([y - estimate * x for x, y in zip(xs, ys)])
    deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18 * (1 + r) / (1 - r))
    reach = statistics.NormalDist().inv_cdf((1 + confidence) / 2) * deviation
    low, high = round((len(slopes) - reach) / 2), round((len(slopes) + reach) / 2)
    return Slope(estimate, slopes[max(0, low - 1)], slopes[min(len(slopes) - 1, high)])


def quantile(values, share):
    """None without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
