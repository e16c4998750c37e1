"""Clients of a soak: those that use the API, and those that misuse it. What they own is bounded, so that nothing has to grow."""

import random
import socket
import struct
import threading
import time
import uuid
from urllib.parse import quote

from http_client import Broken, Client

CARTS_MAX = 12  # of a shopper
HELD_S = 2.0  # how long a bad client holds what it has taken
# A cart that was merged stays until its customer is erased: there are some ten of a shopper.
WEIGHTS = {"add": 25, "add_two": 10, "add_again": 6, "set": 12, "replace": 3, "remove": 3, "clear": 2, "get": 20, "get_line": 2, "get_known": 4,
           "get_eventual": 5, "batch_get": 3, "list": 3, "list_idle": 1, "merge": 4, "leave": 3, "erase": 0.4, "refused": 5}
GUESTS = 0.5  # of new carts


class Worker(threading.Thread):
    """Does something again and again until it is told that it is enough."""

    def __init__(self, name, enough, pause_s):
        super().__init__(name=name, daemon=True)
        self.enough, self.pause_s = enough, pause_s
        self.random = random.Random(name)
        self.failed = None

    def run(self):
        try:
            while not self.enough.wait(self.pause_s * self.random.uniform(0.5, 1.5)):
                self.once()
        except Exception as error:  # the verdict tells it
            self.failed = "%s: %r" % (self.name, error)
            raise

    def once(self):
        raise NotImplementedError


class Shopper(Worker):
    """Each request is counted in one window: take() hands over what came of those since the last call."""

    def __init__(self, port, number, access, enough, pause_s):
        super().__init__("shopper %d" % number, enough, pause_s)
        self.http, self.access = Client(port, 15, access.tls), access
        self.customer = access.shop_id("customer", 1000 + number)
        self.lock = threading.Lock()
        self.took, self.asked, self.unserved = [], 0, 0
        self.carts, self.tags, self.keys = [], {}, 0

    def take(self):
        """Seconds that the good answers took, how many requests there were, and how many the service could not serve."""
        with self.lock:
            taken = self.took, self.asked, self.unserved
            self.took, self.asked, self.unserved = [], 0, 0
        return taken

    def ask(self, method, path, body=None, *headers):
        try:
            answer = self.http.ask(method, "/shopping-carts" + path, [("Authorization", "Bearer " + self.access.token(self.random)), *headers], body)
        except Broken:
            answer = None
        with self.lock:
            self.asked += 1
            if answer is None or answer.status >= 500:
                self.unserved += 1
            elif answer.status < 400:
                self.took.append(answer.ended - answer.began)
        return answer

    def once(self):
        if len(self.carts) < CARTS_MAX:
            (self.begin_as_guest if self.random.random() < GUESTS else self.begin)()
        elif self.random.random() < 0.005:
            self.forget_unknown()
        if self.carts:
            action = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            getattr(self, action)("/" + self.random.choice(self.carts))

    def begin(self):
        answer = self.ask("POST", "", {"customer_id": self.customer}, self.key())
        if answer is not None and answer.status == 201:
            self.carts.append(answer.json()["shopping_cart_id"])

    def begin_as_guest(self):
        """A cart without a customer, who logs in then. If the answer to one of the two is lost, the cart goes when it has expired."""
        answer = self.ask("POST", "", {"items": [self.line()]}, ("Idempotency-Key", str(uuid.UUID(int=self.random.getrandbits(128), version=4))))
        if answer is not None and answer.status == 201:
            cart = answer.json()["shopping_cart_id"]
            self.add("/" + cart)
            answer = self.ask("PUT", "/" + cart + "/customer", {"customer_id": self.customer}, self.key())
            if answer is not None and answer.status < 300:
                self.carts.append(cart)

    def forget(self, cart):
        self.carts.remove(cart[1:])
        self.tags.pop(cart, None)

    def forget_unknown(self):
        """Removes carts of ours that we do not know of, because an outage took the answer to their creation."""
        answer = self.ask("GET", "?customer_id=%s&limit=100" % quote(str(self.customer), safe=""))
        if answer is not None and answer.status == 200:
            for cart in answer.json()["carts"]:
                if cart["shopping_cart_id"] not in self.carts and cart["status"] != "merged":
                    self.ask("DELETE", "/" + cart["shopping_cart_id"] + "/checkout")
                    self.ask("DELETE", "/" + cart["shopping_cart_id"])

    def key(self):
        self.keys += 1
        return ("Idempotency-Key", "%s-%d" % (self.customer, self.keys))

    def product(self):
        return self.access.shop_id("product", self.random.randint(1, 20))

    def line(self):
        line = {"product_id": self.product(), "quantity": self.random.randint(1, 3)}
        if self.random.random() < 0.3:
            line["attributes"] = self.random.choice((None, {}, {"name": "Tasse \u2615 " * self.random.randint(1, 8), "price": self.random.randint(1, 10 ** 6)},
                                                     {"gift": True, "note": self.random.choice(("\"a\\b'", "", "x" * 150))}))
        return line

    def line_of(self, cart):
        """The path of a line, which may be there."""
        return cart + "/items/" + quote(str(self.product()), safe="")

    def add(self, cart):
        self.ask("POST", cart + "/items", self.line())

    def add_two(self, cart):
        self.ask("POST", cart + "/items", {"items": [self.line(), self.line()]}, ("Prefer", "return=representation"))

    def add_again(self, cart):
        key, line = self.key(), self.line()
        for _ in range(2):
            self.ask("POST", cart + "/items", line, key)

    def set(self, cart):
        line = {**self.line(), "quantity": self.random.randint(0, 9)}
        del line["product_id"]
        self.ask("PUT", self.line_of(cart), line)

    def replace(self, cart):
        self.ask("PUT", cart + "/items", {"items": [self.line() for _ in range(self.random.randint(0, 5))]})

    def remove(self, cart):
        self.ask("DELETE", self.line_of(cart))

    def clear(self, cart):
        self.ask("DELETE", cart + "/items")

    def get(self, cart):
        answer = self.ask("GET", cart)
        if answer is None:
            return
        if answer.status == 404 or (answer.status == 200 and answer.json()["status"] == "merged"):
            self.forget(cart)  # the answer to its end was lost
        elif answer.status == 200:
            self.tags[cart] = answer.header("ETag")

    def get_line(self, cart):
        self.ask("GET", self.line_of(cart))

    def get_known(self, cart):
        self.ask("GET", cart, None, ("If-None-Match", self.tags.get(cart, '"0"')))

    def get_eventual(self, cart):
        self.ask("GET", cart + "?consistency=eventual")

    def batch_get(self, _):
        self.ask("POST", "/batch-get", {"ids": self.carts})

    def list(self, _):
        self.ask("GET", "?customer_id=%s&limit=5" % quote(str(self.customer), safe=""))

    def list_idle(self, _):
        self.ask("GET", "?idle_since=%s&limit=5" % time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)))

    def merge(self, cart):
        """Another one's lines go into this one, by a request and its repeat."""
        source, key = "/" + self.random.choice(self.carts), self.key()
        body = {"from": source[1:], "strategy": self.random.choice(("add", "max", "keep"))}
        answers = [self.ask("POST", cart + "/merge", body, key) for _ in range(2)]
        if source != cart and any(answer is not None and answer.status == 200 for answer in answers):
            self.forget(source)

    def erase(self, _):
        """Every cart of the customer, also those that were merged: they cannot be deleted one by one."""
        answer = self.ask("DELETE", "?customer_id=%s" % quote(str(self.customer), safe=""))
        if answer is not None and answer.status == 200:
            self.carts, self.tags = [], {}

    def leave(self, cart):
        """Checked out, opened again and deleted: another one takes its place. (One that is checked out cannot be deleted.)"""
        self.ask("POST", cart + "/checkout")
        self.ask("DELETE", cart + "/checkout")
        answer = self.ask("DELETE", cart)
        if answer is not None and answer.status in (204, 404):
            self.forget(cart)

    def refused(self, cart):
        """What the service must refuse."""
        self.random.choice((
            lambda: self.ask("POST", cart + "/items", '{"product_id": 1, "quantity"'),
            lambda: self.ask("PUT", self.line_of(cart), {"quantity": 1}, ("If-Match", '"999999"')),
            lambda: self.ask("GET", cart, None, ("Authorization", "Bearer cart_wrong")),
            lambda: self.ask("GET", cart + "/nothing?a=b"),
            lambda: self.ask("GET", cart, None, ("Authorization", "Bearer e30.e30.e30")),
            lambda: self.ask("POST", cart + "/items", {**self.line(), "quantity": 10 ** 8}),
            lambda: self.ask("POST", cart + "/items", {**self.line(), "attributes": {"price": 12.5}}),
            lambda: self.ask("POST", cart + "/items", {**self.line(), "attributes": {"name": "x" * 300}}),
            lambda: self.ask("POST", cart + "/merge", {"from": str(uuid.UUID(int=1)), "strategy": "add"}),
            lambda: self.ask("PUT", cart + "/customer", {"customer_id": self.access.shop_id("customer", 1)}),
            lambda: self.ask("POST", cart + "/items", '{"x": "%s"}' % ("y" * 70000))))()


class BadClient(Worker):
    """Opens connections and does not do with them what one should."""

    def __init__(self, port, number, access, enough, pause_s):
        super().__init__("bad client %d" % number, enough, pause_s)
        self.port, self.tls = port, access.tls

    def once(self):
        try:
            self.random.choice((self.drip, self.leave_in_body, self.garbage, self.idle, self.never_read))()
        except OSError:
            pass  # it was cut, as it should be

    def connect(self):
        """With TLS, where the service has it, or without."""
        peer = socket.create_connection(("127.0.0.1", self.port), 10)
        return self.tls.wrap_socket(peer) if self.tls and self.random.random() < 0.5 else peer

    def drip(self):
        with self.connect() as peer:
            until = time.monotonic() + 2 * HELD_S
            for byte in b"GET /shopping-carts/1 HTTP/1.1\r\nHost: cart\r\nX: " + 1000 * b"y":
                if time.monotonic() > until or self.enough.wait(0.05):
                    break
                peer.sendall(bytes([byte]))

    def leave_in_body(self):
        with self.connect() as peer:
            peer.sendall(b"POST /shopping-carts HTTP/1.1\r\nHost: cart\r\nContent-Length: 1000\r\n\r\n{")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def garbage(self):
        with self.connect() as peer:
            peer.sendall(self.random.randbytes(300))
            peer.recv(4096)

    def idle(self):
        peers = [self.connect() for _ in range(20)]
        self.enough.wait(HELD_S)
        for peer in peers:
            peer.close()

    def never_read(self):
        with self.connect() as peer:
            peer.settimeout(HELD_S)
            peer.sendall(300 * b"GET /openapi.yaml HTTP/1.1\r\nHost: cart\r\n\r\n")
            self.enough.wait(HELD_S)
