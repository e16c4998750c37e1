#!/usr/bin/python3
"""The gates of a CI as it calls them: bench/perf/run-exact and its files, tools/gate in a repository of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "pylib"), os.path.join(ROOT, "bench", "perf")]
import callgrind  # noqa: E402
import patience  # noqa: E402
from cartd import await_that  # noqa: E402
from servers import Failure, percentile, service_times  # noqa: E402
from tap import Skip, main_of  # noqa: E402

BIN = os.path.join(ROOT, "build", "release", "bin")
RUN_S = 300
# In place of ours: builds nothing, and in a worktree waits when it is told to.
MAKEFILE = """programs:
	@if [ -n "$$TEST_HOLD" ] && [ -f .git ]; then touch "$$TEST_HOLD"; exec sleep 300; fi
	@if [ -e broken ]; then echo 'this is broken'; exit 1; fi
	@mkdir -p build/release/bin
	@for p in cartd cartbench; do ln -sf "$$TEST_BIN/$$p" build/release/bin/$$p; done
"""
# The least that says anything; the limit is wide so that a busy machine does not matter.
QUICK = ("--limit", "60%", "--blocks", "14", "--pairs", "60", "--warmup", "100ms", "--quiet", "--no-open", "--busy")
DUMP = """# callgrind format
version: 1
fl=(1) ./core/cart.c
fn=(1) cart_make
10 500
cfn=(2) malloc
calls=3 20
11 90
fn=(2)
20 70
cfn=(3) _int_malloc
calls=1 30
21 20
fn=(4) realloc
5 10
cfn=(2)
calls=7 20
6 70
fn=(5) parse'2
7 1
cfn=(6) calloc
calls=2 40
8 30
totals: 1234
"""


def run(*words, cwd=ROOT, **changes):
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=patience.at_most(RUN_S), check=False, env={**os.environ, **changes})
    return done.returncode, done.stdout


def wrong(got, status, *texts):
    """What is wrong with how a program ended and what it said."""
    problems = [f"exit status {got[0]}, not {status}"] if got[0] != status else []
    problems += [f"does not say {text!r}" for text in texts if text not in got[1]]
    return "\n".join([*problems, got[1]]) if problems else ""


def a_file_of_callgrinds_gives_instructions_and_allocations():
    # realloc's own call of malloc is no second allocation.
    counted = callgrind.parse(DUMP)
    if counted != (1234, 5):
        return f"counted {counted}"
    for text in ("", DUMP.replace("totals: 1234", "")):
        try:
            return f"takes {text!r} for whole: {callgrind.parse(text)}"
        except Failure:
            pass
    return ""


def the_latencies_that_wrk_adds_are_taken_out_again():
    """Those that it adds for coordinated omission, as its stats_correct() does: at most, for a connection that had to wait."""
    measured, interval = {90: 40, 100: 900, 210: 30, 350: 25, 5003: 4, 9050: 1}, 100
    corrected = dict(measured)
    for latency, count in measured.items():
        if latency >= 2 * interval:
            for between in range(latency - interval, interval, -interval):
                corrected[between] = corrected.get(between, 0) + count
    got = service_times([[latency, count] for latency, count in corrected.items()], interval)
    wanted = sorted(measured.items())
    if got != wanted or sum(corrected.values()) < 1200:
        return f"{got}, not {wanted}"
    found = [percentile(got, share) for share in (0.01, 0.5, 0.94, 0.99, 0.999, 1)]
    return "" if found == [90, 100, 100, 350, 5003, 9050] else str(found)


def counts_are_measured_and_what_grew_fails():
    cartbench = os.path.join(BIN, "cartbench")
    with tempfile.TemporaryDirectory() as folder:
        path, baseline = os.path.join(folder, "exact.json"), os.path.join(folder, "baseline.json")
        got = run("bench/perf/run-exact", "--only", "sqlite", "--out", path)
        if wrong(got, 0, "written: "):
            return wrong(got, 0, "written: ")
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        if document["operations"]["sqlite"]["add"] != {"transactions": 1} or document["operations"]["sqlite"]["get"] != {"transactions": 0}:
            return f"an add takes one transaction, a get none: {document}"
        problems = [wrong(run(cartbench, "gate", "--exact", path, path), 0, "gate: PASS", "7 counts compared")]
        document["operations"]["sqlite"]["add"]["transactions"] = 0
        with open(baseline, "w", encoding="utf-8") as file:
            json.dump(document, file)
        problems.append(wrong(run(cartbench, "gate", "--exact", baseline, path), 1, "GREW   sqlite add: transactions: from 0 to 1\n"))
        # Of one backend where the committed baseline has all.
        problems.append(wrong(run(cartbench, "gate", "--exact", "bench/perf/baseline.json", path), 2, "gate: INVALID", "was not measured"))
        return "\n".join(filter(None, problems))


class Repository:
    """One whose make builds by linking to our programs; its second commit is HEAD."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cart-gates-")
        for name in ("bench", "tools"):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(self.folder, name))
        self.write("Makefile", MAKEFILE)
        self.write(".gitignore", "build/\n")
        self.git("init", "-q", "-b", "main")
        self.commit("base")
        self.write("changed", "")
        self.commit("head")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def git(self, *words):
        names = [word for who in ("AUTHOR", "COMMITTER") for word in (f"GIT_{who}_NAME", f"GIT_{who}_EMAIL")]
        got = run("git", *words, cwd=self.folder, **dict.fromkeys(names, "test@example.org"))
        assert got[0] == 0, got[1]
        return got[1]

    def commit(self, text):
        self.git("add", "-A")
        self.git("-c", "commit.gpgsign=false", "commit", "-q", "-m", text)

    def gate(self, *words):
        return run("tools/gate", *words, cwd=self.folder, TEST_BIN=BIN)

    def left(self):
        """What should not be there any more."""
        trees = self.git("worktree", "list").splitlines()
        folders = [name for name in ("tree", "data") if os.path.exists(os.path.join(self.folder, "build", "gate", name))]
        return f"left: {trees[1:]} {folders}" if len(trees) != 1 or folders else ""


def the_merge_base_is_measured_against_this_tree_and_is_gone_afterwards():
    with Repository() as repository:
        got = repository.gate("HEAD~1", *QUICK)
        if got[0] == 2 and "too noisy" in got[1]:
            raise Skip("the status of a whole gate: " + re.search(r"gate: INVALID: .*", got[1]).group())
        with open(os.path.join(repository.folder, "build", "gate", "result.json"), encoding="utf-8") as file:
            result = json.load(file)
        problems = [wrong(got, 0, "gate: the merge base ", " base, against this tree, on memory", "gate: PASS"), repository.left()]
        sides = [(side["name"], side["database"], side["settings"]["threads"]) for side in result["sides"]]
        if sides != [("BASE", "memory", "1"), ("SAME", "memory", "1"), ("HEAD", "memory", "1")]:
            problems.append(f"sides: {sides}")
        return "\n".join(filter(None, problems))


def a_status_of_cartbench_is_passed_on():
    with Repository() as repository:
        got = repository.gate("HEAD~1", "--limit", "nonsense")
        return wrong(got, 2, "--limit") or repository.left()


def what_cannot_be_compared_is_invalid_and_leaves_nothing():
    with Repository() as repository:
        problems = [wrong(repository.gate("nowhere"), 2, "gate: INVALID: nowhere is not in this repository; fetch it: git fetch origin nowhere"),
                    wrong(repository.gate("origin/main"), 2, "fetch it: git fetch origin main"),
                    wrong(repository.gate("HEAD"), 2, "gate: INVALID: ", "this tree would be measured against itself")]
        repository.git("checkout", "-q", "--orphan", "alone")
        repository.commit("alone")
        problems.append(wrong(repository.gate("main"), 2, "have no merge base here"))
        repository.git("checkout", "-q", "main")
        repository.write("broken", "")
        repository.commit("broken")
        os.remove(os.path.join(repository.folder, "broken"))
        repository.commit("repaired")
        problems.append(wrong(repository.gate("HEAD~1"), 2, "does not build", "this is broken"))
        problems.append(repository.left())
        return "\n".join(filter(None, problems))


def ctrl_c_removes_the_worktree_and_ends_what_was_started():
    with Repository() as repository:
        held = os.path.join(repository.folder, "held")
        process = subprocess.Popen([os.path.join(repository.folder, "tools", "gate"), "HEAD~1"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "TEST_BIN": BIN, "TEST_HOLD": held})
        await_that(lambda: os.path.exists(held), 60, "the merge base is being built")
        process.send_signal(signal.SIGINT)
        status = process.wait(60)
        return (f"exit status {status}" if status != 130 else "") or repository.left()


if __name__ == "__main__":
    main_of([
        a_file_of_callgrinds_gives_instructions_and_allocations,
        the_latencies_that_wrk_adds_are_taken_out_again,
        counts_are_measured_and_what_grew_fails,
        the_merge_base_is_measured_against_this_tree_and_is_gone_afterwards,
        a_status_of_cartbench_is_passed_on,
        what_cannot_be_compared_is_invalid_and_leaves_nothing,
        ctrl_c_removes_the_worktree_and_ends_what_was_started,
    ])
