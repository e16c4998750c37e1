"""Makes hundreds of thousands of carts: directly in a SQLite file that cartd has provisioned, or over HTTP in any cartd."""

import random
import sqlite3
import time
import uuid

from servers import Client, items_of

LINES = 3
PIPELINED = 64
SWEEP_MS = 86_400_000  # the rounding of carts.sweep_ms with the default cart.ttl, see schemas/sqlite
IDLE_STEP_MS = 3_600_000  # likewise of carts.idle_ms with the default cart.idle_step
TTL_MS = 30 * 86_400_000


def _rows(ids, now_ms):
    expires = now_ms + TTL_MS
    sweep = -(-expires // SWEEP_MS) * SWEEP_MS
    for i, cart in enumerate(ids):
        # Spread over the last day, so that no two indexes are in one order.
        at = now_ms - (i * 7919) % 86_400_000
        items = ",".join(f'["{product}",1,{at},{at}]' for product in range(1, LINES + 1))
        yield cart, str(1 + i), 0, 2, at, at, at - at % IDLE_STEP_MS, expires, sweep, f"[{items}]"


def sqlite(path, ids_path, count):
    """Puts count open carts of three lines into the database and their ids, one a line, into ids_path."""
    numbers = random.Random(1)
    # In no order, as they are made: sorted ones would pack the index of ids tighter than it ever is.
    ids = [uuid.UUID(int=numbers.getrandbits(128), version=4).bytes for _ in range(count)]
    now_ms = int(time.time() * 1000)
    db = sqlite3.connect(path)
    db.execute("PRAGMA cache_size = -262144")
    db.execute("PRAGMA synchronous = OFF")  # the checkpoint at the end is flushed
    with db:
        db.executemany(
            "INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms, idle_ms, expires_ms, sweep_ms, items)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _rows(ids, now_ms),
        )
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with open(ids_path, "w") as f:
        f.writelines(str(uuid.UUID(bytes=cart)) + "\n" for cart in ids)


def http(port, ids_path, count):
    """The same over HTTP, pipelined: one connection, many requests on their way."""
    with Client(port, 60) as client, open(ids_path, "w") as f:
        for first in range(0, count, PIPELINED):
            carts = client.create_many(range(1 + first, 1 + min(count, first + PIPELINED)))
            client.ask_many("POST", [cart + "/items" for cart in carts], [items_of(range(1, LINES + 1))] * len(carts))
            f.writelines(cart.rpartition("/")[2] + "\n" for cart in carts)
