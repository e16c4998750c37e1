"""The MariaDB of a test's own, by tools/mariadb.py, and the settings by which a cartd finds it."""

import os
import sys

from service import ROOT

sys.path.insert(0, os.path.join(ROOT, "tools"))
import mariadb  # pylint: disable=wrong-import-position

Failure = mariadb.Failure


def server(**options):
    """For a with block. Nothing is forced to the disk: what survives a crash is tested elsewhere."""
    return mariadb.Server(fast=True, **options)


def primary(**options):
    return server(options=["--log-bin", "--server-id=1"], **options)


def replica(of, **options):
    return mariadb.Replica(of, fast=True, **options)


def settings_for(of, **changes):
    """What cartd has to be told; a change's name is without "mysql."."""
    settings = {"mysql.host": "127.0.0.1", "mysql.port": of.port, "mysql.user": of.user, "mysql.password": of.password,
                "mysql.database": of.database}
    settings.update({"mysql." + name: value for name, value in changes.items()})
    return settings
