#!/usr/bin/python3
"""The load of the fault tests must tell the truth from a lie: an honest service passes, each lie is found.

First doctored ledgers, then a real cartd on the memory backend with somebody between it and the clients who lies. Short: it is
what makes the verdicts of the other fault tests worth something.
"""

import copy
import os
import re
import socket
import socketserver
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import ledger  # noqa: E402
import tap  # noqa: E402
from cartd import Cartd, await_that  # noqa: E402
from http_client import Broken, Client  # noqa: E402
from ledger import ACKNOWLEDGED, REFUSED, UNKNOWN, Change  # noqa: E402
from load import DEADLINE_S, Load  # noqa: E402

CART, CUSTOMER = "c", 7


def change(kind, outcome, version=None, lines=None, order_id=None):
    made = Change(kind, CART, CUSTOMER if kind == "create" else None, lines)
    made.outcome, made.version, made.order_id = outcome, version, order_id
    return made


def honest():
    """(changes, what is stored, lists): one of each, and one of each unknown; some of the unknown are stored."""
    changes = [
        change("create", ACKNOWLEDGED, 1),
        change("add", ACKNOWLEDGED, 2, {1: 3}),
        change("add", ACKNOWLEDGED, 3, {2: 4, 3: 4}),
        change("add", UNKNOWN, None, {1: 5}),  # stored, as version 4
        change("add", UNKNOWN, None, {1: 7}),
        change("add", UNKNOWN, None, {2: 9, 3: 9}),
        change("add", REFUSED, None, {1: 100}),
        change("set", ACKNOWLEDGED, 5, {4: 1}),
        change("set", ACKNOWLEDGED, 6, {4: 2}),
        change("checkout", ACKNOWLEDGED, 7, None, "o"),
    ]
    items = [{"product_id": product, "quantity": quantity} for product, quantity in ((1, 8), (2, 4), (3, 4), (4, 2))]
    return changes, {CART: {"items": items, "version": 7, "status": "checked_out", "order_id": "o"}}, {CUSTOMER: [CART]}


def verdict_on(doctor):
    """What is found wrong with the honest ledger after doctor(changes, cart, lists) has been at it."""
    changes, stored, lists = copy.deepcopy(honest())
    doctor(changes, stored[CART], lists)
    return ledger.check(changes, stored, lists)


def found(doctor, text):
    wrong = verdict_on(doctor)
    assert any(text in line for line in wrong), "\"%s\" is not among %s" % (text, wrong)


def quantity(product, value):
    return lambda changes, cart, lists: cart["items"][product - 1].update(quantity=value)


def an_honest_ledger_is_right_whichever_unknown_changes_were_applied():
    assert verdict_on(lambda *_: None) == []

    def none_applied(changes, cart, _):
        cart["items"][0]["quantity"] = 3
        cart["version"] = 6
        for version, made in zip((4, 5, 6), changes[7:]):
            made.version = version

    def all_applied(changes, cart, _):
        for item, value in zip(cart["items"], (15, 13, 13)):
            item["quantity"] = value
        cart["version"] = 9
        for version, made in zip((7, 8, 9), changes[7:]):
            made.version = version
    assert verdict_on(none_applied) == []
    assert verdict_on(all_applied) == []


def a_lost_add_is_found():
    found(quantity(1, 2), "product 1: 2 stored, 3 acknowledged: lost")
    found(lambda changes, cart, lists: cart["items"].pop(0), "product 1: 0 stored, 3 acknowledged: lost")


def an_add_that_was_applied_twice_is_found():
    found(quantity(1, 8 + 3), "the unknown [5, 7] do not make the rest")
    found(quantity(1, 15 + 3), "more than was asked for")
    found(lambda changes, cart, lists: cart.update(version=11), "changes stored, 5 acknowledged and 3 unknown")


def a_refused_change_that_was_applied_is_found():
    found(quantity(1, 108), "more than was asked for")


def half_of_a_change_of_two_lines_is_found():
    found(quantity(2, 13), "half a change")


def a_line_set_back_or_never_asked_for_is_found():
    found(quantity(4, 1), "product 4: 1 stored, set to one of [2]")
    found(lambda changes, cart, lists: cart["items"].append({"product_id": 9, "quantity": 1}), "nobody asked for it")


def two_changes_under_one_version_are_found():
    def twice(changes, cart, lists):
        changes[2].version = 2
    found(twice, "version 2 was given to 2 changes")


def a_version_that_went_back_is_found():
    found(lambda changes, cart, lists: cart.update(version=6), "version 7 was acknowledged, 6 is stored")


def a_checkout_that_was_lost_changed_or_overtaken_is_found():
    found(lambda changes, cart, lists: cart.update(order_id="p"), "order {'o'} was acknowledged, p is stored")
    found(lambda changes, cart, lists: cart.update(order_id=None, status="open"), "None is stored")
    found(lambda changes, cart, lists: cart.update(version=8), "changed after its checkout")
    found(lambda changes, cart, lists: changes.pop(), "checked out, and nobody asked for it")


def a_lost_cart_and_a_deleted_one_that_came_back_are_found():
    changes, stored, lists = honest()
    assert any("acknowledged and gone" in line for line in ledger.check(changes, {CART: None}, lists))
    found(lambda changes, cart, lists: changes.append(change("delete", ACKNOWLEDGED)), "deleted and still there")
    assert ledger.check(changes + [change("delete", UNKNOWN)], {CART: None}, {CUSTOMER: []}) == []


def a_cart_made_twice_or_missing_in_its_list_is_found():
    found(lambda changes, cart, lists: lists[CUSTOMER].append("d"), "1 carts more than were acknowledged, 0 creates unknown")
    found(lambda changes, cart, lists: lists[CUSTOMER].clear(), "acknowledged and is not listed")
    found(lambda changes, cart, lists: lists[CUSTOMER].append(CART), "listed twice")


SOURCE = "s"


def merged():
    """A cart takes the lines of another one; whether a second merge was done is not known, and it was not."""
    guest, other = change("create", ACKNOWLEDGED, 1, {5: 2, -5: 9}), change("create", ACKNOWLEDGED, 1, {5: 4, -5: 8})
    merge, unknown = change("merge", ACKNOWLEDGED, None, guest.lines), change("merge", UNKNOWN, None, other.lines)
    guest.cart, other.cart, merge.source, unknown.source = SOURCE, "t", SOURCE, "t"
    guest.customer = other.customer = None
    line, alike = ({"product_id": 5, "quantity": quantity, "attributes": {"n": n}} for quantity, n in ((2, 9), (4, 8)))
    stored = {CART: {"items": [dict(line)], "version": 2, "status": "open", "order_id": None, "merged_into": None},
              SOURCE: {"items": [line], "version": 2, "status": "merged", "order_id": None, "merged_into": CART},
              "t": {"items": [alike], "version": 1, "status": "open", "order_id": None, "merged_into": None}}
    return [change("create", ACKNOWLEDGED, 1), guest, other, merge, unknown], stored


def assert_merge_is_wrong(text, cart, **stands):
    changes, stored = merged()
    stored[cart].update(stands)
    wrong = ledger.check(changes, stored, {CUSTOMER: [CART]})
    assert any(text in line for line in wrong), "\"%s\" is not among %s" % (text, wrong)


def a_merge_that_was_lost_doubled_or_made_by_half_is_found():
    changes, stored = merged()
    assert ledger.check(changes, stored, {CUSTOMER: [CART]}) == []
    item = stored[CART]["items"][0]
    assert_merge_is_wrong("0 stored, 2 acknowledged: lost", CART, items=[])
    assert_merge_is_wrong("more than was asked for", CART, items=[{**item, "quantity": 4}])
    assert_merge_is_wrong("attributes of 5: 0 stored", CART, items=[{"product_id": 5, "quantity": 2}])
    assert_merge_is_wrong("changes stored", CART, version=3)
    assert_merge_is_wrong("its merge was acknowledged, and it is open", SOURCE, status="open")
    assert_merge_is_wrong("it was merged into c, and says d", SOURCE, merged_into="d")
    # That the unknown one was done is what the cart that its lines come from says; then they must be there.
    assert_merge_is_wrong("product 5: 2 stored, 6 acknowledged: lost", "t", status="merged", merged_into=CART, version=2)


# A liar between the clients and cartd.


class Liar(socketserver.ThreadingTCPServer):
    """Passes requests on and answers back, one at a time a connection; lie(ask, method, path, number) may do otherwise."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, lie):
        super().__init__(("127.0.0.1", 0), Passage)
        self.cartd_port, self.lie = port, lie
        self.count = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def number(self, kind):
        with self.lock:
            self.count[kind] = self.count.get(kind, 0) + 1
            return self.count[kind]

    def handle_error(self, request, client_address):
        pass


class Passage(socketserver.BaseRequestHandler):
    def setup(self):
        self.inner = socket.create_connection(("127.0.0.1", self.server.cartd_port))
        self.rest = {}

    def read_message(self, source):
        """Bytes of one message; b"" at the end."""
        data = self.rest.pop(source, b"")
        while b"\r\n\r\n" not in data:
            more = source.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = [int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        whole = len(head) + 4 + sum(length)
        while len(data) < whole:
            data += source.recv(65536)
        self.rest[source] = data[whole:]
        return data[:whole]

    def pass_on(self, request):
        self.inner.sendall(request)
        return self.read_message(self.inner)

    def handle(self):
        while True:
            request = self.read_message(self.request)
            if not request:
                return
            method, path, _ = request.decode("latin-1").split(" ", 2)
            kind = method + (" items" if path.endswith("/items") else " merge" if path.endswith("/merge") else "")
            self.request.sendall(self.server.lie(self, kind, self.server.number(kind), request))

    def finish(self):
        self.inner.close()


def honestly(passage, _kind, _number, request):
    return passage.pass_on(request)


def complaints_about(lie, changes=400):
    """What a load finds wrong with a cartd that is seen through lie()."""
    with tempfile.TemporaryDirectory() as folder:
        cartd = Cartd(folder, {"backend": "memory", "threads": "2"})
        liar = Liar(cartd.port, lie)
        try:
            load = Load(liar.server_address[1], pause_s=0.01, slack_s=0, merges=True)
            load.start()
            load.await_successes(changes, 30)
            load.stop()
            load.settle()
            wrong = load.wrong()
            load.hang_up()
            tap.say(load.summary())
        finally:
            liar.shutdown()
            liar.server_close()
            wrong_end = cartd.stop()
        assert wrong_end == [], wrong_end
        return wrong


def assert_caught(lie, text, **options):
    wrong = complaints_about(lie, **options)
    assert any(text in line for line in wrong), "\"%s\" is not among the %d complaints: %s" % (text, len(wrong), wrong[:10])


def nothing_is_wrong_with_an_honest_service():
    wrong = complaints_about(honestly, 1000)
    assert wrong == [], wrong[:10]


def an_acknowledged_add_that_never_arrived_is_found():
    def lie(passage, kind, number, request):
        if kind == "POST items" and number % 20 == 0 and b"Idempotency-Key" not in request:
            return b'HTTP/1.1 204 No Content\r\nETag: "1000"\r\n\r\n'
        return passage.pass_on(request)
    assert_caught(lie, "lost")


def an_acknowledged_merge_that_never_arrived_is_found():
    def lie(passage, kind, number, request):
        if kind == "POST merge" and number >= 2:  # one alone could arrive by its repeat
            cart = request.split(b"/")[2]
            return passage.pass_on(b"GET /shopping-carts/%s HTTP/1.1\r\nHost: x\r\n\r\n" % cart)
        return passage.pass_on(request)
    assert_caught(lie, "its merge was acknowledged, and it is open")


def attributes_that_are_dropped_are_found():
    def lie(passage, kind, number, request):
        if kind == "PUT" and number > 5:
            request = re.sub(rb', *"attributes": *{[^}]*}', lambda match: b" " * len(match[0]), request)
        return passage.pass_on(request)
    assert_caught(lie, "set to one of")


def an_add_that_arrived_twice_is_found():
    def lie(passage, kind, number, request):
        if kind == "POST items" and number % 20 == 0 and b"Idempotency-Key" not in request:
            passage.pass_on(request)
        return passage.pass_on(request)
    assert_caught(lie, "more than was asked for")


def a_change_that_was_refused_and_made_is_found():
    def lie(passage, kind, number, request):
        answer = passage.pass_on(request)
        if kind == "POST items" and number % 20 == 0:
            body = b'{"error": "UNAVAILABLE"}'
            answer = (b"HTTP/1.1 503 x\r\nRetry-After: 1\r\nContent-Type: application/problem+json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return answer
    assert_caught(lie, "more than was asked for")


def a_late_answer_is_found():
    def lie(passage, kind, number, request):
        answer = passage.pass_on(request)
        if kind == "POST items" and number == 100:
            time.sleep(DEADLINE_S + 0.1)
        return answer
    assert_caught(lie, "add: answered 204 after 5.")


def an_answer_that_does_not_come_is_found():
    def lie(passage, kind, number, request):
        answer = passage.pass_on(request)
        if kind == "POST items" and number == 100:
            passage.request.shutdown(socket.SHUT_RDWR)
        return answer
    assert_caught(lie, "add: no answer")


def a_read_that_is_behind_is_found():
    first = {}

    def lie(passage, kind, number, request):
        answer = passage.pass_on(request)
        if kind == "GET" and number > 20 and answer.startswith(b"HTTP/1.1 200") and b"idle" not in request:
            return first.setdefault(request, answer)
        return answer
    assert_caught(lie, "asked for")


def an_undocumented_failure_and_a_503_without_retry_after_are_found():
    def lie(passage, kind, number, request):
        if kind == "POST items" and number in (50, 60):
            body = b'{"error": "%s"}' % (b"INTERNAL" if number == 50 else b"UNAVAILABLE")
            return b"HTTP/1.1 %d x\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%s" % (
                500 if number == 50 else 503, len(body), body)
        return passage.pass_on(request)
    wrong = complaints_about(lie)
    assert any(": 500" in line for line in wrong) and any("without Retry-After" in line for line in wrong), wrong


def a_key_that_is_not_recognised_is_found():
    def lie(passage, kind, number, request):
        return passage.pass_on(request.replace(b"Idempotency-Key", b"X-Other-Key"))
    assert_caught(lie, "repeated under its key")


def unknown_outcomes_are_settled_by_their_keys():
    """Not a lie: the answer is lost and says so. Nothing may be complained of, and the keyed ones end known."""
    def lie(passage, kind, number, request):
        answer = passage.pass_on(request)
        if kind == "POST items" and number % 10 == 0:
            body = b'{"error": "OUTCOME_UNKNOWN"}'
            answer = (b"HTTP/1.1 504 x\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
        return answer
    wrong = complaints_about(lie)
    assert wrong == [], wrong[:10]


def a_client_never_sends_a_request_twice():
    heard = []

    class Deaf(socketserver.BaseRequestHandler):
        def handle(self):
            heard.append(self.request.recv(65536))  # and closes

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Deaf) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            Client(server.server_address[1], 5).ask("POST", "/", (), {})
            assert False, "an answer from nobody"
        except Broken:
            pass
        await_that(lambda: heard, 5, "one request")
        server.shutdown()
    assert len(heard) == 1, heard


if __name__ == "__main__":
    tap.main_of([
        an_honest_ledger_is_right_whichever_unknown_changes_were_applied,
        a_lost_add_is_found,
        an_add_that_was_applied_twice_is_found,
        a_refused_change_that_was_applied_is_found,
        half_of_a_change_of_two_lines_is_found,
        a_line_set_back_or_never_asked_for_is_found,
        two_changes_under_one_version_are_found,
        a_version_that_went_back_is_found,
        a_checkout_that_was_lost_changed_or_overtaken_is_found,
        a_lost_cart_and_a_deleted_one_that_came_back_are_found,
        a_cart_made_twice_or_missing_in_its_list_is_found,
        a_merge_that_was_lost_doubled_or_made_by_half_is_found,
        nothing_is_wrong_with_an_honest_service,
        an_acknowledged_add_that_never_arrived_is_found,
        an_acknowledged_merge_that_never_arrived_is_found,
        attributes_that_are_dropped_are_found,
        an_add_that_arrived_twice_is_found,
        a_change_that_was_refused_and_made_is_found,
        a_late_answer_is_found,
        an_answer_that_does_not_come_is_found,
        a_read_that_is_behind_is_found,
        an_undocumented_failure_and_a_503_without_retry_after_are_found,
        a_key_that_is_not_recognised_is_found,
        unknown_outcomes_are_settled_by_their_keys,
        a_client_never_sends_a_request_twice,
    ])
