#!/usr/bin/python3
"""What befalls the way between cartd and a server that speaks DynamoDB's protocol: cut at every point of an exchange, and silent.

Short, in ./cart check. After each the requests that came are no more than the tries that cartd knows of: libcurl has sent none twice.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import cut_proxy  # noqa: E402
import faults  # noqa: E402
import faults_dynamodb  # noqa: E402
import tap  # noqa: E402
from private_dynalite import server  # noqa: E402
from scene import PATIENT, RECOVERY_S  # noqa: E402
from scene_dynamodb import Scene  # noqa: E402

CUTS, EVERY = 40, 25


def proxy_of(database):
    return cut_proxy.CutProxy(database.port, spare=0, stream=cut_proxy.DynamodbStream)


def cut(where, layout="map"):
    """Cuts there, under load, and is judged; the scene."""
    with server() as database, proxy_of(database) as proxy, \
            Scene(database, {**PATIENT, "dynamodb.layout": layout}, middle=proxy) as scene:
        faults.cut(scene, proxy, where, EVERY, CUTS)
    faults_dynamodb.assert_keys_tell(scene)
    return scene


def cut_within_a_request_nothing_is_applied_twice():
    scene = cut(cut_proxy.WITHIN_REQUEST)
    assert scene.applied <= scene.timed_out(), "the server has done half a request"


def cut_after_a_request_nothing_is_applied_twice():
    cut(cut_proxy.AFTER_REQUEST)


def cut_between_a_request_and_its_answer_nothing_is_applied_twice_in_maps():
    cut(cut_proxy.BEFORE_ANSWER)


def cut_between_a_request_and_its_answer_nothing_is_applied_twice_in_documents():
    cut(cut_proxy.BEFORE_ANSWER, "list")


def cut_within_an_answer_nothing_is_applied_twice():
    cut(cut_proxy.WITHIN_ANSWER)


def connections_that_fall_silent_are_given_up_and_others_made():
    """A firewall that has forgotten them: no reset, no end. dynamodb.timeout (2 s) is the time that this may take."""
    with server() as database, proxy_of(database) as proxy, Scene(database, middle=proxy) as scene:
        silenced = time.monotonic()
        proxy.silence()
        scene.await_recovery(silenced, 2 + RECOVERY_S)
        scene.load.await_successes(200, 20)


if __name__ == "__main__":
    tap.main_of([
        cut_within_a_request_nothing_is_applied_twice,
        cut_after_a_request_nothing_is_applied_twice,
        cut_between_a_request_and_its_answer_nothing_is_applied_twice_in_maps,
        cut_between_a_request_and_its_answer_nothing_is_applied_twice_in_documents,
        cut_within_an_answer_nothing_is_applied_twice,
        connections_that_fall_silent_are_given_up_and_others_made,
    ])
