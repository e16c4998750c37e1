"""S3's protocol for tests, written apart from cartctl's: signatures (Signature Version 4), and a client that looks into a bucket."""

import hashlib
import hmac
import http.client
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

KEY_ID, SECRET, REGION = "AKIDTESTS3", "not/a+secret", "eu-central-1"
EMPTY = hashlib.sha256(b"").hexdigest()


def quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-._~")


def hmac_of(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, scope, when, method, path, query, headers, signed, digest):
    """Of a request as it was sent. headers: {lower-case name: value}; signed: their names, sorted."""
    pairs = sorted((quote(name), quote(value)) for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([method, path, "&".join("%s=%s" % pair for pair in pairs),
                           "".join("%s:%s\n" % (name, " ".join(headers[name].split())) for name in signed), ";".join(signed), digest])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac_of(key, part)
    return hmac_of(key, to_sign).hex()


class Bucket:
    """A bucket by path at http://127.0.0.1:port."""

    def __init__(self, port, name, key_id=KEY_ID, secret=SECRET, region=REGION):
        self.port, self.name, self.key_id, self.secret, self.region = port, name, key_id, secret, region

    def ask(self, method, key="", query="", body=b""):
        """Status and body."""
        path = "/" + self.name + ("/" + quote(key, "/") if key else "")
        when, digest = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), hashlib.sha256(body).hexdigest()
        headers = {"host": "127.0.0.1:%d" % self.port, "x-amz-content-sha256": digest, "x-amz-date": when}
        scope = "%s/%s/s3/aws4_request" % (when[:8], self.region)
        made = signature(self.secret, scope, when, method, path, query, headers, sorted(headers), digest)
        headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
            self.key_id, scope, ";".join(sorted(name for name in headers)), made)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path + ("?" + query if query else ""), body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def make(self):
        status, said = self.ask("PUT")
        assert status == 200, (status, said)
        return self

    def get(self, key):
        status, data = self.ask("GET", key)
        assert status == 200, (key, status, data)
        return data

    def put(self, key, data):
        status, said = self.ask("PUT", key, body=data)
        assert status == 200, (key, status, said)

    def remove(self, key):
        status, said = self.ask("DELETE", key)
        assert status in (200, 204), (key, status, said)

    def keys(self, prefix=""):
        found, token = [], None
        while True:
            query = ("continuation-token=%s&" % quote(token) if token else "") + "list-type=2&prefix=" + quote(prefix)
            status, text = self.ask("GET", query=query)
            assert status == 200, (status, text)
            root = ElementTree.fromstring(text)
            tag = root.tag[:-len("ListBucketResult")]
            found += [item.findtext(tag + "Key") for item in root.findall(tag + "Contents")]
            token = root.findtext(tag + "NextContinuationToken")
            if not token:
                return found
