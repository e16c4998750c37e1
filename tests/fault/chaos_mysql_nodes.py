#!/usr/bin/python3
"""Several servers, one of which is lost: a Galera cluster, and a primary with a replica that takes its place.

Long, in `make chaos`: to start three nodes and to let them agree that one is dead takes longer than all of ./cart check may give to it.
"""

import time

import faults
import tap
from scene import ACKNOWLEDGED, REFUSED, Scene, mariadb, server

# A commit is acknowledged once the replica has it: what asynchronous replication loses, no client of it can save.
SEMI_SYNC = ["--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
             "--rpl-semi-sync-master-timeout=60000"]


def galera():
    try:
        mariadb.program("mariadbd")
        return mariadb.Galera(3)
    except mariadb.Failure as why:
        raise tap.Skip("no cluster was tested: %s" % why) from None


def the_writing_node_of_a_cluster_is_killed_and_the_next_one_goes_on():
    with galera() as cluster, Scene(cluster) as scene:
        scene.tables_of = cluster.nodes[1]
        for number in (0, 1):
            killed = time.monotonic()
            cluster.nodes[number].kill()
            cluster.await_size(2)
            agreed = time.monotonic()
            scene.note("node %d killed, the others agreed after %.2f s", number + 1, agreed - killed)
            scene.await_recovery(agreed)
            cluster.nodes[number].start()
            cluster.await_size(3)
            scene.load.await_successes(300, 30)


def a_cluster_without_a_majority_takes_no_change_and_comes_back():
    with galera() as cluster, Scene(cluster) as scene:
        scene.tables_of = cluster.nodes[2]
        for node in cluster.nodes[:2]:
            node.kill()
        scene.watch.await_status(503, time.monotonic(), 10)
        began = time.monotonic()
        time.sleep(3)
        changes, _ = scene.outcomes_during(began, time.monotonic())
        scene.note("without a majority: changes %s", changes)
        assert changes[ACKNOWLEDGED] == 0 and changes[REFUSED] > 0, "without a majority: %s" % changes
        # Whoever runs the cluster says that what is left is all there is.
        cluster.nodes[2].sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
        mariadb.await_that(lambda: cluster.nodes[2].status("wsrep_ready").get("wsrep_ready") == "ON", "the node's readiness")
        scene.await_recovery(time.monotonic())


def a_replica_is_promoted_and_the_old_primary_that_returns_is_left_alone():
    options = ["--server-id=1", "--log-bin", *SEMI_SYNC]
    with server(options=options) as primary, mariadb.Replica(primary, options=["--rpl-semi-sync-slave-enabled=1"]) as replica, \
            Scene(primary, {"mysql.host": "%s,%s" % (primary.address(), replica.address())}) as scene:
        scene.tables_of = replica
        mariadb.await_that(lambda: primary.status("Rpl_semi_sync_master_clients")["Rpl_semi_sync_master_clients"] == "1",
                           "a semi-synchronous replica")
        scene.load.await_successes(300, 20)
        killed = time.monotonic()
        primary.kill()
        scene.watch.await_status(503, killed, faults.DOWN_S)
        changes, _ = scene.outcomes_during(killed + 0.5, time.monotonic())
        assert changes[ACKNOWLEDGED] == 0, "a change was acknowledged by a replica"
        # What it has received it applies before it is promoted.
        mariadb.await_that(lambda: replica.sql("SELECT COUNT(*) FROM information_schema.processlist "
                                               "WHERE state LIKE 'Slave has read all relay log%'")[0][0] == "1",
                           "the end of what the replica has received")
        replica.promote()
        scene.await_recovery(time.monotonic())
        primary.start()
        written = primary.variable("gtid_binlog_pos")
        scene.load.await_successes(500, 30)
        assert primary.variable("gtid_binlog_pos") == written, "the old primary was written to"


if __name__ == "__main__":
    tap.main([
        the_writing_node_of_a_cluster_is_killed_and_the_next_one_goes_on,
        a_cluster_without_a_majority_takes_no_change_and_comes_back,
        a_replica_is_promoted_and_the_old_primary_that_returns_is_left_alone,
    ])
