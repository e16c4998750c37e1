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


# How AWS says that a signature's time is wrong, as it seems to a server whose clock is.
SKEWED = "InvalidSignatureException"


def blip(front, name, what):
    """For a moment every call meets it."""
    return storm.blip("a blip, " + name, lambda: front.does(what), front.recovers)


def blip_of_cuts(proxy):
    return storm.blip("a blip of cuts", lambda: proxy.cut(cut_proxy.WITHIN_REQUEST, 1), lambda: proxy.cut(None, 0))


def for_some_time(front, what, **operations):
    def fault(storm_):
        front.does(what, **operations)
        storm_.wait_some(0.3, 1.0)
        front.recovers()
    return fault


def not_allowed(exchange):
    exchange.refuse(400, "AccessDeniedException")


def servers_clock_jumped(front):
    """Signatures of our time are refused, or the Date of answers is wrong."""
    def fault(storm_):
        for_some_time(front, ddb_front.clock_ahead(storm_.random.choice((-3600, -5, 5, 3600)), SKEWED))(storm_)
    return fault


def storm_of(layout):
    with server(on_disk=True) as database, ddb_front.Front(database.port) as front, \
            cut_proxy.CutProxy(front.port, spare=0, stream=cut_proxy.DynamodbStream) as proxy:
        blips = {name: blip(front, name, fault) for name, fault in (
            ("500 before", ddb_front.fails_before), ("500 after", ddb_front.fails_after), ("half an answer", ddb_front.half_after),
            ("blip of throttling", ddb_front.throttled))}
        storm.Storm("dynamodb-" + layout, Scene(database, {"dynamodb.layout": layout, **storm.acquire_timeout("dynamodb")}, middle=proxy), {
            **storm.cuts(proxy), **blips, "blip of cuts": blip_of_cuts(proxy), "throttled": for_some_time(front, ddb_front.throttled),
            "read-only": for_some_time(front, not_allowed, operations=ddb_front.WRITES), "server's clock jumped": servers_clock_jumped(front),
            "silenced": storm.silenced(proxy, TIMEOUT_S), "server killed": storm.killed(database),
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
