#!/usr/bin/python3
"""A storm over two services on one MariaDB: storm.py says what that is. In `make chaos`: some minutes."""

import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "fault")]
import cut_proxy  # noqa: E402
import disk  # noqa: E402
import faults  # noqa: E402
import storm  # noqa: E402
import tap  # noqa: E402
from private_mariadb import SqlError, server  # noqa: E402
from scene_mysql import Scene  # noqa: E402

SILENT_S = 1.5  # after so long a connection whose answer does not come is given up


def connections_killed(database):
    def fault(_storm):
        with database.connect() as session:
            for connection, in session.sql("SELECT id FROM information_schema.processlist WHERE user = 'cart'"):
                try:
                    session.sql("KILL %s" % connection)
                except SqlError:
                    pass  # it has ended by itself
    return fault


def read_only(database):
    def fault(storm_):
        database.sql("SET GLOBAL read_only = 1")
        storm_.wait_some(0.1, 1.0)
        database.sql("SET GLOBAL read_only = 0")
    return fault


def row_held(database):
    def fault(storm_):
        with database.connect() as session:
            faults.hold(session, storm_.load.hot[0])
            storm_.wait_some(0.2, 1.5)
            session.sql("ROLLBACK")
    return fault


def a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable():
    with disk.small(768) as folder, server(folder=os.path.join(folder, "database"), options=["--innodb-buffer-pool-size=32M"]) as database, \
            cut_proxy.CutProxy(database.port) as proxy:
        cuts = {"cut " + where: storm.cut(proxy, where) for where in (
            cut_proxy.WITHIN_REQUEST, cut_proxy.AFTER_REQUEST, cut_proxy.BEFORE_ANSWER, cut_proxy.WITHIN_ANSWER)}
        storm.Storm(Scene(database, {"mysql.port": str(proxy.port), "mysql.timeout": "%dms" % (1000 * SILENT_S)}), {
            **cuts, "silenced": storm.silenced(proxy, SILENT_S), "server killed": storm.killed(database), "server stopped": storm.stopped(database),
            "connections killed": connections_killed(database), "read-only": read_only(database), "row held": row_held(database),
            "disk full": storm.full(folder)}).run()


if __name__ == "__main__":
    tap.main_of([
        a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable,
    ])
