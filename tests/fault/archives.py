"""Carts on their way to an archive and back, and what is true of store and archive whatever has stopped cartctl.

Carts are put into the database by SQL, thousands in a moment, and read back from it and from the files by this program, not by cartctl.
"""

import glob
import gzip
import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
import uuid

import private_dynalite
from cartd import CARTCTL, ROOT, cartctl, die_with_parent, environment, words_of
from tap import say

DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3600 * 1000
DDL = os.path.join(ROOT, "schemas", "athena", "carts.sql")


class Cart:
    """A cart that is checked out, so many days ago, or open."""

    def __init__(self, choice, days, state=1):
        self.id = uuid.UUID(int=choice.getrandbits(128), version=4)
        self.state, self.version = state, choice.randrange(2, 9)
        self.updated_ms = int(time.time() * 1000) - days * DAY_MS - choice.randrange(DAY_MS)
        self.customer = str(choice.randrange(1, 1000)) if choice.random() < 0.9 else None
        self.order = uuid.UUID(int=choice.getrandbits(128), version=4) if state == 1 else None
        self.lines = [(str(product), choice.randrange(1, 9), choice.choice((None, '{"name":"a \\"b\\"","price":%d}' % product)))
                      for product in sorted(choice.sample(range(1, 99), choice.randrange(1, 5)))]

    def quantity(self):
        return sum(quantity for _, quantity, _ in self.lines)


class SqliteStore:
    name = "sqlite"

    def __init__(self, folder):
        self.folder, self.path = folder, os.path.join(folder, "carts.db")
        self.settings = {"backend": "sqlite", "sqlite.path": self.path}
        status, said = cartctl(folder, self.settings, "provision")
        assert status == 0, said

    def connect(self):
        return sqlite3.connect(self.path, timeout=30)

    def fill(self, carts):
        with self.connect() as database:
            database.executemany(
                "INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms, idle_ms, expires_ms, sweep_ms, order_id, items)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
                [(cart.id.bytes, cart.customer, cart.state, cart.version, cart.updated_ms - 5000, cart.updated_ms,
                  cart.updated_ms - cart.updated_ms % HOUR_MS, 0, cart.order.bytes if cart.order else None,
                  "[%s]" % ",".join('["%s",%d,%d,%d%s]' % (product, quantity, cart.updated_ms - 4000, cart.updated_ms - 3000,
                                                           "," + attributes if attributes else "")
                                    for product, quantity, attributes in cart.lines)) for cart in carts])
        database.close()

    def rows(self):
        """{id: (version, quantity)}"""
        database = self.connect()
        found = {str(uuid.UUID(bytes=key)): (version, sum(line[1] for line in json.loads(items)))
                 for key, version, items in database.execute("SELECT id, version, items FROM carts")}
        database.close()
        return found

    def touch(self, key, state):
        """As who opens a cart again or checks it out does, by SQL."""
        with self.connect() as database:
            database.execute("UPDATE carts SET state = ?, version = version + 1, order_id = ? WHERE id = ?",
                             (state, uuid.uuid4().bytes if state == 1 else None, uuid.UUID(key).bytes))
        database.close()

    def erase(self, key):
        """As who deletes a cart does, by SQL."""
        with self.connect() as database:
            database.execute("DELETE FROM carts WHERE id = ?", (uuid.UUID(key).bytes,))
        database.close()


class MysqlStore:
    name = "mysql"

    def __init__(self, folder, server, settings):
        self.folder, self.settings = folder, settings
        status, said = cartctl(folder, settings, "provision")
        assert status == 0, said
        self.session = server.connect_as_user()

    def fill(self, carts):
        hex_of = lambda value: "x'%s'" % value.hex if value else "NULL"  # noqa: E731
        text_of = lambda value: "x'%s'" % value.encode().hex() if value is not None else "NULL"  # noqa: E731
        for at in range(0, len(carts), 500):
            part = carts[at:at + 500]
            self.session.sql(
                "INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms, idle_ms, expires_ms, sweep_ms, order_id, lines_bound, op)"
                " VALUES " + ",".join("(%s,%s,%d,%d,%d,%d,%d,0,0,%s,%d,0)" % (
                    hex_of(cart.id), text_of(cart.customer), cart.state, cart.version, cart.updated_ms - 5000, cart.updated_ms,
                    cart.updated_ms - cart.updated_ms % HOUR_MS, hex_of(cart.order), len(cart.lines)) for cart in part))
            self.session.sql("INSERT INTO cart_items (cart_id, product_id, quantity, added_ms, updated_ms, attributes) VALUES " + ",".join(
                "(%s,%s,%d,%d,%d,%s)" % (hex_of(cart.id), text_of(product), quantity, cart.updated_ms - 4000, cart.updated_ms - 3000,
                                         text_of(attributes)) for cart in part for product, quantity, attributes in cart.lines))

    def rows(self):
        return {str(uuid.UUID(key)): (int(version), int(quantity)) for key, version, quantity in self.session.sql(
            "SELECT HEX(id), version, (SELECT SUM(quantity) FROM cart_items WHERE cart_id = id) FROM carts")}

    def touch(self, key, state):
        self.session.sql("UPDATE carts SET state = %d, version = version + 1, order_id = %s WHERE id = x'%s'" % (
            state, "x'%s'" % uuid.uuid4().hex if state == 1 else "NULL", uuid.UUID(key).hex))

    def erase(self, key):
        for table, column in (("cart_items", "cart_id"), ("carts", "id")):
            self.session.sql("DELETE FROM %s WHERE %s = x'%s'" % (table, column, uuid.UUID(key).hex))

    def everything(self):
        return (self.session.sql("SELECT HEX(id), HEX(customer_id), state, version, created_ms, updated_ms, idle_ms, expires_ms, sweep_ms,"
                                 " HEX(order_id), HEX(merged_into), lines_bound FROM carts ORDER BY id"),
                self.session.sql("SELECT HEX(cart_id), HEX(product_id), quantity, added_ms, updated_ms, HEX(attributes) FROM cart_items"
                                 " ORDER BY cart_id, product_id"))


class DynamodbStore:
    """Carts come into it by cartctl restore."""
    name = "dynamodb"

    def __init__(self, folder, server, settings):
        self.folder, self.server, self.settings = folder, server, settings
        status, said = cartctl(folder, settings, "provision")
        assert status == 0, said

    def fill(self, carts):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "dt=2000-01-01"))
            with gzip.open(os.path.join(folder, "dt=2000-01-01", "0" * 64 + ".jsonl.gz"), "wt", encoding="utf-8") as file:
                for cart in carts:
                    file.write(json.dumps({
                        "id": str(cart.id), "customer_id": cart.customer, "state": "checked_out" if cart.state == 1 else "open",
                        "version": cart.version, "created_ms": cart.updated_ms - 5000, "updated_ms": cart.updated_ms, "expires_ms": None,
                        "order_id": str(cart.order) if cart.order else None, "merged_into": None,
                        "items": [{"product_id": product, "quantity": quantity, "added_ms": cart.updated_ms - 4000,
                                   "updated_ms": cart.updated_ms - 3000, "attributes": attributes}
                                  for product, quantity, attributes in sorted(cart.lines, key=lambda line: (len(line[0]), line[0]))]}) + "\n")
            status, said = cartctl(self.folder, self.settings, "restore", "--from", folder, "--unmarked")
            assert status == 0, said

    def rows(self):
        found = {}
        for item in private_dynalite.items_of(self.server):
            key = item["cart_id"]["S"]
            if key == "settings":
                continue
            version, quantity = found.get(key, (0, 0))
            if "product_id" in item or item.get("row", {}).get("S", "").startswith("ITEM#"):
                quantity += int(item["quantity"]["N"])
            else:
                version = int(item["version"]["N"])
                quantity += sum(int(line["N"]) for line in item.get("qty", {"M": {}})["M"].values())
            found[key] = (version, quantity)
        return found

    def touch(self, key, state):
        of_rows = {"row": {"S": "CART"}} if self.settings.get("dynamodb.layout") == "rows" else {}
        private_dynalite.call(self.server.endpoint, "UpdateItem", {
            "TableName": "carts", "Key": {"cart_id": {"S": key}, **of_rows},
            "UpdateExpression": "SET #status = :status, #version = #version + :one" + (" REMOVE order_id" if state == 0 else ", order_id = :order"),
            "ExpressionAttributeNames": {"#status": "status", "#version": "version"},
            "ExpressionAttributeValues": {":status": {"S": "checked_out" if state else "open"}, ":one": {"N": "1"},
                                          **({":order": {"S": str(uuid.uuid4())}} if state else {})}})

    def erase(self, key):
        for item in private_dynalite.items_of(self.server):
            if item["cart_id"]["S"] == key:
                private_dynalite.call(self.server.endpoint, "DeleteItem", {
                    "TableName": "carts", "Key": {name: item[name] for name in ("cart_id", "row") if name in item}})


class Archive:
    def __init__(self, path):
        self.path = self.target = path

    def files(self):
        return sorted(glob.glob(os.path.join(self.path, "dt=*", "*.jsonl.gz")))

    def damaged(self):
        return sorted(glob.glob(os.path.join(self.path, "_damaged", "*")))

    def deleted(self):
        """{id: version} of the carts that were put aside, which may be there more than once."""
        found = {}
        for path in sorted(glob.glob(os.path.join(self.path, "_deleted", "*.jsonl.gz"))):
            with gzip.open(path) as file:
                found.update((cart["id"], cart["version"]) for cart in map(json.loads, file))
        return found

    def marked(self):
        return {os.path.basename(path) for path in glob.glob(os.path.join(self.path, "_open", "*"))}

    def read(self, path):
        """Carts of a file, which must be whole and have the name of its content."""
        with gzip.open(path) as file:
            text = file.read()
        name, day = os.path.basename(path), os.path.basename(os.path.dirname(path))
        assert name == hashlib.sha256(text).hexdigest() + ".jsonl.gz", "%s is not named by its content" % path
        carts = [json.loads(line) for line in text.decode().splitlines()]
        for cart in carts:
            assert "dt=" + time.strftime("%Y-%m-%d", time.gmtime(cart["updated_ms"] // 1000)) == day, "%s is in %s" % (cart, day)
        return carts

    def stem(self, path):
        return "%s.%s" % (os.path.basename(os.path.dirname(path))[3:], os.path.basename(path).split(".")[0])

    def rows(self):
        """{id: (version, quantity)} of all files; each id once."""
        found = {}
        for path in self.files():
            for cart in self.read(path):
                assert cart["id"] not in found, "%s is in the archive twice" % cart["id"]
                found[cart["id"]] = (cart["version"], sum(item["quantity"] for item in cart["items"]))
        return found


class Scene:
    """A store and an archive, and what must be in one of them."""

    def __init__(self, store, choice=None, archive=None):
        self.store, self.archive = store, archive or Archive(os.path.join(store.folder, "archive"))
        self.choice = choice or seeded()
        self.old, self.rest = {}, {}  # {id: quantity}: to be archived; to stay
        self.erased = set()  # deleted by somebody else after they were restored

    def fill(self, count, young=10, still_open=10):
        carts = [Cart(self.choice, 91 + at % 2) for at in range(count)]
        others = [Cart(self.choice, 2) for _ in range(young)] + [Cart(self.choice, 95, state=0) for _ in range(still_open)]
        self.store.fill(carts + others)
        self.old.update((str(cart.id), cart.quantity()) for cart in carts)
        self.rest.update((str(cart.id), cart.quantity()) for cart in others)

    def words(self, *options):
        return [CARTCTL, *words_of(self.store.settings), "archive", "--older-than", "90d", "--to", self.archive.target, *options]

    def run(self, *options):
        status, said = cartctl(self.store.folder, self.store.settings, "archive", "--older-than", "90d", "--to", self.archive.target, *options)
        assert status == 0, said
        return said

    def restore(self, *options, want=0):
        status, said = cartctl(self.store.folder, self.store.settings, "restore", "--from", self.archive.target, *options)
        assert status == want, said
        return said

    def start(self, *options, env=None):
        return subprocess.Popen(self.words(*options), env={**environment(), **(env or {})}, cwd=self.store.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)

    def reopen(self, key):
        """An old cart that is in the store; it stays there from now on."""
        self.store.touch(key, 0)
        self.rest[key] = self.old.pop(key)

    def erase(self, key):
        """A cart that is in the store, as a file says too, is deleted by somebody else."""
        self.store.erase(key)
        (self.old if key in self.old else self.rest).pop(key)
        self.erased.add(key)

    def check_erased(self):
        """Who was deleted is out of the files, put aside, and does not come back."""
        hot, cold, aside = self.store.rows(), self.archive.rows(), self.archive.deleted()
        assert not self.erased & set(hot), "a cart that was deleted is back"
        assert not self.erased & set(cold), "a cart that was deleted is in a file"
        assert self.erased == set(aside), "%d carts are put aside, and %d were deleted" % (len(aside), len(self.erased))

    def check_stopped(self):
        """Whenever it was stopped: nothing is lost, and no cart of a file that is not marked is in the store."""
        hot, marked, cold = self.store.rows(), self.archive.marked(), {}
        for path in self.archive.files():
            carts = {cart["id"]: cart["version"] for cart in self.archive.read(path)}
            cold.update(carts)
            assert self.archive.stem(path) in marked or not set(carts) & set(hot), "%s has no mark and carts of the store" % path
        missing = [key for key in {**self.old, **self.rest} if key not in hot and key not in cold]
        assert not missing, "%d carts are lost, such as %s" % (len(missing), missing[0])
        assert not [key for key in self.rest if key not in hot], "a cart that was to stay is gone"

    def check_complete(self):
        """After a run that ended: each cart in one place, once."""
        hot, cold = self.store.rows(), self.archive.rows()
        assert {key: quantity for key, (_, quantity) in cold.items()} == self.old, "the archive has %d carts and not the %d of before" % (
            len(cold), len(self.old))
        assert {key: quantity for key, (_, quantity) in hot.items()} == self.rest, "the store has %d carts and not the %d of before" % (
            len(hot), len(self.rest))
        assert not self.archive.marked(), "files are still marked"
        assert not glob.glob(os.path.join(self.archive.path, "_tmp", "*")), "temporary files are left"


def seeded():
    seed = int(os.environ.get("CART_SEED") or random.SystemRandom().getrandbits(32))
    say("CART_SEED=%d" % seed)
    return random.Random(seed)


def delete_after_restore(scene):
    """One of two carts that are in the archive is restored and deleted, and one of them restored alone."""
    cold = sorted(set(scene.old) - set(scene.store.rows()))
    for key in scene.choice.sample(cold, min(2, len(cold))):
        scene.restore("--id", key)
        if key == cold[-1] or scene.choice.random() < 0.5:
            scene.erase(key)


def kill_at_random(store, kills, carts=1500, scene=None):
    """Each run is killed at some time, until it has come to the end; then there are more carts to archive."""
    scene, done, ended = scene or Scene(store), 0, 0
    scene.fill(carts)
    began = time.monotonic()
    scene.run("--batch", "150")
    within_s = time.monotonic() - began
    while done < kills:
        scene.fill(carts)
        over = False
        while not over:
            began = time.monotonic()
            process = scene.start("--batch", "150")
            time.sleep(scene.choice.uniform(0.01, within_s * 0.9))
            process.kill()
            said = process.communicate()[0].decode()
            over = process.returncode != -signal.SIGKILL
            assert not over or process.returncode == 0, said
            if over:  # the machine has become faster
                within_s = min(within_s, max(0.05, (time.monotonic() - began) / 2))
            done += not over
            scene.check_stopped()
            hot = sorted(set(scene.old) & set(scene.store.rows()))
            if not over and hot:
                scene.reopen(scene.choice.choice(hot))
            if not over:
                delete_after_restore(scene)
            if done >= kills:
                break
        scene.run("--batch", "150")
        scene.check_complete()
        scene.check_erased()
        ended += 1
    say("%d kills in %d archives, %d carts archived, %d left in the store, %d deleted after a restore" % (
        done, ended, len(scene.old), len(scene.rest), len(scene.erased)))
    count_by_duckdb(scene)


def kill_library(folder):
    library = os.path.join(folder, "kill_at.so")
    compiler = os.environ.get("CC", "cc").split()[-1]
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", "-o", library, os.path.join(ROOT, "tests", "fault", "kill_at.c")],
                   check=True, timeout=60)
    return library


def kill_at_step(scene, preload, at, changes):
    """False: the run has fewer calls. changes: a cart of a file is opened again beforehand, and after the kill another one."""
    scene.fill(6, young=0, still_open=0)
    if changes:
        # Carts in files that are marked, one of which has another version in the store.
        scene.run()
        keys = scene.choice.sample(sorted(scene.old), 4)
        for key in keys:
            scene.restore("--id", key)
        scene.reopen(keys[0])
        scene.reopen(keys[1])
        scene.erase(keys[1])
        scene.erase(keys[2])
    process = scene.start("--batch", "4", env={**preload, "KILL_AT": str(at), **({"KILL_HALF": "1"} if at % 2 else {})})
    said = process.communicate()[0].decode()
    killed = process.returncode == -signal.SIGKILL
    assert killed or process.returncode == 0, said
    scene.check_stopped()
    hot = sorted(set(scene.old) & set(scene.store.rows()))
    if changes and hot:
        scene.reopen(hot[0])
    scene.run()
    scene.check_complete()
    scene.check_erased()
    return killed


def kill_restore_at_steps(store, most):
    """A restore that is killed in some call is made again; then carts that it gave back are deleted."""
    scene, library = Scene(store), kill_library(store.folder)
    for at in range(1, most + 1):
        scene.fill(4, young=0, still_open=0)
        scene.run()
        kept, gone = scene.choice.sample(sorted(scene.old), 2)
        for key in (kept, gone):
            words = [CARTCTL, *words_of(store.settings), "restore", "--from", scene.archive.target, "--id", key]
            subprocess.run(words, env={**environment(), "LD_PRELOAD": library, "KILL_AT": str(at), "ASAN_OPTIONS": "verify_asan_link_order=0:" +
                                       os.environ.get("ASAN_OPTIONS", "")}, cwd=store.folder, stdout=subprocess.DEVNULL, check=False)
            scene.check_stopped()
            scene.restore("--id", key)
        scene.erase(gone)
        scene.run()
        scene.check_complete()
        scene.check_erased()


def what_was_deleted_stays_deleted(scene):
    """Carts are restored; some are opened again, some deleted, some both, before the next run of archive."""
    scene.fill(40)
    scene.run()
    changed, deleted, both, same = scene.choice.sample(sorted(scene.old), 4)
    for key in (changed, deleted, both, same):
        scene.restore("--id", key)
    scene.reopen(changed)
    scene.reopen(both)
    scene.erase(both)
    scene.erase(deleted)
    said = scene.restore("--id", deleted, want=1)
    assert "0 carts restored, 0 were there\n1 was deleted since an earlier restore" in said and "--again" in said, said
    assert "36 carts restored, 2 were there\n2 were deleted since" in scene.restore()
    hot = scene.store.rows()
    assert not {deleted, both} & set(hot) and {changed, same} <= set(hot)
    said = scene.run()
    assert "1 changed meanwhile and stays in the store\n2 deleted since they were restored, and now in _deleted/\n" in said, said
    scene.check_complete()
    scene.check_erased()
    assert "no such cart in the archive" in scene.restore("--id", deleted, want=1)
    assert "37 carts restored, 0 were there\n" in scene.restore()
    scene.run()
    scene.check_complete()
    scene.check_erased()


def kill_at_steps(store, most, changes=False):
    """The calls that change the disk are the last one once: each, or as many of them as are asked for."""
    scene, library, count = Scene(store), kill_library(store.folder), os.path.join(store.folder, "count")
    preload = {"LD_PRELOAD": library, "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
    assert not kill_at_step(scene, {**preload, "KILL_COUNT": count}, 0, changes)
    with open(count, encoding="ascii") as file:
        calls = int(file.read())
    assert calls > 12, "a run has %d calls alone" % calls
    steps = range(1, calls + 1)
    if calls > most:
        steps = sorted(scene.choice.sample(steps, most))
    killed = sum(kill_at_step(scene, preload, at, changes) for at in steps)
    say("killed in %d of %d calls" % (killed, calls))
    assert killed >= len(steps) // 2


def columns_of_ddl():
    """{name: type} of the table in schemas/athena, in DuckDB's types."""
    with open(DDL, encoding="utf-8") as file:
        text = re.sub(r"--[^\n]*", "", file.read())
    body = text[text.index("CREATE EXTERNAL TABLE carts (") + len("CREATE EXTERNAL TABLE carts ("):text.index(")\nPARTITIONED")]
    columns = dict(re.findall(r"^\t(\w+)\s+(.*?),?$", body, re.M))
    simple = {"string": "VARCHAR", "bigint": "BIGINT"}
    for name, kind in columns.items():
        struct = re.fullmatch(r"array<struct<(.*)>>", kind)
        columns[name] = simple[kind] if struct is None else "STRUCT(%s)[]" % ", ".join(
            "%s %s" % (member.split(":")[0], simple[member.split(":")[1]]) for member in struct.group(1).split(","))
    return columns


def while_stopped_after(scene, at, what, library):
    """A run is stopped in its call number at, and goes on after what(). False: it has fewer calls. What it holds then, it keeps."""
    process = scene.start("--batch", "40", env={"LD_PRELOAD": library, "KILL_AT": str(at), "KILL_STOPS": "1",
                                                "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")})
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        process.returncode = os.waitstatus_to_exitcode(status)
        return False
    what()
    process.send_signal(signal.SIGCONT)
    said = process.communicate()[0].decode()
    assert process.returncode == 0, said
    return True


def two_at_once(store, steps, carts=100):
    """Of two runs into two folders one is stopped in some call, while the other one has the store for itself."""
    first, second, library = Scene(store), Scene(store), kill_library(store.folder)
    second.archive = Archive(os.path.join(store.folder, "other"))
    for at in steps:
        others = []

        def run_other(others=others):
            others.append(second.start("--batch", "40"))
            try:
                others[0].wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                pass  # the first one was stopped while it had the lock of the file

        first.fill(carts)
        if not while_stopped_after(first, at, run_other, library):
            break
        said = others[0].communicate()[0].decode()
        assert others[0].returncode == 0, said
        hot, here, there = store.rows(), first.archive.rows(), second.archive.rows()
        both = set(here) & set(there)
        assert not both, "stopped in call %d: %d carts are in both archives, such as %s" % (at, len(both), sorted(both)[0])
        assert set(here) | set(there) == set(first.old) and set(hot) == set(first.rest), "carts are lost"
        assert not first.archive.marked() and not second.archive.marked()
    say("%d carts in one archive, %d in the other" % (len(first.archive.rows()), len(second.archive.rows())))


def count_by_duckdb(scene):
    """The files by the columns of schemas/athena, as Athena reads them."""
    columns = columns_of_ddl()
    try:
        import duckdb  # pylint: disable=import-outside-toplevel
    except ImportError:
        say("not tested: that DuckDB reads the files by the columns of schemas/athena; its module for Python is not installed")
        return False
    table = "read_json('%s/dt=*/*.jsonl.gz', format='newline_delimited', hive_partitioning=true, columns={%s})" % (
        scene.archive.path, ", ".join("%s: '%s'" % item for item in columns.items()))
    ask = lambda text: duckdb.connect().execute(text % table).fetchall()  # noqa: E731
    (carts, ids, orders, days), = ask("SELECT count(*), count(DISTINCT id), count(order_id), count(DISTINCT dt) FROM %s")
    (quantity,), = ask("SELECT sum(item.quantity) FROM (SELECT unnest(items) AS item FROM %s)")
    assert carts == ids == orders == len(scene.old), "DuckDB counts %d carts, %d ids, %d orders; there are %d" % (
        carts, ids, orders, len(scene.old))
    assert quantity == sum(scene.old.values()), "DuckDB sums up to %s, not %d" % (quantity, sum(scene.old.values()))
    assert days >= 2, "%d partitions" % days
    names = ask("SELECT item.attributes ->> '$.name' AS name, count(*) FROM (SELECT unnest(items) AS item FROM %s)"
                " WHERE item.attributes IS NOT NULL GROUP BY name")
    assert [name for name, _ in names] == ['a "b"'], names
    return True

