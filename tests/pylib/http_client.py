"""An HTTP client that keeps every byte of the answers, and never sends anything twice."""

import json
import re
import socket
import time


class Broken(Exception):
    """The connection ended, or stayed silent for too long, before the answer was whole."""


class Answer:
    __slots__ = ("head", "body", "status", "began", "ended")

    def __init__(self, head, body, began=0.0, ended=0.0):
        self.head = head  # status line and headers, as they came
        self.body = body
        self.status = int(head.split(b" ", 2)[1])
        self.began, self.ended = began, ended  # by time.monotonic()

    def header(self, name):
        found = re.search(rb"(?im)^%s:[ \t]*(.*?)\r?$" % re.escape(name.encode()), self.head)
        return found.group(1).decode("latin-1") if found else None

    def raw(self):
        return self.head + b"\r\n\r\n" + self.body

    def json(self):
        return json.loads(self.body)

    def error(self):
        """The machine-readable name in a problem document; "" in anything else."""
        return self.json().get("error", "") if "json" in (self.header("Content-Type") or "") else ""

    def version(self):
        tag = self.header("ETag")
        return int(tag.strip('"')) if tag else None


class Client:
    """One connection, kept while the service keeps it: made when first needed, and again after a break. timeout: seconds from sending
    a request to its whole answer. tls: an SSLContext."""

    def __init__(self, port, timeout=30, tls=None):
        self.port, self.timeout, self.tls = port, timeout, tls
        self.socket = None
        self.rest = b""
        self.began = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket, self.rest = None, b""

    def broken(self, error):
        self.close()
        return Broken("%s after %.2f s" % (error or type(error).__name__, time.monotonic() - self.began))

    def send(self, method, target, headers=(), body=None):
        """body: text and bytes go as they are, anything else as JSON."""
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: cart"] + ["%s: %s" % pair for pair in headers]
        if body is not None and not isinstance(body, (str, bytes)):
            lines.append("Content-Type: application/json")
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body or b""
        if body is not None:
            lines.append("Content-Length: %d" % len(data))
        self.began = time.monotonic()
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.tls is not None:
                    self.socket = self.tls.wrap_socket(self.socket)
            self.socket.settimeout(self.timeout)
            self.socket.sendall("\r\n".join(lines + ["", ""]).encode("latin-1") + data)
        except OSError as error:
            raise self.broken(error) from error

    def more(self):
        left = self.began + self.timeout - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer")
        self.socket.settimeout(left)
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed before the answer was whole")
        return data

    def receive_whole(self, method):
        data = self.rest
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, data = data.partition(b"\r\n\r\n")
        answer = Answer(head, b"", self.began)
        size = 0 if method == "HEAD" or answer.status in (204, 304) else int(answer.header("Content-Length") or 0)
        while len(data) < size:
            data += self.more()
        answer.body, self.rest = data[:size], data[size:]
        answer.ended = time.monotonic()
        return answer

    def receive(self, method="GET"):
        """The answer to what was sent, which was of this method."""
        try:
            answer = self.receive_whole(method)
        except (OSError, ValueError, IndexError) as error:
            raise self.broken(error) from error
        if (answer.header("Connection") or "").lower() == "close":
            self.close()
        return answer

    def ask(self, method, target, headers=(), body=None):
        self.send(method, target, headers, body)
        return self.receive(method)
