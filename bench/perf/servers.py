"""Servers, clients and load for the benchmarks, tools/gate and tools/compare: private processes on free ports of 127.0.0.1."""

import ctypes
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "databases"))
from beside import PR_SET_PDEATHSIG, Failure, logged  # noqa: E402

SERVER_CORE, LOAD_CORE = 0, 1
LUA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load.lua")
CARTS = "/shopping-carts"
TICKS = os.sysconf("SC_CLK_TCK")
MOMENT_S = 1  # before somebody is told what is awaited
DATABASE_S = 20  # for a side's database to answer, and for its tables to be made


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def items_of(products):
    """The body of an add of one of each product."""
    return {"items": [{"product_id": product, "quantity": 1} for product in products]}


class Client:
    """One kept HTTP connection; over TLS where ca names who may have signed the server's certificate."""

    def __init__(self, port, timeout=10, ca=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        if ca:
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname="localhost")
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, method, path, body=None):
        """body is written as JSON."""
        data = "" if body is None else json.dumps(body)
        about = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n" if data else ""
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{about}\r\n{data}".encode())

    def receive(self):
        """All bytes of the next answer."""
        while True:
            head, found, _ = self.received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            end = len(head) + 4 + (int(length.group(1)) if length else 0)
            if found and len(self.received) >= end:
                answer, self.received = self.received[:end], self.received[end:]
                return answer
            more = self.socket.recv(65536)
            if not more:
                raise Failure("the server closed the connection before its answer was complete")
            self.received += more

    def answer(self, *request):
        self.send(*request)
        return self.receive()

    def ask(self, method, path, body=None):
        """The answer's body; anything but success ends the measurement."""
        return self.ask_many(method, [path], [body])[0]

    def ask_many(self, method, paths, bodies):
        """Sends all requests before it reads the first answer."""
        for path, body in zip(paths, bodies):
            self.send(method, path, body)
        answers = [self.receive() for _ in paths]
        for path, answer in zip(paths, answers):
            if not answer.startswith(b"HTTP/1.1 20"):
                raise Failure(f"{method} {path} was answered {answer[9:200].decode('latin-1')!r}")
        return [answer.partition(b"\r\n\r\n")[2] for answer in answers]

    def create_many(self, customers):
        """A new cart's path for each."""
        answers = self.ask_many("POST", [CARTS] * len(customers), [{"customer_id": customer} for customer in customers])
        return [CARTS + "/" + json.loads(answer)["shopping_cart_id"] for answer in answers]

    def create(self, customer=1, products=()):
        """A new cart's path."""
        path = self.create_many([customer])[0]
        if products:
            self.add(path, *products)
        return path

    def add(self, cart, *products):
        self.ask("POST", cart + "/items", items_of(products))


def metrics(port, series):
    """{measure: what cartd has counted since its start}, of series {measure: (its name, how many of it make one)}; without what it
    does not count."""
    with Client(port) as client:
        text = client.ask("GET", "/metrics").decode()
    found = {}
    for measure, (name, part) in series.items():
        values = re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", text)
        if values:
            found[measure] = sum(map(float, values)) / part
    return found


class Server:
    """A server process, which ends with the `with` block, or with us. cores None: any."""

    def __init__(self, argv, log, cores=(SERVER_CORE,), nofile=None, environment=None):
        libc = ctypes.CDLL(None)

        def prepare():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if cores is not None:
                os.sched_setaffinity(0, cores)
            if nofile:
                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        self.name = os.path.basename(argv[0])
        self.ca = None  # with TLS: who has signed its certificate
        self.log = log
        self.logged = os.path.getsize(log) if os.path.exists(log) else 0  # by others before
        with open(log, "ab") as out:
            self.started = time.monotonic()
            # cartbench is to see which process it measures, although it is not root's.
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=prepare,
                                            env={"CART_CORE_DUMPS": "true", **(os.environ if environment is None else environment)})
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log_text(self):
        with open(self.log, "rb") as log:
            log.seek(self.logged)
            return log.read().decode("utf-8", "replace")

    def _await(self, condition, timeout):
        """Polls until condition() returns something true, and returns that. Ends the server when it does not come in time."""
        while not (found := condition()):
            if self.process.poll() is not None or time.monotonic() - self.started > timeout:
                status = self.process.poll()
                self.stop()
                how = f"did not answer within {timeout:g} s" if status is None else f"ended with status {status}"
                raise Failure(f"{self.name} did not start: it {how}{logged(self.log_text())}")
            time.sleep(0.0005)
        return found

    def await_listening(self, timeout=30):
        """HOST:PORT, from cartd's log: without asking it anything."""
        return self._await(lambda: re.search(r'listening.*address="?([^ "]+)', self.log_text()), timeout).group(1)

    def await_answer(self, port, path="/readyz", timeout=30, waits=None):
        """Seconds from exec to the first 200. waits() is called once, when that takes longer than a moment."""
        def answers():
            try:
                with Client(port, ca=self.ca) as client:
                    return client.answer("GET", path).startswith(b"HTTP/1.1 200")
            except (OSError, Failure):
                return False

        def answers_or_waits():
            nonlocal waits
            found = answers()
            if not found and waits and time.monotonic() - self.started > MOMENT_S:
                waits()
                waits = None
            return found

        self.port = port
        self._await(answers_or_waits, timeout)
        return time.monotonic() - self.started

    def memory_kib(self, what="VmRSS"):
        """VmRSS now, VmHWM at its highest."""
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(what + r":\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        """Of all its threads; the scheduler counts in nanoseconds."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_side(binary, name, settings, folder, cores, environment=None):
    """A cartd as one side of a comparison, once its database answers: .address, and .conf, a file of its settings in the folder."""
    words = [binary, *(word for setting in settings for word in ("--set", setting))]
    conf = os.path.join(folder, f"{name}.conf")
    with open(conf, "wb") as file:
        shown = subprocess.run([*words, "--print-config"], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, env=environment,
                               check=False)
    if shown.returncode != 0:
        raise Failure(f"{name}: {shown.stderr.decode().strip()}")
    log = os.path.join(folder, f"cartd-{name}.log")
    if os.path.exists(log):
        os.remove(log)
    server = Server([*words, "--listen", "127.0.0.1:0"], log, cores, environment=environment)
    server.name = name
    server.conf, server.address = conf, server.await_listening()
    await_database(server)
    return server


def await_database(server):
    """A cartd whose database is away runs, and waits for it: whoever waits with it learns why."""
    def reason():
        found = re.search(r'cannot provision.* reason="?([^"\n]+)', server.log_text())
        return ": " + found.group(1) if found else ""

    def say():
        print(f"{server.name}: waiting up to {DATABASE_S:g} s for its database{reason()}", file=sys.stderr, flush=True)

    try:
        server.await_answer(int(server.address.rpartition(":")[2]), timeout=DATABASE_S, waits=say)
    except Failure:
        if not reason() or time.monotonic() - server.started < DATABASE_S:
            raise
        raise Failure(f"{server.name} did not start: its database was not ready within {DATABASE_S:g} s{reason()}. "
                      "Start the database, or correct the settings that name it") from None


def service_times(histogram, interval):
    """wrk's histogram, [[microseconds, count], ...], as it was measured.

    wrk 4 corrects it for coordinated omission before a script sees it: it takes interval, the mean time between two requests of a
    connection, for the pace at which requests should have been sent, and adds to each latency of at least two intervals the ones that
    requests in between would have had: less one interval, less two, while that is more than one. Taking them away again, from the
    longest on, leaves what was measured.
    """
    counts = dict(histogram)
    for latency in sorted(counts, reverse=True):
        if latency < 2 * interval:
            break
        for between in range(latency - interval, interval, -interval):
            counts[between] -= counts[latency]
    return sorted((latency, count) for latency, count in counts.items() if count)


def percentile(times, share):
    left = share * sum(count for _, count in times)
    for latency, count in times:
        left -= count
        if left <= 0:
            break
    return latency


class Bench:
    """Where things are, and how long a slice of measuring is."""

    def __init__(self, build, out, seconds, rounds):
        self.build, self.out, self.seconds, self.rounds = build, out, seconds, rounds
        self.slices = []  # of load, for the results file

    def path(self, name):
        return os.path.join(self.out, name)

    def program(self, name):
        return os.path.join(self.build, name)

    def cartd(self, *settings, cores=(SERVER_CORE,), threads=1, wait=True, program="bin/cartd", ca=None):
        """A running cartd; settings are "key=value". ca: it speaks TLS, and that has signed its certificate."""
        port = free_port()
        argv = [self.program(program), "--listen", f"127.0.0.1:{port}"]
        for setting in (*([f"threads={threads}"] if threads else []), *settings):
            argv += ["--set", setting]
        server = Server(argv, self.path("cartd.log"), cores, nofile=8192)
        server.port, server.ca = port, ca
        if wait:
            server.await_answer(port)
        return server

    def run(self, argv, core=LOAD_CORE, within=(0,), environment=None):
        """Runs a program on that core and returns what it printed."""
        done = subprocess.run(["taskset", "-c", str(core), *map(str, argv)], capture_output=True, text=True, timeout=900, env=environment)
        if done.returncode not in within:
            raise Failure(f"{os.path.basename(argv[0])}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def floor(self, name, *words, core=LOAD_CORE, environment=None):
        """Runs one of the floors and returns what it counted."""
        counted = json.loads(self.run([self.program(f"bench/perf/floor/{name}"), *words], core, environment=environment))
        self.slices.append({"server": name, "words": [str(word) for word in words], **counted})
        return counted

    def wrk(self, server, connections, *args, seconds=None, allow_errors=False):
        """Loads a server for a slice; what wrk counted, requests a second, and how busy the server's core was."""
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds or self.seconds))}s", "--timeout", "10s", "-s", LUA,
                f"{'https' if server.ca else 'http'}://127.0.0.1:{server.port}/", "--", *args]
        cpu = server.cpu_seconds()
        line = self.run(argv).rstrip().rpartition("\n")[2]
        cpu = server.cpu_seconds() - cpu
        if not line.startswith("{"):
            raise Failure(f"wrk {args[0]} printed no result: {line}")
        counted = json.loads(line)
        if counted["requests"] == 0 or (counted["errors"] and not allow_errors):
            raise Failure(f"wrk {args[0]}: {counted['errors']} errors, {counted['requests']} answers of {server.name}")
        times = service_times(counted.pop("histogram"), counted["us"] // max(1, counted["requests"] // connections))
        if sum(count for _, count in times) != counted["requests"] - counted["timeouts"]:
            raise Failure("wrk's latencies are not those of its requests: another version of wrk?")
        counted.update(seconds=counted["us"] / 1e6, p50_us=percentile(times, 0.5), p99_us=percentile(times, 0.99))
        counted["per_s"] = counted["requests"] / counted["seconds"]
        counted["server_cpu"] = cpu / counted["seconds"]
        counted["per_cpu_s"] = counted["requests"] / cpu
        self.slices.append({"server": server.name, "connections": connections, "load": args[0], **counted})
        return counted


def remove_database(path):
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
