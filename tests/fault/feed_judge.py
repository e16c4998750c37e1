"""Whether a log of all events that a consumer was given, in their order, is what happened.

Of each cart the versions follow one another from its creation to its removal; each event's changes lead from the cart before it to its own; an event
that comes twice is the same; every acknowledged change is an event, and every event is of a change that was acknowledged or whose outcome is not known.
"""

import collections

from feed_crowd import ACKNOWLEDGED, EVENTS, UNKNOWN

REMOVED = ("deleted", "expired")


def quantities(cart):
    return {item["product_id"]: item["quantity"] for item in cart["items"]}


def type_of(event):
    return event["type"].partition(".")[2]


class CartLog:
    """The events of one cart so far."""

    def __init__(self, key):
        self.key, self.version, self.cart = key, 0, None  # as the last event has left it; cart None: removed, or never made
        self.closed = {}  # version: the cart as it was checked out, and perhaps archived
        self.seen, self.events, self.twice, self.wrong = set(), [], 0, []

    def take(self, event, text):
        version, kind, cart = event["data"]["version"], type_of(event), event["data"]["cart"]
        # An archive gives a cart back as it was when it was archived, also one that was restored, opened again and deleted since.
        restored = kind == "created" and self.cart is None and version in self.closed
        # If it takes it away again within a second, a stream whose times are whole seconds tells both removals by the same text.
        archived = kind == "deleted" and self.cart is not None and version == self.version + 1 and self.version in self.closed
        if text in self.seen and not restored and not archived:
            self.twice += 1
            return
        if event["id"] != "%s:%d" % (self.key, version) or event["subject"] != self.key or cart is None:
            self.complain("an event says of itself: %s" % text)
        elif not restored and version != self.version + 1 or (kind == "created") != (self.cart is None):
            self.complain("%s version %d comes after version %d (%s)" % (kind, version, self.version, "there" if self.cart else "not there"))
        elif restored and cart != self.closed[version]:
            self.complain("it was checked out as %s, and came back as %s" % (self.closed[version], cart))
        elif not restored:
            self.check_step(event, kind, cart)
        self.seen.add(text)
        self.events.append(event)
        self.version, self.cart = (0, None) if kind in REMOVED else (version, cart)
        if self.cart is not None and self.cart["status"] == "checked_out":
            self.closed[version] = cart

    def check_step(self, event, kind, cart):
        if kind in REMOVED:
            head = {name: value for name, value in self.cart.items() if name != "items"}
            if cart != head:
                self.complain("it was removed as %s, and was %s" % (cart, head))
            if kind == "expired" and not (self.cart["expires_at"] or "~") <= event["time"]:
                self.complain("it expired at %s, and was to at %s" % (event["time"], self.cart["expires_at"]))
            return
        lines = quantities(self.cart) if self.cart is not None else {}
        for change in event["data"]["changes"]:
            if lines.get(change["product_id"], 0) != change["was"]:
                self.complain("version %d: product %s was %d" % (cart["version"], change["product_id"], lines.get(change["product_id"], 0)))
            lines[change["product_id"]] = change["quantity"]
        if {product: quantity for product, quantity in lines.items() if quantity} != quantities(cart):
            self.complain("version %d: the changes do not lead to the cart" % cart["version"])

    def complain(self, text):
        self.wrong.append("cart %s: %s" % (self.key, text))


class Log:
    def __init__(self, events):
        """events: pairs of the event and its text."""
        self.carts = {}
        for event, text in events:
            self.carts.setdefault(event["subject"], CartLog(event["subject"])).take(event, text)
        self.count = sum(len(cart.events) for cart in self.carts.values())
        self.twice = sum(cart.twice for cart in self.carts.values())
        self.types = collections.Counter(type_of(event) for cart in self.carts.values() for event in cart.events)

    def events_of(self, cart):
        return self.carts[cart].events if cart in self.carts else ()

    def wrong_steps(self):
        return [text for cart in self.carts.values() for text in cart.wrong]

    def wrong(self, changes, ends_late=False):
        """All that is wrong, one line each, given all that was asked for. ends_late: where the end of a merge's source could not be written after the
        target has its lines, whoever reads source next writes it; until then, or if it expires before, there is no event of it."""
        self.ends_late, self.late = ends_late, 0
        wrong = self.wrong_steps()
        acknowledged = [change for change in changes if change.outcome == ACKNOWLEDGED]
        wrong += ["%s of %s was acknowledged with version %s: there is no such event, but %s%s" % (
            change.kind, change.cart, change.version, self.text_of(change.cart), change.source and " and of %s %s" % (change.source, self.text_of(change.source)))
                  for change in acknowledged if not self.has(change)]
        return wrong + list(self.without_change(acknowledged, [change for change in changes if change.outcome == UNKNOWN]))

    def text_of(self, cart):
        return ", ".join("%d %s%s" % (event["data"]["version"], type_of(event), " from " + event["data"]["from"] if "from" in event["data"] else "")
                         for event in self.events_of(cart))

    def has(self, change):
        kind, always = EVENTS[change.kind]
        if change.kind == "erase":
            return True
        if change.kind == "merge":  # the answer may have a later version of the cart
            late = self.ends_late and not any(type_of(event) == "merged" for event in self.events_of(change.source))
            self.late += late
            return (any(event["data"].get("from") == change.source for event in self.events_of(change.cart)) and
                    (late or any(event["data"]["cart"].get("merged_into") == change.cart for event in self.events_of(change.source))))
        return any((type_of(event) == kind or not always) and change.version in (None, event["data"]["version"])
                   for event in self.events_of(change.cart))

    def without_change(self, acknowledged, unknown):
        """Events for which nobody has asked."""
        known = {(change.cart, change.version, EVENTS[change.kind][0]) for change in acknowledged}
        erased = {change.customer for change in acknowledged + unknown if change.kind == "erase"}
        may = collections.Counter((change.cart, EVENTS[change.kind][0]) for change in unknown)
        deleted = {change.cart for change in acknowledged if change.kind == "delete"}
        merged = {(change.source, change.cart) for change in acknowledged + unknown if change.kind == "merge"}
        for key, log in self.carts.items():
            for event in log.events:
                kind, cart = type_of(event), event["data"]["cart"] or {}
                if (key, event["data"]["version"], kind) in known or kind == "expired":
                    continue
                if kind == "deleted" and (key in deleted or cart.get("status") == "checked_out" or cart.get("customer_id") in erased):
                    continue  # asked for, archived, or erased
                if kind == "merged" and merged & {(key, cart.get("merged_into")), (event["data"].get("from"), key)}:
                    continue
                if kind == "created" and event["data"]["version"] > 1:
                    continue  # out of the archive
                of_whom = (None if kind == "created" else key, kind)
                may[of_whom] -= 1
                if may[of_whom] < 0:
                    yield "cart %s: nobody asked for %s with version %d" % (key, kind, event["data"]["version"])
