#!/usr/bin/python3
"""500 merges, and cartd is killed within each: at any call, before or after the server has done it, in both layouts and id types.

Some are repeated at once, some after an hour of cartd's clock, some were looked at before, by a get, a batch or a list.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from merges import CALLS, LOOKS, Rig, dies_after, dies_before, kill, random_pair, seeded  # noqa: E402
from private_dynalite import server  # noqa: E402

KILLS, ROUND = 500, 25


def kill_a_round(rig, choice):
    kept = []
    for _ in range(ROUND):
        pair = random_pair(rig, choice)
        key = (("Idempotency-Key", "k%016x" % choice.getrandbits(64)),) if choice.random() < 0.5 else ()
        # It is killed again while what it left is finished.
        for _ in range(choice.choice((1, 1, 1, 2, 3))):
            kill(rig, pair, choice.randint(1, CALLS), choice.choice((dies_before, dies_after)), key, may_be_less=True)
        choice.choice(LOOKS)(pair)
        if choice.random() < 0.5:
            pair.check_end()
        kept.append(pair)
    rig.an_hour_later(lambda: [pair.check_end() for pair in kept])


def five_hundred_merges_are_killed_and_none_is_lost_doubled_or_stuck():
    choice = seeded()
    with server() as database, tempfile.TemporaryDirectory() as folder:
        for layout in ("map", "list"):
            for id_type in ("integer", "string"):
                with Rig(folder, database, layout, id_type) as rig:
                    for _ in range(KILLS // ROUND // 4):
                        kill_a_round(rig, choice)


if __name__ == "__main__":
    tap.main_of([five_hundred_merges_are_killed_and_none_is_lost_doubled_or_stuck])
