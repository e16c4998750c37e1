#!/usr/bin/python3
"""cartd is killed within a merge on SQLite. 500 times in chaos_sqlite_merge.py."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from merges_sql import kill_on_sqlite  # noqa: E402

KILLS = 8


def killed_in_the_middle_a_merge_is_done_once_or_not_at_all():
    with tempfile.TemporaryDirectory() as folder:
        kill_on_sqlite(folder, KILLS)


if __name__ == "__main__":
    tap.main_of([killed_in_the_middle_a_merge_is_done_once_or_not_at_all])
