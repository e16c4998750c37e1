"""The dynalite of a test's own, by tools/databases/dynalite.py, the settings by which a cartd finds it, and a look into its tables.

CART_TEST_DYNAMODB=KIND takes another server that speaks the protocol, of tools/databases/kinds.py.
"""

import json
import os
import sys
import urllib.request

from cartd import ROOT
from tap import Skip

sys.path.insert(0, os.path.join(ROOT, "tools", "databases"))
import dynalite  # noqa: E402 (where it is is known only now)
import kinds  # noqa: E402

KIND = os.environ.get("CART_TEST_DYNAMODB", "dynalite")
# For tests that count calls, or that no call may fail in: a busy machine repeats none and refuses none.
PATIENT = {"request.deadline": "60s", "drain.deadline": "60s", "dynamodb.timeout": "60s", "dynamodb.acquire_timeout": "60s"}


def server(**options):
    """One that is not started yet. Without Node the test is skipped."""
    try:
        if KIND == "dynalite":
            dynalite.node()
        return kinds.DYNAMODB[KIND](**options)
    except dynalite.Failure as why:
        raise Skip("nothing of it was tested: %s" % why) from None


def server_of(layout, **options):
    """One on which that layout can be tested."""
    return with_transactions(**options) if layout == "rows" else server(**options)


def more_than_dynalite(what, lacks, **options):
    """A server for what dynalite lacks. One that would have to be compiled first is not."""
    if KIND == "dynalite" and not kinds.DYNAMODB["dynoxide"].is_here():
        raise Skip("%s was not tested: dynalite has no %s, and dynoxide is not in build/servers, where "
                   "`tools/with-dynalite --kind dynoxide true` compiles it in some minutes" % (what, lacks))
    return kinds.DYNAMODB["dynoxide" if KIND == "dynalite" else KIND](**options)


def with_transactions(**options):
    """One that layout rows can be tested on."""
    return more_than_dynalite("layout rows", "transactions", **options)


def with_streams(**options):
    """One that the feed can be tested on."""
    return more_than_dynalite("the feed", "streams", **options)


def only_keys():
    """What is started from here on has keys that the server takes, and knows nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({"AWS_ACCESS_KEY_ID": dynalite.KEY_ID, "AWS_SECRET_ACCESS_KEY": dynalite.SECRET, "AWS_EC2_METADATA_DISABLED": "true"})


def settings_for(of, **changes):
    """What cartd has to be told, but for the keys (only_keys(), keys_for()); a change's name is without "dynamodb.". of: a server, or what
    stands before one."""
    return {"backend": "dynamodb", "dynamodb.endpoint": of.endpoint, "dynamodb.region": dynalite.REGION,
            **{"dynamodb." + name: value for name, value in changes.items()}}


def keys_for(of):
    """AWS_* of such a cartd."""
    return {name: value for name, value in of.environment().items() if name.startswith("AWS_")}


def call(endpoint, operation, body):
    """A call whose signature nobody looks at; the answer's JSON."""
    words = "AWS4-HMAC-SHA256 Credential=local/20200101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(endpoint, json.dumps(body).encode(), {
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810." + operation, "X-Amz-Date": "20200101T000000Z",
        "Authorization": words})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def items_of(of, table="carts"):
    """Every item there is, as the protocol has it."""
    items, more = [], {}
    while True:
        page = call(of.endpoint, "Scan", {"TableName": table, "ConsistentRead": True, **more})
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
