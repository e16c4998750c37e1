"""The private MariaDB of bench/perf/run-mysql."""

import os
import shutil
import time

import mariadb
from servers import Failure
from watch import Database

# A million carts fit the pool, and no log is full within a run. A change is on the disk before it is answered.
OPTIONS = [
    "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=2G", "--max-connections=400",
    "--innodb-io-capacity-max=20000",
]
SUMMARY = "pool 2 GiB, log 2 GiB, innodb_flush_log_at_trx_commit=1"
SETTLED_PAGES, SETTLE_S = 100, 120


class MariaDB(Database):
    settings = ("backend=mysql",)

    def make(self):
        self.folder = self.bench.path("mariadb")
        shutil.rmtree(self.folder, ignore_errors=True)
        # Under the results, not under $TMPDIR: that may be memory.
        return mariadb.Server(folder=self.folder, options=OPTIONS)

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text):
        """Runs SQL as root and returns the rows."""
        try:
            return self.server.sql(text, timeout=120)
        except (mariadb.SqlError, mariadb.Lost) as e:
            raise Failure(f"{text.split()[0]}: {e}") from e

    def create(self, name):
        """Makes a database with the schema that cartd makes."""
        if name != "cart":
            self.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        with self.cartd(f"mysql.database={name}"):
            pass

    def drop(self, name):
        self.sql(f"DROP DATABASE {name}")

    def fill(self, name, count, kind="v4", connections=4):
        """Inserts open carts of three lines. Returns the file of their ids, and what the floor counted."""
        ids = self.bench.path(name + ".ids")
        self.create(name)
        return ids, self._floor(name, "insert", kind, ids, connections, count)

    def settle(self):
        """Waits until the pages that filling left dirty are written, so that this does not happen during a measurement."""
        self.sql("SET GLOBAL innodb_io_capacity = @@GLOBAL.innodb_io_capacity_max, GLOBAL innodb_max_dirty_pages_pct = 0")
        until = time.monotonic() + SETTLE_S
        while int(self.sql("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")[0][1]) > SETTLED_PAGES:
            if time.monotonic() > until:
                raise Failure(f"the database did not write its pages within {SETTLE_S} s")
            time.sleep(0.1)
        self.sql("SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT, GLOBAL innodb_io_capacity = DEFAULT")

    def mebibytes_of(self, name):
        """The size of the carts and their lines with the indexes. The files are larger: they grow in steps."""
        self.sql(f"ANALYZE TABLE {name}.carts, {name}.cart_items")
        rows = self.sql(
            "SELECT SUM(stat_value) * @@GLOBAL.innodb_page_size / 1048576 FROM mysql.innodb_index_stats"
            f" WHERE stat_name = 'size' AND database_name = '{name}' AND table_name IN ('carts', 'cart_items')"
        )
        return float(rows[0][0])

    def floor(self, work, form, ids, connections, seconds=None, database="cart", all_refused=False):
        """Runs blocking clients on the other core for a slice."""
        ms = int((seconds or self.bench.seconds) * 1000)
        return self.watch(lambda: self._floor(database, work, form, ids, connections, ms, all_refused=all_refused))

    def _floor(self, database, *words, all_refused=False):
        counted = self.bench.floor("mysql_floor", *words, environment={**os.environ, "CART_MYSQL_DATABASE": database})
        if counted["refused"] != (counted["operations"] if all_refused else 0):
            raise Failure(f"mysql_floor {words[0]}: {counted['refused']} of {counted['operations']} refused")
        return counted
