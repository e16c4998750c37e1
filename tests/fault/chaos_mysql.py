#!/usr/bin/python3
"""The long forms of test_mysql_*.py: often enough, or for long enough, to meet what happens one time in many.

In `make chaos`: some minutes.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import cut_proxy  # noqa: E402
import disk  # noqa: E402
import faults  # noqa: E402
import tap  # noqa: E402
from cartd import await_that  # noqa: E402
from private_mariadb import server  # noqa: E402
from scene_mysql import Scene  # noqa: E402

# Longer than the server's own wait between two looks for room.
BINLOG_RETRY_S = 60


def killed_ten_times_nothing_acknowledged_is_lost_or_doubled():
    with server() as database, Scene(database) as scene:
        faults.kill_and_restart(scene, database, 10)


def stopped_for_ten_seconds_every_answer_comes_in_time():
    """Twice request.deadline: everybody waits it out at least once. Then what the server had received it does, late."""
    with server() as database, Scene(database) as scene:
        faults.suspend(scene, database, 10)


def connections_killed_five_times_a_second_for_half_a_minute_no_read_fails():
    with server() as database, Scene(database) as scene:
        faults.kill_connections(scene, database, 30)


def cut_a_thousand_times_at_every_point_nothing_is_applied_twice():
    with server() as database, cut_proxy.CutProxy(database.port) as proxy, \
            Scene(database, {"mysql.port": str(proxy.port)}) as scene:
        choice = random.Random(scene.load.seed)
        for turn in range(20):
            where = choice.choice((cut_proxy.WITHIN_REQUEST, cut_proxy.AFTER_REQUEST, cut_proxy.BEFORE_ANSWER,
                                   cut_proxy.WITHIN_ANSWER))
            faults.cut(scene, proxy, where, choice.randint(5, 40), 50 * (turn + 1))
        scene.notes = ["%d cuts" % proxy.cuts]
    assert scene.applied > 0, "no cut came after a commit"


def killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled():
    """An outcome that a cut leaves open, and that the restart of the server decides. Sessions are cut at their set-up too."""
    with server() as database, cut_proxy.CutProxy(database.port, spare=0) as proxy, \
            Scene(database, {"mysql.port": str(proxy.port)}) as scene:
        proxy.cut(cut_proxy.BEFORE_ANSWER, 15)
        for turn in range(5):
            scene.load.await_successes(200 + 50 * turn, 30)
            database.kill()
            database.start()
            scene.await_recovery(time.monotonic())
        proxy.cut(None, 0)


def a_full_disk_under_a_binary_log_lets_nobody_wait_longer_than_the_deadline():
    """MariaDB then answers no commit, and looks for room once a minute: a commit that hangs is what cartd sees."""
    with disk.small(96) as folder:
        options = ["--log-bin", "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M"]
        with server(folder=os.path.join(folder, "database"), options=options) as database, Scene(database) as scene:
            ballast = os.path.join(folder, "ballast")
            disk.fill(ballast)
            full = time.monotonic()
            await_that(lambda: disk.fill(ballast) or scene.load.idle(full) > 2, 60, "commits that hang")
            time.sleep(8)
            changes, reads = scene.outcomes_during(full, time.monotonic())
            scene.note("full: changes %s, reads %s", changes, reads)
            os.unlink(ballast)
            scene.await_recovery(time.monotonic(), BINLOG_RETRY_S + 15)


if __name__ == "__main__":
    disk.enter_namespace()  # before there are threads
    tap.main_of([
        killed_ten_times_nothing_acknowledged_is_lost_or_doubled,
        stopped_for_ten_seconds_every_answer_comes_in_time,
        connections_killed_five_times_a_second_for_half_a_minute_no_read_fails,
        cut_a_thousand_times_at_every_point_nothing_is_applied_twice,
        killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled,
        a_full_disk_under_a_binary_log_lets_nobody_wait_longer_than_the_deadline,
    ])
