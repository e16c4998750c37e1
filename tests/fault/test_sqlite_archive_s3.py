#!/usr/bin/python3
"""cartctl archive and restore with a bucket: what the tests of a folder promise, faults of the network and of S3, and what a person is told.
Killed 50 times at random in chaos_sqlite_archive.py."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import s3  # noqa: E402
import tap  # noqa: E402
from archives import count_by_duckdb, kill_at_random, what_was_deleted_stays_deleted  # noqa: E402
from archives_s3 import BUCKET, PREFIX, happens, scene_of  # noqa: E402
from cartd import ROOT, cartctl  # noqa: E402
from s3_stub import Refused, Stub  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "tools", "databases"))
import fetched  # noqa: E402
import s3_local  # noqa: E402

KILLS = 3
LEASE_S = 1.0
LONG = "5s"  # where two live at once: nobody is taken for dead because the machine is busy
FILE, MARK, LOCK = "/dt=", "/_open/", "/_lock"


def on_stub(test, **options):
    """The test gets a scene and the server."""
    def run():
        with tempfile.TemporaryDirectory() as folder, Stub(BUCKET, **options) as stub:
            test(scene_of(folder, s3.Bucket(stub.port, BUCKET, region=stub.region)), stub)
    run.__name__ = test.__name__
    return run


def on_versitygw(test):
    """On a server that is not ours."""
    def run():
        if not s3_local.Versitygw.is_here():
            raise tap.Skip("not tested with a server of S3 that is not ours: versitygw is not in build/servers, and takes minutes to compile; "
                           "tests/fault/test_sqlite_archive_s3.py --fetch does it")
        with tempfile.TemporaryDirectory() as folder, s3_local.Versitygw(s3.KEY_ID, s3.SECRET, s3.REGION) as server:
            test(scene_of(folder, s3.Bucket(server.port, BUCKET).make()))
    run.__name__ = test.__name__
    return run


def another_server_has_the_carts_and_gives_them_back(scene):
    scene.fill(100)
    said = scene.run("--batch", "1")
    assert said.startswith("100 carts archived in 100 files"), said
    assert "100 carts restored, 0 were there" in scene.restore()
    scene.reopen(sorted(scene.old)[0])
    scene.run()
    scene.check_complete()


def killed_with_another_server_nothing_is_lost_or_doubled(scene):
    kill_at_random(scene.store, KILLS, carts=600, scene=scene)


def another_server_has_the_same_lock(scene):
    scene.fill(600)
    scene.store.settings["s3.lease"] = LONG
    runs = [scene.start("--batch", "20") for _ in range(2)]
    said = [run.communicate()[0].decode() for run in runs]
    assert 0 in [run.returncode for run in runs], said
    assert all(run.returncode == 0 or "is in use by another" in text for run, text in zip(runs, said)), said
    scene.check_complete()


def another_server_refuses_wrong_keys(scene):
    for name, part in (("AWS_ACCESS_KEY_ID", "No user exists with"), ("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch")):
        kept, os.environ[name] = os.environ[name], "other"
        said = archive(scene, 1)
        os.environ[name] = kept
        assert part in said, said
    status, said = cartctl(scene.store.folder, scene.store.settings, "restore", "--from", "s3://nobody-has-it/x")
    assert status == 1 and "there is no such bucket" in said, said
    said = archive(scene, 1, **{"s3.region": "us-east-1"})
    assert "set s3.region to it" in said, said


def in_folder(test):
    def run():
        with tempfile.TemporaryDirectory() as folder:
            test(folder)
    run.__name__ = test.__name__
    return run


def archive(scene, want=0, **changed):
    status, said = cartctl(scene.store.folder, {**scene.store.settings, **changed}, "archive", "--older-than", "90d", "--to", scene.archive.target)
    assert status == want, said
    return said


def carts_are_moved_and_come_back(scene, stub):
    """A list has pages of 7."""
    stub.page = 7
    scene.fill(100)
    assert scene.run("--batch", "5").startswith("100 carts archived in "), "not all of them"
    scene.check_complete()
    assert len(scene.archive.files()) >= 20
    assert not [key for key in stub.objects if key.endswith("_lock")], "the lock is left"
    count_by_duckdb(scene)
    key = sorted(scene.old)[0]
    assert scene.restore("--id", key).startswith("1 cart"), "it did not come back"
    assert "99 carts restored, 1 w" in scene.restore()
    scene.check_stopped()
    scene.reopen(key)
    scene.run()
    scene.check_complete()


def what_was_deleted_after_a_restore_does_not_come_back(scene, _):
    what_was_deleted_stays_deleted(scene)


def names_of_somebody_else_are_passed_over(scene, stub):
    scene.fill(5)
    scene.run()
    for name in ("dt=1999-01-01", "dt=1999-01-01/", "dt=1999-01-01/x/y.jsonl.gz", "dt=1999-01-01/x<&>.gz", "_open/notes", "notes"):
        stub.objects[scene.archive.key(name)] = b""
    stub.objects[PREFIX + "-other/dt=1999-01-01/x.gz"] = b"x"
    assert scene.restore().startswith("5 carts restored")


def a_bucket_without_a_prefix_is_a_place_too(_, stub):
    with tempfile.TemporaryDirectory() as folder:
        scene = scene_of(folder, s3.Bucket(stub.port, BUCKET), prefix="")
        scene.fill(20)
        scene.run()
        scene.check_complete()


def a_server_is_known_by_its_certificate(folder):
    """In front of the server there are TLS and an authority of its own; and a server that no authority of ours knows."""
    paths = [os.path.join(folder, name) for name in ("cert.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", paths[1], "-out", paths[0]], check=True, stderr=subprocess.DEVNULL)
    with Stub(BUCKET, certificate=paths) as stub:
        scene = scene_of(folder, s3.Bucket(stub.port, BUCKET))
        scene.fill(3)
        scene.store.settings["s3.endpoint"] = "https://127.0.0.1:%d" % stub.port
        said = archive(scene, 1)
        assert "certificate" in said and not stub.asked, said
        archive(scene, **{"s3.tls_ca": paths[0]})
        assert len([key for key in stub.objects if FILE in key]) >= 1 and len(scene.store.rows()) == len(scene.rest), stub.objects


def killed_at_random_nothing_is_lost_or_doubled(scene, _):
    kill_at_random(scene.store, KILLS, carts=600, scene=scene)


def of_two_at_once_one_works(scene, stub):
    """The first one waits for an answer while the second one starts; the third one comes after it was killed."""
    scene.fill(50)
    short, scene.store.settings["s3.lease"] = scene.store.settings["s3.lease"], LONG
    stub.fault("PUT", FILE, "no answer")
    first = scene.start("--batch", "10")
    assert happens(lambda: [ask for ask in stub.asked if ask[1] == "PUT" and FILE in ask[2]]), "the first one writes nothing"
    said = archive(scene, 1)
    assert " is in use by another cartctl on " in said, said
    first.kill()
    first.communicate()
    scene.check_stopped()
    stub.let_go.set()
    scene.store.settings["s3.lease"] = short
    said = scene.run()
    assert "is locked by cartctl on " in said and "50 carts archived" in said, said
    scene.check_complete()


def two_that_start_together_move_each_cart_once(scene, _):
    scene.fill(600)
    scene.store.settings["s3.lease"] = LONG
    runs = [scene.start("--batch", "50") for _ in range(2)]
    said = [run.communicate()[0].decode() for run in runs]
    assert 0 in [run.returncode for run in runs], said
    assert all(run.returncode == 0 or "is in use by another" in text for run, text in zip(runs, said)), said
    scene.run()
    scene.check_complete()


def who_has_lost_the_lock_stops(scene, stub):
    """It stood still for longer than the lease, and another one took the lock."""
    scene.fill(50)
    fault = stub.fault("GET", FILE, "no answer")
    first = scene.start("--batch", "10")
    assert happens(lambda: fault.met), "it reads nothing back"
    first.send_signal(signal.SIGSTOP)
    time.sleep(LEASE_S)
    with stub.lock:
        stub.objects[scene.archive.key("_lock")] = b"cartctl on another machine, process 7\n"
    first.send_signal(signal.SIGCONT)
    stub.let_go.set()
    said = first.communicate()[0].decode()
    assert first.returncode == 1 and "is in use by another cartctl on another machine" in said, said
    scene.check_stopped()
    scene.run()
    scene.check_complete()


def of_two_that_have_the_same_file_neither_removes_it(scene, stub):
    """The lock was removed by somebody who had stood still. The second run removes the carts from the store, which the first one no longer
    finds there: they are in the file that both have written."""
    scene.fill(50)
    scene.store.settings["s3.lease"] = LONG
    fault = stub.fault("GET", FILE, "no answer")
    first = scene.start()
    assert happens(lambda: fault.met), "it reads nothing back"
    with stub.lock:
        del stub.objects[scene.archive.key("_lock")]
    scene.run()
    stub.let_go.set()
    said = first.communicate()[0].decode()
    scene.check_stopped()
    assert first.returncode == 1 and "the lock of s3://" in said and "was removed by somebody else" in said, said
    scene.store.settings["s3.lease"] = "1s"
    scene.run()
    scene.check_complete()


def a_lock_of_somebody_else_is_not_removed(scene, stub):
    """The removal of its own is carried out late."""
    scene.fill(3)
    fault = stub.fault("DELETE", LOCK, "no answer")
    run = scene.start()
    assert happens(lambda: fault.met), "it does not remove its lock"
    with stub.lock:
        stub.objects[scene.archive.key("_lock")] = b"cartctl on another machine, process 7\n"
    stub.let_go.set()
    said = run.communicate()[0].decode()
    assert run.returncode == 0, said
    assert scene.archive.key("_lock") in stub.objects, "the lock of another one was removed"


def without_conditions_one_of_two_that_start_together_works(scene, stub):
    """Both found no lock; that of the other one is written later."""
    stub.conditions = False
    scene.fill(10)
    run = scene.start()
    assert happens(lambda: scene.archive.key("_lock") in stub.objects), "it writes no lock"
    with stub.lock:
        stub.objects[scene.archive.key("_lock")] = b"cartctl on another machine, process 7\n"
    said = run.communicate()[0].decode()
    assert run.returncode == 1 and "is in use by another cartctl on another machine" in said, said
    assert not [key for key in stub.objects if FILE in key or MARK in key], "it has written beside another one"


def faults_for_a_moment_are_overcome(scene, stub):
    refusals = [Refused(503, "SlowDown"), Refused(500, "InternalError"), Refused(400, "RequestTimeout"), Refused(400, "ExpiredToken"),
                Refused(409, "OperationAborted"), Refused(502, "")]
    wrong = [("PUT", Refused(400, "BadDigest")), ("GET", "cut in the answer"), ("GET", "another byte"), ("PUT", "cut in the request"),
             ("DELETE", "done without an answer"), ("PUT", "done without an answer"), ("PUT", "done and silent"), ("GET", "no answer")]
    for what in scene.choice.sample(refusals, 3):
        wrong.append((scene.choice.choice(("PUT", "GET", "DELETE")), what))
    for method, what in wrong:
        scene.fill(6, young=0, still_open=0)
        place = scene.choice.choice((FILE, MARK, LOCK)) if method == "PUT" else MARK if method == "DELETE" else FILE
        fault = stub.fault(method, place, what, times=1)
        archive(scene, **{"s3.timeout": "1s"})
        assert fault.met == 1, "%s %s was never met" % (method, place)
        scene.check_complete()


def a_file_is_removed_when_no_put_can_come_late_any_more(scene, stub):
    """The put of a file gets no answer, is made again, and the file is replaced, because a cart of it was opened again."""
    scene.fill(6, young=0, still_open=0)
    scene.run()
    file = max((scene.archive.read(path) for path in scene.archive.files()), key=len)
    scene.restore()
    scene.reopen(file[0]["id"])
    at = len(stub.asked)
    stub.fault("PUT", FILE, "done without an answer")
    scene.run()
    scene.check_complete()
    puts = [when for when, method, path in stub.asked[at:] if method == "PUT" and FILE in path]
    removals = [when for when, method, path in stub.asked[at:] if method == "DELETE" and FILE in path]
    assert len(puts) >= 2 and removals, (puts, removals)
    assert removals[0] - puts[0] >= LEASE_S, "removed %.3f s after a put without an answer" % (removals[0] - puts[0])


def a_server_without_conditions_is_named(scene, stub):
    for stub.conditions in (False, None):
        scene.fill(20)
        said = scene.run()
        assert "does not know conditional writes" in said, said
        scene.check_complete()
    stub.objects[scene.archive.key("_lock")] = b"cartctl on another machine, process 7\n"
    end = threading.Event()

    def beat():
        for number in range(10000):
            stub.objects[scene.archive.key("_lock")] = b"cartctl on another machine, process 7\n%d\n" % number
            if end.wait(0.02):
                return
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        said = archive(scene, 1)
    finally:
        end.set()
        thread.join()
    assert "is in use by another cartctl on another machine" in said, said


def the_clock_of_this_machine_may_be_wrong(scene, stub):
    stub.skew_s = 7200
    scene.fill(20)
    scene.run()
    stub.skew_s = 0
    scene.check_complete()


def nothing_is_removed_where_something_is_denied(scene, stub):
    scene.fill(20)
    before = scene.store.rows()
    for stub.denied, part in (("PUT .*_lock", "s3:PutObject"), ("GET .*_lock", "s3:GetObject"), ("GET $", "s3:ListBucket"),
                              ("PUT .*/_open", "s3:PutObject"), ("PUT .*/dt=", "s3:PutObject"), ("GET .*/dt=", "s3:GetObject")):
        said = archive(scene, 1)
        assert "AccessDenied" in said and part in said and "s3://%s/" % BUCKET in said, said
        assert scene.store.rows() == before, "%s: carts were removed" % stub.denied
    stub.denied = "DELETE .*/_open"
    said = archive(scene, 1)
    assert "s3:DeleteObject" in said, said
    scene.check_stopped()
    stub.denied = ""
    scene.run()
    scene.check_complete()


def a_404_of_somebody_else_is_no_absence(scene, stub):
    """Of a mark whose file is thought not to be there, the mark would go: carts of the store would be in a file that counts."""
    scene.fill(20)
    scene.run()
    scene.restore()
    for refused in (Refused(404, ""), Refused(404, "XAdminUserNotFound")):
        fault = stub.fault("GET", FILE, refused)
        said = archive(scene, 1)
        assert fault.met and "HTTP 404" in said, said
        scene.check_stopped()
    scene.run()
    scene.check_complete()


def a_file_that_came_to_harm_removes_nothing(scene, stub):
    """Its checksum at the server is right, so that reading it back alone shows the harm."""
    scene.fill(20, young=0, still_open=0)
    before = scene.store.rows()

    def harm():
        for key in [key for key in stub.objects if FILE in key]:
            stub.objects[key] = stub.objects[key][:-9]
    fault = stub.fault("GET", FILE, Refused(503, "SlowDown"), times=3)
    run = scene.start()
    assert happens(lambda: fault.met), "it reads nothing back"
    with stub.lock:
        harm()
    said = run.communicate()[0].decode()
    assert run.returncode == 1 and "is damaged" in said, said
    assert scene.store.rows() == before, "carts of a damaged file were removed"


def a_person_is_told_what_is_wrong(scene, stub):
    scene.fill(3)
    for where, part in (("s3://", "a bucket's name has"), ("s3://No_Bucket/x", "a bucket's name has"), ("s3://ab", "a bucket's name has"),
                        ("s3://carts/a/../b", "may not have . or .."), ("s3://carts/a\x01b", "control character"),
                        ("s3://carts/" + "x" * 900, "longer than"), ("http://carts/x", "neither a folder nor s3://"),
                        ("s3://nobody-has-it/x", "NoSuchBucket (HTTP 404): there is no such bucket")):
        status, said = cartctl(scene.store.folder, scene.store.settings, "archive", "--older-than", "90d", "--to", where)
        assert status in (1, 2) and part in said and said.count("\n") <= 2, said
    assert "nobody-has-it" in said, said
    said = archive(scene, 1, **{"s3.region": "us-east-1"})
    assert "the bucket is in the region eu-central-1: set s3.region to it" in said, said
    stub.fault("GET", LOCK, Refused(301, "PermanentRedirect", headers={"x-amz-bucket-region": "ap-south-1"}))
    said = archive(scene, 1)
    assert "the bucket is in the region ap-south-1: set s3.region to it" in said, said
    for name, value, part in (("AWS_ACCESS_KEY_ID", "AKIDOTHER", "InvalidAccessKeyId"), ("AWS_SECRET_ACCESS_KEY", "other", "SignatureDoesNotMatch")):
        kept, os.environ[name] = os.environ[name], value
        said = archive(scene, 1)
        os.environ[name] = kept
        assert part in said and "the credentials are wrong" in said and kept not in said, said
    said = archive(scene, 1, **{"s3.endpoint": "http://127.0.0.1:9/x"})
    assert "s3.endpoint" in said and "more than a host and a port" in said, said
    assert not stub.objects, "something was written"


if __name__ == "__main__":
    if sys.argv[1:] == ["--fetch"]:
        sys.exit(0 if fetched.go(s3_local.Versitygw.MODULE, s3_local.Versitygw.VERSION, "cmd/versitygw") else 1)
    tap.main_of([on_stub(test) for test in (
        carts_are_moved_and_come_back, what_was_deleted_after_a_restore_does_not_come_back, names_of_somebody_else_are_passed_over, a_bucket_without_a_prefix_is_a_place_too,
        killed_at_random_nothing_is_lost_or_doubled, of_two_at_once_one_works, two_that_start_together_move_each_cart_once,
        who_has_lost_the_lock_stops, of_two_that_have_the_same_file_neither_removes_it, a_lock_of_somebody_else_is_not_removed,
        without_conditions_one_of_two_that_start_together_works, faults_for_a_moment_are_overcome, a_file_is_removed_when_no_put_can_come_late_any_more,
        a_server_without_conditions_is_named, the_clock_of_this_machine_may_be_wrong, nothing_is_removed_where_something_is_denied,
        a_404_of_somebody_else_is_no_absence, a_file_that_came_to_harm_removes_nothing, a_person_is_told_what_is_wrong)]
                + [in_folder(a_server_is_known_by_its_certificate)]
                + [on_versitygw(test) for test in (another_server_has_the_carts_and_gives_them_back, killed_with_another_server_nothing_is_lost_or_doubled, another_server_has_the_same_lock,
                                                   another_server_refuses_wrong_keys)])
