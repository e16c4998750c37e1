#!/usr/bin/python3
"""Where secrets of a running cartd must not be: its command line, its environment, its log at the level debug, /metrics, --print-config, error
messages, and core dumps."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, *folder) for folder in (("pylib",), (os.pardir, "bench", "perf"))]
import cartd  # noqa: E402
from cartd import Cartd  # noqa: E402
from servers import start_side  # noqa: E402
from tap import Skip, main_of  # noqa: E402

MARK = "s3cret" + os.urandom(16).hex()
LOUD = {"log.level": "debug", "log.requests": "all", "backend": "memory"}
# What root may do more than others with processes of its own user.
PR_CAPBSET_DROP, MAY_TRACE = 24, {"CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38}
NOT_THERE = {"mysql.host": "127.0.0.1:1", "mysql.connect_timeout": "100ms"}
READ = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read(4096))"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def told(path):
    with open(path, "rb") as file:
        return file.read()


def as_another_process(path):
    """What a process of the same user reads there; None: it may not."""
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def found(secrets, places):
    """places: {name: bytes}."""
    return "\n".join("%s shows %s" % (name, secret) for name, data in places.items() for secret in secrets if secret.encode() in data)


def places_of(service, headers=()):
    """Where to look, of a running one."""
    with service.client() as client:
        answers = {path: client.ask("GET", path, headers).raw() for path in ("/metrics", "/health", "/readyz", "/")}
    return {"the command line": told("/proc/%d/cmdline" % service.process.pid), "the log": service.log().encode(), **answers}


def printed(folder, settings, keys=None):
    """What --print-config says."""
    done = subprocess.run([cartd.PROGRAM, *cartd.words_of(settings), "--print-config"], cwd=folder, env=cartd.environment(keys), capture_output=True,
                          check=True)
    return {"--print-config": done.stdout + done.stderr}


def a_password_of_the_command_line_is_shown_nowhere():
    with tempfile.TemporaryDirectory() as folder:
        settings = {**LOUD, **NOT_THERE, "backend": "mysql", "mysql.password": MARK}
        with Cartd(folder, settings) as service:
            cartd.await_that(lambda: "mysql" in service.log().lower(), 20, "a failed connection in the log")
            return found([MARK], {**places_of(service), **printed(folder, settings)})


def a_password_of_the_environment_is_not_left_there():
    with tempfile.TemporaryDirectory() as folder:
        settings, keys = {**LOUD, **NOT_THERE, "backend": "mysql", "core_dumps": "true"}, {"CART_MYSQL_PASSWORD": MARK}
        with Cartd(folder, settings, keys=keys) as service:
            environ = told("/proc/%d/environ" % service.process.pid)
            assert b"CART_MYSQL_PASSWORD=***" in environ, environ
            return found([MARK], {"the environment": environ, **places_of(service), **printed(folder, settings, keys)})


def a_wrong_setting_beside_a_password_does_not_show_it():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "cartd.ini"), "w", encoding="ascii") as file:
            file.write("[mysql]\npassword = %s\npassword = %s2\npool = many\n" % (MARK, MARK))
        said = {}
        for words in (["--mysql.password", MARK, "--mysql.password_file", "/dev/null"], ["--mysql.password=%s" % MARK, "--mysql.pool=%s" % "x"],
                      ["--config", "cartd.ini"]):
            done = subprocess.run([cartd.PROGRAM, *words], cwd=folder, env=cartd.environment(), capture_output=True, timeout=30, check=False)
            assert done.returncode == 2, done
            said["the error of %s" % words[0]] = done.stdout + done.stderr
        return found([MARK], said)


class Aws(http.server.BaseHTTPRequestHandler):
    """Keeps what it is asked, and fails."""

    asked = []

    def do_POST(self):
        Aws.asked.append(str(self.headers))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def with_keys(**settings):
    """A cartd on DynamoDB with keys in its environment; its secrets."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    secret, session = MARK + "key", MARK + "session"
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": session, "AWS_EC2_METADATA_DISABLED": "true"}
    try:
        with tempfile.TemporaryDirectory() as folder:
            settings = {**LOUD, "backend": "dynamodb", "dynamodb.endpoint": "http://127.0.0.1:%d" % server.server_port, "dynamodb.region": "us-east-1",
                        **settings}
            with Cartd(folder, settings, keys=keys) as service:
                cartd.await_that(lambda: any(session in headers for headers in Aws.asked), 20, "a request with the session's token")
                yield service, [secret, session], printed(folder, settings, keys)
    finally:
        server.shutdown()
        server.server_close()


def keys_of_aws_are_shown_nowhere_and_nobody_reads_the_environment():
    with with_keys() as (service, secrets, more):
        assert not any(secrets[0] in headers for headers in Aws.asked), "the secret key was sent"
        for name in ("environ", "mem", "maps"):
            said = as_another_process("/proc/%d/%s" % (service.process.pid, name))
            assert said is None, "/proc/PID/%s can be read" % name
        return found(secrets, {**places_of(service), **more})


def where_core_dumps_are_allowed_the_environment_can_be_read():
    """So that the test above can fail."""
    with with_keys(core_dumps="true") as (service, secrets, _):
        said = as_another_process("/proc/%d/environ" % service.process.pid)
        return "" if said and secrets[0].encode() in said else "not read: %s" % said


def what_a_benchmark_starts_is_seen_by_its_user():
    """cartbench of the same user finds the process that it measures by its sockets, under /proc/PID/fd."""
    with tempfile.TemporaryDirectory() as folder, start_side(cartd.PROGRAM, "a", ["backend=memory"], folder, None) as side:
        return "" if as_another_process("/proc/%d/environ" % side.pid) else "it is hidden"


def cores_of(folder):
    return [path for path in (os.path.join(folder, name) for name in os.listdir(folder)) if "core" in os.path.basename(path)]


def dumped(**settings):
    """Ends a cartd with a password by SIGABRT: whether there is a core dump, and whether that has the password."""
    with tempfile.TemporaryDirectory() as folder:
        service = Cartd(folder, {**LOUD, **NOT_THERE, "backend": "mysql", "mysql.password": MARK, **settings})
        service.process.send_signal(signal.SIGABRT)
        _, status, _ = os.wait4(service.process.pid, 0)
        service.process.returncode = -os.WTERMSIG(status)
        return os.WCOREDUMP(status) or bool(cores_of(folder)), any(MARK.encode() in told(path) for path in cores_of(folder))


def no_core_is_dumped():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        there, _ = dumped()
        assert not there, "there is a core dump"
        there, shows = dumped(core_dumps="true")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if not there:
        raise Skip("no core is dumped on this machine, whatever a program says")
    return "" if shows or not told("/proc/sys/kernel/core_pattern").startswith(b"core") else "the password is not in a core that was allowed"


def jwt(key, **claims):
    text = b64(b'{"alg":"HS256","typ":"JWT"}') + "." + b64(json.dumps({"iss": "i", "aud": "cart", "exp": int(time.time()) + 3600, "scope": "read admin", **claims})
                                                        .encode())
    return text + "." + b64(hmac.new(key, text.encode(), hashlib.sha256).digest())


def callers_secrets_are_shown_nowhere():
    """The key of JWTs, JWTs and bearer tokens, right and wrong."""
    key = MARK.encode()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.open(os.path.join(folder, "jwks.json"), os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            json.dump({"keys": [{"kty": "oct", "alg": "HS256", "k": b64(key)}]}, file)
        settings = {**LOUD, "auth": "token,jwt", "auth.jwt_keys": "jwks.json", "auth.jwt_algorithms": "HS256", "auth.jwt_issuer": "i",
                    "auth.jwt_audience": "cart"}
        status, said = cartd.cartctl(folder, settings, "token", "new", "--name", "mon", "--scope", "read,admin")
        assert status == 0, said
        token = re.search(r"cart_\S{20,}", said).group(0)
        shown = [token, jwt(key), jwt(b"another key that is long enough, it is"), jwt(key, exp=1), "cart_" + MARK]
        with Cartd(folder, settings) as service, service.client() as client:
            answers = [client.ask("GET", "/metrics", [("Authorization", "Bearer " + text)]) for text in shown]
            assert [answer.status for answer in answers] == [200, 200, 401, 401, 401], [answer.status for answer in answers]
            places = {**places_of(service, [("Authorization", "Bearer " + token)]), **printed(folder, settings),
                      "an answer": b"".join(answer.raw() for answer in answers), "tokens.json": told(os.path.join(folder, "tokens.json"))}
        secrets = [token, token[len("cart_"):], MARK, b64(key)] + [text.rpartition(".")[2] for text in shown]
        return found(secrets, places)


def the_key_of_tls_is_shown_nowhere():
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", key,
                        "-out", os.path.join(folder, "cert.pem")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        settings = {**LOUD, "http.tls_cert": "cert.pem", "http.tls_key": "key.pem"}
        with Cartd(folder, settings) as service:
            lines = [line for line in told(key).decode().splitlines() if not line.startswith("-")]
            os.truncate(key, 20)  # and what is wrong with it is told without it
            service.process.send_signal(signal.SIGHUP)
            cartd.await_that(lambda: "cannot reload the certificate" in service.log(), 20, "a line about the key")
            return found(lines, {"the command line": told("/proc/%d/cmdline" % service.process.pid), "the log": service.log().encode(), **printed(folder, settings)})


def neither_log_nor_metrics_have_customers_or_what_clients_write():
    customer, word = "917364528123", "w" + os.urandom(8).hex()
    with tempfile.TemporaryDirectory() as folder, Cartd(folder, LOUD) as service, service.client() as client:
        path = client.ask("POST", "/shopping-carts", (), {"customer_id": int(customer)}).header("Location")
        client.ask("POST", path + "/items", [("Idempotency-Key", word)], {"product_id": 1, "quantity": 1})
        before = set(service.metrics())
        for method, target in (("GET", "/shopping-carts?customer_id=" + customer), ("GET", "/shopping-carts?customer_id=%s&%s=1" % (customer, word)),
                               ("GET", "/%s?%s" % ("a", word)), ("DELETE", "/shopping-carts?customer_id=" + customer)):
            client.ask(method, target, [("User-Agent", word), ("Cookie", word), ("X-Request-Id", word + "/" + word)])
        series = {name for name in set(service.metrics()) - before if 'route="' not in name}
        return found([customer, word], {"the log": service.log().encode(), "/metrics": "\n".join(service.metrics()).encode()}) + (
            "new series: %s" % series if series else "")


if __name__ == "__main__":
    if os.geteuid() == 0:
        for capability in MAY_TRACE.values():  # of all that is started from here on
            cartd.libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    main_of([a_password_of_the_command_line_is_shown_nowhere, a_password_of_the_environment_is_not_left_there,
             a_wrong_setting_beside_a_password_does_not_show_it, keys_of_aws_are_shown_nowhere_and_nobody_reads_the_environment,
             where_core_dumps_are_allowed_the_environment_can_be_read,
             what_a_benchmark_starts_is_seen_by_its_user, no_core_is_dumped, callers_secrets_are_shown_nowhere,
             the_key_of_tls_is_shown_nowhere, neither_log_nor_metrics_have_customers_or_what_clients_write])
