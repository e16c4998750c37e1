#!/usr/bin/python3
"""tools/chaos: its verdict, what it says of a missing program, and the rows that it writes. The storms themselves are for `make chaos`."""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT  # noqa: E402
from tap import main_of  # noqa: E402

RECORD = {"storm": "mysql", "seed": "7", "failed": None, "database": "MariaDB 1", "lost": 0, "doubled": 0, "acknowledged": 1234, "refused": 1,
          "unknown": 2, "left_open": 0, "outage_s": 1.5, "recovery_s": 0.25, "blips": 3, "asked_in_blips": 40, "seen": 0, "carts": 5,
          "operations": 2000, "not_linearizable": 0, "undecided": 0, "faults": {"service killed": 4, "primary killed": 2}, "date": "2026-01-02",
          "build": "asan", "processors": 2}
ROW = "| MySQL | MariaDB 1 | 6 | 1,234 | 0 | 0 | 2 | 0 | 1.50 s | 0.25 s | 3: 40, 0 | 5, 2,000 | 0 | 7 | 2026-01-02, asan, 2 processors |\n"
FAULTS_ROW = "| MySQL | 4 | 2 | – | – | – | – | – | – | – | 2 | – | – | – |\n"


@contextlib.contextmanager
def chaos(*found):
    """The tool as a module, with a page and records of its own. The tests that it runs leave these."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("chaos", os.path.join(ROOT, "tools", "chaos"))
    tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("chaos", loader))
    loader.exec_module(tool)
    tool.judge_is_there = lambda: None
    with tempfile.TemporaryDirectory() as folder:
        tool.RECORDS, tool.PAGE = folder, os.path.join(folder, "page.md")
        with open(tool.PAGE, "w", encoding="utf-8") as file:
            file.write("a\n" + tool.RESULTS[0] + tool.RESULTS_HEAD + "| SQLite | old |\n| MySQL | old |\n" + tool.RESULTS[1] + "b\n" +
                       tool.FAULTS[0] + tool.FAULTS[1] + "c\n")
        script = "".join("echo '%s' >%s/%d.json\n" % (json.dumps(record), folder, at) for at, record in enumerate(found))
        yield tool, script


def ran(tool, *words):
    """Its exit status, and what it printed."""
    said = io.StringIO()
    sys.argv = ["chaos", *words]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return tool.main(), said.getvalue()


def the_last_line_is_the_verdict():
    with chaos(RECORD) as (tool, script):
        status, said = ran(tool, "sh", "-c", script)
        assert status == 0 and ROW in said and FAULTS_ROW in said, said
        assert said.splitlines()[-1] == (
            "chaos: PASSED: 1 storms, 6 faults: 0 lost, 0 doubled, 0 failures seen in blips, 0 carts not linearizable"), said
        status, said = ran(tool, "sh", "-c", script + "exit 1")
        assert status == 1 and said.splitlines()[-1].startswith("chaos: FAILED: "), said


def what_was_lost_or_is_not_linearizable_is_in_the_verdict():
    with chaos({**RECORD, "lost": 2, "not_linearizable": 1, "undecided": 1, "failed": "2 things are wrong"}) as (tool, script):
        status, said = ran(tool, "sh", "-c", script + "exit 1")
    assert status == 1 and "2 lost, 0 doubled, 0 failures seen in blips, 2 carts not linearizable" in said and "**failed**" in said, said


def a_storm_that_broke_off_has_a_row_without_figures():
    with chaos({name: RECORD[name] for name in ("storm", "seed", "faults", "date", "build", "processors")} | {"failed": "x"}) as (tool, script):
        status, said = ran(tool, "sh", "-c", script + "exit 1")
    assert status == 1 and "| MySQL | – | 6 | – | – |" in said and "not judged" in said, said


def what_was_skipped_is_said_before_the_verdict():
    with chaos({name: value for name, value in RECORD.items() if name not in ("not_linearizable", "undecided")}) as (tool, script):
        status, said = ran(tool, "sh", "-c", script + "echo '       skipped a_storm: there is no Go'")
    *_, skipped, verdict = said.splitlines()
    assert status == 0 and skipped == "chaos: not tested: a_storm: there is no Go", said
    assert verdict.startswith("chaos: PASSED: ") and verdict.endswith("linearizability was not judged"), said


def records_of_an_earlier_run_do_not_count():
    with chaos(RECORD) as (tool, script):
        ran(tool, "sh", "-c", script)
        _, said = ran(tool, "true")
    assert "chaos: PASSED: 0 storms, 0 faults" in said, said


def rows_of_this_run_replace_old_ones_and_others_stay():
    with chaos(RECORD) as (tool, script):
        ran(tool, "--docs", "sh", "-c", script)
        with open(tool.PAGE, encoding="utf-8") as file:
            text = file.read()
        assert text == ("a\n" + tool.RESULTS[0] + tool.RESULTS_HEAD + "| SQLite | old |\n" + ROW + tool.RESULTS[1] + "b\n" + tool.FAULTS[0] +
                        tool.FAULTS_HEAD + FAULTS_ROW + tool.FAULTS[1] + "c\n"), text


if __name__ == "__main__":
    main_of([
        the_last_line_is_the_verdict,
        what_was_lost_or_is_not_linearizable_is_in_the_verdict,
        a_storm_that_broke_off_has_a_row_without_figures,
        what_was_skipped_is_said_before_the_verdict,
        records_of_an_earlier_run_do_not_count,
        rows_of_this_run_replace_old_ones_and_others_stay,
    ])
