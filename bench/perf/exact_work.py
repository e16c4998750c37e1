"""The fixed work of bench/perf/run-exact: each operation so many times, one after another, on carts of three lines."""

import contextlib
import json

from servers import Failure, ask, connect

CARTS = "/shopping-carts"
CUSTOMER = 1000  # the first; all have four digits, so that every request is as long as the others of its kind
OPERATIONS = ("create", "add", "add_line", "set", "get", "checkout", "delete")


class Client:
    """One kept connection."""

    def __init__(self, port):
        self.socket = connect(port, 60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, method, path, body=None):
        """The answer's body; anything but success ends the measurement."""
        answer = ask(self.socket, method, path, None if body is None else json.dumps(body))
        if not answer.startswith(b"HTTP/1.1 20"):
            raise Failure(f"{method} {path} was answered {answer[9:200].decode('latin-1')!r}")
        return answer.partition(b"\r\n\r\n")[2]

    def create(self, number):
        return CARTS + "/" + json.loads(self.ask("POST", CARTS, {"customer_id": CUSTOMER + number}))["shopping_cart_id"]

    def add(self, cart, *products):
        self.ask("POST", cart + "/items", {"items": [{"product_id": product, "quantity": 1} for product in products]})


@contextlib.contextmanager
def _unobserved(_):
    yield


def work(client, count, around=_unobserved):
    """Does each operation count times, at most 4,000. Each kind is done within around(its name), alone."""
    with around("create"):
        carts = [client.create(i) for i in range(count)]
    # Half of the carts are checked out at the end, the other half deleted.
    carts += [client.create(count + i) for i in range(count)]
    for cart in carts:
        client.add(cart, 1, 2, 3)
    with around("add"):
        for cart in carts[:count]:
            client.ask("POST", cart + "/items", {"product_id": 1, "quantity": 1})
    with around("add_line"):
        for cart in carts[:count]:
            client.ask("POST", cart + "/items", {"product_id": 4, "quantity": 1})
    with around("set"):
        for cart in carts[:count]:
            client.ask("PUT", cart + "/items/2", {"quantity": 7})
    with around("get"):
        for cart in carts[:count]:
            client.ask("GET", cart)
    with around("checkout"):
        for cart in carts[:count]:
            client.ask("POST", cart + "/checkout")
    with around("delete"):
        for cart in carts[count:]:
            client.ask("DELETE", cart)
