"""Test programs in Python: each test is a function whose name says what it proves."""

import os
import signal
import sys
import time
import traceback


class Skip(Exception):
    """Why a test cannot run here, and what was not tested."""


def say(text):
    """A line for people, seen when the program fails or is run by hand."""
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def run(tests):
    """Runs the functions that CART_TEST names (any part of the name; all of them when it is not set). The exit status."""
    wanted = os.environ.get("CART_TEST", "")
    chosen = [test for test in tests if wanted in test.__name__]
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, test in enumerate(chosen, 1):
        began = time.monotonic()
        try:
            test()
            say("%.1f s" % (time.monotonic() - began))
            print("ok %d - %s" % (number, test.__name__), flush=True)
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, test.__name__, why), flush=True)
        except AssertionError as error:
            failed += 1
            say(str(error) or traceback.format_exc())
            print("not ok %d - %s" % (number, test.__name__), flush=True)
        except Exception:  # a defect of the test is a failure too
            failed += 1
            say(traceback.format_exc())
            print("not ok %d - %s" % (number, test.__name__), flush=True)
    return 1 if failed else 0


def main(tests):
    # The runner's patience is over: what was started is ended, and folders are removed, on the way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(run(tests))
