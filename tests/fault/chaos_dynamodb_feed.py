#!/usr/bin/python3
"""100 faults on DynamoDB while a consumer keeps a copy of all carts by the feed: feeds.py says which. In `make chaos`: some minutes."""

import os
import sys

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, name) for name in ("pylib", "histories")]
import tap  # noqa: E402
from feeds_dynamodb import storm_on_dynamodb  # noqa: E402

FAULTS = int(os.environ.get("FAULTS", "100"))


def after_100_faults_the_copy_is_the_store_and_no_event_is_missing_in_maps():
    storm_on_dynamodb("map", FAULTS)


def after_100_faults_the_copy_is_the_store_and_no_event_is_missing_in_documents():
    storm_on_dynamodb("list", FAULTS)


if __name__ == "__main__":
    tap.main_of([after_100_faults_the_copy_is_the_store_and_no_event_is_missing_in_maps,
                 after_100_faults_the_copy_is_the_store_and_no_event_is_missing_in_documents])
