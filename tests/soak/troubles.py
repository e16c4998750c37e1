"""Each backend in a soak: its server, its settings, and what happens to it meanwhile."""

import contextlib
import os
import sqlite3

import private_dynalite
import private_mariadb
from private_mariadb import Lost, SqlError

SUSPENDED_S = 1.5


class Memory:
    keys = None

    def __init__(self, folder, wait):
        """wait(seconds): sleeps, or returns early when the soak ends."""
        self.folder, self.wait = folder, wait

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def version(self):
        return "memory"

    def settings(self):
        return {"backend": "memory"}

    def troubles(self):
        """Functions, to be called one after another."""
        return []


class Sqlite(Memory):
    def version(self):
        return "SQLite " + sqlite3.sqlite_version

    def settings(self):
        # The default cache has room for more pages than the file has for hours, so it would only grow.
        return {"backend": "sqlite", "sqlite.path": os.path.join(self.folder, "cart.db"), "sqlite.sweep_interval": "5s", "sqlite.cache": "256KiB"}

    def troubles(self):
        return [self.lock, self.read_long]

    @contextlib.contextmanager
    def transaction(self, begin):
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "cart.db"), 10, isolation_level=None)) as other:
            other.execute(begin)
            yield other
            other.execute("ROLLBACK")

    def lock(self):
        with self.transaction("BEGIN IMMEDIATE"):
            self.wait(SUSPENDED_S)

    def read_long(self):
        with self.transaction("BEGIN") as other:
            other.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            self.wait(2 * SUSPENDED_S)


class Server(Memory):
    """A server of our own."""

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.close()

    def version(self):
        return self.server.version()

    def suspend(self):
        self.server.suspend()
        self.wait(SUSPENDED_S)
        self.server.resume()

    def restart(self):
        self.server.kill()
        self.server.start()


class Mysql(Server):
    def __init__(self, folder, wait):
        super().__init__(folder, wait)
        self.server = private_mariadb.server()

    def settings(self):
        return private_mariadb.settings_for(self.server, sweep_interval="5s", lifetime="30s")

    def troubles(self):
        return [self.kill_connections, self.suspend, self.kill_connections, self.hold_rows, self.kill_connections, self.restart]

    def kill_connections(self):
        with self.server.connect() as session:
            for connection, in session.sql("SELECT id FROM information_schema.processlist WHERE user = 'cart'"):
                with contextlib.suppress(SqlError, Lost):
                    session.sql("KILL %s" % connection)

    def hold_rows(self):
        with self.server.connect() as session:
            session.sql("START TRANSACTION; SELECT version FROM cart.carts LIMIT 20 FOR UPDATE")
            self.wait(SUSPENDED_S)
            session.sql("ROLLBACK")


class Dynamodb(Server):
    def __init__(self, folder, wait):
        super().__init__(folder, wait)
        self.server = private_dynalite.server(on_disk=True)

    def __enter__(self):
        super().__enter__()
        self.keys = private_dynalite.keys_for(self.server)
        return self

    def settings(self):
        return private_dynalite.settings_for(self.server)

    def troubles(self):
        return [self.suspend, self.suspend, self.restart]


KINDS = {"memory": Memory, "sqlite": Sqlite, "mysql": Mysql, "dynamodb": Dynamodb}
