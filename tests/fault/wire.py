"""One kept connection to cartd, and what came back over it."""

import json
import socket
import time


class Broken(Exception):
    """The connection ended, or stayed silent for too long, before the answer was whole."""


class Answer:
    __slots__ = ("status", "headers", "body", "began", "ended")

    def __init__(self, status, headers, body, began, ended):
        self.status, self.headers, self.body, self.began, self.ended = status, headers, body, began, ended

    def json(self):
        return json.loads(self.body)

    def error(self):
        """The machine-readable name in a problem document; "" in anything else."""
        if "json" not in self.headers.get("content-type", ""):
            return ""
        return self.json().get("error", "")

    def version(self):
        tag = self.headers.get("etag", "")
        return int(tag.strip('"')) if tag else None


class Wire:
    """Connects when first needed and again after a break. Nothing is ever sent twice."""

    def __init__(self, port, timeout):
        self.port, self.timeout = port, timeout
        self.socket = None
        self.rest = b""

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket, self.rest = None, b""

    def ask(self, method, path, body=None, headers=()):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: test"] + ["%s: %s" % pair for pair in headers]
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            lines.append("Content-Type: application/json")
        if data or method != "GET":
            lines.append("Content-Length: %d" % len(data))
        began = time.monotonic()
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall("\r\n".join(lines + ["", ""]).encode() + data)
            answer = self.receive(began)
        except (OSError, ValueError) as error:
            self.close()
            raise Broken("%s after %.2f s" % (error or type(error).__name__, time.monotonic() - began)) from error
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def more(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer")
        self.socket.settimeout(left)
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed before the answer was whole")
        return data

    def receive(self, began):
        until = began + self.timeout
        data = self.rest
        while b"\r\n\r\n" not in data:
            data += self.more(until)
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(first.split(" ")[1])
        length = 0 if status in (204, 304) else int(headers.get("content-length", "0"))
        while len(data) < length:
            data += self.more(until)
        self.rest = data[length:]
        return Answer(status, headers, data[:length], began, time.monotonic())
