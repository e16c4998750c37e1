#!/usr/bin/python3
"""Several servers, one of which is lost: a cluster (Galera, or what CART_TEST_MYSQL names), and a primary with a replica that takes its place.

Long, in `make chaos`: to start three nodes and to let them agree that one is dead takes longer than all of ./cart check may give to it.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import faults  # noqa: E402
import tap  # noqa: E402
from cartd import await_that  # noqa: E402
from private_mariadb import cluster as three_nodes, mariadb, primary  # noqa: E402
from scene import ACKNOWLEDGED, REFUSED  # noqa: E402
from scene_mysql import Scene  # noqa: E402

# A commit is acknowledged once the replica has it: what asynchronous replication loses, no client of it can save.
SEMI_SYNC = ["--rpl-semi-sync-master-enabled=1", "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
             "--rpl-semi-sync-master-timeout=60000"]


def the_writing_node_of_a_cluster_is_killed_and_the_next_one_goes_on():
    with three_nodes() as cluster, Scene(cluster) as scene:
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
    with three_nodes() as cluster, Scene(cluster) as scene:
        scene.tables_of = cluster.nodes[2]
        for node in cluster.nodes[:2]:
            node.kill()
        scene.watch.await_status(503, time.monotonic(), 10)
        began = time.monotonic()
        time.sleep(3)
        changes, _ = scene.outcomes_during(began, time.monotonic())
        scene.note("without a majority: changes %s", changes)
        assert changes[ACKNOWLEDGED] == 0 and changes[REFUSED] > 0, "without a majority: %s" % changes
        cluster.nodes[2].declare_whole()
        scene.await_recovery(time.monotonic())


def a_replica_is_promoted_and_the_old_primary_that_returns_is_left_alone():
    with primary(SEMI_SYNC) as old, mariadb.Replica(old, options=["--rpl-semi-sync-slave-enabled=1"]) as replica, \
            Scene(old, {"mysql.host": "%s,%s" % (old.address(), replica.address())}) as scene:
        scene.tables_of = replica
        await_that(lambda: old.status("Rpl_semi_sync_master_clients")["Rpl_semi_sync_master_clients"] == "1", 30,
                   "a semi-synchronous replica")
        scene.load.await_successes(300, 20)
        killed = time.monotonic()
        old.kill()
        scene.watch.await_status(503, killed, faults.DOWN_S)
        changes, _ = scene.outcomes_during(killed + 0.5, time.monotonic())
        assert changes[ACKNOWLEDGED] == 0, "a change was acknowledged by a replica"
        # What it has received it applies before it is promoted.
        mariadb.apply_received(replica)
        replica.promote()
        scene.await_recovery(time.monotonic())
        old.start()
        written = old.variable("gtid_binlog_pos")
        scene.load.await_successes(500, 30)
        assert old.variable("gtid_binlog_pos") == written, "the old primary was written to"


if __name__ == "__main__":
    tap.main_of([
        the_writing_node_of_a_cluster_is_killed_and_the_next_one_goes_on,
        a_cluster_without_a_majority_takes_no_change_and_comes_back,
        a_replica_is_promoted_and_the_old_primary_that_returns_is_left_alone,
    ])
