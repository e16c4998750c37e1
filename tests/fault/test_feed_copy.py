#!/usr/bin/python3
"""docs/examples/copy_of_carts.py, on a service that answers what a test says, and on cartd on SQLite: what comes twice, too late or half, and kill -9."""

import http.server
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from cartd import ROOT, Cartd, await_that, die_with_parent  # noqa: E402
from feed_follower import LoggedCopy, copy_of_carts  # noqa: E402
from feed_judge import Log  # noqa: E402

EXAMPLE = os.path.join(ROOT, "docs", "examples", "copy_of_carts.py")
FOLLOWER = os.path.join(ROOT, "tests", "fault", "feed_follower.py")
KILLS = 6


def cart(version, key="a", **more):
    return {"shopping_cart_id": key, "customer_id": None, "status": "open", "version": version, "expires_at": None, **more}


def event(kind, version, key="a", **more):
    return {"id": "%s:%d" % (key, version), "type": "cart." + kind, "subject": key, "data": {"version": version, "cart": cart(version, key, **more)}}


def page(cursor, *events):
    return 200, {"events": list(events), "next_cursor": cursor}


class Stub(http.server.ThreadingHTTPServer):
    """Answers request by request: (status, JSON[, headers]), or bytes, after which it hangs up. .asked: their targets."""

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = list(answers), []
        self.url = "http://127.0.0.1:%d" % self.server_port
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        answer = self.server.answers.pop(0)
        if isinstance(answer, bytes):
            self.wfile.write(answer)
            return
        body = copy_of_carts.json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        for name, value in (*(answer[2:] or ({},))[0].items(), ("Content-Length", len(body))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


def read(answers, pages):
    """What the copy holds after so many pages, and what was asked for."""
    with tempfile.TemporaryDirectory() as folder, Stub(*answers) as stub:
        copy, service = LoggedCopy(os.path.join(folder, "copy.db")), copy_of_carts.Service([stub.url])
        for _ in range(pages):
            copy_of_carts.read_page(copy, service, "1s")
        assert not stub.answers, "%d answers were not asked for" % len(stub.answers)
        return {key: held["version"] for key, held in copy.carts().items()}, copy.cursor(), stub.asked


def what_comes_twice_is_applied_once():
    pages = [page("1", event("created", 1), event("changed", 2)), page("2", event("changed", 2), event("changed", 3)),
             page("3", event("created", 1), event("changed", 2), event("changed", 3))]
    carts, cursor, asked = read(pages, 3)
    assert carts == {"a": 3} and cursor == "3", carts
    assert "after" not in asked[0] and "after=1" in asked[1] and "after=2" in asked[2], asked


def a_cart_that_an_archive_gives_back_has_its_lower_version():
    pages = [page("1", event("created", 1), event("checked_out", 2), event("deleted", 3)), page("2", event("created", 2), event("reopened", 3))]
    assert read(pages, 2)[0] == {"a": 3}
    assert read(pages[:1], 1)[0] == {}


def an_archive_may_take_a_cart_away_twice_within_a_second():
    """Of a stream whose times are whole seconds the judge of the storms sees both removals, and misses one that is not there."""
    closed = {"status": "checked_out", "items": [], "expires_at": None}
    head = {name: value for name, value in cart(2, **closed).items() if name != "items"}
    made, checked_out, removed, back = (event(kind, version, **(closed if version > 1 else {"items": []})) for kind, version in (
        ("created", 1), ("checked_out", 2), ("deleted", 3), ("created", 2)))
    removed["data"]["cart"] = head
    for each in (made, checked_out, removed, back):
        each["data"]["changes"] = []
    before = [(made, "made"), (checked_out, "checked out"), (removed, "removed"), (back, "back")]
    assert Log([*before, (removed, "removed"), (back, "back a second later")]).wrong_steps() == []
    assert len(Log([*before, (back, "back a second later")]).wrong_steps()) == 1


def trouble_is_waited_out():
    """A refusal with Retry-After, a gateway's page, half an answer, an end without one; and the cursor is the same in each request."""
    copy_of_carts.PAUSE_S = 0.01
    trouble = [(503, {}, {"Retry-After": 1}), (429, {}, {"Retry-After": 0}), (502, "no JSON"), b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"events\"", b""]
    began = time.monotonic()
    carts, _, asked = read([page("1", event("created", 1)), *trouble, page("2", event("changed", 2))], 2)
    assert carts == {"a": 2} and len(set(asked[1:])) == 1, asked
    assert time.monotonic() - began >= 1, "it did not wait as Retry-After says"


def a_cursor_that_is_gone_is_answered_by_reading_the_carts_anew():
    """Of three known carts one is gone and one has changed; one more is open. The event of what changed meanwhile comes again."""
    known = page("1", event("created", 1), event("created", 1, "b"), event("created", 4, "c", customer_id=7))
    lists = [(200, {"carts": [cart(2, "d")], "next_cursor": None}), (200, {"carts": [], "next_cursor": None})]
    batch = 200, {"carts": [cart(6), cart(5, "c", customer_id=7), cart(2, "d")], "missing": ["b"]}
    carts, cursor, asked = read([known, (410, {}), page("9"), *lists, batch, page("10", event("changed", 5), event("changed", 6), event("changed", 7))], 3)
    assert carts == {"a": 7, "c": 5, "d": 2} and cursor == "10", carts
    assert "after=now" in asked[2] and "idle_since" in asked[3] and "customer_id=7" in asked[4] and "after=9" in asked[6], asked


def an_event_without_its_cart_is_replaced_by_the_cart():
    damaged = event("changed", 2)
    damaged["data"]["cart"] = None
    assert read([page("1", event("created", 1)), page("2", damaged), (200, {"carts": [cart(3)], "missing": []})], 2)[0] == {"a": 3}


def make_carts(cartd, count):
    with cartd.client() as client:
        for number in range(count):
            made = client.ask("POST", "/shopping-carts", (), {"customer_id": number % 7 + 1, "items": [{"product_id": 1, "quantity": number + 1}]}).json()
            path = "/shopping-carts/" + made["shopping_cart_id"]
            client.ask("POST", path + "/items", (), {"product_id": 2, "quantity": 3, "attributes": {"name": "Tasse"}})
            client.ask(*(("POST", path + "/checkout"), ("DELETE", path), ("GET", path))[number % 3])


def killed_again_and_again_the_consumer_misses_and_doubles_nothing():
    choice = random.Random(os.environ.get("CART_SEED", "7"))
    with tempfile.TemporaryDirectory() as folder, Cartd(folder, {"backend": "sqlite", "sqlite.path": os.path.join(folder, "cart.db"), "feed": "on"}) as cartd:
        make_carts(cartd, 60)
        url, path = "http://127.0.0.1:%d" % cartd.port, os.path.join(folder, "copy.db")
        copy, service = LoggedCopy(path), copy_of_carts.Service([url])
        end = service.ask("/changes", after="now")["next_cursor"]
        for _ in range(KILLS):
            before = copy.cursor()
            follower = subprocess.Popen([sys.executable, FOLLOWER, path, url], env={**os.environ, "FOLLOW_LIMIT": "1"}, preexec_fn=die_with_parent)
            try:
                await_that(lambda: copy.cursor() not in {before} - {end}, 30, "the copy goes on", 0.002)  # pylint: disable=cell-var-from-loop
                time.sleep(choice.uniform(0, 0.02))
            finally:
                follower.kill()
                follower.wait()
        while copy_of_carts.read_page(copy, service, "0s"):
            pass
        log = Log(copy.events())
        assert log.count == 160 and log.twice == 0 and not log.wrong_steps(), (log.count, log.twice, log.wrong_steps()[:3])
        found = subprocess.run([EXAMPLE, "compare", path, url], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
        assert found.returncode == 0 and found.stdout == "40 carts in the copy: equal\n", found.stdout
        with copy.database:
            copy.database.execute("UPDATE carts SET cart = replace(cart, '\"version\": 2', '\"version\": 3')")
        assert len(copy_of_carts.differences(copy, service)) == 20, "compare does not see what differs"


if __name__ == "__main__":
    tap.main_of([
        what_comes_twice_is_applied_once,
        a_cart_that_an_archive_gives_back_has_its_lower_version, an_archive_may_take_a_cart_away_twice_within_a_second,
        trouble_is_waited_out,
        a_cursor_that_is_gone_is_answered_by_reading_the_carts_anew,
        an_event_without_its_cart_is_replaced_by_the_cart,
        killed_again_and_again_the_consumer_misses_and_doubles_nothing,
    ])
