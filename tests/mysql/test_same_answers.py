#!/usr/bin/python3
"""The same requests, answered by two backends: byte for byte the same once ids, times, cursors and durations are masked.

    test_same_answers.py [BACKEND BACKEND]     sqlite and mysql

Requests that all services must refuse alike are among them, and carts that many clients change at once. Not compared, because
they are about faults: 503, 504, 500; tests/contract and the fault tests have those. CART_SEED=N repeats the choices of a run.
"""

import contextlib
import difflib
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
import script  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from http_client import Answer  # noqa: E402
from mask import Mask  # noqa: E402
from tap import main  # noqa: E402

TOKEN = re.compile(r"<<(\w+):([^>]+)>>")
LIMITS = {"limits.lines": "8", "limits.quantity": "500"}
RANDOM_REQUESTS = 1500
CROWD, CROWD_ROUNDS = 48, 12
DIFFERENCES_SHOWN = 5
DAY_MS = 24 * 60 * 60 * 1000
# Every status and error of the contract that needs no fault, and each has to have been seen.
WANTED = {"200", "201", "204", "304", "400 INVALID_JSON", "400 INVALID_INPUT", "404 CART_NOT_FOUND", "404 ITEM_NOT_FOUND", "404 NOT_FOUND",
          "405 METHOD_NOT_ALLOWED", "409 CART_CLOSED", "409 CART_EMPTY", "412 VERSION_MISMATCH", "413 TOO_LARGE",
          "415 UNSUPPORTED_MEDIA_TYPE", "422 LIMIT_EXCEEDED", "422 IDEMPOTENCY_KEY_REUSED"}


def wall_ms():
    return time.time_ns() // 1000000


class Side:
    """One of the two services, and what its answers have said so far."""

    def __init__(self, cartd, backend, mask):
        self.cartd = cartd
        self.backend = backend
        self.mask = mask
        self.clients = []
        self.said = {}
        self.last_ms = 0
        self.doctor = None  # changes an answer before it is looked at: proof that a difference is seen

    def _fill_in(self, text):
        def value(found):
            if found.group(1) == "CART":
                return self.said.get("cart:" + found.group(2), "none").upper()
            return self.said.get(found.group(0)[2:-2], "none")
        return TOKEN.sub(value, text)

    def _send(self, client, request):
        body = request.body
        if body is not None:
            body = self._fill_in(body) if isinstance(body, str) else body
        headers = [(name, self._fill_in(value)) for name, value in request.headers]
        client.send(request.method, self._fill_in(request.target), headers, body)

    def _remember(self, request, answer):
        for name, member in (("cart", "shopping_cart_id"), ("updated", "updated_at"), ("order", "order_id"), ("cursor", "next_cursor")):
            found = re.search(r'"%s":"([^"]+)"' % member, answer.body.decode("latin-1"))
            if found and (member != "shopping_cart_id" or request.method == "POST"):
                self.said["%s:%s" % (name, request.save)] = found.group(1)
        if answer.header("ETag"):
            self.said["etag:" + request.save] = answer.header("ETag")

    def ask(self, step):
        """The answers of a step, raw and masked."""
        while len(self.clients) < len(step):
            self.clients.append(self.cartd.client())
        # A time belongs to one request only if no two requests share a millisecond.
        await_that(lambda: wall_ms() > self.last_ms, 5, "the clock goes on")
        start = wall_ms()
        for client, request in zip(self.clients, step):
            self._send(client, request)
        answers = [client.receive(request.method) for client, request in zip(self.clients, step)]
        self.last_ms = wall_ms()
        self.mask.window(start, self.last_ms)
        for request, answer in zip(step, answers):
            if request.save:
                self._remember(request, answer)
        if self.doctor:
            answers = [Answer(*self.doctor(answer.raw()).split(b"\r\n\r\n", 1)) for answer in answers]
        return answers, [self.mask.apply(answer, request.target, self.backend) for request, answer in zip(step, answers)]

    def close(self):
        for client in self.clients:
            client.close()


class Pair:
    """Two services with the same settings but for the backend."""

    def __init__(self, backends, folder, settings, name, ttl_ms=30 * DAY_MS):
        self.seen = {}
        self.asked = 0
        self.own_text = set()
        self.sides = []
        self.settings = settings
        for backend in backends:
            cartd = Cartd(folder, dict(settings, **settings_of(backend, folder, name)), "%s-%s" % (name, backend))
            self.sides.append(Side(cartd, backend, Mask(ttl_ms, self.own_text)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for side in self.sides:
            side.close()
        for side in self.sides:
            if side.cartd.end_problem():
                raise AssertionError("%s: %s" % (side.backend, side.cartd.end_problem()))

    def _count(self, answer):
        error = re.search(rb'"error":"(\w+)"', answer.body)
        what = "%d%s" % (answer.status, " " + error.group(1).decode() if error else "")
        self.seen[what] = self.seen.get(what, 0) + 1

    def compare(self, steps):
        """What differs, as text; "" if nothing does."""
        differences = []
        for step in steps:
            for request in step:
                for text in request.texts():
                    self.own_text.update(re.findall(r"[0-9A-Fa-f-]{36}|\d{4}-\d\d-[0-9T:.]+Z", text))
            (answers, first), (_, second) = [side.ask(step) for side in self.sides]
            for request, answer, one, other in zip(step, answers, first, second):
                self.asked += 1
                self._count(answer)
                if one == other and "TIME-OF-NO-REQUEST" not in one:
                    continue
                lines = difflib.unified_diff(readable(one), readable(other), self.sides[0].backend, self.sides[1].backend, lineterm="", n=1)
                differences.append("request %d: %s\n%s" % (self.asked, request, "\n".join(lines) or one[:2000]))
            if len(differences) >= DIFFERENCES_SHOWN:
                differences.append("not compared any further")
                break
        return "\n".join(differences)


def readable(text):
    """Lines short enough for a diff: one a header, one a member."""
    return text.replace("\r\n", "\n").replace(',"', ',\n"').replace(",{", ",\n{").split("\n")


database = None  # the private MariaDB, if one of the two backends needs it


def settings_of(backend, folder, name):
    if backend == "sqlite":
        return {"backend": "sqlite", "sqlite.path": os.path.join(folder, name + ".db")}
    if backend == "mysql":
        return private_mariadb.settings_for(database)
    return {"backend": backend}


def scripted(tap, pair, seed):
    for section in script.SCRIPT:
        tap.run("the same answers: " + section.__name__.replace("_", " "), pair.compare, script.steps_of(section))
    chance = script.Random(seed, "r", [31, 32, 33])
    tap.run("the same answers: %d requests by chance" % RANDOM_REQUESTS, pair.compare, chance.steps(RANDOM_REQUESTS))
    crowd = script.Random(seed + 1, "n", [34])
    tap.run("the same answers: %d rounds of %d requests at once" % (CROWD_ROUNDS, CROWD), pair.compare, crowd.crowd(CROWD_ROUNDS, CROWD))
    tap.run("the same carts at the end", pair.compare, [*chance.review(), *crowd.review()])


def everything_was_asked(pair):
    print("# %d requests a side: %s" % (pair.asked, ", ".join("%s %d" % item for item in sorted(pair.seen.items()))))
    return "\n".join("no answer was " + what for what in sorted(WANTED - set(pair.seen)))


def operations(side):
    """What the store counted: the same operations with the same results."""
    found = {}
    for name, value in side.cartd.metrics().items():
        if name.startswith("cart_store_ops_total{") and value:
            found[name.replace('"%s"' % side.backend, "")] = value
    return found


def same_operations(pair):
    first, second = [operations(side) for side in pair.sides]
    if not first:
        return "no operations were counted"
    return "\n".join("%s: %s and %s" % (name, first.get(name), second.get(name))
                     for name in sorted(set(first) | set(second)) if first.get(name) != second.get(name))


def expiry(backends, folder):
    """Carts that are gone after a moment, and keys that are forgotten."""
    ttl_ms = 1500
    with Pair(backends, folder, {"cart.ttl": "%dms" % ttl_ms, "idempotency.window": "1s"}, "expiry", ttl_ms) as pair:
        before = [script.create("x", 400, script.key("again")), script.add("x", 1, 1, script.key("soon")), script.get("x"),
                  script.create("y", 400), script.add("y", 2, 2), script.checkout("y"), script.create("z", 400),
                  script.create("x2", 400, script.key("again")), script.add("x", 1, 1, script.key("soon"))]
        problem = pair.compare([request] for request in before)
        end = max(side.last_ms for side in pair.sides) + ttl_ms
        await_that(lambda: wall_ms() > end, 10, "the carts have expired")
        after = [script.get("x"), *script.every_change("x"), script.delete("x"), script.get("y"), script.checkout("y"), script.get("z"),
                 script.Request("GET", "/shopping-carts?customer_id=400"),
                 script.Request("GET", "/shopping-carts?customer_id=400&status=open"),
                 script.batch_get(["<<cart:x>>", "<<cart:y>>", "<<cart:z>>"]),
                 script.add("x", 1, 1, script.key("soon")), script.checkout("y", script.key("again")),
                 script.create("x3", 400, script.key("again")), script.get("x3")]
        problem += pair.compare([request] for request in after)
        if not problem and pair.seen.get("404 CART_NOT_FOUND", 0) < 8:
            problem = "nothing had expired: %s" % pair.seen
        return problem


def keys_are_forgotten(backends, folder):
    with Pair(backends, folder, {"idempotency.window": "1s"}, "window") as pair:
        change = script.add("f", 1, 1, script.key("once"))
        problem = pair.compare([request] for request in [script.create("f", 410, script.key("new")), change, change])
        end = max(side.last_ms for side in pair.sides) + 1000
        await_that(lambda: wall_ms() > end, 10, "the keys are forgotten")
        return problem + pair.compare([request] for request in [
            change, script.get("f"), change, script.add("f", 2, 2, script.key("once")), script.create("f2", 410, script.key("new")),
            script.Request("GET", "/shopping-carts?customer_id=410")])


def without_expiry(backends, folder):
    """No expiry, ids that start with the time, and the limits that are the default."""
    with Pair(backends, folder, {"cart.ttl": "0", "cart.ids": "v7"}, "forever") as pair:
        requests = [*script.limits(200, 1000000), script.create("m", 420), *[script.add("m", 1, 10000)] * 2,
                    script.put("m", 1, 1000000), script.add("m", 1, 1), script.get("m"), script.checkout("m", script.PREFER),
                    script.Request("GET", "/shopping-carts?customer_id=420")]
        return pair.compare([request] for request in requests)


def doctored(pair):
    """Each of these lies, told by one side, has to be found."""
    def replace(old, new):
        return lambda raw: re.sub(old, new, raw, count=1)

    def member(name, value):
        return replace(rb'("%s":")[^"]*' % name, rb"\g<1>" + pair.sides[1].said[value].encode())

    ask = [script.create("d", 500), script.add("d", 1, 2), script.get("d"),
           script.Request("GET", "/shopping-carts?customer_id=900&limit=1"), script.Request("GET", "/health")]
    lies = {
        "a quantity": replace(rb'"quantity":2', b'"quantity":3'),
        "a space": replace(rb'"items":', b'"items": '),
        "an ETag": replace(rb'(?i)etag: "\d+"', b'ETag: "77"'),
        "a header that is missing": replace(rb"(?i)cache-control: [^\r]*\r\n", b""),
        "a status": replace(rb"204 No Content", b"200 No Content"),
        "the time of another request": member(b"updated_at", "updated:a"),
        "an id of another cart": member(b"shopping_cart_id", "cart:a"),
        "a cursor": replace(rb'("next_cursor":")(.{4})', rb"\g<1>AQAB"),
        "the name of a third database": replace(rb'"database":"\w+"', b'"database":"oracle"'),
        "a duration that is none": replace(rb"db;dur=[\d.]+", b"db;dur=-1"),
    }
    problem = pair.compare([request] for request in ask)
    for name, lie in lies.items():
        pair.sides[1].doctor = lie
        if not pair.compare([request] for request in ask):
            problem += "not found: %s\n" % name
    pair.sides[1].doctor = None
    return problem


def main_pair(tap, backends, folder, seed):
    with Pair(backends, folder, LIMITS, "main") as pair:
        scripted(tap, pair, seed)
        tap.run("every kind of answer was among them", everything_was_asked, pair)
        tap.run("the stores have counted the same operations", same_operations, pair)
        tap.run("an answer that was tampered with is found", doctored, pair)


def run(tap, backends, folder, seed):
    tap.run("both services end well", main_pair, tap, backends, folder, seed)
    tap.run("the same answers: carts that expire", expiry, backends, folder)
    tap.run("the same answers: keys that are forgotten", keys_are_forgotten, backends, folder)
    tap.run("the same answers: no expiry, v7 ids, default limits", without_expiry, backends, folder)


def tests(tap):
    global database
    backends = sys.argv[1:] or ["sqlite", "mysql"]
    seed = int(os.environ.get("CART_SEED", time.time_ns() // 1000 % 10 ** 9))
    print("# CART_SEED=%d, %s" % (seed, " and ".join(backends)))
    with tempfile.TemporaryDirectory() as folder, \
            private_mariadb.server(fast=True) if "mysql" in backends else contextlib.nullcontext() as database:
        run(tap, backends, folder, seed)


if __name__ == "__main__":
    main(tests)
