#!/usr/bin/python3
"""The same requests, answered by SQLite and by DynamoDB in both layouts: byte for byte the same, as pylib/same_answers.py says."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_dynalite  # noqa: E402
import same_answers  # noqa: E402
from tap import main  # noqa: E402


def tests(tap):
    private_dynalite.only_keys()
    with private_dynalite.server() as server:
        def kind(layout):
            return same_answers.Kind("dynamodb", lambda folder, name: private_dynalite.settings_for(
                server, layout=layout, table="%s-%s" % (name, layout)), "dynamodb-" + layout)

        same_answers.run(tap, [same_answers.sqlite(), kind("map"), kind("list")])


if __name__ == "__main__":
    main(tests)
