#!/usr/bin/python3
"""./cart compare's tool, tools/compare, with the programs that were built: what it leaves, what it says, and that it ends what it began."""

import importlib.machinery
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT, Cartd, await_that, cartctl  # noqa: E402
from tap import main  # noqa: E402
import patience  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "compare")
CARTD_TEST = os.path.join(ROOT, "build", "release", "bin", "cartd-test")
LIMIT_S = 120
LEFT = {"index.html", "results.json", "summary.md", "summary.txt", "combined_results.json", "h2h.json", "consistency.json", "sweep-a.json", "sweep-b.json",
        "money.json", "costs.csv", "A.conf", "B.conf", "cartd-A.log", "cartd-B.log", "compare.log"}
MODES = {"h2h": 1, "consistency": 1, "sweep": 2}
# What is measured, verdicts and the path: as much as is read without scrolling.
LINES_MOST = 24
# Most of the tests look at what becomes of what was measured, and not at how well. What ends a measurement is a number, and no time.
SHORT = """
import importlib.machinery, sys
sys.dont_write_bytecode = True
tool = importlib.machinery.SourceFileLoader("compare_tool", sys.argv[1]).load_module()
tool.DEPTHS["quick"].update({
    "h2h": ["--blocks", "12", "--pairs", "20", "--warmup", "50ms", "--quantile", "50%", "--rate", "300", "--duration", "500ms"],
    "consistency": ["--trials", "24", "--adds", "40", "--repeats", "20", "--for", "30s"],
    "sweep": ["--duration", "100ms", "--warmup", "20ms", "--to", "2"]})
sys.modules["servers"].DATABASE_S = float(sys.argv[2])
sys.modules["servers"].MOMENT_S = min(1, float(sys.argv[2]) - 1)
sys.argv[:3] = [tool.__file__]
sys.exit(tool.main())
"""


def environment(more=()):
    """Nobody's servers and settings, but for those that a test gives."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CART_", "AWS_", "TEST_"))}
    return {**kept, **dict(more)}


def compare(folder, *words, before=(), env=(), depth="quick", database_s=20):
    """Exit status and output, of a comparison that is as short as can be, or of --quick's own depth; a database that is away is awaited for so long."""
    out = os.path.join(folder, "report")
    tool = [sys.executable, "-c", SHORT, TOOL, str(database_s)] if depth == "least" else [TOOL]
    done = subprocess.run([*before, *tool, "--quick", "--busy", "--out", out, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment(env), timeout=patience.at_most(LIMIT_S), check=False, cwd=ROOT)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace"), out


def is_whole(out, said, *databases):
    """What is wrong with what a comparison has left."""
    wanted = LEFT | {"%s_test_results.json" % name for name in databases}
    wrong = sorted(wanted - set(os.listdir(out)))
    if wrong:
        return "missing: %s\n%s" % (wrong, said)
    tool = the_tool()
    try:
        tool.Place(out, 3).check()
    except tool.Failure as error:
        return "the next comparison would be refused: %s" % error
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        bundle = json.load(file)
    kinds = [document["kind"] for document in bundle["documents"]]
    if {kind: kinds.count(kind) for kind in kinds} != MODES:
        return "results.json has %s" % kinds
    if len(bundle["seed150"]) != 300 or [step["step"] for step in bundle["comparison"]["steps"]][:2] != ["seed150", "h2h"]:
        return "results.json has not everything: %s" % bundle["comparison"]
    heads = next(document for document in bundle["documents"] if document["kind"] == "h2h")
    sides, open_loop = heads["sides"], heads["results"]["operations"][-1]
    if open_loop["operation"] != "open loop" or any(share["tried"] == 0 for share in open_loop["success"]):
        return "nothing was asked in an open loop: %s" % open_loop
    if any(not side["settings"] for side in sides):
        return "a result without its settings: %s" % sides
    with open(os.path.join(out, "index.html"), encoding="utf-8") as file:
        page = file.read()
    if "<svg" not in page or not page.rstrip().endswith("</html>"):
        return "index.html is no report"
    if out in page or ROOT + "/" in page or tempfile.gettempdir() + "/" in page or len(page) > 300000:
        return "index.html has paths of this machine, or %d characters" % len(page)
    if len(said.splitlines()) > LINES_MOST:
        return "%d lines:\n%s" % (len(said.splitlines()), said)
    if os.path.exists(out + ".new"):
        return "report.new is left"
    words = ["150 of 150", "Decided:", "Not decided:", "Next:", "index.html", "results.json", "left", "No promise of consistency was broken on either side"]
    return "".join("not said: %s\n%s" % (word, said) for word in words if word not in said)


def running(folder):
    """Processes that have the folder in their arguments."""
    return subprocess.run(["pgrep", "-f", "--", folder], stdout=subprocess.PIPE, check=False).stdout.split()


def two_backends(folder):
    status, said, out = compare(folder, "--a", "sqlite", "--b", "memory", env={"CART_LIMITS_LINES": "nonsense", "CART_BACKEND": "x"}.items())
    return ("exit status %d\n%s" % (status, said) if status != 0 else "") or is_whole(out, said, "sqlite", "memory") or \
        ("left running: %s" % running(folder) if running(folder) else "")


def mysql_and_dynamodb(folder):
    """What people come for, and what it has to say about it."""
    before = [os.path.join(ROOT, "tools", "with-mariadb"), "--fast", "--", os.path.join(ROOT, "tools", "with-dynalite"), "--"]
    status, said, out = compare(folder, before=before, depth="least")
    problem = "exit status %d\n%s" % (status, said) if status != 0 else is_whole(out, said, "mysql", "dynamodb")
    with open(os.path.join(out, "summary.md"), encoding="utf-8") as file:
        summary = file.read().replace("\\_", "_")
    for word in ("not AWS", "dynalite (in memory, a stand-in for DynamoDB)", "innodb_flush_log_at_trx_commit=", "write units", "database's share", "MariaDB"):
        if word not in summary:
            problem += "summary.md does not say: %s\n" % word
    with open(os.path.join(out, "h2h.json"), encoding="utf-8") as file:
        calls = {(each["operation"], each["side"]): each["calls_per_op"] for each in json.load(file)["results"]["calls"]}
    if calls != {(operation, side): 1.0 for operation in ("create", "add", "get") for side in "AB"}:
        problem += "calls an operation: %s\n" % calls
    return problem


def two_of_a_kind(folder):
    """Two sides of one database are told apart everywhere; with delays around them the results say so."""
    given = os.path.join(folder, "near.delays")
    with open(given, "w", encoding="utf-8") as file:
        file.write("[client]\nround_trip_ms = 2\nconnect_ms = 1\n")
    status, said, out = compare(folder, "--a", "memory?cart.ids=v4", "--b", "memory?cart.ids=v7", "--delays", given)
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        comparison = json.load(file)["comparison"]
    for side, text in zip(comparison["delays"]["sides"], comparison["sides"]):
        late = side["predicted_ms"]["get_cart"]["total"] == 3 and min(side["measured_ms"]["get_cart"]) >= 2.99
        if not late or len(side["measured_ms"]["overall"]) != 150 or not text.endswith("with the delays of near.delays"):
            return "%s has %s" % (text, side)
    with open(os.path.join(out, "summary.md"), encoding="utf-8") as file:
        summary = file.read()
    good = status == 0 and all(words in summary for words in ("memory?cart.ids=v4", "memory?cart.ids=v7", "Delays that were given, ms", "| get\\_cart | A: memory",
                                                               "by the delays that were given: A 3.00", "B 3.00"))
    return "" if good else "exit status %d\n%s\n%s" % (status, said, summary)


def a_url_and_settings(folder):
    """A service that runs already stays, also one that knows its callers; settings of a side are used."""
    access = {"auth": "token", "auth.token_file": "tokens"}
    status, said = cartctl(folder, access, "token", "new", "--name", "bench", "--scope", "read,write,admin")
    with open(os.path.join(folder, "token"), "w", encoding="ascii") as file:
        file.write(said.split()[0])
    with Cartd(folder, {"backend": "memory", **access}) as cartd:
        url = "http://127.0.0.1:%d" % cartd.port
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            status, said, out = compare(folder, "--a", url, "--b", "sqlite?cart.ids=v7", depth="least")
            if status != 2 or "pin both alike" not in said:
                return "sides on other cores are compared: exit status %d\n%s" % (status, said)
            for thread in os.listdir("/proc/%d/task" % cartd.process.pid):
                os.sched_setaffinity(int(thread), cores[:-1])
        status, said, out = compare(folder, "--a", url, "--b", "sqlite?cart.ids=v7", depth="least")
        if status != 2 or "--token-file FILE" not in said:
            return "no word about the token: exit status %d\n%s" % (status, said)
        status, said, out = compare(folder, "--a", url, "--b", "sqlite?cart.ids=v7", "--token-file", os.path.join(folder, "token"), depth="least")
        alive = cartd.client().ask("GET", "/livez").status == 200
    with open(os.path.join(out, "results.json"), encoding="utf-8") as file:
        sides = json.load(file)["documents"][0]["sides"]
    good = status == 0 and alive and sides[0]["target"] == url and sides[1]["settings"]["cart.ids"] == "v7"
    return "" if good else "exit status %d, alive %s, %s\n%s" % (status, alive, sides, said)


def a_broken_promise(folder):
    """A store that forgets idempotency keys: said, and the exit status is not 0; all of the report is there."""
    status, said, out = compare(folder, "--a", "memory", "--b", CARTD_TEST + "@fault?fault.over=memory&fault.mutant=no-idempotency", depth="least")
    good = status == 3 and "a promise about consistency was broken" in said and os.path.exists(os.path.join(out, "index.html"))
    return "" if good else "exit status %d\n%s" % (status, said)


def what_cannot_be(folder):
    cases = [
        (("--a", "sqlite?sqlite.path=%s/none/cart.db" % folder, "--b", "memory"), "did not start"),
        (("--a", "memory", "--b", "memory?nonsense=1"), "nonsense"),
        (("--a", "memory", "--b", "http://127.0.0.1:1"), "127.0.0.1:1"),
        (("--a", "none/cartd@memory"), "there is no program"),
        (("--a", "foo"), "there is no backend foo; the backends are memory, "),
        (("--a", "My SQL"), "takes BACKEND"),
        (("--a", "memory", "--b", "memory", "--margin", "nonsense"), "--margin"),
        (("--a", "memory", "--b", "memory", "--out", folder), "a letter.txt is there"),
        (("--a", "mysql?mysql.host=127.0.0.1&mysql.port=1", "--b", "memory"), "A: waiting up to 1 s for its database"),
        (("--a", "memory", "--b", "mysql?mysql.host=127.0.0.1&mysql.port=1"), "B did not start: its database was not ready within 1 s: 127.0.0.1:1: "),
    ]
    problems = []
    old = os.path.join(folder, "report", "index.html")
    os.makedirs(os.path.dirname(old))
    for name in (os.path.join(folder, "a letter.txt"), old):
        with open(name, "w", encoding="utf-8") as letter:
            letter.write("dear")
    for words, wanted in cases:
        status, said, out = compare(folder, *words, depth="least", database_s=1)
        if not os.path.exists(old) or os.path.exists(out + ".new") or os.path.exists(out + ".1"):
            problems.append("%s: the report that was there is not as it was" % (words,))
        if status != 2 or wanted not in said or "Traceback" in said:
            problems.append("%s: exit status %d, not said: %s\n%s" % (words, status, wanted, said))
    if not os.path.exists(os.path.join(folder, "a letter.txt")):
        problems.append("the letter is gone")
    return "\n".join(problems)


def ended_early(folder):
    """While it measures, another one is refused at once; a signal ends it, and with it what it started. The report before it stays."""
    out = os.path.join(folder, "report")
    os.makedirs(out)
    with open(os.path.join(out, "index.html"), "w", encoding="utf-8") as old:
        old.write("old")
    process = subprocess.Popen([TOOL, "--thorough", "--out", out, "--a", "memory", "--b", "sqlite"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), cwd=ROOT)
    problems = []
    try:
        await_that(lambda: os.path.exists(os.path.join(out + ".new", "combined_results.json")), 30, "the first results")
        for words in ((), ("--needs",)):
            status, said, _ = compare(folder, *words)
            if status != 2 or said.count("\n") != 1 or "another comparison is making" not in said:
                problems.append("a second one: exit status %d: %s" % (status, said))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(patience.at_most(30))
    finally:
        process.kill()
        process.wait()
    await_that(lambda: not running(folder), 10, "nothing is left of it")
    if process.returncode == 0 or time.monotonic() - began >= patience.at_most(30):
        problems.append("exit status %d" % process.returncode)
    if os.listdir(out) != ["index.html"]:
        problems.append("the old report is gone")
    return "\n".join(problems)


def the_tool():
    return importlib.machinery.SourceFileLoader("compare_tool", TOOL).load_module()


def earlier_reports(folder):
    """As many stay as are asked for, the youngest first; what a comparison that was ended has left is no report."""
    tool = the_tool()
    out = os.path.join(folder, "report")

    def publish(name, keep):
        place = tool.Place(out, keep)
        place.take()
        left = os.listdir(place.new)
        with open(os.path.join(place.new, "index.html"), "w", encoding="utf-8") as file:
            file.write(name)
        place.publish()
        return left

    def found():
        pages = {}
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name, "index.html"), encoding="utf-8") as file:
                pages[name[len("report"):]] = file.read()
        return pages

    os.makedirs(out + ".new")
    with open(os.path.join(out + ".new", "h2h.json"), "w", encoding="utf-8") as file:
        file.write("half")
    problems = ["taken over: a file of one that was ended"] if publish("a", 2) else []
    for name in "bcd":
        publish(name, 2)
    if found() != {"": "d", ".1": "c", ".2": "b"}:
        problems.append("two earlier ones: %s" % found())
    publish("e", 0)
    if found() != {"": "e", ".1": "c", ".2": "b"}:
        problems.append("none: %s" % found())
    with open(os.path.join(out + ".2", "a letter.txt"), "w", encoding="utf-8") as letter:
        letter.write("dear")
    try:
        tool.Place(out, 2).take()
        problems.append("a folder with somebody's letter would be removed")
    except tool.Failure:
        pass
    return "\n".join(problems)


def what_was_found_is_the_status(folder):
    """A side that a head-to-head finds wrong, a promise that the probes find broken, a measurement that failed; each alone."""
    tool = the_tool()
    tool.say = lambda _: None
    problems = []
    for mode, ended, wanted in (("h2h", 3, 3), ("consistency", 3, 3), ("h2h", 0, 0), ("consistency", 0, 0), ("h2h", 2, 2), ("consistency", 2, 2)):
        comparison = tool.Comparison(tool.arguments(["--a", "memory", "--b", "sqlite", "--out", os.path.join(folder, "report"), "--keep", "7"]))
        for side in comparison.sides:
            side.target = "http://127.0.0.1:1"
        comparison.place.take()
        tool.beside.call = lambda *_, ended=ended: ended
        getattr(comparison, mode)()
        if comparison.verdict() != wanted or comparison.place.keep != 7:
            problems.append("%s ended with %d: %s, with %d reports" % (mode, ended, comparison.verdict(), comparison.place.keep))
        os.close(comparison.place.lock)
    return "\n".join(problems)


# Python drops what a destructor raises; this one lets a signal come just then.
DROPPED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import beside
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        sum(range(1000))
beside.end_by_signals()
Dying()
beside.call(["sleep", "60"])
"""


def a_dropped_signal(_folder):
    """A signal that Python drops ends it all the same, before the next of its commands runs."""
    ended = subprocess.run([sys.executable, "-c", DROPPED, os.path.join(ROOT, "tools", "databases")], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=False)
    return "" if ended.returncode == 128 + signal.SIGTERM else "exit status %d" % ended.returncode


def a_silent_server(folder):
    """A database that neither answers nor logs anything: the message about it is a whole sentence."""
    sys.path.append(os.path.join(ROOT, "tools", "databases"))
    import beside  # pylint: disable=import-outside-toplevel

    class Silent(beside.Server):
        NAME, PREFIX = "silent", "cart-silent-"

        def prepare(self):
            pass

        def words(self):
            return ["sleep", "60"]

        def variables(self):
            return None

        def answers(self, _said):
            return False

    server = Silent(os.path.join(folder, "silent"))
    try:
        server.start(timeout=0)
        said = ""
    except beside.Failure as error:
        said = str(error)
    finally:
        server.close()
    return "" if said.startswith("silent did not answer in time; it has logged nothing: ") else said or "it started"


def needs(_folder):
    """For ./cart: which servers are to be brought along."""
    cases = [((), "dynamodb mysql"), (("--a", "sqlite", "--b", "http://x"), "sqlite"), (("--a", "mysql?mysql.pool=1", "--b", "mysql"), "mysql")]
    problems = []
    for words, wanted in cases:
        said = subprocess.run([TOOL, "--needs", *words], stdout=subprocess.PIPE, env=environment(), check=False).stdout.decode().strip()
        if said != wanted:
            problems.append("%s: %s, not %s" % (words, said, wanted))
    return "\n".join(problems)


def tests(tap):
    for name, function in (("two backends", two_backends), ("mysql and dynamodb", mysql_and_dynamodb),
                           ("two sides of one backend", two_of_a_kind), ("a service that runs already, and settings", a_url_and_settings), ("a broken promise", a_broken_promise),
                           ("what cannot be compared is said in a line", what_cannot_be), ("a signal ends it and all of it", ended_early),
                           ("earlier reports stay, as many as are asked for", earlier_reports),
                           ("what was found is the exit status", what_was_found_is_the_status),
                           ("a signal in a destructor ends it too", a_dropped_signal),
                           ("a database that says nothing", a_silent_server), ("it says which servers it needs", needs)):
        with tempfile.TemporaryDirectory(prefix="cart-compare-test-") as folder:
            tap.run(name, function, folder)


if __name__ == "__main__":
    main(tests)
