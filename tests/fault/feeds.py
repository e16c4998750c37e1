"""A consumer that keeps a copy of all carts by the feed, and faults that befall it, two services and their database, one after another.

The consumer is docs/examples/copy_of_carts.py, in a process of its own (feed_follower.py), which keeps every event that it gets. Meanwhile a crowd
(feed_crowd.py) does all that is an event, and an archive takes closed carts and gives them back. In the end all open carts expire, the copy is compared with
the store and with its tables, and the log of events is judged (feed_judge.py). CART_SEED repeats the choice of faults and requests.
"""

import glob
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "histories")]
import cut_proxy  # noqa: E402 (where it is is known only now)
import feed_crowd  # noqa: E402
import patience  # noqa: E402
import tap  # noqa: E402
from cartd import CARTCTL, ROOT, await_that, die_with_parent, environment, words_of  # noqa: E402
from feed_follower import LoggedCopy, copy_of_carts  # noqa: E402
from feed_judge import Log  # noqa: E402
from storm import STOPPED_S, Service  # noqa: E402

TTL_S = 10
SETTINGS = {"feed": "on", "threads": "2", "request.deadline": "%ds" % feed_crowd.DEADLINE_S, "idempotency.window": "%ds" % TTL_S, "cart.ttl": "%ds" % TTL_S,
            "sweep.grace": "0", "clock.skew": "0"}
FOLLOWER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "feed_follower.py")
EXAMPLE = os.path.join(ROOT, "docs", "examples", "copy_of_carts.py")
ARCHIVE_EVERY_S = 3
SHOWN = 15
KINDS = os.environ.get("KINDS", "")  # only faults whose names hold it


class HttpStream:
    """What a client of cartd's sends, cut into (request, its method). For CutProxy."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head = self.rest.index(b"\r\n\r\n") + 4
            length = cut_proxy.DynamodbStream.LENGTH.search(self.rest, 0, head)
            whole = head + (int(length.group(1)) if length else 0)
            if len(self.rest) < whole:
                return
            request, self.rest = self.rest[:whole], self.rest[whole:]
            yield request, request.split(b" ", 1)[0].decode()


class Archivist(threading.Thread):
    """Moves closed carts to an archive and back, by turns. Its cartctl is killed now and then."""

    def __init__(self, folder, settings, keys, seed):
        super().__init__(name="archivist", daemon=True)
        self.folder, self.settings, self.keys = folder, settings, keys
        self.random = random.Random("archive/%s" % seed)
        self.enough, self.runs = threading.Event(), 0

    def run(self):
        while not self.enough.wait(self.random.uniform(0.3, 1) * ARCHIVE_EVERY_S):
            self.cartctl(self.random.random() < 0.3, "archive", "--older-than", "1s", "--to", "archive")
            self.cartctl(self.random.random() < 0.3, "restore", "--from", "archive")

    def cartctl(self, kills, *words):
        """Its exit status, and what it said."""
        with subprocess.Popen([CARTCTL, *words_of(self.settings), *words], cwd=self.folder, env=environment(self.keys), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent) as process:
            if kills:
                time.sleep(self.random.uniform(0, 0.2))
                process.kill()
            said = process.communicate()[0].decode("utf-8", "replace")
            self.runs += process.returncode == 0
            return process.returncode, said

    def end(self):
        """All carts are back."""
        self.enough.set()
        self.join()
        if os.path.isdir(os.path.join(self.folder, "archive")):
            self.await_success("archive", "--older-than", "1s", "--to", "archive")
        if glob.glob(os.path.join(self.folder, "archive", "dt=*")):  # no cart may have been closed while an archive ran
            self.await_success("restore", "--from", "archive")

    def await_success(self, *words):
        (status, said), until = self.cartctl(False, *words), patience.now() + 30
        while status != 0:
            assert patience.now() < until, "cartctl %s ended with %s: %s" % (words[0], status, said)
            time.sleep(0.2)
            status, said = self.cartctl(False, *words)


class Consumer:
    def __init__(self, folder, ports):
        self.path = os.path.join(folder, "copy.db")
        self.urls = ["http://127.0.0.1:%d" % port for port in ports]
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, FOLLOWER, self.path, *self.urls], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cursor(self):
        copy = LoggedCopy(self.path)
        try:
            return copy.cursor()
        finally:
            copy.database.close()

    def log(self):
        return Log(LoggedCopy(self.path).events())


class FeedStorm:
    """scene: of tests/fault (not entered), for what it knows of the database. faults: {name: function of the storm}, beside those that befall services
    and consumer; each comes as often as every other. removes_expired: the services do, soon; else
    the database does at some time, by its own clock."""

    def __init__(self, scene, faults, count, visitors=8, pause_s=0.03, removes_expired=True, clocks=()):
        self.scene, self.count, self.visitors, self.pause_s, self.removes_expired = scene, count, visitors, pause_s, removes_expired
        self.faults = {"service killed": FeedStorm.kill_service, "service stopped": FeedStorm.stop_service, "consumer killed": FeedStorm.kill_consumer,
                       "consumer stopped": FeedStorm.stop_consumer, "consumer cut": FeedStorm.cut_consumer, **faults}
        self.faults = {kind: fault for kind, fault in self.faults.items() if KINDS in kind}
        self.clocks = clocks  # others that decide what has expired
        self.seed = os.environ.get("CART_SEED") or str(random.randrange(1 << 32))
        self.random = random.Random(self.seed)
        self.services, self.proxies, self.done = [], [], {}
        self.consumer = self.archivist = self.crowd = None

    def wait_some(self, least, most):
        time.sleep(self.random.uniform(least, most))

    # Faults. Each ends with what it did undone.

    def kill_service(self):
        service = self.random.choice(self.services)
        service.kill()
        self.wait_some(0, 0.5)
        service.start()

    def stop(self, process):
        process.send_signal(signal.SIGSTOP)
        self.wait_some(0.1, STOPPED_S)
        process.send_signal(signal.SIGCONT)

    def stop_service(self):
        self.stop(self.random.choice(self.services).cartd.process)

    def stop_consumer(self):
        self.stop(self.consumer.process)

    def kill_consumer(self):
        for _ in range(self.random.randint(1, 3)):
            self.consumer.kill()
            self.consumer.start()
            self.wait_some(0.1, 0.8)

    def cut_consumer(self):
        where = self.random.choice((cut_proxy.WITHIN_REQUEST, cut_proxy.AFTER_REQUEST, cut_proxy.BEFORE_ANSWER, cut_proxy.WITHIN_ANSWER))
        before = sum(proxy.cuts for proxy in self.proxies)
        for proxy in self.proxies:
            proxy.cut(where, 2)
        await_that(lambda: sum(proxy.cuts for proxy in self.proxies) >= before + 2, 30, "two answers to the consumer cut")
        for proxy in self.proxies:
            proxy.cut(None, 0)

    # Its course.

    def run(self):
        folder = tempfile.mkdtemp(prefix="cart-feed-")
        try:
            self.begin(folder)
            for name in self.choice_of_faults():
                self.strike(name)
            self.end(folder)
        except BaseException:
            for service in self.services:
                tap.say("the log of service %d ends:\n%s" % (service.number, service.cartd.log()[-2000:]))
            raise
        finally:
            self.clear()
            if os.environ.get("CART_KEEP"):
                tap.say("kept " + folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def begin(self, folder):
        settings = {**self.scene.settings, **SETTINGS}
        self.services = [Service(folder, settings, number, self.scene.keys) for number in range(2)]
        ports = [service.cartd.port for service in self.services]
        self.proxies = [cut_proxy.CutProxy(port, spare=0, stream=HttpStream) for port in ports]
        self.consumer = Consumer(folder, [proxy.port for proxy in self.proxies])
        self.crowd = feed_crowd.Crowd(ports, self.seed, self.visitors, self.pause_s)
        self.archivist = Archivist(folder, settings, self.scene.keys, self.seed)
        self.crowd.start()
        self.archivist.start()
        self.await_progress()

    def clear(self):
        if self.crowd is not None:
            self.crowd.enough.set()
        if self.archivist is not None:
            self.archivist.enough.set()
        if self.consumer is not None:
            self.consumer.kill()
        for service in self.services:
            service.cartd.kill()
        for proxy in self.proxies:
            proxy.__exit__()

    def choice_of_faults(self):
        deck = []
        while len(deck) < self.count:
            deck += self.random.sample(list(self.faults), len(self.faults))
        return deck[:self.count]

    def strike(self, name):
        try:
            self.faults[name](self)
            self.await_progress()
        except BaseException:
            tap.say("fault %d: %s; CART_SEED=%s; complaints: %s" % (sum(self.done.values()) + 1, name, self.seed, self.crowd.complaints[:SHOWN]))
            raise
        self.done[name] = self.done.get(name, 0) + 1
        if sum(self.done.values()) % 10 == 0:
            tap.say("%d of %d faults" % (sum(self.done.values()), self.count))

    def await_progress(self):
        """Changes are acknowledged again, and the consumer goes on."""
        before, cursor = self.crowd.acknowledged(), self.consumer.cursor()
        await_that(lambda: self.crowd.acknowledged() > before + 5, 30, "acknowledged changes")
        await_that(lambda: self.consumer.cursor() != cursor, 30, "an event for the consumer", 0.05)

    # Its end.

    def end(self, folder):
        self.crowd.stop()
        self.archivist.end()
        self.await_expiry()
        self.consumer.kill()
        wrong, compared = self.crowd.complaints + self.compare_by_example(), LoggedCopy(self.consumer.path)
        carts, log = compared.carts(), Log(compared.events())
        wrong += self.compare_with_store(carts) + self.compare_with_tables(carts) + log.wrong(self.crowd.changes(), not self.removes_expired)
        if compared.times_read_anew():
            wrong.append("the consumer was told %d times that its cursor is gone" % compared.times_read_anew())
        compared.database.close()
        for service in self.services:
            wrong += service.wrong + service.cartd.stop()
        self.report(log, carts)
        assert not wrong, "%d things are wrong:\n%s" % (len(wrong), "\n".join(wrong[:SHOWN]))

    def await_expiry(self):
        """All that was open has expired; if the services remove it, the store has no more of it, and the consumer knows it."""
        if not self.removes_expired:
            time.sleep(TTL_S + 1)
            return
        for clock in (*self.clocks, *(service.clock for service in self.services)):
            clock.set(10 * TTL_S)

        def done():
            copy = LoggedCopy(self.consumer.path)
            try:
                return not any(cart["status"] == "open" for cart in copy.carts().values())
            finally:
                copy.database.close()
        try:
            await_that(done, 20, "that open carts expire", 0.2)
        except AssertionError as error:
            tap.say(error)  # the comparison says which

    def compare_by_example(self):
        done = subprocess.run([sys.executable, EXAMPLE, "compare", self.consumer.path, "http://127.0.0.1:%d" % self.services[0].cartd.port],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        return [] if done.returncode == 0 else ["compare: " + done.stdout.decode()[-4000:]]

    def compare_with_store(self, carts):
        """Of all carts that anybody has heard of, in all that a GET shows."""
        service = copy_of_carts.Service(["http://127.0.0.1:%d" % self.services[1].cartd.port])
        ids = {change.cart for change in self.crowd.changes() if change.cart is not None} | set(carts)
        return ["cart %s: the copy has %s, the store %s" % (key, carts.get(key), cart) for key, cart in service.carts(ids).items()
                if cart != carts.get(key) and not (cart is None and self.has_expired(carts[key]))]

    def has_expired(self, cart):
        return not self.removes_expired and (cart["expires_at"] or "~") <= copy_of_carts.utc(time.time())

    def compare_with_tables(self, carts):
        stored, lines = self.scene.tables(self.scene.tables_of)
        wrong = ["cart %s is in the table, and not in the copy" % key for key in stored if key not in carts]
        carts = {key: cart for key, cart in carts.items() if not self.has_expired(cart)}
        wrong += ["cart %s: version %s, the table has %s" % (key, cart["version"], stored.get(key)) for key, cart in carts.items()
                  if stored.get(key, (None,))[0] != cart["version"]]
        return wrong + ["cart %s: other lines than in the table" % key for key, cart in carts.items()
                        if {item["product_id"]: item["quantity"] for item in cart["items"]} != lines.get(key, {})]

    def report(self, log, carts):
        outcomes = [change.outcome for change in self.crowd.changes()]
        tap.say("%s: %d faults: %s" % (self.scene.version(), sum(self.done.values()), ", ".join(
            "%d %s" % (n, name) for name, n in sorted(self.done.items()))))
        if log.late:
            tap.say("%d merges whose source has not been ended, nor read since" % log.late)
        tap.say("%d changes acknowledged, %d refused, %d in doubt; %d events (%s), %d came twice, of %d carts, %d of which are left; %d runs of archive and restore; "
                "CART_SEED=%s" % (outcomes.count(feed_crowd.ACKNOWLEDGED), outcomes.count(feed_crowd.REFUSED), outcomes.count(feed_crowd.UNKNOWN), log.count,
                                  ", ".join("%d %s" % (n, kind) for kind, n in sorted(log.types.items())), log.twice, len(log.carts), len(carts),
                                  self.archivist.runs, self.seed))
