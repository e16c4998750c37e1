#!/usr/bin/python3
"""A terminal that closes ends what ./cart run has started in it: cartd, and the private server beside it."""

import os
import pty
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT, await_that  # noqa: E402
from tap import main  # noqa: E402

CARTD = os.path.join(ROOT, "build", "release", "bin", "cartd")
WAIT_S = 60
# As a shell with job control, which gives the command a process group of its own, and as a terminal that runs nothing but the command.
SHELL = ["sh", "-c", 'set -m; "$@"; :', "sh"]
BESIDE = {"mysql": ["tools/with-mariadb", "--fast"], "dynamodb": ["tools/with-dynalite"]}


def processes_with(text):
    """Those whose environment has the text, which all that is started in the terminal inherits."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as file, open("/proc/%s/stat" % pid, encoding="ascii", errors="replace") as stat:
                if text.encode() in file.read() and stat.read().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(pid))
        except OSError:
            pass
    return [pid for pid in found if pid != os.getpid()]


def in_a_terminal(command, environment):
    """The process and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvpe(command[0], command, environment)
    return pid, terminal


def await_said(terminal, wanted):
    said = b""
    while not re.search(wanted, said):
        said += os.read(terminal, 4096)  # OSError: it has ended
    return said


def hangup(backend, shell):
    folder = tempfile.mkdtemp(prefix="cart-hangup-")
    mark = "TEST_HANGUP=" + folder
    command = [*shell, *([*BESIDE[backend], "--"] if backend in BESIDE else []), CARTD, "--backend", backend, "--listen", "127.0.0.1:0"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CART_", "AWS_", "TEST_"))}
    pid, terminal = in_a_terminal(command, {**kept, "TMPDIR": folder, "TEST_HANGUP": folder, "CART_HANGUP": "stop", "CART_CORE_DUMPS": "true",
                                            "CART_SQLITE_PATH": os.path.join(folder, "cart.db")})
    try:
        await_said(terminal, rb"INFO +listening")
        if not processes_with(mark):
            return "nothing runs"
        os.close(terminal)
        await_that(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, WAIT_S, "the command has ended")
        await_that(lambda: not processes_with(mark), WAIT_S, "all has ended")
        # The folders of the private servers are thrown away by the last of their processes.
        await_that(lambda: not [name for name in os.listdir(folder) if name.startswith("cart-")], WAIT_S, "nothing is left")
        return ""
    finally:
        for left in processes_with(mark):
            os.kill(left, 9)
        shutil.rmtree(folder, ignore_errors=True)


def tests(tap):
    for backend in ("sqlite", "mysql", "dynamodb"):
        for how, shell in (("from a shell", SHELL), ("alone in its terminal", [])):
            tap.run("%s, %s" % (backend, how), hangup, backend, shell)


if __name__ == "__main__":
    main(tests)
