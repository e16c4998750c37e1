#!/usr/bin/python3
"""What a DynamoDB in trouble answers, under load: throttling, HTTP 500 before and after the deed, damaged and endless answers, another
clock, keys left out, stale reads, and nothing but failures.

Short, in ./cart check. A healthy dynalite does none of this: ddb_front.py before it does, as AWS's documents describe it. So what is
tested is what cartd makes of such answers, not when DynamoDB gives them.
"""

import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import ddb_front  # noqa: E402
import faults_dynamodb  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from ddb_front import READS, WRITES, Front  # noqa: E402
from private_dynalite import keys_for, server, settings_for  # noqa: E402
from scene import PATIENT, REFUSED, UNKNOWN  # noqa: E402
from scene_dynamodb import Scene  # noqa: E402

SKEW_S = 3600
STALE_S = 0.5
HIDING = ((ddb_front.fails_after, 20), (ddb_front.damaged_after, 20), (ddb_front.half_after, 20))


def answers_that_hide_what_was_done(layout, hiding):
    with server() as database, Front(database.port) as front, Scene(database, {**PATIENT, "dynamodb.layout": layout}, middle=front) as scene:
        for fault, count in hiding:
            faults_dynamodb.inject(scene, front, fault, count)
    faults_dynamodb.assert_keys_tell(scene)
    assert front.done["hidden"] > 10, "only %d changes were made whose answer was lost" % front.done["hidden"]


def answers_that_hide_what_was_done_apply_nothing_twice_in_maps():
    answers_that_hide_what_was_done("map", HIDING + ((ddb_front.huge_after, 3), (ddb_front.drips_after, 5)))


def answers_that_hide_what_was_done_apply_nothing_twice_in_documents():
    answers_that_hide_what_was_done("list", HIDING)


def a_call_that_died_with_the_server_costs_none_after_its_return():
    """On one connection, so that the next call is made where the one was that got no answer."""
    with server() as database, Front(database.port) as front, tempfile.TemporaryDirectory(prefix="cart-fault-") as folder, \
            Cartd(folder, {**settings_for(database, endpoint="http://127.0.0.1:%d" % front.port), "threads": "1",
                           "dynamodb.connections": "1"}, keys=keys_for(database)) as cartd, cartd.client() as client:
        def create():
            return client.ask("POST", "/shopping-carts", body={"customer_id": 1}).status

        def retries():
            return sum(value for name, value in cartd.metrics().items() if name.startswith("cart_dynamodb_retries_total"))
        assert create() == 201, "no cart"
        front.does(ddb_front.dies_after)
        assert create() in (503, 504), "a cart of a server that is gone"
        front.recovers()
        front.comes()
        before = retries()
        assert create() == create() == 201, "no cart"
        assert retries() == before, "%d calls to a server that is well were made again" % (retries() - before)


def failures_before_the_deed_leave_nothing_behind():
    with server() as database, Front(database.port) as front, Scene(database, PATIENT, middle=front) as scene:
        faults_dynamodb.inject(scene, front, ddb_front.fails_before, 40)
    faults_dynamodb.assert_keys_tell(scene)
    assert scene.applied <= scene.timed_out(), "%d changes are stored that the server has not made" % scene.applied


def throttled_calls_are_made_again_and_no_request_fails():
    with server() as database, Front(database.port) as front, Scene(database, PATIENT, middle=front) as scene:
        for fault in (ddb_front.throttled, ddb_front.throttled_until(100)):
            changes = faults_dynamodb.inject(scene, front, fault, 25)
            assert changes[REFUSED] == 0 and changes[UNKNOWN] <= scene.timed_out(), "changes: %s" % changes
        retried = scene.metric('cart_dynamodb_retries_total{cause="throttled"}')
        scene.note("%d calls made again", retried)
        assert retried >= 25, "%d calls were made again" % retried


def another_clock_is_taken_over_and_no_request_fails():
    """All calls under way are refused at once, and the first answer corrects the clock for them all. clock.skew=0: signatures alone
    matter here."""
    with server() as database, Front(database.port) as front, Scene(database, {**PATIENT, "clock.skew": "0"}, middle=front) as scene:
        for seconds, name in ((SKEW_S, "InvalidSignatureException"), (-SKEW_S, "RequestTimeTooSkewed")):
            began = time.monotonic()
            front.does(ddb_front.clock_ahead(seconds, name))
            await_that(lambda: front.done["skewed"] > 0, 10, "a signature that is refused")
            scene.load.await_successes(100, 20)
            changes, reads = scene.outcomes_during(began, time.monotonic())
            skew = scene.metric("cart_dynamodb_clock_skew_seconds")
            scene.note("%+d s: %d signatures refused, then a skew of %+d s; changes %s, reads %s", seconds, front.done["skewed"], skew,
                       changes, reads)
            front.done["skewed"] = 0
            assert abs(skew - seconds) < 10, "the skew is %d s, not %d" % (skew, seconds)
            assert changes[REFUSED] == reads[REFUSED] == 0 and changes[UNKNOWN] <= scene.timed_out(), "changes %s, reads %s" % (changes, reads)


def carts_that_a_batch_leaves_out_are_asked_for_again():
    """Few connections, so that reads wait together."""
    with server() as database, Front(database.port) as front, \
            Scene(database, {**PATIENT, "dynamodb.connections": "2"}, middle=front) as scene:
        began = time.monotonic()
        front.does(ddb_front.leaves_out(3), ["BatchGetItem"])
        await_that(lambda: front.done["left out"] >= 20, 30, "carts that are left out")
        changes, reads = scene.outcomes_during(began, time.monotonic())
        front.recovers()
        scene.note("%d carts left out, changes %s, reads %s", front.done["left out"], changes, reads)
        assert reads[REFUSED] == changes[REFUSED] == 0 and changes[UNKNOWN] <= scene.timed_out(), "changes %s, reads %s" % (changes, reads)


def stale_reads_are_told_to_those_who_asked_for_them_and_decide_nothing():
    """Eventual reads lag by up to half a second; answers to changes are lost too, so that items are looked at to decide."""
    with server() as database, Front(database.port) as front, Scene(database, PATIENT, middle=front) as scene:
        lagging = ddb_front.stale(STALE_S)
        front.does(lambda exchange: ddb_front.fails_after(exchange) if exchange.operation in WRITES and random.random() < 0.05
                   else lagging(exchange) if exchange.operation in READS else ddb_front.passes(exchange))
        versions = []
        with scene.cartd.client() as client:
            until = patience.now() + 20
            while front.done["stale"] < 20 or front.done["strong"] < 200:
                assert patience.now() < until, "of the reads: %s" % front.done
                answer = client.ask("GET", "/shopping-carts/%s?consistency=eventual" % scene.load.hot_cart(len(versions)))
                assert answer.status == 200, answer.raw()
                versions.append(answer.version())
        front.recovers()
        scene.note("of %d eventual reads %d were stale; %d strong ones", len(versions), front.done["stale"], front.done["strong"])
    faults_dynamodb.assert_keys_tell(scene)


def a_cart_that_an_index_has_twice_is_listed_once():
    """Of one that was killed between an index and its table, or that is behind. The lists are those of the verdict."""
    with server() as database, Front(database.port) as front, Scene(database, PATIENT, middle=front) as scene:
        front.does(ddb_front.names_twice, ["Query"])
    assert front.done[None] >= len(scene.load.clients), "%d lists were asked for" % front.done[None]


def a_server_that_always_fails_sees_no_more_retries_than_the_budget_allows():
    with server() as database, Front(database.port) as front, Scene(database, {"dynamodb.acquire_timeout": "4s"}, middle=front) as scene:
        faults_dynamodb.calls_stay_bounded_while_all_of_them_fail(scene, front, ddb_front.fails_before, 2)
        scene.load.await_successes(300, 20)  # the budget comes back
        faults_dynamodb.calls_stay_bounded_while_all_of_them_fail(scene, front, ddb_front.throttled, 3)


if __name__ == "__main__":
    tap.main_of([
        answers_that_hide_what_was_done_apply_nothing_twice_in_maps,
        answers_that_hide_what_was_done_apply_nothing_twice_in_documents,
        a_call_that_died_with_the_server_costs_none_after_its_return,
        failures_before_the_deed_leave_nothing_behind,
        throttled_calls_are_made_again_and_no_request_fails,
        another_clock_is_taken_over_and_no_request_fails,
        carts_that_a_batch_leaves_out_are_asked_for_again,
        stale_reads_are_told_to_those_who_asked_for_them_and_decide_nothing,
        a_cart_that_an_index_has_twice_is_listed_once,
        a_server_that_always_fails_sees_no_more_retries_than_the_budget_allows,
    ])
