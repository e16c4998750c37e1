"""Two carts on dynalite, a merge of them, and what may come between any two of its calls.

A Rig has a cartd behind a proxy that sees every call. `at` numbers the calls of the request that is made next from 1; what is done to that
call is a fault of this module: it may kill cartd, before or after the server does what it is asked, or keep the call back.
"""

import os
import random
import threading
import urllib.error

import private_dynalite
from cartd import Cartd
from dynamodb_front import DynamodbFront
from http_client import Broken
from private_dynalite import settings_for
from wrong_clock import WrongClock

STRATEGIES = ("add", "max", "keep")
CALLS = 6  # of a merge that nothing comes between: two reads, seal, decide, end; after the answer, forget
WRITES = ("PutItem", "UpdateItem", "DeleteItem")


def merged(strategy, there, source):
    lines = dict(there)
    for product, quantity in source.items():
        if product not in lines:
            lines[product] = quantity
        elif strategy != "keep":
            lines[product] = lines[product] + quantity if strategy == "add" else max(lines[product], quantity)
    return lines


class Rig:
    def __init__(self, folder, database, layout, id_type="integer", name="merges", **changes):
        self.clock = WrongClock(folder)
        self.folder, self.database, self.layout, self.id_type = folder, database, layout, id_type
        self.front = DynamodbFront(database.port)
        self.settings = {**settings_for(self.front, table="%s-%s-%s" % (name, layout, id_type), layout=layout), "threads": "1",
                         "cart.id_type": id_type, "clock.skew": "0", **changes}
        self.front.rule = self.rule
        self.lock = threading.Lock()
        self.fault, self.at, self.came = None, 0, 0
        self.done = threading.Event()  # the fault has been met
        self.starts = 0
        self.cartd = self.client = None
        self.start()
        self.settings["provision"] = "off"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.client.close()  # first: the drain would wait a second for it to close
        problem = self.cartd.end_problem()
        self.front.__exit__()
        assert kind is not None or not problem, problem

    def start(self):
        self.starts += 1
        self.cartd = Cartd(self.folder, self.settings, "%s-%s-%d-%d" % (self.layout, self.id_type, self.front.port, self.starts),
                           self.clock.wrapper, private_dynalite.keys_for(self.database))
        self.client = self.cartd.client()

    def kill(self):
        self.cartd.kill()
        self.client.close()

    def restart(self):
        """Of one that was killed; what it left in its log is of no interest any more."""
        self.kill()
        os.unlink(self.cartd.log_path)
        self.start()

    def an_hour_later(self, then):
        """Beyond idempotency.window."""
        self.clock.set(3600)
        try:
            return then()
        finally:
            self.clock.set(0)

    def arm(self, at, fault, writes=False):
        """The at-th call from now on meets the fault; writes: the at-th write."""
        with self.lock:
            self.at, self.fault, self.came, self.writes = at, fault, 0, writes
            self.done.clear()

    def rule(self, call, ask):
        with self.lock:
            self.came += call.operation in WRITES or not getattr(self, "writes", False)
            met = self.fault is not None and self.came == self.at
            fault = self.fault if met else None
            if met:
                self.fault = None
                self.victim = self.cartd  # when it is killed there may be another one already
        if not met:
            return ask()
        try:
            return fault(self, ask, call)
        finally:
            self.done.set()

    # Requests.

    def product(self, number):
        return number if self.id_type == "integer" else "p%d" % number

    def ask(self, want, method, target, headers=(), body=None):
        """want: the status or several; None: any."""
        answer = self.client.ask(method, target, headers, body)
        assert want is None or answer.status in (want if isinstance(want, tuple) else (want,)), \
            "%s %s: %d, not %s: %s" % (method, target, answer.status, want, answer.body.decode())
        return answer

    def new_cart(self, lines, customer=None):
        body = {} if customer is None else {"customer_id": customer if self.id_type == "integer" else "c%d" % customer}
        path = self.ask(201, "POST", "/shopping-carts", (), body).header("Location")
        self.put(path, lines)
        return path

    def put(self, path, lines):
        items = [{"product_id": self.product(product), "quantity": quantity} for product, quantity in lines.items()]
        if items:
            self.ask(204, "PUT", path + "/items", (), {"items": items})

    def cart(self, path, query=""):
        return self.view(self.ask(200, "GET", path + query).json())

    @staticmethod
    def view(cart):
        """Status, lines, version."""
        lines = {int(str(item["product_id"]).lstrip("p")): item["quantity"] for item in cart["items"]}
        return cart["status"], lines, cart["version"]

    def merge(self, want, target, source, strategy="add", headers=()):
        return self.ask(want, "POST", target + "/merge", headers, {"from": source.rsplit("/", 1)[1], "strategy": strategy})

    def set_of(self, path, name, value):
        """By hand, past cartd."""
        private_dynalite.call(self.database.endpoint, "UpdateItem", {
            "TableName": self.settings["dynamodb.table"], "Key": {"cart_id": {"S": path.rsplit("/", 1)[1]}},
            "UpdateExpression": "SET %s = :value" % name, "ExpressionAttributeValues": {":value": value}})

    def item(self, path):
        key = {"cart_id": {"S": path.rsplit("/", 1)[1]}}
        return private_dynalite.call(self.database.endpoint, "GetItem", {"TableName": self.settings["dynamodb.table"], "Key": key,
                                                                         "ConsistentRead": True}).get("Item")


# Faults.

def dies_before(rig, _ask, _call):
    rig.victim.kill()


def dies_after(rig, ask, _call):
    ask()
    rig.victim.kill()


def loses_request(_rig, _ask, _call):
    """The connection ends, and the server has not heard of the call."""


def loses_answer(_rig, ask, _call):
    ask()


class KeepsBack:
    """The call stays on its way until it is let go."""

    def __init__(self):
        self.met, self.goes = threading.Event(), threading.Event()

    def __call__(self, _rig, ask, _call):
        self.met.set()
        self.goes.wait(30)
        return ask()


class ComesLate:
    """The connection ends at once; the call reaches the server when it is told to."""

    def __init__(self):
        self.call = None

    def __call__(self, _rig, _ask, call):
        self.call = call

    def comes(self, endpoint):
        """True: it was applied. False: its condition was false."""
        try:
            private_dynalite.call(endpoint, self.call.operation, self.call.json())
            return True
        except urllib.error.HTTPError as error:
            assert b"ConditionalCheckFailed" in error.read()
            return False


# What is true of two carts at any instant.

class Pair:
    def __init__(self, rig, there, source, strategy="add", customer=None):
        self.rig, self.there, self.source, self.strategy = rig, there, source, strategy
        self.target_path, self.from_path = rig.new_cart(there, customer), rig.new_cart(source)
        self.target_version, self.from_version = rig.cart(self.target_path)[2], rig.cart(self.from_path)[2]
        self.after = merged(strategy, there, source)

    def merge(self, want=200, headers=()):
        return self.rig.merge(want, self.target_path, self.from_path, self.strategy, headers)

    def target_before(self):
        return "open", self.there, self.target_version

    def target_after(self):
        return "open", self.after, self.target_version + (self.after != self.there)

    def check_before(self):
        """Nothing has happened."""
        self.equal("the target", self.rig.cart(self.target_path), self.target_before())
        self.equal("from", self.rig.cart(self.from_path), ("open", self.source, self.from_version))

    def check_after(self):
        self.equal("from", self.rig.cart(self.from_path), ("merged", self.source, self.from_version + 1))
        self.equal("the target", self.rig.cart(self.target_path), self.target_after())

    def check_either(self):
        """Both before or both after. True: after. A merge that was cut may still come while they are read: the target is read first, so
        that it is as before if from is open after that."""
        target, source = self.rig.cart(self.target_path), self.rig.cart(self.from_path)
        if source[0] == "merged":
            self.check_after()
            return True
        self.equal("the target", target, self.target_before())
        self.equal("from", source, ("open", self.source, self.from_version))
        return False

    def check_end(self):
        """A merge that is repeated, at any time, is done once."""
        answer = self.merge()
        self.equal("the answer", self.rig.view(answer.json()), self.target_after())
        self.check_after()
        self.equal("the answer of the repeat", self.rig.view(self.merge().json()), self.target_after())
        item = self.rig.item(self.from_path)
        left = [name for name in ("merge_id", "merge_how", "merge_version", "idle_key", "idle_shard", "expires_ms") if name in item]
        assert not left, "a merged cart has %s" % left

    @staticmethod
    def equal(what, is_now, should_be):
        assert is_now == should_be, "%s is %s, and should be %s" % (what, is_now, should_be)


def seen_by_get(pair):
    pair.check_either()


def seen_by_target_first(pair):
    before = pair.rig.cart(pair.target_path)
    assert before in (pair.target_before(), pair.target_after()), "the target is %s" % (before,)
    done = pair.check_either()
    assert not done or pair.rig.cart(pair.target_path) == pair.target_after()
    assert done or before == pair.target_before(), "the target has the lines, and from is open"


def seen_by_batch(pair):
    ids = [path.rsplit("/", 1)[1] for path in (pair.from_path, pair.target_path)]
    both = pair.rig.ask(200, "POST", "/shopping-carts/batch-get", (), {"ids": ids}).json()["carts"]
    source, target = (pair.rig.view(cart) for cart in both)
    assert (source[0], target) in (("open", pair.target_before()), ("merged", pair.target_after())), "%s and %s" % (source, target)


def seen_by_list(pair):
    """Of idle carts, to the end: from is there while it is open."""
    target, query, found = "/shopping-carts?idle_since=2100-01-01T00:00:00Z&limit=100", "", []
    while True:
        page = pair.rig.ask(200, "GET", target + query).json()
        found += page["carts"]
        if not page.get("next_cursor"):
            break
        query = "&cursor=" + page["next_cursor"]
    listed = pair.from_path.rsplit("/", 1)[1] in [cart["shopping_cart_id"] for cart in found]
    done = pair.check_either()
    assert listed != done, "from is %slisted, and %s" % ("" if listed else "not ", "merged" if done else "open")


def seen_by_nobody(_pair):
    pass


LOOKS = (seen_by_nobody, seen_by_get, seen_by_target_first, seen_by_batch, seen_by_list)


def kill(rig, pair, at, fault, headers=(), may_be_less=False):
    """A merge whose at-th call kills cartd, and a new one. may_be_less: it was begun before and may have fewer calls; then it is killed
    after the last one."""
    rig.arm(at, fault)
    try:
        pair.merge(headers=headers)
    except Broken:
        pass
    assert may_be_less or rig.done.wait(30), "no call %d" % at
    rig.arm(0, None)
    rig.restart()


def random_pair(rig, choice):
    def lines():
        return {product: choice.randint(1, 9) for product in choice.sample(range(1, 9), choice.randint(0, 5))}
    return Pair(rig, lines(), lines(), choice.choice(STRATEGIES))


def seeded():
    seed = int(os.environ.get("CART_SEED") or random.SystemRandom().getrandbits(32))
    print("# CART_SEED=%d" % seed, flush=True)
    return random.Random(seed)
