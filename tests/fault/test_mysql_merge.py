#!/usr/bin/python3
"""A merge is one command to MySQL: it is cut at every point, and cartd is killed there. 500 of them are in chaos_mysql_merge.py."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from merges_sql import cut_and_kill_on_mysql  # noqa: E402
from private_mariadb import server  # noqa: E402


def cut_or_killed_at_every_point_a_merge_is_done_once_or_not_at_all():
    with server(fast=True) as database, tempfile.TemporaryDirectory() as folder:
        cut_and_kill_on_mysql(folder, database, 1)


if __name__ == "__main__":
    tap.main_of([cut_or_killed_at_every_point_a_merge_is_done_once_or_not_at_all])
