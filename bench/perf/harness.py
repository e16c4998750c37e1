"""The frame of a benchmark: its arguments, its measurements one after another, its results and exit status."""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time

import report
from servers import Bench, Failure


def parse(program, description, measurements, out, arguments):
    name = next(iter(measurements))
    parser = argparse.ArgumentParser(prog=program, description=description, epilog=f"example: {program} --quick --only {name}")
    parser.add_argument("--quick", action="store_true", help="shorter slices, fewer rounds: about a minute, and less sure")
    parser.add_argument("--only", metavar="NAME,...", help="of " + ", ".join(measurements))
    parser.add_argument("--build", default="build/release", help="where the programs are (default: %(default)s)")
    parser.add_argument("--out", default=out, help="for results and databases (default: %(default)s)")
    parser.add_argument("--docs", metavar="FILE", help="puts the table between its results markers too")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",") if options.only else list(measurements)
    unknown = [name for name in options.only if name not in measurements]
    if unknown:
        parser.error(f"no such measurement: {unknown[0]}; there are {', '.join(measurements)}")
    return options


def check_machine(options, programs):
    if shutil.which("wrk") is None:
        raise Failure("wrk is missing: apt-get install wrk")
    if (os.cpu_count() or 1) < 2:
        raise Failure("two cores are needed, one for the server and one for the load")
    for program in programs:
        if not os.path.exists(os.path.join(options.build, program)):
            raise Failure(f"{options.build}/{program} is missing: make bench builds it")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 8192), limit))


def prepare(options, programs):
    check_machine(options, programs)
    os.makedirs(options.out, exist_ok=True)
    bench = Bench(options.build, os.path.abspath(options.out), 1.0 if options.quick else 2.0, 2 if options.quick else 6)
    bench.quick = options.quick
    return bench


def measure(program, bench, names, measurements, results):
    """What could not be measured, as lines."""
    failures = []
    for name in names:
        print(name, flush=True)
        began = time.monotonic()
        try:
            measurements[name](bench, results)
        except (Failure, OSError, subprocess.SubprocessError) as e:
            failures.append(f"{name}: {e}")
            print(f"{program}: {name}: {e}", file=sys.stderr, flush=True)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    return failures


def run(program, description, measurements, programs, arguments, out, marker, around=None):
    """The exit status. around(bench), a context, is what all measurements need; it yields what to add to the description."""
    options = parse(program, description, measurements, out, arguments)
    results = report.Results()
    try:
        bench = prepare(options, programs)
        about = report.describe(bench, [program, *arguments])
        if about["load_average_before"] > 0.5:
            print(f"the machine is busy (load {about['load_average_before']:.1f}): what follows is disturbed")
        if around is None:
            failures = measure(program, bench, options.only, measurements, results)
        else:
            with around(bench) as more:
                about.update(more)
                failures = measure(program, bench, options.only, measurements, results)
        report.write(bench, about, results, failures)
        if options.docs and not failures:
            report.put_into_docs(options.docs, marker, report.markdown(about, results))
    except (Failure, OSError) as e:
        print(f"{program}: {e}", file=sys.stderr)
        return 2
    return 2 if failures else 0
