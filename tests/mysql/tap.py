"""What the test programs of this folder say, as TAP on their standard output."""

import sys
import traceback

LINES_SHOWN = 60


class Skip(Exception):
    """A test that cannot run here; the text says what was not tested and why."""


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
        print("1..%d" % self.count, flush=True)
        return 1 if self.failed or self.count == 0 else 0
