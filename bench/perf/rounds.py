"""Measures two sides in turn, and adds the results of the rounds."""

import statistics

from watch import disturbance, shares, undisturbed

BUSY = 0.90  # of its core: below it the server was not what limited a slice


def alternate(bench, a, b, good=undisturbed):
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


def any_pair(_):
    return True


def kept_busy(pair):
    """Both servers had their core, and used it: nothing else was measured."""
    return all(side["server_cpu"] >= BUSY for side in pair)


def best_of(ways, rate_of):
    """The way with the highest rate, of two tries each, and that rate. A slow disk or a neighbour can only lower a rate."""
    rates_of = dict.fromkeys(ways, 0.0)
    for way in (*ways, *reversed(ways)):
        rates_of[way] = max(rates_of[way], rate_of(way))
    best = max(ways, key=rates_of.get)
    return best, rates_of[best]


def median_of(pairs, key):
    return [statistics.median(pair[i][key] for pair in pairs) for i in (0, 1)]


def rates(pairs, names):
    a, b = median_of(pairs, "per_s")
    return f"{names[1]} {b:,.0f}/s, {names[0]} {a:,.0f}/s"


def remarks(pairs):
    """A note on the slices, and whether it forbids a verdict."""
    if "others_cpu" in pairs[0][0]:
        note, disturbed = disturbance(pairs)
        return (shares(pairs) if "db_cpu" in pairs[0][0] else "") + note, disturbed
    if all(map(kept_busy, pairs)):
        return "", False
    a, b = (f"{share:.0%}" for share in median_of(pairs, "server_cpu"))
    return f"; they had only {b} and {a} of their core", True


def by_both(counted):
    """For add_cpu_ratio: by the processor time of cartd and of its database together."""
    db_s = counted["requests"] / counted.pop("per_db_cpu_s")
    counted["per_cpu_s"] = counted["requests"] / (counted["server_cpu"] * counted["seconds"] + db_s)
    return counted


def add_ratio(results, key, what, pairs, target, names, note=None, disturbed=False):
    if note is None:
        note, disturbed = remarks(pairs)
    ratios = [b["per_s"] / a["per_s"] for a, b in pairs]
    results.add(key, what, statistics.median(ratios), target, "higher", "×", rates(pairs, names) + note, ratios, disturbed)


def add_cpu_ratio(results, key, pairs, target, better="higher", what=None):
    """By processor time, which neighbours on the machine disturb less: answers a second of it ("higher"), or its cost an answer
    ("lower"). Of the database's time where there is one."""
    of = "per_db_cpu_s" if "per_db_cpu_s" in pairs[0][0] else "per_cpu_s"
    what = what or "the same by " + ("the database's processor time" if of == "per_db_cpu_s" else "processor time")
    a, b = median_of(pairs, of)
    ratios = [(right[of] / left[of]) ** (1 if better == "higher" else -1) for left, right in pairs]
    results.add(key + "_cpu", what, statistics.median(ratios), target, better, "×",
                f"{1e6 / b:.1f} µs an answer against {1e6 / a:.1f} µs", ratios)


def add_above(results, key, what, pairs, target, floor, note, disturbed):
    """The difference between the medians of b and of a, the floor, for one client."""
    above = [(b["p50_us"] - a["p50_us"]) / 1000 for a, b in pairs]
    least = median_of(pairs, "p50_us")[0] / 1000
    results.add(key, what, statistics.median(above), target, "lower", "ms", f"{floor} {least:.2f} ms{note}", above,
                disturbed or min(above) < 0)


def add_growth(results, load, large, pairs, note="", disturbed=False):
    costs = [a["per_s"] / b["per_s"] for a, b in pairs]
    results.add(
        f"growth_{load}", f"cost of {'a get' if load == 'get' else 'an add'} with {large:,} carts to that with 1,000",
        statistics.median(costs), 1.5, "lower", "×", rates(pairs, ("1,000 carts", f"{large:,} carts")) + note, costs, disturbed,
    )
    add_cpu_ratio(results, f"growth_{load}", pairs, 1.5, "lower")
