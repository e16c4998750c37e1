"""Private, throwaway MySQL servers (Oracle's), as mariadb.py has MariaDB's, and a group of them.

    with Server() as server: ...
    with Group(3) as group: group.nodes[0].kill()

The server is that of Debian's unstable packages, since no stable release of Debian's has one: fetched.py.
"""

import os
import uuid

import beside
import fetched
import mariadb
from beside import START_S, Failure
from mariadb_session import Lost, Session, SqlError

SUITE, PACKAGE = "unstable", "mysql-server-core"
# One statement a line: the server reads it while it makes its tables.
USERS = """
CREATE DATABASE cart CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'cart'@'%' IDENTIFIED BY '{password}';
GRANT ALL ON cart.* TO 'cart'@'%';
GRANT ALL ON `cart\\_%`.* TO 'cart'@'%';
CREATE USER 'replica'@'%' IDENTIFIED BY '{password}';
GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO 'replica'@'%';
"""


class Server(mariadb.Server):
    """One server."""

    NAME, PREFIX = "mysqld", "cart-mysql-"
    DEFAULTS = [word for word in mariadb.DEFAULTS if "log-file-size" not in word] + ["--mysqlx=OFF", "--innodb-redo-log-capacity=64M"]

    def prepare(self):
        if self.package is None:
            self.package = fetched.debian(SUITE, PACKAGE)
        super().prepare()

    def _of_package(self):
        # The package's own folder for files is not on this machine.
        return [*super()._of_package(), "--secure-file-priv=NULL"]

    def _fill(self, new):
        users = self.path("users.sql")
        with open(os.open(users, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(USERS.format(password=self.password))
        self._run_once([*self._command(new), "--initialize-insecure", "--init-file=" + users, "--innodb-redo-log-capacity=64M"])
        os.unlink(users)
        # Each server of a group has one of its own.
        os.unlink(os.path.join(new, "auto.cnf"))

    def connect_as_user(self, timeout=30.0):
        """A session of cartd's user. Over the socket, since this client cannot prove a password over TCP without TLS."""
        session = Session(self.socket, self.user, self.password, timeout)
        session.sql("USE " + self.database)
        return session

    def version(self):
        with self.connect() as session:
            return "MySQL " + session.version.partition("-")[0]


class Primary(Server):
    """One that others can follow: with a binary log."""

    def words(self):
        return [word for word in super().words() if word != "--skip-log-bin"]


class Member(Primary):
    """One of a group."""

    def __init__(self, group, number, options=(), **rest):
        self.group, self.group_port = group, beside.free_port()
        super().__init__(options=[
            "--server-id=%d" % number, "--log-bin", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--performance-schema=1",
            "--report-host=127.0.0.1", "--plugin-load-add=group_replication.so",
            *("--loose-group-replication-" + word for word in (
                "group-name=" + group.name, "start-on-boot=OFF", "local-address=127.0.0.1:%d" % self.group_port,
                "recovery-get-public-key=ON", "member-expel-timeout=0")), *options], **rest)

    def start(self, timeout=START_S, extra=()):
        """Joins the members that run; where none does it founds the group, or founds it anew with what it holds."""
        others = [node for node in self.group.nodes if node is not self and node.process is not None]
        super().start(timeout, extra)
        seeds = ",".join("127.0.0.1:%d" % node.group_port for node in self.group.nodes)
        self.sql("SET GLOBAL group_replication_group_seeds='%s'; SET GLOBAL group_replication_bootstrap_group=%s;"
                 "CHANGE REPLICATION SOURCE TO SOURCE_USER='replica', SOURCE_PASSWORD='%s' FOR CHANNEL 'group_replication_recovery';"
                 "START GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group=OFF"
                 % (seeds, "OFF" if others else "ON", self.password), timeout)
        mariadb.await_that(lambda: self.size_seen() is not None, "the member's readiness", timeout)

    def size_seen(self):
        """How many members its group has that are in order; None while it is not one of them."""
        if self.process is None or self.process.poll() is not None:
            raise Failure("the member has ended:\n" + self.log_text()[-3000:])
        try:
            states = dict(self.sql("SELECT member_port, member_state FROM performance_schema.replication_group_members"))
        except (Lost, SqlError):
            return None
        return len(states) if set(states.values()) == {"ONLINE"} else None

    def declare_whole(self):
        """Whoever runs the group says that this member is all there is; it listens once it has noticed that it is alone."""
        def forced():
            try:
                self.sql("SET GLOBAL group_replication_force_members='127.0.0.1:%d'" % self.group_port)
            except SqlError:
                return False
            return True
        mariadb.await_that(forced, "that the member notices that it is alone")
        self.sql("SET GLOBAL group_replication_force_members=''")
        mariadb.await_that(lambda: self.size_seen() == 1 and self.variable("super_read_only") == "0", "the member's readiness")


class Group(mariadb.Cluster):
    """Group Replication: n servers, one of which takes writes until another takes its place."""

    def __init__(self, n=3, options=(), **rest):
        self.name = str(uuid.uuid4())
        super().__init__(n, lambda number, password: Member(self, number, options, password=password, **rest))

    def version(self):
        return super().version() + ", Group Replication"
