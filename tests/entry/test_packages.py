#!/usr/bin/python3
"""What the scripts, the tests and the README call is in ./cart's table of packages.

`make check` runs everything with a PATH of tests/toolbox, so a test that calls something else fails there. Here that PATH is shown to
hold what the table brings and nothing else, and the scripts that no test runs are searched for programs that it lacks.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from tap import main  # noqa: E402

TOOLBOX = os.path.abspath("tests/toolbox")
EVERYWHERE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Programs whose absence the scripts handle themselves.
OPTIONAL = {
    "apt-get", "sudo",   # ./cart names the packages instead
    "ccache",            # a compiler that the caller chose with CC=
    "systemd-analyze",   # tools/lint says what it did not check
}
SHELL_WORD = re.compile(r"(?:^|[|;&({`!]|\$\(|\b(?:if|then|else|do|while|until|exec|command -v|env)\b)[ \t]*([a-z][a-z0-9_.+-]*)(?=[ \t;)|&<>]|$)", re.M)
PYTHON_WORD = re.compile(r"\b(?:which|run|Popen|check_output|check_call|call)\(\[?\s*\"([a-z][a-z0-9_.+-]*)\"")
C_WORD = re.compile(r"\b(?:exec[lv]pe?|posix_spawnp|popen|system)\([^\"\n]*\"([a-z][a-z0-9_.+-]*)")
# Debian as a fake dpkg-query tells it: package, essential, priority, dependencies, what it provides, and programs (any that exist).
WORLD = [
    ("base", "yes", "required", "", "", ["sh", "cat"]),
    ("gcc", "no", "optional", "binutils (>= 2.1), cpp:any | other-cpp", "", ["head"]),
    ("binutils", "no", "optional", "virtual-linker", "", ["tail"]),
    ("gold", "no", "optional", "", "virtual-linker (= 1)", ["cut"]),
    ("other-cpp", "no", "optional", "", "", ["sort"]),
    ("git", "no", "optional", "gcc", "", ["uniq"]),
    ("stranger", "no", "optional", "gcc", "", ["wc"]),
]


def fake_dpkg_query(folder):
    """A dpkg-query that knows the WORLD."""
    script = ["#!/usr/bin/python3", "import sys", "what, names = sys.argv[1], set(sys.argv[2:])"]
    for name, essential, priority, depends, provides, programs in WORLD:
        line = "\t".join(["installed", name, essential, priority, ", " + depends, provides])
        paths = ["/usr/bin/" + program for program in programs]
        script += ["if what == '-W': print(%r)" % line, "elif %r in names: print(*%r, sep='\\n')" % (name, paths)]
    path = os.path.join(folder, "dpkg-query")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(script) + "\n")
    os.chmod(path, 0o755)


def toolbox(folder, purpose, path=EVERYWHERE):
    done = subprocess.run([TOOLBOX, os.path.join(folder, "box-" + purpose), purpose], env={"PATH": path}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode().strip()


def shell_scripts():
    for path in ["cart", "Makefile", ".ci/run", *glob.glob("t*/**/*", recursive=True), *glob.glob("bench/perf/*"), *glob.glob("dist/*")]:
        if os.path.isfile(path) and "/fuzz/corpus/" not in path and "/node_modules/" not in path:
            with open(path, "rb") as file:
                if path == "Makefile" or re.match(rb"#!/bin/(ba)?sh|# shellcheck shell", file.readline(64)):
                    yield path


def called():
    """(program, file) of what looks like a call; more than there are, but each name is that of a program somewhere."""
    for path in shell_scripts():
        text = re.sub(r"(^|\s)#.*$", "", open(path, encoding="utf-8").read(), flags=re.M)
        if path == "Makefile":  # the recipes, without make's own functions
            text = re.sub(r"(?<!\$)\$\(\w+", "", "\n".join(re.findall(r"^\t.*", text, re.M))).replace("$$", "$")
        functions = set(re.findall(r"^([a-z][a-z0-9_]*)\(\)", text, re.M))
        for word in SHELL_WORD.findall(text):
            if word not in functions:
                yield word, path
    for pattern, expression in (("**/*.py", PYTHON_WORD), ("tools/*", PYTHON_WORD), ("bench/perf/run-*", PYTHON_WORD),
                                ("[a-z]*/**/*.c", C_WORD)):
        for path in glob.glob(pattern, recursive=True):
            if os.path.isfile(path) and not path.startswith(("build", "data")):
                for word in expression.findall(open(path, encoding="utf-8").read()):
                    yield word, path


def check_scan(tap, box):
    found, seen = set(), 0
    for word, path in called():
        there = shutil.which(word, path=box)
        seen += bool(there)
        if not there and word not in OPTIONAL and shutil.which(word, path=EVERYWHERE):
            found.add("%s calls %s" % (path, word))
    tap.check("calls are found in the sources", "" if seen > 300 else "only %d" % seen)
    tap.check("what the scripts call is in ./cart's table of packages", "\n".join(sorted(found)))


def check_readme(tap, box):
    blocks = re.findall(r"```[a-z]*\n(.*?)```", open("README.md", encoding="utf-8").read(), re.S)
    words = {word for block in blocks for word in re.findall(r"^(?:\$ )?([a-z][a-z0-9-]*) ", block, re.M)}
    tap.check("the README's lines are found", "" if "curl" in words else "only " + " ".join(sorted(words)))
    lacking = {word for word in words if shutil.which(word, path=EVERYWHERE) and not shutil.which(word, path=box)}
    tap.check("./cart run installs what the README's lines call", " ".join(sorted(lacking)))


def check_build(tap, folder, box):
    """What make does before and around the compiler, without git and whatever else only check installs."""
    made = ["embed/version.o", "embed/sqlite_migrations.o", "embed/openapi_yaml.o"]
    done = subprocess.run(["make", "B=" + folder + "/b", *(folder + "/b/" + name for name in made)],
                          env={"PATH": box, "HOME": folder}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    wrong = done.stdout.decode() if done.returncode != 0 or "not found" in done.stdout.decode() else ""
    tap.check("./cart run installs what the build calls", wrong)


def tests(tap):
    if not shutil.which("dpkg-query", path=EVERYWHERE):
        tap.skip("the table of packages", "not a Debian system: nothing is known about packages")
        return
    with tempfile.TemporaryDirectory() as folder:
        fake_dpkg_query(folder)
        path = folder + ":" + EVERYWHERE
        for purpose, wanted in (("mysql", "sh cat head tail cut sort"), ("check", "sh cat head tail cut sort uniq")):
            got = set(os.listdir(toolbox(folder, purpose, path))) - {"node", "npm"}
            tap.check("the PATH for %s holds the table's packages, what they need, the base system, and nothing else" % purpose,
                      " ".join(sorted(got ^ set(wanted.split()))))
        box = toolbox(folder, "bench")
        check_scan(tap, box)
        box = toolbox(folder, "run")
        check_readme(tap, box)
        check_build(tap, folder, box)


if __name__ == "__main__":
    main(tests)
