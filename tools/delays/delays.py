"""Delays between client, service and database: the file that gives them, what they add up to, and a world that has them.

The file has a section for each way, and in it times in milliseconds:

    [client]                 the client and the service
    round_trip_ms = 27.4     there and back; half of it each way
    connect_ms = 27.4        what a new connection takes before the client may send; TLS adds one or two round trips to TCP's one

    [mysql]                  the service and that database; [dynamodb] has the same
    round_trip_ms = 0.5
    connect_ms = 0
    read_ms = 3.4            from the arrival of a question that only reads until its answer leaves
    write_ms = 6.5

What is not given is 0. Several values with commas between them are a measured distribution: each time one of them is drawn.
"""

import json
import math
import os
import re
import statistics
import subprocess
import sys
from urllib.parse import urlsplit

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "databases"))
from beside import Closing, Failure, on_processors  # noqa: E402

SEED_FILE = os.path.join(ROOT, "bench", "seed150", "seed.delays")
SEED_RESULTS = os.path.join(ROOT, "bench", "seed150", "seed-results.json")
PROXY = os.path.join(ROOT, "tools", "delays", "delay_proxy.py")
DATABASES = ("mysql", "dynamodb")
CLIENT_MEMBERS = ("round_trip_ms", "connect_ms")
MEMBERS = {"client": CLIENT_MEMBERS, **{name: CLIENT_MEMBERS + ("read_ms", "write_ms") for name in DATABASES}}
MS_MAX = 60000.0
# Questions to the database for each operation, one after another. The seed's service read a cart before it wrote to it (its 101 reads
# and 101 writes say so); cartd adds with one question.
SEED_CALLS = {"create_cart": ("write",), "add_items": ("read", "write"), "get_cart": ("read",)}
CARTD_CALLS = {**SEED_CALLS, "add_items": ("write",)}


def number(text):
    try:
        value = float(text)
    except ValueError:
        raise ValueError("%r is no number of milliseconds" % text) from None
    if not 0 <= value <= MS_MAX:  # not a number neither
        raise ValueError("%s is not between 0 and %d milliseconds" % (text, MS_MAX))
    return value


def put(delays, link, member, text):
    if link not in MEMBERS:
        raise ValueError("[%s] is none of %s" % (link, ", ".join("[%s]" % name for name in MEMBERS)))
    if member not in MEMBERS[link]:
        raise ValueError("[%s] has no %s: it has %s" % (link, member, ", ".join(MEMBERS[link])))
    try:
        delays[link][member] = [number(each.strip()) for each in text.split(",")]
    except ValueError as error:
        raise ValueError("[%s] %s: %s" % (link, member, error)) from None


def parse(text, name, changes=()):
    """{link: {member: [milliseconds]}}; changes: texts "link.member=ms" that replace what the file gives. Failure names the line and the member."""
    delays, seen, link = {each: {} for each in MEMBERS}, set(), None
    for at, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        section = re.fullmatch(r"\[(.*)\]", line)
        member, equals, value = (part.strip() for part in line.partition("="))
        try:
            if section:
                link = section.group(1).strip()
                if link not in MEMBERS:
                    put(delays, link, None, "")
            elif line and (not equals or link is None):
                raise ValueError("%s: expected %s" % (line, "member = milliseconds" if link else "a section such as [client] before it"))
            elif line:
                if (link, member) in seen:
                    raise ValueError("[%s] %s is given twice" % (link, member))
                seen.add((link, member))
                put(delays, link, member, value)
        except ValueError as error:
            raise Failure("%s:%d: %s" % (name, at, error)) from None
    for change in changes:
        where, _, value = change.partition("=")
        try:
            put(delays, *where.partition(".")[::2], value)
        except ValueError as error:
            raise Failure("--set %s: %s" % (change, error)) from None
    return delays


def read(path, changes=()):
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), path, changes)
    except (OSError, UnicodeDecodeError) as error:
        raise Failure("cannot read the delays in %s: %s" % (path, error)) from None


def mean(values):
    return math.fsum(values) / len(values)


def predict(delays, database, calls, keep_alive=False):
    """{operation: (milliseconds in all, of these the database and the way to it)} for operations one after another, with a pool of connections to
    the database that are open. What client and service compute comes on top."""
    client, way = ({name: mean(values) for name, values in delays.get(link, {}).items()} for link in ("client", database))
    around = client.get("round_trip_ms", 0.0) + (0.0 if keep_alive else client.get("connect_ms", 0.0))
    result = {}
    for operation, kinds in calls.items():
        asked = math.fsum(way.get("round_trip_ms", 0.0) + way.get(kind + "_ms", 0.0) for kind in kinds)
        result[operation] = (around + asked, asked)
    result["overall"] = tuple(mean(column) for column in zip(*result.values()))
    return result


def seed_averages(database):
    """{operation: milliseconds} that the seed published; {} of a database that it did not measure."""
    with open(SEED_RESULTS, encoding="utf-8") as file:
        rows = json.load(file).get(database, {})
    return {name: rows[name]["avg"] for name in (*SEED_CALLS, "overall") if name in rows}


def table(delays, database, keep_alive=False, measured=None):
    """Lines: what the seed measured, what the parts add up to for its calls and for cartd's, and what was measured here ({operation: times})."""
    by_seed, by_cartd = (predict(delays, database, calls, keep_alive) for calls in (SEED_CALLS, CARTD_CALLS))
    published = seed_averages(database)
    lines = ["            the seed  its calls, cartd's    measured: average   median   share of the",
             "          ms   average          add up to                                        database"]
    for operation, (whole, asked) in by_cartd.items():
        here = measured.get(operation) if measured else None
        lines.append("%-12s %9s %10.2f %8.2f   %18s %8s   %12s" % (
            operation, "%.2f" % published[operation] if operation in published else "-", by_seed[operation][0], whole,
            "%.2f (%+.1f %%)" % (mean(here), 100 * (mean(here) / whole - 1)) if here and whole else "-",
            "%.2f" % statistics.median(here) if here else "-",
            "%.1f %%" % (100 * asked / whole) if whole else "-"))
    return lines


def times(path):
    """{database: {operation: [milliseconds]}} of a file of cartbench seed150: what succeeded."""
    with open(path, encoding="utf-8") as file:
        samples = [sample for sample in json.load(file) if sample["success"]]
    result = {}
    for sample in samples:
        rows = result.setdefault(sample.get("database"), {})
        for name in (sample["operation"], "overall"):
            rows.setdefault(name, []).append(sample["response_time"])
    return result


class World(Closing):
    """Proxies with these delays. Add the ways before the with block begins; .ports then has the port of each, by its name."""

    def __init__(self, delays, seed=1, processors=None):
        self.delays, self.seed, self.processors = delays, seed, processors or os.sched_getaffinity(0)
        self.links, self.ports, self.processes = {}, {}, []

    def add(self, name, link, host, port):
        """A way of that kind (client, mysql, dynamodb) to an address."""
        self.links[name] = {"host": host, "port": port, "delays": self.delays[link]}

    def start(self):
        """What was added since the last start()."""
        new = [name for name in self.links if name not in self.ports]
        if not new:
            return
        # A session of its own: Ctrl-C is for what uses it. Its end comes with the end of its input, whatever ends this process.
        with on_processors(self.processors):
            process = subprocess.Popen([sys.executable, PROXY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.processes.append(process)
        try:
            process.stdin.write((json.dumps({"seed": self.seed, "links": [self.links[name] for name in new]}) + "\n").encode())
            process.stdin.flush()
            self.ports.update(zip(new, json.loads(process.stdout.readline())))
        except (OSError, ValueError) as error:
            raise Failure("the delaying proxy did not start: %s" % error) from None

    def close(self):
        for process in self.processes:
            process.stdin.close()
            process.wait()
            process.stdout.close()
        self.processes = []

    def client(self, name, url):
        """The URL of a service behind the client's delays."""
        parts = urlsplit(url)
        if parts.scheme != "http":
            raise Failure("%s: delays can be put before http:// only; TLS checks the name" % url)
        self.add(name, "client", parts.hostname, parts.port or 80)
        self.start()
        return parts._replace(netloc="127.0.0.1:%d" % self.ports[name]).geturl()

    def environment(self, kept):
        """For what uses the databases that this environment names: the same environment, with the delays between."""
        changed = dict(kept)
        if kept.get("CART_MYSQL_SOCKET"):
            raise Failure("CART_MYSQL_SOCKET: delays need CART_MYSQL_HOST")
        if kept.get("CART_MYSQL_HOST"):
            self.add("mysql", "mysql", kept["CART_MYSQL_HOST"], int(kept.get("CART_MYSQL_PORT") or 3306))
        if kept.get("CART_DYNAMODB_ENDPOINT"):
            parts = urlsplit(kept["CART_DYNAMODB_ENDPOINT"])
            if parts.scheme != "http":
                raise Failure("CART_DYNAMODB_ENDPOINT=%s: delays can be put before http:// only" % kept["CART_DYNAMODB_ENDPOINT"])
            self.add("dynamodb", "dynamodb", parts.hostname, parts.port or 80)
        self.start()
        if "mysql" in self.ports:
            changed.update(CART_MYSQL_HOST="127.0.0.1", CART_MYSQL_PORT=str(self.ports["mysql"]))
        if "dynamodb" in self.ports:
            changed["CART_DYNAMODB_ENDPOINT"] = "http://127.0.0.1:%d" % self.ports["dynamodb"]
        return changed
