"""The storm of feeds.py on DynamoDB, as dynoxide speaks it: dynalite has no streams."""

import re
import tempfile

import cut_proxy
import storm
from cartd import cartctl
from feeds import FeedStorm
from private_dynalite import with_transactions
from scene_dynamodb import Scene
from tap import Skip


class Calls(cut_proxy.DynamodbStream):
    """Those to the table's stream too."""

    OPERATION = re.compile(rb"(?i)\r\nx-amz-target: *DynamoDB(?:Streams)?_20120810\.(\w+)")


def need_feed(scene):
    """A build whose backend keeps no events says so."""
    with tempfile.TemporaryDirectory() as folder:
        status, said = cartctl(folder, {**scene.settings, "feed": "on"}, "provision", keys=scene.keys)
        if status != 0 and "keeps no events" in said:
            raise Skip("the feed was not tested on DynamoDB: this build has none there")
        assert status == 0, said


def storm_on_dynamodb(layout, faults, **more):
    with with_transactions(on_disk=True) as database, cut_proxy.CutProxy(database.port, spare=0, stream=Calls) as proxy:
        scene = Scene(database, {"dynamodb.layout": layout, **storm.acquire_timeout("dynamodb")}, middle=proxy)
        need_feed(scene)
        FeedStorm(scene, {**storm.cuts(proxy), "server killed": storm.killed(database), "server stopped": storm.stopped(database)}, faults,
                  removes_expired=False, **more).run()
