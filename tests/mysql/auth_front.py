"""A front before a MariaDB that knows its clients by caching_sha2_password, as MySQL 8 does, and passes everything else on.

Debian has no MySQL 8 server. This is what its documentation says of the exchange ("Caching SHA-2 pluggable authentication", in the
client/server protocol), so it shows that our client speaks it; it is no proof about a real MySQL.
"""

import hashlib
import os
import ssl
import struct
import subprocess
import threading

from front import Front, pass_on
from private_mariadb import Line, scrambled

VERSION = b"8.0.36"
PLUGIN = b"caching_sha2_password"
NATIVE = b"mysql_native_password"
NONCE = 20
CLIENT_MYSQL, CLIENT_WITH_DB, CLIENT_COMPRESS, CLIENT_SSL = 1, 8, 32, 1 << 11
CLIENT_PLUGIN_AUTH, CLIENT_CONNECT_ATTRS, CLIENT_LENENC_AUTH = 1 << 19, 1 << 20, 1 << 21
MORE, FAST, FULL, ASK_KEY = b"\x01", b"\x03", b"\x04", b"\x02"


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def sha2_answer(password, nonce):
    once = hashlib.sha256(password).digest()
    return xor(once, hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest())


class Greeting:
    """What a server says first (HandshakeV10)."""

    def __init__(self, payload):
        at = payload.index(b"\0") + 1
        self.thread, first = struct.unpack_from("<I8sx", payload, at)
        low, self.charset, self.status, high, _, second = struct.unpack_from("<HBHHB10x12s", payload, at + 13)
        self.capabilities = low | high << 16
        self.nonce = first + second

    def front(self, nonce, tls):
        """The same of the front: another name, another nonce, another way to log in."""
        flags = (self.capabilities | CLIENT_MYSQL) & ~CLIENT_COMPRESS & ~CLIENT_SSL | (CLIENT_SSL if tls else 0)
        return (b"\x0a" + VERSION + b"\0" + struct.pack("<I8sx", self.thread, nonce[:8]) +
                struct.pack("<HBHHB10x", flags & 0xffff, self.charset, self.status, flags >> 16, NONCE + 1) + nonce[8:] + b"\0" + PLUGIN + b"\0")


class Login:
    """What a client answers (HandshakeResponse41)."""

    def __init__(self, payload):
        self.capabilities, self.max_packet, self.charset = struct.unpack_from("<IIB", payload)
        rest = payload[32:]
        self.user, _, rest = rest.partition(b"\0")
        size = rest[0]  # shorter than 251, so both ways of saying a length are one byte
        self.answer, rest = rest[1:1 + size], rest[1 + size:]
        self.database = None
        if self.capabilities & CLIENT_WITH_DB:
            self.database, _, rest = rest.partition(b"\0")
        self.plugin = rest.partition(b"\0")[0] if self.capabilities & CLIENT_PLUGIN_AUTH else b""

    def native(self, password, nonce):
        answer = scrambled(password, nonce)
        flags = self.capabilities & ~(CLIENT_SSL | CLIENT_COMPRESS | CLIENT_CONNECT_ATTRS | CLIENT_LENENC_AUTH) | CLIENT_PLUGIN_AUTH
        return (struct.pack("<IIB23x", flags, self.max_packet, self.charset) + self.user + b"\0" + bytes([len(answer)]) + answer +
                (self.database + b"\0" if self.database is not None else b"") + NATIVE + b"\0")


class AuthFront(Front):
    """Listens while its with block runs. way: "fast" (the server knows the hash already), "full" (it wants the password itself: over
    TLS as it is, else under the public key that the client asks for), or the name of another plugin, which the client is asked to use
    and which is not passed on. folder: where keys are made."""

    def __init__(self, port, password, way, folder, certificate=None):
        self.password = password.encode()
        self.way = way
        self.certificate = certificate
        self.seen = []  # how each login went
        self.key = os.path.join(folder, "front.key")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key], check=True,
                       stderr=subprocess.DEVNULL)
        self.public = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout"], check=True, stdout=subprocess.PIPE).stdout
        super().__init__(port)

    def serve(self, client, server):
        try:
            logged_in = self._log_in(Line(client), Line(server))
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            self.seen.append("broken: %s" % error)
            client.close()
            return
        if logged_in is None:
            return
        self.sockets.append(logged_in)
        threading.Thread(target=pass_on, args=(logged_in, server), daemon=True).start()
        pass_on(server, logged_in)

    def _log_in(self, client, server):
        """The client's socket when it is in, None when it was turned away."""
        greeting = Greeting(server.read())
        nonce = bytes(1 + byte % 127 for byte in os.urandom(NONCE))  # no zero in it: it ends at one
        client.write(greeting.front(nonce, self.certificate))
        payload = client.read()
        if self.certificate and len(payload) == 32:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            client.socket = context.wrap_socket(client.socket, server_side=True)
            payload = client.read()
        login = Login(payload)
        if self.way not in ("fast", "full"):
            client.write(b"\xfe" + self.way.encode() + b"\0" + nonce + b"\0")
            self.seen.append(client.read())
            raise OSError("that was all")
        if not self._knows(client, login, nonce):
            self.seen.append("refused")
            client.write(b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied for user '" + login.user + b"'")
            client.socket.close()
            return None
        server.write(login.native(self.password, greeting.nonce))
        answer = server.read()
        if answer[0] == 0xfe:  # it would rather have another way
            server.write(scrambled(self.password, answer[1:].partition(b"\0")[2][:NONCE]))
            answer = server.read()
        client.write(answer)
        return client.socket if answer[0] == 0 else None

    def _knows(self, client, login, nonce):
        if login.plugin != PLUGIN:
            raise ValueError("the client speaks %r" % login.plugin)
        if self.way == "fast":
            if login.answer != sha2_answer(self.password, nonce):
                return False
            client.write(MORE + FAST)
            self.seen.append("fast")
            return True
        client.write(MORE + FULL)
        said = client.read()
        if isinstance(client.socket, ssl.SSLSocket):
            self.seen.append("full, over TLS")
            return said == self.password + b"\0"
        if said != ASK_KEY:
            raise ValueError("the client sends %r without TLS" % said)
        client.write(MORE + self.public)
        hidden = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", self.key, "-pkeyopt", "rsa_padding_mode:oaep"], check=True,
                                input=client.read(), stdout=subprocess.PIPE).stdout
        self.seen.append("full, under a public key")
        return xor(hidden, nonce * (len(hidden) // NONCE + 1)) == self.password + b"\0"
