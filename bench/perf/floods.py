"""Malicious clients, each for a few seconds in a process of its own: the attacks that bare evhttp does not survive."""

import multiprocessing
import os
import socket
import time

import servers

CLIENTS = 8


def _open(port):
    s = socket.create_connection(("127.0.0.1", port), 5)
    s.setblocking(False)
    return s


def _pour(port, until, opening, more):
    """CLIENTS connections that send opening, then more without end, and never read."""
    clients = {}
    while time.monotonic() < until:
        idle = True
        for i in range(CLIENTS):
            try:
                if i not in clients:
                    clients[i] = _open(port)
                    clients[i].send(opening)
                clients[i].send(more)
                idle = False
            except BlockingIOError:
                pass
            except OSError:
                if i in clients:
                    clients.pop(i).close()
        if idle:
            time.sleep(0.002)
    for s in clients.values():
        s.close()


def endless_chunk_size(port, until):
    _pour(port, until, b"POST /shopping-carts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536)


def endless_header(port, until):
    _pour(port, until, b"GET / HTTP/1.1\r\nX: ", b"a" * 65536)


def pipelining_without_reading(port, until):
    _pour(port, until, b"", b"GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n" * 200)


def bodies_too_large(port, until):
    head = b"POST /shopping-carts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    _pour(port, until, head, b" " * 65536)


def connect_storm(port, until):
    while time.monotonic() < until:
        for _ in range(50):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                pass
        time.sleep(0.005)


def drip(port, until):
    """500 clients that send a byte every now and then."""
    clients = [None] * 500
    while time.monotonic() < until:
        for i, s in enumerate(clients):
            try:
                if s is None:
                    clients[i] = s = _open(port)
                    s.send(b"GET / HTTP/1.1\r\n")
                s.send(b"X")
            except OSError:
                if clients[i] is not None:
                    clients[i].close()
                clients[i] = None
        time.sleep(0.1)


ALL = (endless_chunk_size, endless_header, pipelining_without_reading, bodies_too_large, connect_storm, drip)


def start(flood, port, seconds):
    """Runs a flood in the background; join() the process."""

    def run():
        # Behind wrk on their common core: what is measured is the server, not the load's own queue.
        os.sched_setaffinity(0, {servers.LOAD_CORE})
        os.nice(19)
        flood(port, time.monotonic() + seconds)

    process = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    process.start()
    return process
