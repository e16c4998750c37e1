"""What a benchmark has measured: rows with targets, the table of them, and where both are written."""

import datetime
import json
import os
import platform
import subprocess

from servers import Failure


class Results:
    def __init__(self):
        self.rows = []
        self.tables = []  # of settings tried beside each other, in Markdown

    def add(self, key, what, value, target, better, unit="", note="", rounds=None, disturbed=False):
        row = {"key": key, "what": what, "value": value, "unit": unit, "target": target, "better": better}
        row["disturbed"] = disturbed
        row["met"] = None if target is None else value >= target if better == "higher" else value <= target
        row.update({"rounds": rounds or [], "note": note})
        self.rows.append(row)
        print(f"  {what}: {show(row)}{'' if row['met'] is None else ', target ' + show_target(row)}: {verdict(row)}", flush=True)
        if note:
            print(f"    {note}", flush=True)

    def add_table(self, head, rows):
        lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        self.tables.append("\n".join(lines) + "\n")
        print("\n".join("    " + line for line in lines), flush=True)


def number(value):
    if isinstance(value, int):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def show(row):
    spread = f" ({number(min(row['rounds']))}–{number(max(row['rounds']))})" if len(row["rounds"]) > 1 else ""
    return number(row["value"]) + spread + (" " + row["unit"] if row["unit"] else "")


def show_target(row):
    if row["target"] is None:
        return "–"
    return f"{'≥' if row['better'] == 'higher' else '≤'} {number(row['target'])}" + (" " + row["unit"] if row["unit"] else "")


def verdict(row):
    if row["disturbed"]:
        return "disturbed: no verdict"
    return {True: "met", False: "MISSED", None: "for information"}[row["met"]]


def first_line(argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip().split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpu_model():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def describe(bench, command):
    """The machine, the build and the command, without which a number means nothing."""
    return {
        "machine": f"{cpu_model()}, {os.cpu_count()} cores, "
        f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "filesystem": first_line(["stat", "-f", "-c", "%T", bench.out]),
        "cartd": first_line([os.path.join(bench.build, "bin", "cartd"), "--version"]),
        "revision": first_line(["git", "describe", "--always", "--dirty", "--abbrev=12"]),
        "command": " ".join(command),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "slice_seconds": bench.seconds,
        "rounds": bench.rounds,
        "load_average_before": os.getloadavg()[0],
    }


def markdown(about, results):
    lines = [f"{about['date']}, revision {about['revision']}, `{about['command']}`: {about['machine']}, Linux {about['kernel']},"]
    lines += [f"{about['filesystem']}{about.get('database', '')}; {about['rounds']} rounds of {about['slice_seconds']:g} s a side;"]
    load = about["load_average_before"]
    lines += ["load average before"]
    lines += [f"{load:.1f}." + (" **The machine was not idle: read the brackets, not the medians.**" if load > 0.5 else ""), ""]
    lines += ["| What | Measured | Target | | |", "|---|---|---|---|---|"]
    for row in results.rows:
        lines.append(f"| {row['what']} | {show(row)} | {show_target(row)} | {verdict(row)} | {row['note']} |")
    return "\n".join(lines) + "\n" + "".join("\n" + table for table in results.tables)


def write(bench, about, results, failures):
    with open(bench.path("results.json"), "w") as f:
        json.dump({"about": about, "results": results.rows, "tables": results.tables, "slices": bench.slices, "failures": failures},
                  f, indent=1)
    with open(bench.path("results.md"), "w") as f:
        f.write(markdown(about, results))
    print(f"written: {bench.path('results.json')}, {bench.path('results.md')}")


def put_into_docs(path, name, table):
    """Replaces what stands between the markers of that name."""
    with open(path) as f:
        text = f.read()
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->\n")
    if not (begin and end):
        raise Failure(f"{path} has no <!-- {name} --> and <!-- /{name} -->")
    with open(path, "w") as f:
        f.write(before + begin + table + end + after)
