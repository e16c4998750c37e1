"""Servers that no package of this machine's system brings: fetched once, by their package manager's ordinary client, into build/servers.

    debian("unstable", "mysql-server-core").words("mysqld")   # the start of a command line
    crate("dynoxide-rs", "3.2.0", "dynoxide")                 # the path of a program
    python("moto", "5.2.5", "server")                         # a folder to import it from
    go("vitess.io/vitess", "v0.24.4", "go/cmd/vtcombo")       # the path of a program

Nothing is installed and no setting of the machine is changed. `make clean` removes it all. What cannot be fetched is a Failure in one line.
"""

import fcntl
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from beside import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
SERVERS = os.path.join(BUILD, "servers")
# What a server's package depends on and a server does not run: tools for whoever administers it, and what installs packages.
NOT_NEEDED = re.compile(r"^(perl|libperl|perl-|libgdbm|libdb5|mysql-common|mariadb-common|debconf|libc-gconv)")


def once(name, ready, make, parent=SERVERS):
    """Makes sure that the folder parent/name is there and ready(it): make(a new one) fills it. One process does it, others wait."""
    folder = os.path.join(parent, name)
    if ready(folder):
        return folder
    try:
        os.makedirs(parent, exist_ok=True)
        with open(folder + ".lock", "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not ready(folder):
                _make_folder(folder, make)
    except OSError as error:
        raise Failure("%s could not be installed into build/%s: %s" % (name, os.path.relpath(folder, BUILD), error)) from None
    return folder


def _make_folder(folder, make):
    new = tempfile.mkdtemp(prefix=os.path.basename(folder) + ".", dir=os.path.dirname(folder))
    try:
        make(new)
        os.chmod(new, 0o755)  # for everybody, unlike a folder of mkdtemp's
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def run(words, what, **options):
    """Runs a package manager's client; its output."""
    if shutil.which(words[0]) is None:
        raise Failure("%s: %s is not installed" % (what, words[0]))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["it says nothing"]
        raise Failure("%s: %s failed: %s" % (what, words[0], " | ".join(lines[-3:])))
    return done.stdout


def say(what):
    print("fetching %s into build/servers" % what, file=sys.stderr)


# Debian.

APT_CONF = """
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/none";
Dir::Etc::preferences "{folder}/none.pref";
Dir::Etc::preferencesparts "{folder}/none";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Debug::NoLocking "true";
"""


def mirror():
    """Where this machine has Debian's packages from: the address of a line in its sources of apt."""
    told = run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SUITE) $(REPO_URI)", "Created-By: Packages"], "Debian's packages")
    for line in told.splitlines():
        origin, suite, address = line.split(" ", 2)
        if origin == "Debian" and not suite.endswith("-security"):
            return address
    raise Failure("Debian's packages: apt has no list of them on this machine: apt-get update")


class Unpacked:
    """Packages in a folder, with all the libraries that they need, run by their own loader."""

    def __init__(self, folder):
        self.folder = folder
        self.libraries = self.find("usr/lib/*/libc.so.6").rpartition("/")[0]

    def path(self, name):
        return os.path.join(self.folder, name)

    def find(self, pattern):
        """The first file of that pattern."""
        for path in sorted(glob.glob(self.path(pattern))):
            return path
        raise Failure("no %s in %s" % (pattern, self.folder))

    def script(self, program, *words):
        """A program that starts this one with these words at the end, for whoever needs a single path."""
        path = self.path(program)
        text = "#!/bin/sh\nexec %s \"$@\" %s\n" % (shlex.join(self.words(program)), shlex.join(words))
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755), "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def words(self, program):
        return [self.find("usr/lib/*/ld-linux*.so.*"), "--library-path", self.libraries, self.find("usr/*bin/" + program)]


def debian(suite, *packages):
    """The packages of a suite of Debian's that this machine need not have among its own, unpacked with what they depend on."""
    name = "debian-%s-%s" % (suite, packages[0])

    def make(new):
        say("%s of Debian %s" % (" and ".join(packages), suite))
        apt = os.path.join(new, "apt")
        for folder in ("state", "lists/partial", "cache/archives/partial", "none"):
            os.makedirs(os.path.join(apt, folder))
        with open(os.path.join(apt, "state", "status"), "w", encoding="ascii"):
            pass  # nothing is installed, so that everything is fetched
        with open(os.path.join(apt, "sources.list"), "w", encoding="ascii") as file:
            keys = glob.glob("/usr/share/keyrings/debian-archive-keyring.*")
            file.write("deb %s%s %s main\n" % ("[signed-by=%s] " % keys[0] if keys else "", mirror(), suite))
        with open(os.path.join(apt, "apt.conf"), "w", encoding="utf-8") as file:
            file.write(APT_CONF.format(folder=apt))
        told = {**os.environ, "APT_CONFIG": os.path.join(apt, "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "-q", "update"], name, env=told)
        planned = run(["apt-get", "-q", "--simulate", "install", *packages], name, env=told)
        wanted = [line.split()[1] for line in planned.splitlines() if line.startswith("Inst ")]
        wanted = [package for package in wanted if package in packages or not NOT_NEEDED.match(package)]
        archives = os.path.join(apt, "cache", "archives")
        run(["apt-get", "-q", "download", *wanted], name, env=told, cwd=archives)
        for archive in sorted(glob.glob(archives + "/*.deb")):
            run(["dpkg-deb", "-x", archive, new], name)
        shutil.rmtree(apt)
    return Unpacked(once(name, os.path.isdir, make))


# Other registries. A folder's name has the version, so what is there is the right one.

def crate(name, version, program):
    def make(new):
        say("the crate %s %s, which takes some minutes to compile," % (name, version))
        with tempfile.TemporaryDirectory(prefix="cart-cargo-") as target:
            run(["cargo", "install", "--quiet", "--locked", name, "--version", version, "--root", new, "--target-dir", target], name)
    return os.path.join(once("%s-%s" % (name, version), os.path.isdir, make), "bin", program)


def python(name, version, extra):
    """The folder to import it from, for the Python that runs this."""
    return python_packages("%s-%s" % (name, version), "%s[%s]==%s" % (name, extra, version))


def python_packages(folder, *packages):
    """The same of several packages at once; their programs are in its bin/."""
    def make(new):
        say("%s of Python's packages" % " ".join(packages))
        run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", new, *packages], folder)
    return once(folder, os.path.isdir, make)


def go(module, version, package):
    program = package.rpartition("/")[2]

    def make(new):
        say("the Go module %s %s, which takes some minutes to compile," % (module, version))
        # In a module of its own: "go install" refuses a program whose go.mod has exclude or replace lines.
        run(["go", "mod", "init", "local"], module, cwd=new)
        run(["go", "get", "%s/%s@%s" % (module, package, version)], module, cwd=new)
        run(["go", "build", "-o", program, "%s/%s" % (module, package)], module, cwd=new)
    return os.path.join(once("%s-%s" % (program, version), os.path.isdir, make), program)
