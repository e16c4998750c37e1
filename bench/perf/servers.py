"""Servers and load for bench/perf/run-cartd and bench/perf/run-mysql: private processes on free loopback ports, server and load on cores of their own."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import time

SERVER_CORE, LOAD_CORE = 0, 1


class Failure(Exception):
    """What stopped a measurement, in one line."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port, timeout=10):
    return socket.create_connection(("127.0.0.1", port), timeout)


def receive(s):
    """One whole answer: its bytes."""
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found:
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if len(body) >= (int(length.group(1)) if length else 0):
                return data
        more = s.recv(65536)
        if not more:
            raise Failure("the server closed amid an answer")
        data += more


def ask(s, method, path, body=None):
    text = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
    if body is not None:
        text += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    s.sendall((text + "\r\n" + (body or "")).encode())
    return receive(s)


class Server:
    """A server process. Use it with `with`: it ends with the block."""

    def __init__(self, argv, log, core=SERVER_CORE, nofile=None):
        def prepare():
            if core is not None:
                os.sched_setaffinity(0, {core})
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        self.name = os.path.basename(argv[0])
        self.log = log
        with open(log, "ab") as out:
            self.started = time.monotonic()
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=prepare)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def await_answer(self, port, path="/readyz", timeout=30):
        """Seconds from exec to the first 200; asks anew as fast as it can."""
        while time.monotonic() - self.started < timeout:
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended with status {self.process.returncode}; {self.log} says why")
            try:
                with connect(port) as s:
                    if ask(s, "GET", path).startswith(b"HTTP/1.1 200"):
                        return time.monotonic() - self.started
            except (OSError, Failure):
                pass
            time.sleep(0.0005)
        raise Failure(f"{self.name} did not answer within {timeout} s; {self.log} may say why")

    def memory_kib(self, what="VmRSS"):
        """VmRSS now, VmHWM at its highest."""
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(what + r":\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        """Of all its threads; the scheduler counts in nanoseconds."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bench:
    """Where things are, and how long a slice of measuring is."""

    def __init__(self, build, out, seconds, rounds):
        self.build, self.out, self.seconds, self.rounds = build, out, seconds, rounds
        self.lua = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load.lua")
        self.slices = []  # of load, for the results file
        self.commits_us = []  # median bare commits, of every slice of the run

    def path(self, name):
        return os.path.join(self.out, name)

    def cartd(self, *settings, core=SERVER_CORE, threads=1, wait=True):
        """A running cartd; settings are "key=value"; core None: any."""
        port = free_port()
        argv = [os.path.join(self.build, "bin", "cartd"), "--listen", f"127.0.0.1:{port}"]
        for setting in (*([f"threads={threads}"] if threads else []), *settings):
            argv += ["--set", setting]
        server = Server(argv, self.path("cartd.log"), core, nofile=8192)
        server.port = port
        server.argv = argv
        if wait:
            self._await(server, "/readyz")
        return server

    def evhttp_floor(self, get, change):
        port = free_port()
        argv = [os.path.join(self.build, "bench", "perf", "floor", "evhttp_floor"), str(port), get, change]
        server = Server(argv, self.path("floor.log"))
        server.port = port
        self._await(server, "/")
        return server

    @staticmethod
    def _await(server, path):
        try:
            server.await_answer(server.port, path)
        except Failure:
            server.stop()
            raise

    def sqlite_floor(self, carts, batch, seconds=None):
        """Runs the bare SQLite loop on a new database; what it printed."""
        database = self.path("floor.db")
        remove_database(database)
        argv = [os.path.join(self.build, "bench", "perf", "floor", "sqlite_floor"), database, str(carts)]
        argv += [str(int((seconds or self.seconds) * 1000)), str(batch)]
        result = subprocess.run(["taskset", "-c", str(SERVER_CORE), *argv], capture_output=True, text=True, timeout=600)
        remove_database(database)
        if result.returncode != 0:
            raise Failure(f"sqlite_floor: {result.stderr.strip()}")
        return json.loads(result.stdout)

    def wrk(self, server, connections, *args, seconds=None, allow_errors=False):
        """Loads a server for a slice; what wrk counted, requests a second, and how busy the server's core was."""
        seconds = seconds or self.seconds
        argv = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
        argv += ["--timeout", "10s", "-s", self.lua, f"http://127.0.0.1:{server.port}/", "--", *map(str, args)]
        cpu = server.cpu_seconds()
        result = subprocess.run(argv, capture_output=True, text=True, timeout=600)
        line = result.stdout.rstrip().rpartition("\n")[2]
        if result.returncode != 0 or not line.startswith("{"):
            raise Failure(f"wrk {' '.join(map(str, args))}: {result.stderr.strip() or result.stdout.strip()}")
        counted = json.loads(line)
        if counted["requests"] == 0 or (counted["errors"] and not allow_errors):
            raise Failure(f"wrk {args[0]}: {counted['errors']} errors, {counted['requests']} answers of {server.name}")
        counted["per_s"] = counted["requests"] / counted["seconds"]
        cpu = server.cpu_seconds() - cpu
        counted["server_cpu"] = cpu / counted["seconds"]
        counted["per_cpu_s"] = counted["requests"] / cpu
        self.slices.append({"server": server.name, "connections": connections, "load": args[0], **counted})
        return counted


def remove_database(path):
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
