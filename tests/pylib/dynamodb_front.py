"""An HTTP proxy before a server that speaks DynamoDB's protocol: it sees every call, and does to it what a test wants.

    with DynamodbFront(server.port) as front:
        front.rule = lambda call, ask: error("ThrottlingException") if call.operation == "UpdateItem" else ask()
"""

import http.client
import json
import threading

from front import Front, unplug

PREFIX = "DynamoDB_20120810."
# Of a hop, or of the bytes of a body that may have been changed.
NOT_PASSED_ON = {"connection", "keep-alive", "content-length", "transfer-encoding", "x-amz-crc32"}


class Reply:
    """What a call is answered with. body: bytes go as they are, anything else as JSON."""

    def __init__(self, status, body, headers=()):
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = list(headers)

    def json(self):
        return json.loads(self.body)

    def raw(self):
        lines = ["HTTP/1.1 %d Answer" % self.status, "Content-Type: application/x-amz-json-1.0", "Content-Length: %d" % len(self.body)]
        return "\r\n".join(lines + ["%s: %s" % pair for pair in self.headers] + ["", ""]).encode("latin-1") + self.body


def error(kind, status=400, headers=(), message="a test says so"):
    return Reply(status, {"__type": "com.amazonaws.dynamodb.v20120810#" + kind, "message": message}, headers)


class Call:
    def __init__(self, connection, headers, body):
        self.connection = connection
        self.headers = headers
        self.body = body
        self.operation = headers.get("x-amz-target", "").replace(PREFIX, "", 1)
        self.reply = None  # until it is answered; and if it never is

    def json(self):
        return json.loads(self.body)

    def units(self):
        """Those that the server says it has consumed."""
        consumed = self.reply.json().get("ConsumedCapacity", [])
        return sum(table["CapacityUnits"] for table in (consumed if isinstance(consumed, list) else [consumed]))

    def __str__(self):
        return "%s %s" % (self.operation, self.body.decode())


class DynamodbFront(Front):
    """rule(call, ask): what is done with each call, in its connection's thread. Returns the Reply, of its own or what ask() had from the
    server; None closes the connection in place of an answer."""

    def __init__(self, port, listen="127.0.0.1"):
        self.calls = []
        self.connections = 0
        self.lock = threading.Lock()
        self.rule = lambda call, ask: ask()
        super().__init__(port, listen)
        self.endpoint = "http://127.0.0.1:%d" % self.port

    def answered_since(self, at):
        """How many calls of each operation there were; they have been answered."""
        counts = {}
        for call in self.calls[at:]:
            counts[call.operation] = counts.get(call.operation, 0) + 1
        return counts

    def serve(self, client, server):
        with self.lock:
            self.connections += 1
            number = self.connections
        upstream = http.client.HTTPConnection(*self.upstream)
        upstream.sock = server
        try:
            with client.makefile("rb") as stream:
                while True:
                    call = receive(number, stream)
                    if call is None:
                        break
                    self.calls.append(call)
                    call.reply = self.rule(call, lambda call=call: ask(upstream, call))
                    if call.reply is None:
                        break
                    client.sendall(call.reply.raw())
        except (OSError, http.client.HTTPException):
            pass
        unplug(client)
        unplug(server)


def receive(connection, stream):
    """The next request of a connection; None: it was the last."""
    if not stream.readline():
        return None
    headers = {}
    for line in iter(stream.readline, b"\r\n"):
        if not line:
            return None
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    size = int(headers.get("content-length", 0))
    body = stream.read(size)
    return Call(connection, headers, body) if len(body) == size else None


def ask(upstream, call):
    upstream.request("POST", "/", call.body, {name: value for name, value in call.headers.items() if name not in NOT_PASSED_ON})
    answer = upstream.getresponse()
    headers = [pair for pair in answer.getheaders() if pair[0].lower() not in NOT_PASSED_ON | {"content-type"}]
    return Reply(answer.status, answer.read(), headers)
