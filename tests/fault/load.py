"""Clients that change carts, each in a thread, and write down what they asked for and what they were told.

Each client has a cart of its own, which it checks out or deletes now and then, and shares a hot one with others. On each it adds
to a line, to a pair of lines at once, to a line that all share, and sets a line, often with attributes. Where merges are asked for, it
makes a guest's cart now and then and merges it into the hot one. About half of its changes carry an
Idempotency-Key; one of those whose outcome is unknown is repeated until the outcome is known, and some whose
outcome is known are repeated to see whether the answer says so.
"""

import collections
import os
import random
import threading
import time

import http_client
import ledger
import patience
from ledger import ACKNOWLEDGED, REFUSED, UNKNOWN

DEADLINE_S = 5.0  # request.deadline
SLACK_S = 0.5  # what a busy machine may add to it, this generator included
SHARED_PRODUCT = 999999  # all clients add to it
SUCCESS = {"create": (201,), "add": (204,), "set": (204,), "checkout": (200,), "delete": (204,), "merge": (200,)}
# How often a client does what; of the rest of 100 it reads.
ACTIONS = {"add": 30, "add_pair": 25, "add_shared": 10, "set": 12, "checkout": 3, "delete": 1, "checkout_hot": 1}
MERGES = 5  # of 100, where merges are asked for


# In place of an answer of a service whose port nobody listens on: nothing was sent.
NOT_SENT = b"HTTP/1.1 503 Nobody listens\r\nRetry-After: 1\r\nContent-Type: application/problem+json"


class Event:
    """One answered request, or one that got none."""

    __slots__ = ("began", "ended", "kind", "outcome", "client", "cart", "error", "said", "change")

    def __init__(self, began, ended, kind, outcome, client, cart, answer, change=None):
        self.began, self.ended, self.kind, self.outcome, self.client, self.cart = began, ended, kind, outcome, client, cart
        self.error = answer.error() if answer is not None and answer.status >= 400 else None
        self.said = answer.body.decode("utf-8", "replace") if self.error is not None else "no answer" if answer is None else ""
        self.change = change  # of the ledger; None: it is a read

    @property
    def keyed(self):
        return self.change is not None and self.change.key is not None


class Client(threading.Thread):
    """Only its own thread touches it, until that has ended."""

    def __init__(self, load, number):
        super().__init__(name="client-%d" % number, daemon=True)
        self.load, self.number = load, number
        self.random = random.Random("%s/%d" % (load.seed, number))
        # One for each service; the first is the one that it asks.
        self.https = [http_client.Client(load.ports[(number + i) % len(load.ports)], 2 * load.deadline_s) for i in range(len(load.ports))]
        self.customer = load.first_customer + number
        self.lines = [10 * (number + 1) + i for i in range(5)]  # single, pair, pair, set, merged
        self.own = None  # id of its cart; on to the next once it is closing
        self.last_set = 0
        self.keys = 0
        self.successes = 0
        self.asked_at = 0.0  # when its last request began
        self.changes = []
        self.pending = collections.deque()  # with a key, outcome unknown
        self.sums = collections.defaultdict(lambda: [0, 0])  # (cart, product): acknowledged, and with the unknown

    # What is asked.

    def run(self):
        actions = list(ACTIONS) + ["read"]
        weights = list(ACTIONS.values()) + [100 - sum(ACTIONS.values())]
        if self.load.merges:
            actions, weights = [*actions, "merge"], [*weights[:-1], weights[-1] - MERGES, MERGES]
        try:
            while not self.load.enough.wait(self.load.pause_s * self.random.uniform(0.5, 1.5)):
                if self.pending and self.random.random() < 0.5:
                    self.repeat_pending()
                else:
                    self.act(self.random.choices(actions, weights)[0])
        except Exception as error:  # seen by the verdict, not lost in a thread
            self.load.complain("client %d failed: %r" % (self.number, error))
            raise

    def act(self, action):
        if self.own is None or self.own in self.load.closing:
            self.own = self.create()
        elif action == "checkout_hot":
            self.load.replace_hot(self)
        elif action == "merge":
            self.merge(self.load.hot_cart(self.number))
        elif action in ("checkout", "delete"):
            self.load.closing.add(self.own)
            self.attempt(self.change(action, self.own))
        else:
            cart = self.load.hot_cart(self.number) if self.random.random() < 0.5 else self.own
            if action == "read":
                self.read(cart)
            else:
                self.attempt(self.change(action, cart))

    def create(self):
        """A new cart's id, or None."""
        change = self.change("create", customer=self.customer)
        self.attempt(change)
        return change.cart

    def merge(self, cart):
        """A guest comes with a cart, of which only this client knows, and takes it along."""
        guest = self.change("create_guest")
        if self.attempt(guest) != ACKNOWLEDGED:
            return
        merge = self.change("merge", cart)
        merge.lines, merge.source = guest.lines, guest.cart
        self.attempt(merge)
        if self.random.random() < 0.3:
            answer, began, ended = self.send("read", "GET", "/shopping-carts/" + guest.cart)
            if answer is not None and answer.status == 200:
                self.load.observe(self.number, "read", guest.cart, began, ended, "done", answer.json())

    def change(self, action, cart=None, customer=None):
        single, *pair, set_line, merged_line = self.lines
        quantity = self.random.randint(1, 9)
        lines = {}
        if action == "add":
            lines = {single: quantity}
        elif action == "add_pair":
            lines = {product: quantity for product in pair}
        elif action == "add_shared":
            lines = {SHARED_PRODUCT: quantity, single: 1}
        elif action == "set":
            self.last_set += 1
            lines = {set_line: self.last_set}
            if self.random.random() < 0.7:
                lines[-set_line] = self.last_set
        elif action == "create_guest":
            self.last_set += 1
            lines = {merged_line: quantity, -merged_line: self.last_set, **{product: quantity + 1 for product in pair}}
        key = None
        if action not in ("delete", "create_guest") and self.random.random() < 0.5:
            self.keys += 1
            key = "%s-%d-%d" % (self.load.name, self.number, self.keys)
        change = ledger.Change(action.partition("_")[0], cart, customer, lines, key)
        self.changes.append(change)
        return change

    def request(self, change):
        path, headers = "/shopping-carts", []
        if change.key is not None:
            headers.append(("Idempotency-Key", change.key))
        items = [{"product_id": product, "quantity": quantity, **self.attributes(change, product)}
                 for product, quantity in change.lines.items() if product > 0]
        if change.kind == "create":
            return "POST", path, headers, {"customer_id": change.customer, **({"items": items} if items else {})}
        path += "/" + change.cart
        if change.kind == "merge":
            return "POST", path + "/merge", headers, {"from": change.source, "strategy": "add"}
        if change.kind == "add":
            return "POST", path + "/items", headers, items[0] if len(items) == 1 else {"items": items}
        if change.kind == "set":
            item, = items
            return "PUT", "%s/items/%d" % (path, item.pop("product_id")), headers, item
        if change.kind == "checkout":
            return "POST", path + "/checkout", headers
        return "DELETE", path, headers

    @staticmethod
    def attributes(change, product):
        return {"attributes": {"n": change.lines[-product]}} if -product in change.lines else {}

    def send(self, kind, *request, http=None):
        """The answer, or None; complains of one that is late or does not come."""
        self.asked_at = began = time.monotonic()
        try:
            answer = (http or self.https[0]).ask(*request)
        except http_client.Broken as error:
            if not self.load.crashes:
                self.load.complain("%s: no answer: %s" % (kind, error))
            if self.load.crashes and isinstance(error.__cause__, ConnectionRefusedError):
                return http_client.Answer(NOT_SENT, b'{"error": "UNAVAILABLE"}', began, time.monotonic()), began, time.monotonic()
            return None, began, time.monotonic()
        if answer.ended - began > self.load.deadline_s + patience.at_most(self.load.slack_s):
            self.load.complain("%s: answered %d after %.2f s" % (kind, answer.status, answer.ended - began))
        if answer.status == 503 and answer.header("Retry-After") is None:
            self.load.complain("%s: 503 without Retry-After" % kind)
        return answer, began, answer.ended

    # What is heard.

    def attempt(self, change, http=None):
        """One request for a change; its outcome as known now."""
        change.attempts += 1
        if change.attempts == 1:
            self.expect(change, 1, +1)  # a reader may see it from now on
        answer, began, ended = self.send(change.kind, *self.request(change), http=http)
        change.began = change.began or began
        said = outcome = self.judge(change, answer)
        if said == REFUSED and change.attempts > 1 and answer.error() in ("UNAVAILABLE", "TIMEOUT"):
            outcome = UNKNOWN  # this attempt has done nothing; an earlier one may have
        if outcome == ACKNOWLEDGED:
            self.acknowledge(change, answer)
        elif outcome == REFUSED:
            self.expect(change, 1, -1)
        change.outcome = outcome
        if outcome == ACKNOWLEDGED:
            change.ended = ended
            if change.kind == "merge":
                self.load.observe(self.number, "read", change.cart, began, ended, "done", answer.json())
        elif answer is not None and answer.error() in ledger.OBSERVATIONS:
            self.load.observe(self.number, change.kind, change.cart, began, ended, ledger.OBSERVATIONS[answer.error()])
        self.load.events.append(Event(began, ended, change.kind, said, self.number, change.cart, answer, change))
        if outcome == UNKNOWN and self.is_repeatable(change) and change.attempts == 1:
            self.pending.append(change)
        if outcome == ACKNOWLEDGED and self.is_repeatable(change) and self.random.random() < 0.1:
            self.ask_again(change, answer)
        return outcome

    @staticmethod
    def is_repeatable(change):
        return change.key is not None or change.kind == "merge"

    def judge(self, change, answer):
        """What the answer says of this attempt; complains of one that it may not have."""
        if answer is None:
            return UNKNOWN
        if answer.status in SUCCESS[change.kind]:
            return ACKNOWLEDGED
        said = (answer.status, answer.error())
        if said == (504, "OUTCOME_UNKNOWN"):
            return UNKNOWN
        if said in ((503, "UNAVAILABLE"), (504, "TIMEOUT")):
            return REFUSED
        # Known keys are looked for before the state of the cart: no attempt has done anything.
        if said == (409, "CART_CLOSED") and change.cart in self.load.closing:
            return REFUSED
        if said == (409, "CART_EMPTY") and change.kind == "checkout":
            return REFUSED
        if said == (404, "CART_NOT_FOUND") and change.cart in self.load.closing:
            return REFUSED
        self.load.complain("%s: %d %s" % (change.kind, answer.status, answer.body.decode("utf-8", "replace")))
        return UNKNOWN

    def acknowledge(self, change, answer):
        change.version = answer.version()
        if change.kind == "create":
            change.cart, change.version = answer.json()["shopping_cart_id"], 1
        elif change.kind == "checkout":
            change.order_id = answer.json()["order_id"]
        if change.version is None and change.kind != "delete":
            self.load.complain("%s: %d without ETag" % (change.kind, answer.status))
        if change.kind == "merge":
            change.version = None  # perhaps a later one: somebody else may have finished it
        self.successes += 1
        self.expect(change, 0, +1)

    def expect(self, change, bound, sign):
        """Moves what a reader must at least (0), or may at most (1) see."""
        if change.kind in ("add", "merge"):
            for product, quantity in change.lines.items():
                self.sums[change.cart, product][bound] += sign * quantity

    def ask_again(self, change, first):
        """The key of an acknowledged change must be recognised.

        Not within the same millisecond: by that the MySQL backend tells its own first try, of which it got no answer, from an
        earlier request, and a repeat would not be called one.
        """
        time.sleep(0.002)
        again, _, _ = self.send(change.kind, *self.request(change))
        if again is None or again.status in (503, 504) or (again.status == 404 and change.cart in self.load.closing):
            return
        same = again.status == first.status and (change.kind in ("create", "merge") or again.version() == first.version())
        if not same or change.key is not None and again.header("Idempotency-Replayed") != "true":
            self.load.complain("%s: repeated under its key after %.1f ms: %d, version %s and %s; first %d, version %s" % (
                change.kind, 1000 * (again.began - first.began), again.status, again.version(),
                again.header("Idempotency-Replayed"), first.status, first.version()))

    def repeat_pending(self):
        """Asks any of the services, not only the one that was asked first."""
        change = self.pending.popleft()
        if self.attempt(change, self.random.choice(self.https)) == UNKNOWN:
            self.pending.append(change)

    def read(self, cart):
        """What this client has been told is there, whoever answers."""
        if self.load.eventual:
            self.send("eventual read", "GET", "/shopping-carts/" + cart + "?consistency=eventual")
        answer, began, ended = self.send("read", "GET", "/shopping-carts/" + cart)
        done = answer is not None and answer.status == 200
        self.load.events.append(Event(began, ended, "read", ACKNOWLEDGED if done else REFUSED, self.number, cart, answer))
        if answer is None:
            return
        if done:
            self.load.observe(self.number, "read", cart, began, ended, "done", answer.json())
            self.check_read(cart, answer.json())
        elif (answer.status, answer.error()) not in ((503, "UNAVAILABLE"), (504, "TIMEOUT")) and not (
                answer.status == 404 and cart in self.load.closing):
            self.load.complain("read: %d %s" % (answer.status, answer.body.decode("utf-8", "replace")))

    def check_read(self, cart, json):
        quantities = {item["product_id"]: item["quantity"] for item in json["items"]}
        single, one, other, *_ = self.lines
        if quantities.get(one) != quantities.get(other):
            self.load.complain("read: half of a change: %s and %s" % (quantities.get(one), quantities.get(other)))
        for product in (single, one):
            low, high = self.sums.get((cart, product), (0, 0))
            if not low <= quantities.get(product, 0) <= high:
                self.load.complain("read: cart %s, product %d: %d, between %d and %d asked for" % (
                    cart, product, quantities.get(product, 0), low, high))


class Load:
    """The clients, and what they have found. Start it, let something happen, stop it, settle it, look at what is wrong."""

    def __init__(self, port, clients=32, pause_s=0.02, seed=None, deadline_s=DEADLINE_S, slack_s=SLACK_S, more_ports=(), crashes=False,
                 eventual=False, merges=False):
        """more_ports: of other services on the same database. crashes: services are killed, so answers may not come. eventual: each read
        comes after one that may be stale, so that a read cache has the cart."""
        self.port, self.pause_s, self.deadline_s, self.slack_s = port, pause_s, deadline_s, slack_s
        self.ports, self.crashes, self.eventual, self.merges = (port, *more_ports), crashes, eventual, merges
        self.seed = seed or os.environ.get("CART_SEED") or str(random.randrange(1 << 32))
        self.name = "%x" % random.randrange(1 << 40)  # of this run: the database may hold others' keys
        self.first_customer = random.randrange(1 << 30, 1 << 50)
        self.enough = threading.Event()
        self.events = []
        self.observations = []  # what answers said of carts without changing them: arguments of observe()
        self.complaints = []
        self.hot = []
        self.hot_lock = threading.Lock()
        self.closing = set()  # ids of carts whose checkout or end somebody has asked for
        self.clients = [Client(self, number) for number in range(clients)]

    def complain(self, text):
        self.complaints.append("%.2f s: %s" % (time.monotonic() - self.began, text))

    def observe(self, *what):
        """client, kind of request, cart, began, ended, outcome, and the cart as JSON if it was read."""
        if self.crashes:
            self.observations.append(what)

    # Hot carts: eight clients on each.

    def hot_cart(self, number):
        return self.hot[number % len(self.hot)]

    def replace_hot(self, client):
        """One of those who share a cart checks it out while the others add to it, and makes the next."""
        at = client.number % len(self.hot)
        new = client.create()
        if new is None:
            return
        with self.hot_lock:
            old, self.hot[at] = self.hot[at], new
            self.closing.add(old)
        client.attempt(client.change("checkout", old))

    # Its course.

    def start(self):
        self.began = time.monotonic()
        for client in self.clients[:max(1, len(self.clients) // 8)]:
            self.hot.append(client.create())
            assert self.hot[-1] is not None, "no cart could be made: %s" % self.complaints
        for client in self.clients:
            client.start()

    def stop(self):
        self.enough.set()
        until = time.monotonic() + 4 * (self.deadline_s + patience.at_most(SLACK_S))
        for client in self.clients:
            client.join(max(0, until - time.monotonic()))
            assert not client.is_alive(), "%s waits for an answer" % client.name

    def settle(self, within_s=20):
        """Repeats what is unknown and has a key until it is known. After stop()."""
        until = patience.now() + within_s
        for client in self.clients:
            while client.pending:
                client.repeat_pending()
                if client.pending:
                    assert patience.now() < until, "%d outcomes stay unknown" % len(client.pending)
                    time.sleep(0.05)

    def changes(self):
        return [change for client in self.clients for change in client.changes]

    def stored(self):
        """Every cart that was heard of, by the API: id: JSON or None."""
        reader = http_client.Client(self.port, 30)
        stored = {}
        for cart in {change.cart for change in self.changes() if change.cart is not None}:
            answer = reader.ask("GET", "/shopping-carts/" + cart)
            assert answer.status in (200, 404), "GET %s: %d" % (cart, answer.status)
            stored[cart] = answer.json() if answer.status == 200 else None
        reader.close()
        return stored

    def lists(self):
        """customer: ids of its carts, by the API."""
        reader = http_client.Client(self.port, 30)
        lists = {}
        for client in self.clients:
            ids, cursor = [], ""
            while cursor is not None:
                answer = reader.ask("GET", "/shopping-carts?customer_id=%d&limit=100%s" % (client.customer, cursor))
                assert answer.status == 200, "list: %d %s" % (answer.status, answer.body)
                page = answer.json()
                ids += [cart["shopping_cart_id"] for cart in page["carts"]]
                cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
            lists[client.customer] = ids
        reader.close()
        return lists

    def hang_up(self):
        for client in self.clients:
            for http in client.https:
                http.close()

    def wrong(self, stored=None):
        """All that was found wrong, one line each. After settle()."""
        return self.complaints + ledger.check(self.changes(), stored or self.stored(), self.lists())

    # What happened when.

    def count(self, outcome=ACKNOWLEDGED, kinds=None):
        """Requests so far that ended so. Reads only if kinds says so."""
        return sum(event.outcome == outcome and (event.kind in kinds if kinds else event.kind != "read")
                   for event in list(self.events))

    def first_success(self, after, kinds=("create", "add", "set", "checkout", "delete")):
        """Seconds from a moment to the first acknowledged change (of these kinds); None: there was none."""
        ends = [event.ended for event in list(self.events)
                if event.outcome == ACKNOWLEDGED and event.kind in kinds and event.ended > after]
        return min(ends) - after if ends else None

    def idle(self, since):
        """Seconds without an acknowledged change, until now, since a moment at the most."""
        ends = [event.ended for event in list(self.events) if event.outcome == ACKNOWLEDGED and event.kind != "read"]
        return time.monotonic() - max(ends + [since])

    def all_succeeded(self, after):
        """Seconds until every client had a success, of any kind; None: one has none."""
        first = {}
        for event in list(self.events):
            if event.outcome == ACKNOWLEDGED and event.ended > after:
                first[event.client] = min(event.ended, first.get(event.client, event.ended))
        return max(first.values()) - after if len(first) == len(self.clients) else None

    def successes(self):
        return sum(client.successes for client in self.clients)

    def await_successes(self, count, within_s):
        """Waits for so many more acknowledged changes."""
        wanted, until = self.successes() + count, patience.now() + within_s
        while self.successes() < wanted:
            assert patience.now() < until, "%d more acknowledged changes did not come in %g s; complaints: %s" % (
                count, within_s, self.complaints[:5])
            time.sleep(0.01)

    def summary(self):
        outcomes = collections.Counter(change.outcome for change in self.changes())
        reads = [event for event in self.events if event.kind == "read"]
        slowest = max((event.ended - event.began for event in self.events), default=0)
        return "%d acknowledged, %d refused, %d unknown at the end; %d requests left open an outcome; " \
            "%d of %d reads answered; slowest answer %.2f s; CART_SEED=%s" % (
                outcomes[ACKNOWLEDGED], outcomes[REFUSED], outcomes[UNKNOWN],
                self.count(UNKNOWN), sum(event.outcome == ACKNOWLEDGED for event in reads), len(reads), slowest, self.seed)
