#!/usr/bin/python3
"""The long forms of test_dynamodb_*.py: often enough, or for long enough, to meet what happens one time in many.

In `make chaos`: some minutes.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import cut_proxy  # noqa: E402
import ddb_front  # noqa: E402
import faults  # noqa: E402
import faults_dynamodb  # noqa: E402
import tap  # noqa: E402
from cartd import await_that  # noqa: E402
from ddb_front import Front  # noqa: E402
from key_stub import KeyStub  # noqa: E402
from private_dynalite import server, server_of  # noqa: E402
from scene import ACKNOWLEDGED, RECOVERY_S, REFUSED, UNKNOWN  # noqa: E402
from scene_dynamodb import Scene  # noqa: E402


def proxy_of(database):
    return cut_proxy.CutProxy(database.port, spare=0, stream=cut_proxy.DynamodbStream)


def killed_ten_times(layout):
    with server_of(layout, on_disk=True) as database, Scene(database, {"dynamodb.layout": layout}) as scene:
        faults.kill_and_restart(scene, database, 10)


def killed_ten_times_nothing_acknowledged_is_lost_or_doubled_in_maps():
    killed_ten_times("map")


def killed_ten_times_nothing_acknowledged_is_lost_or_doubled_in_documents():
    killed_ten_times("list")


def killed_ten_times_nothing_acknowledged_is_lost_or_doubled_in_rows():
    killed_ten_times("rows")


def stopped_for_ten_seconds_every_answer_comes_in_time():
    """Twice request.deadline: everybody waits it out at least once. Then what the server had received it does, late."""
    with server(on_disk=True) as database, Scene(database) as scene:
        faults.suspend(scene, database, 10)


def cut_a_thousand_times(layout):
    with server_of(layout) as database, proxy_of(database) as proxy, \
            Scene(database, {"dynamodb.layout": layout}, middle=proxy) as scene:
        choice = random.Random(scene.load.seed)
        for turn in range(20):
            where = choice.choice((cut_proxy.WITHIN_REQUEST, cut_proxy.AFTER_REQUEST, cut_proxy.BEFORE_ANSWER,
                                   cut_proxy.WITHIN_ANSWER))
            faults.cut(scene, proxy, where, choice.randint(15, 40), 50 * (turn + 1))
        scene.notes = ["%d cuts" % proxy.cuts]
    faults_dynamodb.assert_keys_tell(scene)
    assert scene.applied > 0, "no cut came after a change was made"


def cut_a_thousand_times_at_every_point_nothing_is_applied_twice_in_maps():
    cut_a_thousand_times("map")


def cut_a_thousand_times_at_every_point_nothing_is_applied_twice_in_documents():
    cut_a_thousand_times("list")


def cut_a_thousand_times_at_every_point_nothing_is_applied_twice_in_rows():
    cut_a_thousand_times("rows")


def killed_and_cut_at_once(layout):
    """An outcome that a cut leaves open, and that is looked for at a server that is gone."""
    with server_of(layout, on_disk=True) as database, proxy_of(database) as proxy, \
            Scene(database, {"dynamodb.layout": layout}, middle=proxy) as scene:
        proxy.cut(cut_proxy.BEFORE_ANSWER, 15)
        for turn in range(5):
            scene.load.await_successes(200 + 50 * turn, 30)
            database.kill()
            database.start()
            scene.await_recovery(time.monotonic())
        proxy.cut(None, 0)


def killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled_in_maps():
    killed_and_cut_at_once("map")


def killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled_in_documents():
    killed_and_cut_at_once("list")


def killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled_in_rows():
    killed_and_cut_at_once("rows")


def silenced_five_times_it_goes_on_over_new_connections():
    with server() as database, proxy_of(database) as proxy, Scene(database, middle=proxy) as scene:
        for _ in range(5):
            silenced = time.monotonic()
            proxy.silence()
            scene.await_recovery(silenced, 2 + RECOVERY_S)
            scene.load.await_successes(300, 30)


def every_trouble_at_once(layout):
    """One call in ten meets something, whichever: its repetition and the look at what became of it may meet something else."""
    with server() as database, Front(database.port) as front, \
            Scene(database, {"dynamodb.layout": layout}, middle=front) as scene:
        choice = random.Random(scene.load.seed)
        troubles = [ddb_front.throttled, ddb_front.throttled_until(50), ddb_front.fails_before, ddb_front.fails_after,
                    ddb_front.damaged_after, ddb_front.half_after, ddb_front.drips_after, ddb_front.huge_after]
        weights = [4, 4, 8, 8, 8, 8, 1, 1]
        began = time.monotonic()
        front.does(lambda exchange: choice.choices(troubles, weights)[0](exchange), every=10)
        scene.for_seconds(40)
        met = front.done[None]
        front.recovers()
        ended = time.monotonic()
        changes, reads = scene.outcomes_during(began, ended)
        scene.note("%d calls met something, %d of them changes that were made; changes %s, reads %s", met, front.done["hidden"], changes,
                   reads)
        scene.await_recovery(ended)
        faults.assert_goes_on(changes, {**reads, REFUSED: 0})
        assert reads[REFUSED] <= reads[ACKNOWLEDGED] / 50, "reads %s" % reads


def every_trouble_at_once_nothing_is_applied_twice_in_maps():
    every_trouble_at_once("map")


def every_trouble_at_once_nothing_is_applied_twice_in_documents():
    every_trouble_at_once("list")


def always_fails(layout):
    with server() as database, Front(database.port) as front, \
            Scene(database, {"dynamodb.layout": layout}, middle=front) as scene:
        for fault in (ddb_front.fails_before, ddb_front.throttled, ddb_front.half_after):
            faults_dynamodb.calls_stay_bounded_while_all_of_them_fail(scene, front, fault, 5)
            scene.load.await_successes(600, 40)  # the budget comes back


def a_server_that_always_fails_sees_no_more_retries_than_the_budget_allows_in_maps():
    always_fails("map")


def a_server_that_always_fails_sees_no_more_retries_than_the_budget_allows_in_documents():
    always_fails("list")


def a_minute_of_short_lived_credentials_and_a_source_that_often_fails_fails_no_request():
    """Half a life, ten seconds, is time enough for a source that fails two or three times in a row."""
    with server() as database, KeyStub(20) as stub, Front(database.port) as front:
        front.does(ddb_front.takes_keys(stub.is_valid))
        with Scene(database, middle=front, keys=stub.instance()) as scene:
            began, failed = time.monotonic(), 0
            while time.monotonic() < began + 60:
                stub.failing = True
                await_that(lambda: stub.failures >= failed + 2, 30, "a source that has failed twice more")
                stub.failing, failed, issued = False, stub.failures, len(stub.issued)
                await_that(lambda: len(stub.issued) > issued, 30, "new keys")
            changes, reads = scene.outcomes_during(began, time.monotonic())
            scene.note("%d keys, %d failures; changes %s, reads %s", len(stub.issued), stub.failures, changes, reads)
            assert front.done["refused"] == 0, "%d calls were signed by keys that had expired" % front.done["refused"]
            assert changes[REFUSED] == changes[UNKNOWN] == reads[REFUSED] == 0, "changes %s, reads %s" % (changes, reads)


if __name__ == "__main__":
    tap.main_of([
        killed_ten_times_nothing_acknowledged_is_lost_or_doubled_in_maps,
        killed_ten_times_nothing_acknowledged_is_lost_or_doubled_in_documents,
        killed_ten_times_nothing_acknowledged_is_lost_or_doubled_in_rows,
        stopped_for_ten_seconds_every_answer_comes_in_time,
        cut_a_thousand_times_at_every_point_nothing_is_applied_twice_in_maps,
        cut_a_thousand_times_at_every_point_nothing_is_applied_twice_in_documents,
        cut_a_thousand_times_at_every_point_nothing_is_applied_twice_in_rows,
        killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled_in_maps,
        killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled_in_documents,
        killed_and_cut_at_once_nothing_acknowledged_is_lost_or_doubled_in_rows,
        silenced_five_times_it_goes_on_over_new_connections,
        every_trouble_at_once_nothing_is_applied_twice_in_maps,
        every_trouble_at_once_nothing_is_applied_twice_in_documents,
        a_server_that_always_fails_sees_no_more_retries_than_the_budget_allows_in_maps,
        a_server_that_always_fails_sees_no_more_retries_than_the_budget_allows_in_documents,
        a_minute_of_short_lived_credentials_and_a_source_that_often_fails_fails_no_request,
    ])
