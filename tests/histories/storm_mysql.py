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
from cartd import await_that  # noqa: E402
from private_mariadb import SqlError, mariadb, primary, server  # noqa: E402
from scene import RECOVERY_S  # noqa: E402
from scene_mysql import Scene  # noqa: E402

SILENT_S = 1.5  # after so long a connection whose answer does not come is given up
# A commit is acknowledged once the replica has it, where there is one: what asynchronous replication loses, no client of it can save.
SEMI_SYNC = ["--log-slave-updates", "--gtid-strict-mode=1", "--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-slave-enabled=1", "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
             "--rpl-semi-sync-master-timeout=60000", "--rpl-semi-sync-master-wait-no-slave=0"]
# One that was the primary and returns: what no replica has received it gives up.
RETURNS = ["--read-only=1", "--skip-slave-start", "--init-rpl-role=SLAVE"]
# What a server says of a transaction that it has rolled back, of one that it will not begin, and of one for which it has no room.
REFUSALS = ((1213, "40001", "Deadlock found"), (1205, "HY000", "Lock wait timeout exceeded"), (1290, "HY000", "running with the --read-only option"),
            (1114, "HY000", "The table is full"), (1317, "70100", "Query execution was interrupted"), (9999, "HY000", "An error that nobody knows"))


def timeouts():
    return {"mysql.timeout": "%dms" % (1000 * SILENT_S), **storm.acquire_timeout("mysql")}


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


def throttled(database):
    """The account may have one connection, and loses those that it has."""
    def limit(connections):
        database.sql("SET sql_log_bin = 0; ALTER USER 'cart'@'%%' WITH MAX_USER_CONNECTIONS %d" % connections)

    def fault(storm_):
        limit(1)
        connections_killed(database)(storm_)
        storm_.wait_some(0.2, 1.0)
        limit(0)
    return fault


def row_held(database):
    def fault(storm_):
        with database.connect() as session:
            faults.hold(session, storm_.load.hot[0])
            storm_.wait_some(0.2, 1.5)
            session.sql("ROLLBACK")
    return fault


def blip_of_errors(proxy):
    """Every command is refused, with an error of the storm's choice."""
    def fault(storm_):
        proxy.error = storm_.random.choice(REFUSALS)
        storm_.live_through_blip("a blip, error %d" % proxy.error[0], lambda: proxy.cut(cut_proxy.REFUSED, 1), lambda: proxy.cut(None, 0))
    return fault


def blip_of_cuts(proxy):
    return storm.blip("a blip of cuts", lambda: proxy.cut(cut_proxy.WITHIN_REQUEST, 1), lambda: proxy.cut(None, 0))


def blip_of_read_only(database):
    return storm.blip("a blip, read-only", lambda: database.sql("SET GLOBAL read_only = 1"), lambda: database.sql("SET GLOBAL read_only = 0"))


def of_connections(proxy):
    return {**storm.cuts(proxy), "silenced": storm.silenced(proxy, SILENT_S), "blip of cuts": blip_of_cuts(proxy),
            "blip of errors": blip_of_errors(proxy)}


def of_server(database):
    return {"server stopped": storm.stopped(database), "connections killed": connections_killed(database), "read-only": read_only(database),
            "throttled": throttled(database), "row held": row_held(database), "blip of read-only": blip_of_read_only(database)}


def a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable():
    with disk.small(768) as folder, server(folder=os.path.join(folder, "database"), options=["--innodb-buffer-pool-size=32M"]) as database, \
            cut_proxy.CutProxy(database.port) as proxy:
        storm.Storm("mysql", Scene(database, {"mysql.port": str(proxy.port), **timeouts()}), {
            **of_connections(proxy), **of_server(database), "server killed": storm.killed(database), "disk full": storm.full(folder)}).run()


class Pair:
    """A primary and a replica that exchange their roles: each follows the other, and one of them takes writes. A proxy stands before each."""

    def __init__(self, primary, replica, proxies):
        self.writer, self.other, self.proxies = primary, replica, proxies
        self.await_replication()

    def await_replication(self):
        """Until a commit waits for the replica, and that has all commits before."""
        await_that(lambda: self.writer.status("Rpl_semi_sync_master_%").items() >= {
            "Rpl_semi_sync_master_clients": "1", "Rpl_semi_sync_master_status": "ON"}.items(), 30, "a semi-synchronous replica")
        self.await_caught_up()

    def await_caught_up(self):
        position = self.writer.variable("gtid_binlog_pos")
        reached = self.other.sql("SELECT MASTER_GTID_WAIT('%s', 30)" % position, 35)[0][0]
        assert reached == "0", "the replica is behind: %s, %s" % (self.writer.sql("SHOW MASTER STATUS"), self.other.sql("SHOW SLAVE STATUS"))

    def promote(self):
        self.other.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")
        self.writer, self.other = self.other, self.writer

    def follow(self):
        """The old primary goes on from where it was, as the replica of the new one."""
        self.other.sql("SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos; CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d,"
                       " MASTER_USER='replica', MASTER_PASSWORD='%s', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE" % (
                           self.writer.port, self.writer.password))
        self.await_replication()

    def switch(self, storm_):
        """In order, as an operator does it: nobody takes writes until the new one has all that the old one has."""
        self.writer.sql("SET GLOBAL read_only = 1")
        self.await_caught_up()
        storm_.wait_some(0, 1.0)
        self.promote()
        self.follow()

    def fail_over(self, storm_):
        """kill -9 of the primary. What the replica has received it applies before it is promoted."""
        self.writer.kill()
        mariadb.apply_received(self.other)
        storm_.wait_some(0, 0.5)
        self.promote()
        storm_.recoveries.append((storm_.await_recovery(RECOVERY_S), "primary killed"))
        mariadb.Server.start(self.other, extra=RETURNS)
        self.follow()

    def version(self):
        return self.writer.version() + ", a primary and a replica"

    def sql(self, text, timeout=30.0):
        """Of the one that takes writes."""
        return self.writer.sql(text, timeout)

    def connect(self):
        return self.writer.connect()

    def suspend(self):
        self.writer.suspend()

    def resume(self):
        self.writer.resume()

    def environment(self):
        return self.writer.environment()

    # For the proxy of the one that takes writes.

    def proxy(self):
        return self.proxies[self.writer]


class WritersProxy:
    """The proxy before whichever server of a pair takes writes."""

    def __init__(self, pair):
        object.__setattr__(self, "pair", pair)

    def __getattr__(self, name):
        return getattr(self.pair.proxy(), name)

    def __setattr__(self, name, value):
        setattr(self.pair.proxy(), name, value)


def a_storm_with_fail_overs_and_switches_loses_nothing_doubles_nothing_and_is_linearizable():
    with primary(SEMI_SYNC) as first, mariadb.Replica(first, options=SEMI_SYNC) as second, \
            cut_proxy.CutProxy(first.port) as before_first, cut_proxy.CutProxy(second.port) as before_second:
        pair = Pair(first, second, {first: before_first, second: before_second})
        hosts = "127.0.0.1:%d,127.0.0.1:%d" % (before_first.port, before_second.port)
        storm.Storm("mysql-nodes", Scene(pair, {"mysql.host": hosts, **timeouts()}), {
            **of_connections(WritersProxy(pair)), **of_server(pair), "primary switched": pair.switch, "primary killed": pair.fail_over}).run()


if __name__ == "__main__":
    tap.main_of([
        a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable,
        a_storm_with_fail_overs_and_switches_loses_nothing_doubles_nothing_and_is_linearizable,
    ])
