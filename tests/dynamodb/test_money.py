#!/usr/bin/python3
"""What the report says a cart costs, against AWS's rules worked out by hand, here, from the items and index entries that cartd has stored.

The rules are those of AWS's Developer Guide: "Item sizes and formats", "Read and write operations", "Global secondary indexes". Nothing of
cartbench is used to compute them. Carts have 1, 5, 20, 50 and 200 lines, in all layouts, with and without idempotency keys, and in a table
whose index holds whole carts. Units and money have to be the same in the report's JSON and in its HTML. The sum of a million carts, the
break-even and the tables of docs/backends/dynamodb.md are held against the same.
"""

import html
import json
import math
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
import results  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from dynamodb_front import DynamodbFront  # noqa: E402
from operations import KEY, Asker  # noqa: E402
from tap import main  # noqa: E402

CARTBENCH = os.path.abspath(os.environ.get("CARTBENCH") or os.path.join(ROOT, "build", "bin", "cartbench"))
DOCUMENT = os.path.join(ROOT, "docs", "backends", "dynamodb.md")
SIZES = (1, 5, 20, 50, 200)
LIFE_LINES, LIFE_GETS = 5, 5
# Layout, projection, keys, sizes.
VARIANTS = [("map", "keys", False, SIZES), ("map", "keys", True, SIZES), ("list", "keys", False, SIZES), ("list", "keys", True, SIZES),
            ("map", "all", False, SIZES[:3])]
ROWS = [("rows", "keys", False, SIZES), ("rows", "keys", True, SIZES)]
TRANSACTION = 100  # writes, at most
OF_CARTS = tuple('cart_dynamodb_calls_total{operation="%s"' % name for name in (
    "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"))
# What is counted does not depend on how long it takes.
PATIENT = {**private_dynalite.PATIENT, "overload.delay": "0"}
# In the JSON and in the tables.
NAMES = {"create": "create", "add_line": "add of a new line", "add": "add to a line that is there", "remove": "removal of a line",
         "move": "the first change in an idle step, more", "get": "get, strong", "get_eventual": "get, eventual",
         "list": "list of a customer with one cart", "checkout": "checkout", "merge": "merge into an empty cart", "delete": "delete"}
# US East (N. Virginia), on demand, 2026-11-26.
WRITE, READ, STORED_GB, INSTANCE_HOUR, DISK_GB, DISK_GB_MONTH = 0.625, 0.125, 0.25, 0.168, 100, 0.115


# ---- AWS's rules ----

def bytes_of_number(digits):
    """A byte for two significant digits, paired from the decimal point, and one more. A time counts all its digits: one in a hundred ends
    in two zeros, with which it is a byte shorter."""
    digits = digits.lstrip("0")
    pairs = math.ceil(len(digits) / 2)
    while len(digits) < 10 and digits.endswith("00"):
        digits, pairs = digits[:-2], pairs - 1
    return 1 + pairs


def bytes_of_value(value):
    (kind, content), = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return bytes_of_number(content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + bytes_of_value(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(1 + bytes_of_value(each) for each in content)
    raise AssertionError("a type that a cart has not: " + kind)


def bytes_of(item):
    return sum(len(name.encode()) + bytes_of_value(value) for name, value in item.items()) if item else 0


def write_units(before, after):
    """A KB begun of the larger one; of nothing one unit."""
    return max(1, math.ceil(max(bytes_of(before), bytes_of(after)) / 1024))


def read_units(item):
    return max(1, math.ceil(bytes_of(item) / 4096))


def index_units(keys, before, after):
    """An entry that appears, vanishes or changes is a write; one whose key changes is deleted and put."""
    if not before and not after or before == after:
        return 0
    if before and after and [before[key] for key in keys] != [after[key] for key in keys]:
        return write_units(before, None) + write_units(None, after)
    return write_units(before, after)


class Stored:
    """The item and its entries in the indexes, as they are now."""
    INDEXES = {"customer-index": ("customer_id", "created_key"), "idle-index": ("idle_shard", "idle_key")}

    def __init__(self, table, cart_id):
        self.item = table.item(cart_id)
        self.entries = {index: table.entry(index, keys[0], cart_id, self.item) for index, keys in self.INDEXES.items()}

    def bytes_stored(self):
        return sum(bytes_of(each) + 100 for each in [self.item, *self.entries.values()] if each)

    def moved_from(self):
        """As it was an idle step earlier."""
        item = json.loads(json.dumps(self.item))
        item["idle_key"]["S"] = "000000000000001" + item["idle_key"]["S"][15:]
        return item


def units_of_write(before, after):
    return write_units(before.item, after.item) + sum(
        index_units(keys, before.entries[index], after.entries[index]) for index, keys in Stored.INDEXES.items())


def bytes_left(before, after):
    """By a write: the item, and the entries that it has changed."""
    return bytes_of(after.item) + sum(bytes_of(after.entries[index]) for index in Stored.INDEXES if after.entries[index] != before.entries[index])


class Nothing:
    item = None
    entries = {index: None for index in Stored.INDEXES}


# ---- carts, stored by cartd ----

class Table:
    def __init__(self, server, name):
        self.server, self.name = server, name

    def call(self, operation, **body):
        return private_dynalite.call(self.server.endpoint, operation, {"TableName": self.name, **body})

    def item(self, cart_id):
        return self.call("GetItem", Key={"cart_id": {"S": cart_id}}, ConsistentRead=True).get("Item")

    def row(self, cart_id, row):
        return self.call("GetItem", Key={"cart_id": {"S": cart_id}, "row": {"S": row}}, ConsistentRead=True).get("Item")

    def put(self, item):
        self.call("PutItem", Item=item)

    def remove(self, stored):
        for item in [stored.item, *getattr(stored, "lines", {}).values()]:
            self.call("DeleteItem", Key={name: item[name] for name in ("cart_id", "row") if name in item})

    def entry(self, index, hash_key, cart_id, item):
        if not item or hash_key not in item:
            return None
        found = self.call("Query", IndexName=index, KeyConditionExpression="#k = :v", ExpressionAttributeNames={"#k": hash_key},
                          ExpressionAttributeValues={":v": item[hash_key]})["Items"]
        return next((entry for entry in found if entry["cart_id"]["S"] == cart_id), None)


class Life:
    """A cart that grows line by line. At each size its operations are tried, each from the same item, which is put back."""

    def __init__(self, cartd, front, table, layout, keyed, sizes):
        self.asker, self.cartd, self.table, self.layout, self.keyed, self.sizes = Asker(cartd), cartd, table, layout, keyed, sizes
        self.front, self.keys = front, 0
        self.bytes, self.stored_bytes, self.units, self.add_lines = {}, {}, {}, []

    def key(self):
        self.keys += 1
        return ((KEY, "key-%d" % self.keys),) if self.keyed else ()

    def calls(self, ask):
        """That cartd has counted meanwhile, but for what it asks of the table by itself."""
        before = self.counted()
        ask()
        return self.counted() - before

    def counted(self):
        return sum(int(value) for name, value in self.cartd.metrics().items() if name.startswith(OF_CARTS))

    def change(self, before, ask):
        """Read and write units, calls and bytes of a change of the cart as it is; and what is stored then."""
        calls = self.calls(ask)
        after = Stored(self.table, self.cart_id)
        return (read_units(before.item) if self.layout == "list" else 0, units_of_write(before, after), calls, bytes_left(before, after)), after

    def add(self, product, quantity):
        return lambda: self.asker.ask(204, "POST", self.path + "/items", self.key(), '{"product_id":%d,"quantity":%d}' % (product, quantity))

    def create(self):
        """In another shard than 0, whose number is a byte shorter."""
        units = self.create_any()
        return units if self.table.item(self.cart_id)["idle_shard"]["N"] != "0" else self.create()

    def create_any(self):
        calls = self.calls(self.ask_for_one)
        made = Stored(self.table, self.cart_id)
        key = self.table.item(made.item["create_key"]["S"]) if self.keyed else None
        return (0, units_of_write(Nothing, made) + (write_units(None, key) if key else 0), calls, bytes_left(Nothing, made) + bytes_of(key))

    def ask_for_one(self):
        self.path = self.asker.ask(201, "POST", "/shopping-carts", self.key(), '{"customer_id":1234567}').header("Location")
        self.cart_id = self.path.rsplit("/", 1)[1]

    def get(self):
        self.asker.ask(200, "GET", self.path)

    def list(self):
        self.asker.ask(200, "GET", "/shopping-carts?customer_id=1234567&limit=1")

    def remove(self, lines):
        return lambda: self.asker.ask(204, "DELETE", "%s/items/%d" % (self.path, 123456 + lines), self.key())

    def moved(self, moved, added):
        """What the first change in an idle step takes more."""
        return (0, moved[1] - added[1], moved[2] - added[2], moved[3] - added[3])

    def live(self):
        create = self.create()
        for lines in range(1, max(self.sizes) + 1):
            look = lines <= LIFE_LINES or lines in self.sizes
            before = Stored(self.table, self.cart_id) if look else None
            if look:
                add_line, after = self.change(before, self.add(123456 + lines, 12))
                self.add_lines.append(add_line)
            else:
                self.add(123456 + lines, 12)()
            if lines in self.sizes:
                self.units[lines] = {"create": create, "add_line": add_line, **self.operations(lines, after)}

    def operations(self, lines, stored):
        read = read_units(stored.item)
        found = {"get": (read, 0, self.calls(self.get), 0)}
        found["get_eventual"] = (read / 2, 0, found["get"][2], 0)
        entry = stored.entries["customer-index"]
        found["list"] = (read_units(entry) / 2 + (0 if len(entry) > 4 else read / 2), 0, self.calls(self.list), 0)
        self.bytes[lines] = bytes_of(stored.item)
        keys = self.keys
        found["add"], _ = self.change(stored, self.add(123457, 1))
        # The same add once more, an idle step later than the change before it.
        self.keys = keys
        self.table.put(stored.moved_from())
        moved, _ = self.change(Stored(self.table, self.cart_id), self.add(123457, 1))
        found["move"] = self.moved(moved, found["add"])
        self.keys = keys
        self.table.put(stored.item)
        found["remove"], _ = self.change(stored, self.remove(lines))
        self.keys = keys
        self.table.put(stored.item)
        found["checkout"], closed = self.change(stored, lambda: self.asker.ask(200, "POST", self.path + "/checkout", self.key()))
        self.stored_bytes[lines] = closed.bytes_stored()
        self.keys = keys
        self.table.put(stored.item)
        (_, delete, calls, left), after = self.change(stored, lambda: self.asker.ask(204, "DELETE", self.path))
        # Of a cart that was made under a key the first call's condition is false, which is billed; AWS returns the item with it, for which
        # a server that does not is asked.
        found["delete"] = (0, delete + (write_units(stored.item, None) if after.item else 0), min(calls, 2), left)
        self.table.put(stored.item)
        found["merge"] = self.merge(lines, stored)
        self.table.put(stored.item)
        return found

    look, read_units_of = Stored, staticmethod(lambda stored: read_units(stored.item))

    @staticmethod
    def write_of(before, after):
        """Units and bytes."""
        return units_of_write(before, after), bytes_left(before, after)

    def target(self, lines):
        """An empty cart of the same customer, in another shard than 0."""
        for number in range(100):
            key = ((KEY, "target-%d-%d" % (lines, number)),) if self.keyed else ()
            path = self.asker.ask(201, "POST", "/shopping-carts", key, '{"customer_id":1234567}').header("Location")
            target = self.look(self.table, path.rsplit("/", 1)[1])
            if target.item["idle_shard"]["N"] != "0":
                return path, target
            self.table.remove(target)
        raise AssertionError("a hundred carts in shard 0")

    def merge(self, lines, stored):
        """By what is stored of both carts before and after each of its writes. The last one comes after the answer."""
        path, target = self.target(lines)
        ids, states = (self.cart_id, path.rsplit("/", 1)[1]), [(stored, target)]

        def watch(call, ask):
            reply = ask()
            if call.operation in ("PutItem", "UpdateItem", "TransactWriteItems"):
                states.append(tuple(self.look(self.table, each) for each in ids))
            return reply

        before, self.front.rule = self.counted(), watch
        self.asker.ask(200, "POST", path + "/merge", (), '{"from":"%s","strategy":"add"}' % self.cart_id)
        await_that(lambda: "merges" not in states[-1][1].item and len(states) == 5, 30, "the four writes of a merge")
        await_that(lambda: self.counted() - before >= 6, 30, "the last answer")
        self.front.rule = lambda call, ask: ask()
        writes = [self.write_of(one, other) for two, after in zip(states, states[1:]) for one, other in zip(two, after) if one.item != other.item]
        self.table.remove(states[-1][1])
        return (self.read_units_of(target) + self.read_units_of(stored), sum(units for units, _ in writes), self.counted() - before,
                sum(left for _, left in writes))


class Rows:
    """The rows of a cart: CART, with its entries in the indexes, and the lines'."""

    def __init__(self, table, cart_id):
        rows = table.call("Query", KeyConditionExpression="cart_id=:id", ExpressionAttributeValues={":id": {"S": cart_id}},
                          ConsistentRead=True)["Items"]
        self.lines = {row["row"]["S"]: row for row in rows if row["row"]["S"] != "CART"}
        self.item = next((row for row in rows if row["row"]["S"] == "CART"), None)
        self.entries = {index: table.entry(index, keys[0], cart_id, self.item) for index, keys in Stored.INDEXES.items()}

    def bytes(self):
        return bytes_of(self.item) + sum(map(bytes_of, self.lines.values()))

    def read_units(self):
        return max(1, math.ceil(self.bytes() / 4096))

    def bytes_stored(self):
        return sum(bytes_of(each) + 100 for each in [self.item, *self.entries.values(), *self.lines.values()] if each)


class LifeOfRows(Life):
    """In layout rows. A transaction costs twice what its writes would, but not of what they do to the indexes."""

    def create_units(self, calls):
        made = Rows(self.table, self.cart_id)
        key = self.table.row(made.item["create_key"]["S"], "CART") if self.keyed else None
        return (0, units_of_write(Nothing, made) + (write_units(None, key) if key else 0), calls, bytes_left(Nothing, made) + bytes_of(key))

    def change(self, before, ask):
        calls = self.calls(ask)
        after = Rows(self.table, self.cart_id)
        units, left = self.write_of(before, after)
        return (before.read_units(), units, calls, left), after

    look, read_units_of = Rows, staticmethod(Rows.read_units)

    @staticmethod
    def write_of(before, after):
        names = [name for name in {**before.lines, **after.lines} if before.lines.get(name) != after.lines.get(name)]
        units = units_of_write(before, after)
        if names:
            units += write_units(before.item, after.item) + sum(
                2 * write_units(before.lines.get(name), after.lines.get(name)) for name in names)
        return units, bytes_left(before, after) + sum(bytes_of(after.lines.get(name)) for name in names)

    def live(self):
        calls = self.calls(self.ask_for_one)
        if self.table.row(self.cart_id, "CART")["idle_shard"]["N"] == "0":
            return self.live()  # whose number is a byte shorter
        create = self.create_units(calls)
        for lines in range(1, max(self.sizes) + 1):
            if lines > LIFE_LINES and lines not in self.sizes:
                self.add(123456 + lines, 12)()
                continue
            add_line, after = self.change(Rows(self.table, self.cart_id), self.add(123456 + lines, 12))
            if lines <= LIFE_LINES:
                self.add_lines.append(add_line)
            if lines in self.sizes:
                self.units[lines] = {"create": create, "add_line": add_line, **self.operations(lines, after)}
        return None

    def restore(self, stored):
        for row in [stored.item, *stored.lines.values()]:
            self.table.put(row)

    def operations(self, lines, stored):
        read = stored.read_units()
        found = {"get": (read, 0, self.calls(self.get), 0),
                 "list": (read_units(stored.entries["customer-index"]) / 2 + read / 2, 0, self.calls(self.list), 0)}
        found["get_eventual"] = (read / 2, 0, found["get"][2], 0)
        self.bytes[lines] = stored.bytes()
        keys = self.keys
        found["add"], _ = self.change(stored, self.add(123457, 1))
        self.keys = keys
        self.restore(stored)
        self.table.put(Stored.moved_from(stored))
        moved, _ = self.change(Rows(self.table, self.cart_id), self.add(123457, 1))
        found["move"] = self.moved(moved, found["add"])
        self.keys = keys
        self.restore(stored)
        found["remove"], _ = self.change(stored, self.remove(lines))
        self.keys = keys
        self.restore(stored)
        found["checkout"], closed = self.change(stored, lambda: self.asker.ask(200, "POST", self.path + "/checkout", self.key()))
        self.stored_bytes[lines] = closed.bytes_stored()
        self.keys = keys
        self.restore(stored)
        found["delete"] = self.delete(lines, stored)
        self.restore(stored)
        found["merge"] = self.merge(lines, stored)
        self.restore(stored)
        return found

    def delete(self, lines, stored):
        """More rows than a transaction takes go first; the lines are then in CART, which is larger."""
        packed, reads, writes, left, kept = stored.item, 0, 0, lines, 0
        calls = self.calls(lambda: self.asker.ask(204, "DELETE", self.path))
        after = Rows(self.table, self.cart_id)
        row = bytes_of(next(iter(stored.lines.values())))
        while True:
            reads += max(1, math.ceil((bytes_of(packed) + left * row) / 4096))
            if left < TRANSACTION:
                break
            before, packed = packed, self.packed(stored)
            writes += 2 * write_units(before, packed) + 2 * (TRANSACTION - 1)
            left -= TRANSACTION - 1
            kept += bytes_of(packed)
        assert not after.lines
        writes += 2 * write_units(packed, after.item) + 2 * left
        writes += sum(index_units(keys, stored.entries[index], after.entries[index]) for index, keys in Stored.INDEXES.items())
        return (reads, writes, calls, kept + bytes_left(stored, after))

    @staticmethod
    def packed(stored):
        item = {name: value for name, value in stored.item.items() if name != "digest"}
        products = {name.split("#", 1)[1]: row for name, row in stored.lines.items()}
        for name, of in (("qty", "quantity"), ("added", "added_at"), ("updated", "updated_at")):
            item[name] = {"M": {product: row[of] for product, row in products.items()}}
        return item


# ---- what the report says ----

class Report:
    def __init__(self, folder, layout, projection, *flags):
        results.write(folder)
        path = os.path.join(folder, "h2h.json")
        with open(path, encoding="utf-8") as file:
            made = json.load(file)
        made["sides"][1]["settings"].update({"dynamodb.layout": layout, "dynamodb.projection": projection})
        with open(path, "w", encoding="utf-8") as file:
            json.dump(made, file)
        for name in ("page.html", "money.json", "page.md"):
            if os.path.exists(os.path.join(folder, name)):
                os.unlink(os.path.join(folder, name))
        subprocess.run([CARTBENCH, "report", "--out", "page.html", "--money", "money.json", "--markdown", "page.md", *flags, "h2h.json"],
                       cwd=folder, check=True, stderr=subprocess.PIPE, timeout=60)
        with open(os.path.join(folder, "money.json"), encoding="utf-8") as file:
            self.money = json.load(file)
        with open(os.path.join(folder, "page.html"), encoding="utf-8") as file:
            self.page = file.read()
        with open(os.path.join(folder, "page.md"), encoding="utf-8") as file:
            self.markdown = file.read()

    def bill(self, layout, keyed, lines):
        return next(bill for bill in self.money["sides"][1]["bills"] if (bill["layout"], bill["keyed"], bill["lines"]) == (layout, keyed, lines))

    def table(self, caption):
        """{row: {column: text}} of the HTML."""
        body = next(body for said, body in re.findall(r"<table>\s*<caption>([^<]*)</caption>(.*?)</table>", self.page, re.S)
                    if html.unescape(said) == caption)
        return {html.unescape(re.sub("<[^>]*>", "", row)): {html.unescape(head): html.unescape(re.sub("<[^>]*>", "", text))
                for head, text in re.findall(r'<td class="[^"]*" data-h="([^"]*)">(.*?)</td>', cells)}
                for row, cells in re.findall(r'<tr><th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', body, re.S)}


def five_digits(value):
    """As the page has it: at most four of them behind the point, and half up."""
    scale = 10 ** min(4, 4 - math.floor(math.log10(value)))
    return math.floor(value * scale + 0.5) / scale


def cell_of(units):
    """"5 R + 2 W: 1.875", by hand."""
    read, write = units[:2]
    said = " + ".join("%g %s" % (count, letter) for count, letter in ((read, "R"), (write, "W")) if count)
    return "%s: %g" % (said, five_digits(read * READ + write * WRITE))


def bills_agree(life, report, layout, projection, keyed):
    problems = []
    table = report.table("What AWS bills: layout %s, projection %s, %s idempotency keys" % (layout, projection, "with" if keyed else "without"))
    for lines in life.sizes:
        bill, column = report.bill(layout, keyed, lines), "%d line%s" % (lines, "s" if lines > 1 else "")
        print("# %s, %s, %s keys, %3d lines: %5d bytes; %s" % (layout, projection, "with" if keyed else "no", lines, life.bytes[lines], ", ".join(
            "%s %s" % (name, cell_of(units)) for name, units in life.units[lines].items())))
        if (bill["bytes"], bill["stored_bytes"]) != (life.bytes[lines], life.stored_bytes[lines]):
            problems.append("%d lines: the JSON has %d and %d bytes, by hand %d and %d" % (
                lines, bill["bytes"], bill["stored_bytes"], life.bytes[lines], life.stored_bytes[lines]))
        if table["the item, bytes"][column] != "{:,}".format(life.bytes[lines]):
            problems.append("%d lines: the page has %s bytes" % (lines, table["the item, bytes"][column]))
        if set(bill["operations"]) != set(life.units[lines]):
            problems.append("operations: %s" % sorted(bill["operations"]))
        for name, (read, write, calls, left) in life.units[lines].items():
            said = bill["operations"][name]
            if (said["calls"], said["bytes_written"]) != (calls, left):
                problems.append("%s, %d lines: the JSON has %g calls and %g bytes, by hand %d and %d" % (
                    name, lines, said["calls"], said["bytes_written"], calls, left))
            if (said["read_units"], said["write_units"]) != (read, write) or abs(said["million"] - read * READ - write * WRITE) > 1e-9:
                problems.append("%s, %d lines: the JSON has %s, by hand %s" % (name, lines, said, cell_of((read, write))))
            if table[NAMES[name]][column] != cell_of((read, write)):
                problems.append("%s, %d lines: the page has %s, by hand %s" % (name, lines, table[NAMES[name]][column], cell_of((read, write))))
    return "\n".join(problems)


def sum_by_hand(life):
    """USD of a million carts: requests, and storage for a month."""
    at = life.units[LIFE_LINES]
    parts = [at["create"], *life.add_lines[:LIFE_LINES], at["move"], *[at["get"]] * LIFE_GETS, at["checkout"]]
    requests = sum(read * READ + write * WRITE for read, write, *_ in parts)
    return requests, life.stored_bytes[LIFE_LINES] * 1e6 / 2 ** 30 * STORED_GB


def million_agrees(life, report):
    """The sum, its parts on the page, and the break-even."""
    requests, storage = sum_by_hand(life)
    month = 730 * INSTANCE_HOUR + DISK_GB * DISK_GB_MONTH
    wanted = {"million_requests": requests, "million_storage_month": storage, "million": requests + storage}
    mysql, dynamodb = report.money["sides"]
    problems = ["%s: %s, by hand %s" % (name, dynamodb[name], value) for name, value in wanted.items()
                if not math.isclose(dynamodb[name], value, rel_tol=1e-8)]
    if not math.isclose(mysql["month"], month, rel_tol=1e-8):
        problems.append("a month: %s, by hand %s" % (mysql["month"], month))
    if not math.isclose(report.money["even_carts_month"], month / ((requests + storage) / 1e6), rel_tol=1e-8):
        problems.append("the break-even: %s" % report.money["even_carts_month"])
    table = report.table("A million carts of 5 lines on each side, by AWS's prices of 2026-11-26")
    parts = {row: float(cells["USD"]) for row, cells in table.items()}
    total, of_month = parts.pop("a million carts"), parts.pop("a month, with any number of carts")
    instance = parts.pop("the instance, a month") + parts.pop("its disk, a month")
    if abs(sum(parts.values()) - total) > 0.0002 or abs(total - requests - storage) > 0.0001 or abs(instance - of_month) > 0.01 or \
            abs(of_month - month) > 0.01:
        problems.append("the page's parts do not add up: %s, %s, %s, %s" % (parts, total, instance, of_month))
    words = html.unescape(report.page)
    for needed in ("%g \u00f7 %g" % (round(month, 2), round(requests + storage, 4)), "2026-11-26", "us-east-1", "it was made on MariaDB"):
        if needed not in words:
            problems.append("the page does not say: " + needed)
    print("# a million carts: %.4f + %.4f USD; a month of MySQL %.2f; even at %.0f carts" % (
        requests, storage, month, report.money["even_carts_month"]))
    return "\n".join(problems)


def tables_of(markdown):
    """{caption: lines} of the bills."""
    return {caption: rows.strip() for caption, rows in re.findall(r"(?m)^\*\*(What AWS bills: [^*\n]*)\*\*\n\n((?:\|.*\n)+)", markdown)}


def document_agrees(report):
    """docs/backends/dynamodb.md has the report's own tables."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    tables = tables_of(report.markdown)
    missing = ["**%s**\n\n%s" % (caption, rows) for caption, rows in tables.items() if rows not in text]
    if len(tables) != 6 or missing:
        return "%d tables; %s has to have these:\n%s" % (len(tables), DOCUMENT, "\n\n".join(missing))
    money = report.money["sides"]
    for words in ("%.2f USD a million" % money[1]["million"], "%.2f USD a month" % money[0]["month"],
                  "%.1f million carts a month" % (report.money["even_carts_month"] / 1e6)):
        for path in (DOCUMENT, os.path.join(ROOT, "docs", "benchmarking.md")):
            with open(path, encoding="utf-8") as file:
                if words not in file.read():
                    return "%s does not say: %s" % (path, words)
    return ""


def bills_of(tap, folder, server, variants):
    for layout, projection, keyed, sizes in variants:
        name = "%s-%s-%s" % (layout, projection, "keyed" if keyed else "plain")
        with DynamodbFront(server.port) as front, \
                Cartd(folder, {**private_dynalite.settings_for(front, layout=layout, projection=projection, table=name), **PATIENT, "threads": "1",
                               "cart.idle_step": "7d", "idempotency.window": "1d"}, name) as cartd:
            life = (LifeOfRows if layout == "rows" else Life)(cartd, front, Table(server, name), layout, keyed, sizes)
            life.live()
            life.asker.client.close()
        report = Report(folder, layout, projection)
        tap.run("%s: bytes, units and money by hand" % name, bills_agree, life, report, layout, projection, keyed)
        if not keyed:
            tap.run("%s: a million carts and the break-even by hand" % name, million_agrees, life, report)


def tests(tap):
    private_dynalite.only_keys()
    with tempfile.TemporaryDirectory() as folder, private_dynalite.server() as server:
        bills_of(tap, folder, server, VARIANTS)
        tap.run("the document has the report's figures", document_agrees, Report(folder, "map", "keys"))
    with tempfile.TemporaryDirectory() as folder, private_dynalite.with_transactions() as server:
        bills_of(tap, folder, server, ROWS)


if __name__ == "__main__":
    main(tests)
