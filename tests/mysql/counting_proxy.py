"""A proxy before a MariaDB that sees every command: four bytes of header a packet, and number 0 begins a command.

(MySQL client/server protocol, "Protocol Basics" and "Command Phase".)
"""

import socket
import threading

COMMANDS = {0x01: "QUIT", 0x02: "INIT_DB", 0x03: "QUERY", 0x0e: "PING", 0x11: "CHANGE_USER", 0x16: "STMT_PREPARE", 0x17: "STMT_EXECUTE",
            0x18: "STMT_SEND_LONG_DATA", 0x19: "STMT_CLOSE", 0x1a: "STMT_RESET", 0x1b: "SET_OPTION", 0x1c: "STMT_FETCH",
            0x1f: "RESET_CONNECTION"}
HEADER = 4


class Command:
    def __init__(self, connection, payload):
        self.connection = connection
        self.name = COMMANDS.get(payload[0], "0x%02x" % payload[0])
        self.text = payload[1:]

    def statements(self):
        """Texts of its statements. Nothing that is quoted in ours can hold a semicolon: there are only numbers and hex."""
        return [text.strip().decode("latin-1") for text in self.text.split(b";") if text.strip()]

    def __str__(self):
        return "connection %d %s %s" % (self.connection, self.name, self.text.decode("latin-1"))


class Packets:
    """Cuts a stream into packets."""

    def __init__(self):
        self.buffer = b""

    def feed(self, data):
        self.buffer += data
        while len(self.buffer) >= HEADER:
            size = int.from_bytes(self.buffer[:3], "little")
            if len(self.buffer) < HEADER + size:
                return
            number, payload = self.buffer[3], self.buffer[HEADER:HEADER + size]
            self.buffer = self.buffer[HEADER + size:]
            yield number, payload


class CountingProxy:
    """Listens on a free port while its with block runs."""

    def __init__(self, port, listen="127.0.0.1"):
        self.upstream = ("127.0.0.1", port)
        self.commands = []
        self.listener = socket.create_server((listen, 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in [self.listener] + self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.upstream)
            except OSError:
                return
            self.connections += 1
            self.sockets += [client, server]
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(client, server, self.connections), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, 0), daemon=True).start()

    def _pump(self, source, sink, number):
        """number: the connection's, in the direction in which commands go."""
        packets = Packets()
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                # Before it is passed on: an answer must not overtake the count.
                if number:
                    self.commands += [Command(number, payload) for packet, payload in packets.feed(data) if packet == 0 and payload]
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
