#!/usr/bin/python3
"""What /metrics says of the DynamoDB backend is so: each series moves when its cause is there, and by as much. And the document has them all.

What a healthy server never does is done by a proxy in front of it (pylib/dynamodb_front.py).
"""

import email.utils
import os
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from dynamodb_front import DynamodbFront, Reply, error  # noqa: E402
from metrics_watch import Watch, documented, wrong  # noqa: E402
from tap import main  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs/backends/dynamodb.md")
PREFIX = "cart_dynamodb_"
CALLS = PREFIX + 'calls_total{operation="%s",status="%s"}'
RETRIES = PREFIX + 'retries_total{cause="%s"}'
BUDGET = PREFIX + "retry_budget"
BUDGET_MAX, RETRY_TOKENS = 500, 5
TIMEOUT_MS = 4000
CONNECTIONS = 2
SKEW_S = 3600
KEPT = 8
CROWD = 60
PROBE_S = 0.05
WINDOW_S = 6
PATIENCE_S = 20


def passed_on(_call, ask):
    return ask()


class FrontWatch(Watch):
    """With the proxy between the cartd and the server."""

    def __init__(self, front, server, cartd):
        super().__init__(cartd)
        self.front = front
        self.server = server

    def moved(self, action, prefix, rule=passed_on):
        self.front.rule = rule
        try:
            return super().moved(action, prefix)
        finally:
            self.front.rule = passed_on

    def get(self, path):
        return self.client.ask("GET", path).status


def once(operation, reply):
    """A rule: the first call of the operation comes to reply(call, ask), the others pass."""
    pending = [operation]

    def rule(call, ask):
        if call.operation in pending:
            pending.clear()
            return reply(call, ask)
        return ask()
    return rule


def always(operation, reply):
    return lambda call, ask: reply(call, ask) if call.operation == operation else ask()


def calls_that_pass(watch):
    paths = []
    moved = watch.moved(lambda: paths.append(watch.new_cart()), CALLS[:len(PREFIX + "calls_total")])
    problem = wrong(moved, {CALLS % ("PutItem", "2xx"): 1})
    path = paths[0]
    for action, operation in ((lambda: watch.add(path), "UpdateItem"), (lambda: watch.get(path), "GetItem"),
                              (lambda: watch.client.ask("GET", "/shopping-carts?customer_id=99"), "Query"),
                              (lambda: watch.client.ask("DELETE", path), "DeleteItem")):
        problem = problem or wrong(watch.moved(action, PREFIX + "calls_total"), {CALLS % (operation, "2xx"): 1})
    return problem


def calls_that_fail(watch):
    """By what was answered; a get is tried again but for a request that the server does not take."""
    path = watch.new_cart()
    cases = [("throttled", lambda call, ask: error("ProvisionedThroughputExceededException"), 200),
             ("5xx", lambda call, ask: error("InternalServerError", 500), 200),
             ("none", lambda call, ask: None, 200),
             ("4xx", lambda call, ask: error("ValidationException"), 500)]
    problem, statuses = "", []
    for status, reply, answer in cases:
        wanted = {CALLS % ("GetItem", status): 1, **({CALLS % ("GetItem", "2xx"): 1} if answer == 200 else {})}
        problem = problem or wrong(watch.moved(lambda: statuses.append(watch.get(path)), PREFIX + "calls_total", once("GetItem", reply)), wanted)
    return problem or wrong(statuses, [answer for _, _, answer in cases])


def conditions(watch):
    """A condition that was false is no error of the server's, and no retry. The change is then decided by a look."""
    path = watch.new_cart()
    assert watch.client.ask("DELETE", path + "/items").status == 204
    moved = watch.moved(lambda: watch.client.ask("DELETE", path + "/items"), PREFIX)
    moved = {name: value for name, value in moved.items() if "_seconds" not in name and "_units" not in name and "budget" not in name}
    return wrong(moved, {CALLS % ("UpdateItem", "condition"): 1, CALLS % ("GetItem", "2xx"): 1, PREFIX + "read_modify_writes_total": 1})


def durations(watch):
    """Each try is in the histogram of its operation, with about the time that it took."""
    path, name = watch.new_cart(), PREFIX + 'call_seconds_%s{operation="GetItem"}'

    def slow(_call, ask):
        time.sleep(0.3)
        return ask()

    moved = watch.moved(lambda: watch.get(path), PREFIX + "call_seconds", once("GetItem", slow))
    if moved.get(name % "count") != 1 or not 0.3 <= moved.get(name % "sum", 0) < PATIENCE_S:
        return "moved: %s" % moved
    others = [each for each in moved if "GetItem" not in each]
    return "moved too: %s" % others if others else ""


def retries(watch):
    """By cause; each of these gets is answered after one more try. For the last there are no other credentials, so none is made."""
    path = watch.new_cart()

    def late(call, ask):
        time.sleep(TIMEOUT_MS / 1000 + 0.5)
        return ask()

    causes = {
        "throttled": lambda call, ask: error("ThrottlingException"),
        "server": lambda call, ask: Reply(503, b"<html>"),
        "connection": lambda call, ask: None,
        "timeout": late,
        "answer": lambda call, ask: Reply(200, b"{}", [("x-amz-crc32", "1")]),
        "conflict": lambda call, ask: error("TransactionConflictException"),
        "credentials": lambda call, ask: error("UnrecognizedClientException"),
    }
    problems = []
    for cause, reply in causes.items():
        statuses = []
        moved = watch.moved(lambda: statuses.append(watch.get(path)), PREFIX + "retries", once("GetItem", reply))
        if (moved, statuses) != (({}, [503]) if cause == "credentials" else ({RETRIES % cause: 1}, [200])):
            problems.append("%s: moved %s, answered %s" % (cause, moved, statuses))
    return "\n".join(problems)


def no_json(watch):
    path = watch.new_cart()
    return wrong(watch.moved(lambda: watch.get(path), PREFIX + "retries", once("GetItem", lambda call, ask: Reply(200, b"<html>"))),
                 {RETRIES % "answer": 1})


def skew(watch):
    """The server's clock is an hour ahead, then right again."""
    path, name = watch.new_cart(), PREFIX + "clock_skew_seconds"
    for ahead in (SKEW_S, 0):
        date = email.utils.formatdate(time.time() + ahead, usegmt=True)
        refused = once("GetItem", lambda call, ask, date=date: error("InvalidSignatureException", 400, [("Date", date)]))
        statuses, at = [], len(watch.front.calls)
        moved = watch.moved(lambda: statuses.append(watch.get(path)), PREFIX + "retries", refused)
        signed = [time.strptime(call.headers["x-amz-date"], "%Y%m%dT%H%M%SZ") for call in watch.front.calls[at:]]
        said = watch.value(name)
        if moved != {RETRIES % "skew": 1} or statuses != [200] or abs(said - ahead) > 30:
            return "%d s ahead: moved %s, answered %s, %s says %s" % (ahead, moved, statuses, name, said)
        leap = time.mktime(signed[1]) - time.mktime(signed[0])
        if abs(leap - (SKEW_S if ahead else -SKEW_S)) > 60:
            return "%d s ahead: signed anew %d s later" % (ahead, leap)
    return ""


def units(watch):
    """Halves of what the server said, by operation."""
    path, at = watch.new_cart(), len(watch.front.calls)

    def some():
        watch.add(path)
        watch.get(path)
        watch.client.ask("GET", path + "?consistency=eventual")
        watch.client.ask("GET", "/shopping-carts?customer_id=3&limit=2")
        watch.client.ask("DELETE", path)

    moved = watch.moved(some, PREFIX + "half_")
    wanted = {}
    for call in watch.front.calls[at:]:
        kind = "write" if call.operation in ("PutItem", "UpdateItem", "DeleteItem") else "read"
        name = PREFIX + 'half_%s_units_total{operation="%s"}' % (kind, call.operation)
        wanted[name] = wanted.get(name, 0) + 2 * call.units()
    return wrong(moved, wanted) or ("" if len(wanted) == 5 and 3 in wanted.values() else "too little was asked for: %s" % wanted)


def reads_together(watch):
    """By how many carts a call asked for: held back until the others wait, gets go together."""
    paths = [watch.new_cart() for _ in range(7)]
    clients = [watch.cartd.client() for _ in paths]
    opened = threading.Event()

    def all_at_once():
        for number, (client, path) in enumerate(zip(clients, paths), 1):
            client.send("GET", path)
            if number <= CONNECTIONS:  # two that come at the same moment might go together
                await_that(lambda busy=number: watch.value(PREFIX + "calls_in_flight") == busy, PATIENCE_S, "a call is under way")
        await_that(lambda: watch.value(PREFIX + "waiting") == len(paths) - CONNECTIONS, PATIENCE_S, "the others wait")
        opened.set()
        statuses.update(client.receive().status for client in clients)

    def held(_call, ask):
        opened.wait(PATIENCE_S)
        return ask()

    statuses = set()
    try:
        moved = watch.moved(all_at_once, PREFIX + "reads_total", held)
    finally:
        for client in clients:
            client.close()
    name = PREFIX + 'reads_total{carts="%s"}'
    await_that(lambda: watch.value(PREFIX + "waiting") == 0 and watch.value(PREFIX + "calls_in_flight") == 0, PATIENCE_S, "nobody waits")
    return wrong(moved, {name % "1": 2, name % "4-7": 1}) or wrong(statuses, {200})


def left_out(watch):
    """Carts that the server leaves out of its answer for now are asked for again."""
    paths = [watch.new_cart() for _ in range(6)]
    body = '{"ids":[%s]}' % ",".join('"%s"' % path.rsplit("/", 1)[1] for path in paths)
    answers = []

    def half(call, ask):
        reply = ask().json()
        found = reply["Responses"]["carts"]
        reply["Responses"]["carts"], out = found[:1], found[1:]
        reply["UnprocessedKeys"] = {"carts": {"Keys": [{"cart_id": item["cart_id"]} for item in out], "ConsistentRead": True}}
        expected.append(len(out))
        return Reply(200, reply)

    expected = []
    moved = watch.moved(lambda: answers.append(watch.client.ask("POST", "/shopping-carts/batch-get", (), body)), PREFIX + "unprocessed",
                        once("BatchGetItem", half))
    found = re.findall(r'"shopping_cart_id":"([^"]+)"', answers[0].body.decode())
    return wrong(moved, {PREFIX + "unprocessed_total": expected[0]}) or \
        wrong(sorted(found), sorted(path.rsplit("/", 1)[1] for path in paths))


def lost_races(watch):
    """Somebody else writes the item between the look and the write that was decided by it: looked at and decided again."""
    path = watch.new_cart()
    watch.add(path)
    statuses = []

    def race(call, ask):
        if '"mark=:old"' not in call.body.decode():
            return ask()
        if not raced:
            raced.append(1)
            private_dynalite.call(watch.server.endpoint, "UpdateItem", {
                "TableName": "carts", "Key": call.json()["Key"], "UpdateExpression": "SET mark = :mark",
                "ExpressionAttributeValues": {":mark": {"S": "another's"}}})
        return ask()

    raced = []
    key = (("Idempotency-Key", "race"),)
    # A replacement is decided after a look.
    moved = watch.moved(lambda: statuses.append(watch.client.ask("PUT", path + "/items", key, '{"items":[{"product_id":1,"quantity":7}]}').status), PREFIX, race)
    moved = {name: value for name, value in moved.items() if "read_modify" in name or "conflicts" in name}
    return wrong(moved, {PREFIX + "conflicts_total": 1, PREFIX + "read_modify_writes_total": 2}) or wrong(statuses, [204])


def old_keys(watch):
    """Sixteen that are past their window go by a call of their own, after the answer."""
    path, name = watch.new_cart(), PREFIX + "key_trims_total"
    item = '{"product_id":1,"quantity":1}'
    for number in range(16):
        assert watch.client.ask("POST", path + "/items", (("Idempotency-Key", "old%d" % number),), item).status == 204
    until = time.time() + WINDOW_S
    await_that(lambda: time.time() > until, PATIENCE_S, "the keys' window is over")
    before, at = watch.value(name), len(watch.front.calls)
    assert watch.client.ask("POST", path + "/items", (("Idempotency-Key", "new"),), item).status == 204
    await_that(lambda: watch.value(name) > before, PATIENCE_S, "a removal of old keys")
    await_that(lambda: watch.value(PREFIX + "calls_in_flight") == 0, PATIENCE_S, "the end of it")
    key = {"cart_id": {"S": path.rsplit("/", 1)[1]}}
    left = len(private_dynalite.call(watch.server.endpoint, "GetItem", {"TableName": "carts", "Key": key})["Item"]["op_v"]["M"])
    return wrong((watch.value(name) - before, len(watch.front.calls) - at, left), (1, 2, 1))


def connections_kept(folder, front):
    """From its start on, and for many clients: more than 99 % of calls go over a connection that was there."""
    with Cartd(folder, {**private_dynalite.settings_for(front, connections=str(KEPT)), **private_dynalite.PATIENT, "threads": "1"}, "kept") as cartd:
        watch = Watch(cartd)
        path, seen, at = watch.new_cart(), front.connections, len(front.calls)
        clients = [cartd.client() for _ in range(2 * KEPT)]
        for _ in range(100):
            for client in clients:
                client.send("POST", path + "/items", (), '{"product_id":1,"quantity":1}')
            assert {client.receive().status for client in clients} == {204}
        for client in [*clients, watch.client]:
            client.close()
        metrics = cartd.metrics()
    calls = sum(value for name, value in metrics.items() if name.startswith(PREFIX + "calls_total"))
    opened, seen = metrics[PREFIX + "connections_opened_total"], front.connections - seen + 1  # that of the new cart
    print("# %d calls, %d connections opened" % (calls, opened))
    return wrong((calls, opened), (len(front.calls) - at + 1, seen)) or ("" if 1 <= opened <= KEPT < 0.01 * calls else "too many")


def connections_opened(watch):
    """As many tries are broken off as there can be connections, and one more."""
    path, left, seen = watch.new_cart(), [1] * (CONNECTIONS + 1), watch.front.connections

    def broken_off(call, ask):
        return None if left and left.pop() else ask()

    moved = watch.moved(lambda: watch.get(path), PREFIX + "connections", broken_off)
    seen = watch.front.connections - seen
    return wrong(moved, {PREFIX + "connections_opened_total": seen}) or ("" if seen >= 1 else "none was opened")


def budget(watch):
    """A server in trouble: retries take tokens until there are none, then one in PROBE_S is made without, and calls end; successes bring
    tokens back."""
    paths = [watch.new_cart() for _ in range(CROWD)]
    await_that(lambda: watch.get(paths[0]) == 200 and watch.value(BUDGET) == BUDGET_MAX, PATIENCE_S, "the budget is whole")
    clients = [watch.cartd.client() for _ in paths]
    denied, statuses = PREFIX + "retries_denied_total", set()

    def trouble():
        for client, path in zip(clients, paths):
            client.send("GET", path)
        statuses.update((answer.status, answer.header("Retry-After") is not None) for answer in [client.receive() for client in clients])

    at, began = len(watch.front.calls), time.monotonic()
    try:
        moved = watch.moved(trouble, PREFIX + "retries", always("GetItem", lambda call, ask: error("InternalServerError", 500)))
    finally:
        for client in clients:
            client.close()
    probes = 1 + (time.monotonic() - began) / PROBE_S
    tries, left = len(watch.front.calls) - at, watch.value(BUDGET)
    made, retried = BUDGET_MAX // RETRY_TOKENS, moved.get(RETRIES % "server")
    print("# %d gets of a server in trouble: %d tries, %s" % (CROWD, tries, moved))
    problem = wrong(statuses, {(503, True)}) or wrong((left, tries), (0, CROWD + retried))
    if not made <= retried <= made + probes:
        return "%d retries, paid for are %d, and %d may be made without" % (retried, made, probes)
    if problem or not 1 <= moved.get(denied, 0) <= CROWD:
        return problem or "denied: %s" % moved
    watch.get(paths[0])
    return wrong(watch.value(BUDGET), 1)


def refused_waiting(folder, front):
    """One connection, and it is busy: who waits is counted, and refused in time."""
    settings = private_dynalite.settings_for(front, connections="1", acquire_timeout="3s", timeout="20s")
    with Cartd(folder, {**settings, "threads": "1", "request.deadline": "20s", "drain.deadline": "20s"}, "waiting") as cartd:
        watch = Watch(cartd)
        path, others, name = watch.new_cart(), [watch.new_cart() for _ in range(3)], PREFIX + "acquire_timeouts_total"
        opened, seen = threading.Event(), []
        clients = [cartd.client() for _ in range(4)]

        def held(call, ask):
            opened.wait(PATIENCE_S)
            return ask()

        front.rule = once("UpdateItem", held)
        try:
            clients[0].send("POST", path + "/items", (), '{"product_id":1,"quantity":1}')
            await_that(lambda: watch.value(PREFIX + "calls_in_flight") == 1, PATIENCE_S, "the connection is in use")
            for client, other in zip(clients[1:], others):
                client.send("POST", other + "/items", (), '{"product_id":1,"quantity":1}')
            await_that(lambda: seen.append(watch.value(PREFIX + "waiting")) or watch.value(name) == 3, PATIENCE_S, "three are refused")
            refused = {(answer.status, answer.header("Retry-After") is not None) for answer in [client.receive() for client in clients[1:]]}
            opened.set()
            last = clients[0].receive().status
        finally:
            opened.set()
            front.rule = passed_on
        for client in clients:
            client.close()
        watch.close()
        return wrong((refused, last), ({(503, True)}, 204)) or ("" if max(seen) >= 1 else "nobody was seen waiting")


PROCESS = """#!/bin/sh
# New ones each time, which are good for two seconds; none when there is a file that says so.
[ ! -e %(folder)s/broken ] || exit 1
echo x >>%(folder)s/asked
printf '{"Version":1,"AccessKeyId":"K%%d","SecretAccessKey":"s","Expiration":"%%s"}' "$(wc -l <%(folder)s/asked)" \\
	"$(date -u -d '+2 seconds' +%%Y-%%m-%%dT%%H:%%M:%%SZ)"
"""


def credentials(folder, front):
    """A source of credentials that do not last; then it breaks, and the old ones stay in use."""
    with open(os.path.join(folder, "process.sh"), "w", encoding="ascii") as file:
        file.write(PROCESS % {"folder": folder})
    with open(os.path.join(folder, "config"), "w", encoding="ascii") as file:
        file.write("[default]\ncredential_process = /bin/sh %s/process.sh\n" % folder)
    wrapper = ("env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE=%s/config" % folder,
               "AWS_SHARED_CREDENTIALS_FILE=%s/none" % folder)
    refreshes, failures = PREFIX + "credential_refreshes", PREFIX + "credential_failures"
    with Cartd(folder, {**private_dynalite.settings_for(front), **private_dynalite.PATIENT, "threads": "1"}, "credentials", wrapper) as cartd:
        watch = Watch(cartd)
        path = watch.new_cart()
        await_that(lambda: watch.value(refreshes) >= 3, PATIENCE_S, "credentials are fetched anew")
        assert watch.value(failures) == 0, "failures without a cause"
        watch.add(path)
        used = re.search(r"Credential=K(\d+)/", front.calls[-1].headers["authorization"])
        with open(os.path.join(folder, "broken"), "w", encoding="ascii"):
            await_that(lambda: watch.value(failures) >= 1, PATIENCE_S, "the failure is counted")
        fetched = watch.value(refreshes)
        status = watch.add(path)
        still = re.search(r"Credential=K(\d+)/", front.calls[-1].headers["authorization"])
        watch.close()
        with open(os.path.join(folder, "asked"), encoding="ascii") as file:
            asked = len(file.read().splitlines())
    if not used or int(used.group(1)) < 2:
        return "signed with %s, after three fetches" % used
    return wrong((status, int(still.group(1)), fetched), (204, asked, asked))


def labelled(cartd):
    """Labels and their values are as the document has them."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read().split("\n## Metrics\n")[1]
    told = {name: set(filter(None, (labels or "").split(","))) for name, labels in re.findall(r"`(cart_dynamodb_\w+)(?:\{([\w,]+)\})?`", text)}
    served, values = {}, {}
    for series in cartd.metrics():
        found = re.match(r"(cart_dynamodb_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})?$", series)
        labels = dict(re.findall(r'(\w+)="([^"]*)"', found.group(2) or "")) if found else {}
        if found:
            served.setdefault(found.group(1), set()).update(set(labels) - {"le"})
        for label in {"status", "cause"} & set(labels):
            values.setdefault(label, set()).add(labels[label])
    words = set(re.findall(r"`([\w]+)`", text))
    lines = ["%s has labels %s, in the document %s" % (name, served[name], told.get(name)) for name in served if served[name] != told.get(name)]
    lines += ["not in the document: %s %s" % (label, value) for label in values for value in values[label] - words]
    return "\n".join(lines) if {"status", "cause"} == set(values) else "no labels: %s" % values


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server() as server, DynamodbFront(server.port) as front:
        quiet = {"threads": "1", "request.deadline": "20s", "drain.deadline": "20s", "limits.lines": "20",
                 "clock.skew": "0"}  # one test moves the clock of the answers by an hour
        settings = private_dynalite.settings_for(front, connections=str(CONNECTIONS), timeout="%dms" % TIMEOUT_MS, acquire_timeout="30s")
        with Cartd(folder, {**settings, **quiet}) as cartd:
            watch = FrontWatch(front, server, cartd)
            for name, function in (("calls by operation", calls_that_pass), ("calls by what was answered", calls_that_fail),
                                   ("conditions that were false", conditions), ("durations", durations), ("retries by cause", retries),
                                   ("an answer that is no JSON", no_json), ("a clock that is wrong", skew), ("units", units),
                                   ("reads by how many carts they ask for", reads_together), ("carts left out", left_out),
                                   ("races lost", lost_races), ("a connection in place of one that broke", connections_opened)):
                tap.run(name, function, watch)
            watch.close()
            tap.run("the document explains every series, and no other", documented, cartd, PREFIX, DOCUMENT)
            tap.run("labels and their values are as documented", labelled, cartd)
        settings = private_dynalite.settings_for(front, connections=str(CROWD), batch="1", acquire_timeout="30s")
        with Cartd(folder, {**settings, **quiet}, "budget") as cartd:
            watch = FrontWatch(front, server, cartd)
            tap.run("the budget of retries", budget, watch)
            watch.close()
        soon_old = {"idempotency.window": "%ds" % WINDOW_S, "request.deadline": "%ds" % (WINDOW_S // 2), "dynamodb.timeout": "%ds" % (WINDOW_S // 2)}
        with Cartd(folder, {**settings, **quiet, **soon_old}, "keys") as cartd:
            watch = FrontWatch(front, server, cartd)
            tap.run("removals of old keys", old_keys, watch)
            watch.close()
        tap.run("connections are kept", connections_kept, folder, front)
        tap.run("who waits for a connection, and who has waited too long", refused_waiting, folder, front)
        tap.run("credentials fetched anew, and a source that fails", credentials, folder, front)


if __name__ == "__main__":
    main(tests)
