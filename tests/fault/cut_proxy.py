"""A proxy between cartd and its database that cuts connections where it hurts.

It knows as much of the protocol as it needs: where what a client sends begins and ends, and which of it is a command. MySQL's: packets, of
which one with sequence number 0 is a command; logging in is never disturbed, nor are the first commands of a connection, by
which cartd sets its session up, unless that is asked for. DynamoDB's: each request is one. Once told to cut(), it does so at every n-th
command of its count, whichever connection that comes over.
"""

import collections
import re
import select
import socket
import struct
import threading

from sql_packets import Packets, error_packet, number_of, payload_of

WITHIN_REQUEST = "within the request"  # the server gets half of it
AFTER_REQUEST = "after the request"  # the server gets it; nobody waits for the answer
BEFORE_ANSWER = "before the answer"  # the server has done all of it; not a byte of the answer arrives
WITHIN_ANSWER = "within the answer"  # half of what came first arrives
REFUSED = "refused"  # the proxy answers in the server's place, which gets nothing (MySQL only)
QUIET_S = 0.03  # a server that has said nothing more for so long has answered
SET_UP_COMMANDS = 6
SILENT_MAX = 200  # sessions whose client has given up; the process may have 1024 descriptors, and select() takes no more
COM_QUIT = b"\x01"
RESET = struct.pack("ii", 1, 0)


class SqlStream:
    """What a client of MySQL's sends, cut into (packet, what kind of command it is; None: it is none)."""

    def __init__(self):
        self.packets = Packets()

    def feed(self, data):
        for packet in self.packets.feed(data):
            is_command = number_of(packet) == 0 and payload_of(packet)[:1] != COM_QUIT
            yield packet, "command" if is_command else None


class DynamodbStream:
    """The same of a client of DynamoDB's: HTTP requests that have a Content-Length, and an operation each."""

    LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
    OPERATION = re.compile(rb"(?i)\r\nx-amz-target: *DynamoDB_20120810\.(\w+)")

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head = self.rest.index(b"\r\n\r\n") + 4
            whole = head + int(self.LENGTH.search(self.rest, 0, head).group(1))
            if len(self.rest) < whole:
                return
            request, self.rest = self.rest[:whole], self.rest[whole:]
            yield request, self.OPERATION.search(request, 0, head).group(1).decode()


class Cut(Exception):
    """This connection's turn."""


class Pair:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(("127.0.0.1", proxy.server_port), 5)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = proxy.stream()
        self.cut_at = None
        self.commands = 0

    def close(self, reset=False):
        for end in (self.client, self.server):
            try:
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.close()
            except OSError:
                pass

    def from_client(self, data):
        for packet, kind in self.stream.feed(data):
            where = None
            if kind is not None:
                self.commands += 1
                where = self.proxy.judge(self.commands, kind)
            if where == WITHIN_REQUEST:
                self.server.sendall(packet[:len(packet) // 2])
                raise Cut
            if where == REFUSED:
                self.client.sendall(error_packet(1, *self.proxy.error))
                continue
            self.server.sendall(packet)
            self.proxy.silence_behind(self, packet)
            if where == AFTER_REQUEST:
                raise Cut
            self.cut_at = where

    def from_server(self, data):
        if self.cut_at == BEFORE_ANSWER:
            while data and select.select([self.server], [], [], QUIET_S)[0]:
                data = self.server.recv(65536)
            raise Cut
        if self.cut_at == WITHIN_ANSWER:
            self.client.sendall(data[:len(data) // 2])
            raise Cut
        self.client.sendall(data)

    def run(self):
        reset = False
        ends = [self.client, self.server]
        try:
            while True:
                ready, _, _ = select.select(ends, [], [], 0.2)
                if self.proxy.ended.is_set():
                    break
                for end in ready:
                    if not self.pass_on(end):
                        ends.remove(end)
                        end.close()
        except Cut:
            # Every second one is a reset in place of an orderly end.
            reset = self.proxy.count_cut() % 2 == 0
        except (OSError, ValueError):
            pass
        self.close(reset)
        self.proxy.forget(self)

    def pass_on(self, end):
        """What comes while the way is silent is lost on it, the end of the client's connection too: then False."""
        data = end.recv(65536)
        silent = self.proxy.is_silent(self)
        if not data:
            if silent and end is self.client and self.proxy.keeps_server(self):
                return False
            raise ConnectionError("an end has closed")
        if silent:
            return True
        if end is self.client:
            self.from_client(data)
        else:
            self.from_server(data)
        return True


class CutProxy:
    """Listens on .port from the start. `with` ends it. spare: commands at the beginning of a connection that it leaves alone."""

    def __init__(self, server_port, spare=SET_UP_COMMANDS, stream=SqlStream):
        self.server_port, self.spare, self.stream = server_port, spare, stream
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.pairs, self.silenced = set(), set()
        self.given_up = []  # silent pairs whose client has closed, the oldest first
        self.silence_after = None
        self.seen = collections.Counter()  # commands that have come, whole, by their kind
        self.where, self.every, self.commands, self.cuts = None, 0, 0, 0
        self.error = None  # of REFUSED: number, SQLSTATE, text
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            pair.close()

    def accept(self):
        while not self.ended.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                pair = Pair(self, client)
            except OSError:
                client.close()  # the server is away
                continue
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=pair.run, daemon=True).start()

    def forget(self, pair):
        with self.lock:
            self.pairs.discard(pair)
            self.silenced.discard(pair)
            if pair in self.given_up:
                self.given_up.remove(pair)

    def cut(self, where, every):
        """From now on, every so many commands. None: no longer."""
        with self.lock:
            self.where, self.every = where, every

    def silence(self):
        """From now on nothing passes over the connections that there are; new ones work."""
        with self.lock:
            self.silenced |= self.pairs

    def silence_next(self, words):
        """The connection over which a command with these words comes next falls silent before its answer."""
        self.silence_after = words

    def silence_behind(self, pair, packet):
        with self.lock:
            if self.silence_after is not None and self.silence_after in packet:
                self.silence_after = None
                self.silenced.add(pair)

    def keeps_server(self, pair):
        """A silent pair's client has closed. A database's server does not learn of it, and keeps the session and its locks; HTTP has none."""
        if self.stream is not SqlStream:
            return False
        with self.lock:
            self.given_up.append(pair)
            oldest = self.given_up.pop(0) if len(self.given_up) > SILENT_MAX else None
        if oldest is not None:
            oldest.server.shutdown(socket.SHUT_RDWR)
        return True

    def is_silent(self, pair):
        return pair in self.silenced

    def judge(self, number, kind):
        """Where the command that has come, the number-th of its connection, is to be cut."""
        with self.lock:
            self.seen[kind] += 1
            if number <= self.spare:
                return None
            self.commands += 1
            return self.where if self.where and self.commands % self.every == 0 else None

    def count_cut(self):
        with self.lock:
            self.cuts += 1
            return self.cuts
