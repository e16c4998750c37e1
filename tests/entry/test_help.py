#!/usr/bin/python3
"""Every Python program that reads its options by argparse explains them: argparse formats a text with a % in it only when it is asked for help."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "pylib"))
from cartd import ROOT  # noqa: E402
from tap import main_of  # noqa: E402

FOLDERS = ("tools", "tests", "bench", "deploy", "dist")
READERS = ("import argparse\n", "beside.arguments(", "harness.run(", "harness.parse(")  # itself, or what calls it for several
HELP_S = 60


def programs():
    """Relative paths of the programs, without tests: what those are asked goes by the environment."""
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(ROOT, folder)):
            for path in (os.path.join(where, name) for name in names if not name.startswith("test_")):
                if os.path.isfile(path) and os.access(path, os.X_OK):
                    with open(path, encoding="utf-8", errors="replace") as file:
                        text = file.read()
                    if text.startswith("#!") and "python" in text.partition("\n")[0] and any(reader in text for reader in READERS):
                        yield os.path.relpath(path, ROOT)


def problem(path):
    done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, path), "--help"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=HELP_S, check=False)
    return "" if done.returncode == 0 and done.stdout.startswith("usage: ") else "%s --help: %d: %s" % (path, done.returncode, (done.stderr or done.stdout)[-300:])


def each_program_shows_its_help():
    found = sorted(programs())
    assert {"tests/soak/soak.py", "tools/gate", "tools/with-mariadb", "bench/perf/run-cartd", "deploy/aws/compare"} <= set(found), found
    with ThreadPoolExecutor(4) as pool:
        return "\n".join(filter(None, pool.map(problem, found)))


if __name__ == "__main__":
    main_of([each_program_shows_its_help])
