#!/usr/bin/python3
"""What befalls the way between cartd and the database: cut at every point of an exchange, silent, leading nowhere.

Short, in ./cart check: each cut is a case of its own that either is handled or not.
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import cut_proxy  # noqa: E402
import faults  # noqa: E402
import holes  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from http_client import Client  # noqa: E402
from private_mariadb import SqlError, server, settings_for  # noqa: E402
from scene import PATIENT, RECOVERY_S  # noqa: E402
from scene_mysql import Scene  # noqa: E402

CUTS, EVERY = 40, 25
CONNECT_TIMEOUT_MS = 1000
FLAT_S = 0.25  # a connect that blocks a loop takes CONNECT_S
CONNECT_S = 10
POOL, SWEEPER = 8, 1
LINE = {"product_id": 1, "quantity": 1}


def cut(where):
    """Cuts there, under load; how many changes that nobody has an answer to are stored."""
    with server() as database, cut_proxy.CutProxy(database.port) as proxy, \
            Scene(database, {**PATIENT, "mysql.port": str(proxy.port)}) as scene:
        faults.cut(scene, proxy, where, EVERY, CUTS)
    return scene.applied


def cut_within_a_request_nothing_is_applied_twice():
    assert cut(cut_proxy.WITHIN_REQUEST) == 0, "the server has run half a request"


def cut_after_a_request_nothing_is_applied_twice():
    cut(cut_proxy.AFTER_REQUEST)


def cut_between_a_request_and_its_answer_nothing_is_applied_twice():
    assert cut(cut_proxy.BEFORE_ANSWER) > 0, "no cut came after a commit: the case was not met"


def cut_within_an_answer_nothing_is_applied_twice():
    cut(cut_proxy.WITHIN_ANSWER)


def sessions(root):
    return root.sql("SELECT id FROM information_schema.processlist WHERE user = 'cart'")


def connections_that_fall_silent_are_given_up_and_others_made():
    """A firewall that has forgotten them: no reset, no end. mysql.timeout (here 3 s) is the time that this may take."""
    with server() as database, cut_proxy.CutProxy(database.port) as proxy, \
            Scene(database, {"mysql.port": str(proxy.port), "mysql.timeout": "3s", "mysql.pool": str(POOL), "request.deadline": "20s", "drain.deadline": "20s"}) as scene:
        silenced = time.monotonic()
        proxy.silence()
        scene.watch.await_status(503, silenced, faults.DOWN_S)
        scene.await_recovery(silenced, 3 + RECOVERY_S)
        with database.connect() as root:
            await_that(lambda: len(sessions(root)) <= POOL + SWEEPER, 10, "the server has none of the silent sessions any more")


def cart_with_a_line(client):
    made = client.ask("POST", "/shopping-carts", body={"customer_id": 1})
    items = made.header("Location") + "/items"
    added = client.ask("POST", items, body=LINE)
    assert added.status == 204, added.raw()
    return items


def is_locked(root):
    try:
        root.sql("SELECT id FROM cart.carts FOR UPDATE NOWAIT")
        return False
    except SqlError:
        return True


def a_row_that_a_silent_session_has_locked_is_free_when_it_is_given_up():
    """The server keeps the session of a connection that fell silent, for hours, and so the locks of its transaction."""
    with tempfile.TemporaryDirectory() as folder, server() as database, cut_proxy.CutProxy(database.port) as proxy, \
            Cartd(folder, {**settings_for(database, port=str(proxy.port), timeout="1s", acquire_timeout="4s"), "threads": "1"}) as cartd, \
            cartd.client() as client, cartd.client() as other, database.connect() as root:
        items = cart_with_a_line(client)
        proxy.silence_next(b"FOR UPDATE")
        client.send("PUT", items + "/1", body={"quantity": 5})
        await_that(lambda: is_locked(root), 10, "the silent session has the cart's row")
        answers = [client.receive(), other.ask("POST", items, body=LINE)]
        assert [answer.status for answer in answers] == [204, 204], [answer.raw() for answer in answers]
        assert not is_locked(root), "the cart's row is still locked"


def a_change_meets_one_silent_connection_at_most():
    """All connections of a loop have fallen silent while they were idle. Once one is given up, the others are pinged before they are used."""
    timeout = "%dms" % (1000 * patience.at_most(0.5))
    settings = {"threads": "1", "request.deadline": "60s", "drain.deadline": "60s"}
    with tempfile.TemporaryDirectory() as folder, server() as database, cut_proxy.CutProxy(database.port) as proxy, \
            Cartd(folder, {**settings_for(database, port=str(proxy.port), timeout=timeout, pool="4"), **settings}) as cartd, \
            cartd.client() as client:
        items = cart_with_a_line(client)
        await_that(lambda: cartd.metrics()["cart_mysql_connections{state=\"idle\"}"] == 4, 10, "four idle connections")
        proxy.silence()
        answer = client.ask("POST", items, [("Idempotency-Key", "k")], LINE)
        assert answer.status == 204, answer.raw()
        lost = cartd.metrics()["cart_mysql_retries_total{cause=\"connection\"}"]
        assert lost == 1, "the change was lost %d times" % lost


def hosts_that_lead_nowhere_and_are_listed_first_delay_the_start_only():
    """One answers no SYN, one accepts and never greets: a start takes a connect_timeout longer for each, a reconnect nothing."""
    with holes.Hole(deaf=True) as deaf, holes.Hole() as mute, server() as database:
        began = time.monotonic()
        with Scene(database, {"mysql.host": ",".join(host.address() for host in (deaf, mute, database)),
                              "mysql.connect_timeout": "%dms" % CONNECT_TIMEOUT_MS}) as scene:
            scene.note("up in %.2f s", scene.up - began)
            with database.connect() as session:
                for connection, in sessions(session):
                    session.sql("KILL %s" % connection)
            scene.await_recovery(time.monotonic())
    assert scene.up - began < 2 * CONNECT_TIMEOUT_MS / 1000 + patience.at_most(1), "it took %.1f s to start" % (scene.up - began)


def asked_of_meanwhile(scene, database, ready):
    """The good host goes and comes back while the other one is tried: everybody gets an answer, and soon a good one."""
    killed = time.monotonic()
    database.kill()
    scene.watch.await_status(503, killed, faults.DOWN_S)
    await_that(ready, 10, "the other host is tried")
    scene.for_seconds(1.5)
    scene.note("99 of 100 requests of the outage answered in %.2f s", scene.slowest(0.99, killed, time.monotonic()))
    database.start()
    scene.await_recovery(time.monotonic())


def a_second_host_that_never_answers_a_connect_holds_nobody_up():
    with holes.Hole(deaf=True) as hole, server() as database, \
            Scene(database, {"mysql.host": "%s,%s" % (database.address(), hole.address())}) as scene:
        asked_of_meanwhile(scene, database, lambda: True)


def a_resolver_that_never_answers_holds_nobody_up():
    with holes.Resolver() as resolver, server() as database, \
            Scene(database, {"mysql.host": "%s,database.example.net" % database.address()}, resolver.wrapper) as scene:
        asked_of_meanwhile(scene, database, resolver.asked.is_set)


def a_replica_that_leads_nowhere_slows_no_strong_read_and_fails_no_eventual_one():
    with holes.Hole(deaf=True) as hole, server() as database, \
            Scene(database, {"mysql.read_host": hole.address(), "mysql.connect_timeout": "%ds" % CONNECT_S}) as scene:
        asked, reader = [], Client(scene.cartd.port, 10)
        began = time.monotonic()
        while time.monotonic() < began + 2:
            asked.append(reader.ask("GET", "/shopping-carts/%s?consistency=eventual" % scene.load.hot[0]))
        slowest = scene.slowest(0.99, began, time.monotonic())
        scene.note("%d eventual reads; 99 of 100 of the others' requests in %.3f s", len(asked), slowest)
        wrong = [answer.status for answer in asked if answer.status != 200]
        assert not wrong, "%d of %d eventual reads: %s" % (len(wrong), len(asked), wrong[:5])
        assert slowest < patience.at_most(FLAT_S), "99 of 100 requests of the others took up to %.2f s" % slowest


if __name__ == "__main__":
    tap.main_of([
        cut_within_a_request_nothing_is_applied_twice,
        cut_after_a_request_nothing_is_applied_twice,
        cut_between_a_request_and_its_answer_nothing_is_applied_twice,
        cut_within_an_answer_nothing_is_applied_twice,
        connections_that_fall_silent_are_given_up_and_others_made,
        a_row_that_a_silent_session_has_locked_is_free_when_it_is_given_up,
        a_change_meets_one_silent_connection_at_most,
        hosts_that_lead_nowhere_and_are_listed_first_delay_the_start_only,
        a_second_host_that_never_answers_a_connect_holds_nobody_up,
        a_resolver_that_never_answers_holds_nobody_up,
        a_replica_that_leads_nowhere_slows_no_strong_read_and_fails_no_eventual_one,
    ])
