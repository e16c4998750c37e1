"""What test programs in Python say, as TAP on their standard output."""

import os
import signal
import sys
import time
import traceback

LINES_SHOWN = 200


class Skip(Exception):
    """A test that cannot run here; the text says what was not tested and why."""


def say(text):
    """A line for people, seen when the program fails or is run by hand."""
    for line in str(text).splitlines():
        print("# " + line, flush=True)


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, problem=""):
        """One test: it has passed if there is no problem to tell."""
        self.count += 1
        self.failed += bool(problem)
        print("%sok %d - %s" % ("not " if problem else "", self.count, name))
        lines = problem.splitlines()
        for line in lines[:LINES_SHOWN]:
            print("# " + line)
        if len(lines) > LINES_SHOWN:
            print("# ... and %d lines more" % (len(lines) - LINES_SHOWN))
        sys.stdout.flush()

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason), flush=True)

    def run(self, name, function, *arguments):
        """A function that returns what is wrong (a text), "" or None for nothing; or raises."""
        try:
            self.check(name, function(*arguments) or "")
        except Skip as skip:
            self.skip(name, str(skip))
        except Exception:  # a test that breaks has failed, and the others still run
            self.check(name, traceback.format_exc())

    def finish(self):
        """The program's exit status."""
        print("1..%d" % self.count, flush=True)
        return 1 if self.failed or self.count == 0 else 0


def main(run):
    """A whole program: run(tap) makes its tests."""
    # The runner's patience is over: what was started is ended, and folders are removed, on the way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    tap = Tap()
    try:
        run(tap)
    except Skip as skip:
        tap.skip("what follows", str(skip))
    sys.exit(tap.finish())


def main_of(tests):
    """The same of functions, each a test whose name says what it proves: those that CART_TEST names (any part of the name; all of
    them when it is not set)."""
    wanted = os.environ.get("CART_TEST", "")

    def run(tap):
        for test in tests:
            if wanted in test.__name__:
                began = time.monotonic()
                tap.run(test.__name__, test)
                say("%.1f s" % (time.monotonic() - began))
    main(run)
