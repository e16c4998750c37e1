"""What can be done to a database while a Scene runs on it, for as long or as often as the test says."""

import time

from cartd import await_that
from ledger import ACKNOWLEDGED, REFUSED
from private_mariadb import SqlError

DOWN_S = 3.0  # /readyz asks the database for at most a second; one second for what was under way, one for a busy machine


def kill_and_restart(scene, database, times):
    """kill -9, again and again, each time a little later."""
    for number in range(times):
        scene.load.await_successes(200 + 37 * number, 30)
        killed = time.monotonic()
        scene.outage_begins()
        database.kill()
        scene.watch.await_status(503, killed, DOWN_S)
        scene.outage_ends()
        database.start()
        scene.await_recovery(time.monotonic())


def suspend(scene, database, seconds):
    """SIGSTOP: connections stay open, and nobody answers."""
    scene.outage_begins()
    stopped = time.monotonic()
    database.suspend()
    try:
        scene.watch.await_status(503, stopped, DOWN_S)
        time.sleep(max(0, stopped + seconds - time.monotonic()))
        said = scene.watch.others(503, stopped + DOWN_S, time.monotonic())
        scene.outage_ends()
    finally:
        database.resume()
    resumed = time.monotonic()
    assert not said, "/readyz said %s while the database was stopped" % said
    changes, _ = scene.outcomes_during(stopped + 0.5, resumed)
    assert changes[ACKNOWLEDGED] == 0, "%d changes acknowledged by a stopped database" % changes[ACKNOWLEDGED]
    scene.await_recovery(resumed)


def kill_connections(scene, database, seconds, period_s=0.2):
    """KILL of all connections of cartd's, over and over. Reads do not show it; changes go on, some with an unknown outcome."""
    began, killed = time.monotonic(), 0
    with database.connect() as session:
        while time.monotonic() < began + seconds:
            for connection, in session.sql("SELECT id FROM information_schema.processlist WHERE user = 'cart'"):
                try:
                    session.sql("KILL %s" % connection)
                    killed += 1
                except SqlError:
                    pass  # it has ended by itself
            time.sleep(period_s)
    ended = time.monotonic()
    changes, reads = scene.outcomes_during(began, ended)
    scene.note("%d connections killed in %.1f s, meanwhile %s, reads %s", killed, ended - began, changes, reads)
    assert killed >= seconds / period_s, "only %d connections killed" % killed
    assert_goes_on(changes, reads)
    scene.await_recovery(ended)


def assert_goes_on(changes, reads):
    """One connection in trouble is not a database in trouble: the others work on."""
    assert changes[ACKNOWLEDGED] > 0, "no change was acknowledged meanwhile"
    assert changes[REFUSED] <= changes[ACKNOWLEDGED] / 10, "%d changes refused, %d acknowledged" % (
        changes[REFUSED], changes[ACKNOWLEDGED])
    assert reads[REFUSED] == 0, "%d of %d reads failed" % (reads[REFUSED], sum(reads.values()))


def cut(scene, proxy, where, every, count):
    """The proxy cuts connections at this point until it has done so that often; the service goes on meanwhile."""
    began = time.monotonic()
    proxy.cut(where, every)
    await_that(lambda: proxy.cuts >= count, 30, "%d connections cut %s" % (count, where))
    proxy.cut(None, 0)
    ended = time.monotonic()
    changes, reads = scene.outcomes_during(began, ended)
    scene.note("%d connections cut %s in %.1f s, meanwhile %s, reads %s", proxy.cuts, where, ended - began, changes, reads)
    assert_goes_on(changes, reads)
    scene.await_recovery(ended)


def hold(session, cart, begin=True):
    """Takes a cart's row and keeps it until the session rolls back."""
    session.sql("%sSELECT version FROM cart.carts WHERE id = UNHEX('%s') FOR UPDATE" % (
        "START TRANSACTION; " if begin else "", cart.replace("-", "")))


def hold_hot_cart(scene, database, seconds):
    """Somebody else holds a hot cart's row: its changes wait and fail in time, certainly not made; the others go on."""
    cart = scene.load.hot[0]
    with database.connect() as session:
        hold(session, cart)
        began = time.monotonic()
        time.sleep(seconds)
        ended = time.monotonic()
        changes, reads = scene.outcomes_during(began, ended)
        waiting, _ = scene.outcomes_during(began, ended, cart)
        session.sql("ROLLBACK")
    scene.note("a row held for %.1f s: its cart %s, all carts %s, reads %s", seconds, waiting, changes, reads)
    return waiting, changes, reads, time.monotonic()
