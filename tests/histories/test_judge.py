#!/usr/bin/python3
"""The judge of histories finds what a faulty store would do, and accepts what a right one does."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
from history import operation, verdict  # noqa: E402

CREATE = operation(0, "create", "c", 1, 2, "done", version=1)


def add(began, ended, version, quantity=1, outcome="done", client=0):
    return operation(client, "add", "c", began, ended, outcome, lines={"7": quantity}, version=version)


def read(began, ended, version, quantity, client=9, closed=False):
    return operation(client, "read", "c", began, ended, "done", lines={"7": quantity} if quantity else {}, version=version, closed=closed)


def is_right(*operations):
    wrong, counts = verdict([CREATE, *operations])
    assert not wrong, wrong
    assert counts["operations"] == len(operations) + 1 and counts["carts"] == 1, counts


def is_wrong(*operations):
    wrong, counts = verdict([CREATE, *operations])
    assert counts["not_linearizable"] == 1 and counts["undecided"] == 0, (wrong, counts)


def changes_that_overlap_may_take_any_order():
    is_right(add(3, 9, 3, 5), add(4, 8, 2, 6, client=1), read(10, 11, 3, 11))


def a_change_of_unknown_outcome_may_be_done_late_or_never():
    is_right(add(3, None, 0, 5, "unknown"), add(4, 5, 2, 1), read(6, 7, 2, 1), read(8, 9, 3, 6))
    is_right(add(3, None, 0, 5, "unknown"), add(4, 5, 2, 1), read(6, 7, 2, 1))


def an_acknowledged_change_that_is_gone_is_found():
    is_wrong(add(3, 4, 2), read(5, 6, 1, 0))


def a_change_that_was_applied_twice_is_found():
    is_wrong(add(3, 4, 2), read(5, 6, 3, 2))
    is_wrong(add(3, None, 0, 5, "unknown"), read(5, 6, 3, 10))


def a_refused_change_that_was_applied_is_found():
    """A refused one is not in the history, so nobody has asked for what is read."""
    is_wrong(read(5, 6, 2, 1))


def a_read_of_the_past_is_found():
    is_wrong(add(3, 4, 2), add(5, 6, 3), read(7, 8, 2, 1))


def half_of_a_change_is_found():
    both = operation(0, "add", "c", 3, 4, "done", lines={"7": 1, "8": 1}, version=2)
    is_wrong(both, read(5, 6, 2, 1))


def two_changes_with_one_version_are_found():
    is_wrong(add(3, 9, 2), add(4, 8, 2, client=1))


def a_change_after_its_checkout_is_found():
    checkout = operation(0, "checkout", "c", 5, 6, "done", version=3)
    is_right(add(3, 4, 2), checkout, read(7, 8, 3, 1, closed=True))
    is_wrong(add(3, 4, 2), checkout, add(7, 8, 4))


def a_refusal_that_is_not_true_is_found():
    is_right(operation(1, "checkout", "c", 3, 4, "empty"), add(5, 6, 2))
    is_wrong(add(3, 4, 2), operation(1, "checkout", "c", 5, 6, "empty"))
    is_wrong(operation(1, "add", "c", 3, 4, "closed"))
    is_wrong(operation(1, "read", "c", 3, 4, "missing"))


def a_merge_takes_its_lines_once_and_keeps_the_attributes_that_are_there():
    def merge(began, ended, quantity, attributes, outcome="done"):
        return operation(1, "merge", "c", began, ended, outcome, lines={"7": quantity, "-7": attributes})

    def seen(began, version, quantity, attributes):
        return operation(9, "read", "c", began, began + 1, "done", lines={"7": quantity, "-7": attributes}, version=version, closed=False)
    is_right(merge(3, 9, 2, 30), add(4, 8, 2), seen(10, 3, 3, 30))
    is_right(merge(3, 4, 2, 30), merge(5, 6, 4, 50), seen(7, 3, 6, 30))
    is_wrong(merge(3, 4, 2, 30), merge(5, 6, 4, 50), seen(7, 3, 6, 50))
    is_wrong(merge(3, 4, 2, 30), seen(5, 3, 4, 30))
    is_wrong(merge(3, 4, 2, 30), seen(5, 1, 0, 0))
    is_wrong(merge(3, 4, 2, 30), add(5, 6, 2), seen(7, 3, 3, 30))
    is_right(operation(1, "add", "c", 2, 3, "done", lines={"7": 1}, version=2), operation(1, "merged", "c", 4, 5, "done"), read(6, 7, 3, 1, closed=True))


def many_unknown_changes_are_decided_in_a_moment():
    unknown = [add(3 + i, None, 0, i + 1, "unknown", client=i) for i in range(200)]
    known = [add(300 + 2 * i, 301 + 2 * i, 2 + i, 1) for i in range(200)]
    is_right(*unknown, *known, read(1000, 1001, 201, 200))
    is_right(*unknown, *known, read(1000, 1001, 202, 350))


if __name__ == "__main__":
    tap.main_of([
        changes_that_overlap_may_take_any_order,
        a_change_of_unknown_outcome_may_be_done_late_or_never,
        an_acknowledged_change_that_is_gone_is_found,
        a_change_that_was_applied_twice_is_found,
        a_refused_change_that_was_applied_is_found,
        a_read_of_the_past_is_found,
        half_of_a_change_is_found,
        two_changes_with_one_version_are_found,
        a_change_after_its_checkout_is_found,
        a_refusal_that_is_not_true_is_found,
        a_merge_takes_its_lines_once_and_keeps_the_attributes_that_are_there,
        many_unknown_changes_are_decided_in_a_moment,
    ])
