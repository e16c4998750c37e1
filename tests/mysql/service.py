"""A cartd of a test's own, and an HTTP client that keeps every byte of the answers."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("CART_TEST_CARTD", os.path.join(ROOT, "build/release/bin/cartd"))
START_S = 30
STOP_S = 20
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def await_true(condition, seconds, what):
    """Polls until the condition gives something true, and returns that."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError("not within %g s: %s" % (seconds, what))
        time.sleep(0.01)


class Cartd:
    """Runs while the with block does. Its settings are the defaults and those given, nobody's file or environment."""

    def __init__(self, folder, backend, settings=None, name=None):
        self.log_path = os.path.join(folder, (name or backend) + ".log")
        self.status = None
        arguments = [PROGRAM, "--listen", "127.0.0.1:0", "--backend", backend]
        for key, value in (settings or {}).items():
            arguments += ["--set", "%s=%s" % (key, value)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CART_")}
        with open(self.log_path, "wb") as log:
            # The parent may be killed: nothing outlives it.
            self.process = subprocess.Popen(arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        try:
            self.port = int(await_true(self._listening, START_S, "cartd listens"))
        except AssertionError as error:
            self.kill()
            raise AssertionError("%s\n%s" % (error, self.log())) from None

    def _listening(self):
        found = re.search(r"listening.*?127\.0\.0\.1:(\d+)", self.log())
        if not found and self.process.poll() is not None:
            raise AssertionError("cartd ended with %d before it listened" % self.process.returncode)
        return found and found.group(1)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="backslashreplace") as log:
            return log.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        """Its exit status after a drain; 0 is what it should be."""
        if self.status is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.status = self.process.wait(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                self.status = "none within %d s of SIGTERM" % STOP_S
        return self.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def client(self):
        return Client(self.port)

    def metrics(self):
        """Every series of /metrics: {'name{label="value"}': number}."""
        with self.client() as client:
            text = client.ask("GET", "/metrics").body.decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                if line and not line.startswith("#")}


class Answer:
    def __init__(self, head, body):
        self.head = head  # status line and headers, as they came
        self.body = body
        self.status = int(head.split(b" ", 2)[1])

    def header(self, name):
        found = re.search(rb"(?im)^%s:[ \t]*(.*?)\r?$" % re.escape(name.encode()), self.head)
        return found.group(1).decode("latin-1") if found else None

    def raw(self):
        return self.head + b"\r\n\r\n" + self.body


class Client:
    """One connection, kept while the service keeps it."""

    TIMEOUT_S = 30

    def __init__(self, port):
        self.port = port
        self.socket = None
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None
        self.buffer = b""

    def send(self, method, target, headers=(), body=None):
        data = "%s %s HTTP/1.1\r\nHost: cart\r\n" % (method, target)
        for name, value in headers:
            data += "%s: %s\r\n" % (name, value)
        data = data.encode("latin-1")
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            data += b"Content-Length: %d\r\n\r\n" % len(body) + body
        else:
            data += b"\r\n"
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.TIMEOUT_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(data)

    def _fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise AssertionError("the service closed the connection after %r" % self.buffer)
        self.buffer += data

    def receive(self, method="GET"):
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        answer = Answer(head, b"")
        size = int(answer.header("Content-Length") or 0)
        if method == "HEAD" or answer.status in (204, 304):
            size = 0
        while len(self.buffer) < size:
            self._fill()
        answer.body, self.buffer = self.buffer[:size], self.buffer[size:]
        if (answer.header("Connection") or "").lower() == "close":
            self.close()
        return answer

    def ask(self, method, target, headers=(), body=None):
        self.send(method, target, headers, body)
        return self.receive(method)
