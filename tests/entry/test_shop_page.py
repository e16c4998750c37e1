#!/usr/bin/python3
"""docs/examples/shop.html in a browser, served from one origin, with a cartd at another: what a person does there, and what the API
says that the page has done. Pictures of it are in build/shop-shots."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import chromium  # noqa: E402
import patience  # noqa: E402
from cartd import Cartd, cartctl  # noqa: E402
from tap import Skip, main  # noqa: E402

SHOTS = os.path.abspath("build/shop-shots")
PEN, NOTEBOOK, TEAPOT, CUPS = 101, 102, 103, 104
SAID = "document.getElementById('message').textContent"

# Unnamed controls, what is wider than the page, and text of too little contrast (WCAG 2.1: 4.5), as lines.
AUDIT = r"""
(() => {
	const said = [], width = document.documentElement.clientWidth;
	const name = e => e.tagName + ' "' + (e.getAttribute('aria-label') || e.textContent.trim().slice(0, 40)) + '"';
	const light = colour => colour.match(/[\d.]+/g).slice(0, 3).map(v => v / 255)
		.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = e => {
		for (; e; e = e.parentElement) {
			const colour = getComputedStyle(e).backgroundColor;
			if (!/, 0\)$/.test(colour)) return colour;
		}
	};
	if (document.documentElement.scrollWidth > width) said.push('the page is ' + document.documentElement.scrollWidth + ' wide on ' + width);
	for (const e of document.querySelectorAll('body *')) {
		const box = e.getBoundingClientRect();
		if (box.width === 0 || e.closest('svg')) continue;
		if (box.right > width + 0.5 || box.left < -0.5) said.push('beyond the edge: ' + name(e));
		if (e.matches('button, summary') && !(e.getAttribute('aria-label') || e.textContent).trim()) said.push('no name: ' + e.outerHTML);
		if (e.matches('input') && !(e.getAttribute('aria-label') || e.labels.length)) said.push('no label: ' + e.outerHTML);
		if (e.matches('button, input') && box.height < 43.5) said.push('too small: ' + name(e));
		if (e.disabled || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
		const a = light(getComputedStyle(e).color), b = light(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) said.push('contrast ' + ratio.toFixed(2) + ': ' + name(e));
	}
	return said;
})()
"""

# Pauses are short, and what comes of the page's next calls is the test's: "lost" are done and not answered; a problem is an answer
# without having been asked.
FAULTS = r"""
(() => {
	const real = window.fetch, timer = window.setTimeout;
	window.faults = [];
	window.keys = [];
	window.setTimeout = (act, ms) => timer(act, ms / 50);
	window.fetch = async (url, options) => {
		if (options.mode === 'no-cors' || !options.method) return real(url, options);
		const fault = window.faults.shift();
		window.keys.push(options.headers['Idempotency-Key']);
		if (fault && fault !== 'lost')
			return new Response(JSON.stringify(fault), { status: fault.status, headers: { 'Retry-After': String(fault.wait) } });
		const answer = await real(url, options);
		if (fault) throw new TypeError('the answer is lost');
		return answer;
	};
})()
"""


class Page(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def page_server():
    """Its origin."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page, directory="docs/examples"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield "http://127.0.0.1:%d" % server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Shop:
    def __init__(self, folder, origin, browser, cartd):
        self.folder, self.origin, self.browser, self.cartd = folder, origin, browser, cartd
        self.api = "http://127.0.0.1:%d" % cartd.port
        self.tokens = {}
        self.thrown = []
        for name, words in (("page", ["--guest"]), ("ann", ["--customer", "7"]), ("bob", ["--customer", "8"])):
            status, said = cartctl(folder, {"auth.token_file": "tokens"}, "token", "new", "--name", name, "--scope", "read,write", *words)
            assert status == 0, said
            self.tokens[name] = said.split()[0]
        self.await_token()

    def await_token(self):
        """cartd has read the file again."""
        until = patience.now() + 20
        while self.ask("bob", "GET", "/shopping-carts?customer_id=8").status != 200:
            assert patience.now() < until, "cartd does not know its tokens"
            time.sleep(0.02)

    def ask(self, who, method, path, body=None):
        with self.cartd.client() as client:
            return client.ask(method, path, [("Authorization", "Bearer " + self.tokens[who])], body)

    def visit(self, api=None, token=None):
        """A page of its own, without what an earlier one has stored; the addresses that it asked for."""
        address = "%s/shop.html#api=%s&guest=%s" % (self.origin, api or self.api, self.tokens["page"] if token is None else token)
        self.look_for_exceptions()
        self.browser.open("about:blank")
        self.browser.ask("Storage.clearDataForOrigin", origin=self.origin, storageTypes="local_storage")
        asked = self.browser.open(address)
        self.until(SAID + " !== ''")
        self.browser.evaluate(FAULTS)
        return asked

    def reload(self):
        self.look_for_exceptions()
        self.browser.events = []
        self.browser.ask("Page.reload")
        self.browser.await_event("Page.loadEventFired")

    def look_for_exceptions(self):
        """Among the events of the page that is open; the next one's take their place."""
        self.thrown += [event for event in self.browser.complaints() if "exceptionDetails" in event]

    def until(self, condition):
        """A condition in the page; the page has nothing more to do then."""
        until = patience.now() + 30
        while not self.browser.evaluate("(%s) && !document.body.hasAttribute('aria-busy')" % condition):
            if patience.now() > until:
                raise AssertionError("not so: %s\nthe page says: %s" % (condition, self.said()))
            time.sleep(0.01)

    def said(self):
        return self.browser.evaluate(SAID)

    def until_said(self, text):
        self.until("%s.includes(%s)" % (SAID, json.dumps(text)))

    def click(self, label):
        """A button by its name, as assistive technology finds it."""
        self.browser.evaluate("""(() => {
            const found = [...document.querySelectorAll('button')].filter(e => e.offsetParent
                && (e.getAttribute('aria-label') || e.textContent) === %s);
            if (found.length !== 1) throw new Error(found.length + ' buttons with the name ' + %s);
            found[0].click();
        })()""" % (json.dumps(label), json.dumps(label)))

    def type(self, label, text):
        self.browser.evaluate("""(() => {
            const field = document.querySelector('[aria-label="%s"]');
            field.value = '%s';
            field.dispatchEvent(new Event('change'));
        })()""" % (label, text))

    def add(self, name, *wanted):
        self.click("Add to cart: " + name)
        if wanted:
            self.until("cart && cart.items.map(line => line.quantity).join() === '%s'" % ",".join(map(str, wanted)))

    def log_in(self, who, customer=7):
        self.browser.evaluate("""(() => {
            const form = document.querySelector('#login form');
            form.elements.customer.value = '%d';
            form.elements.token.value = '%s';
            form.requestSubmit();
        })()""" % (customer, self.tokens.get(who, who)))

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            self.browser.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                             **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def id(self):
        return self.browser.evaluate("cart.shopping_cart_id")

    def cart(self, who):
        answer = self.ask(who, "GET", "/shopping-carts/" + self.id())
        return answer.json() if answer.status == 200 else answer.status

    def lines(self, who):
        return {line["product_id"]: line["quantity"] for line in self.cart(who)["items"]}

    def expect_lines(self, who, lines):
        found = self.lines(who)
        assert found == lines, "%s instead of %s" % (found, lines)

    def look(self, name):
        """As wide and narrow, light and dark; what is wrong with it."""
        wrong = []
        for width, dark in ((1280, False), (360, True)):
            self.browser.shape(width, dark)
            wrong += ["%s at %d: %s" % (name, width, line) for line in self.browser.evaluate(AUDIT)]
            self.browser.screenshot(os.path.join(SHOTS, "%s-%d.png" % (name, width)))
        return wrong


def guest_and_customer(shop):
    """The whole life: guest, add, change, remove, login, checkout, a payment that fails, checkout."""
    asked = shop.visit()
    others = [address for address in asked if not address.startswith((shop.origin, shop.api))]
    assert not others, others
    wrong = shop.look("begin")
    shop.browser.evaluate("document.querySelector('#products button').focus()")
    shop.press("Enter", 13)
    shop.until("cart && cart.items.length === 1")
    first = shop.id()
    shop.add("Teapot", 1, 1)
    shop.add("Teapot", 1, 2)
    shop.add("Two cups", 1, 2, 1)
    shop.expect_lines("page", {PEN: 1, TEAPOT: 2, CUPS: 1})
    pen = shop.cart("page")["items"][0]
    assert pen["attributes"] == {"name": "Fountain pen", "unit_price": "24.90"}, pen
    assert shop.cart("page")["customer_id"] is None
    total = shop.browser.evaluate("document.getElementById('total').textContent")
    assert total == "113.95\u00a0€", total
    shop.type("Quantity of Fountain pen", "12")
    shop.until_said("Fountain pen: 12.")
    shop.click("One less: Teapot")
    shop.until_said("Teapot: 1.")
    shop.click("Remove: Two cups")
    shop.until_said("Two cups is no longer in your cart")
    shop.expect_lines("page", {PEN: 12, TEAPOT: 1})
    wrong += shop.look("guest")
    # The same page again, and the cart is there.
    shop.reload()
    shop.until("cart && cart.items.length === 2 && %s.includes('Welcome back')" % SAID)

    shop.log_in("ann")
    shop.until_said("You are logged in")
    assert shop.id() == first and shop.cart("ann")["customer_id"] == 7
    assert shop.cart("bob") == 404 and shop.cart("page") == 404
    shop.add("Two cups", 12, 1, 1)
    shop.click("Check out")
    shop.until_said("Thank you")
    assert shop.browser.evaluate("document.activeElement.id") == "order-title"
    wrong += shop.look("order")
    shop.click("The payment failed: back to the cart")
    shop.until_said("open again")
    assert shop.cart("ann")["status"] == "open"
    shop.click("Check out")
    shop.until_said("Thank you")
    cart = shop.cart("ann")
    order = shop.browser.evaluate("document.getElementById('order-id').textContent")
    assert cart["status"] == "checked_out" and cart["order_id"] == order, (cart, order)
    shop.expect_lines("ann", {PEN: 12, TEAPOT: 1, CUPS: 1})
    assert shop.cart("bob") == 404
    assert shop.ask("bob", "GET", "/shopping-carts?customer_id=7").status == 403
    shop.add("Teapot", 1)
    assert shop.cart("ann")["customer_id"] == 7 and shop.id() != first
    shop.click("Log out")
    shop.until("cart === null")
    return "\n".join(wrong)


def a_guests_cart_is_merged(shop):
    """Who logs in and has an open cart already: both are one then, also where the answer to the merge is lost."""
    own = shop.ask("bob", "POST", "/shopping-carts", {"customer_id": 8, "items": [{"product_id": TEAPOT, "quantity": 2}]}).json()
    shop.visit()
    shop.add("Teapot", 1)
    shop.add("Fountain pen", 1, 1)
    guest = shop.id()
    shop.browser.evaluate("faults = [null, 'lost']")
    shop.log_in("bob", 8)
    shop.until_said("You are logged in")
    assert shop.id() == own["shopping_cart_id"]
    shop.expect_lines("bob", {PEN: 1, TEAPOT: 3})
    assert shop.cart("bob")["items"][1]["attributes"]["name"] == "Teapot"
    merged = shop.ask("page", "GET", "/shopping-carts/" + guest).json()
    assert (merged["status"], merged["merged_into"]) == ("merged", own["shopping_cart_id"]), merged
    assert shop.browser.evaluate("localStorage.length") == 0
    # A page that was left open with the guest's cart begins anew, and so does one whose login nobody saw the end of.
    shop.browser.evaluate("localStorage.setItem('guest-cart', '%s')" % guest)
    shop.reload()
    shop.until_said("Welcome back")
    assert shop.browser.evaluate("cart === null && localStorage.length") == 0


def nothing_is_done_twice(shop):
    """Answers get lost: the page asks again under the same key, by itself and then when it is told to."""
    shop.visit()
    shop.browser.evaluate("faults = ['lost']")
    shop.add("Fountain pen", 1)
    shop.browser.evaluate("faults = ['lost', 'lost']; keys = []")
    shop.add("Fountain pen", 2)
    assert shop.browser.evaluate("keys.length === 3 && new Set(keys).size === 1"), shop.browser.evaluate("keys")
    shop.browser.evaluate("faults = ['lost', 'lost', 'lost', 'lost']")
    shop.add("Fountain pen")
    shop.until_said("We do not know yet whether that was done")
    assert shop.browser.evaluate("cart.items[0].quantity") == 2
    wrong = shop.look("unknown")
    shop.click("Try again")
    shop.until("cart.items[0].quantity === 3")
    shop.expect_lines("page", {PEN: 3})
    # Three clicks are three adds, in their order.
    for name in ("Teapot", "Teapot", "Teapot"):
        shop.add(name)
    shop.until("cart.items.length === 2 && cart.items[1].quantity === 3")
    shop.expect_lines("page", {PEN: 3, TEAPOT: 3})
    return "\n".join(wrong)


def a_busy_shop_is_asked_again(shop):
    shop.visit()
    busy = {"status": 503, "error": "UNAVAILABLE", "message": "busy", "wait": 1}
    often = {"status": 429, "error": "TOO_MANY_REQUESTS", "message": "too often", "wait": 2}
    shop.browser.evaluate("faults = %s" % json.dumps([busy, often]))
    shop.add("Teapot", 1)
    for problem, said in ((busy, "cannot do that now"), (often, "too often in a short time")):
        shop.browser.evaluate("faults = %s" % json.dumps([dict(problem, wait=60)]))
        shop.add("Teapot")
        shop.until_said(said)
        assert "Please wait 60 s" in shop.said(), shop.said()
    shop.click("Try again")
    shop.until("cart.items[0].quantity === 2")
    shop.expect_lines("page", {TEAPOT: 2})


def others_change_the_cart_too(shop):
    shop.visit()
    shop.add("Teapot", 1)
    path = "/shopping-carts/" + shop.id()
    assert shop.ask("page", "PUT", path + "/items/103", {"quantity": 5}).status == 204
    shop.click("One more: Teapot")
    shop.until_said("changed in another window")
    shop.expect_lines("page", {TEAPOT: 5})
    assert shop.browser.evaluate("document.querySelector('#lines input').value") == "5"
    shop.type("Quantity of Teapot", "1000000")
    shop.until_said("Teapot: 1000000.")
    shop.add("Teapot")
    shop.until_said("more than a cart holds")
    shop.type("Quantity of Teapot", "some")
    shop.until_said("A quantity is a number")
    shop.type("Quantity of Teapot", "999999999")
    shop.until_said("quantity is out of range")
    shop.expect_lines("page", {TEAPOT: 1000000})
    assert shop.ask("page", "POST", path + "/checkout").status == 200
    shop.add("Fountain pen")
    shop.until_said("checked out already")
    assert shop.browser.evaluate("!document.getElementById('order').hidden")
    shop.click("Start a new cart")
    shop.add("Fountain pen", 1)
    assert shop.ask("page", "DELETE", "/shopping-carts/" + shop.id()).status == 204
    shop.add("Fountain pen")
    shop.until_said("not there any more")
    shop.add("Fountain pen", 1)


def a_login_that_fails_leaves_the_guest(shop):
    shop.visit()
    shop.add("Teapot", 1)
    shop.log_in("cart_" + 43 * "A")
    shop.until_said("does not know this token")
    shop.log_in("bob", 7)
    shop.until_said("Does it belong to this customer?")
    assert shop.browser.evaluate("customer === null && document.getElementById('who').textContent") == "Guest"
    assert shop.cart("page")["customer_id"] is None
    shop.visit(token="")
    shop.add("Teapot")
    shop.until_said("does not know this token")


def what_others_wrote_is_text(shop):
    """A line that another client has put there: words that would be markup, a price that is none, and one that a double cannot hold."""
    shop.visit()
    shop.add("Teapot", 1)
    lines = [{"product_id": 7, "quantity": 1, "attributes": {"name": "<img src=x onerror=alert(1)>", "unit_price": "1e3"}},
             {"product_id": 8, "quantity": 3, "attributes": {"name": "Gold", "unit_price": "90071992547409.93"}},
             {"product_id": 9, "quantity": 1}]
    assert shop.ask("page", "POST", "/shopping-carts/%s/items" % shop.id(), {"items": lines}).status == 204
    shop.add("Teapot", 1, 3, 1, 2)
    texts = shop.browser.evaluate("[...document.querySelectorAll('#lines .name, #lines .sum, #total')].map(e => e.textContent)")
    assert texts == ["<img src=x onerror=alert(1)>", "no price", "Gold", "270,215,977,642,229.79\u00a0€", "Product 9", "no price", "Teapot", "78.00\u00a0€",
                     "270,215,977,642,307.79\u00a0€"], texts
    return "\n".join(shop.look("others"))


def it_says_what_is_wrong_with_the_service(shop, closed):
    shop.visit("http://127.0.0.1:%d" % closed.port)
    shop.until_said("does not let this page use it. Start cartd with http.cors_origins=%s." % shop.origin)
    wrong = shop.look("closed")
    shop.visit("http://127.0.0.1:1")
    shop.until_said("There is no answer from http://127.0.0.1:1.")
    shop.browser.open("file://%s#api=%s" % (os.path.abspath("docs/examples/shop.html"), shop.api))
    shop.until_said("Serve it over HTTP")
    return "\n".join(wrong)


def run(tap):
    if chromium.program() is None:
        raise Skip("no chromium: what the page of a shop (docs/examples/shop.html) does in a browser was not tested")
    os.makedirs(SHOTS, exist_ok=True)
    folder = tempfile.mkdtemp()
    try:
        with page_server() as origin, chromium.Chromium() as browser:
            settings = {"backend": "sqlite", "sqlite.path": "cart.db", "auth": "token", "auth.token_file": "tokens",
                        "http.cors_origins": origin}
            with open(os.path.join(folder, "tokens"), "w", encoding="ascii") as file:
                file.write('{"tokens": []}')
            os.chmod(os.path.join(folder, "tokens"), 0o600)
            with Cartd(folder, settings) as cartd, Cartd(folder, {"backend": "memory"}, name="closed") as closed:
                shop = Shop(folder, origin, browser, cartd)
                for test in (guest_and_customer, a_guests_cart_is_merged, nothing_is_done_twice, a_busy_shop_is_asked_again, others_change_the_cart_too,
                             a_login_that_fails_leaves_the_guest, what_others_wrote_is_text):
                    tap.run(test.__name__, test, shop)
                tap.run(it_says_what_is_wrong_with_the_service.__name__, it_says_what_is_wrong_with_the_service, shop, closed)
                shop.look_for_exceptions()
                tap.check("no exception is left to the console", json.dumps(shop.thrown) if shop.thrown else "")
                for service in (cartd, closed):
                    tap.check("%s ends well" % os.path.basename(service.log_path), service.end_problem())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(run)
