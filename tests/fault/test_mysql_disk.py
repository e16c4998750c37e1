#!/usr/bin/python3
"""A database whose disk is full: a real one, of a few MiB, that only this test and its server see.

Short, in ./cart check, where a tmpfs can be mounted (root, or user namespaces); skipped elsewhere. InnoDB cannot lengthen its files and
answers 1114 (1021 and 1026 are the server's words for files beside the tables; cartd treats the three alike, which a unit
test shows). A server with a binary log, which then answers no commit at all, is in chaos_mysql.py. Not shown: a full disk under the redo
log, which has its size from the start. Now and then the server ends on a full disk; then what it acknowledged must be there after its next start.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import disk  # noqa: E402
import tap  # noqa: E402
from cartd import await_that  # noqa: E402
from private_mariadb import server  # noqa: E402
from scene import ACKNOWLEDGED, REFUSED, UNKNOWN  # noqa: E402
from scene_mysql import Scene  # noqa: E402

SIZE_MIB = 96


def a_full_disk_refuses_what_does_not_fit_and_service_goes_on_once_there_is_room():
    options = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M"]
    with disk.small(SIZE_MIB) as folder, server(folder=os.path.join(folder, "database"), options=options) as database, \
            Scene(database) as scene:
        ballast = os.path.join(folder, "ballast")
        await_that(lambda: disk.fill(ballast) or scene.load.count(REFUSED, ("create",)) > 20, 60, "creates that are refused")
        full = time.monotonic()
        time.sleep(2)
        changes, reads = scene.outcomes_during(full, time.monotonic())
        scene.note("full for 2 s: changes %s, reads %s; the server says %s", changes, reads, " and ".join(sorted(
            scene.reasons())))
        os.unlink(ballast)
        ended = database.process.poll()
        if ended is not None:
            scene.note("the server has ended with %d, and is started again", ended)
            database.start()
        emptied = time.monotonic()
        await_that(lambda: scene.load.first_success(emptied, ("create",)) is not None, 10, "a create that succeeds")
        scene.note("first create after %.2f s", scene.load.first_success(emptied, ("create",)))
        scene.await_recovery(emptied)
        assert changes[REFUSED] > 0, "nothing was refused"
        if ended is not None:
            return
        assert changes[UNKNOWN] == 0, "%d outcomes left open" % changes[UNKNOWN]
        assert reads[REFUSED] == 0, "%d of %d reads failed" % (reads[REFUSED], reads[REFUSED] + reads[ACKNOWLEDGED])


if __name__ == "__main__":
    tap.main_of([a_full_disk_refuses_what_does_not_fit_and_service_goes_on_once_there_is_room])
