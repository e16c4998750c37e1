#!/usr/bin/python3
"""Keeps a copy of all carts by the feed alone, and compares it with the store.

    copy_of_carts.py follow COPY URL...     until it is ended; it may be killed at any time
    copy_of_carts.py anew COPY URL...       reads all carts that lists have, for follow to go on from there
    copy_of_carts.py compare COPY URL...    exit status 1 if copy and store differ, and says in what

COPY is an SQLite file. URL is a cartd with feed=on, such as http://localhost:8080; of several the next one is asked when one does not answer.
FEED_TOKEN in the environment is a bearer token with the scope admin. docs/consumers.md says what the steps are for.
"""

import http.client
import itertools
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

WAIT_S = 20  # of a request for the next event
SILENT_S = 10  # a service that says nothing for so long, beyond that wait, is given up
PAUSE_S, PAUSE_MAX_S = 0.1, 5  # before the next try
LIMIT, BATCH = 1000, 100  # events and carts of one request
REMOVED = ("cart.deleted", "cart.expired")
SCHEMA = """CREATE TABLE IF NOT EXISTS carts (id TEXT PRIMARY KEY, version INTEGER NOT NULL, cart TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT);
INSERT OR IGNORE INTO place VALUES (1, NULL);"""


class CursorGone(Exception):
    """There were events after the cursor that are not kept any more."""


class Service:
    def __init__(self, urls):
        self.urls = itertools.cycle(urls)
        self.url = next(self.urls)

    def ask(self, path, body=None, **query):
        """The answer as JSON. Asks until there is one: nothing that is asked for here changes a cart."""
        headers = {"Content-Type": "application/json"}
        if "FEED_TOKEN" in os.environ:
            headers["Authorization"] = "Bearer " + os.environ["FEED_TOKEN"]
        data, target, pause_s = body and json.dumps(body).encode(), path + "?" + urllib.parse.urlencode(query), PAUSE_S
        while True:
            wait_s = pause_s
            try:
                with urllib.request.urlopen(urllib.request.Request(self.url + target, data, headers), timeout=WAIT_S + SILENT_S) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code == 410:
                    raise CursorGone from None
                if error.code not in (429, 500, 502, 503, 504):
                    raise SystemExit("%s: %d %s" % (target, error.code, error.read().decode())) from None
                wait_s = max(pause_s, int(error.headers.get("Retry-After", 0)))
            except (OSError, http.client.HTTPException, ValueError):
                pass  # refused, cut off, silent, half an answer
            self.url = next(self.urls)
            time.sleep(wait_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    def carts(self, ids):
        """{id: cart; None: there is none}"""
        found, ids = {}, sorted(ids)
        for at in range(0, len(ids), BATCH):
            answer = self.ask("/shopping-carts/batch-get", {"ids": ids[at:at + BATCH]})
            found.update({cart["shopping_cart_id"]: cart for cart in answer["carts"]}, **dict.fromkeys(answer["missing"]))
        return found

    def listed(self, **whose):
        """Ids and customers of the carts of a list."""
        cursor = {}
        while cursor is not None:
            page = self.ask("/shopping-carts", limit=BATCH, **whose, **cursor)
            yield from ((cart["shopping_cart_id"], cart["customer_id"]) for cart in page["carts"])
            cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}

    def ids(self, copy):
        """Of the carts in the copy, all open ones, and all those of the customers of both. No list has other closed carts."""
        found = {key: cart["customer_id"] for key, cart in copy.items()}
        found.update(self.listed(idle_since=utc(time.time() + 86400)))
        for customer in set(found.values()) - {None}:
            found.update(self.listed(customer_id=customer))
        return set(found)


class Copy:
    """The carts, and the cursor of the events that they are made of: both change in one transaction, so they always fit."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, timeout=60, isolation_level="IMMEDIATE")
        self.database.executescript(SCHEMA)

    def cursor(self):
        return self.database.execute("SELECT cursor FROM place").fetchone()[0]

    def carts(self):
        return {key: json.loads(cart) for key, cart in self.database.execute("SELECT id, cart FROM carts")}

    def take(self, after, cursor, events=(), carts=()):
        """What was read after one cursor, and leads to another; nothing if another process was faster."""
        with self.database:
            if self.database.execute("UPDATE place SET cursor = ? WHERE cursor IS ?", (cursor, after)).rowcount == 1:
                for key, cart in carts:
                    self.put(key, cart)
                for event in events:
                    self.apply(event)

    def apply(self, event):
        key, version = event["subject"], event["data"]["version"]
        known = self.database.execute("SELECT version FROM carts WHERE id = ?", (key,)).fetchone()
        if known is None or known[0] < version:  # else it has come before
            self.put(key, None if event["type"] in REMOVED else event["data"]["cart"])

    def put(self, key, cart):
        """None: it is forgotten, with its version, because an archive gives a cart back with a lower one."""
        self.database.execute("DELETE FROM carts WHERE id = ?", (key,))
        if cart is not None:
            self.database.execute("INSERT INTO carts VALUES (?, ?, ?)", (key, cart["version"], json.dumps(cart)))


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def read_anew(copy, service):
    """The cursor first: what changes while the carts are read is an event after it, and is newer than what was read or skipped."""
    after, cursor = copy.cursor(), service.ask("/changes", after="now")["next_cursor"]
    copy.take(after, cursor, carts=service.carts(service.ids(copy.carts())).items())


def read_page(copy, service, wait):
    """How many events there were."""
    after = copy.cursor()
    try:
        page = service.ask("/changes", limit=LIMIT, wait=wait, **({} if after is None else {"after": after}))
    except CursorGone:
        print("the cursor %s is gone: reading the carts anew" % after, file=sys.stderr)
        read_anew(copy, service)
        return 1
    for event in page["events"]:
        if event["data"]["cart"] is None:  # damaged in the store's table of events
            event["data"]["cart"] = service.carts([event["subject"]]).get(event["subject"])
    copy.take(after, page["next_cursor"], page["events"])
    return len(page["events"])


def differences(copy, service):
    """[(id, cart in the copy, cart in the store)]. What differs is looked at again, because somebody may have changed it meanwhile."""
    ids = None
    for _ in range(5):
        while read_page(copy, service, "1s"):
            pass
        mine = copy.carts()
        ids = service.ids(mine) if ids is None else ids
        stored, now = service.carts(ids), utc(time.time())
        # A cart that has expired stays in the copy until the store removes it, and says so.
        ids = [key for key in ids if mine.get(key) != stored.get(key)
               and not (stored.get(key) is None and (mine[key]["expires_at"] or "~") <= now)]
        if not ids:
            break
    return [(key, mine.get(key), stored.get(key)) for key in sorted(ids)]


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("follow", "anew", "compare"):
        raise SystemExit(__doc__)
    copy, service = Copy(sys.argv[2]), Service(sys.argv[3:])
    if sys.argv[1] == "anew":
        read_anew(copy, service)
    while sys.argv[1] == "follow":
        read_page(copy, service, "%ds" % WAIT_S)
    if sys.argv[1] == "compare":
        found = differences(copy, service)
        for different in found:
            print("%s\n  copy:  %s\n  store: %s" % tuple(json.dumps(what) for what in different))
        count = len(copy.carts())
        print("%d cart%s in the copy: %s" % (count, "" if count == 1 else "s", "%d differ" % len(found) if found else "equal"))
        raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
