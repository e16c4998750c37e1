#!/usr/bin/python3
"""What befalls a server that speaks DynamoDB's protocol: killed, stopped, not there yet.

Short forms, in ./cart check; the long ones are in chaos_dynamodb.py. The server is dynalite with its tables on disk. DynamoDB itself does
not die like that: what a process sees of it is an endpoint that is gone for a while, which is the same.
"""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import faults  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import Cartd, await_that, cartctl  # noqa: E402
from private_dynalite import keys_for, server, settings_for  # noqa: E402
from scene import RECOVERY_S  # noqa: E402
from scene_dynamodb import Scene  # noqa: E402

PROVISION_S = 5.0  # the table is tried for anew after 1 s, then after 2 s, 4 s, ...


def killed_and_started_again(layout):
    with server(on_disk=True) as database, Scene(database, {"dynamodb.layout": layout}) as scene:
        faults.kill_and_restart(scene, database, 2)


def killed_and_started_again_nothing_acknowledged_is_lost_or_doubled_in_maps():
    killed_and_started_again("map")


def killed_and_started_again_nothing_acknowledged_is_lost_or_doubled_in_documents():
    killed_and_started_again("list")


def stopped_for_three_seconds_every_answer_comes_in_time():
    """Longer than dynamodb.timeout. What the server had received it does once it goes on, late."""
    with server(on_disk=True) as database, Scene(database) as scene:
        faults.suspend(scene, database, 3)


def started_without_a_server(database, start, within_s):
    """cartd starts, says what is wrong, is not ready, and serves once start() has been called: seconds after."""
    with tempfile.TemporaryDirectory(prefix="cart-fault-") as folder, \
            Cartd(folder, settings_for(database), keys=keys_for(database)) as cartd, cartd.client() as client:
        said = [line for line in cartd.log().splitlines() if "cannot provision the database" in line]
        assert len(said) == 1 and database.endpoint in said[0] and "not ready" in said[0], "cartd's log:\n" + cartd.log()
        answer = client.ask("GET", "/readyz")
        assert answer.status == 503, "/readyz: %d" % answer.status
        answer = client.ask("POST", "/shopping-carts", body={"customer_id": 1})
        assert (answer.status, answer.error()) == (503, "UNAVAILABLE"), answer.raw()
        start()
        began = time.monotonic()
        await_that(lambda: client.ask("POST", "/shopping-carts", body={"customer_id": 1}).status == 201, within_s + 10, "a cart")
        took = time.monotonic() - began
        ready = await_that(lambda: client.ask("GET", "/readyz").status == 200 and time.monotonic() - began, 5, "readiness")
        tap.say("first cart %.2f s after the server's start, /readyz %.2f s; it was said: %s" % (took, ready, said[0]))
        assert took <= patience.at_most(within_s), "the first cart came %.2f s after the server's start" % took
        await_that(lambda: "the database is provisioned" in cartd.log(), 20, "the table's provisioning")
        problem = cartd.end_problem()
        assert not problem, problem


def not_there_when_cartd_starts_it_is_found_and_the_table_made():
    with server(on_disk=True) as database:
        database.kill()  # it has its port, and nobody listens there
        started_without_a_server(database, database.start, PROVISION_S)


def not_there_when_cartd_starts_with_its_table_it_serves_at_once_when_it_comes():
    with server(on_disk=True) as database:
        with tempfile.TemporaryDirectory(prefix="cart-fault-") as folder:
            status, said = cartctl(folder, settings_for(database), "provision", keys=keys_for(database))
            assert status == 0, said
        database.kill()
        started_without_a_server(database, database.start, RECOVERY_S)


if __name__ == "__main__":
    tap.main_of([
        killed_and_started_again_nothing_acknowledged_is_lost_or_doubled_in_maps,
        killed_and_started_again_nothing_acknowledged_is_lost_or_doubled_in_documents,
        stopped_for_three_seconds_every_answer_comes_in_time,
        not_there_when_cartd_starts_it_is_found_and_the_table_made,
        not_there_when_cartd_starts_with_its_table_it_serves_at_once_when_it_comes,
    ])
