#!/usr/bin/python3
"""The systemd unit: what it forbids, and that cartd lives its whole life under its filter of system calls, on every backend."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, "pylib"), os.path.join(HERE, os.pardir, "fault")]
import cartd  # noqa: E402
import operations  # noqa: E402
import private_dynalite  # noqa: E402
import private_mariadb  # noqa: E402
import seccomp  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from tap import Skip, main_of  # noqa: E402

# Not a program of ./cart's packages: where it is not, what needs it is skipped.
ANALYZE = shutil.which("systemd-analyze") or shutil.which("/usr/bin/systemd-analyze")
EXPOSURE_MAX = 2.0  # of 10; "OK" is below 4
WANTED = {
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
    "PrivateDevices": "yes", "MemoryDenyWriteExecute": "yes", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "LockPersonality": "yes",
    "UMask": "0077", "DynamicUser": "yes", "LimitCORE": "0", "ProtectProc": "invisible", "RestrictNamespaces": "yes", "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native", "KeyringMode": "private", "StateDirectoryMode": "0700"}


def unit():
    with open(os.path.join(ROOT, "dist", "cartd.service.in"), encoding="utf-8") as file:
        return file.read()


def analyze():
    if not ANALYZE:
        raise Skip("there is no systemd-analyze (package systemd)")
    return ANALYZE


def it_forbids_what_cartd_does_not_need():
    found = seccomp.unit_settings(unit())
    return "\n".join("%s is %s, not %s" % (name, found.get(name), value) for name, value in WANTED.items() if found.get(name) != [value])


def systemd_finds_nothing_wrong_and_little_exposed():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cartd.service")
        with open(path, "w", encoding="utf-8") as file:
            file.write(unit().replace("@BINDIR@/cartd", shutil.which("true")).replace("@SYSCONFDIR@", "/etc"))
        said = subprocess.run([analyze(), "verify", "--man=no", path], capture_output=True, text=True, check=False)
        assert said.returncode == 0 and not said.stderr, said
        said = subprocess.run([analyze(), "security", "--offline=true", "--no-pager", path], capture_output=True, text=True, check=False).stdout
    level = re.search(r"exposure level for cartd.service: ([\d.]+)", said)
    assert level, said
    return "" if float(level.group(1)) <= EXPOSURE_MAX else said


def the_container_of_the_example_is_as_small():
    with open(os.path.join(ROOT, "docs", "examples", "Dockerfile"), encoding="utf-8") as file:
        text = file.read()
    last = text[text.rindex("FROM "):]
    missing = [flag for flag in ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--ulimit core=0") if flag not in text]
    missing += [] if re.search(r"(?m)^USER cart$(.|\n)*^ENTRYPOINT", last) and "USER root" not in last else ["a user that is not root"]
    return "it lacks %s" % missing if missing else ""


@contextlib.contextmanager
def filtered(without=()):
    """Words that put a command under the unit's filter, and a folder."""
    settings = seccomp.unit_settings(unit())
    names = seccomp.allowed(settings["SystemCallFilter"], analyze()) - set(without)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "filter")
        with open(path, "wb") as file:
            file.write(seccomp.program(names, settings["RestrictAddressFamilies"][0].split()))
        yield [sys.executable, seccomp.__file__, path], folder


def life(settings, keys=None, meanwhile=None):
    """Start, every operation, a failed database, SIGHUP, and a drain."""
    with filtered() as (wrapper, folder):
        settings = {"threads": "2", "log.file": "log", "cart.ttl": "1h", "cache.carts": "10", **settings}
        service = Filtered(folder, settings, wrapper=wrapper, keys=keys)
        asker = operations.Asker(service)
        for turn in range(2):
            for name, request, prepare, _ in operations.operations(asker):
                request(prepare())
            asker.ask(200, "GET", "/metrics")
            os.replace(os.path.join(folder, "log"), os.path.join(folder, "log.%d" % turn))
            service.process.send_signal(signal.SIGHUP)
            await_that(lambda: os.path.exists(os.path.join(folder, "log")), 20, "a new log")
            if meanwhile and not turn:
                meanwhile()
                await_that(lambda: service.client().ask("GET", "/readyz").status == 200, 30, "it is ready again")
        return service.end_problem()


class Filtered(Cartd):
    def log(self):
        """With log.file."""
        text = super().log()
        for name in sorted(os.listdir(os.path.dirname(self.log_path))):
            if name.startswith("log"):
                with open(os.path.join(os.path.dirname(self.log_path), name), encoding="utf-8", errors="replace") as log:
                    text += log.read()
        return text


def on_memory():
    return life({"backend": "memory"})


def on_sqlite():
    return life({"backend": "sqlite", "sqlite.sweep_interval": "1s"})


def on_mysql():
    with private_mariadb.server(fast=True, tls=True) as server:
        settings = {**private_mariadb.settings_for(server), "mysql.tls": "verify", "mysql.tls_ca": server.ca, "mysql.sweep_interval": "1s"}

        def restart():
            server.kill()
            server.start()
        return life(settings, meanwhile=restart)


def on_dynamodb():
    """The keys come from a program that cartd starts."""
    with private_dynalite.server(on_disk=True) as server, tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "config")
        keys = private_dynalite.keys_for(server)
        with open(config, "w", encoding="ascii") as file:
            file.write("[default]\ncredential_process = printf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\"}'\n" % (
                keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]))

        def restart():
            server.kill()
            server.start()
        return life(private_dynalite.settings_for(server), {"AWS_CONFIG_FILE": config, "AWS_EC2_METADATA_DISABLED": "true"}, restart)


def with_callers_and_tls():
    """On SQLite, with a certificate and tokens."""
    with filtered() as (wrapper, folder):
        paths = {name: os.path.join(folder, name + ".pem") for name in ("key", "cert")}
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", paths["key"], "-out", paths["cert"]], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        settings = {"backend": "sqlite", "auth": "token", "http.tls_key": paths["key"], "http.tls_cert": paths["cert"]}
        status, said = cartd.cartctl(folder, settings, "token", "new", "--name", "a", "--scope", "read,write,admin")
        assert status == 0, said
        with Cartd(folder, settings, wrapper=wrapper) as service:
            for _ in range(2):
                done = subprocess.run(["curl", "-sS", "--cacert", paths["cert"], "-H", "Authorization: Bearer " + re.search(r"cart_\S{20,}", said).group(0),
                                       "--json", '{"customer_id":1}', "https://127.0.0.1:%d/shopping-carts" % service.port], capture_output=True, text=True, check=False)
                assert "shopping_cart_id" in done.stdout, done
                service.process.send_signal(signal.SIGHUP)
            return service.end_problem()


def what_is_not_in_the_filter_ends_the_process():
    """So that the tests above can fail."""
    with filtered() as (wrapper, _):
        for code in ("import os; os.chroot('/')", "import mmap; mmap.mmap(-1, 4096, prot=7)", "import os; os.setpriority(0, 0, 1)"):
            done = subprocess.run([*wrapper, sys.executable, "-c", code], stderr=subprocess.PIPE, check=False)
            assert done.returncode == -signal.SIGSYS, (code, done)
        done = subprocess.run([*wrapper, sys.executable, "-c", "import socket; socket.socket(socket.AF_NETLINK)"], stderr=subprocess.PIPE, check=False)
        assert b"not supported" in done.stderr, done
    with filtered(without=["fdatasync", "fsync"]) as (wrapper, folder):
        try:
            Cartd(folder, {"backend": "sqlite"}, wrapper=wrapper).kill()
        except AssertionError as ended:
            return "" if "ended with -31" in str(ended) else str(ended)
    return "a cartd that may not flush lives"


if __name__ == "__main__":
    main_of([it_forbids_what_cartd_does_not_need, systemd_finds_nothing_wrong_and_little_exposed,
             the_container_of_the_example_is_as_small, what_is_not_in_the_filter_ends_the_process, on_memory,
             on_sqlite, on_mysql, on_dynamodb, with_callers_and_tls])
