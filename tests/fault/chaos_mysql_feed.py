#!/usr/bin/python3
"""100 faults on MySQL while a consumer keeps a copy of all carts by the feed: feeds.py says which. In `make chaos`: some minutes."""

import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "histories")]
import tap  # noqa: E402
from feeds_mysql import storm_on_mysql, too_slow_on_mysql  # noqa: E402

FAULTS = int(os.environ.get("FAULTS", "100"))


def after_100_faults_the_copy_is_the_store_and_no_event_is_missing():
    storm_on_mysql(FAULTS)


def a_consumer_that_is_too_slow_is_told_so_and_never_skips_an_event():
    too_slow_on_mysql(30, 40)


if __name__ == "__main__":
    tap.main_of([after_100_faults_the_copy_is_the_store_and_no_event_is_missing, a_consumer_that_is_too_slow_is_told_so_and_never_skips_an_event])
