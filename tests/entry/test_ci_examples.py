#!/usr/bin/python3
"""docs/examples/gates.*.yml: their steps, run as a CI runs them, with gates that only pretend; and tools/gate-summary."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from tap import Skip, main_of  # noqa: E402

GITHUB = "docs/examples/gates.github.yml"
GITLAB = "docs/examples/gates.gitlab.yml"
# Ends as the next line of the file "statuses" says, which it takes away.
FAKE = """#!/bin/bash
echo "${0##*/} $*" >>calls
status=$(head -n 1 statuses.${0##*/}); sed -i 1d statuses.${0##*/}
case $status in 0) echo "gate: PASS: nothing" ;; 1) echo "gate: REGRESSION: slower" ;; *) echo "gate: INVALID: noise" ;; esac
exit $status
"""


def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def github_scripts():
    """In order, as GitHub runs each: a step fails the job, and those that are not "if: !cancelled()" are left out from then on."""
    job = load(GITHUB)["jobs"]["gates"]
    assert job["defaults"]["run"]["shell"] == "bash"
    return [(step["run"], "cancelled" in step.get("if", "")) for step in job["steps"] if step.get("name") in ("counts", "time", "summary")]


def gitlab_scripts():
    job = load(GITLAB)["gates"]
    return [("\n".join(job["script"]), False), ("\n".join(job["after_script"]), True)]


def run_job(scripts, make, gate):
    """With gates that end so, one call after the other: whether the job is green, the calls, and the summary."""
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "tools"))
        os.makedirs(os.path.join(folder, "build"))
        shutil.copy("tools/gate-summary", os.path.join(folder, "tools"))
        for path, name, statuses in (("make", "make", make), ("tools/gate", "gate", gate)):
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(FAKE)
            os.chmod(os.path.join(folder, path), 0o755)
            with open(os.path.join(folder, "statuses." + name), "w", encoding="utf-8") as file:
                file.writelines("%d\n" % status for status in statuses)
        environment = {**os.environ, "PATH": folder + ":" + os.environ["PATH"], "BASE": "abc", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "abc",
                       "GITHUB_STEP_SUMMARY": "build/gates.md"}
        green = True
        for script, always in scripts:
            if green or always:
                green &= subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder, env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
        texts = []
        for name in ("calls", "build/gates.md"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                texts.append(file.read())
        return green, texts[0].splitlines(), texts[1]


def the_steps_end_as_the_gates_say():
    problems = []
    for name, scripts in (("GitHub", github_scripts()), ("GitLab", gitlab_scripts())):
        for make, gate, wanted, said in (
                ([0], [0], True, "PASS"), ([0], [1], False, "REGRESSION"), ([0], [2, 0], True, "PASS"), ([0], [2, 1], False, "REGRESSION"),
                ([0], [2, 2], False, "INVALID"), ([2], [0], False, "PASS")):
            green, calls, summary = run_job(scripts, make, gate)
            if green != wanted or calls != ["make exact"] + ["gate abc"] * len(gate) or "### time: " + said not in summary or "### counts: " not in summary:
                problems.append("%s, make %s, gate %s: green %s, %s\n%s" % (name, make, gate, green, calls, summary))
    return "\n".join(problems)


def what_they_call_is_there():
    problems = []
    with open("Makefile", encoding="utf-8") as file:
        makefile = file.read()
    for path in (GITHUB, GITLAB):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        problems += ["%s: no %s" % (path, name) for name in re.findall(r"\btools/[a-z-]+", text) if not os.access(name, os.X_OK)]
        problems += ["%s: no target %s" % (path, name) for name in re.findall(r"\bmake (\w+)", text) if "\n%s:" % name not in makefile]
        if "./cart setup check" not in text:
            problems.append("%s: installs nothing" % path)
    job = load(GITHUB)
    if sorted(job[True]) != ["merge_group", "pull_request"] or job["permissions"] != {"contents": "read"}:  # YAML takes "on" for true
        problems.append("GitHub: runs on %s with %s" % (job[True], job["permissions"]))
    if not all(event in job["jobs"]["gates"]["env"]["BASE"] for event in ("pull_request.base.sha", "merge_group.base_sha")):
        problems.append("GitHub: an event without a base")
    return "\n".join(problems)


def shellcheck_has_nothing_to_say_of_their_scripts():
    if not shutil.which("shellcheck"):
        raise Skip("the scripts of the examples were not checked: shellcheck is not installed")
    gitlab = load(GITLAB)["gates"]
    scripts = [(GITHUB, "bash", step["run"]) for step in load(GITHUB)["jobs"]["gates"]["steps"] if "run" in step]
    scripts += [(GITLAB, "bash", "\n".join(gitlab[part])) for part in ("before_script", "script", "after_script")]
    problems = [] if len(scripts) == 8 else ["%d scripts" % len(scripts)]
    for path, shell, script in scripts:
        done = subprocess.run(["shellcheck", "--shell", shell, "-"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            problems.append("%s:\n%s%s" % (path, script, done.stdout))
    return "\n".join(problems)


def a_summary_says_what_did_not_run():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("odd.log", "no conclusion\n"), ("good.log", "```\nmore\ngate: PASS: no count grew\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run(["tools/gate-summary", *(os.path.join(folder, name) for name in ("none.log", "odd.log", "good.log"))],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    wanted = ["### none: INVALID: the gate did not run\n", "### odd: INVALID: the gate came to no conclusion\n", "### good: PASS: no count grew\n",
              "````text\n```\nmore\n"]
    return "" if done.returncode == 0 and all(text in done.stdout for text in wanted) else done.stdout


if __name__ == "__main__":
    main_of([the_steps_end_as_the_gates_say, what_they_call_is_there, shellcheck_has_nothing_to_say_of_their_scripts, a_summary_says_what_did_not_run])
