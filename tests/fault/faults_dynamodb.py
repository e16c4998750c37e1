"""What a Front can do to a Scene on DynamoDB's protocol, for as long or as often as the test says."""

import time

import faults
from cartd import await_that
from ddb_front import READS, WRITES
from ledger import ACKNOWLEDGED, REFUSED, UNKNOWN
from scene_dynamodb import BUDGET


def inject(scene, front, fault, count, operations=READS + WRITES, every=10):
    """Does it so often, to no call and its repetition both: what became of changes meanwhile. No read fails."""
    began = time.monotonic()
    front.does(fault, operations, every, once=True)
    await_that(lambda: front.done[None] >= count, 30, "%d calls met with %s" % (count, fault))
    front.recovers()
    scene.load.await_successes(100, 20)  # those that met it have heard of it, or nearly
    ended = time.monotonic()
    changes, reads = scene.outcomes_during(began, ended)
    scene.note("%s %d times: %s, reads %s", getattr(fault, "__name__", "it"), count, changes, reads)
    faults.assert_goes_on(changes, reads)
    return changes


def assert_keys_tell(scene):
    """What became of a change with a key is found out, unless request.deadline comes first: after two calls that each took as long as they
    may, or on a busy machine."""
    left_open = scene.left_open()
    late = [event for event in scene.load.events if event.outcome == UNKNOWN and event.ended - event.began > 0.9 * scene.load.deadline_s]
    assert len(left_open) <= len(late), "%d changes with a key were left open: %s" % (
        len(left_open), [(change.kind, change.cart) for change in left_open])


def calls_stay_bounded_while_all_of_them_fail(scene, front, fault, seconds):
    front.does(fault)
    began, before, retried = time.monotonic(), sum(front.seen.values()), scene.retries()
    scene.watch.await_status(503, began, faults.DOWN_S)
    await_that(lambda: scene.outcomes_during(began, time.monotonic())[0][ACKNOWLEDGED] == 0 and
               sum(scene.outcomes_during(began, time.monotonic())[0][what] for what in (REFUSED, UNKNOWN)) > 0, 30,
               "a change that ends: one in doubt waits for its deadline")
    scene.for_seconds(seconds)
    ended, came, retried = time.monotonic(), sum(front.seen.values()) - before, scene.retries() - retried
    scene.for_seconds(0.1)  # what was asked until then is on its way
    changes, reads = scene.outcomes_during(began, ended)
    most = scene.calls_at_most(began, ended)
    front.recovers()
    scene.await_recovery(time.monotonic())
    scene.note("nothing but %s for %g s: %d calls (%d at most), %d of them retries; changes %s, reads %s", fault.__name__, seconds, came,
               most, retried, changes, reads)
    assert changes[REFUSED] + changes[UNKNOWN] > 0 and changes[ACKNOWLEDGED] == reads[ACKNOWLEDGED] == 0, "%s, reads %s" % (
        changes, reads)
    assert came <= most, "%d calls came, at most %d may" % (came, most)
    assert 0 < retried <= scene.retries_at_most(ended - began), "%d retries, of a budget of %d tokens" % (retried, BUDGET)
