#!/usr/bin/python3
"""tools/with-dynalite and tools/databases/dynalite.py: what a command finds, and that nothing is left of a server whatever ends the command."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT, await_that  # noqa: E402
from private_dynalite import call, dynalite, server  # noqa: E402
import beside  # noqa: E402 (private_dynalite knows where it is)
from tap import Skip, main, say  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "with-dynalite")
NOBODY = 65534
TELL = 'echo "$TEST_DYNAMODB_PID $CART_DYNAMODB_ENDPOINT"; '
TABLE = {"TableName": "test", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
         "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}]}


class Wrong(Exception):
    """What a test found."""


def expect(true, what):
    if not true:
        raise Wrong(what)


def environment(folder, changes):
    kept = {name: value for name, value in os.environ.items() if name != "CART_TEST_DYNAMODB_ENDPOINT"}
    return {**kept, "TMPDIR": folder, **changes}


def run(*words, folder, env=None, tool=TOOL, **rest):
    return subprocess.run([tool, *words], env=environment(folder, env or {}), capture_output=True, text=True, timeout=100,
                          check=False, **rest)


def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second when it goes while it is read
        return False


def await_gone(pid, folder):
    await_that(lambda: not is_running(pid) and os.listdir(folder) == [], 30, "the end of %d and of what is in %s" % (pid, folder))


def started(command, folder, options=()):
    """A with-dynalite that runs; its process, the server's pid and its endpoint."""
    process = subprocess.Popen([TOOL, *options, "sh", "-c", TELL + command], env=environment(folder, {}), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline().split()
    expect(len(line) == 2, "the command was not started: " + process.stderr.read() if not line else str(line))
    return process, int(line[0]), line[1]


def finish(process):
    out, _ = process.communicate(timeout=30)
    return process.returncode, out


def passes_status(folder):
    for command, status in (("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", 128 + signal.SIGSEGV)):
        done = run("sh", "-c", command, folder=folder)
        expect(done.returncode == status, "%s: %d %s" % (command, done.returncode, done.stderr))
    done = run("no-such-command", folder=folder)
    expect(done.returncode == 127, "no such command: %d" % done.returncode)
    expect(os.listdir(folder) == [], str(os.listdir(folder)))


def names_server(folder):
    done = run("env", folder=folder, env={
        "CART_DYNAMODB_ENDPOINT": "http://db.example", "CART_DYNAMODB_PROFILE": "mine", "CART_DYNAMODB_TLS_CA": "/nowhere",
        "CART_DYNAMODB_LAYOUT": "list", "AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "t", "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://db.example", "AWS_SECRET_ACCESS_KEY": "true"})
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith(("CART_DYNAMODB_", "AWS_")))
    expect({"CART_DYNAMODB_ENDPOINT", "CART_DYNAMODB_REGION", "CART_DYNAMODB_LAYOUT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
            "AWS_EC2_METADATA_DISABLED"} == set(found), str(found))
    expect(found["CART_DYNAMODB_ENDPOINT"].startswith("http://127.0.0.1:") and found["CART_DYNAMODB_LAYOUT"] == "list" and
           found["AWS_SECRET_ACCESS_KEY"] == "local", str(found))


def server_elsewhere(folder):
    mine = {"AWS_PROFILE": "mine", "CART_DYNAMODB_REGION": "eu-west-1", "PATH": "/usr/bin:/bin"}
    for options, more in (["--endpoint", "http://db.example:1"], {}), ([], {"CART_TEST_DYNAMODB_ENDPOINT": "http://db.example:1"}):
        done = run(*options, "env", folder=folder, env={**mine, **more})
        lines = done.stdout.splitlines()
        expect("CART_DYNAMODB_ENDPOINT=http://db.example:1" in lines and "AWS_PROFILE=mine" in lines and
               "CART_DYNAMODB_REGION=eu-west-1" in lines, done.stdout + done.stderr)
        expect("TEST_DYNAMODB_PID" not in done.stdout, done.stdout)


def speaks(_folder):
    with server() as one:
        call(one.endpoint, "CreateTable", TABLE)
        await_that(lambda: call(one.endpoint, "DescribeTable", {"TableName": "test"})["Table"]["TableStatus"] == "ACTIVE", 10, "the table")
        call(one.endpoint, "PutItem", {"TableName": "test", "Item": {"a": {"S": "x"}, "n": {"N": "7"}}})
        got = call(one.endpoint, "GetItem", {"TableName": "test", "Key": {"a": {"S": "x"}}})
        expect(got["Item"]["n"] == {"N": "7"}, str(got))


def only_loopback(_folder):
    with server() as one:
        with open("/proc/net/tcp", encoding="ascii") as tcp, open("/proc/net/tcp6", encoding="ascii") as tcp6:
            lines = [line.split() for line in tcp.readlines()[1:] + tcp6.readlines()[1:]]
        listening = [words[1] for words in lines if words[3] == "0A" and words[1].endswith(":%04X" % one.port)]
        expect(listening == ["0100007F:%04X" % one.port], str(listening))


def passes_signals(folder):
    process, pid, _ = started('trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done', folder)
    expect(process.stdout.readline() == "ready\n", "no command")
    process.send_signal(signal.SIGTERM)
    status, _ = finish(process)
    expect(status == 3, "status %d" % status)
    await_gone(pid, folder)


def dies_with_us(folder):
    process, pid, _ = started("exec sleep 60", folder)
    process.send_signal(signal.SIGKILL)
    finish(process)
    await_gone(pid, folder)


def stopped_server_dies(folder):
    process, pid, _ = started("exec sleep 60", folder)
    os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    status, _ = finish(process)
    expect(status == 128 + signal.SIGTERM, "status %d" % status)
    await_gone(pid, folder)


def fake_bin(folder, name, text):
    """A folder for PATH with that program alone, and what the tool itself needs."""
    place = os.path.join(folder, "bin")
    os.makedirs(place, exist_ok=True)
    path = os.path.join(place, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return place


def says_why_not(folder):
    done = run(folder=folder)
    expect(done.returncode == 2 and "no command" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    done = run("true", folder=folder, env={"PATH": fake_bin(folder, "node", "echo v12.22.9\n")})
    expect(done.returncode == 125 and "is Node v12.22.9; dynalite needs Node 18" in done.stderr and done.stderr.count("\n") == 1,
           "%d: %s" % (done.returncode, done.stderr))
    os.remove(os.path.join(folder, "bin", "node"))
    done = run("true", folder=folder, env={"PATH": os.path.join(folder, "bin")})
    expect(done.returncode == 125 and "node is not installed (Debian: nodejs)" in done.stderr, "%d: %s" % (done.returncode, done.stderr))


def copy_of_tools(folder):
    """A tree of its own in which nothing is installed yet, and its with-dynalite."""
    tree = os.path.join(folder, "tree")
    shutil.copytree(os.path.join(ROOT, "tools"), os.path.join(tree, "tools"), ignore=shutil.ignore_patterns("__pycache__"))
    return tree, os.path.join(tree, "tools", "with-dynalite")


# An npm that "installs" what is installed here, and counts how often.
NPM = """echo "$@" >>%(folder)s/calls
[ -e %(folder)s/offline ] && { echo "npm ERR! no network" >&2; exit 1; }
sleep 0.2
cp -r %(installed)s/node_modules .
"""


def installs_once(folder):
    with server():
        pass
    tree, tool = copy_of_tools(folder)
    path = fake_bin(folder, "npm", NPM % {"folder": folder, "installed": dynalite.INSTALLED}) + ":" + os.environ["PATH"]
    env = {**os.environ, "PATH": path}
    both = [subprocess.Popen([tool, "true"], env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    expect([process.returncode for process in both] == [0, 0], str(said))
    expect(sum("installing dynalite " + dynalite.version() in text for text in said) == 1, str(said))

    def calls():
        with open(os.path.join(folder, "calls"), encoding="utf-8") as file:
            return file.read().splitlines()
    expect(len(calls()) == 1 and "--ignore-scripts" in calls()[0], str(calls()))
    with open(os.path.join(tree, "tools", "databases", "dynalite", "package-lock.json"), "a", encoding="utf-8") as lock:
        lock.write("\n")
    done = run("true", folder=folder, tool=tool, env={"PATH": path})
    expect(done.returncode == 0 and len(calls()) == 2, "another lock: %s %s" % (done.stderr, calls()))
    expect(sorted(os.listdir(os.path.join(tree, "build"))) == ["dynalite", "dynalite.lock"], str(os.listdir(os.path.join(tree, "build"))))


def installation_fails(folder):
    tree, tool = copy_of_tools(folder)
    path = fake_bin(folder, "npm", NPM % {"folder": folder, "installed": "/nowhere"}) + ":" + os.environ["PATH"]
    with open(os.path.join(folder, "offline"), "w", encoding="utf-8"):
        pass
    done = run("true", folder=folder, tool=tool, env={"PATH": path})
    expect(done.returncode == 125 and "could not install dynalite" in done.stderr and "no network" in done.stderr,
           "%d: %s" % (done.returncode, done.stderr))
    # How much was to come is said before it comes.
    with open(os.path.join(dynalite.PINNED, "package-lock.json"), encoding="utf-8") as file:
        count = file.read().count('"node_modules/')
    first = done.stderr.splitlines()[0]
    expect("installing dynalite" in first and " %d packages, " % count in first and re.search(r" [1-9][0-9]* MB", first), first)
    expect(os.listdir(os.path.join(tree, "build")) == ["dynalite.lock"], str(os.listdir(os.path.join(tree, "build"))))


def data_lasts(folder):
    data = os.path.join(folder, "data")
    with server(folder=data) as one:
        call(one.endpoint, "CreateTable", TABLE)
        await_that(lambda: call(one.endpoint, "DescribeTable", {"TableName": "test"})["Table"]["TableStatus"] == "ACTIVE", 10, "the table")
        call(one.endpoint, "PutItem", {"TableName": "test", "Item": {"a": {"S": "x"}}})
        done = run("--data", data, "true", folder=folder)
        expect(done.returncode == 125 and "in use" in done.stderr, "%d: %s" % (done.returncode, done.stderr))
    process, pid, endpoint = started("exec sleep 60", folder, ["--data", data])
    call(endpoint, "PutItem", {"TableName": "test", "Item": {"a": {"S": "y"}}})
    process.send_signal(signal.SIGKILL)
    finish(process)
    await_that(lambda: not is_running(pid), 30, "the server's end")
    with server(folder=data) as one:
        expect(call(one.endpoint, "Scan", {"TableName": "test"})["Count"] == 2, "an item is gone")
        port = one.port
        one.kill()
        one.start()
        expect(one.port == port and call(one.endpoint, "Scan", {"TableName": "test"})["Count"] == 2, "an item is gone after SIGKILL")


def client_goes_away(_folder):
    with server() as one:
        for sent in (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"):
            with socket.create_connection(("127.0.0.1", one.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.sendall(sent)
            expect(call(one.endpoint, "ListTables", {}) == {"TableNames": []}, "no answer")
        expect(is_running(one.pid), "the server has ended")


def busy_port(_folder):
    with server() as first:
        ports, free = [first.port], beside.free_port
        beside.free_port = lambda: ports.pop() if ports else free()
        try:
            with server() as second:
                expect(second.port != first.port and not ports, "port %d" % second.port)
        finally:
            beside.free_port = free


def not_root(folder):
    with server():  # installed, which somebody else may not do here
        pass
    os.chmod(folder, 0o777)
    done = run("sh", "-c", "id -u; " + TELL, folder=folder, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
    if done.returncode != 0 and not can_enter(ROOT):
        raise Skip("the sources are in a folder that only root may enter")
    expect(done.returncode == 0 and done.stdout.startswith("%d\n" % NOBODY), "%d: %s" % (done.returncode, done.stderr))
    expect(os.listdir(folder) == [], str(os.listdir(folder)))


def can_enter(folder):
    return subprocess.run(["ls", folder], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, check=False).returncode == 0


TESTS = [
    ("the exit status is the command's, and nothing is left", passes_status),
    ("the command is told of the server and of no other, and has no keys of the caller's", names_server),
    ("a server elsewhere is passed on, with the caller's keys, and none is started", server_elsewhere),
    ("the server keeps what it is told", speaks),
    ("the server listens on 127.0.0.1 alone", only_loopback),
    ("a signal reaches the command, whose status counts", passes_signals),
    ("server, folder and command end with a with-dynalite that is killed", dies_with_us),
    ("a server that stands still is ended too", stopped_server_dies),
    ("no Node, or one too old, is said in one line", says_why_not),
    ("it is installed once by two at a time, and again when the lock file is another", installs_once),
    ("an installation that fails says why and leaves nothing", installation_fails),
    ("data in a folder lasts, and belongs to one server at a time", data_lasts),
    ("a client that goes away does not end the server", client_goes_away),
    ("a port that somebody took meanwhile is given up for another", busy_port),
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
    for name in ("node", "npm"):
        if not shutil.which(name):
            raise Skip("%s is not installed (Debian: %s)" % (name, {"node": "nodejs"}.get(name, name)))
    for name, test in TESTS:
        tap.run(name, in_folder, test)
    if os.getuid() == 0:
        tap.run("a user without rights needs none", in_folder, not_root)


if __name__ == "__main__":
    main(tests)
