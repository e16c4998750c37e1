"""A cartd in a process of its own, with the sanitizers' build if nothing else is said, and what it left in its log."""

import ctypes
import os
import re
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# $CARTD, as for the tests in C, is another program to test.
PROGRAM = os.path.abspath(os.environ.get("CARTD") or os.path.join(ROOT, "build", "asan", "bin", "cartd"))
START_S, STOP_S = 30, 30
PR_SET_PDEATHSIG = 1
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer|assertion|Assertion")
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """In a child: it does not outlive the test, whatever becomes of that."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def await_that(condition, within_s, what):
    """Polls until condition() is true; its value."""
    until = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, "not within %g s: %s" % (within_s, what)
        time.sleep(0.01)


class Cartd:
    """Starts at once, on a free port of 127.0.0.1. settings: key: value. wrapper: words of a command that becomes cartd."""

    def __init__(self, folder, settings, wrapper=()):
        assert os.access(PROGRAM, os.X_OK), "%s is not built: make VARIANT=asan programs" % PROGRAM
        self.log_path = os.path.join(folder, "cartd.log")
        arguments = [*wrapper, PROGRAM]
        for key, value in {"listen": "127.0.0.1:0", "threads": "2", **settings}.items():
            arguments += ["--set", "%s=%s" % (key, value)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CART_")}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                            cwd=folder, preexec_fn=die_with_parent)
        try:
            self.port = await_that(self.listening, START_S, "cartd listens")
        except AssertionError:
            self.kill()
            raise

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def listening(self):
        found = re.search(r"listening address=127\.0\.0\.1:(\d+)[ \n]", self.log())
        assert self.process.poll() is None, "cartd ended with %s:\n%s" % (self.process.returncode, self.log()[-4000:])
        return found and int(found.group(1))

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, then what is wrong with how it ended and with its log, one line each."""
        wrong = []
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        else:
            wrong.append("cartd had ended by itself")
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            wrong.append("cartd did not end within %d s of SIGTERM" % STOP_S)
            self.kill()
        if self.process.returncode != 0:
            wrong.append("cartd ended with %d" % self.process.returncode)
        lines = self.log().splitlines()
        for number, line in enumerate(lines):
            if REPORT.search(line):
                wrong.append("cartd's log: " + "\n".join(lines[number:number + 30]))
                break
        return wrong
