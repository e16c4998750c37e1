#!/usr/bin/python3
"""cartctl archive on SQLite, killed in every call that changes the disk, and 50 times at random; with a bucket too."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
import s3  # noqa: E402
from archives import SqliteStore, kill_at_random, kill_at_steps  # noqa: E402
from archives_s3 import BUCKET, scene_of  # noqa: E402
from s3_stub import Stub  # noqa: E402

KILLS, STEPS = 50, 1000


def killed_at_any_time_an_archive_is_ended_by_the_next_run():
    with tempfile.TemporaryDirectory() as folder:
        kill_at_random(SqliteStore(folder), KILLS)


def killed_in_each_call_an_archive_is_ended_by_the_next_run():
    for changes in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            kill_at_steps(SqliteStore(folder), STEPS, changes)


def killed_at_any_time_an_archive_in_a_bucket_is_ended_by_the_next_run():
    with tempfile.TemporaryDirectory() as folder, Stub(BUCKET) as stub:
        scene = scene_of(folder, s3.Bucket(stub.port, BUCKET))
        kill_at_random(scene.store, KILLS, scene=scene)


if __name__ == "__main__":
    tap.main_of([killed_at_any_time_an_archive_is_ended_by_the_next_run, killed_in_each_call_an_archive_is_ended_by_the_next_run,
                 killed_at_any_time_an_archive_in_a_bucket_is_ended_by_the_next_run])
