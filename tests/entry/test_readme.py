#!/usr/bin/python3
"""Runs the README's curl lines against a cartd and compares what comes back with what the README shows.

Ids, times and durations differ from run to run: they are masked on both sides. Then the metrics that docs/operations.md explains are
compared with those that the service has, and the documents' links with the files that there are.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import Cartd  # noqa: E402
from tap import main  # noqa: E402

README = "README.md"
OPERATIONS = "docs/operations.md"
MASKS = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
    (r"(?im)^(date|server-timing|x-request-id): .*$", r"\1: MASKED"),
    (r"(localhost|127\.0\.0\.1):\d+", "ADDRESS"),
]


def commands(text):
    """(command, shown output) of the code block that holds curl lines; a backslash continues a command."""
    blocks = [block for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.S) if "$ curl" in block]
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.split("\n")
            command = [lines.pop(0)]
            while command[-1].endswith("\\"):
                command.append(lines.pop(0))
            found.append(("\n".join(command), "\n".join(lines).strip()))
    return found


def masked(text):
    for expression, by in MASKS:
        text = re.sub(expression, by, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def run_readme(tap, folder, port):
    steps = commands(open(README, encoding="utf-8").read())
    tap.check("the README has a screen of curl", "" if len(steps) >= 4 else "%d commands" % len(steps))
    # What one line sets, the next ones use, so the shell is told everything so far and its last output counts.
    before, cart = "", None
    for command, shown in steps:
        runnable = command.replace("localhost:8080", "127.0.0.1:" + port)
        if cart:
            runnable = re.sub(MASKS[0][0], cart, runnable)
        if "curl" not in command:
            before += runnable + "\n"
            continue
        got = subprocess.run(["/bin/sh", "-c", before + runnable], cwd=folder, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=30, check=False).stdout.decode()
        if cart is None:
            cart = re.search(MASKS[0][0], got).group(0) if re.search(MASKS[0][0], got) else None
        wanted, found = masked(shown), masked(got)
        tap.check(command.split("\n")[0],
                  "" if wanted == found else "the README shows:\n%s\nthe service answers:\n%s" % (wanted, found))


def compare_metrics(tap, cartd):
    with cartd.client() as client:
        page = client.ask("GET", "/metrics").body.decode()
    served = set(re.findall(r"^# TYPE (\w+) ", page, re.M))
    told = set(re.findall(r"`((?:cart|process)_[a-z0-9_]+)", open(OPERATIONS, encoding="utf-8").read()))
    tap.check("the service has metrics", "" if served else "none:\n" + page[:500])
    tap.check("every metric that operations.md explains is there", " ".join(sorted(told - served)))
    # Those of one backend are listed where they matter; those of the service are all to be explained.
    unexplained = {name for name in served - told if not re.match(r"cart_(sqlite|memory)_", name)}
    tap.check("operations.md explains every metric of the service", " ".join(sorted(unexplained)))


def check_links(tap):
    """Links between our own files; those to elsewhere are not followed."""
    dead = []
    documents = glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True)
    for document in documents:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", open(document, encoding="utf-8").read()):
            path = os.path.join(os.path.dirname(document), target)
            if not re.match(r"[a-z]+:", target) and not os.path.exists(path):
                dead.append("%s: %s" % (document, target))
    tap.check("the documents' links lead somewhere", "\n".join(dead) if documents else "no documents")


def tests(tap):
    check_links(tap)
    if not shutil.which("curl"):
        tap.skip("the README's lines", "curl is not installed")
        return
    with tempfile.TemporaryDirectory() as folder, Cartd(folder, {"backend": "sqlite"}) as cartd:
        run_readme(tap, folder, str(cartd.port))
        compare_metrics(tap, cartd)
        tap.check("the service stops when told to", cartd.end_problem())


if __name__ == "__main__":
    main(tests)
