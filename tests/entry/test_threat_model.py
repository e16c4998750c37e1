#!/usr/bin/python3
"""docs/threat-model.md: every claim that a row makes names its test, and every test that is named is there."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT  # noqa: E402
from tap import main_of  # noqa: E402

PAGE = os.path.join(ROOT, "docs", "threat-model.md")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rows():
    """(attack, what holds, tests) of the tables with tests."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in read(PAGE).splitlines() if line.startswith("| ") and line.count("|") == 4
            and not line.startswith("| It could")]


def missing(cell):
    """Files, and functions of the file before them, that are not there."""
    path, wrong = None, []
    for word in re.findall(r"`([^`]+)`", cell):
        if word.startswith("tests/"):
            path = os.path.join(ROOT, word)
            wrong += [] if os.path.isfile(path) else [word]
        elif re.fullmatch(r"\w+", word) and not (path and os.path.isfile(path) and re.search(
                r"(?m)^(static void |def )?%s\(" % word, read(path))):
            wrong.append("%s of %s" % (word, path))
    return wrong


def every_test_that_is_named_is_there():
    return "\n".join(text for _, _, cell in rows() for text in missing(cell))


def every_row_names_a_test_or_says_that_there_is_none():
    lacking = [attack for attack, _, cell in rows() if "`tests/" not in cell and "not tested" not in cell]
    return "no test: %s" % lacking if lacking or len(rows()) < 25 else ""


def a_wrong_name_is_seen():
    found = missing("`tests/entry/test_threat_model.py` `nothing_of_this_name`, `missing`; `tests/nothing.py`")
    return "" if len(found) == 2 and "nothing_of_this_name" in found[0] and found[1] == "tests/nothing.py" else str(found)


def both_documents_are_linked():
    return "\n".join("%s does not link %s" % (page, target) for page, target in (
        ("README.md", "docs/threat-model.md"), ("README.md", "SECURITY.md"), ("docs/README.md", "threat-model.md"), ("docs/README.md", "../SECURITY.md"),
        ("SECURITY.md", "docs/threat-model.md"), ("docs/threat-model.md", "../SECURITY.md")) if "(%s)" % target not in read(os.path.join(ROOT, page)))


if __name__ == "__main__":
    main_of([every_test_that_is_named_is_there, every_row_names_a_test_or_says_that_there_is_none, a_wrong_name_is_seen, both_documents_are_linked])
