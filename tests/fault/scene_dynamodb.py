"""A Scene on dynalite."""

import time

import scene
from cartd import await_that
from ledger import REFUSED, UNKNOWN
from private_dynalite import items_of, keys_for, settings_for
from watch import HEALTH_DEADLINE_S

OPERATIONS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")  # those that cartd counts
# Calls of a new table's provisioning, which are not among the store's: the type of ids is read, written and read again; in layout rows a
# transaction is tried.
SETTLING = 4
# docs/backends/dynamodb.md: as long as nothing succeeds, all retries of the process are paid from a budget; then one in PROBE_S is made.
BUDGET, RETRY, PROBE_S = 500, 5, 0.05
TIMEOUT_S = 2.0  # dynamodb.timeout


def lines_of(item, rows):
    """{product: quantity}, of any layout. rows: the items of lines that the table has, of all carts."""
    if "qty" not in item and "gen" in item:
        return {int(row["row"]["S"].split("#", 1)[1]): int(row["quantity"]["N"]) for row in rows.get(item["cart_id"]["S"], ())
                if row["gen"] == item["gen"]}
    if "items" in item:
        lines = [line["M"] for line in item["items"]["L"]]
        return {int(line["product_id"]["S"]): int(line["quantity"]["N"]) for line in lines}
    return {int(product): int(quantity["N"]) for product, quantity in item["qty"]["M"].items()}


def is_cart(item):
    """Neither a create's key, nor what is left of a cart that was deleted, nor the item with the table's settings."""
    return "status" in item and item["status"]["S"] != "deleted"


class Scene(scene.Scene):
    """middle: who stands between cartd and the server, if somebody does: has .port, and .seen, how many of each operation came by."""

    def __init__(self, database, settings=None, middle=None, keys=None, **options):
        self.middle = middle
        between = {"dynamodb.endpoint": "http://127.0.0.1:%d" % middle.port} if middle else {}
        super().__init__(database, {**between, **(settings or {})}, keys=keys_for(database) if keys is None else keys, **options)

    ready_s = 8.0  # a dynalite that has just begun takes long for its first calls where processors are few, and /readyz waits for a second

    def settings_for(self, database):
        return settings_for(database)

    def tables(self, database):
        stored, rows = items_of(database), {}
        for item in stored:
            if item.get("row", {"S": ""})["S"].startswith("ITEM#"):
                rows.setdefault(item["cart_id"]["S"], []).append(item)
        items = [item for item in stored if is_cart(item)]
        carts = {item["cart_id"]["S"]: (int(item["version"]["N"]), item["status"]["S"] == "checked_out") for item in items}
        return carts, {item["cart_id"]["S"]: lines for item in items for lines in [lines_of(item, rows)] if lines}

    def sum_of(self, series):
        """Of all its labels."""
        return sum(value for name, value in self.cartd.metrics().items() if name.partition("{")[0] == series)

    def retries(self):
        return self.sum_of("cart_dynamodb_retries_total")

    def retries_at_most(self, seconds):
        """While nothing succeeds for so long, but for what was under way when that began: each of those brings a token."""
        return (BUDGET + self.under_way()) / RETRY + seconds / PROBE_S + 1

    def under_way(self):
        """Calls at the most: two for each client's request, one for /readyz."""
        return 2 * len(self.load.clients) + 1

    def outage_begins(self):
        self.retried, self.outage_began = self.retries(), time.monotonic()

    def outage_ends(self):
        retried = self.retries() - self.retried
        self.note("%d retries meanwhile", retried)
        assert retried <= self.retries_at_most(time.monotonic() - self.outage_began), "%d retries while nothing succeeded: the budget is %d tokens" % (retried, BUDGET)

    def timed_out(self):
        """Changes of unknown outcome that may be stored although nothing but the time took their answer: on a busy machine."""
        return sum(event.outcome == UNKNOWN and event.ended - event.began >= TIMEOUT_S for event in self.load.events)

    def left_open(self):
        """Changes with a key that were answered OUTCOME_UNKNOWN, and could have been done. (Of one that was refused in the end, nobody can
        say earlier that no try of it still comes.)"""
        return [change for change in self.load.changes()
                if change.key and change.outcome != REFUSED and (change.attempts > 1 or change.outcome == UNKNOWN)]

    def given_up(self):
        """Calls whose end cartd did not await, and so did not count, at the most: their requests' time was up."""
        return (sum(event.ended - event.began > 0.9 * self.load.deadline_s for event in self.load.events) +
                sum(answered - asked > 0.9 * HEALTH_DEADLINE_S for asked, answered, _ in self.watch.said))

    def wrong_with_counts(self):
        """A request that libcurl sent again by itself is one that cartd knows nothing of."""
        await_that(lambda: not any(self.metric(name) for name in ("cart_dynamodb_calls_in_flight", "cart_dynamodb_waiting")), 5,
                   "that no call is under way, and none waits for one")
        metrics, wrong = self.cartd.metrics(), []
        if self.middle is not None:
            came = sum(self.middle.seen[operation] for operation in OPERATIONS)
            tries = sum(value for name, value in metrics.items() if name.startswith("cart_dynamodb_calls_total{"))
            self.note("%d tries, %d requests came", tries, came)
            if came > tries + SETTLING + self.given_up():
                wrong.append("%d requests came for %d tries: some were sent twice" % (came, tries))
        return wrong

    def calls_at_most(self, began, ended):
        """How many calls may have been tried in a time in which none succeeded, for all that was asked in it, retries included.

        A read is one. A change is one, and one more that looks what became of it. What was under way at the beginning or the end is not
        among the events.
        """
        asked = [event for event in list(self.load.events) if event.ended >= began and event.began <= ended]
        ready = [True for asked_at, answered, _ in list(self.watch.said) if answered >= began and asked_at <= ended]
        return sum(1 if event.kind == "read" else 2 for event in asked) + len(ready) + 2 * self.under_way() + self.retries_at_most(ended - began)
