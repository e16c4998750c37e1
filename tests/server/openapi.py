#!/usr/bin/python3
"""Holds schemas/openapi.yaml against a running cartd, and prints TAP.

    tests/server/openapi.py URL

Sends every example of a request that the contract documents and, for each answer that it documents, a request that must get
it; validates status, headers and body of what comes back. Checks that the contract and the service's own table of calls (the
page at /) name the same calls, and that the examples of answers follow their schemas. test_openapi.c starts it.
"""

import http.client
import json
import os
import re
import sys
import urllib.parse

import jsonschema
import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from tap import main  # noqa: E402

MISSING = "00000000-0000-4000-8000-000000000001"
# Answers that a healthy service without callers does not give; test_access.c asks for 401 and 403 on every route.
UNREACHABLE = {"401", "403", "429", "500", "503", "504"}
# Headers that every answer may have, of HTTP itself or said once for all in the contract's description.
COMMON_HEADERS = {"date", "content-length", "content-type", "connection", "cache-control"}


class Contract:
    def __init__(self, text):
        self.document = yaml.safe_load(text)
        self.strings = self.document["info"]["x-id-type"] == "string"

    def shop_id(self, number):
        """The id of a customer or product of the type in force."""
        return str(number) if self.strings else number

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    def operations(self):
        """(path, method, operation with its parameters resolved and merged)."""
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method == "parameters":
                    continue
                operation = dict(operation)
                parameters = item.get("parameters", []) + operation.get("parameters", [])
                operation["parameters"] = [self.resolve(p) for p in parameters]
                yield path, method.upper(), operation

    def validate(self, value, schema):
        """The schema's references lead into the document."""
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": self.document["components"],
                 "allOf": [schema]}
        jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


class Service:
    def __init__(self, url):
        self.contract = None
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)

    def send(self, method, path, body=None, headers=None):
        """(status, headers in lower case, body as bytes). body: bytes as they are, anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def make_cart(self, lines=1, checked_out=False):
        _, _, body = self.send("POST", "/shopping-carts", {"customer_id": self.contract.shop_id(123)})
        cart = json.loads(body)["shopping_cart_id"]
        if lines:
            self.send("POST", "/shopping-carts/%s/items" % cart,
                      {"items": [{"product_id": self.contract.shop_id(456 + i), "quantity": 1} for i in range(lines)]})
        if checked_out:
            self.send("POST", "/shopping-carts/%s/checkout" % cart)
        return cart


def fill(path, cart):
    return path.replace("{id}", cart).replace("{product_id}", "456")


def first_example(contract, operation):
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        for example in media.get("examples", {}).values():
            return contract.resolve(example)["value"]
    return None


def scenarios(service, contract, path, method, operation):
    """(status, name, path, body, headers): at least one for each answer that can be had."""
    good = first_example(contract, operation)
    query = "?customer_id=123" if operation["operationId"] in ("listCarts", "eraseCustomer") else ""
    documented = operation["responses"]
    reopens = operation["operationId"] == "reopenCart"

    def scene(status, name, cart=None, body=good, headers=None, extra=query, target=path):
        if isinstance(body, dict) and body.get("from") not in (None, MISSING):
            body = {**body, "from": service.make_cart()}
        return status, name, fill(target, cart or service.make_cart(checked_out=reopens)) + extra, body, headers

    headers = {p["name"]: p["example"] for p in operation["parameters"] if p["in"] == "header" and "example" in p}
    quiet = {name: headers[name] for name in ("X-Request-Id", "traceparent", "Idempotency-Key") if name in headers}
    success = [status for status in documented if status < "300"]
    if "204" in success or len(success) == 1:
        yield scene("204" if "204" in success else success[0], "success", headers=quiet)
    if "Prefer" in headers:
        yield scene("200", "Prefer", headers={"Prefer": headers["Prefer"]})
    if "304" in documented:
        yield scene("304", "If-None-Match", headers={"If-None-Match": '"2", "7"'})
    for parameter in operation["parameters"]:
        if parameter["in"] == "query" and parameter["name"] not in ("status", "limit", "customer_id") and "example" in parameter:
            yield scene(success[0], "?" + parameter["name"], extra="?%s=%s" % (parameter["name"], parameter["example"]))
        elif parameter["in"] == "query" and "example" in parameter:
            yield scene(success[0], "?" + parameter["name"],
                        extra="?" + "&".join(dict.fromkeys([query[1:] or "after=now", "%s=%s" % (parameter["name"], parameter["example"])])))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        for name, example in media["examples"].items():
            status = "204" if "204" in success else success[0]
            yield scene(status, "example " + name, body=contract.resolve(example)["value"])
    yield scene("400", "unknown parameter", extra="?unknown=1")
    if operation["operationId"] == "readChanges":
        yield scene("410", "a cursor of what never was", extra="?after=1-999999999999")
        yield scene("410", "a cursor of another backend", extra="?after=3-7")
        yield scene("400", "no cursor", extra="?after=x")
    if "{id}" in path:
        yield scene("400", "bad id", cart="x")
        yield scene("404", "no cart", cart=MISSING)
    if good is not None and operation["requestBody"].get("required"):
        yield scene("400", "not JSON", body=b"{", headers={"Content-Type": "application/json"})
        yield scene("400", "unknown member", body={"unknown": 1})
    if "415" in documented:
        yield scene("415", "text", body=b"x", headers={"Content-Type": "text/plain"})
    if "412" in documented:
        yield scene("412", "another version", headers={"If-Match": '"99"'})
    if "409" in documented and operation["operationId"] == "checkoutCart":
        yield scene("409", "no lines", cart=service.make_cart(lines=0))
    elif "409" in documented and reopens:
        yield scene("409", "open", cart=service.make_cart())
    elif "409" in documented:
        yield scene("409", "checked out", cart=service.make_cart(checked_out=True))
    if "422" in documented and "{id}" in path:
        yield reused_key(service, path, method, good)
    if operation["operationId"] == "replaceItems":
        yield scene("422", "too much", body={"items": [{"product_id": contract.shop_id(456), "quantity": 1000000}] * 2})
    if operation["operationId"] in ("addItems", "createCart"):
        yield scene("422", "too much", body={"items": [{"product_id": contract.shop_id(456), "quantity": 10000}] * 101})
    if operation["operationId"] in ("getItem", "removeItem"):
        yield scene("404", "no line", target=path.replace("{product_id}", "999"))
    if operation["operationId"] == "claimCart":
        yield scene("409", "another customer's", body={"customer_id": contract.shop_id(456)})
    if operation["operationId"] == "mergeCarts":
        yield scene("404", "from is not there", body={"from": MISSING, "strategy": "add"})
    if "413" in documented:
        yield scene("413", "too large", body=b" " * 65537, headers={"Content-Type": "application/json"})
    if operation["operationId"] == "createCart":
        yield deleted_create(service, path, good)


def has_no_feed(service):
    return service.send("GET", "/changes?limit=1")[0] == 404


def scenarios_known(service, contract, path, method, operation):
    """Without a feed only that is to be seen of it."""
    for scene in scenarios(service, contract, path, method, operation):
        if operation["operationId"] == "readChanges" and has_no_feed(service) and not (scene[1].startswith("unknown") or scene[0] == "413"):
            scene = ("404",) + scene[1:]
        yield scene


def unreachable(service, operation):
    if operation["operationId"] != "readChanges":
        return UNREACHABLE
    return UNREACHABLE | ({"200", "410"} if has_no_feed(service) else {"404"})


def reused_key(service, path, method, good):
    cart = service.make_cart()
    key = {"Idempotency-Key": "reused-%s-%s" % (method, cart)}
    service.send("PUT", "/shopping-carts/%s/items/456" % cart, {"quantity": 77}, key)
    return "422", "reused key", fill(path, cart), good, key


def deleted_create(service, path, good):
    key = {"Idempotency-Key": "deleted-create"}
    _, headers, _ = service.send("POST", path, good, key)
    service.send("DELETE", headers["location"])
    return "404", "the cart made is gone", path, good, key


def check_headers(contract, response, headers):
    documented = {name.lower(): contract.resolve(header) for name, header in response.get("headers", {}).items()}
    for name, header in documented.items():
        if name not in headers:
            assert not header.get("required"), "no header %s" % name
            continue
        contract.validate(headers[name], header["schema"])
    unknown = set(headers) - set(documented) - COMMON_HEADERS - {"content-security-policy"}
    assert not unknown, "headers that the contract does not know: %s" % ", ".join(sorted(unknown))


def check_body(contract, response, headers, body):
    if "content" not in response:
        assert body == b"", "a body, where none is documented"
        return
    media = headers["content-type"].split(";")[0]
    assert media in response["content"], "%s is not documented" % media
    schema = response["content"][media]["schema"]
    contract.validate(json.loads(body) if "json" in media else body.decode(), schema)


def check_answer(service, contract, operation, method, scene):
    status, _, path, body, sent = scene
    got, headers, answer = service.send(method, path, body, sent)
    assert str(got) == status, "expected %s, got %d %s" % (status, got, answer[:300].decode("utf-8", "replace"))
    response = contract.resolve(operation["responses"][status])
    check_headers(contract, response, headers)
    check_body(contract, response, headers, answer)


def check_same_calls(contract, page):
    served = set(re.findall(r"<tr><td><code>([A-Z]+)</code><td><code>([^<]+)</code>", page))
    documented = {(method, path) for path, method, _ in contract.operations()}
    assert served, "the page at / has no table of calls"
    assert served == documented, "only served: %s; only documented: %s" % (served - documented, documented - served)


def check_examples(contract):
    """Examples of answers and parameters follow their schemas; every answer with content has one."""
    count = 0
    for path, method, operation in contract.operations():
        for parameter in operation["parameters"]:
            if "example" in parameter:
                contract.validate(parameter["example"], parameter["schema"])
        contents = [contract.resolve(response).get("content", {}) for response in operation["responses"].values()]
        for content in contents + [operation.get("requestBody", {}).get("content", {})]:
            for media in content.values():
                assert media.get("examples"), "%s %s: no example" % (method, path)
                for example in media["examples"].values():
                    contract.validate(contract.resolve(example)["value"], media["schema"])
                    count += 1
    assert count > 100, "only %d examples" % count


def check_problems_are_named(contract):
    """The example of each problem has the status under which it stands."""
    for path, method, operation in contract.operations():
        for status, response in operation["responses"].items():
            for example in contract.resolve(response).get("content", {}).get("application/problem+json", {}).get(
                    "examples", {}).values():
                value = contract.resolve(example)["value"]
                assert str(value["status"]) == status, "%s %s: %s has an example of %d" % (method, path, status, value["status"])


def check_security(contract):
    """A call that anybody may make says so, and every other documents 401 and 403."""
    for path, method, operation in contract.operations():
        public = operation.get("security") == []
        documented = {"401", "403"} & set(operation["responses"])
        assert documented == (set() if public else {"401", "403"}), "%s %s: security and answers differ" % (method, path)


def check_reached(missed):
    assert not missed, "documented, and no request is known that gets it: %s" % ", ".join(sorted(missed))


def check_nothing_more(contract):
    """Values that the schemas must refuse, so that they are known to bite."""
    cart = contract.document["components"]["examples"]["Cart"]["value"]
    for bad in ({**cart, "extra": 1}, {**cart, "version": 0}, {**cart, "created_at": "2025-11-01"},
                {key: cart[key] for key in cart if key != "items"}):
        try:
            contract.validate(bad, {"$ref": "#/components/schemas/Cart"})
        except jsonschema.ValidationError:
            continue
        raise AssertionError("the schema of a cart takes %s" % bad)


def tests(tap):
    service = Service(sys.argv[1])
    status, _, text = service.send("GET", "/openapi.yaml")
    assert status == 200
    contract = service.contract = Contract(text)
    _, _, page = service.send("GET", "/")
    tap.run("the contract and the service have the same calls", lambda: check_same_calls(contract, page.decode()))
    tap.run("the examples follow their schemas", lambda: check_examples(contract))
    tap.run("the examples of problems have the status under which they stand", lambda: check_problems_are_named(contract))
    tap.run("calls that need a token document 401 and 403", lambda: check_security(contract))
    tap.run("the schemas refuse what is no cart", lambda: check_nothing_more(contract))
    for path, method, operation in contract.operations():
        reached = set()
        for scene in scenarios_known(service, contract, path, method, operation):
            reached.add(scene[0])
            tap.run("%s %s %s: %s" % (method, path, scene[0], scene[1]),
                     lambda: check_answer(service, contract, operation, method, scene))  # pylint: disable=cell-var-from-loop
        missed = set(operation["responses"]) - reached - unreachable(service, operation)
        tap.run("%s %s: every answer was asked for" % (method, path), lambda: check_reached(missed))  # pylint: disable=cell-var-from-loop
    tap.skip("answers 429, 500, 503 and 504", "a healthy service does not give them; the tests of rates and faults do")


if __name__ == "__main__":
    main(tests)
