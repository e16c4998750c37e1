"""Requests of every call of the API, in an order that is known beforehand.

A step is a list of requests that are sent at once; mostly one. What a request must take from an earlier answer is a token:
<<cart:a>> is the id that was given to the cart made as "a", <<etag:a>> its last ETag, <<cursor:p>> the next_cursor of the page
saved as "p", <<updated:a>> and <<order:a>> what the cart said last. So the script needs no answer to be written.
"""

import json
import random
import urllib.parse

NOBODY = "00000000-0000-4000-8000-000000000001"
NUMBER_MAX = 2 ** 53 - 1


class Request:
    def __init__(self, method, target, body=None, headers=(), save=None):
        self.method = method
        self.target = target
        self.body = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        self.headers = list(headers)
        self.save = save  # the name of the cart or page that the answer is about

    def texts(self):
        """Everything in it that is the same on both sides."""
        body = self.body.decode("latin-1") if isinstance(self.body, bytes) else self.body or ""
        return [self.target, body] + [value for _, value in self.headers]

    def __str__(self):
        body = "" if self.body is None else " " + repr(self.body[:200])
        return "%s %s%s%s" % (self.method, self.target[:200],
                              "".join(" [%s: %s]" % header for header in self.headers), body)


def key(text):
    return ("Idempotency-Key", text)


def if_match(text):
    return ("If-Match", text)


PREFER = ("Prefer", "return=representation")
JSON = ("Content-Type", "application/json")


def create(name, customer, *headers):
    return Request("POST", "/shopping-carts", {"customer_id": customer}, headers, name)


def get(name, query="", *headers):
    return Request("GET", "/shopping-carts/<<cart:%s>>%s" % (name, query), None, headers, name)


def add(name, product, quantity, *headers):
    return Request("POST", "/shopping-carts/<<cart:%s>>/items" % name,
                   {"product_id": product, "quantity": quantity}, headers, name)


def add_many(name, items, *headers):
    return Request("POST", "/shopping-carts/<<cart:%s>>/items" % name,
                   {"items": [{"product_id": p, "quantity": q} for p, q in items]}, headers, name)


def put(name, product, quantity, *headers):
    return Request("PUT", "/shopping-carts/<<cart:%s>>/items/%s" % (name, product), {"quantity": quantity}, headers, name)


def get_item(name, product, *headers):
    return Request("GET", "/shopping-carts/<<cart:%s>>/items/%s" % (name, product), None, headers, name)


def replace(name, items, *headers):
    return Request("PUT", "/shopping-carts/<<cart:%s>>/items" % name,
                   {"items": [{"product_id": p, "quantity": q} for p, q in items]}, headers, name)


def reopen(name, *headers):
    return Request("DELETE", "/shopping-carts/<<cart:%s>>/checkout" % name, None, headers, name)


def remove(name, product, *headers):
    return Request("DELETE", "/shopping-carts/<<cart:%s>>/items/%s" % (name, product), None, headers, name)


def clear(name, *headers):
    return Request("DELETE", "/shopping-carts/<<cart:%s>>/items" % name, None, headers, name)


def checkout(name, *headers, body=None):
    return Request("POST", "/shopping-carts/<<cart:%s>>/checkout" % name, body, headers, name)


def delete(name, *headers):
    return Request("DELETE", "/shopping-carts/<<cart:%s>>" % name, None, headers, name)


def batch_get(ids):
    return Request("POST", "/shopping-carts/batch-get", {"ids": ids})


def pages(name, query, count):
    """A list, page by page to its end and once beyond."""
    yield Request("GET", "/shopping-carts?" + query, save=name)
    for _ in range(count):
        yield Request("GET", "/shopping-carts?%s&cursor=<<cursor:%s>>" % (query, name), save=name)


def every_change(name, *headers):
    return [add(name, 1, 1, *headers), add_many(name, [(1, 1), (2, 1)], *headers), put(name, 1, 3, *headers),
            put(name, 1, 0, *headers), remove(name, 1, *headers), clear(name, *headers), checkout(name, *headers)]


def life_of_a_cart():
    yield create("a", 123)
    yield get("a")
    yield from every_change("a")[-1:]  # a checkout of an empty cart
    yield add("a", 456, 2)
    yield get("a")
    yield add("a", 456, 2, PREFER)
    yield add_many("a", [(9, 1), (NUMBER_MAX, 3), (456, 1), (9, 1)], PREFER)
    yield get("a")
    yield put("a", 9, 7)
    yield put("a", 9, 7)  # changes nothing
    yield put("a", 9, 7, PREFER)
    yield put("a", 10, 0)  # nor does this
    yield put("a", 10, 4, PREFER)
    yield put("a", 10, 0)
    yield get("a")
    yield remove("a", 9)
    yield remove("a", 9)
    yield remove("a", 9, PREFER)
    yield remove("a", 456, PREFER)
    yield clear("a")
    yield clear("a")
    yield clear("a", PREFER)
    yield get("a")
    yield add("a", 1, 1)
    yield checkout("a")
    yield get("a")
    yield checkout("a")
    yield checkout("a", PREFER)
    yield checkout("a", body={})
    yield from every_change("a")
    yield delete("a")
    yield get("a")
    yield create("b", 123)
    yield add("b", 5, 5)
    yield delete("b")
    yield delete("b")
    yield get("b")
    yield from every_change("b")
    yield create("c", NUMBER_MAX)
    yield add("c", NUMBER_MAX, 500)
    yield checkout("c", PREFER)
    yield checkout("c", JSON, body="{}")


def all_lines_and_again():
    yield create("r", 124)
    yield replace("r", [(9, 500), (3, 1), (9, 0), (3, 2)])
    yield replace("r", [(3, 3), (9, 500)], PREFER)  # changes nothing
    yield get_item("r", 3)
    yield get_item("r", 3, ("If-None-Match", "<<etag:r>>"))
    yield get_item("r", 4)
    yield replace("r", [(3, 300), (3, 300)])
    yield replace("r", [(p, 1) for p in range(1, 10)])
    yield replace("r", [(3, 3), (4, 4)], if_match('"1"'))
    yield replace("r", [(3, 3), (4, 4)], key("all"))
    yield replace("r", [], key("none"), PREFER)
    yield replace("r", [(3, 3), (4, 4)], key("all"), PREFER)  # a replay
    yield clear("r", key("none"))
    yield reopen("r")
    yield replace("r", [(3, 3)])
    yield checkout("r", key("out"))
    yield replace("r", [(3, 4)])
    yield get_item("r", 3)
    yield reopen("r", if_match('"1"'))
    yield reopen("r", key("again"), PREFER)
    yield checkout("r", key("out"))  # it was undone
    yield add("r", 5, 1)
    yield checkout("r", key("out-2"), PREFER)
    yield checkout("r", key("out"))
    yield reopen("r", key("again"))  # a replay
    yield reopen("r")
    yield get("r")
    yield delete("r")
    yield get_item("r", 3)
    yield reopen("r")


def versions():
    yield create("v", 7)
    for tag in ('"1"', '"2"', "*", 'W/"1"', '"01"', '"x"', '"9223372036854775807"', '"99999999999999999999"', "1", '"1", "2"', "",
                '""', '"-1"', '"0"'):
        yield add("v", 1, 1, if_match(tag))
        yield get("v", "", if_match(tag))
        yield get("v", "", ("If-None-Match", tag))
    for tag in ("<<etag:v>>", '"1"', "<<etag:v>>", 'W/<<etag:v>>'):
        for request in every_change("v", if_match(tag))[:-1]:
            yield request
    yield get("v", "", ("If-None-Match", "<<etag:v>>"))
    yield get("v", "", ("If-None-Match", '"1", W/<<etag:v>>'))
    yield get("v", "", ("If-None-Match", "*"))
    yield Request("HEAD", "/shopping-carts/<<cart:v>>", None, [("If-None-Match", "<<etag:v>>")])
    yield add("v", 1, 1, ("If-None-Match", "*"))
    yield put("v", 1, 9, if_match("<<etag:v>>"), PREFER)
    yield put("v", 1, 9, if_match('"1"'), PREFER)  # changes nothing, at another version
    yield delete("v", if_match('"1"'))
    yield checkout("v", if_match('"1"'))
    yield checkout("v", if_match("<<etag:v>>"))
    yield checkout("v", if_match('"1"'))  # closed: the version is not asked for
    yield add("v", 1, 1, if_match('"1"'))
    yield create("w", 7)
    yield delete("w", if_match("<<etag:w>>"))
    for request in every_change("w", if_match("*")) + every_change("w", if_match('"1"')):
        yield request


def retries():
    yield create("k", 55, key("first"))
    yield create("k2", 55, key("first"))  # the same cart again
    yield create("k3", 56, key("first"))  # another customer, so another key
    yield get("k2")
    yield add("k", 1, 2, key("add-1"))
    yield add("k", 1, 2, key("add-1"))
    yield add("k", 1, 2, key("add-1"), PREFER)
    yield add("k", 1, 3, key("add-1"))  # another request
    yield put("k", 1, 2, key("add-1"))
    yield remove("k", 1, key("add-1"))
    yield clear("k", key("add-1"))
    yield checkout("k", key("add-1"))
    yield add("k", 1, 2, key("add-1"), if_match('"2"'))
    yield get("k")
    yield add("k3", 1, 2, key("add-1"))  # another cart, so another key
    yield put("k", 1, 4, key("put"))
    yield add("k", 1, 1)
    yield put("k", 1, 4, key("put"))  # replayed: the line stays as it is now
    yield put("k", 1, 4, key("put"), PREFER)
    yield put("k", 1, 5, key("changes-nothing"))
    yield put("k", 1, 5, key("changes-nothing"))
    yield add("k", 1, 1)
    yield put("k", 1, 5, key("changes-nothing"))
    yield remove("k", 99, key("fails"))
    yield add("k", 99, 1)
    yield remove("k", 99, key("fails"))  # a failure is not kept
    yield remove("k", 99, key("fails"))
    yield clear("k", key("clear"))
    yield clear("k", key("clear"))
    yield checkout("k", key("empty"))
    yield add_many("k", [(1, 1), (2, 2)], key("many"))
    yield add_many("k", [(1, 1), (2, 2)], key("many"))
    yield add_many("k", [(2, 2), (1, 1)], key("many"))
    yield checkout("k", key("out"))
    yield checkout("k", key("out"))
    yield checkout("k", key("out"), PREFER)
    yield checkout("k", key("out-again"))
    yield add("k", 1, 2, key("add-1"))  # a replay on a closed cart
    yield add("k", 1, 2, key("new"))
    yield checkout("k", key("add-1"))
    yield delete("k")
    yield create("k4", 57, key("gone"))
    yield delete("k4")
    yield create("k5", 57, key("gone"))  # a replay of a cart that is gone
    for text in ("x" * 255, "x" * 256, "", "a b", "\u00e9", "~!@#$%^&*()'\"\\;--/*`", "x' OR '1'='1", "%s%n", "\\'", "0"):
        yield add("k3", 3, 1, key(text))
        yield add("k3", 3, 1, key(text))
    yield Request("POST", "/shopping-carts/<<cart:k3>>/items", '{"product_id":1,"quantity":1}', [key("one"), key("two")], "k3")
    yield add("k3", 3, 1, key("Case"))
    yield add("k3", 3, 1, key("case"))  # keys are bytes: another one
    yield add("k3", 3, 1, key("case."))
    yield get("k3")


def guest(name, items, *headers, customer=None):
    body = {"items": [{"product_id": p, "quantity": q} for p, q in items]} if items else {}
    return Request("POST", "/shopping-carts", dict(body, customer_id=customer) if customer else body, headers, name)


def claim(name, customer, *headers):
    return Request("PUT", "/shopping-carts/<<cart:%s>>/customer" % name, {"customer_id": customer}, headers, name)


def guests(lines=8, quantity=500):
    drawn = "6f1c2d3e-0000-4000-8000-00000000000%d"
    yield guest("g", [])
    yield get("g")
    yield from every_change("g")
    yield get("g")
    yield claim("g", 801)
    yield claim("g", 801)  # changes nothing
    yield claim("g", 801, PREFER)
    yield claim("g", 802)
    yield claim("g", 802, if_match('"1"'))
    yield claim("g", 801, if_match('"1"'))
    yield from pages("pg", "customer_id=801", 1)
    yield add("g", 1, 1)
    yield checkout("g")
    yield claim("g", 801)
    yield guest("g1", [(3, 1), (2, 2), (3, 4)], key(drawn % 1))
    yield guest("g2", [(3, 1), (2, 2), (3, 4)], key(drawn % 1))  # the same cart again
    yield guest("g3", [(3, 1), (2, 2)], key(drawn % 1))  # another request
    yield guest("g3", [(3, 1)], key("not-a-uuid"))
    yield claim("g1", 803, if_match("<<etag:g1>>"), key("claim"))
    yield claim("g1", 803, if_match('"1"'), key("claim"))
    yield claim("g1", 804, key("claim"))
    yield guest("g2", [(3, 1), (2, 2), (3, 4)], key(drawn % 1))  # the cart as it is now, with its customer
    yield guest("g4", [(p, quantity) for p in range(1, lines + 1)], customer=805)
    yield guest("g5", [(p, 1) for p in range(1, lines + 2)], customer=805)
    yield guest("g5", [(1, quantity), (1, 1)])
    yield guest("g5", [(p, 1) for p in range(1, lines + 2)], key(drawn % 2))
    yield guest("g5", [(p, 1) for p in range(1, lines + 1)], key(drawn % 2))  # a failure is not kept
    yield guest("g6", [(p, 1) for p in range(1, lines + 2)], key(drawn % 2))
    yield delete("g5")
    yield guest("g6", [(p, 1) for p in range(1, lines + 1)], key(drawn % 2))  # a replay of a cart that is gone
    yield from pages("pg", "customer_id=805", 1)
    for body in ({}, {"customer_id": None}, {"customer_id": 0}, {"customer_id": "1"}, {"customer_id": 1, "x": 1}):
        yield Request("PUT", "/shopping-carts/<<cart:g4>>/customer", body)
    yield Request("GET", "/shopping-carts/<<cart:g4>>/customer")


def merge(to, source, strategy, *headers):
    return Request("POST", "/shopping-carts/<<cart:%s>>/merge" % to, {"from": "<<cart:%s>>" % source, "strategy": strategy}, headers, to)


def merges(lines=8, quantity=500):
    for strategy in ("add", "max", "keep"):
        yield guest("to", [(1, 2), (2, 2), (3, 2)], customer=811)
        yield guest("from", [(2, 3), (3, 1), (4, 4)])
        yield merge("to", "from", strategy, if_match('"7"'))
        yield merge("to", "from", strategy, if_match("<<etag:to>>"), key(strategy))
        yield get("from")
        yield merge("to", "from", strategy, if_match('"7"'))
        yield from every_change("from")
        yield checkout("from")
        yield delete("from")
        yield merge("from", "to", strategy)
        yield add("to", 5, 1)
        yield merge("to", "from", strategy)
        yield merge("to", "from", "max" if strategy == "add" else "add", key(strategy))
    yield merge("to", "to", "add")
    yield merge("to", "nobody", "add")  # no id at all
    yield Request("POST", "/shopping-carts/<<cart:to>>/merge", {"from": "00000000-0000-4000-8000-000000000001", "strategy": "add"})
    yield guest("other", [(1, 1)], customer=812)
    yield merge("to", "other", "add")
    yield guest("guest", [])
    yield merge("guest", "other", "add")
    yield merge("to", "guest", "add", PREFER)
    yield guest("full", [(p, 1) for p in range(11, 11 + lines)])
    yield merge("to", "full", "keep")
    yield guest("heavy", [(1, quantity)])
    yield merge("to", "heavy", "add")
    yield merge("to", "heavy", "max")
    yield checkout("to")
    yield merge("to", "heavy", "add")
    yield merge("to", "full", "add")
    yield from pages("pg", "customer_id=811&status=merged", 1)
    yield from pages("pg", "customer_id=811", 2)
    yield guest("mine", [(1, 1)], customer=811)
    yield guest("mine2", [(1, 1)], customer=811)
    yield merge("mine", "mine2", "add")
    yield from pages("pg", "customer_id=811&status=merged", 1)
    yield from pages("pg", "customer_id=811&status=open", 1)
    yield batch_get(["<<cart:mine2>>", "<<cart:mine>>"])


def limits(lines=8, quantity=500):
    yield create("l", 77)
    yield add_many("l", [(p, 1) for p in range(1, lines + 1)])
    yield add("l", lines + 1, 1)
    yield put("l", lines + 1, 1)
    yield put("l", lines + 1, 0)
    yield add("l", lines, 1)
    yield add_many("l", [(1, 1), (lines + 1, 1)], PREFER)
    yield get("l")
    yield remove("l", 1)
    yield add("l", lines + 1, 1)
    yield put("l", 2, quantity)
    yield add("l", 2, 1)
    yield add_many("l", [(3, quantity - 1), (3, 1)])
    yield add_many("l", [(3, quantity - 1)])
    yield put("l", 2, quantity + 1)
    yield add("l", 4, 10000)
    yield add("l", 4, 10001)
    yield get("l")
    yield clear("l")
    yield add_many("l", [(p, 1) for p in range(1, lines + 2)])
    yield add_many("l", [(p % lines + 1, 1) for p in range(3 * lines)], PREFER)
    yield add("l", 1, 1, key("limit"))
    yield add("l", lines + 5, 1, key("limit-2"))
    yield add("l", lines + 5, 1, key("limit-2"))
    yield checkout("l")


def lists():
    for i in range(7):
        yield create("s%d" % i, 900)
        yield add("s%d" % i, i + 1, i + 1)
    yield create("other", 901)
    for i in (1, 4):
        yield checkout("s%d" % i)
    yield delete("s2")
    yield Request("GET", "/shopping-carts?customer_id=900")
    yield Request("HEAD", "/shopping-carts?customer_id=900")
    for limit in (1, 2, 3, 6, 100):
        yield from pages("p%d" % limit, "customer_id=900&limit=%d" % limit, 7 if limit == 1 else 3)
    for status in ("open", "checked_out"):
        yield from pages("q" + status, "customer_id=900&limit=2&status=" + status, 3)
    yield Request("GET", "/shopping-carts?customer_id=900&limit=2", save="p")
    yield create("s7", 900)  # between two pages
    yield Request("GET", "/shopping-carts?customer_id=900&limit=2&cursor=<<cursor:p>>", save="p")
    yield Request("GET", "/shopping-carts?customer_id=901&cursor=<<cursor:p>>")
    yield Request("GET", "/shopping-carts?customer_id=900&status=open&cursor=<<cursor:p>>")
    yield Request("GET", "/shopping-carts?idle_since=2030-01-01T00:00:00Z&cursor=<<cursor:p>>")
    for i in (0, 3, 6):
        yield from pages("i%d" % i, "limit=2&idle_since=<<updated:s%d>>" % i, 12)
    yield add("s0", 1, 1)  # not idle any more
    yield from pages("i", "limit=50&idle_since=<<updated:s0>>", 1)
    yield Request("GET", "/shopping-carts?idle_since=1970-01-01T00:00:00Z")
    yield Request("GET", "/shopping-carts?idle_since=2020-02-29T23:59:60.5%2B01:00")
    for query in ("", "customer_id=900&idle_since=2030-01-01T00:00:00Z", "customer_id=0", "customer_id=-1", "customer_id=1e3",
                  "customer_id=900&limit=0", "customer_id=900&limit=101", "customer_id=900&limit=x", "customer_id=900&limit=",
                  "customer_id=900&status=closed", "customer_id=900&status=OPEN", "customer_id=900&cursor=",
                  "customer_id=900&cursor=" + "A" * 44, "customer_id=900&cursor=%27", "customer_id=900&customer_id=901",
                  "customer_id=900&colour=red", "customer_id=%39%30%30&limit=1", "customer_id=900%00", "customer_id=%zz",
                  "idle_since=yesterday", "idle_since=2030-13-01T00:00:00Z", "idle_since=2030-01-01", "customer_id=9007199254740992",
                  "idle_since=9999-12-31T23:59:59.999Z&limit=1", "idle_since=2030-01-01T00:00:00Z&status=open",
                  "customer_id=12345678", "customer_id=%d" % NUMBER_MAX):
        yield Request("GET", "/shopping-carts?" + query)


def several_at_once():
    yield batch_get(["<<cart:a>>", NOBODY, "<<cart:c>>", "<<cart:s0>>", "<<cart:a>>", "<<cart:b>>"])
    yield batch_get([NOBODY])
    yield batch_get([NOBODY, NOBODY.upper(), NOBODY])
    yield batch_get(["<<cart:s%d>>" % (i % 8) for i in range(100)])
    yield batch_get(["<<cart:s%d>>" % (i % 8) for i in range(101)])
    yield batch_get(["<<CART:s0>>"])
    for body in ({"ids": []}, {"ids": "x"}, {"ids": ["x"]}, {"ids": [1]}, {"ids": [NOBODY, None]}, {}, {"ids": [NOBODY], "x": 1},
                 {"ids": ["{" + NOBODY + "}"]}, {"ids": [NOBODY + "\u0000"]}):
        yield Request("POST", "/shopping-carts/batch-get", body)


def edges():
    yield create("e", 1)
    yield add("e", 1, 1)
    numbers = ["1e3", "1.0", "2147483648", "-0", "-1", '"2"', "true", "null", "10001", "0", "99999999999999999999", "[1]", "{}", "1e999",
               "9007199254740991", "9007199254740992", "9223372036854775807", "9223372036854775808", "01", "+1", " 1 ", "500", "501"]
    for number in numbers:
        yield Request("POST", "/shopping-carts/<<cart:e>>/items", '{"product_id":1,"quantity":%s}' % number, save="e")
        yield Request("POST", "/shopping-carts/<<cart:e>>/items", '{"product_id":%s,"quantity":1}' % number, save="e")
        yield Request("PUT", "/shopping-carts/<<cart:e>>/items/2", '{"quantity":%s}' % number, save="e")
        yield Request("POST", "/shopping-carts", '{"customer_id":%s}' % number)
        path = urllib.parse.quote(number)
        yield put("e", path, 1)
        yield remove("e", path)
    bodies = [b"{", b"[]", b"5", b"null", b"{}{}", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b'{"customer_id":1} x', b'{"\xff":1}',
              b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b"   ", b"", b"{}", b'{"customer_id":1,"x":1}', b'{"items":[]}', b'{"items":[1]}',
              b'{"items":{}}', b'{"items":[{"product_id":1}]}', b'{"items":[{"product_id":1,"quantity":1}],"product_id":1}',
              b'{"product_id":1,"quantity":1,"price":1}', b'{"quantity":1,"price":1}', b"[" * 10000 + b"]" * 10000,
              b'{"customer_id":1}\x00', '{"\u00fc":"\u2603"}'.encode(), b'{"quantity":"1; DROP TABLE carts"}',
              b" " * 65000 + b'{"quantity":3}', b" " * 65600 + b'{"quantity":3}']
    for body in bodies:
        yield Request("POST", "/shopping-carts", body)
        yield Request("POST", "/shopping-carts/<<cart:e>>/items", body, save="e")
        yield Request("PUT", "/shopping-carts/<<cart:e>>/items/1", body, save="e")
        yield Request("POST", "/shopping-carts/batch-get", body)
        yield Request("POST", "/shopping-carts/<<cart:v>>/checkout", body)
        yield Request("DELETE", "/shopping-carts/<<cart:e>>/items", body, save="e")
        yield Request("GET", "/shopping-carts/<<cart:e>>", body)
    for cart in ("x", "1", "%7B" + NOBODY + "%7D", NOBODY.replace("-", ""), NOBODY[:-1], NOBODY + "0", NOBODY[:-1] + "g", NOBODY[:-1] + "%00",
                 "urn:uuid:" + NOBODY, "%20" + NOBODY, "%27%20OR%201%3D1--", "..", "%zz", "0" * 8000, NOBODY, NOBODY.upper().replace("0", "%30"),
                 "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"):
        target = "/shopping-carts/" + cart
        yield Request("GET", target)
        yield Request("HEAD", target)
        yield Request("DELETE", target)
        yield Request("POST", target + "/items", {"product_id": 1, "quantity": 1})
        yield Request("PUT", target + "/items/1", {"quantity": 0})
        yield Request("DELETE", target + "/items/1")
        yield Request("DELETE", target + "/items")
        yield Request("POST", target + "/checkout")
    yield Request("GET", "/shopping-carts/<<CART:e>>")
    for query in ("?consistency=strong", "?consistency=eventual", "?consistency=Strong", "?consistency=", "?consistency", "?x=1", "?",
                  "?consistency=strong&consistency=strong", "?&", "#x"):
        yield get("e", query)
    for media in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "application/jsonx", "",
                  "application/x-www-form-urlencoded"):
        yield add("e", 1, 1, ("Content-Type", media))
    for prefer in ("return=minimal", "return=\"representation\"", "respond-async, return=representation", "RETURN=representation", "return",
                   "x=\",return=representation\"", "return=minimal, return=representation"):
        yield add("e", 1, 1, ("Prefer", prefer))
    for request_id in ("abc", "A" * 64, "A" * 65, "a b", "x';--", ""):
        yield get("e", "", ("X-Request-Id", request_id))
    yield get("e", "", ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for target in ("/", "/shopping-carts/", "/shopping-carts/<<cart:e>>/", "/shopping-carts/<<cart:e>>/items/1/x", "/shopping-cart",
                       "/shopping-carts/batch-get", "/shopping-carts/<<cart:e>>/items/x", "/livez", "/readyz", "/health", "/nothing"):
            # The page for people names the backend.
            if (method, target) not in (("GET", "/"), ("HEAD", "/")):
                yield Request(method, target)
    for target in ("/shopping-carts", "/shopping-carts/<<cart:e>>", "/shopping-carts/<<cart:e>>/items", "/shopping-carts/<<cart:e>>/items/1",
                   "/shopping-carts/<<cart:e>>/checkout"):
        for method in ("HEAD", "OPTIONS", "PATCH", "PUT"):
            yield Request(method, target)
    for target in ("/health", "/readyz", "/livez", "/openapi.yaml"):
        yield Request("GET", target)
        yield Request("GET", target + "?x=1")
    yield get("e")


SCRIPT = [life_of_a_cart, all_lines_and_again, versions, retries, guests, merges, limits, lists, several_at_once, edges]


def steps_of(section):
    return [[request] for request in section()]


class Random:
    """Requests by chance: mostly sensible, and enough that are not."""

    def __init__(self, seed, prefix, customers):
        self.rng = random.Random(seed)
        self.prefix = prefix
        self.customers = customers
        self.names = []

    def _headers(self):
        headers = []
        if self.rng.random() < 0.35:
            headers.append(key("k%d" % self.rng.randrange(6)))
        if self.rng.random() < 0.25:
            headers.append(if_match(self.rng.choice(['"1"', '"3"', "*", "<<etag:%s>>", "<<etag:%s>>", "<<etag:%s>>"])))
        if self.rng.random() < 0.3:
            headers.append(PREFER)
        return headers

    def change(self, name):
        rng = self.rng
        headers = [(header, value.replace("%s", name)) for header, value in self._headers()]
        product = rng.randrange(1, 12)
        kind = rng.random()
        if kind < 0.35:
            return add(name, product, rng.choice([1, 2, 3, 100, 499, 500, 501]), *headers)
        if kind < 0.5:
            return add_many(name, [(rng.randrange(1, 12), rng.randrange(1, 200)) for _ in range(rng.randrange(1, 6))], *headers)
        if kind < 0.7:
            return put(name, product, rng.choice([0, 1, 2, 7, 500]), *headers)
        if kind < 0.82:
            return remove(name, product, *headers)
        if kind < 0.86:
            return clear(name, *headers)
        if kind < 0.93:
            return get(name, rng.choice(["", "", "?consistency=eventual", "?consistency=strong"]),
                       *(("If-None-Match", value) for header, value in headers if header == "If-Match"))
        if kind < 0.96:
            return checkout(name, *headers)
        return delete(name, *(pair for pair in headers if pair[0] == "If-Match"))

    def create(self):
        name = "%s%d" % (self.prefix, len(self.names))
        self.names.append(name)
        headers = [key("c%d" % self.rng.randrange(40))] if self.rng.random() < 0.3 else []
        return create(name, self.rng.choice(self.customers), *headers)

    def one(self):
        """For requests that come one after the other."""
        rng = self.rng
        if not self.names or rng.random() < 0.08:
            return self.create()
        if rng.random() < 0.05:
            return Request("GET", "/shopping-carts?customer_id=%d&limit=%d%s" % (
                rng.choice(self.customers), rng.choice([1, 3, 20]), rng.choice(["", "", "&status=open", "&status=checked_out"])))
        if rng.random() < 0.03:
            return batch_get(["<<cart:%s>>" % rng.choice(self.names) for _ in range(rng.randrange(1, 9))])
        # Mostly young carts: the old ones are closed or gone.
        return self.change(rng.choice(self.names[-6:] if rng.random() < 0.85 else self.names))

    def steps(self, count):
        return [[self.one()] for _ in range(count)]

    def crowd(self, rounds, width):
        """Many at once, each about a cart of its own, so that the answers do not depend on who comes first."""
        own = ["%s-%d" % (self.prefix, i) for i in range(width)]
        yield [create(name, 10 ** 6 + i, key("crowd")) for i, name in enumerate(own)]
        for _ in range(rounds):
            yield [self.change(name) for name in own]
        yield [get(name) for name in own]
        yield [batch_get(["<<cart:%s>>" % name for name in own])]
        self.names += own

    def review(self):
        """Every cart as it is at the end."""
        for at in range(0, len(self.names), 100):
            yield [batch_get(["<<cart:%s>>" % name for name in self.names[at:at + 100]])]
