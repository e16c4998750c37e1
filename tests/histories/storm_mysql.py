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
from private_mariadb import SqlError, mariadb, primary, server  # noqa: E402
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


class Pair:
    """A primary and a replica that exchange their roles: each follows the other, and one of them takes writes."""

    def __init__(self, primary, replica):
        self.writer, self.other = primary, replica
        primary.sql("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='replica', MASTER_PASSWORD='%s',"
                    " MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE" % (replica.port, replica.password))

    def switch(self, storm_):
        """In order, as an operator does it: nobody takes writes until the new one has all that the old one has."""
        self.writer.sql("SET GLOBAL read_only = 1")
        position = self.writer.variable("gtid_binlog_pos")
        reached = self.other.sql("SELECT MASTER_GTID_WAIT('%s', 30)" % position, 35)[0][0]
        assert reached == "0", "the replica is behind"
        storm_.wait_some(0, 1.0)
        self.other.sql("SET GLOBAL read_only = 0")
        self.writer, self.other = self.other, self.writer

    def sql(self, text):
        """Of the one that takes writes: for the look at the tables in the end."""
        return self.writer.sql(text)

    def environment(self):
        return self.writer.environment()


def a_storm_with_a_switch_of_the_primary_loses_nothing_doubles_nothing_and_is_linearizable():
    with primary() as first, mariadb.Replica(first) as second:
        pair = Pair(first, second)
        hosts = "%s,%s" % (first.address(), second.address())
        storm.Storm(Scene(pair, {"mysql.host": hosts}), {
            "primary switched": pair.switch, "connections killed": lambda storm_: connections_killed(pair.writer)(storm_),
            "all read-only": lambda storm_: read_only(pair.writer)(storm_)}, storm.FAULTS // 3).run()


if __name__ == "__main__":
    tap.main_of([
        a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable,
        a_storm_with_a_switch_of_the_primary_loses_nothing_doubles_nothing_and_is_linearizable,
    ])
