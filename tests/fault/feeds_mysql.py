"""The storm of feeds.py on MariaDB, and consumers that are too slow."""

import contextlib
import os
import tempfile
from unittest import mock

import cut_proxy
import storm
from feeds import FeedStorm
from feeds_retention import slower_than_the_retention
from private_mariadb import server
from scene_mysql import Scene
from storm_mysql import connections_killed, timeouts
from wrong_clock import WrongClock


@contextlib.contextmanager
def server_with_clock(**options):
    """A server, and its clock: what has expired is decided by that."""
    with tempfile.TemporaryDirectory() as folder:
        clock = WrongClock(folder)
        with mock.patch.dict(os.environ, [word.split("=", 1) for word in clock.wrapper if "=" in word]), server(**options) as database:
            yield database, clock


def storm_on_mysql(faults, **more):
    with server_with_clock(options=["--innodb-buffer-pool-size=32M"]) as (database, clock), cut_proxy.CutProxy(database.port) as proxy:
        FeedStorm(Scene(database, {"mysql.port": str(proxy.port), "mysql.sweep_interval": "500ms", **timeouts()}), {
            **storm.cuts(proxy), "connections killed": connections_killed(database), "server stopped": storm.stopped(database),
            "server killed": storm.killed(database)}, faults, clocks=[clock], **more).run()


def too_slow_on_mysql(kills, at_least):
    with server_with_clock() as (database, clock):
        def kill_server():
            database.kill()
            database.start()
        scene = Scene(database, {"mysql.sweep_interval": "50ms", **timeouts()})
        slower_than_the_retention(scene, [kill_server], kills, at_least, [clock])
