"""The private servers of DynamoDB's protocol, and the stub that answers at once."""

import json
import os
import subprocess

import dynalite
import dynamodb_local
import fill
from servers import LOAD_CORE, Failure, Server
from watch import Database

TABLE = "carts"
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schemas", "dynamodb", "carts.json")


class Dynalite(Database):
    settings = ("backend=dynamodb", f"dynamodb.table={TABLE}")

    def make(self):
        return dynalite.Server()

    def about(self):
        node = subprocess.run([dynalite.node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return f"dynalite {dynalite.version()} in memory, Node {node}"

    def fill(self, count):
        """Makes open carts of three lines. Returns the file of their ids."""
        ids = self.bench.path("carts.ids")
        with self.cartd() as cartd:
            fill.http(cartd.port, ids, count)
        return ids

    def floor(self, work, ids, connections, seconds=None):
        """Runs the bare client on the other core for a slice."""
        words = work, f"127.0.0.1:{self.server.port}", TABLE, ids, connections, int((seconds or self.bench.seconds) * 1000)
        counted = self.watch(lambda: self.bench.floor("dynamodb_floor", *words))
        if counted["refused"]:
            raise Failure(f"dynamodb_floor {work}: {counted['refused']} of {counted['operations']} refused")
        return counted


class Dynoxide(Dynalite):
    """The one that has transactions and streams; is_here() says whether it was fetched."""

    is_here = dynamodb_local.Dynoxide.is_here

    def make(self):
        return dynamodb_local.Dynoxide()

    def about(self):
        return self.server.version()


class Stub(Server):
    """A server that answers every call at once, on the core of the load."""

    def __init__(self, bench):
        with open(SCHEMA, encoding="utf-8") as file:
            wanted = json.load(file)["CreateTable"]
        with open(bench.path("table.json"), "w", encoding="utf-8") as file:
            json.dump({"Table": {"TableName": TABLE, "TableStatus": "ACTIVE", **wanted}}, file)
        super().__init__([bench.program("bench/perf/floor/dynamodb_stub_floor"), bench.path("table.json")], bench.path("stub.log"),
                         (LOAD_CORE,))
        port = self._await(lambda: self.log_text().partition("\n")[0], 10)
        self.settings = (f"dynamodb.endpoint=http://127.0.0.1:{port}", "dynamodb.region=us-east-1", f"dynamodb.table={TABLE}")

    def counted(self):
        """Ends it and returns its counts of connections and calls."""
        self.stop()
        return json.loads(self.log_text().splitlines()[-1])
