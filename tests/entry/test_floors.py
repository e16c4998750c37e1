#!/usr/bin/python3
"""The bare servers that our benchmarks compare with: cartd works on the stub in place of DynamoDB, and bare evhttp answers what it is given."""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "pylib"), os.path.join(ROOT, "bench", "perf")]
import patience  # noqa: E402
from servers import Bench, Client, Server, free_port  # noqa: E402
from dynamodb_servers import Stub  # noqa: E402 (servers knows where tools/ is)
from tap import main  # noqa: E402

BUILD = os.path.join(ROOT, "build", "release")
BUILD_S = 240
FLOORS = [f"build/release/bench/perf/floor/{name}" for name in ("dynamodb_stub_floor", "evhttp_floor")]
ANSWERS = {
    "get": b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: "3"\r\nContent-Length: 2\r\n\r\n{}',
    "add": b'HTTP/1.1 204 No Content\r\nETag: "4"\r\n\r\n',
}


def cartd_works_on_the_stub(bench):
    """Its table is the one that cartd makes, its items are such as cartd reads: all that run-dynamodb measures on it."""
    with Stub(bench) as stub:
        with bench.cartd("backend=dynamodb", *stub.settings, cores=None) as cartd, Client(cartd.port) as client:
            cart = client.create(products=(1, 2))
            lines = client.ask("GET", cart).count(b'"product_id"')
        counted = stub.counted()
    if lines != 5:
        return f"the cart has {lines} lines, and the stub's five"
    wanted = {"PutItem": 1, "UpdateItem": 1, "other": 0}
    wrong = [f"{name}: {counted[name]}" for name, least in wanted.items() if counted[name] < least]
    if counted["GetItem"] + counted["BatchGetItem"] < 1 or counted["connections"] < 1:
        wrong.append(str(counted))
    return "\n".join(wrong)


def bare_evhttp_answers_what_it_is_given(bench):
    for name, answer in ANSWERS.items():
        with open(bench.path(name), "wb") as file:
            file.write(answer)
    port = free_port()
    argv = [bench.program("bench/perf/floor/evhttp_floor"), str(port), *map(bench.path, ANSWERS)]
    with Server(argv, bench.path("evhttp.log"), cores=None) as server:
        server.await_answer(port, "/")
        with Client(port) as client:
            got = client.answer("GET", "/x"), client.answer("POST", "/x", {"any": "body"})
    wrong = []
    for (name, answer), found in zip(ANSWERS.items(), got):
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = found.partition(b"\r\n\r\n")[0].split(b"\r\n")
        wrong += [f"{name}: {line} is not in {found}" for line in head.split(b"\r\n") if line not in lines]
        if not found.endswith(b"\r\n\r\n" + body):
            wrong.append(f"{name}: another body: {found}")
    return "\n".join(wrong)


def run_all(tap):
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    built = subprocess.run(["make", "-s", *FLOORS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=patience.at_most(BUILD_S),
                           check=False)
    tap.check("the floors are built", "" if built.returncode == 0 else built.stdout)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(BUILD, folder, 1.0, 1)
        for test in (cartd_works_on_the_stub, bare_evhttp_answers_what_it_is_given):
            tap.run(test.__name__.replace("_", " "), test, bench)


if __name__ == "__main__":
    main(run_all)
