"""A cartd under load while something happens to its database, and the verdict afterwards.

What depends on the kind of database is in scene_mysql.py and scene_dynamodb.py.
"""

import os
import re
import shutil
import tempfile
import time

import ledger
import patience
import tap
from cartd import Cartd, await_that
from ledger import ACKNOWLEDGED, REFUSED, UNKNOWN
from load import DEADLINE_S, Load
from watch import Watch

# For a scene in which no read may fail, although the machine may be a busy one.
PATIENT = {"request.deadline": "20s", "drain.deadline": "20s", "mysql.acquire_timeout": "15s", "dynamodb.acquire_timeout": "15s"}
RECOVERY_S = 2.0  # from the database's return to the first acknowledged change
READY_S = 1.0  # and from then to a good /readyz
CART_GONE = ("CART_CLOSED", "CART_EMPTY", "CART_NOT_FOUND")
SHOWN = 15


class Scene:
    """`with Scene(server) as scene:` load is running when the block begins, and is judged when it ends.

    server: has kill(), start(), suspend() and resume() for faults.py, and for the rest is the subclass's business.
    """

    def __init__(self, database, settings=None, wrapper=(), keys=None, **load_options):
        self.database = database
        self.settings = {"threads": "2", **self.settings_for(database), **(settings or {})}
        self.wrapper, self.keys = wrapper, keys
        self.load_options = {"deadline_s": float(self.settings.get("request.deadline", "%gs" % DEADLINE_S)[:-1]), **load_options}
        self.tables_of = database  # in the end; None: they are not looked at
        self.notes = []
        self.applied = None  # changes of unknown outcome that turned out to be stored; after the block
        self.cartd = self.watch = self.load = None

    # Of each kind of database.

    ready_s = READY_S

    def settings_for(self, database):
        """What cartd is told to find it."""
        raise NotImplementedError

    def version(self):
        """The database's name and version, for people."""
        return self.database.version()

    def tables(self, database):
        """What is stored, without asking cartd: {cart's id: (version, whether it is checked out)} and {cart's id: {product: quantity}}."""
        raise NotImplementedError

    def wrong_with_counts(self):
        """What figures in /metrics are not as they should be, when all is over and cartd is idle."""
        return []

    def outage_begins(self):
        """The database is about to go away."""

    def outage_ends(self):
        """It has been away, and is about to come back."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cart-fault-")
        try:
            self.cartd = Cartd(self.folder, self.settings, wrapper=self.wrapper, keys=self.keys)
            self.watch = Watch(self.cartd.port)
            self.up = time.monotonic()
            self.load = Load(self.cartd.port, **self.load_options)
            self.watch.start()
            self.watch.await_status(200, 0, 10)
            self.load.start()
            self.load.await_successes(100, 20)
            return self
        except BaseException:
            self.end()
            raise

    def __exit__(self, kind, error, _trace):
        try:
            if kind is None:
                self.judge()
            else:
                tap.say("complaints: %s" % self.load.complaints[:SHOWN])
                tap.say("cartd's log ends:\n" + self.cartd.log()[-3000:])
        finally:
            self.end()

    def end(self):
        if self.watch is not None:
            self.watch.stop()
        if self.load is not None:
            self.load.enough.set()
        if self.cartd is not None:
            self.cartd.kill()
        if not os.environ.get("CART_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            tap.say("kept " + self.folder)

    def note(self, text, *values):
        """For the line of this test that people read."""
        self.notes.append(text % values)

    def judge(self):
        load = self.load
        load.stop()
        load.settle()
        stored = load.stored()
        wrong = load.wrong(stored) + self.compare_with_tables(stored)
        load.hang_up()
        self.watch.stop()
        wrong += self.watch.wrong + self.wrong_with_counts()
        wrong += self.cartd.stop()
        self.applied = ledger.applied_unknown(load.changes(), stored)
        tap.say("; ".join([load.summary(), "%d of the unknown are stored" % self.applied] + self.notes))
        if wrong:
            tap.say("cartd's log ends:\n" + self.cartd.log()[-3000:])
        assert not wrong, "%d things are wrong:\n%s" % (len(wrong), "\n".join(wrong[:SHOWN]))

    def compare_with_tables(self, stored):
        """What is wrong with what the API says is stored, given the tables themselves."""
        if self.tables_of is None:
            return []
        carts, lines = self.tables(self.tables_of)
        wrong = ["lines of cart %s, which is not there" % cart for cart in lines if cart not in carts]
        for cart, json in stored.items():
            row = carts.get(cart)
            said = json and (json["version"], json["status"] == "checked_out")
            if row != said:
                wrong.append("cart %s: the table says %s, the API %s" % (cart, row, said))
            items = {item["product_id"]: item["quantity"] for item in json["items"]} if json else {}
            if items != lines.get(cart, {}):
                wrong.append("cart %s: table and API differ in its lines" % cart)
        return wrong

    # What happens meanwhile.

    def reasons(self):
        """Why requests failed, as cartd's log has it."""
        return set(re.findall('reason="([^"]*)"', self.cartd.log()))

    def metric(self, series):
        """The value of a series in /metrics; 0 when it is not there."""
        return self.cartd.metrics().get(series, 0.0)

    def await_recovery(self, returned, within_s=RECOVERY_S):
        """The database is back since then: changes are soon acknowledged, and /readyz says so. Seconds to the first."""
        await_that(lambda: self.load.first_success(returned) is not None, within_s + 10, "an acknowledged change")
        took = self.load.first_success(returned)
        assert took <= patience.at_most(within_s), "the first acknowledged change came %.2f s after the database's return" % took
        ready = self.watch.await_status(200, returned, within_s + self.ready_s)
        await_that(lambda: self.load.all_succeeded(returned) is not None, 15, "a success of every client")
        self.note("recovered in %.2f s (/readyz %.2f s, all clients %.2f s)", took, ready, self.load.all_succeeded(returned))
        return took

    def slowest(self, share, began, ended, kinds=None):
        """Seconds within which this share of the requests of a time (all that were asked in it) was answered."""
        took = sorted(event.ended - event.began for event in list(self.load.events)
                      if began <= event.began < ended and (kinds is None or event.kind in kinds))
        assert took, "nothing was asked"
        return took[min(len(took) - 1, int(len(took) * share))]

    def outcomes_during(self, began, ended, cart=None):
        """{outcome: changes that were asked for and answered in between, of all carts or of one}, and the same of reads.

        That a cart is closed is no refusal of the kind that is looked for, and not counted.
        """
        changes = {ACKNOWLEDGED: 0, REFUSED: 0, UNKNOWN: 0}
        reads = dict(changes)
        for event in list(self.load.events):
            if event.began >= began and event.ended <= ended and cart in (None, event.cart) and event.error not in CART_GONE:
                (reads if event.kind == "read" else changes)[event.outcome] += 1
        return changes, reads

    def for_seconds(self, seconds):
        """Lets the load run."""
        time.sleep(seconds)
