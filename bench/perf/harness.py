"""The frame of a benchmark: its arguments, its measurements one after another, its results and exit status.

    bench/perf/run-... [--quick] [--only NAME,...] [--build DIR] [--out DIR] [--docs FILE]

Writes OUT/results.json and OUT/results.md (the table of docs/performance.md). The exit status is 0 even where a target is missed; it is
2 when something could not be measured.
"""

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time

import report
from beside import end_by_signals, forget_settings
from servers import Bench, Failure

PROGRAM = "bench/perf/" + os.path.basename(sys.argv[0])


def begin(forget=True):
    end_by_signals()
    if forget:
        forget_settings()


def parse(text, measurements, *options):
    """options: (name, words for argparse) beside --build and --only. text: the program's own, of which the first sentence is shown."""
    example = f" --only {next(iter(measurements))}" if measurements else ""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=text.partition("\n\n")[0], epilog=f"example: {PROGRAM}{example}")
    if measurements:
        parser.add_argument("--only", metavar="NAME,...", help="of " + ", ".join(measurements))
    parser.add_argument("--build", default="build/release", help="where the programs are (default: %(default)s)")
    for name, words in options:
        parser.add_argument(name, **words)
    parsed = parser.parse_args()
    if measurements:
        parsed.only = parsed.only.split(",") if parsed.only else list(measurements)
        for name in parsed.only:
            if name not in measurements:
                parser.error(f"no such measurement: {name}; there are {', '.join(measurements)}")
    return parsed


def check_programs(bench, programs):
    for program in programs:
        if not os.path.exists(bench.program(program)):
            raise Failure(f"{bench.program(program)} is missing: make bench builds it")


def prepare(options, programs):
    if shutil.which("wrk") is None:
        raise Failure("wrk is missing: apt-get install wrk")
    if (os.cpu_count() or 1) < 2:
        raise Failure("two cores are needed, one for the server and one for the load")
    os.makedirs(options.out, exist_ok=True)
    bench = Bench(options.build, os.path.abspath(options.out), 1.0 if options.quick else 2.0, 2 if options.quick else 6)
    bench.quick = options.quick
    check_programs(bench, programs)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 8192), limit))
    return bench


def measure(bench, names, measurements, results):
    """Runs the measurements. Returns a line for each that failed."""
    failures = []
    for name in names:
        print(name, flush=True)
        began = time.monotonic()
        try:
            measurements[name](bench, results)
        except (Failure, OSError, subprocess.SubprocessError) as e:
            failures.append(f"{name}: {e}")
            print(f"{PROGRAM}: {name}: {e}", file=sys.stderr, flush=True)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    return failures


@contextlib.contextmanager
def alone(_):
    yield {}


def run(text, measurements, programs, out, marker, around=alone):
    """The exit status. around(bench), a context, is what all measurements need; it yields what to add to the description."""
    begin()
    options = parse(
        text, measurements,
        ("--quick", {"action": "store_true", "help": "shorter slices, fewer rounds: about a minute, and less sure"}),
        ("--out", {"default": out, "help": "for results and databases (default: %(default)s)"}),
        ("--docs", {"metavar": "FILE", "help": "puts the table between its results markers too"}))
    results = report.Results()
    try:
        bench = prepare(options, programs)
        about = report.describe(bench, [PROGRAM, *sys.argv[1:]])
        if about["load_average_before"] > 0.5:
            print(f"the machine is busy (load {about['load_average_before']:.1f}): what follows is disturbed")
        with around(bench) as more:
            about.update(more)
            failures = measure(bench, options.only, measurements, results)
        report.write(bench, about, results, failures)
        if options.docs and not failures:
            report.put_into_docs(options.docs, marker, report.markdown(about, results))
    except (Failure, OSError) as e:
        print(f"{PROGRAM}: {e}", file=sys.stderr)
        return 2
    return 2 if failures else 0
