#!/usr/bin/python3
"""Layouts and databases side by side: the page, the JSON and the CSV say the same, and what was counted on MySQL and SQLite
(bench/report/work.json) is what they do now.

Statements, round trips and transactions are compared exactly, bytes of SQLite's log within a half: they depend on where rows are in pages.
Bytes of MySQL's logs depend on its version, and are not compared.
"""

import csv
import html
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import results  # noqa: E402
from cartd import ROOT  # noqa: E402
from tap import main, Skip  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "tools", "databases"))
import mariadb  # noqa: E402

CARTBENCH = os.path.abspath(os.environ.get("CARTBENCH", "build/bin/cartbench"))
WORK = os.path.join(ROOT, "bench", "report", "work.json")
LINES = 5
TIMEOUT_S = 120


def report(folder, *flags):
    subprocess.run([CARTBENCH, "report", "--out", "page.html", "--money", "money.json", "--csv", "costs.csv", "--markdown", "page.md", *flags,
                    "h2h.json"], cwd=folder, check=True, stderr=subprocess.PIPE, timeout=TIMEOUT_S)

    def read(name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()

    return html.unescape(re.sub("<[^>]*>", "", read("page.html"))), json.loads(read("money.json"))["layouts"], list(
        csv.DictReader(read("costs.csv").splitlines())), read("page.md")


def number(text):
    return None if text == "" else float(text)


def json_and_csv_agree(folder):
    _, made, rows, _ = report(folder)
    problems = []
    for cost, row in zip(made["costs"], rows):
        for name, value in cost.items():
            said = row[name] if isinstance(value, str) else number(row[name])
            if said != value and not (isinstance(value, float) and abs(said - value) < 1e-6 * value):
                problems.append("%s: the JSON has %s, the CSV %s" % (name, cost, row))
    if len(rows) != len(made["costs"]) or len(rows) != 10 * 5 * 5:
        problems.append("%d rows of CSV, %d of JSON" % (len(rows), len(made["costs"])))
    return "\n".join(problems[:5])


def the_page_says_where_one_crosses_the_other(folder):
    page, made, _, markdown = report(folder)
    crossing = {(each["operation"], each["attributes_bytes"]): each["rows_cost_less_from_lines"] for each in made["crossings"]}
    words = ["From %d lines on an add costs less in rows than in map" % crossing["add", 0],
             "With 100 bytes of attributes on each line rows costs less from %d lines on." % crossing["add", 100],
             "Up to 200 lines a get never costs less in rows than in map"]
    if crossing["get", 0] is not None:
        words.pop()
    return "\n".join("%s does not say: %s" % (where, each) for each in words for where, text in (("the page", page), ("Markdown", markdown))
                     if each not in text)


def prices_move_the_crossing(folder):
    """With reads for nothing rows pays as soon as map takes more write units."""
    _, made, _, _ = report(folder)
    page, cheap, _, _ = report(folder, "--read-price", "0")

    def first(of):
        return next(each["rows_cost_less_from_lines"] for each in of["crossings"] if (each["operation"], each["attributes_bytes"]) == ("add", 0))

    if not first(cheap) <= first(made):
        return "from %s lines on without a price for reads, from %s with one" % (first(cheap), first(made))
    words = "From %d lines on an add costs less" % first(cheap)
    return "" if words in page else "the page does not say: " + words


def counted(store):
    """What an operation takes now."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "work.json")
        run = subprocess.run([os.path.join(ROOT, "bench", "perf", "run-layouts"), "--quick", "--only", store, "--sizes", str(LINES), "--out", path,
                              "--build", os.path.dirname(os.path.dirname(CARTBENCH))],
                             cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
        if run.returncode != 0:
            raise AssertionError(run.stdout.decode())
        with open(path, encoding="utf-8") as file:
            return json.load(file)["stores"][store]["operations"][str(LINES)]


def what_was_counted_is_true(store):
    if store == "mysql":
        try:
            mariadb.program(mariadb.Server.NAME)
        except mariadb.Failure as why:
            raise Skip("what an operation asks of MySQL was not counted: %s" % why) from None
    with open(WORK, encoding="utf-8") as file:
        wanted = json.load(file)["stores"][store]["operations"][str(LINES)]
    problems = []
    for operation, found in counted(store).items():
        for name, value in found.items():
            of = wanted[operation][name]
            if name == "wal_bytes" and not of / 2 <= value <= of * 1.5 or not name.endswith("_bytes") and value != of:
                problems.append("%s, %s: %s now, %s in bench/report/work.json: `make layouts` counts anew" % (operation, name, value, of))
    return "\n".join(problems)


def tests(tap):
    with tempfile.TemporaryDirectory() as folder:
        results.write(folder)
        for test in (json_and_csv_agree, the_page_says_where_one_crosses_the_other, prices_move_the_crossing):
            tap.run(test.__name__.replace("_", " "), test, folder)
    for store in ("sqlite", "mysql"):
        tap.run("what was counted on %s is true" % store, what_was_counted_is_true, store)


if __name__ == "__main__":
    main(tests)
