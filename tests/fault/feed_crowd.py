"""Clients that do everything that is an event of the feed, and write down what they asked for and what they were told.

Each has carts of its own and some that all share. It creates carts, of customers and of guests, adds, sets and removes lines with attributes, claims,
merges, checks out, opens again, deletes, erases a customer, and leaves carts that then expire. About half of the changes have an Idempotency-Key.
"""

import collections
import random
import threading
import time
import uuid

from http_client import Broken, Client

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"
DEADLINE_S = 2  # request.deadline
REPEAT_S = 6  # for so long a change with a key is repeated whose outcome is open: less than idempotency.window
ATTEMPT_S = 5  # for a whole answer
OWN_CARTS = 3
# What a change is as an event, and whether it always is one: others may find nothing to do.
EVENTS = {"create": ("created", True), "add": ("changed", True), "set": ("changed", False), "remove": ("changed", False), "clear": ("changed", False),
          "replace": ("changed", False), "claim": ("changed", False), "checkout": ("checked_out", False), "reopen": ("reopened", False),
          "merge": ("merged", True), "delete": ("deleted", True), "erase": ("deleted", False)}
WEIGHTS = {"add": 30, "add_shared": 10, "set": 12, "replace": 4, "remove": 5, "clear": 2, "claim": 6, "checkout": 7, "reopen": 6, "merge": 6,
           "delete": 4, "erase": 1, "leave": 3}


class Change:
    """One wish, however many requests it took. version: of the cart, as the answer has it; None: it does not."""

    __slots__ = ("kind", "cart", "customer", "source", "outcome", "version")

    def __init__(self, kind, cart=None, customer=None, source=None):
        self.kind, self.cart, self.customer, self.source = kind, cart, customer, source
        self.outcome, self.version = UNKNOWN, None


class Visitor(threading.Thread):
    def __init__(self, crowd, number):
        super().__init__(name="visitor-%d" % number, daemon=True)
        self.crowd, self.number = crowd, number
        self.random = random.Random("%s/%d" % (crowd.seed, number))
        self.https = [Client(port, ATTEMPT_S) for port in crowd.ports]
        self.customer = crowd.first_customer + 1000 * number  # the one of now
        self.carts, self.closed, self.changes = [], collections.deque(maxlen=OWN_CARTS), []
        self.quantity = self.acknowledged = 0

    def run(self):
        try:
            while not self.crowd.enough.wait(self.crowd.pause_s * self.random.uniform(0.5, 1.5)):
                if len(self.carts) < OWN_CARTS:
                    self.begin()
                else:
                    action = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                    getattr(self, action)(self.random.choice(self.carts))
        except Exception as error:  # the verdict tells it
            self.crowd.complain("%s failed: %r" % (self.name, error))
            raise

    # Requests.

    def ask(self, change, method, path, body=None, keyed=True):
        """The last answer; None: there was none that says anything."""
        key = [("Idempotency-Key", str(uuid.UUID(int=self.random.getrandbits(128), version=4)))] if keyed and self.random.random() < 0.5 else []
        self.changes.append(change)
        until, sent = time.monotonic() + REPEAT_S, False
        while True:
            answer, may_have_come = self.ask_once(method, path, key, body)
            sent = sent or may_have_come
            if answer is not None and (answer.status < 500 or not key and not may_have_come):
                break
            if not key or time.monotonic() > until:
                change.outcome = UNKNOWN if sent else REFUSED
                return answer
            time.sleep(self.random.uniform(0.02, 0.2))
        self.judge(change, answer)
        return answer

    def ask_once(self, method, path, key, body):
        """The answer or None, and whether the change may have been made without our being told."""
        try:
            answer = self.random.choice(self.https).ask(method, "/shopping-carts" + path, key, body)
        except Broken as error:
            return None, not isinstance(error.__cause__, ConnectionRefusedError)
        return answer, answer.status >= 500 and answer.error() not in ("UNAVAILABLE", "TIMEOUT")

    def judge(self, change, answer):
        change.outcome = ACKNOWLEDGED if answer.status < 300 else REFUSED
        if answer.status >= 300 and answer.status not in (404, 409, 422, 503, 504):
            self.crowd.complain("%s: %d %s" % (change.kind, answer.status, answer.body.decode("utf-8", "replace")))
        if change.outcome == ACKNOWLEDGED:
            self.acknowledged += 1
            change.version = answer.version()
            if change.kind == "create":
                change.cart, change.version = answer.json()["shopping_cart_id"], 1

    def line(self):
        self.quantity = self.quantity % 9000 + 1
        line = {"product_id": self.random.randint(1, 12), "quantity": self.quantity}
        if self.random.random() < 0.3:
            line["attributes"] = {"n": self.quantity, "name": "Tasse \u2615 \"%d\"" % self.number}
        return line

    def change(self, kind, cart, *request, **more):
        """True: it is acknowledged. A cart that is gone, or closed, is ours no longer."""
        change = Change(kind, cart, **more)
        answer = self.ask(change, *request, keyed=kind not in ("delete", "erase"))
        if answer is not None and answer.status in (404, 409) and cart in self.carts:
            self.carts.remove(cart)
        return change.outcome == ACKNOWLEDGED

    # What visitors do.

    def begin(self):
        cart = self.new(None if self.random.random() < 0.5 else self.customer)
        if cart is not None:
            self.carts.append(cart)
            self.crowd.share(self.random, cart)

    def new(self, customer, lines=None):
        body = {} if customer is None else {"customer_id": customer}
        lines = self.random.randint(0, 2) if lines is None else lines
        if lines:
            body["items"] = [{**self.line(), "product_id": 20 + at} for at in range(lines)]
        change = Change("create", customer=customer)
        self.ask(change, "POST", "", body)
        return change.cart

    def add(self, cart):
        self.change("add", cart, "POST", "/%s/items" % cart, self.line())

    def add_shared(self, _):
        cart = self.crowd.shared_cart(self.random)
        if cart is not None:
            self.change("add", cart, "POST", "/%s/items" % cart, {"items": [{**self.line(), "product_id": product} for product in (30, 31)]})

    def set(self, cart):
        line = self.line()
        self.change("set", cart, "PUT", "/%s/items/%d" % (cart, line.pop("product_id")), line)

    def replace(self, cart):
        self.change("replace", cart, "PUT", "/%s/items" % cart, {"items": [{**self.line(), "product_id": 40 + at} for at in range(3)]})

    def remove(self, cart):
        self.change("remove", cart, "DELETE", "/%s/items/%d" % (cart, self.random.randint(1, 12)))

    def clear(self, cart):
        self.change("clear", cart, "DELETE", "/%s/items" % cart)

    def claim(self, cart):
        self.change("claim", cart, "PUT", "/%s/customer" % cart, {"customer_id": self.customer})

    def merge(self, cart):
        source = self.new(None, lines=2)
        if source is not None:
            self.change("merge", cart, "POST", "/%s/merge" % cart, {"from": source, "strategy": "add"}, source=source)

    def checkout(self, cart):
        if self.change("checkout", cart, "POST", "/%s/checkout" % cart):
            self.carts.remove(cart)
            self.closed.append(cart)

    def reopen(self, _):
        if self.closed:
            cart = self.closed.popleft()
            if self.change("reopen", cart, "DELETE", "/%s/checkout" % cart):
                self.carts.append(cart)

    def delete(self, cart):
        if self.change("delete", cart, "DELETE", "/%s" % cart):
            self.carts.remove(cart)

    def erase(self, _):
        if self.change("erase", None, "DELETE", "?customer_id=%d" % self.customer, customer=self.customer):
            self.customer += 1

    def leave(self, cart):
        """It expires."""
        self.carts.remove(cart)


class Crowd:
    def __init__(self, ports, seed, visitors=8, pause_s=0.03):
        self.ports, self.seed, self.pause_s = ports, seed, pause_s
        self.first_customer = random.randrange(1 << 30, 1 << 50)
        self.enough, self.lock = threading.Event(), threading.Lock()
        self.shared = collections.deque(maxlen=3)
        self.complaints = []
        self.visitors = [Visitor(self, number) for number in range(visitors)]

    def complain(self, text):
        self.complaints.append(text)

    def share(self, choice, cart):
        with self.lock:
            if len(self.shared) < self.shared.maxlen or choice.random() < 0.1:
                self.shared.append(cart)

    def shared_cart(self, choice):
        with self.lock:
            return choice.choice(list(self.shared)) if self.shared else None

    def start(self):
        for visitor in self.visitors:
            visitor.start()

    def stop(self):
        self.enough.set()
        for visitor in self.visitors:
            visitor.join(120)
            assert not visitor.is_alive(), "%s waits for an answer" % visitor.name
            for http in visitor.https:
                http.close()

    def acknowledged(self):
        return sum(visitor.acknowledged for visitor in self.visitors)

    def changes(self):
        return [change for visitor in self.visitors for change in visitor.changes]
