"""A DynamoDB that is in trouble: stands before dynalite, passes on what cartd asks, and says what a healthy server does not.

What is done to a call is a function of the Exchange, a fault: it may pass the call on or not, and says something or nothing. A Front
is told which fault, to which operations, and to every how many of them; else it only passes on.

Source: "Error handling with DynamoDB" and "DynamoDB low-level API" (developer guide).
"""

import calendar
import collections
import email.utils
import json
import re
import socket
import threading
import time
import zlib

import http_client
from cut_proxy import DynamodbStream

READS = ("GetItem", "BatchGetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem")
SERVER_S = 30  # for dynalite's answer; a server that is suspended answers when it goes on
CLOCK_S = 300  # by how much a signature's time may be wrong
REFUSAL_S = 0.1  # for a refusal that many calls are to meet at once: they are under way before the first one's client knows of it


class HungUp(Exception):
    """The connection is not to be used further."""


class Exchange:
    """A call that has come over a connection."""

    def __init__(self, front, client, server, request, operation):
        self.front, self.client, self.server, self.operation = front, client, server, operation
        self.head, _, self.body = request.partition(b"\r\n\r\n")

    def json(self):
        return json.loads(self.body)

    def header(self, name):
        found = re.search(rb"(?im)^%s: *(.*?)\r?$" % name.encode(), self.head)
        return found.group(1).decode() if found else ""

    def forward(self, body=None):
        """What dynalite answers, to this or to another body."""
        headers = [(name, self.header(name)) for name in ("Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization")]
        return self.server.ask("POST", "/", headers, self.body if body is None else body)

    def forward_hidden(self):
        """The same, when nobody is told."""
        answer = self.forward()
        if self.operation in WRITES and answer.status == 200:
            self.front.count("hidden")
        return answer

    def give(self, raw):
        self.client.sendall(raw)

    def say(self, status, body, headers=()):
        """An answer that is as it should be."""
        text = json.dumps(body).encode()
        lines = ["HTTP/1.1 %d Whatever" % status, "Content-Type: application/x-amz-json-1.0", "Content-Length: %d" % len(text),
                 "x-amz-crc32: %d" % zlib.crc32(text), *("%s: %s" % pair for pair in headers)]
        self.give("\r\n".join(lines + ["", ""]).encode() + text)

    def refuse(self, status, name, headers=()):
        self.say(status, {"__type": "com.amazonaws.dynamodb.v20120810#" + name, "message": "as told"}, headers)


# Faults. Those that come after the server has done what it was asked end in _after.

def passes(exchange):
    exchange.give(exchange.forward().raw())


def throttled(exchange, headers=()):
    exchange.refuse(400, "ProvisionedThroughputExceededException", headers)


def throttled_until(milliseconds):
    return lambda exchange: throttled(exchange, [("x-amz-retry-after", milliseconds)])


def fails_before(exchange):
    exchange.refuse(500, "InternalServerError")


def fails_after(exchange):
    exchange.forward_hidden()
    fails_before(exchange)


def damaged_after(exchange):
    """Every number's last digit is another one, and the checksum is that of what was meant; where there is no number, it is a wrong one."""
    answer = exchange.forward_hidden()
    body = re.sub(rb'(?<=\d)\d"', lambda digit: b'%d"' % ((int(digit.group()[:1]) + 1) % 10), answer.body)
    checksum = zlib.crc32(answer.body) ^ (body == answer.body)
    exchange.give(re.sub(rb"(?i)x-amz-crc32: *\d+", b"x-amz-crc32: %d" % checksum, answer.head) + b"\r\n\r\n" + body)


def half_after(exchange):
    raw = exchange.forward_hidden().raw()
    exchange.give(raw[:len(raw) // 2])
    raise HungUp


def drips_after(exchange):
    """A byte every now and then: something always comes, and it never ends."""
    raw = exchange.forward_hidden().raw()
    for at in range(len(raw)):
        exchange.give(raw[at:at + 1])
        if exchange.front.ended.wait(0.1):
            break
    raise HungUp


def dies_after(exchange):
    """An orderly end of the connection in place of the answer, and nobody is there any more."""
    exchange.forward_hidden()
    exchange.front.goes()
    raise HungUp


def huge_after(exchange):
    """More than any answer of DynamoDB's, and more than cartd keeps."""
    exchange.forward_hidden()
    exchange.give(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
    for _ in range(1 << 10):
        exchange.give(b" " * (64 << 10))
    raise AssertionError("64 MiB were taken")


def leaves_out(share):
    """UnprocessedKeys: every so-many-th key of a BatchGetItem, beginning with another one each time."""
    turn = [0]

    def fault(exchange):
        asked = exchange.json()
        (table, wanted), = asked["RequestItems"].items()
        turn[0] += 1
        left_out = [key for at, key in enumerate(wanted["Keys"]) if (at + turn[0]) % share == 0]
        taken = [key for key in wanted["Keys"] if key not in left_out]
        answer = {"Responses": {table: []}, "UnprocessedKeys": {}}
        if taken:
            answer = exchange.forward(json.dumps({**asked, "RequestItems": {table: {**wanted, "Keys": taken}}})).json()
        if left_out:
            answer["UnprocessedKeys"] = {table: {**wanted, "Keys": left_out}}
            exchange.front.count("left out", len(left_out))
        exchange.say(200, answer)
    return fault


def stale(seconds):
    """Eventual reads: what was true up to so long ago."""
    lock, said = threading.Lock(), {}

    def fault(exchange):
        now = exchange.forward().raw()
        if exchange.json().get("ConsistentRead") or b'"ConsistentRead":true' in exchange.body:
            exchange.front.count("strong")
            exchange.give(now)
            return
        with lock:
            since, before = said.get(exchange.body, (0, now))
            if time.monotonic() > since + seconds:
                said[exchange.body] = time.monotonic(), now
                before = now
        if before.partition(b"\r\n\r\n")[2] != now.partition(b"\r\n\r\n")[2]:
            exchange.front.count("stale")
        exchange.give(before)
    return fault


def names_twice(exchange):
    """A Query's answer in which each cart has an entry more, a millisecond older."""
    answer = exchange.forward().json()
    entries = answer["Items"]
    for name in ("created_key", "idle_key"):
        entries = [{**entry, **({name: {"S": "%015d%s" % (int(entry[name]["S"][:15]) - back, entry[name]["S"][15:])}} if back else {})}
                   for entry in entries for back in ((0, 1) if name in entry else (0,))]
    exchange.say(200, {**answer, "Items": entries, "Count": len(entries), "ScannedCount": len(entries)})


def clock_ahead(seconds, name):
    """The server's clock is not ours: signatures of another time are refused, by this name."""
    def fault(exchange):
        now = time.time() + seconds
        signed = calendar.timegm(time.strptime(exchange.header("X-Amz-Date"), "%Y%m%dT%H%M%SZ"))
        date = email.utils.formatdate(now, usegmt=True)
        if abs(now - signed) > CLOCK_S:
            exchange.front.ended.wait(REFUSAL_S)
            exchange.front.count("skewed")
            exchange.refuse(400, name, [("Date", date)])
        else:
            exchange.give(re.sub(rb"(?m)^Date: .*?(\r?)$", rb"Date: %s\1" % date.encode(), exchange.forward().raw()))
    return fault


def takes_keys(is_valid):
    """Keys that is_valid(id, token) does not know, or not any more, are refused."""
    def fault(exchange):
        key = re.search(r"Credential=([^/]*)/", exchange.header("Authorization")).group(1)
        if is_valid(key, exchange.header("X-Amz-Security-Token")):
            exchange.front.count("key " + key)
            passes(exchange)
        else:
            exchange.front.ended.wait(REFUSAL_S)
            exchange.front.count("refused")
            exchange.refuse(400, "ExpiredTokenException")
    return fault


class Front:
    """Listens on .port from the start. `with` ends it."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.seen = collections.Counter()  # requests that have come, by operation
        self.done = collections.Counter()  # what faults have done, in their own words; None: how often one was to
        self.wrong = []
        self.fault, self.operations, self.every, self.turn = passes, (), 1, 0
        self.met = None  # bodies of the calls that have met the fault, where a call is to meet it once
        self.clients = set()
        self.port = 0
        self.comes()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.goes()
        with self.lock:
            clients = list(self.clients)
        for client in clients:
            client.close()
        assert kind is not None or not self.wrong, "the front has failed: %s" % self.wrong[:5]

    def comes(self):
        """Listens; again on the same port after it has gone."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def goes(self):
        """Connections stay."""
        with self.lock:
            listener, self.listener = self.listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def does(self, fault, operations=READS + WRITES, every=1, once=False):
        """From now on. What is under way goes on as it was. once: a call that is made again is let through."""
        with self.lock:
            self.fault, self.operations, self.every = fault, operations, every
            self.met = set() if once else None
            self.done[None] = 0

    def recovers(self):
        self.does(passes)

    def count(self, what, times=1):
        with self.lock:
            self.done[what] += times

    def judge(self, request, operation):
        """What is to be done to a call that has come."""
        body = request.partition(b"\r\n\r\n")[2]
        with self.lock:
            self.seen[operation] += 1
            if operation not in self.operations:
                return passes
            self.turn += 1
            if self.turn % self.every != 0 or (self.met is not None and body in self.met):
                return passes
            if self.met is not None:
                self.met.add(body)
            self.done[None] += 1
            return self.fault

    def accept(self, listener):
        while not self.ended.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.clients.add(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        stream = DynamodbStream()
        with http_client.Client(self.server_port, SERVER_S) as server, client:
            try:
                while data := client.recv(65536):
                    for request, operation in stream.feed(data):
                        self.judge(request, operation)(Exchange(self, client, server, request, operation))
            except (OSError, http_client.Broken, HungUp):
                pass  # an end has closed
            except Exception as error:  # seen by the test, not lost in a thread
                self.wrong.append(repr(error))
        with self.lock:
            self.clients.discard(client)
