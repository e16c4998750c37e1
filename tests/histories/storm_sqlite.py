#!/usr/bin/python3
"""A storm over two services on one SQLite file: storm.py says what that is. In `make chaos`: some minutes."""

import contextlib
import os
import sqlite3
import sys
import uuid

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "fault")]
import disk  # noqa: E402
import scene  # noqa: E402
import storm  # noqa: E402
import tap  # noqa: E402


class Scene(scene.Scene):
    """database: the path of the file."""

    def settings_for(self, database):
        return {"backend": "sqlite", "sqlite.path": database}

    def version(self):
        return "SQLite " + sqlite3.sqlite_version

    def tables(self, database):
        with contextlib.closing(sqlite3.connect(database)) as session:
            carts = {str(uuid.UUID(bytes=cart)): (version, state == 1)
                     for cart, version, state in session.execute("SELECT id, version, state FROM carts")}
            lines = {}
            for cart, product, quantity in session.execute("SELECT cart_id, product_id, quantity FROM cart_items"):
                lines.setdefault(str(uuid.UUID(bytes=cart)), {})[int(product)] = quantity
        return carts, lines


@contextlib.contextmanager
def lock_of(path):
    """Somebody else writes, and takes their time."""
    with contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as session:
        session.execute("BEGIN IMMEDIATE")
        yield
        session.execute("ROLLBACK")


def locked(path):
    def fault(storm_):
        with lock_of(path):
            storm_.wait_some(0.2, 1.5)
    return fault


def blip_of_lock(path):
    def fault(storm_):
        with contextlib.ExitStack() as held:
            storm_.live_through_blip("a lock", lambda: held.enter_context(lock_of(path)), held.close)
    return fault


def a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable():
    with disk.small(256) as folder:
        path = os.path.join(folder, "cart.db")
        storm.Storm("sqlite", Scene(path), {
            "disk full": storm.full(folder), "file locked": locked(path), "blip of a lock": blip_of_lock(path)}).run()


if __name__ == "__main__":
    tap.main_of([a_storm_over_two_services_loses_nothing_doubles_nothing_and_is_linearizable])
