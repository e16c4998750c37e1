#!/usr/bin/python3
"""deploy/aws on a stub of the AWS CLI: what the script creates, fetches and removes, and what the host does. The user data of the template
runs here, with stand-ins for what would change this machine and for ./cart. `make check-deploy` looks at the template itself."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT, await_that  # noqa: E402
from tap import main_of  # noqa: E402

TEMPLATE = os.path.join(ROOT, "deploy", "aws", "cart-compare.yaml")
STUBS = {
    "apt-get": "exit 0",
    "shutdown": "exit 0",
    "dpkg": "exit 0",
    # Two things are fetched: the agent and RDS's authorities.
    "curl": 'while [ "$1" != -o ]; do shift; done; echo fetched >"$2"',
    "sleep": "exec /bin/sleep 0.1",
}
CART = """#!/bin/sh
set -eu
[ "$(wc -c <"$CART_MYSQL_PASSWORD_FILE")" -ge 40 ]
env | grep '^CART_' | sort >"$0.env"
while [ "$1" != --out ]; do echo "word $1"; shift; done
[ ! -e fails ] || { echo 'the build failed'; exit 2; }
mkdir -p "$2"
echo compared >"$2/index.html"
[ "$2" = build/first ] || exit 3
"""


class Cloud:
    """The stub's folder, and a checkout that holds what deploy/aws needs, with a stand-in for ./cart."""

    def __init__(self, *files):
        self.folder = tempfile.mkdtemp(prefix="cart-deploy-test-")
        self.checkout = os.path.join(self.folder, "checkout")
        shutil.copytree(os.path.join(ROOT, "deploy"), os.path.join(self.checkout, "deploy"))
        os.makedirs(os.path.join(self.checkout, "bench", "report"))
        shutil.copy(os.path.join(ROOT, "bench", "report", "prices.json"), os.path.join(self.checkout, "bench", "report"))
        self.write("checkout/cart", CART)
        for name in files:
            self.write(name, "")
        for name, text in STUBS.items():
            self.write(os.path.join("host-stubs", name), "#!/bin/sh\n%s\n" % text)
        os.makedirs(self.path("stubs"))
        os.symlink(os.path.join(ROOT, "tests", "pylib", "aws_cli_stub.py"), self.path("stubs/aws"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GIT_", "CART_"))}
        self.environment.update(AWS_STUB=self.folder, TMPDIR=self.folder, AWS_REGION="eu-central-1", PYTHONDONTWRITEBYTECODE="1",
                                PATH=self.path("stubs") + os.pathsep + os.environ["PATH"])
        for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "t"]):
            subprocess.run(["git", "-C", self.checkout, *words], check=True, env=self.environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), 0o755)

    def start(self, *words, **options):
        return subprocess.Popen([sys.executable, os.path.join(self.checkout, "deploy", "aws", "compare"), "--pause", "0.1", *words],
                                **{"env": self.environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options})

    def run(self, *words, **options):
        """Exit status and output."""
        process = self.start(*words, **options)
        said = process.communicate()[0]
        return process.returncode, said

    def stack(self):
        return os.path.exists(self.path("stack.json"))

    def be_the_host(self):
        """Runs the user data of the host, as cloud-init does."""
        await_that(self.stack, 60, "the stack")
        with open(self.path("user-data"), encoding="utf-8") as file:
            script = file.read().replace("/var/lib/cart", self.path("host"))
        self.write("user-data", script)
        with open(self.path("host.log"), "w", encoding="utf-8") as log:
            subprocess.run([self.path("user-data")], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                           env={**self.environment, "PATH": self.path("host-stubs") + os.pathsep + self.environment["PATH"], "TMPDIR": self.folder})

    def run_with_host(self, *words):
        host = threading.Thread(target=self.be_the_host)
        host.start()
        status, said = self.run(*words)
        host.join()
        with open(self.path("host.log"), encoding="utf-8") as log:
            return status, said + log.read()


def the_table_is_the_one_that_cartd_makes():
    with open(os.path.join(ROOT, "schemas", "dynamodb", "carts.json"), encoding="utf-8") as file:
        wanted = json.load(file)
    with open(TEMPLATE, encoding="utf-8") as file:
        block = re.search(r"\n  Table:\n    Type: AWS::DynamoDB::Table\n    Properties:\n((?:      .*\n)+)", file.read()).group(1)
    import yaml
    table = yaml.safe_load(block)
    assert table.pop("TimeToLiveSpecification") == wanted["TimeToLive"], block
    assert table == wanted["CreateTable"], (table, wanted)


def nothing_is_open_and_no_password_is_shown():
    with open(TEMPLATE, encoding="utf-8") as file:
        text = file.read()
    ingress = re.findall(r"Type: AWS::EC2::SecurityGroupIngress\n.*\n", text)
    assert len(ingress) == 1 and "SourceSecurityGroupId: !Ref HostGroup" in ingress[0] and "SecurityGroupIngress:" not in text, ingress
    for wanted in ("HttpTokens: required", "StorageEncrypted: true", "VolumeType: gp3, Encrypted: true", "PubliclyAccessible: false",
                   "RestrictPublicBuckets: true"):
        assert wanted in text, wanted
    assert "KeyName" not in text and "Password" not in text[text.index("\nOutputs:"):], "a key or a password"
    assert "assword" not in text[:text.index("\nResources:")], "the password is a parameter"


def without_yes_nothing_is_created_and_the_price_is_said():
    with Cloud() as cloud:
        status, said = cloud.run()
        assert status == 0 and "nothing was created" in said and not cloud.stack(), said
        assert "account 123456789012, region eu-central-1, zone eu-central-1a (and eu-central-1b" in said, said
        assert re.search(r"cost: about 0\.\d\d USD an hour; for the run .* at most about \d\.\d\d USD\n", said), said
        status, said = cloud.run("--host-type", "c9.huge")
        assert status == 0 and "and the price of host c9.huge" in said, said
        status, said = cloud.run("--zone", "eu-central-9z")
        assert status == 1 and "--zone names the first" in said, said


def without_the_aws_cli_a_line_says_what_is_missing():
    with Cloud() as cloud:
        status, said = cloud.run(env={**cloud.environment, "PATH": cloud.path("nothing")})
        assert status == 1 and said.startswith("deploy: the AWS CLI (aws) is not installed") and said.count("\n") == 1, said


def a_run_fetches_the_report_and_leaves_nothing():
    with Cloud() as cloud:
        status, said = cloud.run_with_host("--yes", "--name", "one")
        assert status == 3, (status, said)  # that of ./cart compare
        out = os.path.join(cloud.checkout, "build", "aws", "one")
        assert sorted(os.listdir(out)) == ["host.log", "index.html"], os.listdir(out)
        assert "word --quick" in said and "word --thorough" in said, said
        assert "nothing of one is left" in said and not cloud.stack() and "p" * 40 not in said, said
        with open(cloud.path("host/source/cart.env"), encoding="utf-8") as file:
            settings = file.read()
        for line in ("CART_DYNAMODB_REGION=eu-central-1", "CART_DYNAMODB_TABLE=table-1", "CART_MYSQL_HOST=database.example", "CART_MYSQL_TLS=verify"):
            assert line + "\n" in settings, settings
        status, said = cloud.run("--yes", "--name", "one")
        assert status == 1 and "is not empty" in said and not cloud.stack(), said


def where_compare_fails_its_log_comes_and_nothing_is_left():
    with Cloud("checkout/fails") as cloud:
        status, said = cloud.run_with_host("--yes", "--quick")
        assert status == 1 and "the build failed" in said and "exit status 2" in said and not cloud.stack(), said


def where_a_part_cannot_be_created_or_the_host_ends_nothing_is_left():
    for name, why in (("creation-fails", "Database (AWS::RDS::DBInstance): no capacity"), ("host-ended", "the host ended without a result")):
        with Cloud(name) as cloud:
            status, said = cloud.run("--yes")
            assert status == 1 and why in said and not cloud.stack(), said


def signals_remove_everything():
    for number in (signal.SIGINT, signal.SIGHUP):
        with Cloud("never-created") as cloud:
            process = cloud.start("--yes")
            await_that(cloud.stack, 60, "the stack")
            process.send_signal(number)
            said = process.communicate()[0]
            assert process.returncode == 1 and "interrupted by " + number.name in said and not cloud.stack(), said


def a_stack_that_exists_is_refused_and_left_alone():
    with Cloud("never-created") as cloud:
        process = cloud.start("--yes", "--name", "one")
        await_that(cloud.stack, 60, "the stack")
        for words in (["--yes"], []):
            status, said = cloud.run("--name", "one", *words)
            assert status == 1 and "the stack one exists already" in said and cloud.stack(), said
        # Killed, it leaves the stack, which is then removed by its name.
        process.kill()
        process.communicate()
        status, said = cloud.run("--remove", "two")
        assert status == 1 and "there is no stack two" in said and cloud.stack(), said
        status, said = cloud.run("--remove", "one")
        assert status == 0 and not cloud.stack(), said


def what_cannot_be_removed_is_named_with_the_way_to_remove_it():
    with Cloud("removal-fails") as cloud:
        status, said = cloud.run_with_host("--yes", "--name", "one")
        assert status == 1 and "THE STACK one IS NOT REMOVED AND COSTS MONEY: Database (AWS::RDS::DBInstance): somebody protects it" in said, said
        assert "remains: Bucket, AWS::S3::Bucket, bucket" in said and "deploy/aws/compare --region eu-central-1 --remove one" in said, said
        os.remove(cloud.path("removal-fails"))
        status, said = cloud.run("--remove", "one")
        assert status == 0 and not cloud.stack(), said


if __name__ == "__main__":
    main_of([the_table_is_the_one_that_cartd_makes, nothing_is_open_and_no_password_is_shown, without_yes_nothing_is_created_and_the_price_is_said,
             without_the_aws_cli_a_line_says_what_is_missing, a_run_fetches_the_report_and_leaves_nothing,
             where_compare_fails_its_log_comes_and_nothing_is_left, where_a_part_cannot_be_created_or_the_host_ends_nothing_is_left,
             signals_remove_everything, a_stack_that_exists_is_refused_and_left_alone, what_cannot_be_removed_is_named_with_the_way_to_remove_it])
