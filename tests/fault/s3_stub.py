"""A server that speaks as much of S3 as cartctl uses, in memory: it checks signatures and checksums, knows conditional writes, and does
wrong what a test asks for."""

import base64
import calendar
import hashlib
import http.server
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

import s3


class Fault:
    """What is done instead of answering, to the first `times` requests that match."""

    def __init__(self, method, pattern, what, times=1):
        self.method, self.pattern, self.what, self.times = method, re.compile(pattern), what, times
        self.met = 0

    def takes(self, method, target):
        if self.times == 0 or self.method not in ("", method) or not self.pattern.search(urllib.parse.unquote(target)):
            return False
        self.times -= 1
        self.met += 1
        return True


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that is killed resets its connections."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Stub:
    """with Stub("bucket") as stub: stub.objects is {key: bytes}."""

    def __init__(self, *buckets, page=1000, conditions=True, region=s3.REGION, certificate=None):
        self.buckets, self.page, self.conditions, self.region = {name: {} for name in buckets}, page, conditions, region
        self.lock = threading.RLock()
        self.faults, self.asked, self.denied = [], [], ""
        self.skew_s = 0
        self.let_go = threading.Event()
        stub = self

        class Handler(Answers):
            server_of = stub
        self.server = Listener(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        if certificate:  # paths of it and of its key
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def objects(self):
        return next(iter(self.buckets.values()))

    def fault(self, method, pattern, what, times=1):
        self.faults.append(Fault(method, pattern, what, times))
        return self.faults[-1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()


class Refused(Exception):
    def __init__(self, status, code, extra="", headers=None):
        super().__init__(code)
        self.status, self.code, self.extra, self.headers = status, code, extra, headers or {}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of = None
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.server_of.skew_s)

    def send(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def send_refusal(self, refused):
        text = "<?xml version='1.0'?><Error><Code>%s</Code><Message>%s was refused</Message>%s</Error>" % (
            refused.code, escape(self.path), refused.extra)
        self.send(refused.status, text.encode(), {"Content-Type": "application/xml", **refused.headers})

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def handle_any(self):
        stub = self.server_of
        with stub.lock:
            stub.asked.append((time.monotonic(), self.command, urllib.parse.unquote(self.path)))
            fault = next((fault for fault in stub.faults if fault.takes(self.command, self.path)), None)
        what = fault.what if fault else ""
        length = int(self.headers.get("Content-Length") or 0)
        if what == "cut in the request":
            self.rfile.read(length // 2)
            return self.hang_up()
        body = self.rfile.read(length)
        if what == "no answer":
            stub.let_go.wait(60)
            return self.hang_up()
        if isinstance(what, Refused):
            return self.send_refusal(what)
        try:
            status, answer, headers = self.carry_out(body)
        except Refused as refused:
            return self.send_refusal(refused)
        if what == "done without an answer":
            return self.hang_up()
        if what == "done and silent":
            stub.let_go.wait(60)
            return self.hang_up()
        if what == "cut in the answer":
            self.send(status, answer[:len(answer) // 2], headers, len(answer))
            return self.hang_up()
        if what == "another byte":
            answer = bytes([answer[0] ^ 1]) + answer[1:]
        return self.send(status, answer, headers)

    do_GET = do_PUT = do_DELETE = handle_any

    def check_signature(self, body):
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), Signature=(\w+)",
                             self.headers.get("Authorization", ""))
        if not match:
            raise Refused(403, "AccessDenied")
        key_id, scope, signed, made = match.groups()
        if key_id != s3.KEY_ID:
            raise Refused(403, "InvalidAccessKeyId")
        when, digest = self.headers["x-amz-date"], self.headers["x-amz-content-sha256"]
        region = scope.split("/")[1]
        if region != self.server_of.region:
            raise Refused(400, "AuthorizationHeaderMalformed", "<Region>%s</Region>" % self.server_of.region)
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        if made != s3.signature(s3.SECRET, scope, when, self.command, path, query, headers, signed.split(";"), digest):
            raise Refused(403, "SignatureDoesNotMatch")
        unsigned = {name for name in headers if name.startswith("x-amz-") or name in ("host", "if-match", "if-none-match", "content-type")}
        assert unsigned <= set(signed.split(";")), unsigned
        if digest != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch")
        asked_s = calendar.timegm(time.strptime(when, "%Y%m%dT%H%M%SZ"))
        if abs(asked_s - time.time() - self.server_of.skew_s) > 900:
            raise Refused(403, "RequestTimeTooSkewed")

    def carry_out(self, body):
        stub = self.server_of
        self.check_signature(body)
        path, _, query = self.path.partition("?")
        name, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        with stub.lock:
            if stub.denied and re.search(stub.denied, "%s %s" % (self.command, key)):
                raise Refused(403, "AccessDenied")
            if name not in stub.buckets:
                if self.command == "PUT" and not key:
                    stub.buckets[name] = {}
                    return 200, b"", {}
                raise Refused(404, "NoSuchBucket")
            objects = stub.buckets[name]
            if not key:
                return self.list(objects, dict(urllib.parse.parse_qsl(query, keep_blank_values=True)))
            return getattr(self, "object_" + self.command.lower())(objects, key, body)

    def list(self, objects, query):
        assert query["list-type"] == "2", query
        keys = sorted((key for key in objects if key.startswith(query.get("prefix", ""))), key=str.encode)
        keys = [key for key in keys if key.encode() > query.get("continuation-token", "").encode()]
        page, more = keys[:self.server_of.page], len(keys) > self.server_of.page
        text = "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult><IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>" % (
            str(more).lower(), "".join("<Contents><Key>%s</Key><Size>%d</Size></Contents>" % (escape(key), len(objects[key])) for key in page),
            "<NextContinuationToken>%s</NextContinuationToken>" % escape(page[-1]) if more else "")
        return 200, text.encode(), {"Content-Type": "application/xml"}

    @staticmethod
    def about(data):
        return {"ETag": '"%s"' % hashlib.md5(data).hexdigest()}

    def object_get(self, objects, key, _):
        if key not in objects:
            raise Refused(404, "NoSuchKey")
        headers = self.about(objects[key])
        if self.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-sha256"] = base64.b64encode(hashlib.sha256(objects[key]).digest()).decode()
        return 200, objects[key], headers

    def object_put(self, objects, key, body):
        told = self.headers.get("x-amz-checksum-sha256")
        if told is not None and base64.b64decode(told) != hashlib.sha256(body).digest():
            raise Refused(400, "BadDigest")
        if self.server_of.conditions:
            if self.headers.get("If-None-Match") == "*" and key in objects:
                raise Refused(412, "PreconditionFailed")
            same = self.headers.get("If-Match")
            if same is not None and key not in objects:
                raise Refused(404, "NoSuchKey")
            if same is not None and same != self.about(objects[key])["ETag"]:
                raise Refused(412, "PreconditionFailed")
        elif self.server_of.conditions is None and ("If-None-Match" in self.headers or "If-Match" in self.headers):
            raise Refused(501, "NotImplemented")
        objects[key] = body
        return 200, b"", self.about(body)

    def object_delete(self, objects, key, _):
        same = self.headers.get("If-Match")
        if self.server_of.conditions and same is not None and (key not in objects or same != self.about(objects[key])["ETag"]):
            raise Refused(412, "PreconditionFailed")
        objects.pop(key, None)
        return 204, b"", {}
