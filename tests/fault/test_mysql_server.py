#!/usr/bin/python3
"""What befalls the database server: killed, stopped, read-only, full, out of connections, somebody in the way.

Short forms, in ./cart check: they show within a minute whether a change of the code has broken a promise. The long ones, which look
for what happens one time in many, are in chaos_mysql.py.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import faults  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from private_mariadb import Lost, Session, SqlError, server, settings_for  # noqa: E402
from scene import ACKNOWLEDGED, PATIENT, REFUSED, UNKNOWN  # noqa: E402
from scene_mysql import Scene  # noqa: E402

LINE = {"product_id": 1, "quantity": 1}
MYSQL_WAITS = 1  # for a second each, the shortest wait that MySQL knows
PROMPT_S = 0.5  # not after waiting for something that does not come


def killed_and_started_again_nothing_acknowledged_is_lost_or_doubled():
    with server() as database, Scene(database) as scene:
        faults.kill_and_restart(scene, database, 2)


def stopped_for_three_seconds_every_answer_comes_in_time():
    with server() as database, Scene(database) as scene:
        faults.suspend(scene, database, 3)


def connections_killed_five_times_a_second_no_read_fails():
    with server() as database, Scene(database, PATIENT) as scene:
        faults.kill_connections(scene, database, 2)


def shut_down_in_order_and_started_again_it_is_found_again():
    with server() as database, Scene(database) as scene:
        stopped = time.monotonic()
        database.stop()
        scene.watch.await_status(503, stopped, faults.DOWN_S)
        database.start()
        scene.await_recovery(time.monotonic())


def made_read_only_every_change_is_refused_at_once_and_every_read_answered():
    with server() as database, Scene(database) as scene:
        database.sql("SET GLOBAL read_only = 1")
        began = time.monotonic()
        scene.watch.await_status(503, began, faults.DOWN_S)
        time.sleep(2)
        ended = time.monotonic()
        changes, reads = scene.outcomes_during(began, ended)
        slowest = scene.slowest(0.99, began + 0.5, ended)
        scene.note("read-only for 2 s: changes %s, reads %s, 99 of 100 in %.2f s", changes, reads, slowest)
        database.sql("SET GLOBAL read_only = 0")
        scene.await_recovery(time.monotonic())
        assert changes[REFUSED] > 0, "no change was refused"
        assert changes[ACKNOWLEDGED] == changes[UNKNOWN] == 0, "changes: %s" % changes
        assert reads[ACKNOWLEDGED] > 0 and reads[REFUSED] == 0, "reads: %s" % reads
        assert slowest < patience.at_most(PROMPT_S), "99 of 100 requests took up to %.2f s" % slowest


def all_connections_taken_by_others_it_is_busy_and_comes_back():
    with server(options=["--max-connections=20"]) as database, Scene(database) as scene, contextlib.ExitStack() as others, \
            database.connect() as root:
        # An account without the right to the one connection that is kept for administrators.
        root.sql("CREATE USER crowd@localhost")

        def crowd_in():
            """Takes what is free, then ends cartd's connections, until it has none."""
            try:
                while True:
                    others.enter_context(Session(database.socket, "crowd"))
            except (SqlError, Lost):
                pass
            cartds = root.sql("SELECT id FROM information_schema.processlist WHERE user = 'cart'")
            for connection, in cartds:
                with contextlib.suppress(SqlError):
                    root.sql("KILL %s" % connection)
            return not cartds
        began = time.monotonic()
        await_that(crowd_in, 20, "no connection is cartd's")
        crowded = time.monotonic()
        scene.watch.await_status(503, crowded, faults.DOWN_S)
        time.sleep(1.5)
        changes, reads = scene.outcomes_during(crowded + 0.1, time.monotonic())  # its connections know of their end
        scene.note("crowded out in %.1f s; then changes %s, reads %s", crowded - began, changes, reads)
        assert changes[REFUSED] > 0 and changes[ACKNOWLEDGED] == changes[UNKNOWN] == 0, "changes: %s" % changes
        others.close()
        scene.await_recovery(time.monotonic())


def a_row_held_by_somebody_else_stops_nobody_but_those_who_want_it():
    with server() as database, Scene(database) as scene:
        before = scene.metric('cart_mysql_retries_total{cause="lock_timeout"}')
        waiting, changes, reads, released = faults.hold_hot_cart(scene, database, 3)
        scene.await_recovery(released)
        timeouts = scene.metric('cart_mysql_retries_total{cause="lock_timeout"}') - before
        scene.note("%d lock timeouts", timeouts)
        assert timeouts > 0, "the server reported no lock timeout"
        assert waiting[ACKNOWLEDGED] == 0, "a held row was changed"
        assert changes[UNKNOWN] == 0, "%d outcomes left open by a lock timeout" % changes[UNKNOWN]
        assert changes[REFUSED] == waiting[REFUSED], "changes of other carts were refused"
        assert reads[REFUSED] == 0, "%d reads failed" % reads[REFUSED]
        assert changes[ACKNOWLEDGED] > 300, "only %d changes elsewhere meanwhile" % changes[ACKNOWLEDGED]


def row_waits(root):
    return int(root.sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")[0][1])


def waits_for(root, lock, cartd, headers):
    """A change is tried ten times while that is locked, and others of another cart are made over the same connection; how often it waited
    in the server."""
    tries = 'cart_mysql_retries_total{cause="lock_timeout"}'
    with cartd.client() as waiting, cartd.client() as other:
        items = [other.ask("POST", "/shopping-carts", body={"customer_id": 1}).header("Location") + "/items" for _ in range(2)]
        for target in items:
            assert other.ask("POST", target, body=LINE).status == 204
        tried, waited = cartd.metrics()[tries], row_waits(root)
        root.sql("START TRANSACTION")
        root.sql(lock % items[0].split("/")[2].replace("-", ""))
        waiting.send("POST", items[0], headers, LINE)
        while cartd.metrics()[tries] < tried + 10:
            assert other.ask("POST", items[1], body=LINE).status == 204
        waited = row_waits(root) - waited
        root.sql("ROLLBACK")
        assert waiting.receive().status == 204
    return waited


def lines_and_keys_held_by_somebody_else_stop_nobody_else():
    key = hashlib.sha256(b"held").hexdigest()[:32]
    with server() as database, tempfile.TemporaryDirectory() as folder, database.connect() as root, Cartd(folder, {
            **settings_for(database, pool="1", lock_timeout="60s", acquire_timeout="20s"), "threads": "1", "request.deadline": "60s",
            "drain.deadline": "60s"}) as cartd:
        waits = waits_for(root, "SELECT * FROM cart.cart_items WHERE cart_id = x'%s' FOR UPDATE", cartd, ())
        assert waits <= MYSQL_WAITS, "the connection waited %d times for lines" % waits
        waits = waits_for(root, "INSERT INTO cart.idempotency_keys VALUES (x'%s', x'" + key + "', x'00', 1, 1, 1, x'00')", cartd,
                            [("Idempotency-Key", "held")])
        assert waits <= MYSQL_WAITS, "the connection waited %d times for a key" % waits


def rows_that_somebody_else_locks_in_another_order_make_no_deadlock():
    """On one connection, so that what queues makes one batch that takes low and finds high locked. Neither side waits for the other for
    ever: cart waits for no row, and gives low back."""
    with server() as database, Scene(database, {**PATIENT, "threads": "1", "mysql.pool": "1"}) as scene, database.connect() as other:
        other.sql("CREATE TABLE cart.weight (id INT AUTO_INCREMENT PRIMARY KEY)")
        locked, deadlocks = ('cart_mysql_retries_total{cause="%s"}' % cause for cause in ("lock_timeout", "deadlock"))
        before, deadlocks_before, began = scene.metric(locked), scene.metric(deadlocks), time.monotonic()
        for _ in range(10):
            low, *_, high = sorted(scene.load.hot)
            # The server rolls back whoever has written least: not the other one.
            other.sql("START TRANSACTION; INSERT INTO cart.weight SELECT NULL FROM cart.seq_1_to_500")
            faults.hold(other, high, begin=False)
            seen = scene.metric(locked)
            await_that(lambda: scene.metric(locked) > seen, 10, "a change finds the row locked")
            faults.hold(other, low, begin=False)
            other.sql("ROLLBACK")
            scene.load.await_successes(60, 10)
        returned = time.monotonic()
        scene.note("%d times a row was locked, %d deadlocks", scene.metric(locked) - before, scene.metric(deadlocks) - deadlocks_before)
        scene.await_recovery(returned)
        changes, reads = scene.outcomes_during(began, returned)
        assert scene.metric(deadlocks) == deadlocks_before, "there were deadlocks"
        assert changes[REFUSED] == changes[UNKNOWN] == reads[REFUSED] == 0, "clients saw it: %s, reads %s" % (changes, reads)


if __name__ == "__main__":
    tap.main_of([
        killed_and_started_again_nothing_acknowledged_is_lost_or_doubled,
        stopped_for_three_seconds_every_answer_comes_in_time,
        connections_killed_five_times_a_second_no_read_fails,
        shut_down_in_order_and_started_again_it_is_found_again,
        made_read_only_every_change_is_refused_at_once_and_every_read_answered,
        all_connections_taken_by_others_it_is_busy_and_comes_back,
        a_row_held_by_somebody_else_stops_nobody_but_those_who_want_it,
        lines_and_keys_held_by_somebody_else_stop_nobody_else,
        rows_that_somebody_else_locks_in_another_order_make_no_deadlock,
    ])
