"""Instructions and allocations a request, counted by valgrind's callgrind.

cartd runs under callgrind, which writes what it has counted since the last time whenever the handler of GET /livez is entered
(--dump-before): so a request to /livez before and after a kind of work puts that work into a file of its own, without start, without
end, and without a hand in the running process. What the two requests themselves cost is measured as work of nothing, and taken off.
"""

import contextlib
import os
import re
import shutil

from exact_work import work
from servers import Client, Failure, Server

MARKER = "health_handle_live"
ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc", "posix_memalign"}
START_S = 120
NOTHING = "nothing"


def needed():
    if shutil.which("valgrind") is None:
        raise Failure("valgrind is missing: ./cart setup installs it")


def parse(text):
    """Instructions, and calls of allocators from outside of them, of one of callgrind's files.

    The format: valgrind's manual, "Callgrind Format Specification". A name is "(number) name" the first time and "(number)" from then
    on; "calls=COUNT ..." is about the last fn= (who calls) and cfn= (who is called).
    """
    names, caller, callee, allocations = {}, "", "", 0
    for line in text.splitlines():
        found = re.match(r"(fn|cfn)=\((\d+)\)(?: (.*))?$", line)
        if found:
            kind, number, name = found.groups()
            if name is not None:
                names[number] = name.partition("'")[0]  # 'N: how deep in recursion
            if kind == "fn":
                caller = names[number]
            else:
                callee = names[number]
        elif line.startswith("calls=") and callee in ALLOCATORS and caller not in ALLOCATORS:
            allocations += int(line[len("calls="):].split()[0])
    total = re.search(r"(?m)^totals: (\d+)$", text)
    if not total or not names:
        raise Failure("a file of callgrind's holds no total: another version of its format?")
    return int(total.group(1)), allocations


class Callgrind:
    """A cartd under it. Use it with `with`."""

    def __init__(self, bench, *settings):
        self.bench, self.settings = bench, settings
        self.folder = bench.path("callgrind")
        self.dumps = 0

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder}/out", f"--dump-before={MARKER}"]
        argv += [self.bench.program("bin/cartd"), "--listen", "127.0.0.1:0", "--set", "threads=1"]
        for setting in self.settings:
            argv += ["--set", setting]
        self.server = Server(argv, os.path.join(self.folder, "log"), cores=None)
        try:
            # By its log: asking until it answers would ask another number of times in each run, and the heap would be another.
            self.client = Client(int(self.server.await_listening(START_S).rpartition(":")[2]), 60)
        except BaseException:
            self.server.stop()
            raise
        return self

    def __exit__(self, *_):
        self.client.socket.close()
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def mark(self):
        """What was counted since the last mark."""
        self.client.ask("GET", "/livez")
        self.dumps += 1
        try:
            with open(f"{self.folder}/out.{self.dumps}", encoding="utf-8", errors="replace") as file:
                return parse(file.read())
        except FileNotFoundError:
            raise Failure(f"callgrind wrote nothing: cartd has no function {MARKER}, which answers GET /livez?") from None

    def measure(self, count, do):
        """{operation: (instructions, allocations)} of one, from count of each. do is as work() of exact_work.py."""
        counted = {}

        @contextlib.contextmanager
        def around(name):
            self.mark()
            yield
            counted[name] = self.mark()

        do(self.client, 10)  # what is done at the first time only
        with around(NOTHING):
            pass
        do(self.client, count, around)
        nothing = counted.pop(NOTHING)
        return {name: tuple((of - marks) / count for of, marks in zip(both, nothing)) for name, both in counted.items()}


def measure(bench, count, *settings, do=work):
    needed()
    with Callgrind(bench, *settings) as callgrind:
        return callgrind.measure(count, do)
