"""A cartd whose metrics are compared before and after what should move them."""

import re


class Watch:
    def __init__(self, cartd):
        self.cartd = cartd
        self.client = cartd.client()

    def close(self):
        self.client.close()

    def value(self, name):
        return self.cartd.metrics().get(name, 0)

    def new_cart(self):
        answer = self.client.ask("POST", "/shopping-carts", (), '{"customer_id":3}')
        assert answer.status == 201, answer.body
        return answer.header("Location")

    def add(self, path, client=None):
        return (client or self.client).ask("POST", path + "/items", (), '{"product_id":1,"quantity":1}').status

    def moved(self, action, prefix):
        """The series of that beginning that grew, and by how much."""
        before = self.cartd.metrics()
        action()
        after = self.cartd.metrics()
        return {name: value - before.get(name, 0) for name, value in after.items() if name.startswith(prefix) and value != before.get(name, 0)}


def wrong(found, wanted):
    return "" if found == wanted else "moved: %s\nexpected: %s" % (found, wanted)


def documented(cartd, prefix, document):
    """Series that begin so: those that the document does not name, and those that it makes up. The feed is off."""
    served = {re.sub(r"[{ ].*", "", name) for name in cartd.metrics() if name.startswith(prefix)}
    served = {re.sub(r"_(bucket|sum|count)$", "", name) for name in served}
    with open(document, encoding="utf-8") as file:
        told = {name for line in file if "with `feed=on`:" not in line for name in re.findall(r"`(%s\w+)" % prefix, line)}
    lines = ["not in the document: " + name for name in sorted(served - told)] + ["not served: " + name for name in sorted(told - served)]
    return "\n".join(lines) if served else "no series"
