#!/usr/bin/python3
"""Results files as cartbench writes them, made up: for tests of what reads them. The same at every call.

    tests/pylib/results.py FOLDER      writes one of every kind, whole and damaged, into FOLDER
"""

import copy
import json
import math
import os
import random
import sys

HIGHEST = 3600 * 10 ** 9
SETTINGS = {
    "listen": "127.0.0.1:8081", "threads": "1", "provision": "auto", "cart.ids": "v4", "cart.ttl": "30d", "http.max_body": "64KiB",
    "request.deadline": "5s", "limits.lines": "200", "idempotency.window": "10m", "log.level": "info",
}
MYSQL = dict(SETTINGS, **{"backend": "mysql", "mysql.host": "127.0.0.1", "mysql.pool": "8", "mysql.batch": "32",
                          "mysql.consistency": "strong", "mysql.tls": "off"})
DYNAMODB = dict(SETTINGS, **{"listen": "127.0.0.1:8082", "backend": "dynamodb", "dynamodb.endpoint": "http://127.0.0.1:4567",
                             "dynamodb.layout": "map", "dynamodb.consistency": "strong", "dynamodb.table": "carts"})
MACHINE = {"id": "3f1c9a02b7de", "cpu": "Intel(R) Xeon(R) Processor @ 2.20GHz", "cores": 2, "kernel": "Linux 6.1.0-28-amd64",
           "memory_bytes": 8 * 2 ** 30, "generator_cores": [1]}
# Operation: median in ms and spread of each side, and how the time splits.
OPERATIONS = [("create", (0.62, 0.22), (1.31, 0.30)), ("add", (0.71, 0.25), (0.725, 0.25)), ("get", (0.44, 0.45), (0.41, 0.20))]


def bucket_of(value):
    shift = max(value | 2047, 1).bit_length() - 11
    return shift * 1024 + (value >> shift)


def hdr_text(values):
    """What bench/stats/hdr.c writes of these nanoseconds."""
    counts = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    words, before = ["hdr1", str(HIGHEST), str(min(values)), str(max(values)), "0", "0"], -1
    for bucket in sorted(counts):
        words.append("%d" % (bucket - before) + (":%d" % counts[bucket] if counts[bucket] > 1 else ""))
        before = bucket
    return " ".join(words)


def quantile(ordered, q):
    return ordered[min(len(ordered) - 1, max(0, math.ceil(q * len(ordered)) - 1))]


def hist(values):
    ordered, n = sorted(values), len(values)
    mean = sum(values) / n
    return {"unit": "ns", "count": n, "min": ordered[0], "max": ordered[-1], "mean": round(mean, 1),
            "stddev": round(math.sqrt(sum((value - mean) ** 2 for value in values) / n), 1), "buckets": hdr_text(values),
            "quantiles": {"%g" % q: quantile(ordered, q) for q in (0.5, 0.9, 0.99, 0.999) if n * (1 - q) >= 9.999999}}


def times(source, count, median_ms, spread):
    """Lognormal, with a tail of what now and then waits for a disk."""
    found = []
    for _ in range(count):
        ms = median_ms * math.exp(source.gauss(0, spread))
        if source.random() < 0.004:
            ms += source.uniform(2, 18)
        found.append(int(ms * 1e6))
    return found


def split(mean_ns, shares):
    names = ("client", "queue", "db", "service")
    return {"mean": {name: round(mean_ns * share) for name, share in zip(names, shares)},
            "median": {name: round(mean_ns * share * 0.93) for name, share in zip(names, shares)}}


def wilson(good, n):
    z, share = 1.96, good / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"share": share, "low": max(0.0, middle - half), "high": min(1.0, middle + half)}


def counted(good, n):
    return dict(wilson(good, n), tried=n, ok=good, refused=n - good, unknown=0, errors={})


def side(name, database, stand_in=False, settings=None, label=None):
    return {"name": name, "label": label or ("dynalite" if stand_in else database),
            "about": "in memory, a stand-in for DynamoDB" if stand_in else None, "target": "http://127.0.0.1:%d" % (8082 if stand_in else 8081),
            "database": database, "version": "0.1.0", "revision": "0762a1b5e3c4", "stand_in": stand_in,
            "server": "dynalite 4.0.0" if stand_in else "MariaDB 10.11.19",
            "durability": None if stand_in else "survives a crash of its machine (innodb_flush_log_at_trx_commit=1, no binary log)", "settings": settings}


def document(kind, sides, results, **more):
    made = {"format": "cartbench-result", "format_version": 1, "kind": kind, "made_at": "2026-11-25T21:14:03.512Z",
            "tool": {"version": "0.1.0", "revision": "0762a1b5e3c4"}, "command": ["cartbench", kind] + [each["target"] for each in sides],
            "seed": 20251101, "machine": copy.deepcopy(MACHINE), "sides": sides, "interrupted": False, "invalid": None, "warnings": [],
            "results": results}
    made.update(more)
    return made


def verdict_of(mean, p_difference, p_equivalence):
    """As bench/stats/verdict.h has it."""
    if p_difference < 0.05:
        return "DIFFERENT BUT TRIVIAL" if p_equivalence < 0.05 else "A WINS" if mean > 0 else "B WINS"
    return "EQUIVALENT" if p_equivalence < 0.05 else "INCONCLUSIVE"


def compared_quantile(q, blocks_a, blocks_b, margin):
    ratios = [math.log(quantile(sorted(b), q) / quantile(sorted(a), q)) for a, b in zip(blocks_a, blocks_b)]
    n = len(ratios)
    mean = sum(ratios) / n
    error = math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / max(n - 1, 1) / n) if n > 1 else 0.5
    low, high = math.exp(mean - 2.02 * error) - 1, math.exp(mean + 2.02 * error) - 1
    all_a, all_b = sorted(sum(blocks_a, [])), sorted(sum(blocks_b, []))
    p = min(1.0, math.erfc(abs(mean) / max(error, 1e-9) / math.sqrt(2)))
    p_equivalence = min(1.0, 0.5 * math.erfc((margin - abs(mean)) / max(error, 1e-9) / math.sqrt(2)))
    rows = 12  # of the table
    said = verdict_of(mean, p * rows, p_equivalence * rows)
    return {"q": q, "a_ns": quantile(all_a, q), "b_ns": quantile(all_b, q), "log_ratios": [round(ratio, 6) for ratio in ratios],
            "effect": math.exp(mean) - 1, "low": low, "high": high, "effective_blocks": round(n * 0.83, 1), "p_difference": p,
            "p_wilcoxon": min(1.0, p * 1.3), "p_equivalence": p_equivalence, "holm_difference": min(1.0, p * rows),
            "holm_equivalence": min(1.0, p_equivalence * rows), "verdict": said, "why": None, "from": None, "to": None,
            "pairs_needed": round(n * len(blocks_a[0]) * 3.7) if said == "INCONCLUSIVE" else None}


def head_to_head(source, blocks=40, pairs=500, sides=None, margin=0.05):
    operations = []
    for at, (name, of_a, of_b) in enumerate(OPERATIONS):
        a = [times(source, pairs, *of_a) for _ in range(blocks)]
        b = [times(source, pairs, *of_b) for _ in range(blocks)]
        hists = [hist(sum(a, [])), hist(sum(b, []))]
        n = blocks * pairs
        operations.append({
            "operation": name, "pairs": n, "success": [counted(n, n), counted(n - (3 if at == 1 else 0), n)], "service": hists,
            "split": [split(hists[0]["mean"], (0.24, 0.03, 0.55, 0.18)), split(hists[1]["mean"], (0.14, 0.01, 0.74, 0.11))],
            "quantiles": [compared_quantile(q, a, b, margin) for q in (0.5, 0.9, 0.99, 0.999)]})
    seconds = []
    for second in range(90):
        slow = 1.35 if 41 <= second <= 45 else 1
        seconds.append({"at_s": second, "a_p50_ms": round(0.57 * slow * math.exp(source.gauss(0, 0.03)), 4),
                        "b_p50_ms": round(0.81 * slow * math.exp(source.gauss(0, 0.05)), 4), "a_ok": 660, "b_ok": 660})
    units = {"create": (1, 0, 1), "add": (1, 0, 1.5), "get": (1, 1, 0)}
    calls = []
    for name, (count, read, write) in units.items():
        calls.append({"operation": name, "side": "A", "calls_per_op": count, "statements_per_op": 3, "read_units": None, "write_units": None})
        calls.append({"operation": name, "side": "B", "calls_per_op": count, "statements_per_op": None, "read_units": read,
                      "write_units": write})
    results = {"blocks": blocks, "pairs_per_block": pairs, "margin": margin, "confidence": 0.95, "cold": False, "operations": operations,
               "calls": calls, "seconds": seconds}
    return document("h2h", sides or [side("A", "mysql", False, MYSQL), side("B", "dynamodb", True, DYNAMODB)], results)


def under_load(source, of, medians, is_open, failing=0):
    operations = []
    for name, count in (("create", 3000), ("add", 9000), ("get", 18000), ("checkout", 900)):
        median_ms = medians * (0.6 if name == "get" else 1)
        service = times(source, count - failing, median_ms, 0.35)
        lag = times(source, count - failing, 0.05, 0.3)
        operations.append({
            "operation": name, "tried": count, "ok": count - failing, "refused": failing - failing // 3, "unknown": failing // 3,
            "errors": {"503 UNAVAILABLE": failing - failing // 3, "timeout": failing // 3} if failing else {},
            "success": wilson(count - failing, count), "service": hist(service),
            "response": hist([one + late for one, late in zip(service, lag)]) if is_open else None,
            "lag": hist(lag) if is_open else None, "split": split(hist(service)["mean"], (0.2, 0.22, 0.45, 0.13))})
    seconds = [{"at_s": second, "ok": round(1300 * math.exp(source.gauss(0, 0.04))), "failed": 4 if failing and 20 <= second < 23 else 0,
                "p50_ms": round(medians * 0.8 * math.exp(source.gauss(0, 0.04)), 4),
                "p99_ms": round(medians * 3.1 * math.exp(source.gauss(0, 0.15)), 4)} for second in range(30)]
    results = {"mode": "open" if is_open else "closed", "clients": 32, "rate": 1300 if is_open else None,
               "arrivals": "poisson" if is_open else None, "duration_s": 30, "warmup_s": 5, "threads": 1,
               "mix": {"create": 0.1, "add": 0.3, "get": 0.57, "checkout": 0.03}, "keys": {"distribution": "zipfian", "skew": 0.99},
               "throughput_per_s": 1298.7, "operations": operations, "seconds": seconds,
               "generator": {"cpu": 0.41, "lag_p99_ms": 0.113, "limited": False}}
    return document("run", [of], results)


def sweep_of(of, base_ms, most):
    points = []
    for clients in (1, 2, 4, 8, 16, 32, 64, 128):
        free = clients / base_ms * 1000
        done = free / (1 + (free / most) ** 3) ** (1 / 3)
        p50 = clients / done * 1000
        points.append({"clients": clients, "throughput_per_s": round(done, 1), "p50_ms": round(p50, 4),
                       "p99_ms": round(p50 * (2.2 + clients / 40), 4), "failed": 0 if clients < 128 else 12, "valid": clients < 128,
                       "why": None if clients < 128 else "the generator used 93 % of its processor"})
    return document("sweep", [of], {"side": of["name"], "axis": "clients", "points": points, "knee": 4})


def probe(name, of, read, trials, violations, promised, by_delay=None):
    rate = wilson(violations, trials)
    said = "clean" if violations == 0 else "violated" if promised else "allowed"
    made = {"probe": name, "side": of, "read": read, "trials": trials, "violations": violations, "unknown": 2 if violations else 0,
            "rate": rate["share"], "low": rate["low"], "high": rate["high"], "promised": promised, "verdict": said,
            "example": "cart 7f6e read at version 3 after 4 was acknowledged" if violations else None}
    if by_delay is not None:
        made["by_delay"] = by_delay
    return made


def staleness(of, read, rate, promised):
    entries = []
    for delay in (0, 1, 2, 5, 10, 20, 50, 100):
        stale = round(3000 * rate * math.exp(-delay / 8))
        interval = wilson(stale, 3000)
        entries.append({"delay_ms": delay, "trials": 3000, "violations": stale, "rate": interval["share"], "low": interval["low"],
                        "high": interval["high"], "most_versions_behind": 1 if stale else 0})
    return probe("staleness", of, read, 24000, sum(entry["violations"] for entry in entries), promised, entries)


def consistency_of(sides):
    probes, seed = [], []
    for each in sides:
        name = each["name"]
        eventual = each["database"] == "dynamodb"
        probes.append(staleness(name, "strong", 0, True))
        probes.append(staleness(name, "eventual", 0.034 if eventual else 0.004, False))
        probes.append(probe("read_your_writes", name, "strong", 3000, 0, True))
        probes.append(probe("monotonic_reads", name, "eventual", 3000, 7 if eventual else 0, False))
        probes.append(probe("lost_updates", name, "strong", 1600, 0, True))
        probes.append(probe("exactly_once", name, "strong", 500, 3 if eventual else 0, True))
        probes.append(dict(probe("customer_index", name, "index", 1, 0, False), trials=0, verdict="unmeasured",
                           why="its time (--for) was over before the first trial"))
        for test, trials in (("write_then_read", 20), ("concurrent_reads", 10), ("write_read_write", 10), ("update_propagation", 1)):
            seed.append({"test": test, "side": name, "trials": trials, "consistent": trials, "unknown": 0, "visible_ms": 1.4 if trials == 1 else None})
    return document("consistency", sides, {"seed": seed, "probes": probes})


def nasty(source):
    """What somebody could have put into labels and errors; and parts are missing."""
    evil = '<script>document.title="owned"</script><img src=x onerror=alert(1)>'
    made = head_to_head(source, 4, 60, [side("A", "mysql", False, None, evil), side("B", "dynamodb", True, DYNAMODB, "a|b `c` \u202eesrever & co")])
    made["interrupted"] = True
    made["warnings"] = ["the governor of processor 0 is \"powersave\" " + evil, "W" * 300]
    made["results"]["operations"][0]["operation"] = "crea\"te' onload='x"
    for member in ("calls", "seconds"):
        del made["results"][member]
    del made["results"]["operations"][2]["split"]
    del made["results"]["operations"][1]["success"]
    made["sides"][1]["server"] = None
    return made


def documents():
    """File name: document, of those that can be shown."""
    source = random.Random(150)
    mysql, dynamodb = side("A", "mysql", False, MYSQL), side("A", "dynamodb", True, DYNAMODB)
    made = {
        "h2h.json": head_to_head(source),
        "run-mysql.json": under_load(source, mysql, 1.1, True),
        "run-dynamodb.json": under_load(source, dynamodb, 2.3, False, 12),
        "sweep-mysql.json": sweep_of(mysql, 0.7, 9800),
        "sweep-dynamodb.json": sweep_of(dynamodb, 1.4, 3100),
        "consistency.json": consistency_of([side("A", "mysql", False, MYSQL), side("B", "dynamodb", True, DYNAMODB)]),
        "nasty.json": nasty(source),
    }
    made["run-invalid.json"] = copy.deepcopy(made["run-mysql.json"])
    made["run-invalid.json"]["invalid"] = "the generator could not keep up: p99 of its lag was 14 ms"
    made["run-invalid.json"]["results"]["generator"] = {"cpu": 0.97, "lag_p99_ms": 14.2, "limited": True}
    made["h2h-invalid.json"] = copy.deepcopy(made["h2h.json"])
    made["h2h-invalid.json"]["invalid"] = "B went away after 3 blocks"
    made["other-machine.json"] = copy.deepcopy(made["sweep-mysql.json"])
    made["other-machine.json"]["machine"]["id"] = "aaaaaaaaaaaa"
    return made


def seed150(source, medians):
    samples = []
    for operation in ("create_cart", "add_items", "get_cart"):
        for number in range(50):
            samples.append({"operation": operation, "response_time": round(medians * math.exp(source.gauss(0, 0.25)), 3), "success": True,
                            "status_code": 200, "timestamp": "2026-11-25T21:10:%02d.000Z" % number, "cart_id": None})
    samples[-1]["success"] = False
    return samples


def write(folder):
    whole = documents()
    for name, made in whole.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(made, file, indent=1)
            file.write("\n")
    text = json.dumps(whole["h2h.json"])
    histogram = copy.deepcopy(whole["run-mysql.json"])
    histogram["results"]["operations"][0]["service"]["buckets"] = "hdr1 3600000000000 5 4 0 0 1"
    damaged = {
        "cut.json": text[:len(text) // 2],
        "empty.json": "",
        "not-json.json": "latency: 12 ms\n",
        "list.json": "[]\n",
        "version2.json": json.dumps(dict(whole["h2h.json"], format_version=2)),
        "other-kind.json": json.dumps(dict(whole["h2h.json"], kind="astrology")),
        "other-format.json": json.dumps({"format": "something"}),
        "no-sides.json": json.dumps(dict(whole["h2h.json"], sides=[])),
        "no-operations.json": json.dumps(dict(whole["h2h.json"], results={})),
        "histogram.json": json.dumps(histogram),
    }
    for name, text in damaged.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.makedirs(os.path.join(folder, "seed150"), exist_ok=True)
    for name, medians in (("mysql", 1.2), ("dynamodb", 2.4)):
        with open(os.path.join(folder, "seed150", name + "_test_results.json"), "w", encoding="utf-8") as file:
            json.dump(seed150(random.Random(name), medians), file)
    return sorted(whole), sorted(damaged)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    print("%d whole, %d damaged" % tuple(len(names) for names in write(sys.argv[1])))
