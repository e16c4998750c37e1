#!/usr/bin/python3
"""The table: made, checked, completed and refused by cartd and by cartctl, and what both say when they cannot: a line, and an exit status.

A cartd that does not reach its server at start runs nevertheless, says no to everybody, and needs no restart once the server is there.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
from cartd import PROGRAM, Cartd, await_that, cartctl, environment, words_of  # noqa: E402
from dynamodb_front import DynamodbFront, Reply, error  # noqa: E402
from tap import main  # noqa: E402

PATIENCE_S = 30
TABLE_MS = 300
KEYS = {"cart_id": "S", "customer_id": "S", "created_key": "S", "idle_shard": "N", "idle_key": "S"}
INDEXES = {"customer-index": ("customer_id", "created_key"), "idle-index": ("idle_shard", "idle_key")}
NOBODY = "/shopping-carts/00000000-0000-4000-8000-000000000001"
WITHOUT_TTL = "expired carts are not removed by the server: TTL is not on"


class Place:
    """A server, what stands before it, and a folder."""

    def __init__(self, folder, server, front):
        self.folder = folder
        self.server = server
        self.front = front

    def settings(self, table, **changes):
        return {**private_dynalite.settings_for(self.front, table=table, **changes), "threads": "1"}

    def call(self, operation, body):
        return private_dynalite.call(self.server.endpoint, operation, body)

    def describe(self, table):
        """None: there is no such table."""
        try:
            return self.call("DescribeTable", {"TableName": table})["Table"]
        except urllib.error.HTTPError:
            return None

    def make(self, table, keys, indexes, billing=None, projection=None):
        names = {name for key in [keys, *indexes.values()] for name in key}
        self.call("CreateTable", {
            "TableName": table, **(billing or {"BillingMode": "PAY_PER_REQUEST"}), "KeySchema": schema(keys),
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": KEYS.get(name, "S")} for name in sorted(names)],
            **({"GlobalSecondaryIndexes": [{"IndexName": name, "KeySchema": schema(key),
                                            "Projection": projection or {"ProjectionType": "KEYS_ONLY"},
                                            **{name: value for name, value in (billing or {}).items() if name == "ProvisionedThroughput"}}
                                           for name, key in indexes.items()]} if indexes else {})})
        await_that(lambda: self.describe(table)["TableStatus"] == "ACTIVE", PATIENCE_S, "the table is ACTIVE")


def schema(names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]


def cartd_that_ends(folder, settings, variables=()):
    """Exit status, and what was said, of a cartd that does not start. variables: NAME=VALUE, or NAME to go without it."""
    environ = environment()
    for variable in variables:
        name, told, value = variable.partition("=")
        environ.pop(name, None)
        if told:
            environ[name] = value
    done = subprocess.run([PROGRAM, *words_of({"listen": "127.0.0.1:0", **settings})], cwd=folder, env=environ, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=False)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


def bad(said):
    """Lines that are not only for information, and not about a request."""
    return [line for line in said.splitlines() if not re.match(r"\S+ (INFO |WARN  request )", line)]


REFUSED = "the service refuses the credentials"  # a warning of its own, which says where they are from


def is_one_line(done, *words):
    """Exit status 1, and one line with these words."""
    status, said = done
    lines = [line for line in bad(said) if REFUSED not in line]
    return "" if status == 1 and len(lines) == 1 and all(word in lines[0] for word in words) else \
        "exit status %d, expected one line with %s:\n%s" % (status, words, said)


def is_right(table, projection):
    """What is wrong with a table that was made."""
    if table is None:
        return "there is none"
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    indexes = {each["IndexName"]: (each["KeySchema"], each["Projection"]["ProjectionType"]) for each in table["GlobalSecondaryIndexes"]}
    wanted = {name: (schema(keys), "ALL" if (name, projection) == ("customer-index", "all") else "KEYS_ONLY") for name, keys in INDEXES.items()}
    good = types == KEYS and indexes == wanted and table["KeySchema"] == schema(["cart_id"]) and \
        table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST" and table["TableStatus"] == "ACTIVE"
    return "" if good else str(table)


def made_by_cartd(place, layout, projection):
    table = "cartd-%s-%s" % (layout, projection)
    with Cartd(place.folder, place.settings(table, layout=layout, projection=projection), table) as cartd, cartd.client() as client:
        statuses = [client.ask("GET", "/readyz").status, client.ask("POST", "/shopping-carts", (), '{"customer_id":1}').status]
        problem = is_right(place.describe(table), projection) or ("" if statuses == [200, 201] else "answers: %s" % statuses)
    return problem or cartd.end_problem()


def made_by_cartctl(place, layout, projection):
    """And found by it again, without any change; and by a cartd that may not make one. Dynalite has no TTL: that alone fails the check."""
    table = "cartctl-%s-%s" % (layout, projection)
    settings = place.settings(table, layout=layout, projection=projection)
    problem, at = "", 0
    for _ in range(2):
        at = at or len(place.front.calls)
        status, said = cartctl(place.folder, settings, "provision")
        if status != 0 or "dynamodb: the schema is there and current" not in said:
            problem += "exit status %d: %s\n" % (status, said)
    problem += is_one_line(cartctl(place.folder, settings, "provision", "--check"), "table %s: %s (it is off)" % (table, WITHOUT_TTL))
    made = [call.operation for call in place.front.calls[at:] if call.operation in ("CreateTable", "UpdateTable")]
    with Cartd(place.folder, {**settings, "provision": "check"}, table) as cartd, cartd.client() as client:
        status = client.ask("GET", "/readyz").status
    return problem or is_right(place.describe(table), projection) or ("" if (made, status) == (["CreateTable"], 200) else
                                                                      "made %s, /readyz %d" % (made, status))


def made_at_once(place):
    """Several processes find no table at the same moment: one makes it, all are content."""
    settings = place.settings("at-once")
    arrived = threading.Barrier(4)

    def meet(call, ask):
        reply = ask()
        if call.operation == "DescribeTable" and reply.status == 400:
            try:
                arrived.wait(PATIENCE_S)
            except threading.BrokenBarrierError:
                pass
        return reply

    place.front.rule, at, done = meet, len(place.front.calls), []
    threads = [threading.Thread(target=lambda: done.append(cartctl(place.folder, settings, "provision"))) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        with Cartd(place.folder, settings, "at-once") as cartd:
            for thread in threads:
                thread.join()
    finally:
        arrived.abort()
        place.front.rule = lambda call, ask: ask()
    tried = sorted(call.reply.status for call in place.front.calls[at:] if call.operation == "CreateTable")
    if tried != [200, 400, 400, 400] or [status for status, _ in done] != [0] * 3:
        return "CreateTable was answered with %s; cartctl: %s" % (tried, done)
    return cartd.end_problem() or is_right(place.describe("at-once"), "keys")


def not_seen_at_once(place):
    """A server that takes half a second to see its own table is asked now and then, not all the time."""
    def blind(call, ask):
        if call.operation == "CreateTable" and not until:
            until.append(time.monotonic() + 0.5)
        if call.operation == "DescribeTable" and until and time.monotonic() < until[0]:
            return error("ResourceNotFoundException")
        return ask()

    place.front.rule, until, at = blind, [], len(place.front.calls)
    try:
        status, said = cartctl(place.folder, place.settings("unseen"), "provision")
    finally:
        place.front.rule = lambda call, ask: ask()
    made = [call.reply.status for call in place.front.calls[at:] if call.operation == "CreateTable"]
    if status != 0 or made.count(200) != 1 or len(made) > 12:
        return "exit status %d, CreateTable was answered with %s: %s" % (status, made, said)
    return is_right(place.describe("unseen"), "keys")


def check_of_none(place):
    """A check makes nothing."""
    words = ("table missing: there is none", "provision=auto")
    problem = is_one_line(cartd_that_ends(place.folder, {**place.settings("missing"), "provision": "check"}), "cartd: ", *words) or \
        is_one_line(cartctl(place.folder, place.settings("missing"), "provision", "--check"), "cartctl: ", *words)
    return problem or ("" if place.describe("missing") is None else "it was made")


def check_of_half(place):
    """Without an index."""
    place.make("half", ["cart_id"], {"customer-index": INDEXES["customer-index"]})
    problem = is_one_line(cartctl(place.folder, place.settings("half"), "provision", "--check"), "table half: it has no index idle-index")
    return problem or ("" if len(place.describe("half")["GlobalSecondaryIndexes"]) == 1 else "it was added")


def of_somebody_else(place):
    """Another key, or another index of our names: refused by name, and left as it is."""
    place.make("theirs", ["id"], {})
    place.make("indexed", ["cart_id"], {"customer-index": ("customer_id",), "idle-index": INDEXES["idle-index"]})
    problem = ""
    for table, words in (("theirs", ("table theirs: its key is not cart_id",)),
                         ("indexed", ("table indexed: ", "its index customer-index are not customer_id and created_key"))):
        before = place.describe(table)
        problem += is_one_line(cartd_that_ends(place.folder, place.settings(table)), *words) + \
            is_one_line(cartctl(place.folder, place.settings(table), "provision"), *words)
        problem += "" if place.describe(table) == before else "%s was changed\n" % table
    return problem


class HiddenIndex:
    """A rule: a server whose table lacks an index until UpdateTable has asked for it, and then for a few looks more. Dynalite takes the same
    call and does nothing."""

    def __init__(self, index):
        self.index = index
        self.asked = []
        self.looks_left = 3

    def __call__(self, call, ask):
        if call.operation == "UpdateTable":
            self.asked.append(call.json())
            return Reply(200, {"TableDescription": {"TableName": call.json()["TableName"], "TableStatus": "UPDATING"}})
        if call.operation == "DescribeTable":
            return self.described(ask().json())
        if call.operation == "Query" and self.looks_left and call.json()["IndexName"] == self.index:
            return error("ValidationException", message="The table does not have the specified index: " + self.index)
        return ask()

    def described(self, answer):
        table = answer["Table"]
        if not self.asked:
            table["GlobalSecondaryIndexes"] = [each for each in table["GlobalSecondaryIndexes"] if each["IndexName"] != self.index]
        elif self.looks_left:
            self.looks_left -= 1
            for each in table["GlobalSecondaryIndexes"]:
                each.update({"IndexStatus": "CREATING"} if each["IndexName"] == self.index else {})
        return Reply(200, answer)


def index_while_it_runs(place):
    """A cartd serves a table that lacks an index, and goes on serving while cartctl adds it; then it lists by it."""
    place.make("growing", ["cart_id"], INDEXES)
    target, settings = "/shopping-carts?idle_since=2100-01-01T00:00:00Z", place.settings("growing")
    place.front.rule = hidden = HiddenIndex("idle-index")
    try:
        with Cartd(place.folder, {**settings, "provision": "off"}, "growing") as cartd, cartd.client() as client:
            path = client.ask("POST", "/shopping-carts", (), '{"customer_id":1}').header("Location")
            early, statuses, done = client.ask("GET", target).status, [], []
            other = threading.Thread(target=lambda: done.append(cartctl(place.folder, settings, "provision")))
            other.start()
            while other.is_alive() or len(statuses) < 10:
                statuses.append(client.ask("POST", path + "/items", (), '{"product_id":1,"quantity":1}').status)
            other.join()
            listed = client.ask("GET", target)
    finally:
        place.front.rule = lambda call, ask: ask()
    print("# %d adds while the index was made" % len(statuses))
    if (early, set(statuses), done[0][0], hidden.looks_left) != (500, {204}, 0, 0) or path.rsplit("/", 1)[1].encode() not in listed.body:
        return "listed before: %d; adds meanwhile: %s; cartctl: %s; listed then: %s" % (early, set(statuses), done, listed.raw())
    return asked_for(hidden, {})


def asked_for(hidden, more):
    """One index is asked for, as AWS wants it."""
    wanted = {"IndexName": "idle-index", "KeySchema": schema(INDEXES["idle-index"]), "Projection": {"ProjectionType": "KEYS_ONLY"}, **more}
    types = {each["AttributeName"]: each["AttributeType"] for each in hidden.asked[0]["AttributeDefinitions"]}
    good = [asked["GlobalSecondaryIndexUpdates"] for asked in hidden.asked] == [[{"Create": wanted}]] and types == KEYS
    return "" if good else str(hidden.asked)


def index_with_throughput(place):
    """Of a table whose throughput is bought in advance: the index gets the same."""
    bought = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 9}
    place.make("bought", ["cart_id"], INDEXES, {"ProvisionedThroughput": bought})
    place.front.rule = hidden = HiddenIndex("idle-index")
    try:
        status, said = cartctl(place.folder, place.settings("bought"), "provision")
    finally:
        place.front.rule = lambda call, ask: ask()
    return "exit status %d: %s" % (status, said) if status else asked_for(hidden, {"ProvisionedThroughput": bought})


def without_ttl(place):
    """Dynalite has no TTL: warned of once, and no more than that."""
    with Cartd(place.folder, place.settings("no-ttl", deletion_protection="true", point_in_time_recovery="true"), "no-ttl") as cartd:
        with cartd.client() as client:
            ready = client.ask("GET", "/readyz").status
    warnings = [re.sub(r"^\S+ ", "", line) for line in bad(cartd.log())]
    wanted = ["WARN  %s table=no-ttl why=\"UpdateTimeToLive: " % WITHOUT_TTL,
              "WARN  point-in-time recovery is not on table=no-ttl why=\"DescribeContinuousBackups: "]
    found = [any(line.startswith(start) for line in warnings) for start in wanted]
    # Of protection dynalite says nothing, so that it has to be switched on, which it does not know.
    rest = [line for line in warnings if not line.startswith(tuple(wanted)) and "protected against deletion" not in line]
    return "" if ready == 200 and all(found) and not rest and len(warnings) == len(set(warnings)) <= 3 else "\n".join(warnings)


def asked_for_and_refused(place):
    """Dynalite has neither recovery nor protection nor tags: where they are asked for, cartctl does not call the table current; a cartd warns."""
    settings = place.settings("refused", deletion_protection="true", point_in_time_recovery="true")
    problem = ""
    for words in (["provision"], ["provision", "--check"]):
        status, said = cartctl(place.folder, settings, *words)
        good = "point-in-time recovery is not on (" in said and "not protected against deletion (" in said and "current" not in said
        problem += "" if status == 1 and good else "%s: exit status %d: %s\n" % (words, status, said)
    with Cartd(place.folder, settings, "refused") as cartd, cartd.client() as client:
        ready = client.ask("GET", "/readyz").status
    return problem or cartd.end_problem() or ("" if ready == 200 else "/readyz %d" % ready)


def index_of_parts(place):
    """An index that projects a part of a cart: every list would fail, so it is refused by name."""
    place.make("parts", ["cart_id"], INDEXES, projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["version"]})
    words = ("table parts: its index customer-index projects INCLUDE",)
    return is_one_line(cartctl(place.folder, place.settings("parts"), "provision", "--check"), "cartctl: ", *words) + \
        is_one_line(cartd_that_ends(place.folder, place.settings("parts")), "cartd: ", *words)


def with_ttl(place):
    """A server that has it: switched on for expires_at, once; and let alone by a check."""
    status = ["DISABLED"]

    def ttl(call, ask):
        if call.operation == "DescribeTimeToLive":
            return Reply(200, {"TimeToLiveDescription": {"TimeToLiveStatus": status[0]}})
        if call.operation == "UpdateTimeToLive":
            status[0] = "ENABLING"
            asked.append(call.json()["TimeToLiveSpecification"])
            return Reply(200, {"TimeToLiveSpecification": asked[-1]})
        return ask()

    place.front.rule, asked, said = ttl, [], []
    try:
        for words in (["provision"], ["provision"], ["provision", "--check"]):
            said.append(cartctl(place.folder, place.settings("with-ttl"), *words))
        status[0] = "DISABLED"
        said.append(cartctl(place.folder, place.settings("with-ttl"), "provision", "--check"))
    finally:
        place.front.rule = lambda call, ask: ask()
    warned = [said_by.count(WITHOUT_TTL) for _, said_by in said]
    good = [code for code, _ in said] == [0, 0, 0, 1] and warned == [0, 0, 0, 1] and asked == [{"AttributeName": "expires_at", "Enabled": True}]
    return "" if good else "asked: %s; %s" % (asked, said)


def stream_that_cannot_be_had(place):
    """Dynalite takes a CreateTable with a stream, and makes none: neither calls that ready."""
    settings, words = {**place.settings("no-stream"), "feed": "on"}, ("table no-stream: feed=on needs its stream, and it has none", )
    return is_one_line(cartctl(place.folder, settings, "provision"), "cartctl: ", "UpdateTable: ValidationException", "set feed=off", *words) or \
        is_one_line(cartd_that_ends(place.folder, settings), "cartd: ", "UpdateTable: ValidationException", *words) or \
        is_one_line(cartctl(place.folder, settings, "provision", "--check"), "cartctl provision switches it on", *words) or \
        is_one_line(cartd_that_ends(place.folder, {**settings, "provision": "check"}), "cartctl provision switches it on", *words)


def stream_is_switched_on(folder):
    """On a server that has streams: of a table that was made without the feed. One that somebody else has made for keys alone is left."""
    with private_dynalite.with_streams() as server:
        place = Place(folder, server, server)
        settings = place.settings("streamed")
        view = lambda: place.describe("streamed").get("StreamSpecification", {}).get("StreamViewType")
        problem = "" if cartctl(folder, settings, "provision")[0] == 0 and view() is None else "made with a stream\n"
        settings["feed"] = "on"
        problem += is_one_line(cartctl(folder, settings, "provision", "--check"), "table streamed: feed=on needs its stream")
        for words in (["provision"], ["provision"], ["provision", "--check"]):
            problem += "" if cartctl(folder, settings, *words)[0] == 0 and view() == "NEW_AND_OLD_IMAGES" else "%s: %s\n" % (words, view())
        with Cartd(folder, {**settings, "provision": "check"}, "streamed") as cartd, cartd.client() as client:
            problem += "" if client.ask("GET", "/readyz").status == 200 else "not ready\n"
        place.call("UpdateTable", {"TableName": "streamed", "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}})
        for words in (["provision"], ["provision", "--check"]):
            problem += is_one_line(cartctl(folder, settings, *words), "needs a stream of NEW_AND_OLD_IMAGES, and its stream is of KEYS_ONLY")
        return problem + ("" if view() == "KEYS_ONLY" else "it was changed")


def cannot_start(place):
    """What a person has to mend stops cartd and cartctl at once, with one line that names it."""
    good = place.settings("carts")
    none = "AWS_CONFIG_FILE=%s/none" % place.folder, "AWS_SHARED_CREDENTIALS_FILE=%s/none" % place.folder
    cases = [
        ({"dynamodb.endpoint": "ftp://127.0.0.1"}, (), ("dynamodb.endpoint", "ftp://127.0.0.1", "is not a URL")),
        ({"dynamodb.endpoint": place.front.endpoint + "/path"}, (), ("dynamodb.endpoint", "more than a host and a port")),
        ({"dynamodb.endpoint": ""}, ("AWS_ENDPOINT_URL=nonsense",), ("AWS_ENDPOINT_URL", "is not a URL")),
        ({"dynamodb.region": ""}, (), ("no region", "dynamodb.region", "AWS_REGION")),
        ({"dynamodb.region": "Frankfurt"}, (), ("dynamodb.region", "Frankfurt", "not a region's name")),
        ({"dynamodb.table": "ab"}, (), ("dynamodb.table", "ab", "3 to 255")),
        ({"dynamodb.tags": "team=a,stage"}, (), ("dynamodb.tags", "stage", "not KEY=VALUE")),
        ({"dynamodb.tags": "team=a,=b"}, (), ("dynamodb.tags", "=b", "not KEY=VALUE")),
        ({"dynamodb.tags": "team=a,team=b"}, (), ("dynamodb.tags names a key twice", "team=a", "team=b")),
        ({"dynamodb.tags": "AWS:team=a"}, (), ("dynamodb.tags", "AWS keeps keys")),
        ({"dynamodb.tags": "k=" + "v" * 257}, (), ("dynamodb.tags", "256 of value")),
        ({"feed": "on", "dynamodb.layout": "rows"}, (), ("feed=on cannot be had with dynamodb.layout=rows", "feed=off")),
        ({"dynamodb.kms_key": "alias/shop"}, (), ("dynamodb.kms_key", "alias/shop", "ARN or id")),
        ({}, ("AWS_SECRET_ACCESS_KEY",), ("AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY",)),
        ({"dynamodb.profile": "nobody"}, none, ("dynamodb.profile", "nobody", "neither in")),
        ({}, (*none, "AWS_PROFILE=nobody"), ("AWS_PROFILE: profile nobody is neither in",)),
        ({}, ("AWS_USE_FIPS_ENDPOINT=true",), ("dynamodb.endpoint names an endpoint", "AWS_USE_FIPS_ENDPOINT")),
        ({}, ("AWS_CA_BUNDLE=/nonexistent.pem",), ("AWS_CA_BUNDLE: /nonexistent.pem",)),
    ]
    problems = [is_one_line(cartd_that_ends(place.folder, {**good, **changes}, variables), *words) for changes, variables, words in cases]
    problems += [is_one_line(cartctl(place.folder, {**good, **changes}, "provision"), "cartctl: provision: dynamodb: ", *words)
                 for changes, variables, words in cases if not variables]
    return "\n".join(filter(None, problems))


def endpoint_of_a_profile(place):
    """A profile for tests is taken whole: its endpoint, by itself or in its services, is where the table is made, and what cannot be used of it
    stops the start. Its region does not exist, so that AWS is reached in no case."""
    config = os.path.join(place.folder, "aws-config")
    problem = ""
    cases = [("endpoint_url = %s" % place.front.endpoint, ""),
             ("services = local\n[services local]\ndynamodb =\n  endpoint_url = %s" % place.front.endpoint, ""),
             ("services = gone", "no section [services gone]"),
             ("endpoint_url = %s\nuse_fips_endpoint = true" % place.front.endpoint, "use_fips_endpoint"),
             ("ca_bundle = /nonexistent.pem", "ca_bundle of profile testing: /nonexistent.pem")]
    for number, (lines, refused) in enumerate(cases):
        table = "profile-%d" % number
        with open(config, "w", encoding="utf-8") as file:
            file.write("[profile testing]\nregion = nowhere-1\n%s\n" % lines)
        settings = {**place.settings(table), "dynamodb.endpoint": "", "dynamodb.region": ""}
        done = cartctl(place.folder, settings, "provision",
                       keys={**{name: os.environ[name] for name in os.environ if name.startswith("AWS_")}, "AWS_CONFIG_FILE": config,
                             "AWS_PROFILE": "testing"})
        if refused:
            problem += is_one_line(done, "cartctl: provision: dynamodb: ", refused)
        elif done[0] != 0 or is_right(place.describe(table), "keys"):
            problem += "%s: exit status %d: %s\n" % (lines, *done)
    return problem


def no_credentials(place):
    """None anywhere."""
    variables = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE=%s/none" % place.folder,
                 "AWS_SHARED_CREDENTIALS_FILE=%s/none" % place.folder)
    return is_one_line(cartd_that_ends(place.folder, place.settings("carts"), variables), "cartd: ", "AWS_ACCESS_KEY_ID is not set",
                       "profile: default is neither in", "AWS_EC2_METADATA_DISABLED is true")


def refused_by_the_server(place):
    """A wrong secret, or no right to look: the same. Keys that the server does not know may be known in a moment: cartd waits for that."""
    place.front.rule = lambda call, ask: error("UnrecognizedClientException")
    try:
        problem = is_one_line(cartctl(place.folder, place.settings("carts"), "provision"), "DescribeTable of table carts", "UnrecognizedClient")
        with Cartd(place.folder, place.settings("carts"), "unknown") as cartd, cartd.client() as client:
            ready = client.ask("GET", "/readyz").status
    finally:
        place.front.rule = lambda call, ask: ask()
    lines = [line for line in bad(cartd.log()) if REFUSED not in line]
    if ready != 503 or len(lines) != 1 or "not ready until that succeeds" not in lines[0] or "UnrecognizedClient" not in lines[0]:
        problem += "/readyz %d:\n%s\n" % (ready, cartd.log())
    for kind in ("InvalidSignatureException", "AccessDeniedException"):
        place.front.rule = lambda call, ask, kind=kind: error(kind)
        try:
            words = ("DescribeTable of table carts", kind, "a test says so")
            problem += is_one_line(cartd_that_ends(place.folder, place.settings("carts")), *words) + \
                is_one_line(cartctl(place.folder, place.settings("carts"), "provision"), *words)
        finally:
            place.front.rule = lambda call, ask: ask()
    return problem


def answers_while_away(client):
    """To a probe of life, of readiness, and to requests: status, and whether it says when to come again."""
    asked = [client.ask("GET", "/livez"), client.ask("GET", "/readyz"), client.ask("GET", "/health"), client.ask("GET", NOBODY),
             client.ask("POST", "/shopping-carts", (), '{"customer_id":1}')]
    return [(answer.status, answer.header("Retry-After") is not None) for answer in asked]


def server_that_comes_later(folder):
    """Nobody listens when it starts. cartctl, which nobody restarts, fails instead."""
    with private_dynalite.server() as server:
        settings = {**private_dynalite.settings_for(server), "threads": "1"}
        server.stop()
        problem = is_one_line(cartctl(folder, settings, "provision"), "DescribeTable of table carts", server.endpoint, "onnect") + \
            is_one_line(cartctl(folder, settings, "provision", "--check"), "DescribeTable of table carts", server.endpoint)
        with Cartd(folder, settings, "later") as cartd, cartd.client() as client:
            away = answers_while_away(client)
            server.start()
            await_that(lambda: client.ask("GET", "/readyz").status == 200, PATIENCE_S, "it is ready")
            made = client.ask("POST", "/shopping-carts", (), '{"customer_id":1}').status
    warnings = [line for line in bad(cartd.log()) if WITHOUT_TTL not in line]
    told = [line for line in warnings if "cannot provision the database; not ready until that succeeds" in line and server.endpoint in line]
    if problem or away != [(200, False)] + [(503, True)] * 4 or made != 201 or len(told) != 1 or warnings != told:
        return "%s\nanswers without a server: %s; then: %d; its log:\n%s" % (problem, away, made, cartd.log())
    return cartd.end_problem() or ("" if cartd.log().count("the database is provisioned") == 1 else cartd.log())


def later_and_wrong(place):
    """The server comes, and the table is somebody else's: said once, by name; and not ready."""
    place.front.rule = lambda call, ask: Reply(503, b"")
    place.make("late", ["id"], {})
    try:
        with Cartd(place.folder, place.settings("late"), "late") as cartd, cartd.client() as client:
            place.front.rule = lambda call, ask: ask()
            await_that(lambda: "the database cannot be used" in cartd.log(), PATIENCE_S, "it says so")
            answers = [client.ask("GET", target).status for target in ("/livez", "/readyz")]
    finally:
        place.front.rule = lambda call, ask: ask()
    errors = [line for line in bad(cartd.log()) if " ERROR " in line]
    return "" if answers == [200, 503] and len(errors) == 1 and "its key is not cart_id" in errors[0] else \
        "answers: %s; its log:\n%s" % (answers, cartd.log())


def run(tap, place):
    for layout, projection in (("map", "keys"), ("map", "all"), ("list", "keys"), ("list", "all")):
        tap.run("cartd makes the table: %s, %s" % (layout, projection), made_by_cartd, place, layout, projection)
        tap.run("cartctl makes the table: %s, %s" % (layout, projection), made_by_cartctl, place, layout, projection)
    for name, function in (("several processes make it at once", made_at_once), ("a table that is not seen at once", not_seen_at_once),
                           ("a check of a table that is not there", check_of_none),
                           ("a check of a table that lacks an index", check_of_half), ("a table of somebody else's is refused", of_somebody_else),
                           ("an index is added while a service runs", index_while_it_runs),
                           ("an index is added to a table of provisioned throughput", index_with_throughput),
                           ("calls that the server lacks are warned of once", without_ttl),
                           ("what is asked for and refused", asked_for_and_refused), ("an index of parts", index_of_parts),
                           ("TTL is switched on", with_ttl), ("a stream that cannot be had", stream_that_cannot_be_had),
                           ("settings that cannot work", cannot_start), ("a profile with an endpoint", endpoint_of_a_profile),
                           ("no credentials", no_credentials),
                           ("a server that refuses them", refused_by_the_server),
                           ("a server that comes later, with another's table", later_and_wrong)):
        tap.run(name, function, place)
    tap.run("a stream is switched on", stream_is_switched_on, place.folder)
    tap.run("a server that comes later", server_that_comes_later, place.folder)


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server(table_ms=TABLE_MS) as server, DynamodbFront(server.port) as front:
        run(tap, Place(folder, server, front))


if __name__ == "__main__":
    main(tests)
