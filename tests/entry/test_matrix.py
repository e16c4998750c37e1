#!/usr/bin/python3
"""tools/matrix: what it says of servers that cannot run here, and the rows that it writes. The servers themselves are for `make matrix`."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT  # noqa: E402
from tap import main_of  # noqa: E402

PAGE = "before\n<!-- make matrix DOCS=1 writes from here -->\n%s<!-- to here -->\nafter\n"


def matrix():
    """The tool as a module."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("matrix", os.path.join(ROOT, "tools", "matrix"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("matrix", loader))
    loader.exec_module(module)
    return module


def ran(tool, *words):
    """Its exit status, and what it printed on both outputs."""
    said = io.StringIO()
    sys.argv = ["matrix", *words]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return tool.main(), said.getvalue()


def a_kind_that_it_does_not_know_is_refused():
    status, said = ran(matrix(), "mysql", "oracle")
    assert status == 2 and "group-replication" in said, (status, said)


def a_server_that_cannot_be_fetched_is_said_in_one_line_and_fails_nothing():
    tool = matrix()

    def start(**_words):
        raise tool.beside.Failure("no mirror\nhas it")
    tool.kinds.MYSQL["mysql"] = tool.kinds.DYNAMODB["moto"] = start
    status, said = ran(tool, "mysql", "moto")
    assert status == 0, said
    assert [line for line in said.splitlines() if "not tested here" in line] == [
        "matrix: %s is not tested here: no mirror | has it" % kind for kind in ("mysql", "moto")], said


def server_of(version):
    """A kind of server that is there, and does nothing."""
    @contextlib.contextmanager
    def start():
        yield types.SimpleNamespace(version=lambda: version)
    return start


def a_test_that_fails_on_a_server_that_ran_fails_the_run_and_is_in_the_table():
    tool = matrix()
    tool.kinds.MYSQL["mysql"] = server_of("MySQL 1")
    calls = []

    def call(words, **rest):
        calls.append(words)
        print("%d passed, %d failed" % (7, len(calls) == 2), file=rest["stdout"], flush=True)
        return len(calls) == 2
    tool.call = call
    with tempfile.TemporaryDirectory() as folder:
        tool.LOGS = folder
        status, said = ran(tool, "mysql")
    assert status == 1 and "| mysql | MySQL 1 | 7 passed | 7 passed, **1 failed** | – | 7 passed |" in said, said
    assert any("--kind mysql" in word for word in calls[0]) and calls[2][0] == "tests/run", calls


def layout_rows_is_a_row_of_its_own():
    tool = matrix()
    tool.kinds.DYNAMODB["dynoxide"] = server_of("dynoxide 1")
    calls = []

    def call(words, **rest):
        calls.append(words)
        print("%d passed, 0 failed" % len(calls), file=rest["stdout"], flush=True)
        return 0
    tool.call = call
    with tempfile.TemporaryDirectory() as folder:
        tool.LOGS = folder
        status, said = ran(tool, "dynoxide-rows", "dynoxide")
    assert status == 0 and "| dynoxide-rows | dynoxide 1 | 1 passed | 2 passed | – | – |" in said, said
    assert all("DYNAMODB_LAYOUTS=rows" in words and "API_LAYOUT=rows" in words and "WITH_DYNAMODB=tools/with-dynalite --kind dynoxide" in words for words in calls[:2]), calls
    assert not any("DYNAMODB_LAYOUTS" in word for words in calls[2:] for word in words), calls
    assert tool.KINDS.index("dynoxide-rows") == tool.KINDS.index("dynoxide") + 1, tool.KINDS


def rows_of_this_run_replace_old_ones_and_others_stay():
    tool = matrix()
    with tempfile.TemporaryDirectory() as folder:
        tool.PAGE = os.path.join(folder, "servers.md")
        with open(tool.PAGE, "w", encoding="utf-8") as file:
            file.write(PAGE % (tool.HEAD + "| mysql | old | a | b | c |\n| moto | m | d | e | f |\n"))
        new = [tool.Result("dynoxide", "d 1"), tool.Result("mysql", "new")]
        for result in new:
            result.cells = ["x", "y", "z"]
        tool.write_page(new)
        with open(tool.PAGE, encoding="utf-8") as file:
            text = file.read()
    rows = "| mysql | new | x | y | z |\n| dynoxide | d 1 | x | y | z |\n| moto | m | d | e | f |\n"
    assert text == PAGE % (tool.HEAD + rows), text


if __name__ == "__main__":
    main_of([
        a_kind_that_it_does_not_know_is_refused,
        a_server_that_cannot_be_fetched_is_said_in_one_line_and_fails_nothing,
        a_test_that_fails_on_a_server_that_ran_fails_the_run_and_is_in_the_table,
        layout_rows_is_a_row_of_its_own,
        rows_of_this_run_replace_old_ones_and_others_stay,
    ])
