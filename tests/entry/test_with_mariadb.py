#!/usr/bin/python3
"""tools/with-mariadb and tools/databases/mariadb.py: what a command finds, and that nothing is left of a server whatever ends the command."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT, await_that  # noqa: E402
from private_mariadb import Lost, Session, SqlError, mariadb  # noqa: E402
import beside  # noqa: E402 (private_mariadb knows where it is)
from tap import main, say  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "with-mariadb")
NOBODY = 65534
# What a shell command prints of the server it was given.
TELL = 'echo "$TEST_MYSQL_PID $TEST_MYSQL_FOLDER $TEST_MYSQL_SOCKET $CART_MYSQL_PORT $CART_MYSQL_PASSWORD"; '


class Wrong(Exception):
    """What a test found."""


def expect(true, what):
    if not true:
        raise Wrong(what)


def refused(what, code, do):
    try:
        do()
    except SqlError as error:
        expect(error.code == code, "%s: %s" % (what, error))
    else:
        raise Wrong(what + " was let through")


def run(*words, folder, env=None, **rest):
    return subprocess.run([TOOL, *words], env={**os.environ, "TMPDIR": folder, **(env or {})}, capture_output=True, text=True,
                          timeout=100, check=False, **rest)


def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second when it goes while it is read
        return False


def await_gone(pid, folder):
    await_that(lambda: not is_running(pid) and not os.path.exists(folder), 30, "the end of %d and of %s" % (pid, folder))


def wait_for_line(process):
    line = process.stdout.readline().split()
    expect(len(line) == 5, "the command was not started: " + process.stderr.read() if not line else str(line))
    return int(line[0]), line[1]


def started(command, folder, options=()):
    """A with-mariadb that runs; its process, the server's pid and its folder."""
    process = subprocess.Popen([TOOL, "--fast", *options, "sh", "-c", TELL + command], env={**os.environ, "TMPDIR": folder},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return (process, *wait_for_line(process))


def finish(process):
    out, _ = process.communicate(timeout=30)
    return process.returncode, out


def passes_status(folder):
    for command, status in (("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", 128 + signal.SIGSEGV)):
        done = run("--fast", "sh", "-c", command, folder=folder)
        expect(done.returncode == status, "%s: %d %s" % (command, done.returncode, done.stderr))
    done = run("--fast", "no-such-command", folder=folder)
    expect(done.returncode == 127, "no such command: %d" % done.returncode)
    expect(os.listdir(folder) == [], str(os.listdir(folder)))


def names_server(folder):
    done = run("--fast", "env", folder=folder, env={"CART_MYSQL_HOST": "db.example", "CART_MYSQL_SOCKET": "/nowhere",
                                                    "CART_MYSQL_TLS": "verify", "CART_MYSQL_BATCH": "4"})
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("CART_MYSQL_"))
    expect({"CART_MYSQL_" + name for name in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE", "BATCH")} == set(found), str(found))
    expect(found["CART_MYSQL_HOST"] == "127.0.0.1" and found["CART_MYSQL_BATCH"] == "4", str(found))


def takes_given_server(folder):
    """None is started: what would start one finds no program."""
    given = {"CART_TEST_MYSQL_HOST": "db.example", "CART_TEST_MYSQL_USER": "tester", "CART_MYSQL_PORT": "1", "PATH": os.path.dirname(sys.executable)}
    for tool in (TOOL, TOOL.replace("mariadb", "mysql")):
        done = subprocess.run([tool, "/usr/bin/env"], env={**os.environ, "TMPDIR": folder, **given}, capture_output=True, text=True, check=False)
        found = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("CART_MYSQL_"))
        expect(found == {"CART_MYSQL_HOST": "db.example", "CART_MYSQL_USER": "tester"}, "%s: %s %s" % (tool, found, done.stderr))
    expect(os.listdir(folder) == [], str(os.listdir(folder)))


def takes_kind(folder):
    done = subprocess.run([TOOL.replace("mariadb", "mysql"), "--kind", "mariadb", "--fast", "env"], env={**os.environ, "TMPDIR": folder},
                          capture_output=True, text=True, timeout=100, check=False)
    expect(done.returncode == 0 and "CART_MYSQL_PORT=" in done.stdout, done.stderr)


def user_may_and_may_not(_folder):
    with mariadb.Server(fast=True) as server:
        with server.connect_as_user() as cart:
            cart.sql("CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1)")
            expect(cart.sql("SELECT * FROM t") == [["1"]], "the row is not there")
            refused("another database", 1044, lambda: cart.sql("CREATE DATABASE other"))
            refused("a file", 1227, lambda: cart.sql("SELECT 1 INTO OUTFILE '/tmp/x'"))
            server.sql("SET GLOBAL read_only=1")
            refused("a write to what is read-only", 1290, lambda: cart.sql("INSERT INTO t VALUES (2)"))
        refused("root over TCP", 1045, lambda: Session(("127.0.0.1", server.port), "root"))


def passes_signals(folder):
    process, pid, place = started('trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done', folder)
    expect(process.stdout.readline() == "ready\n", "no command")
    process.send_signal(signal.SIGTERM)
    status, _ = finish(process)
    expect(status == 3, "status %d" % status)
    await_gone(pid, place)


def dies_with_us(folder):
    process, pid, place = started("exec sleep 60", folder)
    process.send_signal(signal.SIGKILL)
    finish(process)
    await_gone(pid, place)


def stopped_server_dies(folder):
    process, pid, place = started("exec sleep 60", folder)
    os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    status, _ = finish(process)
    expect(status == 128 + signal.SIGTERM, "status %d" % status)
    await_gone(pid, place)


def says_why_not(folder):
    done = run("--option=--no-such-option", "true", folder=folder)
    expect(done.returncode == 125 and "no-such-option" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    done = run(folder=folder)
    expect(done.returncode == 2 and "no command" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    expect(os.listdir(folder) == [], str(os.listdir(folder)))


def data_lasts(folder):
    data = os.path.join(folder, "data")
    with mariadb.Server(data) as server:
        server.sql("CREATE TABLE cart.t (a INT); INSERT INTO cart.t VALUES (7)")
        done = run("--data", data, "true", folder=folder)
        expect(done.returncode == 125 and "in use" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    process, pid, _ = started("exec sleep 60", folder, ["--data", data])
    process.send_signal(signal.SIGKILL)
    finish(process)
    await_that(lambda: not is_running(pid), 30, "the server's end")
    with mariadb.Server(data) as server:
        expect("starting crash recovery" not in server.log_text().lower(), "the server was not shut down in order")
        with server.connect_as_user() as cart:
            expect(cart.sql("SELECT * FROM t") == [["7"]], "the row is gone")


def long_folder(folder):
    deep = os.path.join(folder, "a name with spaces" * 8)
    os.mkdir(deep)
    done = run("--fast", "sh", "-c", TELL, folder=deep)
    expect(done.returncode == 0, done.stderr)
    socket = [word for word in done.stdout.split() if word.endswith("/socket")][-1]
    expect(len(socket) < 108 and not os.path.exists(os.path.dirname(socket)), socket)


def not_root(folder):
    os.chmod(folder, 0o777)
    done = run("--fast", "sh", "-c", "id -u; " + TELL, folder=folder, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
    expect(done.returncode == 0 and done.stdout.startswith("%d\n" % NOBODY), "%d: %s" % (done.returncode, done.stderr))
    expect(os.listdir(folder) == [], str(os.listdir(folder)))


def busy_port(_folder):
    with mariadb.Server(fast=True) as first:
        ports, free = [first.port], beside.free_port
        beside.free_port = lambda: ports.pop() if ports else free()
        try:
            with mariadb.Server(fast=True) as second:
                expect(second.port != first.port and not ports, "port %d" % second.port)
        finally:
            beside.free_port = free


def survives_kill(_folder):
    with mariadb.Server() as server:
        port = server.port
        server.sql("CREATE TABLE cart.t (a INT); INSERT INTO cart.t VALUES (1)")
        server.kill()
        try:
            Session(("127.0.0.1", port), server.user, server.password)
            raise Wrong("something answers on the killed server's port")
        except Lost:
            pass
        server.start()
        expect(server.port == port, "the port was %d and is %d" % (port, server.port))
        expect(server.sql("SELECT * FROM cart.t") == [["1"]], "the row is gone")


def replica_follows(_folder):
    with mariadb.Server(options=mariadb.PRIMARY, fast=True) as primary, \
            mariadb.Replica(primary, fast=True) as replica:
        primary.sql("CREATE TABLE cart.t (a INT PRIMARY KEY); INSERT INTO cart.t VALUES (1)")
        replica.await_caught_up()
        with replica.connect_as_user() as cart:
            expect(cart.sql("SELECT * FROM t") == [["1"]], "the replica lacks the row")
            refused("a write to the replica", 1290, lambda: cart.sql("INSERT INTO t VALUES (2)"))
            replica.promote()
            cart.sql("INSERT INTO t VALUES (2)")


def cluster_heals(_folder):
    with mariadb.Galera(3, fast=True) as cluster:
        first, second, third = cluster.nodes
        first.sql("CREATE TABLE cart.t (a INT PRIMARY KEY); INSERT INTO cart.t VALUES (1)")
        first.kill()
        second.await_ready()
        second.sql("INSERT INTO cart.t VALUES (2)")
        expect(third.sql("SET wsrep_sync_wait=1; SELECT COUNT(*) FROM cart.t") == [["2"]], "the nodes differ")
        first.start()
        cluster.await_size(3)
        expect(first.sql("SET wsrep_sync_wait=1; SELECT COUNT(*) FROM cart.t") == [["2"]], "the node came back without the row")


TESTS = [
    ("the exit status is the command's, and nothing is left", passes_status),
    ("the command is told of the server and of no other", names_server),
    ("a server that is given is used, and none started", takes_given_server),
    ("with-mysql starts the kind that it is told", takes_kind),
    ("the user may do what cartd does in its database and no more; root is let in by the socket alone", user_may_and_may_not),
    ("a signal reaches the command, whose status counts", passes_signals),
    ("server, folder and command end with a with-mariadb that is killed", dies_with_us),
    ("a server that stands still is ended too", stopped_server_dies),
    ("a server that cannot start says why", says_why_not),
    ("data in a folder lasts, belongs to one server at a time and is shut down in order", data_lasts),
    ("a folder too long for a socket, with spaces, will do", long_folder),
    ("a port that somebody took meanwhile is given up for another", busy_port),
    ("a killed server comes back with its data on its port", survives_kill),
    ("a replica follows, refuses writes and can be promoted", replica_follows),
]


def in_folder(test):
    folder = tempfile.mkdtemp(prefix="t-")
    began = time.monotonic()
    try:
        test(folder)
    finally:
        say("%.2f s" % (time.monotonic() - began))
        shutil.rmtree(folder, ignore_errors=True)


def tests(tap):
    for name, test in TESTS:
        tap.run(name, in_folder, test)
    if os.getuid() == 0:
        tap.run("a user without rights needs none", in_folder, not_root)
    if mariadb.galera_provider():
        tap.run("a cluster goes on without a node and takes it back", in_folder, cluster_heals)
    else:
        tap.skip("a cluster goes on without a node and takes it back", "no Galera provider (Debian: galera-4)")


if __name__ == "__main__":
    main(tests)
