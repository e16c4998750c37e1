"""Private, throwaway local servers that speak DynamoDB's protocol (dynalite), for tests, benchmarks and ./cart run.

    with Server() as server:
        os.environ.update(server.environment()) # where cartd finds it, and keys that it takes

A server is on a free port of 127.0.0.1 and holds its tables in memory, or in a folder that its caller names, or in a throwaway one, which
lasts as long as the server's object (on_disk). It takes any keys.
How it is made sure that none is left: beside.py.

Dynalite is a package of npm's; tools/dynalite/package-lock.json says which, with the digests of all that belongs to it. It is
installed into build/dynalite when it is not there, or not this one.
"""

import fcntl
import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from beside import Failure, Keeper, end_process, free_port, take_folder

HERE = os.path.dirname(os.path.abspath(__file__))
PINNED = os.path.join(HERE, "dynalite")
BUILD = os.path.join(os.path.dirname(HERE), "build")
INSTALLED = os.path.join(BUILD, "dynalite")
NODE_OLDEST = 18
START_S = 60.0
STOP_S = 10.0
PORT_IN_USE = 98  # serve.js's exit status
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


def is_installed():
    lock = os.path.join(INSTALLED, "package-lock.json")
    return (os.path.isdir(os.path.join(INSTALLED, "node_modules", "dynalite")) and
            filecmp.cmp(lock, os.path.join(PINNED, "package-lock.json"), shallow=False))


def _fetch(new):
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(os.path.join(PINNED, name), new)
    # What the packages would run when installed is not needed: leveldown brings its library made.
    done = subprocess.run([program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], cwd=new,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure("npm could not install dynalite %s:\n%s" % (version(), (done.stdout + done.stderr)[-3000:].strip()))


def install():
    """Makes sure that the pinned one is in build/dynalite. One process does it, others wait."""
    try:
        if not is_installed():
            _install()
    except OSError as error:
        raise Failure("dynalite %s could not be installed into build/dynalite: %s" % (version(), error)) from None


def _install():
    os.makedirs(BUILD, exist_ok=True)
    with open(os.path.join(BUILD, "dynalite.lock"), "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return
        print("dynalite: installing dynalite %s, a local server that speaks DynamoDB's protocol, by npm into build/dynalite"
              % version(), file=sys.stderr)
        new = tempfile.mkdtemp(prefix="dynalite.", dir=BUILD)
        try:
            _fetch(new)
            os.chmod(new, 0o755)  # for everybody, unlike a folder of mkdtemp's
            shutil.rmtree(INSTALLED, ignore_errors=True)
            os.rename(new, INSTALLED)
        finally:
            shutil.rmtree(new, ignore_errors=True)


class Server:
    """One server. start() again after stop() or kill() brings it back on its port, with what its folder holds: nothing, when its tables
    were in memory."""

    def __init__(self, folder=None, port=None, table_ms=TABLE_MS, on_disk=False):
        self.keep = folder is not None
        self.port = port
        self.port_is_ours = port is None
        self.options = {"createTableMs": table_ms, "updateTableMs": table_ms, "deleteTableMs": table_ms}
        self.process = None
        self.lock = None
        if self.keep:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self.folder = os.path.abspath(folder)
        else:
            self.folder = tempfile.mkdtemp(prefix="cart-dynalite-")
            Keeper.tell("folder", self.folder)
        if self.keep or on_disk:
            self.options["path"] = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "server.log")

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def endpoint(self):
        return "http://127.0.0.1:%d" % self.port

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, timeout=START_S):
        """Returns once it listens."""
        if self.process is not None and self.process.poll() is None:
            raise Failure("the server runs")
        path = node()
        install()
        if self.lock is None:
            self.lock = take_folder(self.folder)
        while True:
            self.port = self.port or free_port()
            if self._spawn(path, timeout):
                return
            status = self.process.returncode
            self.process = None
            if not (self.port_is_ours and status == PORT_IN_USE):
                raise Failure("dynalite ended with status %s:\n%s" % (status, self.log_text()[-3000:].strip()))
            self.port = None

    def _spawn(self, path, timeout):
        """False: it has ended."""
        words = [path, os.path.join(PINNED, "serve.js"), INSTALLED, str(self.port), json.dumps(self.options)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "NODE_"))}
        with open(self.log, "wb") as log:
            # A session of its own: Ctrl-C is for the command that uses it, which may have something left to write.
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env={**environment, "AWS_REGION": REGION})
        Keeper.tell("keep" if self.keep else "run", self.process.pid)
        until = time.monotonic() + timeout
        while "listening\n" not in self.log_text():
            if self.process.poll() is not None:
                Keeper.tell("ended", self.process.pid)
                return False
            if time.monotonic() > until:
                self.kill()
                raise Failure("dynalite does not listen after %g s:\n%s" % (timeout, self.log_text()[-3000:].strip()))
            time.sleep(0.005)
        return True

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _end(self, signum):
        if self.process is not None:
            end_process(self.process, signum, STOP_S)
            self.process = None

    def stop(self):
        """In order: what a folder keeps is written."""
        self._end(signal.SIGTERM)

    def kill(self):
        """SIGKILL, and waits until it is gone."""
        self._end(signal.SIGKILL)

    def suspend(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.keep:
            self.stop()
        else:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def environment(self):
        """The settings by which cartd finds it, and what only tests want to know."""
        return {
            "CART_DYNAMODB_ENDPOINT": self.endpoint, "CART_DYNAMODB_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
            "TEST_DYNAMODB_PID": str(self.pid),
        }


class Elsewhere:
    """A server that somebody else runs, in a Server's place."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def start(self):
        pass

    def close(self):
        pass

    def environment(self):
        return {"CART_DYNAMODB_ENDPOINT": self.endpoint}
