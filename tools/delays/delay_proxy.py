#!/usr/bin/python3
"""A TCP proxy that delays what it passes on: the process behind delays.World. It is told what to do in the first line of its standard
input, answers with its ports in one line, and ends when its input is closed.

It delays, and limits no bandwidth: any number of bytes may be on their way at once, and they keep their order. An end of a stream
and a reset are passed on after the bytes before them, as late as these. There is one draw of the round trip for each question and its answer:
for what a client sends until it receives something, and for what it then receives. A database's answer leaves no earlier than its
read_ms or write_ms after the question has arrived; what the server behind takes by itself counts as part of that time.
"""

import collections
import errno
import heapq
import json
import random
import re
import resource
import select
import socket
import struct
import sys
import time

WRITE = re.compile(rb"DynamoDB_20120810\.(?:Put|Update|Delete|BatchWrite|TransactWrite)Item|\b(?:INSERT|UPDATE|DELETE|COMMIT)\b")
READ = re.compile(rb"DynamoDB_20120810\.(?:Get|BatchGet|TransactGet)Item|DynamoDB_20120810\.Query|\bSELECT\b")
QUEUED_MAX = 64 << 20  # bytes on their way to an end, after which nothing more is read for it
CHUNK = 1 << 18
LOOKED_AT = 4096  # at the beginning and at the end of what a database is asked, where the words are that tell a write
NOW_RESET = struct.pack("ii", 1, 0)
CONNECT, END, RESET = "connect", "end", "reset"  # what is queued beside bytes


class Link:
    """Where a port leads, and its delays in seconds."""

    def __init__(self, given, seed):
        self.upstream = (given["host"], given["port"])
        self.values = {name: [value / 1000 for value in values] for name, values in given["delays"].items()}
        self.random = random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.setblocking(False)

    def draw(self, name):
        values = self.values.get(name, [0.0])
        return values[0] if len(values) == 1 else self.random.choice(values)

    def work(self, data):
        """How long the database takes for what these bytes ask."""
        if "read_ms" not in self.values and "write_ms" not in self.values:
            return 0.0
        data = data if len(data) <= 2 * LOOKED_AT else data[:LOOKED_AT] + data[-LOOKED_AT:]
        return self.draw("write_ms") if WRITE.search(data) else self.draw("read_ms") if READ.search(data) else 0.0


class End:
    """One of the two sockets of a connection, and what is on its way to it: (when it is due, bytes or a word)."""

    def __init__(self, pair, sock=None):
        self.pair, self.socket = pair, sock
        self.queue, self.queued, self.last_due = collections.deque(), 0, 0.0
        self.has_ended = False  # it sends nothing more
        self.is_finished = False  # it gets nothing more
        self.is_blocked = False
        self.mask = 0


class Pair:
    """A connection: the client's end, and the one to the server, which has no socket until the set-up time is over."""

    def __init__(self, link, client):
        self.link, self.client, self.server = link, End(self, client), End(self)
        self.client.other, self.server.other = self.server, self.client
        self.asks = False  # the client has sent something since it last received anything
        self.one_way = link.draw("round_trip_ms") / 2
        self.answer_due = 0.0

    def due(self, source, data, now):
        """When what has come from this end arrives at the other one."""
        if source is self.server:
            self.asks = False
            return max(now, self.answer_due) + self.one_way
        if not self.asks and data not in (END, RESET):
            self.asks, self.one_way = True, self.link.draw("round_trip_ms") / 2
        due = max(now + self.one_way, self.server.last_due)
        if isinstance(data, bytes):
            self.answer_due = max(self.answer_due, due + self.link.work(data))
        return due


class Proxy:
    def __init__(self, links):
        self.poll = select.epoll()
        self.poll.register(0, select.EPOLLIN)
        self.ends, self.timers, self.count = {}, [], 0
        self.listeners = {link.listener.fileno(): link for link in links}
        for number in self.listeners:
            self.poll.register(number, select.EPOLLIN)

    def run(self):
        while True:
            # epoll's own timeout has a resolution of a millisecond.
            wait = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
            select.select([self.poll.fileno()], [], [], wait)
            for number, events in self.poll.poll(0):
                if number == 0:
                    return
                if number in self.listeners:
                    self.accept(self.listeners[number])
                elif number in self.ends:
                    self.ready(self.ends[number], events)
            while self.timers and self.timers[0][0] <= time.monotonic():
                self.flush(heapq.heappop(self.timers)[2])

    def accept(self, link):
        try:
            client, _ = link.listener.accept()
        except OSError:
            return
        pair = Pair(link, client)
        self.add(pair.client)
        self.push(pair.server, time.monotonic() + link.draw("connect_ms") + pair.one_way, CONNECT)

    def add(self, end):
        end.socket.setblocking(False)
        end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ends[end.socket.fileno()] = end
        self.watch(end)

    def watch(self, end):
        """Tells epoll what to wait for at this end. An end that nothing is expected of is left out: it would report its hang-up for ever."""
        if end.socket is None:
            return
        reads = not end.has_ended and end.other.queued < QUEUED_MAX
        mask = (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if end.is_blocked else 0)
        if mask and end.mask:
            if mask != end.mask:
                self.poll.modify(end.socket, mask)
        elif mask:
            self.poll.register(end.socket, mask)
        elif end.mask:
            self.poll.unregister(end.socket)
        end.mask = mask

    def ready(self, end, events):
        if events & select.EPOLLOUT:
            self.flush(end)
        if events & ~select.EPOLLOUT and end.socket is not None and not end.has_ended:
            self.receive(end)

    def receive(self, end):
        try:
            data = end.socket.recv(CHUNK) or END
        except BlockingIOError:
            return
        except OSError:
            data = RESET
        now = time.monotonic()
        end.has_ended = data in (END, RESET)
        self.push(end.other, end.pair.due(end, data, now), data)
        self.watch(end)

    def push(self, end, due, data):
        end.last_due = due = max(due, end.last_due)
        end.queue.append((due, data))
        end.queued += len(data) if isinstance(data, bytes) else 0
        if len(end.queue) == 1:
            self.await_due(end)

    def await_due(self, end):
        self.count += 1  # two that are due at the same time are not compared
        heapq.heappush(self.timers, (end.queue[0][0], self.count, end))

    def flush(self, end):
        """Sends what is due. The caller: its timer, or epoll once it is no longer blocked."""
        end.is_blocked = False
        while end.queue and not end.is_blocked:
            due, data = end.queue[0]
            if due > time.monotonic():
                self.await_due(end)
                break
            if not self.deliver(end, data):
                return
        if end.socket is not None:
            self.watch(end)
            self.watch(end.other)

    def deliver(self, end, data):
        """Takes the head of the queue, or as much of it as the socket takes. False: the connection is over."""
        if data == RESET:
            return self.close(end.pair, reset=True)
        try:
            if data == CONNECT:
                end.socket = socket.socket()
                self.add_server(end)
            elif data == END:
                end.is_finished = True
                end.socket.shutdown(socket.SHUT_WR)
                if end.other.is_finished:
                    return self.close(end.pair)
            else:
                sent = end.socket.send(data)
                end.queued -= sent
                if sent < len(data):
                    end.queue[0] = (end.queue[0][0], data[sent:])
                    return True
        except BlockingIOError:
            end.is_blocked = True
            return True
        except OSError:
            return self.lose(end)
        end.queue.popleft()
        return True

    def add_server(self, end):
        """The kernel queues nothing before the connection is made: send() blocks until then, and a refusal is received as an error."""
        end.socket.setblocking(False)
        status = end.socket.connect_ex(end.pair.link.upstream)
        if status not in (0, errno.EINPROGRESS):
            raise OSError(status, "connect")
        self.add(end)

    def lose(self, end):
        """This end has been reset by its peer, which was noticed while sending to it: the other end learns of it one way later."""
        end.queue.clear()
        end.queued, end.has_ended = 0, True
        self.push(end.other, end.pair.due(end, RESET, time.monotonic()), RESET)
        self.watch(end)
        return False

    def close(self, pair, reset=False):
        for end in (pair.client, pair.server):
            end.queue.clear()
            end.queued = 0
            if end.socket is None:
                continue
            end.has_ended, end.is_blocked = True, False
            self.watch(end)
            del self.ends[end.socket.fileno()]
            if reset:
                end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW_RESET)
            end.socket.close()
            end.socket = None
        return False


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    given = json.loads(sys.stdin.buffer.raw.readline())
    links = [Link(each, "%s %s" % (given["seed"], number)) for number, each in enumerate(given["links"])]
    print(json.dumps([link.listener.getsockname()[1] for link in links]), flush=True)
    try:
        Proxy(links).run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
