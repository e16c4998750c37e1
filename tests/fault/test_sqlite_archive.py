#!/usr/bin/python3
"""cartctl archive and restore on SQLite: what is archived, what comes back, and what is true wherever a run is killed. Killed 50 times at
random, and in every call, in chaos_sqlite_archive.py."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from archives import Scene, SqliteStore, count_by_duckdb, kill_at_random, kill_at_steps  # noqa: E402
from cartd import CARTCTL, Cartd, cartctl, environment  # noqa: E402

KILLS, STEPS = 5, 6
JSON = (("Content-Type", "application/json"),)


def in_folder(test):
    def run():
        with tempfile.TemporaryDirectory() as folder:
            return test(folder)
    run.__name__ = test.__name__
    return run


@in_folder
def carts_that_were_checked_out_before_are_moved_and_no_others(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(300)
    said = scene.run("--batch", "100")
    scene.check_complete()
    assert said.startswith("300 carts archived in "), said
    assert len(scene.archive.files()) >= 3
    assert scene.run().startswith("0 carts archived in 0 files"), "a second run finds something"
    count_by_duckdb(scene)


@in_folder
def carts_come_back_as_they_were_and_none_is_overwritten(folder):
    store = SqliteStore(folder)
    scene = Scene(store)
    scene.fill(40)
    table = "SELECT id, customer_id, state, version, created_ms, updated_ms, idle_ms, expires_ms, order_id, merged_into, items FROM carts"
    before = sorted(store.connect().execute(table))
    scene.run()
    key = sorted(scene.old)[0]
    assert scene.restore("--id", key).startswith("1 carts restored, 0 were there")
    assert scene.restore("--id", key).startswith("0 carts restored, 1 were there")
    store.touch(key, 0)
    assert scene.restore().startswith("39 carts restored, 1 were there")
    after = sorted(store.connect().execute(table))
    changed = [old for old, new in zip(before, after) if old != new]
    assert len(before) == len(after) and [row[0].hex() for row in changed] == [key.replace("-", "")], changed
    scene.restore("--id", "00000000-0000-4000-8000-000000000001", want=1)


@in_folder
def what_was_restored_is_archived_again_and_once(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(40)
    scene.run()
    files = scene.archive.files()
    scene.restore()
    scene.check_stopped()
    scene.run()
    scene.check_complete()
    assert scene.archive.files() == files, "the same carts are in other files"
    changed = sorted(scene.old)[:3]
    for key in changed:
        scene.restore("--id", key)
        scene.reopen(key)
    said = scene.run()
    assert said == "0 carts archived in 0 files\n3 changed meanwhile and stay in the store\n", said
    scene.check_complete()
    scene.store.touch(changed[0], 1)
    scene.old[changed[0]] = scene.rest.pop(changed[0])
    scene.run()
    scene.check_complete()


@in_folder
def killed_in_a_call_that_changes_the_disk_the_next_run_ends_it(folder):
    kill_at_steps(SqliteStore(folder), STEPS)


@in_folder
def killed_while_carts_go_out_of_their_files_the_next_run_ends_it(folder):
    kill_at_steps(SqliteStore(folder), STEPS, changes=True)


@in_folder
def killed_at_random_nothing_is_lost_or_doubled(folder):
    kill_at_random(SqliteStore(folder), KILLS, carts=600)


@in_folder
def two_at_a_time_are_refused(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(5)
    scene.run()
    with subprocess.Popen(["flock", os.path.join(scene.archive.path, "_lock"), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdin.write(b"x")
        other.stdin.flush()
        other.stdout.read(1)
        status, said = cartctl(folder, scene.store.settings, "archive", "--older-than", "90d", "--to", scene.archive.path)
        other.stdin.close()
    assert status == 1 and "is in use by another cartctl" in said, said


@in_folder
def a_file_that_was_changed_by_hand_removes_nothing(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(20)
    scene.run()
    scene.restore()
    path = scene.archive.files()[0]
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 9)
    status, said = cartctl(folder, scene.store.settings, "archive", "--older-than", "90d", "--to", scene.archive.path)
    assert status == 1 and "is damaged" in said, said
    hot = scene.store.rows()
    assert len(hot) >= 20, "carts of a damaged file were removed"


@in_folder
def nothing_comes_back_of_a_file_that_cannot_be_marked(folder):
    """A cart that is in the store and in a file without a mark would be there twice, also after the next run."""
    scene = Scene(SqliteStore(folder))
    scene.fill(5)
    scene.run()
    marks = os.path.join(scene.archive.path, "_open")
    os.rmdir(marks)
    with open(marks, "wb"):
        pass
    said = scene.restore(want=1)
    assert said.startswith("0 carts restored, 0 were there\n") and "_open/" in said, said
    scene.check_complete()


@in_folder
def files_of_somebody_else_are_passed_over(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(5)
    scene.run()
    for name in ("dt=1999-01-01", "dt=notes.txt", "_open/notes", os.path.join(os.path.dirname(scene.archive.files()[0]), "notes.jsonl.gz")):
        with open(os.path.join(scene.archive.path, name), "wb"):
            pass
    said = scene.restore()
    assert said.startswith("5 carts restored, 0 were there"), said


@in_folder
def a_service_goes_on_meanwhile(folder):
    """Carts that are made, checked out and opened again over HTTP while old ones are archived."""
    scene = Scene(SqliteStore(folder))
    scene.fill(400)
    with Cartd(folder, scene.store.settings) as cartd:
        client = cartd.client()
        process = scene.start("--batch", "50")
        made = 0
        while process.poll() is None or made < 5:
            answer = client.ask("POST", "/shopping-carts", JSON, b'{"customer_id": 7, "items": [{"product_id": 1, "quantity": 2}]}')
            assert answer.status == 201, answer
            key = answer.json()["shopping_cart_id"]
            scene.rest[key] = 2
            made += 1
        assert process.wait() == 0, process.stdout.read()
    scene.check_complete()


@in_folder
def what_it_is_told_wrong_is_named(folder):
    store = SqliteStore(folder)
    for words, part in (((), "needs --older-than and --to"), (("--older-than", "x", "--to", "a"), '"x" is neither a duration'),
                        (("--older-than", "90d", "--to", "a", "--batch", "0"), "--batch"),
                        (("--older-than", "90d", "--to", "/proc/none/a"), "cannot make /proc/none/a")):
        status, said = cartctl(folder, store.settings, "archive", *words)
        assert status in (1, 2) and part in said and said.count("\n") == 1, said
    for words, part in (((), "needs --from"), (("--from", "a", "--id", "7"), "is not a UUID"), (("--from", "none"), "cannot open none"),
                        (("--from", "a", "--dt", "yesterday"), "is not a day")):
        status, said = cartctl(folder, store.settings, "restore", *words)
        assert status in (1, 2) and part in said and said.count("\n") == 1, said
    said = subprocess.run([CARTCTL, "--backend", "memory", "archive", "--older-than", "1d", "--to", "a"], cwd=folder, env=environment(),
                          stderr=subprocess.PIPE, check=False).stderr.decode()
    assert "keeps carts in the memory of cartd" in said, said


if __name__ == "__main__":
    tap.main_of([carts_that_were_checked_out_before_are_moved_and_no_others, carts_come_back_as_they_were_and_none_is_overwritten,
                 what_was_restored_is_archived_again_and_once, killed_in_a_call_that_changes_the_disk_the_next_run_ends_it,
                 killed_while_carts_go_out_of_their_files_the_next_run_ends_it, killed_at_random_nothing_is_lost_or_doubled,
                 two_at_a_time_are_refused, a_file_that_was_changed_by_hand_removes_nothing,
                 nothing_comes_back_of_a_file_that_cannot_be_marked, files_of_somebody_else_are_passed_over, a_service_goes_on_meanwhile,
                 what_it_is_told_wrong_is_named])
