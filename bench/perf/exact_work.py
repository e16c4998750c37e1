"""The fixed work of bench/perf/run-exact: each operation so many times, one after another, on carts of three lines."""

import contextlib

CUSTOMER = 1000  # the first; all have four digits, so that every request is as long as the others of its kind
OPERATIONS = ("create", "add", "add_line", "set", "get", "checkout", "delete")


@contextlib.contextmanager
def _unobserved(_):
    yield


def work(client, count, around=_unobserved):
    """Does each operation count times, at most 4,000. Each kind runs alone, within around(its name)."""
    with around("create"):
        carts = [client.create(CUSTOMER + i) for i in range(count)]
    # Half of the carts are checked out at the end, the other half deleted.
    carts += [client.create(CUSTOMER + count + i) for i in range(count)]
    for cart in carts:
        client.add(cart, 1, 2, 3)
    mine, others = carts[:count], carts[count:]
    kinds = {
        "add": (mine, "POST", "/items", {"product_id": 1, "quantity": 1}), "add_line": (mine, "POST", "/items", {"product_id": 4, "quantity": 1}),
        "set": (mine, "PUT", "/items/2", {"quantity": 7}), "get": (mine, "GET", "", None), "checkout": (mine, "POST", "/checkout", None),
        "delete": (others, "DELETE", "", None),
    }
    for name, (of, method, path, body) in kinds.items():
        with around(name):
            for cart in of:
                client.ask(method, cart + path, body)
