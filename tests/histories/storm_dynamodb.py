#!/usr/bin/python3
"""A storm over two services on one DynamoDB: storm.py says what that is. In `make chaos`: some minutes."""

import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "fault")]
import cut_proxy  # noqa: E402
import ddb_front  # noqa: E402
import storm  # noqa: E402
import tap  # noqa: E402
from private_dynalite import server  # noqa: E402
from scene_dynamodb import TIMEOUT_S, Scene  # noqa: E402


def blip(front, what):
    """For a moment every call meets it."""
    def fault(storm_):
        front.does(what)
        storm_.wait_some(0.02, 0.5)
        front.recovers()
    return fault


def storm_of(layout):
    with server(on_disk=True) as database, ddb_front.Front(database.port) as front, \
            cut_proxy.CutProxy(front.port, spare=0, stream=cut_proxy.DynamodbStream) as proxy:
        cuts = {"cut " + where: storm.cut(proxy, where) for where in (
            cut_proxy.WITHIN_REQUEST, cut_proxy.AFTER_REQUEST, cut_proxy.BEFORE_ANSWER, cut_proxy.WITHIN_ANSWER)}
        blips = {name: blip(front, fault) for name, fault in (
            ("throttled", ddb_front.throttled), ("500 before", ddb_front.fails_before), ("500 after", ddb_front.fails_after),
            ("half an answer", ddb_front.half_after))}
        storm.Storm(Scene(database, {"dynamodb.layout": layout}, middle=proxy), {
            **cuts, **blips, "silenced": storm.silenced(proxy, TIMEOUT_S), "server killed": storm.killed(database),
            "server stopped": storm.stopped(database)}).run()


def a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable_in_maps():
    storm_of("map")


def a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable_in_documents():
    storm_of("list")


if __name__ == "__main__":
    tap.main_of([
        a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable_in_maps,
        a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable_in_documents,
    ])
