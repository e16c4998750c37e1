#!/usr/bin/python3
"""cartctl archive on MySQL, killed 50 times at random and in every call that changes the folder; and restore."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
import tap  # noqa: E402
from archives import MysqlStore, Scene, kill_at_random, kill_at_steps, two_at_once, what_was_deleted_stays_deleted  # noqa: E402

KILLS, STEPS = 50, 1000


def on_mysql(test, *arguments):
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server() as server:
        test(MysqlStore(folder, server, private_mariadb.settings_for(server)), *arguments)


def killed_at_any_time_an_archive_is_ended_by_the_next_run():
    on_mysql(kill_at_random, KILLS)


def killed_in_each_call_an_archive_is_ended_by_the_next_run():
    on_mysql(kill_at_steps, STEPS)
    on_mysql(kill_at_steps, STEPS, True)


def what_was_restored_is_what_it_was(store):
    scene = Scene(store)
    scene.fill(500)
    before = store.everything()
    scene.run()
    scene.check_complete()
    scene.restore()
    assert store.everything() == before, "carts came back as others"
    scene.run()
    scene.check_complete()


def carts_come_back_as_they_were():
    on_mysql(what_was_restored_is_what_it_was)


def what_was_deleted_after_a_restore_does_not_come_back():
    on_mysql(lambda store: what_was_deleted_stays_deleted(Scene(store)))


def of_two_archives_one_has_a_cart():
    on_mysql(two_at_once, range(2, 60))


if __name__ == "__main__":
    tap.main_of([killed_at_any_time_an_archive_is_ended_by_the_next_run, killed_in_each_call_an_archive_is_ended_by_the_next_run,
                 carts_come_back_as_they_were, what_was_deleted_after_a_restore_does_not_come_back, of_two_archives_one_has_a_cart])
