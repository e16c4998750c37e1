"""Every operation of the API, to be counted by what it costs a backend."""

KEY = "Idempotency-Key"
PREFER = ("Prefer", "return=representation")


class Asker:
    """A client whose answers are checked, and that makes carts."""

    def __init__(self, cartd):
        self.client = cartd.client()
        self.made = 0
        self.most_lines = 20

    def ask(self, want, method, target, headers=(), body=None):
        answer = self.client.ask(method, target, headers, body)
        if answer.status != want:
            raise AssertionError("%s %s: %d, not %d: %s" % (method, target, answer.status, want, answer.body.decode()))
        return answer

    def new_cart(self, lines=2):
        self.made += 1
        answer = self.ask(201, "POST", "/shopping-carts", (), '{"customer_id":%d}' % self.made)
        path = answer.header("Location")
        for product in range(1, lines + 1):
            self.ask(204, "POST", path + "/items", (), '{"product_id":%d,"quantity":2}' % product)
        return path


def operations(asker):
    """Those that succeed: name, the request, what makes a path ready for each repeat of it, whether it writes."""
    def ask(want, method, after="", headers=(), body=None):
        return lambda path: asker.ask(want, method, path + after, headers, body)

    def keyed(want, method, after="", body=None):
        def request(path):
            asker.made += 1
            return asker.ask(want, method, path + after, ((KEY, "k%d" % asker.made),), body)
        return request

    cart, empty, listed = asker.new_cart, lambda: asker.new_cart(0), lambda: "/shopping-carts"
    missing = lambda: "/shopping-carts/00000000-0000-4000-8000-000000000001"
    item, two, quantity = '{"product_id":1,"quantity":1}', '{"items":[{"product_id":1,"quantity":1},{"product_id":9,"quantity":1}]}', \
        '{"quantity":7}'
    return [
        ("get", ask(200, "GET"), cart, False),
        ("get, eventual", ask(200, "GET", "?consistency=eventual"), cart, False),
        ("get of a cart without lines", ask(200, "GET"), empty, False),
        ("get of no cart", ask(404, "GET"), missing, False),
        ("get, not modified", ask(304, "GET", "", (("If-None-Match", '"3"'),)), cart, False),
        ("list of a customer", ask(200, "GET", "?customer_id=1"), listed, False),
        ("list of idle carts", ask(200, "GET", "?idle_since=2100-01-01T00:00:00Z&limit=1"), listed, False),
        ("create", ask(201, "POST", "", (), '{"customer_id":77}'), listed, True),
        ("create with a key", keyed(201, "POST", "", '{"customer_id":77}'), listed, True),
        ("add to a line", ask(204, "POST", "/items", (), item), cart, True),
        ("add of a line", ask(204, "POST", "/items", (), '{"product_id":99,"quantity":1}'), cart, True),
        ("add of two lines", ask(204, "POST", "/items", (), two), cart, True),
        ("add with a key", keyed(204, "POST", "/items", item), cart, True),
        ("add at a version", ask(204, "POST", "/items", (("If-Match", '"3"'),), item), cart, True),
        ("add, answered with the cart", ask(200, "POST", "/items", (PREFER,), item), cart, True),
        ("set", ask(204, "PUT", "/items/1", (), quantity), cart, True),
        ("set of a new line", ask(204, "PUT", "/items/5", (), quantity), cart, True),
        ("set to 0", ask(204, "PUT", "/items/1", (), '{"quantity":0}'), cart, True),
        ("set with a key", keyed(204, "PUT", "/items/1", quantity), cart, True),
        ("remove", ask(204, "DELETE", "/items/1"), cart, True),
        ("clear", ask(204, "DELETE", "/items"), cart, True),
        ("checkout", ask(200, "POST", "/checkout"), cart, True),
        ("checkout with a key", keyed(200, "POST", "/checkout"), cart, True),
        ("checkout, answered with the cart", ask(200, "POST", "/checkout", (PREFER,)), cart, True),
        ("delete", ask(204, "DELETE"), cart, True),
    ]


def read_modify_operations(asker):
    """Those that are refused or change nothing: name, the request, what makes a path ready for each repeat of it."""
    def closed():
        path = asker.new_cart()
        asker.ask(200, "POST", path + "/checkout")
        return path

    def used():
        path = asker.new_cart()
        asker.ask(204, "POST", path + "/items", ((KEY, "used"),), '{"product_id":1,"quantity":1}')
        return path

    return [
        ("replay of a key", lambda path: asker.ask(204, "POST", path + "/items", ((KEY, "used"),), '{"product_id":1,"quantity":1}'), used),
        ("key of another request", lambda path: asker.ask(422, "POST", path + "/items", ((KEY, "used"),), '{"product_id":2,"quantity":1}'),
         used),
        ("set of what is there", lambda path: asker.ask(204, "PUT", path + "/items/1", (), '{"quantity":2}'), asker.new_cart),
        ("remove of what is not there", lambda path: asker.ask(404, "DELETE", path + "/items/99"), asker.new_cart),
        ("clear of an empty cart", lambda path: asker.ask(204, "DELETE", path + "/items"), lambda: asker.new_cart(0)),
        ("checkout of an empty cart", lambda path: asker.ask(409, "POST", path + "/checkout"), lambda: asker.new_cart(0)),
        ("add beyond a limit", lambda path: asker.ask(422, "POST", path + "/items", (), '{"product_id":99,"quantity":1}'),
         lambda: asker.new_cart(asker.most_lines)),
        ("change of no cart", lambda path: asker.ask(404, "POST", path + "/items", (), '{"product_id":1,"quantity":1}'),
         lambda: "/shopping-carts/00000000-0000-4000-8000-000000000001"),
        ("change at another version", lambda path: asker.ask(412, "POST", path + "/items", (("If-Match", '"77"'),),
                                                             '{"product_id":1,"quantity":1}'), asker.new_cart),
        ("change of a cart that is closed", lambda path: asker.ask(409, "POST", path + "/items", (), '{"product_id":1,"quantity":1}'), closed),
    ]
