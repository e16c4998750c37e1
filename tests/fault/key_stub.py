"""Where credentials come from: a container's agent and an instance's metadata service (IMDSv2), with keys that live as short as is told.

Source: "Container credential provider" (AWS SDKs and tools reference guide); "Retrieve security credentials from instance metadata"
(EC2 user guide).
"""

import http.server
import json
import threading
import time

ROLE = "cart"
SESSION = "session-of-the-stub"
NO_FILES = {"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, text, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        if self.server.stub.fails() or self.path != "/latest/api/token":
            self.say(500, "")
        else:
            self.say(200, SESSION, [("X-aws-ec2-metadata-token-ttl-seconds", "21600")])

    def do_GET(self):
        stub, folder = self.server.stub, "/latest/meta-data/iam/security-credentials/"
        if self.path.startswith("/latest/") and self.headers.get("X-aws-ec2-metadata-token") != SESSION:
            self.say(401, "")
        elif stub.fails():
            self.say(500, "")
        elif self.path == folder:
            self.say(200, ROLE)
        elif self.path in ("/container", folder + ROLE):
            self.say(200, json.dumps(stub.issue()))
        else:
            self.say(404, "")


class KeyStub:
    """lifetime_s: of the keys that it issues from now on. failing: it answers HTTP 500."""

    def __init__(self, lifetime_s):
        self.lifetime_s, self.failing, self.failures = lifetime_s, False, 0
        self.lock = threading.Lock()
        self.issued = {}  # id: (token, when it expires)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.stub = self
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def container(self):
        """AWS_* for a cartd that asks the agent."""
        return {**NO_FILES, "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + "/container", "AWS_EC2_METADATA_DISABLED": "true"}

    def instance(self):
        """AWS_* for a cartd that asks the metadata service."""
        return {**NO_FILES, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url}

    def fails(self):
        with self.lock:
            self.failures += self.failing
            return self.failing

    def issue(self):
        with self.lock:
            number = len(self.issued) + 1
            expires = int(time.time() + self.lifetime_s)
            key, token = "ASIA%04d" % number, "token-%d" % number
            self.issued[key] = token, expires
        return {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key, "SecretAccessKey": "secret-%d" % number, "Token": token,
                "LastUpdated": "2020-01-01T00:00:00Z", "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))}

    def is_valid(self, key, token):
        """What the service thinks of it now."""
        known, expires = self.issued.get(key, (None, 0))
        return known == token and time.time() < expires

    def revoke(self):
        """What was issued until now is not taken any more."""
        with self.lock:
            self.issued = {key: (None, 0) for key in self.issued}
