"""A private dynalite for bench/perf/run-dynamodb, on a core of its own; the stub that answers at once; and what works on them without cartd."""

import json
import os
import re
import subprocess
import sys

from database import Watched
from servers import LOAD_CORE, SERVER_CORE, Failure, Server, ask, connect

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import dynalite  # noqa: E402

TABLE = "carts"


def floor_program(bench):
    return os.path.join(bench.build, "bench", "perf", "floor", "dynamodb_floor")


def run_floor(bench, *words):
    result = subprocess.run(["taskset", "-c", str(LOAD_CORE), floor_program(bench), *map(str, words)], capture_output=True, text=True,
                            timeout=300)
    if result.returncode != 0:
        raise Failure(result.stderr.strip())
    return json.loads(result.stdout)


def floor_sign(bench):
    return run_floor(bench, "sign")


def metrics(cartd):
    """Calls, and units in the measure of DynamoDB, since the start of that cartd."""
    with connect(cartd.port) as s:
        text = ask(s, "GET", "/metrics").decode()

    def total(name):
        return sum(float(value) for value in re.findall(rf"(?m)^{name}\{{[^}}]*\}} (\S+)$", text))

    return {
        "calls": total("cart_dynamodb_calls_total"),
        "read": total("cart_dynamodb_half_read_units_total") / 2,
        "write": total("cart_dynamodb_half_write_units_total") / 2,
    }


class Dynalite(Watched):
    """Use it with `with`: the server ends with the block."""

    def __init__(self, bench):
        self.bench = bench

    def __enter__(self):
        self.server = dynalite.Server()
        everywhere = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {SERVER_CORE})
            self.server.start()
        except dynalite.Failure as e:
            self.server.close()
            raise Failure(str(e)) from e
        finally:
            os.sched_setaffinity(0, everywhere)
        os.environ.update(self.server.environment())
        node = subprocess.run([dynalite.node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
        self.about = f"dynalite {dynalite.version()} in memory, Node {node}"
        return self

    def __exit__(self, *_):
        self.server.close()

    def cartd(self, *settings):
        """Beside the load: the server has its core to itself, as it has for the bare client."""
        return self.bench.cartd("backend=dynamodb", f"dynamodb.table={TABLE}", *settings, core=LOAD_CORE)

    def fill(self, count):
        """So many open carts of three lines; the file of their ids."""
        ids = self.bench.path("carts.ids")
        with self.cartd() as cartd:
            self.bench.wrk(cartd, 8, "create", count, ids, seconds=60, allow_errors=True)
            self.bench.wrk(cartd, 8, "lines", ids, seconds=60, allow_errors=True)
        with open(ids) as f:
            if sum(1 for _ in f) != count:
                raise Failure(f"fewer than {count} carts were made")
        return ids

    def floor(self, work, ids, connections, seconds=None):
        """The bare client on the other core for a slice."""
        ms = int((seconds or self.bench.seconds) * 1000)
        counted = self.watch(
            lambda: run_floor(self.bench, work, f"127.0.0.1:{self.server.port}", TABLE, ids, connections, ms))
        if counted["refused"]:
            raise Failure(f"dynamodb_floor {work}: {counted['refused']} of {counted['operations']} refused")
        self.bench.slices.append({"server": "dynamodb_floor", "load": work, "connections": connections, **counted})
        return counted


class Stub:
    """Answers every call at once; beside the load."""

    def __init__(self, bench):
        self.bench = bench
        self.log = bench.path("stub.log")

    def __enter__(self):
        if os.path.exists(self.log):
            os.remove(self.log)
        self.server = Server([os.path.join(self.bench.build, "bench", "perf", "floor", "dynamodb_stub_floor")], self.log, LOAD_CORE)
        while not (lines := self.lines()):
            if self.server.process.poll() is not None:
                raise Failure("the stub did not start")
        self.settings = (f"dynamodb.endpoint=http://127.0.0.1:{lines[0]}", "dynamodb.region=us-east-1", f"dynamodb.table={TABLE}")
        return self

    def __exit__(self, *_):
        self.server.stop()

    def lines(self):
        with open(self.log) as f:
            return [line for line in f.read().split("\n")[:-1] if line]

    def stop(self):
        """What it has counted."""
        self.server.stop()
        return json.loads(self.lines()[-1])
