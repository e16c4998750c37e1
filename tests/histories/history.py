"""What the clients of a load asked for and heard, as the judge reads it, and the judge's verdict.

The judge is tests/histories/judge, a program in Go: the search for an order is Porcupine's, which this project has not written.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "fault")]
from cartd import ROOT  # noqa: E402 (where it is is known only now)
from ledger import ACKNOWLEDGED, REFUSED, end_of_source, lines_of, resolved  # noqa: E402
from tap import Skip  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
JUDGE = os.path.join(ROOT, "build", "judge", "judge")
BUILD_S, JUDGE_S = 300, 1200


def judge_program():
    """Builds it; its path. Skips the test where it cannot be built."""
    go = shutil.which("go")
    if not go:
        raise Skip("whether histories are linearizable was not tested: there is no Go (Debian: golang-go) to build the judge with")
    os.makedirs(os.path.dirname(JUDGE), exist_ok=True)
    done = subprocess.run([go, "build", "-o", JUDGE, "."], cwd=os.path.join(HERE, "judge"), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=BUILD_S, check=False, env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"})
    if done.returncode != 0:
        raise Skip("whether histories are linearizable was not tested: go could not build the judge: %s" % done.stderr.strip()[-500:])
    return JUDGE


def nanoseconds(seconds):
    return int(seconds * 1e9)


def operation(client, kind, cart, began, ended, outcome, **rest):
    return {"cart": cart, "client": client, "call": nanoseconds(began), "return": nanoseconds(ended) if ended else 0, "do": kind,
            "outcome": outcome, **rest}


def of_change(client, change):
    lines = {str(product): quantity for product, quantity in change.lines.items()}
    done = change.outcome == ACKNOWLEDGED
    return operation(client, change.kind, change.cart, change.began, change.ended if done else None, "done" if done else "unknown",
                     lines=lines, version=change.version or 0)


def sides(change, stored, read_at):
    """A change; of a merge what it is for both carts."""
    change = resolved(change, stored)
    if change.kind != "merge" or change.outcome == REFUSED:
        return [change]
    change.ended = change.ended or read_at
    return [change, end_of_source(change)]


def of_json(cart):
    return {"lines": {str(product): quantity for product, quantity in lines_of(cart).items()}, "version": cart["version"],
            "closed": cart["status"] != "open"}


def of_observation(client, kind, cart, began, ended, outcome, json_seen=None):
    return operation(client, kind, cart, began, ended, outcome, **(of_json(json_seen) if json_seen else {}))


def of_load(load, stored, read_at):
    """Every operation of a load that has been settled; stored: {cart: JSON or None}, as it was read after the end, at a moment."""
    operations = [of_change(client.number, side) for client in load.clients for change in client.changes if change.cart is not None
                  for side in sides(change, stored, read_at) if side.outcome != REFUSED]
    operations += [of_observation(*what) for what in load.observations]
    operations += [of_observation(len(load.clients), "read", cart, read_at, read_at, "done" if seen else "missing", seen)
                   for cart, seen in stored.items()]
    return operations


def verdict(operations, pictures=None):
    """What is wrong, one line each, and the judge's counts. Skips the test where there is no judge."""
    words = [judge_program()] + (["-pictures", pictures] if pictures else [])
    with tempfile.TemporaryFile() as history:
        for one in operations:
            history.write(json.dumps(one).encode() + b"\n")
        history.seek(0)
        done = subprocess.run(words, stdin=history, capture_output=True, text=True, timeout=JUDGE_S, check=False)
    assert done.returncode in (0, 1, 2), "the judge ended with %d: %s" % (done.returncode, done.stderr)
    *wrong, counts = done.stdout.splitlines()
    return wrong, json.loads(counts)


def text_of(operations, complaint):
    """The operations of the cart that a complaint of the judge names, for people: milliseconds, who, what, what was heard."""
    of_cart = sorted((one for one in operations if one["cart"] in complaint), key=lambda one: one["call"])
    began = of_cart[0]["call"]
    return "\n".join([complaint] + ["%.1f-%s client %d: %s %s: %s, version %s" % (
        (one["call"] - began) / 1e6, "%.1f" % ((one["return"] - began) / 1e6) if one["return"] else "?", one["client"], one["do"],
        one.get("lines", ""), one["outcome"], one.get("version", "")) for one in of_cart])
