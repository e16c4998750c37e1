"""Private, throwaway local servers that speak DynamoDB's protocol (dynalite), for tests, benchmarks and ./cart run.

    with Server() as server:
        os.environ.update(server.environment()) # where cartd finds it, and keys that it takes

A server is on a free port of 127.0.0.1 and holds its tables in memory, or in a folder that its caller names, or in a throwaway one, which
lasts as long as the server's object (on_disk). It takes any keys.
How it is made sure that none is left: beside.py.

Dynalite is a package of npm's; tools/databases/dynalite/package-lock.json says which, with the digests of all that belongs to it. It is
installed into build/dynalite when it is not there, or not this one.
"""

import filecmp
import json
import os
import shutil
import subprocess
import sys

import beside
import fetched
from beside import Failure
from fetched import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
PINNED = os.path.join(HERE, "dynalite")
INSTALLED = os.path.join(BUILD, "dynalite")
NODE_OLDEST = 18
ON_DISK_MB = 15
REGION = "us-east-1"
KEY_ID, SECRET = "local", "local"
# How long tables stay in CREATING, UPDATING and DELETING: it is seconds and more in AWS, and 500 ms in dynalite otherwise.
TABLE_MS = 1


def program(name):
    found = shutil.which(name)
    if not found:
        raise Failure("%s is not installed (Debian: %s); ./cart setup dynamodb installs it"
                      % (name, {"node": "nodejs"}.get(name, name)))
    return found


def node():
    """The node to run it with."""
    path = program("node")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    try:
        major = int(said.lstrip("v").split(".")[0])
    except ValueError:
        raise Failure("%s --version says %r" % (path, said)) from None
    if major < NODE_OLDEST:
        raise Failure("%s is Node %s; dynalite needs Node %d or a later one" % (path, said, NODE_OLDEST))
    return path


def version():
    with open(os.path.join(PINNED, "package.json"), encoding="utf-8") as file:
        return json.load(file)["dependencies"]["dynalite"]


def packages():
    """How many, with what it depends on."""
    with open(os.path.join(PINNED, "package-lock.json"), encoding="utf-8") as file:
        return sum(1 for path in json.load(file)["packages"] if path)


def is_installed():
    lock = os.path.join(INSTALLED, "package-lock.json")
    return (os.path.isdir(os.path.join(INSTALLED, "node_modules", "dynalite")) and
            filecmp.cmp(lock, os.path.join(PINNED, "package-lock.json"), shallow=False))


def _fetch(new):
    print("dynalite: installing dynalite %s, a local server that speaks DynamoDB's protocol, by npm into build/dynalite: %d packages, %d MB on disk"
          % (version(), packages(), ON_DISK_MB), file=sys.stderr)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(os.path.join(PINNED, name), new)
    # What the packages would run when installed is not needed: leveldown brings its library made.
    done = subprocess.run([program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], cwd=new,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure("npm could not install dynalite %s:\n%s" % (version(), (done.stdout + done.stderr)[-3000:].strip()))


class Local(beside.Server):
    """One server, of any program that speaks DynamoDB's protocol."""

    STOP_S = 10.0

    @property
    def endpoint(self):
        return "http://127.0.0.1:%d" % self.port

    def variables(self):
        return {"AWS_REGION": REGION, **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "NODE_"))}}

    def named(self):
        """What it is called where it is measured."""
        return "%s (a stand-in for DynamoDB)" % self.NAME

    def environment(self):
        """The settings by which cartd finds it, and what only tests want to know."""
        return {
            "CART_DYNAMODB_ENDPOINT": self.endpoint, "CART_DYNAMODB_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
            "TEST_DYNAMODB_PID": str(self.pid), "TEST_DYNAMODB_NAME": self.named(),
        }


class Server(Local):
    """One server. What start() brings back after stop() or kill() is what its folder holds: nothing, when its tables were in memory."""

    NAME, PREFIX = "dynalite", "cart-dynalite-"

    def __init__(self, folder=None, port=None, table_ms=TABLE_MS, on_disk=False):
        super().__init__(folder, port)
        self.options = {"createTableMs": table_ms, "updateTableMs": table_ms, "deleteTableMs": table_ms}
        if self.keep or on_disk:
            self.options["path"] = self.path("data")

    def named(self):
        return super().named() if "path" in self.options else "%s (in memory, a stand-in for DynamoDB)" % self.NAME

    def prepare(self):
        self.node = node()
        fetched.once("dynalite", lambda folder: is_installed(), _fetch, BUILD)

    def words(self):
        return [self.node, os.path.join(PINNED, "serve.js"), INSTALLED, str(self.port), json.dumps(self.options)]

    def answers(self, said):
        return "listening\n" in said

    def lost_port(self, said):
        return "EADDRINUSE" in said

    def version(self):
        return "dynalite " + version()
