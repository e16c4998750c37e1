"""A private MariaDB for bench/perf/run-mysql, on a core of its own, and what works on it without cartd."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from servers import LOAD_CORE, SERVER_CORE, Failure

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import mariadb  # noqa: E402

# A million carts fit the pool, and no log is full within a run. A change is on the disk before it is answered.
OPTIONS = [
    "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=2G", "--max-connections=400",
    "--innodb-io-capacity-max=20000",
]
SUMMARY = "pool 2 GiB, log 2 GiB, innodb_flush_log_at_trx_commit=1"
LINES = 3
BATCH = 32  # carts a transaction when filling
SETTLED_PAGES, SETTLE_S = 100, 120
TICKS = os.sysconf("SC_CLK_TCK")
QUIET = 0.15  # of one core: when others take more, a slice is disturbed


def machine_cpu_seconds():
    """That all processors were busy, or taken away from this machine."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def our_cpu_seconds(server):
    """Of this process, of its children that have ended, and of a server."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + (server.cpu_seconds() if server else 0)


def undisturbed(pair):
    return all(side["others_cpu"] <= QUIET for side in pair)


def disturbance(pairs):
    """A note and whether there can be a verdict."""
    if all(map(undisturbed, pairs)):
        return "", False
    worst = max(side["others_cpu"] for pair in pairs for side in pair)
    return f"; others took up to {worst:.0%} of a core", True


def shares(pairs):
    a, b = (f"{statistics.median(pair[i]['db_cpu'] for pair in pairs):.0%}" for i in (0, 1))
    return f"; the database was busy for {b} and {a} of the time"


class Watched:
    """A database server on a core of its own, whose processor time is counted beside what is measured on it."""

    def cpu_seconds(self):
        """Of all its threads, those that have ended too; counted in hundredths."""
        with open(f"/proc/{self.server.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def watch(self, work, server=None):
        """What work() counted, with what it cost the database, and what everybody else took of the processors meanwhile."""
        before, mine, machine, began = self.cpu_seconds(), our_cpu_seconds(server), machine_cpu_seconds(), time.monotonic()
        counted = work()
        seconds = time.monotonic() - began
        cost = max(self.cpu_seconds() - before, 1 / TICKS)
        counted["db_cpu"] = cost / seconds
        counted["per_db_cpu_s"] = counted["per_s"] * counted["seconds"] / cost
        others = machine_cpu_seconds() - machine - cost - (our_cpu_seconds(server) - mine)
        counted["others_cpu"] = max(0.0, others / seconds)
        return counted

    def load(self, cartd, connections, load, ids, seconds=None):
        """HTTP clients on the other core, beside cartd, for a slice."""
        return self.watch(lambda: self.bench.wrk(cartd, connections, load, ids, seconds=seconds), cartd)


class Database(Watched):
    """Use it with `with`: server and data end with the block."""

    def __init__(self, bench):
        self.bench = bench
        self.folder = bench.path("mariadb")

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        # Under the results, not under $TMPDIR: that may be memory.
        self.server = mariadb.Server(folder=self.folder, options=OPTIONS)
        everywhere = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {SERVER_CORE})
            self.server.start()
        except mariadb.Failure as e:
            self.server.close()
            raise Failure(str(e)) from e
        finally:
            os.sched_setaffinity(0, everywhere)
        os.environ.update({name: text for name, text in self.server.environment().items() if name.startswith("CART_MYSQL_")})
        return self

    def __exit__(self, *_):
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text):
        """As root: the rows."""
        try:
            return self.server.sql(text, timeout=120)
        except (mariadb.SqlError, mariadb.Lost) as e:
            raise Failure(f"{text.split()[0]}: {e}") from e

    def cartd(self, *settings, database="cart"):
        """Beside the load: the database has its core to itself, as it has for the floor."""
        return self.bench.cartd("backend=mysql", f"mysql.database={database}", *settings, core=LOAD_CORE)

    def create(self, name):
        """A database with the schema that cartd makes."""
        if name != "cart":
            self.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        with self.cartd(database=name):
            pass

    def drop(self, name):
        self.sql(f"DROP DATABASE {name}")

    def fill(self, name, count, kind="v4", connections=4):
        """So many open carts of three lines; the file of their ids, and what inserting them took."""
        ids = self.bench.path(name + ".ids")
        self.create(name)
        return ids, self._floor(name, "insert", kind, ids, connections, count, LINES, BATCH)

    def settle(self):
        """Writes to the disk what filling left to write, so that it is not written while something is measured."""
        self.sql("SET GLOBAL innodb_io_capacity = @@GLOBAL.innodb_io_capacity_max, GLOBAL innodb_max_dirty_pages_pct = 0")
        until = time.monotonic() + SETTLE_S
        while int(self.sql("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")[0][1]) > SETTLED_PAGES:
            if time.monotonic() > until:
                raise Failure(f"the database did not write its pages within {SETTLE_S} s")
            time.sleep(0.1)
        self.sql("SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT, GLOBAL innodb_io_capacity = DEFAULT")

    def mebibytes_of(self, name):
        """What its carts and their lines take, indexes and all. A file is larger: it grows in steps."""
        self.sql(f"ANALYZE TABLE {name}.carts, {name}.cart_items")
        rows = self.sql(
            "SELECT SUM(stat_value) * @@GLOBAL.innodb_page_size / 1048576 FROM mysql.innodb_index_stats"
            f" WHERE stat_name = 'size' AND database_name = '{name}' AND table_name IN ('carts', 'cart_items')"
        )
        return float(rows[0][0])

    def floor(self, work, form, ids, connections, seconds=None, database="cart", all_refused=False):
        """Blocking clients on the other core for a slice."""
        ms = int((seconds or self.bench.seconds) * 1000)
        return self.watch(lambda: self._floor(database, work, form, ids, connections, ms, all_refused=all_refused))

    def _floor(self, database, *args, all_refused=False):
        program = os.path.join(self.bench.build, "bench", "perf", "floor", "mysql_floor")
        result = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), program, *map(str, args)], capture_output=True, text=True, timeout=900,
            env={**os.environ, "CART_MYSQL_DATABASE": database},
        )
        if result.returncode != 0:
            raise Failure(result.stderr.strip())
        counted = json.loads(result.stdout)
        if counted["refused"] != (counted["operations"] if all_refused else 0):
            raise Failure(f"mysql_floor {args[0]}: {counted['refused']} of {counted['operations']} refused")
        self.bench.slices.append({"server": "mysql_floor", "load": args[0], **counted})
        return counted
