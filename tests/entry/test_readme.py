#!/usr/bin/python3
"""Runs the README's curl lines against a cartd, compares what comes back with what the README shows, and runs its other calls.

Ids, times and durations differ from run to run: they are masked on both sides. Then the metrics that docs/operations.md explains are
compared with those that the service has, the documents' links with the files that there are, and the functions that
docs/architecture.md names with the sources.
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
ARCHITECTURE = "docs/architecture.md"
DECISIONS = "docs/decisions.md"
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
    # One shell runs all of them as they stand, as a reader's does: what one line sets, the next ones use.
    end = "-- end of a command --"
    script = "".join("%s\necho; echo '%s'\n" % (command, end) for command, _ in steps)
    ran = subprocess.run(["/bin/sh", "-c", script.replace("localhost:8080", "127.0.0.1:" + port)], cwd=folder, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=60, check=False).stdout.decode().split(end)
    for number, (command, shown) in enumerate(steps):
        wanted, found = masked(shown), masked(ran[number] if number < len(ran) else "the shell has ended")
        tap.check(command.split("\n")[0],
                  "" if wanted == found else "the README shows:\n%s\nthe service answers:\n%s" % (wanted, found))


def run_programs(tap, folder, port):
    """The README's calls of the programs, in its order: a file that one writes, the next one reads."""
    os.symlink(os.path.abspath("build"), os.path.join(folder, "build"))
    calls = re.findall(r"`(build/bin/[^`]+)`", open(README, encoding="utf-8").read())
    tap.check("the README calls the programs", "" if len(calls) >= 3 else "%d calls" % len(calls))
    for call in calls:
        command = call.replace("127.0.0.1:8080", "127.0.0.1:" + port)
        if command.startswith("build/bin/cartd "):
            command += " --print-config"  # reads its settings as for a start, and ends
        ran = subprocess.run(["/bin/sh", "-c", command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=60, check=False)
        tap.check(call, "" if ran.returncode == 0 else "exit status %d:\n%s" % (ran.returncode, ran.stdout.decode()))


def compare_metrics(tap, cartd):
    with cartd.client() as client:
        page = client.ask("GET", "/metrics").body.decode()
    served = set(re.findall(r"^# TYPE (\w+) ", page, re.M))
    told = set(re.findall(r"`((?:cart|process)_[a-z0-9_]+)", open(OPERATIONS, encoding="utf-8").read()))
    tap.check("the service has metrics", "" if served else "none:\n" + page[:500])
    # Those of a listener with TLS are there where it has a certificate, those of the feed where it is on: tests/server/test_tls.c and
    # test_api_feed.c ask for them.
    lost = {name for name in told - served if not name.startswith(("cart_tls_", "cart_http_proxies_", "cart_feed_"))}
    tap.check("every metric that operations.md explains is there", " ".join(sorted(lost)))
    # Those of one backend are listed where they matter; those of the service are all to be explained.
    unexplained = {name for name in served - told if not re.match(r"cart_(sqlite|memory)_", name)}
    tap.check("operations.md explains every metric of the service", " ".join(sorted(unexplained)))


def anchors(document):
    """Those that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", open(document, encoding="utf-8").read(), re.M)
    return [re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-") for heading in headings]


def check_links(tap):
    """Links between our own files and to their headings; those to elsewhere are not followed."""
    dead = []
    documents = glob.glob("*.md") + glob.glob("docs/**/*.md", recursive=True)
    for document in documents:
        for target, heading in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", open(document, encoding="utf-8").read()):
            path = os.path.normpath(os.path.join(os.path.dirname(document), target)) if target else document
            if re.match(r"[a-z]+:", target):
                continue
            if not os.path.exists(path) or (heading and heading not in anchors(path)):
                dead.append("%s: %s#%s" % (document, target, heading))
    tap.check("the documents' links lead somewhere", "\n".join(dead) if documents else "no documents")


def check_first_look(tap):
    """What somebody looks for who has never heard of it: a picture, a number, what to install, a container, production; and what "the seed" is."""
    text = open(README, encoding="utf-8").read()
    pictures = [path for path in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text) if os.path.getsize(path) > 10000]
    links = re.findall(r"\]\(([^)]+)\)", text)
    found = {"a picture": pictures, "a number": re.search(r"\*\*[\d,]+ [a-z ]+ a second\*\*", text), "a container": "docs/examples/Dockerfile" in links,
             "a package": "`make deb`" in text, "production": [link for link in links if link.startswith("docs/operations.md#")],
             "what the seed is": re.search(r"\*the seed\*\. This is ", text)}
    tap.check("the README has what a stranger looks for", ", ".join(name for name, there in found.items() if not there))


def check_contents(tap, folder):
    """tools/contents notices that a heading is not listed, and lists it."""
    copy = os.path.join(folder, "decisions.md")
    whole = open(DECISIONS, encoding="utf-8").read()
    listed = re.search(r"(?m)^  - \[.*\n", whole).group(0)
    with open(copy, "w", encoding="utf-8") as file:
        file.write(whole.replace(listed, "", 1))
    old = subprocess.run(["tools/contents", "--check", copy], check=False).returncode
    written = subprocess.run(["tools/contents", copy], check=False).returncode
    tap.check("the contents of decisions.md are complete, and would be found old", "" if (old, written) == (1, 0) and
              open(copy, encoding="utf-8").read() == whole else "exit status %d, then %d" % (old, written))


def check_places(tap):
    """The table "Where is" of docs/architecture.md: the file that a row links to has the function that stands behind it."""
    text = open(ARCHITECTURE, encoding="utf-8").read()
    rows = re.findall(r"^\| [^|]+ \| \[[^]]+\]\(\.\./([^)]+)\) \| `(\w+)`", text, re.M)
    lost = ["%s: %s" % (path, name) for path, name in rows
            if not os.path.exists(path) or not re.search(r"\b%s\b" % name, open(path, encoding="utf-8").read())]
    tap.check("architecture.md names functions where they are", "\n".join(lost) if len(rows) >= 10 else "%d rows" % len(rows))


def tests(tap):
    check_links(tap)
    check_first_look(tap)
    with tempfile.TemporaryDirectory() as folder:
        check_contents(tap, folder)
    check_places(tap)
    if not shutil.which("curl"):
        tap.skip("the README's lines", "curl is not installed")
        return
    with tempfile.TemporaryDirectory() as folder, Cartd(folder, {"backend": "sqlite", "cache.carts": "100"}) as cartd:
        run_readme(tap, folder, str(cartd.port))
        run_programs(tap, folder, str(cartd.port))
        compare_metrics(tap, cartd)
        tap.check("the service stops when told to", cartd.end_problem())


if __name__ == "__main__":
    main(tests)
