"""Two sides measured in turn, and what their rounds come to."""

import statistics

BUSY = 0.90  # of its core: below it the server was not what limited a slice


def alternate(bench, a, b, good=lambda pair: True):
    """Pairs of what a() and b() return, alternating; every other round begins with b. Rounds that are not good are repeated, up to
    half as many again; when too few are good even so, all count."""
    pairs = []
    for i in range(bench.rounds + bench.rounds // 2):
        if i % 2 == 0:
            first = a()
            pairs.append((first, b()))
        else:
            second = b()
            pairs.append((a(), second))
        if sum(map(good, pairs)) == bench.rounds:
            return [pair for pair in pairs if good(pair)]
    return pairs


def kept_busy(pair):
    """Both servers had their core, and used it: nothing else was measured."""
    return all(side["server_cpu"] >= BUSY for side in pair)


def median_of(pairs, key):
    return [statistics.median(pair[i][key] for pair in pairs) for i in (0, 1)]


def rates(pairs, names):
    a, b = median_of(pairs, "per_s")
    return f"{names[1]} {b:,.0f}/s, {names[0]} {a:,.0f}/s"


def add_ratio(results, key, what, pairs, target, names, note="", disturbed=False):
    ratios = [b["per_s"] / a["per_s"] for a, b in pairs]
    results.add(key, what, statistics.median(ratios), target, "higher", "×", rates(pairs, names) + note, ratios, disturbed)


def add_busy_ratio(results, key, what, pairs, target, names):
    """A ratio of two servers that should both be at their core's limit."""
    note = ""
    if not all(map(kept_busy, pairs)):
        b, a = (f"{share:.0%}" for share in median_of(pairs, "server_cpu"))
        note = f"; they had only {a} and {b} of their core"
    add_ratio(results, key, what, pairs, target, names, note, disturbed=note != "")
    add_cpu_ratio(results, key, pairs, target, "higher")


def add_cpu_ratio(results, key, pairs, target, better, of="per_cpu_s", what="the same by processor time"):
    """By processor time, which neighbours on the machine disturb less: answers a second of it ("higher"), or its cost an answer
    ("lower")."""
    a, b = median_of(pairs, of)
    ratios = [b[of] / a[of] for a, b in pairs]
    if better == "lower":
        ratios = [1 / ratio for ratio in ratios]
    results.add(
        key + "_cpu", what, statistics.median(ratios), target, better, "×",
        f"{1e6 / b:.1f} µs an answer against {1e6 / a:.1f} µs", ratios,
    )


