"""The MariaDB of a test's own, by tools/databases/mariadb.py, and the settings by which a cartd finds it.

CART_TEST_MYSQL=KIND takes another kind of server of the same protocol, of tools/databases/kinds.py.
"""

import os
import sys

from cartd import ROOT
from tap import Skip

sys.path.insert(0, os.path.join(ROOT, "tools", "databases"))
import kinds  # noqa: E402 (where it is is known only now)
import mariadb  # noqa: E402
from mariadb_session import Line, Lost, Session, SqlError, scrambled  # noqa: E402,F401 (for the tests)


KIND = os.environ.get("CART_TEST_MYSQL", "mariadb")
# For tests in which no request may fail: a busy machine refuses none.
PATIENT = {"request.deadline": "60s", "drain.deadline": "60s", "mysql.acquire_timeout": "60s", "mysql.timeout": "60s"}


def needed(start):
    """What start() returns. Without MariaDB the test is skipped."""
    try:
        if KIND in ("mariadb", "galera"):
            mariadb.program("mariadbd")
        return start()
    except mariadb.Failure as why:
        raise Skip("nothing of it was tested: %s" % why) from None


def server(**options):
    return needed(lambda: kinds.MYSQL[KIND](**options))


def cluster():
    """Three nodes, of Galera unless CART_TEST_MYSQL names another kind of cluster."""
    return needed(lambda: kinds.MYSQL["galera" if KIND == "mariadb" else KIND]())


def primary(options=(), **rest):
    """One that a replica can follow."""
    return server(options=[*mariadb.PRIMARY, *options], **rest)


def settings_for(of, **changes):
    """What cartd has to be told, as tools/with-mariadb does by the environment, but nothing of encryption; a change's name is without
    "mysql."."""
    told = {name[len("CART_"):].lower().replace("_", ".", 1): value
            for name, value in of.environment().items() if name.startswith("CART_MYSQL_") and not name.startswith("CART_MYSQL_TLS")}
    return {"backend": "mysql", **told, **{"mysql." + name: value for name, value in changes.items()}}
