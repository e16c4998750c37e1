#!/usr/bin/python3
"""A merge is three conditional writes: cartd is killed between any two calls, calls are lost, kept back and late, and others come between.

Nothing is lost, doubled or stuck, and whoever looks sees both carts before or both after. 500 kills are in chaos_dynamodb_merge.py.
"""

import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from dynamodb_front import error  # noqa: E402
from merges import CALLS, LOOKS, ComesLate, KeepsBack, Pair, Rig, dies_after, dies_before, kill, loses_answer, loses_request, \
    seen_by_get, seen_by_list  # noqa: E402
from private_dynalite import server  # noqa: E402

THERE, SOURCE = {1: 2, 2: 3}, {2: 4, 3: 5}
SCENE = {}


def rig_of(layout):
    if layout not in SCENE:
        SCENE[layout] = Rig(SCENE["folder"], SCENE["database"], layout)
    return SCENE[layout]


def other_of(layout):
    """Another cartd on the same table, behind a proxy of its own."""
    if ("other", layout) not in SCENE:
        SCENE["other", layout] = Rig(SCENE["folder"], SCENE["database"], layout, provision="off")
    return reconnected(SCENE["other", layout])


def reconnected(rig):
    """Its client may have been idle for long."""
    rig.client.close()
    rig.client = rig.cartd.client()
    return rig


def the_others_have_ended_well():
    for key, rig in SCENE.items():
        if isinstance(key, tuple):
            rig.__exit__(None)


def killed_at_every_call(layout):
    rig, kept, kills = rig_of(layout), [], 0
    for fault in (dies_before, dies_after):
        for at in range(1, CALLS + 1):
            pair = Pair(rig, THERE, SOURCE)
            kill(rig, pair, at, fault, (("Idempotency-Key", "merge%d%s" % (at, fault.__name__)),))
            LOOKS[kills % len(LOOKS)](pair)
            kills += 1
            kept.append(pair)
            if at % 2 == 0:
                pair.check_end()
    rig.an_hour_later(lambda: [pair.check_end() for pair in kept])


def killed_at_every_call_in_maps():
    killed_at_every_call("map")


def killed_at_every_call_in_documents():
    killed_at_every_call("list")


def several_that_are_merging_are_listed_as_they_are():
    """Killed after the seal, and after the decision."""
    rig, pairs = rig_of("map"), []
    for at in (4, 5, 4, 5):
        pairs.append(Pair(rig, THERE, SOURCE))
        kill(rig, pairs[-1], at, dies_before)
    for pair in pairs:
        seen_by_list(pair)
        assert rig.item(pair.from_path)["status"]["S"] == "merged"


def lost_calls(layout):
    rig = rig_of(layout)
    for fault in (loses_request, loses_answer):
        for at in range(1, CALLS + 1):
            pair = Pair(rig, THERE, SOURCE)
            rig.arm(at, fault)
            pair.merge()
            assert rig.done.wait(30), "no call %d" % at
            pair.check_after()
            pair.check_end()


def a_call_or_an_answer_that_is_lost_is_made_up_for_in_maps():
    lost_calls("map")


def a_call_or_an_answer_that_is_lost_is_made_up_for_in_documents():
    lost_calls("list")


def stalled(layout, others):
    """Each call of a merge is kept back while another cartd does others(pair), whose requests go there; then it comes. Yields the pair, and
    the status that the merge was answered with."""
    rig, other = rig_of(layout), other_of(layout)
    for at in range(1, CALLS + 1):
        pair, back, answers = Pair(rig, THERE, SOURCE), KeepsBack(), []
        rig.arm(at, back)
        thread = threading.Thread(target=lambda pair=pair, answers=answers: answers.append(pair.merge(None)))
        thread.start()
        assert back.met.wait(30), "no call %d" % at
        pair.rig = other
        try:
            others(pair)
        finally:
            back.goes.set()
            thread.join()
        pair.rig = rig
        yield pair, answers[0].status


def who_stalls_between_two_calls_does_no_harm_when_others_finish_the_merge():
    for layout in ("map", "list"):
        for pair, status in stalled(layout, lambda pair: pair.check_end()):
            assert status == 200, status
            pair.check_after()


def who_stalls_between_two_calls_does_no_harm_when_others_look():
    for look in (seen_by_get, seen_by_list):
        for pair, status in stalled("map", look):
            assert status == 200, status
            pair.check_after()


def others_fill_or_close_the_target_meanwhile():
    def check_out(pair):
        pair.rig.ask(200, "POST", pair.target_path + "/checkout")

    def delete(pair):
        pair.rig.ask(204, "DELETE", pair.target_path)

    def elsewhere(pair):
        pair.other = pair.rig.new_cart({7: 1})
        pair.rig.merge(200, pair.other, pair.target_path)

    def add(pair):
        pair.rig.ask(204, "POST", pair.target_path + "/items", (), {"product_id": 9, "quantity": 1})

    for what, error in ((check_out, 409), (delete, 404), (elsewhere, 409), (add, None)):
        done, refused = 0, 0
        for pair, status in stalled("map", what):
            source = pair.rig.cart(pair.from_path)
            if status == 200:
                done += 1
                assert source == ("merged", SOURCE, pair.from_version + 1), source
            else:
                refused += 1
                assert status == error and source == ("open", SOURCE, pair.from_version), (status, source)
            lines = {**THERE, 2: 7, 3: 5} if status == 200 else THERE
            if what is add:
                assert pair.rig.cart(pair.target_path)[1] == {**lines, 9: 1}
            elif what is check_out:
                assert pair.rig.cart(pair.target_path)[:2] == ("checked_out", lines)
            elif what is elsewhere:
                assert pair.rig.cart(pair.other)[1] == {**lines, 7: 1}
        assert done > 0 and (refused > 0 or error is None), "%s: %d merges, %d refused" % (what.__name__, done, refused)


def others_change_from_meanwhile():
    def add(pair):
        pair.status = pair.rig.client.ask("POST", pair.from_path + "/items", (), {"product_id": 9, "quantity": 1}).status

    def delete(pair):
        pair.status = pair.rig.client.ask("DELETE", pair.from_path).status

    for pair, status in stalled("map", add):
        assert status == 200 and pair.status in (204, 409), (status, pair.status)
        more = {9: 1} if pair.status == 204 else {}
        assert pair.rig.cart(pair.target_path)[1] == {**THERE, 2: 7, 3: 5, **more}, "an add to from was lost, or came twice"
    for pair, status in stalled("map", delete):
        assert (status, pair.status) in ((404, 204), (200, 409)), (status, pair.status)
        assert pair.rig.cart(pair.target_path)[1] == (THERE if status == 404 else {**THERE, 2: 7, 3: 5})


def a_seal_that_comes_after_the_answer_leaves_nothing_stuck():
    rig = rig_of("map")
    pair, late = Pair(rig, THERE, SOURCE), ComesLate()
    rig.arm(1, late, writes=True)
    pair.merge()
    assert not late.comes(SCENE["database"].endpoint), "a seal was applied after another one"
    pair.check_end()


def two_into_one_and_each_into_the_other():
    rig, other = rig_of("map"), other_of("map")
    for turn in range(8):
        target, first, second = rig.new_cart({1: 1}), rig.new_cart({1: 2, 2: 1}), rig.new_cart({1: 4, 3: 1})
        at_once(lambda: rig.merge(200, target, first), lambda: other.merge(200, target, second))  # noqa: B023
        assert rig.cart(target) == ("open", {1: 7, 2: 1, 3: 1}, 4), rig.cart(target)
        one, two = rig.new_cart({1: 1}), rig.new_cart({1: 2})
        answers = at_once(lambda: rig.merge((200, 409), one, two), lambda: other.merge((200, 409), two, one))  # noqa: B023
        assert sorted(answer.status for answer in answers) == [200, 409], [answer.body for answer in answers]
        carts = sorted((rig.cart(one), rig.cart(two)), reverse=True)
        assert carts[0][:2] == ("open", {1: 3}) and carts[1][0] == "merged", "turn %d: %s" % (turn, carts)


def at_once(*requests):
    answers, wrong = [], []

    def run(request):
        try:
            answers.append(request())
        except AssertionError as error:
            wrong.append(str(error))
    threads = [threading.Thread(target=run, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    return answers


def a_target_does_not_gather_decisions():
    """cartd is killed before it removes them: each merge leaves one."""
    rig = rig_of("map")
    target = rig.new_cart({1: 1})
    for turn in range(20):
        source = rig.new_cart({1: 1})
        rig.arm(4, loses_request, writes=True)  # the call that removes it
        rig.merge(200, target, source)
        rig.done.wait(5)
    count = len(rig.item(target)["merges"]["M"])
    assert 10 <= count <= 16, "%d decisions" % count
    assert rig.cart(target)[1] == {1: 21}
    rig.ask(204, "DELETE", target)
    assert rig.item(target) is None


def a_target_is_deleted_after_what_it_has_decided():
    """from is still merging when the target is deleted, and has been merged all the same."""
    rig = rig_of("map")
    pair = Pair(rig, THERE, SOURCE)
    kill(rig, pair, 5, dies_before)
    assert "merges" in rig.item(pair.target_path) and rig.item(pair.from_path)["status"]["S"] == "merging"
    rig.ask(204, "DELETE", pair.target_path)
    assert rig.cart(pair.from_path)[0] == "merged"


def left_merging(rig, there=THERE, source=SOURCE):
    """cartd was killed before the decision."""
    pair = Pair(rig, there, source)
    kill(rig, pair, 4, dies_before)
    assert rig.item(pair.from_path)["status"]["S"] == "merging"
    return pair


def a_chain_that_was_killed_is_finished_link_by_link():
    rig = rig_of("map")
    first = left_merging(rig)
    second = rig.new_cart({7: 1})
    rig.merge(200, second, first.target_path)  # the middle one goes on: its own merge was not decided
    states = rig.cart(first.from_path)[0], rig.cart(first.target_path)[0]
    lines = rig.cart(second)[1]
    assert states[1] == "merged", states
    assert lines == {7: 1, **(first.after if states[0] == "merged" else THERE)}, (states, lines)


def a_target_that_nobody_can_read_lets_from_go():
    """Its lines are damaged by hand; what it has decided can still be read."""
    rig = rig_of("map")
    pair = left_merging(rig)
    rig.set_of(pair.target_path, "qty", {"S": "none"})
    Pair.equal("from", rig.cart(pair.from_path), ("open", SOURCE, pair.from_version))
    pair.merge(500)
    Pair.equal("from", rig.cart(pair.from_path), ("open", SOURCE, pair.from_version))


def a_target_that_has_expired_lets_from_go():
    rig = rig_of("map")
    pair = left_merging(rig)
    rig.set_of(pair.target_path, "expires_ms", {"N": "1000"})
    Pair.equal("from", rig.cart(pair.from_path), ("open", SOURCE, pair.from_version))


def a_merge_that_is_larger_than_an_item_is_refused():
    rig = rig_of("map")
    pair, usual = Pair(rig, THERE, SOURCE), rig.front.rule
    rig.front.rule = lambda call, ask: error("ValidationException") if b'{"S":"+' in call.body and b"merges=:merges" in call.body else \
        usual(call, ask)
    try:
        assert pair.merge(422).error() == "LIMIT_EXCEEDED"
    finally:
        rig.front.rule = usual
    pair.check_before()
    pair.check_end()


def overtake(rig, what, path_of, times=1):
    """The first calls with such a text find that somebody else has changed a cart just before. Undone by calling what is returned."""
    usual, left = rig.front.rule, [times]

    def overtaken(call, ask):
        if what in call.body and left[0] > 0:
            left[0] -= 1
            rig.set_of(path_of(call), "mark", {"S": os.urandom(8).hex()})
        return usual(call, ask)

    def undo():
        rig.front.rule = usual
    rig.front.rule = overtaken
    return undo


def path_in(call):
    return "/shopping-carts/" + call.json()["Key"]["cart_id"]["S"]


def a_busy_target_takes_lines(layout):
    """Two instances add to it all the time while carts are merged into it."""
    rig, other = reconnected(rig_of(layout)), other_of(layout)
    merges, target, enough, added, wrong = 5, rig.new_cart({1: 1}), threading.Event(), [], []

    def add(client):
        while not enough.is_set():
            answer = client.ask("POST", target + "/items", (), {"product_id": 9, "quantity": 1})
            (added if answer.status == 204 else wrong).append(answer)
        client.close()
    threads = [threading.Thread(target=add, args=(each.cartd.client(),)) for each in (rig, other)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(merges):
            rig.merge(200, target, rig.new_cart({2: 1}), headers=(("Idempotency-Key", "busy%d" % turn),) if turn % 2 else ())
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[0].body
    assert rig.cart(target)[1] == {1: 1, 2: merges, 9: len(added)}, (rig.cart(target), len(added))
    assert "held_for" not in rig.item(target)


def a_target_that_gets_adds_all_the_time_takes_lines_in_maps():
    a_busy_target_takes_lines("map")


def a_target_that_gets_adds_all_the_time_takes_lines_in_documents():
    a_busy_target_takes_lines("list")


def a_target_that_is_changed_before_every_decision_is_held():
    """It cannot be changed while it is held; nor by who adds meanwhile, who finishes the merge first. What was left by a service that was
    killed is finished in the same way."""
    rig, other = rig_of("map"), other_of("map")
    pair, left = Pair(rig, THERE, SOURCE), left_merging(rig)
    usual, before = rig.front.rule, rig.cart(pair.target_path)

    def overtaken(call, ask):
        if b"merges=:merges" in call.body:
            other.ask(204, "POST", path_in(call) + "/items", (), {"product_id": 9, "quantity": 1})
        return usual(call, ask)

    rig.front.rule = overtaken
    try:
        for each in (pair, left):
            each.merge(200)
    finally:
        rig.front.rule = usual
    for each in (pair, left):
        assert rig.cart(each.from_path)[0] == "merged"
        assert rig.cart(each.target_path) == ("open", {**each.after, 9: 2}, each.target_version + 3), rig.cart(each.target_path)
        assert "held_for" not in rig.item(each.target_path) and "until_ms" not in rig.item(each.target_path)
    assert before[0] == "open"


def killed_while_the_target_is_held():
    """Its hold stays: who looks sees both carts before or both after, and who adds to it is not in its way."""
    rig, calls = rig_of("map"), 9  # two reads, seal, a decision in vain, hold, two reads, decide, end
    for at in range(5, calls + 1):
        for fault in (dies_before, dies_after):
            pair = Pair(rig, THERE, SOURCE)
            undo = overtake(rig, b"merges=:merges", path_in)
            try:
                kill(rig, pair, at, fault)
            finally:
                undo()
            if fault is dies_after:
                LOOKS[at % len(LOOKS)](pair)
                pair.check_end()
            rig.ask(204, "POST", pair.target_path + "/items", (), {"product_id": 9, "quantity": 1})
            assert rig.cart(pair.from_path)[0] == "merged"
            assert rig.cart(pair.target_path)[1] == {**pair.after, 9: 1}, "killed at call %d: %s" % (at, rig.cart(pair.target_path))
            item = rig.item(pair.target_path)
            assert "expires_ms" in item and "held_for" not in item and "until_ms" not in item, item


def a_hold_that_comes_late_is_in_nobodys_way():
    """After the merge; from is there, or deleted."""
    rig = rig_of("map")
    changes = (("POST", "/items", {"product_id": 9, "quantity": 1}, 204), ("POST", "/checkout", None, 200), ("DELETE", "", None, 204))
    for turn, (method, what, body, status) in enumerate(changes):
        pair, late = Pair(rig, THERE, SOURCE), ComesLate()
        expires = rig.item(pair.target_path)["expires_ms"]
        undo = overtake(rig, b"merges=:merges", path_in)
        try:
            rig.arm(3, late, writes=True)  # after the seal and a decision in vain
            pair.merge()
        finally:
            undo()
        assert b"held_for" in late.call.body, late.call.body
        assert late.comes(SCENE["database"].endpoint), "the hold was refused"
        held = rig.item(pair.target_path)
        assert "expires_ms" not in held and held["until_ms"]["N"] >= expires["N"], held
        pair.check_after()
        if turn % 2:
            rig.ask(204, "DELETE", pair.target_path if method == "DELETE" else rig.new_cart({}))
        rig.ask(status, method, pair.target_path + what, (), body)
        assert "held_for" not in (rig.item(pair.target_path) or {}), rig.item(pair.target_path)


def a_seal_of_a_busy_cart_that_comes_after_the_answer_leaves_nothing_stuck():
    """The first one was overtaken by a change of from, so the second is conditional on less."""
    rig = rig_of("map")
    pair, late = Pair(rig, THERE, SOURCE), ComesLate()
    undo = overtake(rig, b"merge_how=:how", path_in)
    try:
        rig.arm(2, late, writes=True)
        pair.merge()
    finally:
        undo()
    assert b"attribute_exists(expires_ms)" in late.call.body, late.call.body
    assert not late.comes(SCENE["database"].endpoint), "a seal was applied after another one"
    pair.check_end()


def a_repeat_under_a_key_needs_no_rest_of_the_target():
    """The merge was done before: only the key is stored, whatever others change."""
    rig = rig_of("map")
    pair = Pair(rig, THERE, SOURCE)
    pair.merge(200)
    undo = overtake(rig, b"op_f.#k=:record", path_in, times=1000)
    try:
        for _ in range(2):
            pair.merge(200, (("Idempotency-Key", "again"),))
    finally:
        undo()
    pair.check_after()
    assert len(rig.item(pair.target_path)["op_v"]["M"]) == 1


def a_repeat_under_a_key_ends_the_merge():
    """Killed before from was ended: the answer to the repeat is in the target, and whoever reads the feed is to hear of from too."""
    rig = rig_of("map")
    for key, fault, at in (("end-1", dies_after, 4), ("end-2", dies_before, 5)):
        pair, headers = Pair(rig, THERE, SOURCE), (("Idempotency-Key", key),)
        kill(rig, pair, at, fault, headers)
        assert rig.item(pair.from_path)["status"]["S"] != "merged", "it was not killed before the end"
        pair.merge(headers=headers)
        assert rig.item(pair.from_path)["status"]["S"] == "merged", "the merge is answered, and from is still merging"
        pair.check_after()


def a_merge_that_others_finish_is_not_refused():
    """Only the key could not be stored: the answer does not say that nothing was changed."""
    rig = rig_of("map")
    pair, back, answers = Pair(rig, THERE, SOURCE), KeepsBack(), []
    rig.arm(4, back)  # the decision
    usual = rig.front.rule
    rig.front.rule = lambda call, ask: error("AccessDeniedException") if b"op_f.#k=:record" in call.body and b"merges=:merges" not in call.body \
        else usual(call, ask)
    thread = threading.Thread(target=lambda: answers.append(pair.merge(None, (("Idempotency-Key", "theirs"),))))
    thread.start()
    try:
        assert back.met.wait(30), "no decision"
        pair.rig = other_of("map")
        pair.check_end()
    finally:
        back.goes.set()
        thread.join()
        rig.front.rule = usual
    assert (answers[0].status, answers[0].error()) == (504, "OUTCOME_UNKNOWN"), answers[0].body


def if_match_holds_whoever_finishes_the_merge():
    """The target has another version when the decision is made: by who finds from merging, too."""
    rig = rig_of("map")
    pair = Pair(rig, THERE, SOURCE)
    kill(rig, pair, 4, dies_before, (("If-Match", '"%d"' % pair.target_version),))
    rig.ask(204, "POST", pair.target_path + "/items", (), {"product_id": 9, "quantity": 1})
    Pair.equal("from", rig.cart(pair.from_path), ("open", SOURCE, pair.from_version))
    Pair.equal("the target", rig.cart(pair.target_path), ("open", {**THERE, 9: 1}, pair.target_version + 1))


def main():
    with server() as database, tempfile.TemporaryDirectory() as folder:
        SCENE.update(folder=folder, database=database)
        try:
            tap.main_of([killed_at_every_call_in_maps, killed_at_every_call_in_documents,
                         several_that_are_merging_are_listed_as_they_are,
                         a_call_or_an_answer_that_is_lost_is_made_up_for_in_maps,
                         a_call_or_an_answer_that_is_lost_is_made_up_for_in_documents,
                         who_stalls_between_two_calls_does_no_harm_when_others_finish_the_merge,
                         who_stalls_between_two_calls_does_no_harm_when_others_look,
                         others_fill_or_close_the_target_meanwhile, others_change_from_meanwhile,
                         a_seal_that_comes_after_the_answer_leaves_nothing_stuck, two_into_one_and_each_into_the_other,
                         a_chain_that_was_killed_is_finished_link_by_link, a_target_that_nobody_can_read_lets_from_go,
                         a_target_that_has_expired_lets_from_go, a_merge_that_is_larger_than_an_item_is_refused,
                         a_target_that_is_changed_before_every_decision_is_held,
                         a_target_that_gets_adds_all_the_time_takes_lines_in_maps,
                         a_target_that_gets_adds_all_the_time_takes_lines_in_documents, killed_while_the_target_is_held,
                         a_hold_that_comes_late_is_in_nobodys_way,
                         a_seal_of_a_busy_cart_that_comes_after_the_answer_leaves_nothing_stuck,
                         a_repeat_under_a_key_needs_no_rest_of_the_target, a_repeat_under_a_key_ends_the_merge,
                         a_merge_that_others_finish_is_not_refused,
                         if_match_holds_whoever_finishes_the_merge,
                         a_target_does_not_gather_decisions, a_target_is_deleted_after_what_it_has_decided, the_others_have_ended_well])
        finally:
            for rig in SCENE.values():
                if isinstance(rig, Rig):
                    rig.cartd.kill()


if __name__ == "__main__":
    main()
