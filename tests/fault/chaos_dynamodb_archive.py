#!/usr/bin/python3
"""cartctl archive on DynamoDB, in layouts map and rows: killed 50 times at random, in every call that changes the folder, and two at once."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
import tap  # noqa: E402
from archives import DynamodbStore, Scene, kill_at_random, kill_at_steps, two_at_once, what_was_deleted_stays_deleted  # noqa: E402

KILLS, STEPS, CARTS = 50, 1000, 300


def on_dynamodb(layout, test, *arguments, **named):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server_of(layout) as server:
        test(DynamodbStore(folder, server, private_dynalite.settings_for(server, layout=layout)), *arguments, **named)


def killed_at_any_time_an_archive_is_ended_by_the_next_run(layout):
    on_dynamodb(layout, kill_at_random, KILLS, carts=CARTS)


def killed_in_each_call_an_archive_is_ended_by_the_next_run(layout):
    on_dynamodb(layout, kill_at_steps, STEPS)


def of_two_archives_one_has_a_cart(layout):
    on_dynamodb(layout, two_at_once, range(2, 60))


def what_was_deleted_after_a_restore_does_not_come_back(layout):
    on_dynamodb(layout, lambda store: what_was_deleted_stays_deleted(Scene(store)))


def run(tap_):
    for layout in ("map", "rows"):
        for test in (what_was_deleted_after_a_restore_does_not_come_back, of_two_archives_one_has_a_cart, killed_at_any_time_an_archive_is_ended_by_the_next_run,
                     killed_in_each_call_an_archive_is_ended_by_the_next_run):
            tap_.run("%s, layout %s" % (test.__name__, layout), test, layout)


if __name__ == "__main__":
    tap.main(run)
