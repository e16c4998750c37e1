"""The MySQL protocol as seen by somebody in the middle: four bytes of header a packet, and number 0 begins a command.

(MySQL client/server protocol, "Protocol Basics".)
"""

HEADER = 4


def number_of(packet):
    return packet[3]


def payload_of(packet):
    return packet[HEADER:]


def error_packet(number, error, state, text):
    """A server's refusal of a command."""
    payload = b"\xff" + error.to_bytes(2, "little") + b"#" + state.encode() + text.encode()
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


class Packets:
    """Cuts a stream into packets, each with its header."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= HEADER:
            whole = HEADER + int.from_bytes(self.rest[:3], "little")
            if len(self.rest) < whole:
                return
            packet, self.rest = self.rest[:whole], self.rest[whole:]
            yield packet
