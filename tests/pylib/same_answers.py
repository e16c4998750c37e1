"""The same requests, answered by several backends: byte for byte the same once ids, times, cursors and durations are masked.

Requests that all services must refuse alike are among them, and carts that many clients change at once. Not compared, because
they are about faults: 503, 504, 500; tests/contract and the fault tests have those. CART_SEED=N repeats the choices of a run.
"""

import difflib
import os
import re
import tempfile
import time

import script
from cartd import Cartd, await_that
from http_client import Answer
from mask import Mask

TOKEN = re.compile(r"<<(\w+):([^>]+)>>")
# A busy machine refuses nothing: refusals for want of time are not compared.
PATIENT = {"request.deadline": "30s", "drain.deadline": "30s", "mysql.acquire_timeout": "30s", "dynamodb.acquire_timeout": "30s",
           "dynamodb.timeout": "30s"}
LIMITS = {"limits.lines": "8", "limits.quantity": "500"}
RANDOM_REQUESTS = 1500
CROWD, CROWD_ROUNDS = 48, 12
DIFFERENCES_SHOWN = 5
DAY_MS = 24 * 60 * 60 * 1000
# Every status and error of the contract that needs no fault, and each has to have been seen.
WANTED = {"200", "201", "204", "304", "400 INVALID_JSON", "400 INVALID_INPUT", "404 CART_NOT_FOUND", "404 ITEM_NOT_FOUND", "404 NOT_FOUND",
          "405 METHOD_NOT_ALLOWED", "409 CART_CLOSED", "409 CART_EMPTY", "409 CART_OPEN", "409 CART_OWNED", "412 VERSION_MISMATCH",
          "413 TOO_LARGE",
          "415 UNSUPPORTED_MEDIA_TYPE", "422 LIMIT_EXCEEDED", "422 IDEMPOTENCY_KEY_REUSED"}


def wall_ms():
    return time.time_ns() // 1000000


class Kind:
    """A way to store. settings(folder, name): for a service of that name; name: for people, where backend does not say it all."""

    def __init__(self, backend, settings, name=None):
        self.backend = backend
        self.settings = settings
        self.name = name or backend


def sqlite():
    return Kind("sqlite", lambda folder, name: {"backend": "sqlite", "sqlite.path": os.path.join(folder, name + ".db")})


class Side:
    """One of the services, and what its answers have said so far."""

    def __init__(self, cartd, kind, mask):
        self.cartd = cartd
        self.kind = kind
        self.mask = mask
        self.clients = []
        self.said = {}
        self.began_ms = self.last_ms = 0  # of the last step
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

    def send(self, step):
        while len(self.clients) < len(step):
            self.clients.append(self.cartd.client())
        # A time belongs to one request only if no two requests share a millisecond.
        await_that(lambda: wall_ms() > self.last_ms, 5, "the clock goes on", every_s=0.0005)
        self.began_ms = wall_ms()
        for client, request in zip(self.clients, step):
            self._send(client, request)

    def receive(self, step):
        """The answers to the step that was sent, raw and masked."""
        answers = [client.receive(request.method) for client, request in zip(self.clients, step)]
        self.last_ms = wall_ms()
        self.mask.window(self.began_ms, self.last_ms)
        for request, answer in zip(step, answers):
            if request.save:
                self._remember(request, answer)
        if self.doctor:
            answers = [Answer(*self.doctor(answer.raw()).split(b"\r\n\r\n", 1)) for answer in answers]
        return answers, [self.mask.apply(answer, request.target, self.kind.backend) for request, answer in zip(step, answers)]

    def close(self):
        for client in self.clients:
            client.close()


class Services:
    """Several services with the same settings but for where they store; the first is what the others are compared with."""

    def __init__(self, kinds, folder, settings, name, ttl_ms=30 * DAY_MS):
        self.seen = {}
        self.asked = 0
        self.own_text = set()
        self.sides = []
        self.settings = settings
        for kind in kinds:
            # Within one step idle carts come by their ids, which are random: a step of its own for each instant.
            cartd = Cartd(folder, dict({"cart.idle_step": "1ms", **PATIENT}, **dict(settings, **kind.settings(folder, name))), "%s-%s" % (name, kind.name))
            self.sides.append(Side(cartd, kind, Mask(ttl_ms, self.own_text)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for side in self.sides:
            side.close()
        for side in self.sides:
            if side.cartd.end_problem():
                raise AssertionError("%s: %s" % (side.kind.name, side.cartd.end_problem()))

    def _count(self, answer):
        error = re.search(rb'"error":"(\w+)"', answer.body)
        what = "%d%s" % (answer.status, " " + error.group(1).decode() if error else "")
        self.seen[what] = self.seen.get(what, 0) + 1

    def _differences(self, request, texts):
        for side, text in zip(self.sides[1:], texts[1:]):
            if text == texts[0] and "TIME-OF-NO-REQUEST" not in text:
                continue
            lines = difflib.unified_diff(readable(texts[0]), readable(text), self.sides[0].kind.name, side.kind.name, lineterm="", n=1)
            yield "request %d: %s\n%s" % (self.asked, request, "\n".join(lines) or text[:2000])

    def compare(self, steps):
        """What differs, as text; "" if nothing does."""
        differences = []
        for step in steps:
            for request in step:
                for text in request.texts():
                    self.own_text.update(re.findall(r"[0-9A-Fa-f-]{36}|\d{4}-\d\d-[0-9T:.]+Z", text))
            for side in self.sides:  # they work at the same time
                side.send(step)
            said = [side.receive(step) for side in self.sides]
            for at, request in enumerate(step):
                self.asked += 1
                self._count(said[0][0][at])
                differences += self._differences(request, [masked[at] for _, masked in said])
            if len(differences) >= DIFFERENCES_SHOWN:
                differences.append("not compared any further")
                break
        return "\n".join(differences)


def readable(text):
    """Lines short enough for a diff: one a header, one a member."""
    return text.replace("\r\n", "\n").replace(',"', ',\n"').replace(",{", ",\n{").split("\n")


def scripted(tap, services, seed):
    for section in script.SCRIPT:
        tap.run("the same answers: " + section.__name__.replace("_", " "), services.compare, script.steps_of(section))
    chance = script.Random(seed, "r", [31, 32, 33])
    tap.run("the same answers: %d requests by chance" % RANDOM_REQUESTS, services.compare, chance.steps(RANDOM_REQUESTS))
    crowd = script.Random(seed + 1, "n", [34])
    tap.run("the same answers: %d rounds of %d requests at once" % (CROWD_ROUNDS, CROWD), services.compare, crowd.crowd(CROWD_ROUNDS, CROWD))
    tap.run("the same carts at the end", services.compare, [*chance.review(), *crowd.review()])


def everything_was_asked(services):
    print("# %d requests a side: %s" % (services.asked, ", ".join("%s %d" % item for item in sorted(services.seen.items()))))
    return "\n".join("no answer was " + what for what in sorted(WANTED - set(services.seen)))


def operations(side):
    """What the store counted: the same operations with the same results."""
    found = {}
    for name, value in side.cartd.metrics().items():
        if name.startswith("cart_store_ops_total{") and value:
            found[name.replace('"%s"' % side.kind.backend, "")] = value
    return found


def same_operations(services):
    counts = [operations(side) for side in services.sides]
    if not counts[0]:
        return "no operations were counted"
    return "\n".join("%s: %s" % (name, ", ".join(str(count.get(name)) for count in counts))
                     for name in sorted(set().union(*counts)) if len({count.get(name) for count in counts}) != 1)


# Nothing may expire while it is being compared, nor a deadline pass: neither is about a machine that stands still for a moment.
WINDOW_MS = 9000
SHORT_WINDOW = {"idempotency.window": "%dms" % WINDOW_MS, "request.deadline": "4s", "dynamodb.timeout": "4s", "clock.skew": "1s"}


def expiry(kinds, folder):
    """Carts that are gone after a moment, and keys that are forgotten."""
    ttl_ms = WINDOW_MS
    with Services(kinds, folder, {"cart.ttl": "%dms" % ttl_ms, **SHORT_WINDOW}, "expiry", ttl_ms) as services:
        before = [script.create("x", 400, script.key("again")), script.add("x", 1, 1, script.key("soon")), script.get("x"),
                  script.create("y", 400), script.add("y", 2, 2), script.checkout("y"), script.create("z", 400),
                  script.create("x2", 400, script.key("again")), script.add("x", 1, 1, script.key("soon"))]
        problem = services.compare([request] for request in before)
        end = max(side.last_ms for side in services.sides) + ttl_ms
        await_that(lambda: wall_ms() > end, 30, "the carts have expired")
        after = [script.get("x"), *script.every_change("x"), script.delete("x"), script.get("y"), script.checkout("y"), script.get("z"),
                 script.Request("GET", "/shopping-carts?customer_id=400"),
                 script.Request("GET", "/shopping-carts?customer_id=400&status=open"),
                 script.batch_get(["<<cart:x>>", "<<cart:y>>", "<<cart:z>>"]),
                 script.add("x", 1, 1, script.key("soon")), script.checkout("y", script.key("again")),
                 script.create("x3", 400, script.key("again")), script.get("x3")]
        problem += services.compare([request] for request in after)
        if not problem and services.seen.get("404 CART_NOT_FOUND", 0) < 8:
            problem = "nothing had expired: %s" % services.seen
        return problem


def keys_are_forgotten(kinds, folder):
    with Services(kinds, folder, SHORT_WINDOW, "window") as services:
        change = script.add("f", 1, 1, script.key("once"))
        problem = services.compare([request] for request in [script.create("f", 410, script.key("new")), change, change])
        end = max(side.last_ms for side in services.sides) + WINDOW_MS
        await_that(lambda: wall_ms() > end, 30, "the keys are forgotten")
        return problem + services.compare([request] for request in [
            change, script.get("f"), change, script.add("f", 2, 2, script.key("once")), script.create("f2", 410, script.key("new")),
            script.Request("GET", "/shopping-carts?customer_id=410")])


def without_expiry(kinds, folder):
    """No expiry, ids that start with the time, and the limits that are the default."""
    with Services(kinds, folder, {"cart.ttl": "0", "cart.ids": "v7"}, "forever") as services:
        requests = [*script.limits(200, 1000000), script.create("m", 420), *[script.add("m", 1, 10000)] * 2,
                    script.put("m", 1, 1000000), script.add("m", 1, 1), script.get("m"), script.checkout("m", script.PREFER),
                    script.Request("GET", "/shopping-carts?customer_id=420")]
        return services.compare([request] for request in requests)


def doctored(services):
    """Each of these lies, told by one side, has to be found."""
    def replace(old, new):
        return lambda raw: re.sub(old, new, raw, count=1)

    def member(name, value):
        return replace(rb'("%s":")[^"]*' % name, rb"\g<1>" + services.sides[1].said[value].encode())

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
    problem = services.compare([request] for request in ask)
    for name, lie in lies.items():
        services.sides[1].doctor = lie
        if not services.compare([request] for request in ask):
            problem += "not found: %s\n" % name
    services.sides[1].doctor = None
    return problem


def main_services(tap, kinds, folder, seed):
    with Services(kinds, folder, LIMITS, "main") as services:
        scripted(tap, services, seed)
        tap.run("every kind of answer was among them", everything_was_asked, services)
        tap.run("the stores have counted the same operations", same_operations, services)
        tap.run("an answer that was tampered with is found", doctored, services)


def _run(tap, kinds, folder, seed):
    tap.run("all services end well", main_services, tap, kinds, folder, seed)
    tap.run("the same answers: carts that expire", expiry, kinds, folder)
    tap.run("the same answers: keys that are forgotten", keys_are_forgotten, kinds, folder)
    tap.run("the same answers: no expiry, v7 ids, default limits", without_expiry, kinds, folder)


def run(tap, kinds):
    """The whole of it, as tests."""
    seed = int(os.environ.get("CART_SEED", time.time_ns() // 1000 % 10 ** 9))
    print("# CART_SEED=%d, %s" % (seed, ", ".join(kind.name for kind in kinds)))
    with tempfile.TemporaryDirectory() as folder:
        _run(tap, kinds, folder, seed)
