#!/usr/bin/python3
"""Credentials that live for seconds, under load: each is replaced before it expires, a source that fails for a while is not noticed, and
refused ones are fetched anew. No request fails.

Short, in ./cart check. Sources are key_stub.py's; who refuses keys that have expired is ddb_front.py, since dynalite takes any.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import ddb_front  # noqa: E402
import tap  # noqa: E402
from cartd import await_that  # noqa: E402
from ddb_front import Front  # noqa: E402
from key_stub import KeyStub  # noqa: E402
from private_dynalite import server  # noqa: E402
from scene import ACKNOWLEDGED, REFUSED, UNKNOWN  # noqa: E402
from scene_dynamodb import Scene  # noqa: E402

# No request may fail: nor one that waits for a server that others keep from its processor.
DEADLINE_S = 20
PATIENT = {"dynamodb.timeout": "20s", "request.deadline": "%ds" % DEADLINE_S, "drain.deadline": "%ds" % DEADLINE_S}


def keys_used(front):
    return sorted(what for what in list(front.done) if what and what.startswith("key "))


def under_load(lifetime_s, where, course):
    """course(scene, stub, front): what happens. The answers of all the time are judged."""
    with server() as database, KeyStub(lifetime_s) as stub, Front(database.port) as front:
        front.does(ddb_front.takes_keys(stub.is_valid))
        with Scene(database, PATIENT, middle=front, keys=where(stub)) as scene:
            began = time.monotonic()
            course(scene, stub, front)
            changes, reads = scene.outcomes_during(began, time.monotonic())
            scene.note("%s served, %d calls refused for them, %d failures of the source; changes %s, reads %s", ", ".join(keys_used(front)),
                       front.done["refused"], stub.failures, changes, reads)
            assert changes[ACKNOWLEDGED] > 0 and changes[REFUSED] == changes[UNKNOWN] == reads[REFUSED] == 0, "changes %s, reads %s" % (
                changes, reads)


def three_keys_in_turn(scene, _stub, front):
    await_that(lambda: len(keys_used(front)) >= 3, 20, "a third key")
    scene.load.await_successes(50, 10)
    assert front.done["refused"] == 0, "%d calls were signed by keys that had expired" % front.done["refused"]


def a_containers_credentials_of_four_seconds_are_replaced_before_they_expire():
    under_load(4, KeyStub.container, three_keys_in_turn)


def while_their_source_fails_the_old_ones_stay_in_use():
    def course(scene, stub, front):
        before = len(keys_used(front))
        stub.failing = True
        await_that(lambda: stub.failures > 0, 20, "a source that fails")
        scene.load.await_successes(50, 10)
        assert len(keys_used(front)) == before, "other keys came: %s" % keys_used(front)
        stub.failing = False
        await_that(lambda: len(keys_used(front)) > before, 20, "new keys")
        scene.load.await_successes(50, 10)
        assert "cannot get credentials" in scene.cartd.log() and "credentials can be had again" in scene.cartd.log(), scene.cartd.log()
        assert front.done["refused"] == 0, "%d calls were signed by keys that had expired" % front.done["refused"]
    under_load(8, KeyStub.container, course)


def refused_before_their_time_they_are_fetched_anew_and_no_request_fails():
    def course(scene, stub, front):
        scene.for_seconds(1)  # at the least between two fetches
        stub.revoke()
        await_that(lambda: front.done["refused"] > 0, 10, "a call that is refused")
        scene.load.await_successes(100, 10)
        assert len(keys_used(front)) == 2, keys_used(front)
    under_load(3600, KeyStub.container, course)


if __name__ == "__main__":
    tap.main_of([
        a_containers_credentials_of_four_seconds_are_replaced_before_they_expire,
        while_their_source_fails_the_old_ones_stay_in_use,
        refused_before_their_time_they_are_fetched_anew_and_no_request_fails,
    ])
