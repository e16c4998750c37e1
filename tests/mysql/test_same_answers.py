#!/usr/bin/python3
"""The same requests, answered by two backends: byte for byte the same, as pylib/same_answers.py says.

    test_same_answers.py [BACKEND BACKEND]     sqlite and mysql
"""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
import same_answers  # noqa: E402
from tap import main  # noqa: E402


def tests(tap):
    backends = sys.argv[1:] or ["sqlite", "mysql"]
    with private_mariadb.server(fast=True) if "mysql" in backends else contextlib.nullcontext() as database:
        kinds = {"sqlite": same_answers.sqlite(),
                 "mysql": same_answers.Kind("mysql", lambda folder, name: private_mariadb.settings_for(database))}
        same_answers.run(tap, [kinds.get(backend) or same_answers.Kind(backend, lambda folder, name, backend=backend: {"backend": backend})
                               for backend in backends])


if __name__ == "__main__":
    main(tests)
