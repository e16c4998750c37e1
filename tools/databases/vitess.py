"""A private, throwaway Vitess over a MySQL of its own: all its parts in one process (vtcombo), one keyspace that is not sharded.

    with Server() as server: ...

It is built once from its Go module: fetched.py. The MySQL is that of mysql.py. Vitess refuses to run as root: for root it runs as nobody,
in root's group, which alone may enter the folder.
"""

import json
import os

import beside
import fetched
import mysql
from beside import START_S
from mariadb_session import Lost, Session, SqlError

MODULE, VERSION, PACKAGE = "vitess.io/vitess", "v0.24.4", "go/cmd/vtcombo"
NOBODY = 65534
ACCOUNTS = ("app", "dba", "repl", "filtered", "allprivs", "appdebug", "erepl", "clone")
BACKEND = ["--log-bin", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--server-id=1"]


class Server(beside.Server):
    """Vitess, with .backend, the MySQL under it. kill() and start() are about the MySQL, which is what holds the data."""

    NAME, PREFIX = "vtcombo", "cart-vitess-"

    def __init__(self, folder=None, port=None, options=(), fast=False, tls=False):
        if folder is not None or tls:
            raise beside.Failure("vitess takes neither --data nor --tls")
        super().__init__(folder, port)
        self.user, self.password, self.database = "cart", "cart", "cart"
        self.backend = mysql.Primary(options=[*BACKEND, *options], fast=fast)
        self.ports = [beside.free_port(), beside.free_port()]

    def prepare(self):
        self.program = fetched.go(MODULE, VERSION, PACKAGE)
        os.makedirs(self.path("schema"), mode=0o755, exist_ok=True)
        os.chmod(self.folder, 0o710)
        os.chmod(self.backend.folder, 0o710)

    def words(self):
        as_nobody = [] if os.getuid() else ["setpriv", "--reuid=%d" % NOBODY, "--regid=0", "--clear-groups"]
        topology = {"keyspaces": [{"name": self.database, "shards": [{"name": "0"}]}], "cells": ["zone1"]}
        accounts = [word for name in ACCOUNTS
                    for word in ("--db-%s-user=root" % name, "--db-%s-password=" % name, "--db-%s-use-ssl=false" % name)]
        return [*as_nobody, self.program, "--json-topo=" + json.dumps(topology), "--schema-dir=" + self.path("schema"),
                "--bind-address=127.0.0.1", "--port=%d" % self.ports[0], "--grpc-bind-address=127.0.0.1", "--grpc-port=%d" % self.ports[1],
                "--mysql-server-bind-address=127.0.0.1", "--mysql-server-port=%d" % self.port, "--mysql-auth-server-impl=none",
                "--db-socket=" + self.backend.socket, "--db-charset=utf8mb4", "--dbddl-plugin=vttest", "--tablet-hostname=127.0.0.1",
                # What it looks at once a minute otherwise: new tablets, which a new database needs, and whether MySQL is there.
                "--tablet-refresh-interval=200ms", "--health-check-interval=500ms", "--mysql-server-flush-delay=1ms",
                # Or equal reads share an answer, which may be from before a change that was acknowledged before the later one was sent.
                "--enable-consolidator=false", "--enable-consolidator-replicas", *accounts]

    def variables(self):
        return os.environ

    def start(self, timeout=START_S, extra=()):
        if self.backend.process is None:
            self.backend.start(timeout)
        if self.process is None:
            super().start(timeout, extra)
        mysql.mariadb.await_that(lambda: self.answers(""), "that Vitess finds its MySQL", timeout)

    def answers(self, said):
        try:
            with self.connect(5.0) as session:
                return session.sql("SELECT COUNT(*) FROM information_schema.tables") is not None
        except (Lost, SqlError):
            return False

    def lost_port(self, said):
        return "address already in use" in said

    def kill(self):
        self.backend.kill()

    def stop(self):
        self.backend.stop()

    def suspend(self):
        self.backend.suspend()

    def resume(self):
        self.backend.resume()

    def close(self):
        super().kill()
        super().close()
        self.backend.close()

    def connect(self, timeout=30.0):
        session = Session(("127.0.0.1", self.port), self.user, self.password, timeout)
        session.sql("USE " + self.database)
        return session

    def sql(self, text, timeout=30.0):
        """Runs a statement; its rows."""
        with self.connect(timeout) as session:
            return session.sql(text)

    def version(self):
        # The module's v0.24.4 is the release 24.0.4.
        major, patch = VERSION.split(".")[1:]
        return "Vitess %s.0.%s over %s" % (major, patch, self.backend.version())

    def environment(self):
        return {"CART_MYSQL_HOST": "127.0.0.1", "CART_MYSQL_PORT": str(self.port), "CART_MYSQL_USER": self.user,
                "CART_MYSQL_PASSWORD": self.password, "CART_MYSQL_DATABASE": self.database}
