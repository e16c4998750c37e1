#!/usr/bin/python3
"""The schemas of cartbench's files hold of what it writes, and of the made-up results that other tests use; and refuse what is not."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import results  # noqa: E402
from tap import main, Skip  # noqa: E402

CARTBENCH = os.path.abspath(os.environ.get("CARTBENCH", "build/bin/cartbench"))
SCHEMA = "schemas/bench-result.schema.json"
MONEY = "schemas/bench-money.schema.json"
TIMEOUT_S = 90
# Of each mode that writes results, the least that it can be asked to do, on stores in its own process.
MODES = {
    "run": ["--busy", "--duration", "1s", "--warmup", "0s", "--clients", "2", "store:memory"],
    "h2h": ["--duration", "1s", "--blocks", "12", "--pairs", "40", "--quantile", "50%", "--warmup", "10ms", "A=store:memory", "B=store:memory"],
    "sweep": ["--busy", "--to", "4", "--duration", "1s", "--warmup", "100ms", "store:memory"],
    "consistency": ["--trials", "20", "--adds", "40", "--repeats", "10", "store:memory"],
    "gate": ["--duration", "500ms", "--blocks", "12", "--pairs", "40", "--warmup", "10ms", "BASE=store:memory", "SAME=store:memory", "HEAD=store:memory"],
}
NOT_REPORTED = {"gate"}


def validator(path):
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def problems_of(name, made, schema=SCHEMA):
    return ["%s: %s: %s" % (name, "/".join(str(step) for step in error.absolute_path), error.message[:200])
            for error in validator(schema).iter_errors(made)]


def made_up_results_are_valid():
    return "\n".join(problem for name, made in results.documents().items() for problem in problems_of(name, made))


def what_is_none_is_refused():
    documents = results.documents()

    def changed(name, change):
        made = json.loads(json.dumps(documents[name]))
        change(made)
        return made

    wrong = {
        "an unknown member": changed("h2h.json", lambda made: made.update(colour="blue")),
        "an unknown member of an operation": changed("h2h.json", lambda made: made["results"]["operations"][0].update(x=1)),
        "another version": changed("h2h.json", lambda made: made.update(format_version=2)),
        "results of another kind": changed("h2h.json", lambda made: made.update(kind="sweep")),
        "a verdict that is none": changed("h2h.json", lambda made: made["results"]["operations"][0]["quantiles"][0].update(verdict="TIE")),
        "no machine": changed("run-mysql.json", lambda made: made.pop("machine")),
        "a share over 1": changed("run-mysql.json", lambda made: made["results"]["operations"][0]["success"].update(share=1.5)),
        "a head-to-head of one side": changed("h2h.json", lambda made: made["sides"].pop()),
        "no reason why it is invalid": changed("run-invalid.json", lambda made: made.update(invalid=True)),
        "a point of a sweep without its load": changed("sweep-mysql.json", lambda made: made["results"]["points"][0].pop("clients")),
        "a probe that is none": changed("consistency.json", lambda made: made["results"]["probes"][0].update(probe="horoscope")),
    }
    return "\n".join("not refused: " + what for what, made in wrong.items() if not problems_of(what, made))


def money_of(folder, name):
    """What report says that the sides of a head-to-head cost."""
    subprocess.run([CARTBENCH, "report", "--out", "money.html", "--money", "money.json", name], cwd=folder, stderr=subprocess.PIPE,
                   timeout=TIMEOUT_S, check=True)
    with open(os.path.join(folder, "money.json"), encoding="utf-8") as file:
        return json.load(file)


def money_is_valid():
    """Of mysql against dynamodb, which have everything; what is none is refused."""
    with tempfile.TemporaryDirectory() as folder:
        results.write(folder)
        whole = money_of(folder, "h2h.json")
    problems = problems_of("money", whole, MONEY)
    if [bool(side["bills"]) for side in whole["sides"]] != [False, True] or whole["even_carts_month"] is None:
        problems.append("not the money of mysql and dynamodb: %s" % whole)
    wrong = {
        "an unknown member": lambda made: made.update(colour="blue"),
        "another version": lambda made: made.update(format_version=2),
        "one side": lambda made: made["sides"].pop(),
        "no break-even and no reason": lambda made: made.update(even_carts_month=None),
        "money below nothing": lambda made: made["sides"][0].update(month=-1),
        "a layout that is none": lambda made: made["sides"][1]["bills"][0].update(layout="tree"),
        "an operation that is not there": lambda made: made["sides"][1]["bills"][0]["operations"].pop("checkout"),
        "no comparison of layouts": lambda made: made.pop("layouts"),
        "a store that is none": lambda made: made["layouts"]["costs"][0].update(store="tree"),
        "a crossing at no line": lambda made: made["layouts"]["crossings"][0].update(rows_cost_less_from_lines=0),
        "units without their price": lambda made: made["sides"][1]["bills"][0]["operations"]["add"].pop("million"),
    }
    for what, change in wrong.items():
        made = json.loads(json.dumps(whole))
        change(made)
        if not problems_of(what, made, MONEY):
            problems.append("not refused: " + what)
    return "\n".join(problems)


def of_a_mode(mode):
    """What it writes is valid, and can be reported."""
    if " %s " % mode not in subprocess.run([CARTBENCH, "--help"], stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True).stdout.decode():
        raise Skip("cartbench has no mode %s: that its results are what the schema says was not tested" % mode)
    folder = tempfile.mkdtemp()
    try:
        out = os.path.join(folder, mode + ".json")
        ran = subprocess.run([CARTBENCH, mode, "--quiet", "--out", out] + MODES[mode], cwd=folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
        if not os.path.exists(out):
            return "nothing written, status %d: %s" % (ran.returncode, ran.stdout.decode("utf-8", "replace")[-2000:])
        with open(out, encoding="utf-8") as file:
            made = json.load(file)
        problems = problems_of(mode, made)
        modes = subprocess.run([CARTBENCH, "--help"], stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True).stdout.decode()
        if " report " in modes and mode not in NOT_REPORTED:
            told = subprocess.run([CARTBENCH, "report", "--out", out + ".html", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=TIMEOUT_S, check=False)
            if told.returncode != 0:
                problems.append("no report: " + told.stdout.decode("utf-8", "replace"))
        if mode == "h2h":
            problems += problems_of("money", money_of(folder, out), MONEY)
        return "\n".join(problems)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_all(tap):
    tap.run("made-up results are valid", made_up_results_are_valid)
    tap.run("what is none is refused", what_is_none_is_refused)
    tap.run("money is valid", money_is_valid)
    for mode in MODES:
        tap.run("what %s writes is valid" % mode, of_a_mode, mode)


if __name__ == "__main__":
    main(run_all)
