#!/usr/bin/python3
"""Our signatures are those that AWS's own code for Python makes (botocore), and those of curl, over random requests to DynamoDB and S3."""

import calendar
import datetime
import hashlib
import json
import os
import random
import re
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from cartd import ROOT  # noqa: E402
from tap import Skip, main, say  # noqa: E402

REQUESTS = 3000
CURL_REQUESTS = 40
SEED = int(os.environ.get("CART_SEED", time.time_ns() % 1_000_000))
TARGETS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "DescribeTable")


def program():
    """The unit test of signing, which signs for others when it is told to; of the build that is tested."""
    cartd = os.environ.get("CARTD", os.path.join(ROOT, "build/release/bin/cartd-test"))
    return os.path.join(os.path.dirname(os.path.dirname(cartd)), "tests/unit/test_sigv4")


class Signer:
    """Our own code, in a process that reads requests and writes signatures."""

    def __init__(self):
        self.process = subprocess.Popen([program()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "SIGV4_SERVE": "1"})

    def sign(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        if self.process.wait(timeout=10) != 0:
            raise RuntimeError("the signer ended with %d" % self.process.returncode)


def text(rng, letters, least, most):
    return "".join(rng.choice(letters) for _ in range(rng.randint(least, most)))


def random_request(rng):
    region = rng.choice(("us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "local"))
    host = rng.choice(("dynamodb.%s.amazonaws.com" % region, "127.0.0.1:%d" % rng.randint(1024, 65535), "[::1]:8000"))
    body = {text(rng, string.ascii_letters, 1, 12): text(rng, string.printable + "äß€ሴ😀\u0000", 0, 400)
            for _ in range(rng.randint(0, 6))}
    return {
        "access_key_id": text(rng, string.ascii_uppercase + string.digits, 16, 128),
        "secret_access_key": text(rng, string.ascii_letters + string.digits + "/+", 20, 128),
        "token": text(rng, string.ascii_letters + string.digits + "/+=", 100, 1500) if rng.random() < 0.5 else "",
        "region": region,
        "service": "dynamodb",
        "time": rng.randint(calendar.timegm((2013, 1, 1, 0, 0, 0)), calendar.timegm((2037, 12, 31, 0, 0, 0))),
        "method": "POST",
        "headers": [["Host", host], ["X-Amz-Target", "DynamoDB_20120810." + rng.choice(TARGETS)],
                    ["Content-Type", "application/x-amz-json-1.0"]],
        "body": json.dumps(body, ensure_ascii=rng.random() < 0.5),
    }


def random_s3_request(rng):
    """A put of an object, or a get of it or of a list."""
    request = random_request(rng)
    method = rng.choice(("PUT", "GET", "DELETE"))
    name = "".join(char for char in text(rng, string.printable + "äß€ሴ😀", 1, 60) if char >= " ")
    body = request["body"] if method == "PUT" else ""
    query = "&".join("%s=%s" % (name, urllib.parse.quote(text(rng, string.printable + "ä", 0, 30), safe="-._~"))
                     for name in ("continuation-token", "list-type", "prefix") if rng.random() < 0.3)
    headers = [["Host", "bucket.s3.%s.amazonaws.com" % request["region"]], ["X-Amz-Content-Sha256", hashlib.sha256(body.encode()).hexdigest()]]
    headers += [["If-None-Match", "*"], ["X-Amz-Checksum-Sha256", "x+/="]] if rng.random() < 0.5 else []
    return {**request, "service": "s3", "method": method, "headers": headers, "body": body, "path": "/bucket/" + name, "query": query}


def by_botocore(request):
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    moment = datetime.datetime.utcfromtimestamp(request["time"])

    class Frozen(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return moment

    class Module:
        datetime = Frozen

    # Where it takes the time from: the module of the standard library, in later versions a function.
    clock, ours = ("get_current_datetime", lambda: moment) if hasattr(botocore.auth, "get_current_datetime") else ("datetime", Module)
    headers = dict(request["headers"])
    path, query = urllib.parse.quote(request.get("path", "/"), safe="/-._~"), request.get("query", "")
    signed = AWSRequest(request["method"], "https://" + headers["Host"] + path + ("?" + query if query else ""), headers=headers,
                        data=request["body"].encode())
    kind = botocore.auth.S3SigV4Auth if request["service"] == "s3" else botocore.auth.SigV4Auth
    kept = getattr(botocore.auth, clock)
    setattr(botocore.auth, clock, ours)
    try:
        credentials = Credentials(request["access_key_id"], request["secret_access_key"], request["token"] or None)
        kind(credentials, request["service"], request["region"]).add_auth(signed)
    finally:
        setattr(botocore.auth, clock, kept)
    return signed.headers["Authorization"]


def agrees_with_botocore():
    try:
        import botocore
    except ImportError:
        raise Skip("not compared with AWS's own code: python3-botocore is not installed") from None
    rng = random.Random(SEED)
    signer = Signer()
    for number in range(REQUESTS):
        request = rng.choice((random_request, random_s3_request))(rng)
        ours, theirs = signer.sign(request)["authorization"], by_botocore(request)
        if ours != theirs:
            return "request %d of CART_SEED=%d: %s\nours   %s\ntheirs %s" % (number, SEED, request, ours, theirs)
    signer.close()
    say("%d requests, botocore %s" % (REQUESTS, botocore.__version__))
    return ""


class Catcher:
    """Takes one request a connection and answers {}."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.caught = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.readline()
                headers = []
                for line in iter(stream.readline, b"\r\n"):
                    name, value = line.decode().rstrip("\r\n").split(":", 1)
                    headers.append([name, value.strip()])
                length = int(dict((n.lower(), v) for n, v in headers)["content-length"])
                self.caught.append((headers, stream.read(length).decode()))
                stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


def agrees_with_curl():
    rng = random.Random(SEED)
    catcher, signer = Catcher(), Signer()
    for number in range(CURL_REQUESTS):
        request = random_request(rng)
        body = request["body"].replace("\u0000", "")
        subprocess.run(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "10", "--aws-sigv4",
                        "aws:amz:%s:dynamodb" % request["region"], "--user",
                        request["access_key_id"] + ":" + request["secret_access_key"], "--header",
                        "Content-Type: application/x-amz-json-1.0", "--header", "X-Amz-Target: " + request["headers"][1][1],
                        "--data-binary", "@-", "http://127.0.0.1:%d/" % catcher.port],
                       input=body.encode(), stdout=subprocess.DEVNULL, check=True)
        headers, sent = catcher.caught[-1]
        values = {name.lower(): value for name, value in headers}
        names = re.search(r"SignedHeaders=([^,]*)", values["authorization"])[1].split(";")
        ours = signer.sign({**request, "token": "", "body": sent,
                            "time": calendar.timegm(time.strptime(values["x-amz-date"], "%Y%m%dT%H%M%SZ")),
                            "headers": [[name, values[name]] for name in names if name != "x-amz-date"]})
        if ours["authorization"] != values["authorization"]:
            return "request %d of CART_SEED=%d: %s\nours  %s\ncurl's %s" % (
                number, SEED, request, ours["authorization"], values["authorization"])
    signer.close()
    return ""


def run(tap):
    tap.run("signatures are those of AWS's own code", agrees_with_botocore)
    tap.run("signatures are those of curl", agrees_with_curl)


if __name__ == "__main__":
    sys.exit(main(run))
