#!/usr/bin/python3
"""docs/examples/copy_of_carts.py follow, that also keeps every event as it came, in the transaction of the copy: a table `events`."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "docs", "examples"))
sys.dont_write_bytecode = True
import copy_of_carts  # noqa: E402

WAIT = "2s"


class LoggedCopy(copy_of_carts.Copy):
    def __init__(self, path):
        super().__init__(path)
        self.database.executescript("CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, event TEXT NOT NULL);"
                                    "CREATE TABLE IF NOT EXISTS read_anew (number INTEGER PRIMARY KEY);")

    def apply(self, event):
        self.database.execute("INSERT INTO events (event) VALUES (?)", (json.dumps(event),))
        super().apply(event)

    def take(self, after, cursor, events=(), carts=()):
        super().take(after, cursor, events, carts)
        if carts:
            with self.database:
                self.database.execute("INSERT INTO read_anew DEFAULT VALUES")

    def events(self):
        for text, in self.database.execute("SELECT event FROM events ORDER BY number"):
            yield json.loads(text), text

    def times_read_anew(self):
        return self.database.execute("SELECT COUNT(*) FROM read_anew").fetchone()[0]


if __name__ == "__main__":
    copy_of_carts.WAIT_S, copy_of_carts.SILENT_S = 2, 3  # a service that was stopped is given up soon
    copy_of_carts.LIMIT = int(os.environ.get("FOLLOW_LIMIT", copy_of_carts.LIMIT))
    copy, service = LoggedCopy(sys.argv[1]), copy_of_carts.Service(sys.argv[2:])
    while True:
        copy_of_carts.read_page(copy, service, WAIT)
