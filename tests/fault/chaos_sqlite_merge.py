#!/usr/bin/python3
"""500 merges on SQLite, within each of which cartd is killed; and their repeats."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from merges_sql import kill_on_sqlite  # noqa: E402

KILLS = 500


def killed_500_times_no_merge_is_lost_doubled_or_stuck():
    with tempfile.TemporaryDirectory() as folder:
        kill_on_sqlite(folder, KILLS)


if __name__ == "__main__":
    tap.main_of([killed_500_times_no_merge_is_lost_doubled_or_stuck])
