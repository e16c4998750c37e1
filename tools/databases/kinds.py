"""The servers that carts can be stored on here, by name, for the tools and the tests. What is not on this machine is fetched (fetched.py).

MYSQL: those of MySQL's protocol; each takes the words of mariadb.Server. DYNAMODB: those of DynamoDB's; each takes folder and on_disk.
"""

import os

import beside
import dynalite
import dynamodb_local
import fetched
import mariadb
import mysql
import vitess


class NewMariadb(mariadb.Server):
    """The MariaDB of Debian's unstable packages."""

    def prepare(self):
        self.package = fetched.debian("unstable", "mariadb-server-core")
        super().prepare()


def cluster(kind):
    """A function that makes a cluster of three. It keeps no data."""
    def make(folder=None, **rest):
        if folder is not None:
            raise beside.Failure("--data is for one server")
        return kind(3, **rest)
    return make


MYSQL = {
    "mariadb": mariadb.Server,
    "mariadb-new": NewMariadb,
    "mysql": mysql.Server,
    "galera": cluster(mariadb.Galera),
    "group-replication": cluster(mysql.Group),
    "vitess": vitess.Server,
}
DYNAMODB = {
    "dynalite": dynalite.Server,
    "dynoxide": dynamodb_local.Dynoxide,
    "moto": dynamodb_local.Moto,
}
FORGOTTEN = ("HOST", "PORT", "SOCKET", "USER", "PASSWORD", "DATABASE", "READ_HOST", "TLS", "TLS_CA", "TLS_CERT", "TLS_KEY")
GIVEN = "CART_TEST_MYSQL_"


def given_mysql():
    """The settings of the server that CART_TEST_MYSQL_* names, for tools and tests that would start one otherwise; {} if it names none."""
    if not any(os.environ.get(GIVEN + name) for name in ("HOST", "SOCKET")):
        return {}
    return {"CART_MYSQL_" + name: os.environ[GIVEN + name] for name in FORGOTTEN if os.environ.get(GIVEN + name)}


def mysql_environment(settings):
    """For a command beside a server of MySQL's protocol: the caller's environment with these settings in place of any of a server."""
    kept = {name: value for name, value in os.environ.items()
            if not (name.startswith("CART_MYSQL_") and name[len("CART_MYSQL_"):] in FORGOTTEN)}
    return {**kept, **settings}


def run_beside_mysql(name, command, servers):
    """Runs the command beside servers(), in order, or with the given one: the exit status."""
    given = given_mysql()
    return beside.run_beside(name, command, (lambda: []) if given else servers,
                             lambda server: mysql_environment(given if server is None else server.environment()))
