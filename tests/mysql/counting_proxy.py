"""A proxy before a MariaDB that sees every command.

(MySQL client/server protocol, "Command Phase".)
"""

import threading

from front import Front, pass_on
from sql_packets import Packets, number_of, payload_of

COMMANDS = {0x01: "QUIT", 0x02: "INIT_DB", 0x03: "QUERY", 0x0e: "PING", 0x11: "CHANGE_USER", 0x16: "STMT_PREPARE", 0x17: "STMT_EXECUTE",
            0x18: "STMT_SEND_LONG_DATA", 0x19: "STMT_CLOSE", 0x1a: "STMT_RESET", 0x1b: "SET_OPTION", 0x1c: "STMT_FETCH",
            0x1f: "RESET_CONNECTION"}


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


class CountingProxy(Front):
    def __init__(self, port, listen="127.0.0.1"):
        self.commands = []
        self.connections = 0
        self.lock = threading.Lock()
        super().__init__(port, listen)

    def serve(self, client, server):
        with self.lock:
            self.connections += 1
            number = self.connections
        packets = Packets()

        def note(data):
            self.commands += [Command(number, payload_of(packet)) for packet in packets.feed(data)
                              if number_of(packet) == 0 and payload_of(packet)]

        threading.Thread(target=pass_on, args=(server, client), daemon=True).start()
        pass_on(client, server, note)
