#!/usr/bin/python3
"""cartctl archive and restore on SQLite: what is archived, what comes back, and what is true wherever a run is killed. Killed 50 times at
random, and in every call, in chaos_sqlite_archive.py."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from archives import (Scene, SqliteStore, count_by_duckdb, kill_at_random, kill_at_steps, kill_library, kill_restore_at_steps,  # noqa: E402
                      two_at_once, what_was_deleted_stays_deleted, while_stopped_after)
from cartd import CARTCTL, Cartd, cartctl, environment, words_of  # noqa: E402

KILLS, STEPS, RESTORE_STEPS = 5, 6, 12
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
    status, said = cartctl(folder, scene.store.settings, "archive", "--older-than", "36500d", "--to", scene.archive.path)
    assert (status, said) == (0, "0 carts archived in 0 files\n"), said
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
    assert scene.restore("--id", key).startswith("1 cart restored, 0 were there")
    assert scene.restore("--id", key).startswith("0 carts restored, 1 was there")
    store.touch(key, 0)
    assert scene.restore().startswith("39 carts restored, 1 was there")
    after = sorted(store.connect().execute(table))
    changed = [old for old, new in zip(before, after) if old != new]
    assert len(before) == len(after) and [row[0].hex() for row in changed] == [key.replace("-", "")], changed
    scene.restore("--id", "00000000-0000-4000-8000-000000000001", want=1)


@in_folder
def of_two_archives_one_has_a_cart(folder):
    two_at_once(SqliteStore(folder), range(3, 40, 9))


@in_folder
def who_was_erased_meanwhile_is_in_no_file(folder):
    store = SqliteStore(folder)
    scene = Scene(store)
    scene.fill(30)
    key = sorted(scene.old)[0]

    assert while_stopped_after(scene, 5, lambda: store.erase(key), kill_library(folder))
    scene.old.pop(key)
    scene.check_complete()


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
def what_was_deleted_after_a_restore_does_not_come_back(folder):
    what_was_deleted_stays_deleted(Scene(SqliteStore(folder)))


@in_folder
def what_was_deleted_after_a_restore_comes_back_if_that_is_asked_for(folder):
    """By --again before the next run of archive, and out of _deleted/ after it."""
    scene = Scene(SqliteStore(folder))
    scene.fill(6)
    scene.run()
    first, second = sorted(scene.old)[:2]
    for key in (first, second):
        scene.restore("--id", key)
        scene.store.erase(key)
    assert "1 cart restored, 0 were there\n" in scene.restore("--id", first, "--again")
    assert "1 deleted since they were restored" in scene.run()
    assert set(scene.archive.deleted()) == {second}
    aside, = os.listdir(os.path.join(scene.archive.path, "_deleted"))
    day, name = aside.split(".", 1)
    os.rename(os.path.join(scene.archive.path, "_deleted", aside), os.path.join(scene.archive.path, "dt=" + day, name))
    scene.check_complete()
    assert "1 cart restored, 0 were there\n" in scene.restore("--id", second)
    scene.run()
    scene.check_complete()


@in_folder
def what_was_deleted_after_a_restore_is_given_to_another_store(folder):
    """Whose carts are none of those that the mark speaks of."""
    scene = Scene(SqliteStore(folder))
    scene.fill(6)
    scene.run()
    scene.restore()
    for key in sorted(scene.old):
        scene.store.erase(key)
    assert "6 carts restored, 0 were there\n" in scene.restore("--unmarked")


@in_folder
def a_restore_that_is_killed_and_made_again_counts_as_one(folder):
    kill_restore_at_steps(SqliteStore(folder), RESTORE_STEPS)


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


def cut_off(path):
    """Its bytes after that."""
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 9)
        file.seek(0)
        return file.read()


def bytes_of(paths):
    return [read_bytes(path) for path in paths]


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


@in_folder
def a_damaged_file_with_a_mark_is_set_aside(folder):
    """What is in the store is archived again, in another file; what is not is in the damaged one alone, which is kept."""
    scene = Scene(SqliteStore(folder))
    scene.fill(20)
    scene.run()
    path = scene.archive.files()[0]
    keys = [cart["id"] for cart in scene.archive.read(path)]
    scene.restore("--id", keys[0])
    damaged = cut_off(path)
    status, said = cartctl(folder, scene.store.settings, "archive", "--older-than", "90d", "--to", scene.archive.path)
    assert status == 1 and "is damaged" in said and "moved to _damaged/" in said and "1 cart archived in 1 file\n" in said, said
    assert bytes_of(scene.archive.damaged()) == [damaged]
    for key in keys[1:]:
        scene.old.pop(key)
    scene.check_complete()
    assert scene.run() == "0 carts archived in 0 files\n"


@in_folder
def killed_while_a_damaged_file_is_set_aside_it_is_kept(folder):
    scene = Scene(SqliteStore(folder))
    preload = {"LD_PRELOAD": kill_library(folder), "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
    for at in range(1, 13):
        scene.fill(3, young=0, still_open=0)
        scene.run()
        path = scene.archive.files()[0]
        scene.restore("--dt", os.path.basename(os.path.dirname(path))[3:])
        damaged = cut_off(path)
        process = scene.start(env={**preload, "KILL_AT": str(at)})
        process.communicate()
        assert damaged in bytes_of(scene.archive.files() + scene.archive.damaged()), "killed in call %d the file is gone" % at
        cartctl(folder, scene.store.settings, "archive", "--older-than", "90d", "--to", scene.archive.path)
        scene.check_complete()
        assert damaged in bytes_of(scene.archive.damaged())


@in_folder
def a_damaged_successor_takes_no_place(folder):
    """The file that it was to replace is whole, and settled instead."""
    scene = Scene(SqliteStore(folder))
    scene.fill(4)
    scene.run()
    path = scene.archive.files()[0]
    successor = os.path.join(os.path.dirname(path), "0" * 64 + ".jsonl.gz")
    with open(successor, "wb") as file:
        file.write(read_bytes(path)[:20])
    for mark, content in ((scene.archive.stem(path), ""), (scene.archive.stem(successor), scene.archive.stem(path))):
        with open(os.path.join(scene.archive.path, "_open", mark), "w", encoding="ascii") as file:
            file.write(content)
    status, said = cartctl(folder, scene.store.settings, "archive", "--older-than", "90d", "--to", scene.archive.path)
    assert status == 1 and "moved to _damaged/" in said, said
    scene.check_complete()


@in_folder
def what_was_replaced_does_not_come_back(folder):
    """A run was killed after it had written a file anew without a cart that had changed; then that cart was deleted."""
    scene = Scene(SqliteStore(folder))
    scene.fill(4)
    scene.run()
    path = max(scene.archive.files(), key=lambda path: len(scene.archive.read(path)))
    with gzip.open(path) as file:
        first, *rest = file.read().splitlines(True)
    successor = os.path.join(os.path.dirname(path), hashlib.sha256(b"".join(rest)).hexdigest() + ".jsonl.gz")
    for mark, content in ((scene.archive.stem(path), ""), (scene.archive.stem(successor), scene.archive.stem(path))):
        with open(os.path.join(scene.archive.path, "_open", mark), "w", encoding="ascii") as file:
            file.write(content)
    with gzip.open(successor, "wb") as file:
        file.write(b"".join(rest))
    scene.old.pop(json.loads(first)["id"])
    said = scene.restore("--id", json.loads(first)["id"], want=1)
    assert "no such cart in the archive" in said, said
    assert scene.restore().startswith("3 carts restored, 0 were there")
    scene.run()
    scene.check_complete()


@in_folder
def a_cart_that_cannot_be_removed_is_not_archived_twice(folder):
    """It is in a marked file, and would be in another one too if the run went on."""
    store = SqliteStore(folder)
    scene = Scene(store)
    scene.fill(20)
    scene.run()
    scene.restore()
    key = sorted(scene.old)[0]
    with store.connect() as database:
        database.execute("CREATE TRIGGER refuse BEFORE DELETE ON carts WHEN hex(OLD.id) = '%s' BEGIN SELECT RAISE(ABORT, 'refused'); END" %
                         uuid.UUID(key).hex.upper())
    status, said = cartctl(folder, store.settings, "archive", "--older-than", "90d", "--to", scene.archive.path)
    assert status == 1 and "did not let go of 1 " in said and "(%s: FAILED" % key in said and "0 carts archived" in said, said
    scene.check_stopped()
    with store.connect() as database:
        database.execute("DROP TRIGGER refuse")
    database.close()
    scene.run()
    scene.check_complete()


@in_folder
def a_damaged_line_is_named_and_passed_over_if_that_is_asked_for(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(40)
    scene.run()
    *whole, path = sorted(scene.archive.files(), key=lambda path: len(scene.archive.read(path)))
    cut = whole.pop(0)
    good = sum(len(scene.archive.read(path)) for path in [*whole, path]) - 2
    with gzip.open(path) as file:
        lines = file.read().splitlines(True)
    with gzip.open(path, "wb") as file:
        file.write(b"".join([lines[0], lines[1].replace(b'"version"', b'"ersion"'), *lines[2:-1], lines[-1][:-1]]))
    cut_off(cut)
    name = os.path.relpath(path, scene.archive.path)
    said = scene.restore("--dt", name[3:13], want=1)
    assert "%s: line 2: " % name in said and "--skip-damaged" in said and said.startswith("0 carts restored"), said
    said = scene.restore("--skip-damaged", want=1)
    assert said.count("passed over: ") == 3 and "%s: line 2: its version" % name in said, said
    assert "%s: line %d: it has no end" % (name, len(lines)) in said and "3 damaged files or lines were passed over" in said, said
    assert "\n%d carts restored, 0 were there\n" % good in "\n" + said, said


@in_folder
def several_members_of_gzip_are_one_file(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(20)
    scene.run()
    for path in scene.archive.files():
        with gzip.open(path) as file:
            text = file.read()
        with open(path, "wb") as file:
            file.write(gzip.compress(text[:100]) + gzip.compress(b"") + gzip.compress(text[100:]))
    assert scene.restore().startswith("20 carts restored, 0 were there")
    scene.run()
    scene.check_complete()


def tree(path):
    return sorted((root, tuple(sorted(folders)), tuple(sorted(files))) for root, folders, files in os.walk(path))


@in_folder
def carts_come_back_of_a_folder_that_cannot_be_written(folder):
    scene = Scene(SqliteStore(folder))
    scene.fill(5)
    scene.run()
    path = scene.archive.path
    os.remove(os.path.join(path, "_lock"))
    for name in ("_tmp", "_open"):
        os.rmdir(os.path.join(path, name))
    before = tree(path)
    os.chmod(path, 0o555)
    # root could write all the same; where it can be taken from it, that right is.
    words = ["setpriv", "--inh-caps", "-dac_override", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    if words and subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        say("not tested: that a folder that cannot be written is read; setpriv cannot take that right from root here")
        words = []
    done = subprocess.run([*words, CARTCTL, *words_of(scene.store.settings), "restore", "--from", path, "--unmarked"], cwd=folder,
                          env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    os.chmod(path, 0o755)
    assert done.returncode == 0 and done.stdout == b"5 carts restored, 0 were there\n", done
    assert tree(path) == before, "restore has written to the folder"


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
    scene = Scene(store)
    scene.fill(1)
    scene.run()
    assert "there is no file of a day in %s" % folder in cartctl(folder, store.settings, "restore", "--from", folder)[1]
    assert "there is no file of the day 1999-01-01 in " in scene.restore("--dt", "1999-01-01", want=1)
    said = subprocess.run([CARTCTL, "--backend", "memory", "archive", "--older-than", "1d", "--to", "a"], cwd=folder, env=environment(),
                          stderr=subprocess.PIPE, check=False).stderr.decode()
    assert "keeps carts in the memory of cartd" in said, said


if __name__ == "__main__":
    tap.main_of([carts_that_were_checked_out_before_are_moved_and_no_others, carts_come_back_as_they_were_and_none_is_overwritten,
                 of_two_archives_one_has_a_cart, who_was_erased_meanwhile_is_in_no_file,
                 what_was_restored_is_archived_again_and_once, what_was_deleted_after_a_restore_does_not_come_back,
                 what_was_deleted_after_a_restore_comes_back_if_that_is_asked_for, what_was_deleted_after_a_restore_is_given_to_another_store,
                 a_restore_that_is_killed_and_made_again_counts_as_one, killed_in_a_call_that_changes_the_disk_the_next_run_ends_it,
                 killed_while_carts_go_out_of_their_files_the_next_run_ends_it, killed_at_random_nothing_is_lost_or_doubled,
                 two_at_a_time_are_refused, a_damaged_file_with_a_mark_is_set_aside,
                 killed_while_a_damaged_file_is_set_aside_it_is_kept, a_damaged_successor_takes_no_place,
                 what_was_replaced_does_not_come_back, a_cart_that_cannot_be_removed_is_not_archived_twice,
                 a_damaged_line_is_named_and_passed_over_if_that_is_asked_for, several_members_of_gzip_are_one_file,
                 carts_come_back_of_a_folder_that_cannot_be_written,
                 nothing_comes_back_of_a_file_that_cannot_be_marked, files_of_somebody_else_are_passed_over, a_service_goes_on_meanwhile,
                 what_it_is_told_wrong_is_named])
