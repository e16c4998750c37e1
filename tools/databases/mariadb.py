"""Private, throwaway MariaDB servers for tests, benchmarks and ./cart run.

    with Server() as server:
        server.sql("SELECT 1")                  # as root
        os.environ.update(server.environment()) # CART_MYSQL_*: where cartd finds it

    with Server(options=["--log-bin"]) as primary, Replica(primary) as replica: ...
    with Galera(3) as cluster: cluster.nodes[0].kill()

A server has a folder of its own (under $TMPDIR, removed at the end) or one that its caller names (which stays), a free port of
127.0.0.1, a Unix socket that only its owner reaches, a database `cart` and a user `cart` with every right on it (and on
databases called cart_*). The configuration of the machine is not read. It runs as whoever calls: root as root too, because
another user could not enter every folder that root can, and the package of the server alone makes no user `mysql`.

No server outlives the process that started it, SIGKILL or not: beside.py says how.
"""

import glob
import os
import re
import secrets
import shutil
import subprocess
import time

import beside
from beside import POLL_S, START_S, Failure
from mariadb_session import Lost, Session, SqlError

SOCKET_PATH_MAX = 107
BUSY_PORT = "Can't start server: Bind on TCP/IP port"

# What every server is started with; options of the caller come after it and win.
DEFAULTS = [
    "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin",
    "--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
    "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=64M",
    "--innodb-buffer-pool-dump-at-shutdown=0", "--innodb-buffer-pool-load-at-startup=0",
    "--performance-schema=0", "--local-infile=0",
]
# For one that a replica can follow.
PRIMARY = ["--log-bin", "--server-id=1"]
# Nothing is forced to the disk: for tests that do not test what survives.
FAST = ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--sync-binlog=0"]
# The first start fills a folder that is thrown away when it fails.
BOOTSTRAP = ["--bootstrap", "--skip-log-bin", "--innodb-autoextend-increment=4", "--innodb-flush-method=nosync",
             "--innodb-doublewrite=0", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=64M", "--log-warnings=0"]
TABLES = ("system_tables", "performance_tables", "system_tables_data")
USERS = """
DELETE FROM mysql.global_priv WHERE Host <> 'localhost';
DELETE FROM mysql.proxies_priv;
FLUSH PRIVILEGES;
CREATE DATABASE cart CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER 'cart'@'%' IDENTIFIED BY '{password}';
GRANT ALL ON cart.* TO 'cart'@'%';
GRANT ALL ON `cart\\_%`.* TO 'cart'@'%';
CREATE USER 'replica'@'%' IDENTIFIED BY '{password}';
GRANT REPLICATION SLAVE ON *.* TO 'replica'@'%';
"""


def program(name):
    """Where the server is; /usr/sbin is not on everybody's PATH."""
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin:/usr/libexec")
    if not found:
        raise Failure("%s is not installed (Debian: mariadb-server-core); ./cart setup mysql installs it" % name)
    return found


def tables_sql(root=""):
    """The definitions of the server's own tables, as its package brings them (the names differ between releases)."""
    text = ["CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"]
    for name in TABLES:
        files = [path for folder in ("/usr/share/mysql", "/usr/share/mariadb", "/usr/local/share/mysql")
                 for path in sorted(glob.glob("%s%s/m*_%s.sql" % (root, folder, name)))]
        if not files:
            raise Failure("no %s.sql of MariaDB under /usr/share" % name)
        with open(files[0], encoding="utf-8") as file:
            text.append(file.read())
    return "".join(text)


class Server(beside.Server):
    """One server: the machine's MariaDB, or that of a package (fetched.Unpacked). MySQL is one too, in mysql.py."""

    NAME, PREFIX = "mariadbd", "cart-mariadb-"
    DEFAULTS, FAST = DEFAULTS, FAST

    def __init__(self, folder=None, port=None, options=(), fast=False, tls=False, password=None, package=None):
        super().__init__(folder, port)
        self.user, self.database, self.package = "cart", "cart", package
        self.options = (self.FAST if fast else []) + list(options)
        self.tls = tls
        self.data = self.path("data")
        self.password = password or secrets.token_hex(12)
        self.socket, self.socket_place = self.path("socket"), None

    @property
    def ca(self):
        return self.path("tls/ca.pem")

    # Before it starts.

    def prepare(self):
        if len(os.fsencode(self.socket)) > SOCKET_PATH_MAX:
            self.socket_place = beside.throwaway_folder(self.PREFIX, "/tmp")
            self.socket = os.path.join(self.socket_place, "socket")
        self._initialise()
        if self.tls:
            self._make_certificates()

    def _initialise(self):
        if os.path.isdir(self.data):
            with open(self.path("password"), encoding="ascii") as file:
                self.password = file.read().strip()
            return
        new = self.path("data.new")
        shutil.rmtree(new, ignore_errors=True)
        self._fill(new)
        self._write_password()
        os.rename(new, self.data)

    def _fill(self, new):
        """Makes a data folder with the server's own tables and the users."""
        os.makedirs(os.path.join(new, "mysql"))
        self._run_once(self._command(new) + BOOTSTRAP,
                       tables_sql(self.package.folder if self.package else "") + USERS.format(password=self.password))

    def _run_once(self, command, text=""):
        """Runs the server to its end, to make its tables."""
        with open(self.path("initialise.log"), "wb") as log:
            done = subprocess.run(command, stdout=log, stderr=log, timeout=START_S, check=False, input=text.encode())
        with open(self.path("initialise.log"), encoding="utf-8", errors="replace") as log:
            said = log.read()
        if done.returncode != 0 or "\nERROR" in said:
            raise Failure("%s could not make its tables:\n%s" % (self.NAME, said[-2000:]))

    def _write_password(self):
        with open(os.open(self.path("password"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="ascii") as file:
            file.write(self.password + "\n")

    def _make_certificates(self):
        folder = self.path("tls")
        if os.path.isdir(folder):
            return
        os.mkdir(folder)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]
        for words in (["-subj", "/CN=cart test CA", "-keyout", "ca.key", "-out", "ca.pem"],
                      ["-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.pem", "-CA", "ca.pem", "-CAkey",
                       "ca.key", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]):
            done = subprocess.run(["openssl", "req", "-x509"] + curve + words, cwd=folder, capture_output=True, text=True,
                                  check=False)
            if done.returncode != 0:
                raise Failure("openssl: " + done.stderr[-1000:])

    # Its process.

    def _program(self):
        """The start of its command line."""
        if self.package is None:
            return [program(self.NAME), "--no-defaults"]
        return [*self.package.words(self.NAME), "--no-defaults", *self._of_package()]

    def _of_package(self):
        """Options that name the files of the package in place of the machine's."""
        share = os.path.dirname(self.package.find("usr/share/m*/charsets"))
        return ["--basedir=" + self.package.path("usr"), "--plugin-dir=" + self.package.path("usr/lib/mysql/plugin"),
                "--character-sets-dir=" + os.path.join(share, "charsets"), "--lc-messages-dir=" + share]

    def script(self):
        """Of a package: the path of a program for whoever starts the server by themselves (CART_TEST_MYSQLD)."""
        return self.package and self.package.script(self.NAME, *self._of_package())

    def _command(self, data):
        words = [*self._program(), "--datadir=" + data, "--tmpdir=" + self.folder]
        return words if os.getuid() else words + ["--user=root"]

    def words(self):
        words = self._command(self.data) + self.DEFAULTS + [
            "--socket=" + self.socket, "--port=%d" % self.port, "--pid-file=" + self.path("pid"),
            "--log-error=" + self.log, "--secure-file-priv=" + self.folder]
        if self.tls:
            words += ["--ssl-ca=" + self.ca, "--ssl-cert=" + self.path("tls/server.pem"),
                      "--ssl-key=" + self.path("tls/server.key")]
        return words + self.options

    def variables(self):
        # Beside this file is the script by which Galera's nodes copy their state.
        here = os.path.dirname(os.path.abspath(__file__))
        return {**os.environ, "PATH": here + ":" + os.environ.get("PATH", os.defpath)}

    def answers(self, said):
        try:
            with Session(self.socket, timeout=5.0):
                return True
        except SqlError:
            return True
        except Lost:
            return False

    def lost_port(self, said):
        return BUSY_PORT in said

    def close(self):
        super().close()
        if self.socket_place is not None:
            shutil.rmtree(self.socket_place, ignore_errors=True)

    # Its use.

    def connect(self, timeout=30.0):
        """A session of root's: .sql(), .id for KILL, .close()."""
        return Session(self.socket, timeout=timeout)

    def connect_as_user(self, timeout=30.0):
        """A session as cartd has it: user cart, over TCP, in its database."""
        session = Session(("127.0.0.1", self.port), self.user, self.password, timeout)
        session.sql("USE " + self.database)
        return session

    def sql(self, text, timeout=30.0):
        """Runs statements as root on a connection of their own; the rows of the last that has any, as lists of str or None."""
        with self.connect(timeout) as session:
            return session.sql(text)

    def version(self):
        """Its name and version, for people."""
        with self.connect() as session:
            return "MariaDB " + session.version.removeprefix("5.5.5-").partition("-")[0]

    def variable(self, name):
        return self.sql("SELECT @@GLOBAL." + name)[0][0]

    def status(self, like="%"):
        """The global status: {name: text}."""
        return dict(self.sql("SHOW GLOBAL STATUS LIKE '%s'" % like))

    def address(self):
        return "127.0.0.1:%d" % self.port

    def environment(self):
        """The settings by which cartd finds it, and what only tests want to know."""
        settings = {
            "CART_MYSQL_HOST": "127.0.0.1", "CART_MYSQL_PORT": str(self.port), "CART_MYSQL_USER": self.user,
            "CART_MYSQL_PASSWORD": self.password, "CART_MYSQL_DATABASE": self.database,
            "TEST_MYSQL_SOCKET": self.socket, "TEST_MYSQL_FOLDER": self.folder,
            "TEST_MYSQL_PID": str(self.pid),
        }
        if self.tls:
            settings.update({"CART_MYSQL_TLS": "verify", "CART_MYSQL_TLS_CA": self.ca})
        return settings


def await_that(condition, what, timeout=30.0):
    """Polls until condition() is true."""
    until = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > until:
            raise Failure("%s did not come within %g s" % (what, timeout))
        time.sleep(POLL_S)


def apply_received(server, timeout=30.0):
    """A replica whose primary is gone applies all that it has received; its state alone may lag behind that."""
    status, = server.sql("STOP SLAVE IO_THREAD; SHOW SLAVE STATUS")
    received = status[status.index("Slave_Pos") + 1]  # Gtid_IO_Pos comes after Using_Gtid
    if server.sql("SELECT MASTER_GTID_WAIT('%s', %g)" % (received, timeout), timeout + 5)[0][0] != "0":
        raise Failure("the replica has not applied what it has received:\n%s" % server.log_text()[-2000:])


class Replica(Server):
    """Follows a primary (a running Server with --log-bin and --server-id other than its own) by GTID; it takes no writes."""

    def __init__(self, primary, options=(), **rest):
        super().__init__(options=["--server-id=2", "--read-only=1", "--log-bin", *options], password=primary.password, **rest)
        self.primary = primary

    def start(self, timeout=START_S, extra=()):
        again = os.path.isdir(self.data)
        super().start(timeout, extra)
        if not again:
            self.sql("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='replica', MASTER_PASSWORD='%s',"
                     " MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE" % (self.primary.port, self.password))
        self.await_caught_up(timeout)

    def await_caught_up(self, timeout=30.0):
        """Until it holds all that the primary has committed by now."""
        position = self.primary.variable("gtid_binlog_pos")
        if self.sql("SELECT MASTER_GTID_WAIT('%s', %g)" % (position, timeout), timeout + 5)[0][0] != "0":
            raise Failure("the replica is behind after %g s:\n%s" % (timeout, self.log_text()[-2000:]))

    def promote(self):
        """Makes it a server of its own that takes writes."""
        self.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=0")

    def environment(self):
        return {**self.primary.environment(), "CART_MYSQL_READ_HOST": self.address(),
                "TEST_MYSQL_REPLICA_SOCKET": self.socket}


def galera_provider():
    """The library, or None."""
    for pattern in ("/usr/lib/galera/libgalera_smm.so", "/usr/lib/*/galera*/libgalera_smm.so", "/usr/lib*/galera*/libgalera_smm.so"):
        for path in glob.glob(pattern):
            return path
    return None


class Node(Server):
    """One of a Galera cluster."""

    def __init__(self, cluster, number, options=(), **rest):
        self.cluster = cluster
        self.group_port = beside.free_port()
        self.transfer_port = beside.free_port()
        super().__init__(options=[
            "--wsrep-on=ON", "--wsrep-provider=" + cluster.provider, "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2", "--wsrep-cluster-name=cart", "--wsrep-node-name=node%d" % number,
            "--wsrep-node-address=127.0.0.1", "--wsrep-slave-threads=2", "--wsrep-sst-method=copy", *options], **rest)

    def _provider_options(self):
        return ("--wsrep-provider-options=base_host=127.0.0.1;base_port=%d;gmcast.listen_addr=tcp://127.0.0.1:%d;"
                "ist.recv_addr=127.0.0.1:%d;ist.recv_bind=127.0.0.1:%d;gcache.size=64M;gcache.page_size=64M;"
                "evs.keepalive_period=PT0.2S;evs.inactive_check_period=PT0.2S;evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.install_timeout=PT3S"
                % (self.group_port, self.group_port, self.transfer_port, self.transfer_port))

    def start(self, timeout=START_S, extra=()):
        """Joins the nodes that run; where none does it founds the cluster, or founds it anew with what it holds."""
        others = [node for node in self.cluster.nodes if node is not self and node.process is not None]
        words = ["--wsrep-cluster-address=gcomm://" + ",".join("127.0.0.1:%d" % node.group_port for node in others)]
        if os.path.isdir(self.data):
            words.append("--wsrep-start-position=" + self._position())
            if not others:
                self._declare_safe()
        elif others:
            os.mkdir(self.data)
            self._write_password()
        super().start(timeout, words + [self._provider_options()] + list(extra))
        self.await_ready(timeout)

    def await_ready(self, timeout=30.0):
        """Until it takes writes."""
        await_that(lambda: self.wsrep("ready") == "ON", "the node's readiness", timeout)

    def size_seen(self):
        """How many nodes its cluster has; None while it takes no writes."""
        return int(self.wsrep("cluster_size") or 0) if self.wsrep("cluster_status") == "Primary" else None

    def declare_whole(self):
        """Whoever runs the cluster says that this node is all there is."""
        self.sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'")
        self.await_ready()

    def wsrep(self, name):
        """One of its wsrep_ status values; None while it does not answer, as during a change of its state."""
        if self.process is None or self.process.poll() is not None:
            raise Failure("the node has ended:\n" + self.log_text()[-3000:])
        try:
            return self.status("wsrep_" + name).get("wsrep_" + name)
        except (Lost, SqlError):
            return None

    def _declare_safe(self):
        with open(os.path.join(self.data, "grastate.dat"), "r+", encoding="ascii") as file:
            text = file.read().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1")
            file.seek(0)
            file.write(text)

    def _position(self):
        """Where a node that was killed had come to."""
        with open(self.path("position.log"), "w+", encoding="utf-8", errors="replace") as log:
            subprocess.run(self.words() + ["--wsrep-recover", "--wsrep-cluster-address=gcomm://", "--skip-log-error"],
                           stdout=log, stderr=log, timeout=START_S, check=False)
            log.seek(0)
            text = log.read()
        found = re.findall(r"Recovered position: *(\S+)", text)
        if not found:
            raise Failure("the node does not say where it was:\n" + text[-3000:])
        return found[-1]


class Cluster(beside.Closing):
    """n servers with the same data, in .nodes; node(number, password) makes one of them."""

    def __init__(self, n, node):
        self.n, self.node = n, node
        self._make_nodes()

    def _make_nodes(self):
        password = secrets.token_hex(12)
        self.nodes = [self.node(number, password) for number in range(1, self.n + 1)]

    def start(self):
        """Once more where it fails: a port of a node's may have been taken meanwhile."""
        try:
            self._start_nodes()
        except Failure:
            self.close()
            self._make_nodes()
            self._start_nodes()

    def _start_nodes(self):
        for node in self.nodes:
            node.start()
        self.await_size(self.n)

    def await_size(self, size, timeout=60.0):
        """Until every running node sees a cluster of that many that takes writes."""
        def seen():
            return all(node.size_seen() == size for node in self.nodes if node.process is not None)
        await_that(seen, "a cluster of %d" % size, timeout)

    def close(self):
        for node in self.nodes:
            node.close()

    def version(self):
        return self.nodes[0].version()

    def environment(self):
        return {**self.nodes[0].environment(), "CART_MYSQL_HOST": ",".join(node.address() for node in self.nodes),
                "TEST_MYSQL_SOCKETS": ",".join(node.socket for node in self.nodes)}


class Galera(Cluster):
    """A cluster of n nodes, each a Server; any of them takes writes."""

    def __init__(self, n=3, options=(), **rest):
        self.provider = galera_provider()
        if self.provider is None:
            raise Failure("no Galera provider (Debian: galera-4)")
        super().__init__(n, lambda number, password: Node(self, number, options, password=password, **rest))

    def version(self):
        return super().version() + ", Galera " + self.nodes[0].wsrep("provider_version").partition("(")[0]
