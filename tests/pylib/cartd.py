"""A cartd in a process of its own, and what it left in its log."""

import ctypes
import os
import re
import signal
import subprocess
import time

import patience
from http_client import Client

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# $CARTD, as for the tests in C, is another program to test: another variant's.
PROGRAM = os.path.abspath(os.environ.get("CARTD") or os.path.join(ROOT, "build", "release", "bin", "cartd"))
CARTCTL = os.path.join(os.path.dirname(PROGRAM), "cartctl")
START_S, STOP_S, CARTCTL_S = 30, 30, 60
PR_SET_PDEATHSIG = 1
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer|assertion|Assertion")
libc = ctypes.CDLL(None, use_errno=True)


def await_that(condition, within_s, what, every_s=0.01):
    """Polls until condition() is true; its value."""
    until = patience.now() + within_s
    while True:
        value = condition()
        if value:
            return value
        assert patience.now() < until, "not within %g s: %s" % (within_s, what)
        time.sleep(every_s)


def die_with_parent():
    """In a child: it does not outlive the test, whatever becomes of that."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def environment(keys=None):
    """Nobody's settings; keys: what it is to have of AWS_*, in place of what we have."""
    foreign = ("CART_", "AWS_") if keys is not None else "CART_"
    return {**{name: value for name, value in os.environ.items() if not name.startswith(foreign)}, **(keys or {})}


def words_of(settings):
    return [word for key, value in settings.items() for word in ("--set", "%s=%s" % (key, value))]


def cartctl(folder, settings, *words, keys=None):
    """Exit status, and what was said."""
    done = subprocess.run([CARTCTL, *words_of(settings), *words], cwd=folder, env=environment(keys),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=patience.at_most(CARTCTL_S), check=False)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


class Cartd:
    """Starts at once, on a free port of 127.0.0.1, with the settings that are given and else the defaults; its log is NAME.log in the
    folder. wrapper: words of a command that becomes cartd. keys: AWS_* for it. The end of a with block stops it."""

    def __init__(self, folder, settings, name="cartd", wrapper=(), keys=None):
        assert os.access(PROGRAM, os.X_OK), "%s is not built: make programs" % PROGRAM
        self.log_path = os.path.join(folder, name + ".log")
        self.wrong = None  # how it ended
        words = [*wrapper, PROGRAM, *words_of({"listen": "127.0.0.1:0", **settings})]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(keys),
                                            cwd=folder, preexec_fn=die_with_parent)
        try:
            self.port = await_that(self.listening, START_S, "cartd listens")
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="backslashreplace") as log:
            return log.read()

    def listening(self):
        found = re.search(r"listening.*?127\.0\.0\.1:(\d+)[ \"\n]", self.log())
        assert self.is_running(), "cartd ended with %s:\n%s" % (self.process.returncode, self.log()[-4000:])
        return found and int(found.group(1))

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, then what is wrong with how it ended and with its log, one line each. The same when asked again."""
        if self.wrong is None:
            self.wrong = self.end()
        return self.wrong

    def end(self):
        wrong = []
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        else:
            wrong.append("cartd had ended by itself")
        try:
            self.process.wait(patience.at_most(STOP_S))
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

    def end_problem(self):
        """The same as text, with the end of the log; "" when it ended well."""
        wrong = self.stop()
        return "\n".join(wrong + ["its log ends:", self.log()[-4000:]]) if wrong else ""

    def client(self, timeout=30):
        return Client(self.port, timeout)

    def metrics(self):
        """Every series of /metrics: {'name{label="value"}': number}."""
        with self.client() as client:
            text = client.ask("GET", "/metrics").body.decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                if line and not line.startswith("#")}
