"""What clients asked for and were told, and whether what is stored agrees with it.

A change is ACKNOWLEDGED (and must be stored), REFUSED (and must not be), or UNKNOWN (may be, whole or not at all, once). For that
to be decidable every change of a load changes something, so that it has a version of its own; and what is set is never
set again to an earlier value.

What a line's attributes say, {"n": N}, is a line of its own here: the product's negative, with N as its quantity.

A merge is a change of two carts. It adds the lines of source, a guest's cart that nobody else knows, to the cart, and closes source. Its
answer may name a later version than its own. If its outcome is unknown in the end, source shows it.
"""

import collections
import copy

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"
# Refusals that say something of the cart, and what.
OBSERVATIONS = {"CART_CLOSED": "closed", "CART_NOT_FOUND": "missing", "CART_EMPTY": "empty"}

# What complaints of the ledger that say so have in common.
LOST = (": lost", "its merge was acknowledged", "acknowledged and gone", "is not listed", "set to one of", "was acknowledged, ")
DOUBLED = ("more than was asked for", "was given to", "one cart answers", "more than were acknowledged", "is listed twice")


def is_lost(complaint):
    return any(words in complaint for words in LOST)


def is_doubled(complaint):
    return any(words in complaint for words in DOUBLED)


class Change:
    """One wish of a client, however many requests were needed to hear what became of it."""

    __slots__ = ("kind", "cart", "customer", "lines", "key", "outcome", "version", "order_id", "attempts", "began", "ended", "source")

    def __init__(self, kind, cart=None, customer=None, lines=None, key=None, source=None):
        self.kind = kind  # create, add, set, checkout, delete, merge; of a merge's source: merged
        self.cart = cart  # its id; of a create: once known
        self.customer = customer  # of a create
        self.lines = dict(lines or {})  # product: quantity, to begin with, to add or to set
        self.source = source  # of a merge: the id of the cart that its lines come from
        self.key = key  # Idempotency-Key
        self.outcome = UNKNOWN
        self.version = None  # that the answer gave
        self.order_id = None
        self.attempts = 0
        self.began = self.ended = None  # when it was first asked for, and when it was acknowledged


def lines_of(cart):
    """Of a cart as the API's JSON."""
    lines = {item["product_id"]: item["quantity"] for item in cart["items"]}
    lines.update((-item["product_id"], item["attributes"]["n"]) for item in cart["items"] if item.get("attributes"))
    return lines


def resolved(change, stored):
    """The change; of a merge of unknown outcome a copy of it that says what became of it."""
    if change.kind != "merge" or change.outcome != UNKNOWN:
        return change
    source, known = stored[change.source], copy.copy(change)
    known.outcome = ACKNOWLEDGED if source is not None and source["status"] == "merged" else REFUSED
    return known


def end_of_source(merge):
    """What a merge is for the cart that its lines come from."""
    end = Change("merged", merge.source)
    end.outcome, end.began, end.ended, end.order_id = merge.outcome, merge.began, merge.ended, merge.cart
    return end


class Books:
    """The changes of one cart that were not refused, sorted."""

    def __init__(self, changes):
        kinds = collections.defaultdict(lambda: ([], []))
        for change in changes:
            kinds[change.kind][change.outcome == UNKNOWN].append(change)
        self.deletes, self.unknown_deletes = kinds["delete"]
        self.checkouts, self.unknown_checkouts = kinds["checkout"]
        self.merged, _ = kinds["merged"]
        self.adds, self.unknown_adds = kinds["add"]
        self.merges, _ = kinds["merge"]
        self.sets, self.unknown_sets = kinds["set"]
        self.versioned = self.adds + self.merges + self.sets + self.checkouts + self.merged
        self.added = [change for change in kinds["create"][0] if change.lines] + self.adds + self.merges
        self.unknown = self.unknown_adds + self.unknown_sets + self.unknown_checkouts


def is_sum_of_some(total, parts):
    """Whether some of the parts, each at most once, add up to the total."""
    sums = {0}
    for part in parts:
        sums |= {s + part for s in sums if s + part <= total}
    return total in sums


def check_added(books, product, stored):
    """What is wrong with the quantity of a line that is only added to."""
    known = sum(change.lines.get(product, 0) for change in books.added)
    open_parts = [change.lines[product] for change in books.unknown_adds if product in change.lines]
    if stored < known:
        yield "product %d: %d stored, %d acknowledged: lost" % (product, stored, known)
    elif stored > known + sum(open_parts):
        yield "product %d: %d stored, %d acknowledged and %d unknown: more than was asked for" % (
            product, stored, known, sum(open_parts))
    elif not is_sum_of_some(stored - known, open_parts):
        yield "product %d: %d stored, %d acknowledged; the unknown %s do not make the rest" % (
            product, stored, known, open_parts)


def check_set(books, product, stored):
    """What is wrong with a line that is only set. An unknown one may land after later ones."""
    known = [change for change in books.sets if product in change.lines]
    allowed = {change.lines[product] for change in books.unknown_sets if product in change.lines}
    allowed.add(max(known, key=lambda change: change.version).lines[product] if known else 0)
    if stored not in allowed:
        yield "product %d: %d stored, set to one of %s" % (product, stored, sorted(allowed))


def check_brought(books, product, stored):
    """What is wrong with attributes that only merges bring: the first one's stay."""
    allowed = {change.lines[product] for change in books.added if product in change.lines}
    if stored not in allowed:
        yield "attributes of %d: %d stored, set to one of %s" % (-product, stored, sorted(allowed))


def check_lines(books, stored):
    """Quantities, and that a change of several lines is there whole or not at all."""
    quantities = lines_of(stored)
    touched = collections.defaultdict(list)  # product: changes that name it
    for change in books.added + books.unknown_adds + books.sets + books.unknown_sets:
        for product, quantity in change.lines.items():
            touched[product].append((id(change), quantity))
    for product in sorted(set(quantities) - set(touched)):
        yield "product %d: stored, and nobody asked for it" % product
    set_lines = {product for change in books.sets + books.unknown_sets for product in change.lines}
    for product in sorted(touched):
        check = check_set if product in set_lines else check_brought if product < 0 else check_added
        yield from check(books, product, quantities.get(product, 0))
    together = collections.defaultdict(list)
    for product, by in touched.items():
        if product > 0:  # of those below, the first counts, not the sum
            together[tuple(by)].append(product)
    for products in together.values():
        if len({quantities.get(product, 0) for product in products}) > 1:
            yield "products %s: always changed together, stored %s: half a change" % (
                products, [quantities.get(product, 0) for product in products])


def check_versions(books, stored):
    """Each change has one version, and each version one change."""
    given = collections.Counter(change.version for change in books.versioned if change.version is not None)
    for version, times in sorted(given.items()):
        if times > 1:
            yield "version %d was given to %d changes" % (version, times)
        elif not 1 < version <= stored["version"]:
            yield "version %d was acknowledged, %d is stored" % (version, stored["version"])
    applied = stored["version"] - 1
    if not len(books.versioned) <= applied <= len(books.versioned) + len(books.unknown):
        yield "%d changes stored, %d acknowledged and %d unknown" % (applied, len(books.versioned), len(books.unknown))


def check_status(books, stored):
    orders = {change.order_id for change in books.checkouts}
    if len(orders) > 1:
        yield "checked out as %s" % sorted(orders)
    if books.checkouts and stored["order_id"] not in orders:
        yield "order %s was acknowledged, %s is stored" % (orders, stored["order_id"])
    if stored["status"] == "checked_out" and not books.checkouts and not books.unknown_checkouts:
        yield "checked out, and nobody asked for it"
    if (stored["status"] == "merged") != bool(books.merged):
        yield "its merge was %s, and it is %s" % ("acknowledged" if books.merged else "not asked for or refused", stored["status"])
    elif books.merged and stored["merged_into"] != books.merged[0].order_id:
        yield "it was merged into %s, and says %s" % (books.merged[0].order_id, stored["merged_into"])
    if any(change.version != stored["version"] for change in books.checkouts):
        yield "changed after its checkout"


def check_cart(changes, stored):
    """What is wrong with a cart, given its changes and what is stored (the API's JSON; None: no such cart)."""
    books = Books(change for change in changes if change.outcome != REFUSED)
    if stored is None:
        if not books.deletes and not books.unknown_deletes:
            yield "acknowledged and gone"
        return
    if books.deletes:
        yield "deleted and still there"
        return
    yield from check_lines(books, stored)
    yield from check_versions(books, stored)
    yield from check_status(books, stored)


def check_customer(changes, listed):
    """What is wrong with a customer's list (ids), given all changes that concern its carts."""
    made = [change for change in changes if change.kind == "create" and change.outcome == ACKNOWLEDGED]
    unknown = [change for change in changes if change.kind == "create" and change.outcome == UNKNOWN]
    gone = {change.cart for change in changes if change.kind == "delete" and change.outcome != REFUSED}
    ids = {change.cart for change in made}
    if len(ids) < len(made):
        yield "one cart answers %d creates" % (len(made) - len(ids) + 1)
    if len(set(listed)) < len(listed):
        yield "a cart is listed twice"
    for cart in sorted(ids - gone - set(listed)):
        yield "cart %s was acknowledged and is not listed" % cart
    if len(set(listed) - ids) > len(unknown):
        yield "%d carts more than were acknowledged, %d creates unknown" % (len(set(listed) - ids), len(unknown))


def applied_unknown(changes, stored):
    """How many changes of unknown outcome are stored, in carts that are still there: versions that nobody was told."""
    told = collections.Counter(change.cart for change in changes
                               if change.outcome == ACKNOWLEDGED and change.kind in ("add", "set", "checkout", "merge"))
    told.update(change.source for change in changes if change.outcome == ACKNOWLEDGED and change.kind == "merge")
    return sum(cart["version"] - 1 - told[identity] for identity, cart in stored.items() if cart is not None)


def check(changes, stored, lists):
    """All that is wrong: stored is cart id: JSON or None, lists customer: ids."""
    by_cart, by_customer = collections.defaultdict(list), collections.defaultdict(list)
    changes = [resolved(change, stored) for change in changes]
    changes += [end_of_source(change) for change in changes if change.kind == "merge"]
    for change in changes:
        if change.cart is not None:
            by_cart[change.cart].append(change)
    for change in changes:
        if change.kind == "create":
            by_customer[change.customer] += by_cart[change.cart] if change.cart is not None else [change]
    wrong = []
    for cart, of_cart in by_cart.items():
        wrong += ["cart %s: %s" % (cart, text) for text in check_cart(of_cart, stored[cart])]
    for customer, listed in lists.items():
        wrong += ["customer %d: %s" % (customer, text) for text in check_customer(by_customer[customer], listed)]
    return wrong
