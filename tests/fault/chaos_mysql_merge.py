#!/usr/bin/python3
"""500 merges on MySQL, each of which is cut at some point of its command, or cartd killed there, and repeated."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from merges_sql import POINTS, cut_and_kill_on_mysql  # noqa: E402
from private_mariadb import server  # noqa: E402

MERGES = 500


def cut_and_killed_500_times_no_merge_is_lost_doubled_or_stuck():
    with server(fast=True) as database, tempfile.TemporaryDirectory() as folder:
        cut_and_kill_on_mysql(folder, database, -(-MERGES // (2 * len(POINTS))))


if __name__ == "__main__":
    tap.main_of([cut_and_killed_500_times_no_merge_is_lost_doubled_or_stuck])
