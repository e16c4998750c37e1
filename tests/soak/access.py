"""How the crowd of a soak reaches the service: its tokens, its ids, and TLS."""

import base64
import hashlib
import hmac
import json
import os
import re
import ssl
import subprocess
import time
import uuid

import cartd

ISSUER, AUDIENCE = "soak", "cart"
SETTINGS = {"auth": "token,jwt", "auth.token_file": "tokens.json", "auth.jwt_keys": "jwks.json", "auth.jwt_algorithms": "HS256",
            "auth.jwt_issuer": ISSUER, "auth.jwt_audience": AUDIENCE}
FRESH = 0.5  # of the tokens: a JWT that the service has not seen
CERTIFICATE, KEY = "cert.pem", "key.pem"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


class Access:
    """folder: where cartd runs. ids: what cart.id_type says. tls: whether the service has a certificate."""

    def __init__(self, folder, ids, tls):
        self.folder, self.ids, self.secret = folder, ids, os.urandom(32)
        with open(os.open(os.path.join(folder, SETTINGS["auth.jwt_keys"]), os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            json.dump({"keys": [{"kty": "oct", "alg": "HS256", "k": base64url(self.secret)}]}, file)
        status, said = cartd.cartctl(folder, {"auth": "token", "auth.token_file": SETTINGS["auth.token_file"]}, "token", "new", "--name", "soak",
                                     "--scope", "read,write,admin")
        assert status == 0, said
        self.known = re.search(r"cart_\S{20,}", said).group(0)
        self.tls = None
        if tls:
            self.renew()
            self.tls = ssl.create_default_context()
            self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    def settings(self):
        return {**SETTINGS, "cart.id_type": self.ids, **({"http.tls_cert": CERTIFICATE, "http.tls_key": KEY} if self.tls else {})}

    def renew(self):
        """Another certificate, which cartd reads at the next SIGHUP."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", KEY,
                        "-out", CERTIFICATE], cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    def token(self, random):
        if random.random() >= FRESH:
            return self.known
        claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 3600, "scope": "read write admin", "jti": str(uuid.uuid4())}
        text = base64url(b'{"alg":"HS256","typ":"JWT"}') + "." + base64url(json.dumps(claims).encode())
        return text + "." + base64url(hmac.new(self.secret, text.encode(), hashlib.sha256).digest())

    def shop_id(self, kind, number):
        """Of a customer or a product. As a string it has to be encoded in a path."""
        return "%s/%d%%" % (kind, number) if self.ids == "string" else number
