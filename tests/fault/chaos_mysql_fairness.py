#!/usr/bin/python3
"""The long form of test_mysql_fairness.py: more rounds, and beside a hot cart too, whose changes are much work for a busy machine."""

import os
import sys

os.environ.setdefault("ROUNDS", "10")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import tap  # noqa: E402
import test_mysql_fairness as fairness  # noqa: E402

if __name__ == "__main__":
    tap.main_of([
        fairness.beside_a_locked_row_the_others_see_no_difference,
        fairness.beside_lists_of_a_long_history_the_others_see_no_difference,
        fairness.beside_a_hot_cart_the_others_see_no_difference,
    ])
