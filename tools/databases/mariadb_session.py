"""A small client of the MySQL protocol for private servers: text queries, a password or none, no TLS.

Tests that count what a server did, or hold a lock while something else runs, need a session of their own that costs one
connection and says nothing unasked; and so neither they nor tools/with-mariadb need a client package.
"""

import hashlib
import socket
import struct

CLIENT_LONG_PASSWORD = 0x1
CLIENT_PROTOCOL_41 = 0x200
CLIENT_TRANSACTIONS = 0x2000
CLIENT_SECURE_CONNECTION = 0x8000
CLIENT_MULTI_STATEMENTS = 0x10000
CLIENT_MULTI_RESULTS = 0x20000
CLIENT_PLUGIN_AUTH = 0x80000
SERVER_MORE_RESULTS_EXISTS = 0x8
UTF8MB4 = 45
MAX_PACKET = 1 << 24
PART_MAX = 0xFFFFFF  # a packet of this length goes on in the next one
COM_QUIT, COM_QUERY = b"\x01", b"\x03"
FAST_AUTHENTICATION, FULL_AUTHENTICATION = b"\x01\x03", b"\x01\x04"


class SqlError(Exception):
    """What the server refused: .code (1213), .state ("40001"), .text."""

    def __init__(self, code, state, text):
        super().__init__("%d (%s): %s" % (code, state, text))
        self.code, self.state, self.text = code, state, text


class Lost(Exception):
    """The connection ended, or no answer came in time."""


def error_of(packet):
    code = struct.unpack_from("<H", packet, 1)[0]
    text = packet[3:].decode("utf-8", "replace")
    if text.startswith("#"):
        return SqlError(code, text[1:6], text[6:])
    return SqlError(code, "HY000", text)


def length_at(packet, at):
    """A length-encoded integer: (its value or None for NULL, where it ends)."""
    first = packet[at]
    if first < 0xFB:
        return first, at + 1
    if first == 0xFB:
        return None, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    return int.from_bytes(packet[at + 1:at + 1 + size], "little"), at + 1 + size


def row_of(packet):
    row, at = [], 0
    while at < len(packet):
        size, at = length_at(packet, at)
        if size is None:
            row.append(None)
        else:
            row.append(packet[at:at + size].decode("utf-8", "replace"))
            at += size
    return row


def scrambled(password, scramble):
    """What mysql_native_password wants to see. Both are bytes."""
    if not password:
        return b""
    once = hashlib.sha1(password).digest()
    mask = hashlib.sha1(scramble + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, mask))


def sha2_scrambled(password, scramble):
    """The same of caching_sha2_password."""
    if not password:
        return b""
    once = hashlib.sha256(password).digest()
    mask = hashlib.sha256(hashlib.sha256(once).digest() + scramble).digest()
    return bytes(a ^ b for a, b in zip(once, mask))


PROOFS = {b"mysql_native_password": scrambled, b"caching_sha2_password": sha2_scrambled}


class Line:
    """Packets over a socket, numbered from one command to the next."""

    def __init__(self, sock):
        self.socket = sock
        self.number = 0

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the connection was closed")
            data += more
        return data

    def read(self):
        packet, size = b"", PART_MAX
        while size == PART_MAX:
            head = self.exactly(4)
            size = int.from_bytes(head[:3], "little")
            self.number = (head[3] + 1) & 0xFF
            packet += self.exactly(size)
        return packet

    def write(self, packet):
        if len(packet) >= PART_MAX:
            raise ValueError("a query of %d bytes is too long for this client" % len(packet))
        self.socket.sendall(len(packet).to_bytes(3, "little") + bytes([self.number]) + packet)
        self.number = (self.number + 1) & 0xFF


class Session:
    """One connection. `with` closes it. where: the path of a socket, or (host, port)."""

    def __init__(self, where, user="root", password="", timeout=30.0):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.line = Line(self.socket)
        self.id = 0  # of the connection, for KILL
        self.version = ""
        try:
            self.socket.connect(where)
            self._greet(user, password)
        except OSError as error:
            self.close()
            raise Lost(str(error)) from error
        except Exception:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Says goodbye, or the server would log a lost connection."""
        try:
            self.line.number = 0
            self.line.write(COM_QUIT)
        except OSError:
            pass
        self.socket.close()

    def _greet(self, user, password):
        greeting = self.line.read()
        if greeting[0] == 0xFF:
            raise error_of(greeting)
        version, _, rest = greeting[1:].partition(b"\0")
        self.version = version.decode()
        self.id = struct.unpack_from("<I", rest)[0]
        scramble = rest[4:12] + rest[31:43]
        flags = (CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_TRANSACTIONS | CLIENT_SECURE_CONNECTION
                 | CLIENT_MULTI_STATEMENTS | CLIENT_MULTI_RESULTS | CLIENT_PLUGIN_AUTH)
        proof = scrambled(password.encode(), scramble)
        self.line.write(struct.pack("<IIB23x", flags, MAX_PACKET, UTF8MB4) + user.encode() + b"\0"
                    + bytes([len(proof)]) + proof + b"mysql_native_password\0")
        answer = self.line.read()
        if answer[0] == 0xFE:  # asks for another proof; the socket's is empty, a password's has a scramble of its own
            plugin, _, scramble = answer[1:].partition(b"\0")
            self.line.write(PROOFS[plugin](password.encode(), scramble[:20]) if plugin in PROOFS else b"")
            answer = self.line.read()
        if answer == FULL_AUTHENTICATION:
            # The server does not remember the password: over a socket it takes it as it is. (Over TCP without TLS it would have to be
            # encrypted, which this client does not do.)
            self.line.write(password.encode() + b"\0" if self.socket.family == socket.AF_UNIX else b"\0")
            answer = self.line.read()
        elif answer == FAST_AUTHENTICATION:
            answer = self.line.read()
        if answer[0] == 0xFF:
            raise error_of(answer)

    def _result(self):
        """Reads one result: (its rows, None without any; whether another follows)."""
        packet = self.line.read()
        if packet[0] == 0xFF:
            raise error_of(packet)
        if packet[0] == 0x00:
            _, at = length_at(packet, 1)  # rows affected
            _, at = length_at(packet, at)  # last id
            return None, struct.unpack_from("<H", packet, at)[0] & SERVER_MORE_RESULTS_EXISTS
        columns, _ = length_at(packet, 0)
        for _ in range(columns + 1):  # and the packet that ends them
            self.line.read()
        rows = []
        while True:
            packet = self.line.read()
            if packet[0] == 0xFF:
                raise error_of(packet)
            if packet[0] == 0xFE and len(packet) < 9:
                return rows, struct.unpack_from("<H", packet, 3)[0] & SERVER_MORE_RESULTS_EXISTS
            rows.append(row_of(packet))

    def sql(self, text):
        """Runs the statements; the rows of the last one that has any, each a list of str or None."""
        self.line.number = 0
        rows, more = [], True
        try:
            self.line.write(COM_QUERY + text.encode())
            while more:
                got, more = self._result()
                rows = rows if got is None else got
        except OSError as error:
            raise Lost(str(error)) from error
        return rows
