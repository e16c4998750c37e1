"""What stands before a server: listens on a free port while its with block runs."""

import socket
import threading


def unplug(each):
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def pass_on(source, sink, look=lambda data: None):
    """Until one of them closes. look(data) comes first: what is passed on must not overtake it."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            look(data)
            sink.sendall(data)
    except OSError:
        pass
    unplug(source)
    unplug(sink)


class Front:
    """serve(client, server) of a subclass gets each connection, and one to the server, in a thread of its own."""

    def __init__(self, port, listen="127.0.0.1"):
        self.upstream = ("127.0.0.1", port)
        self.listener = socket.create_server((listen, 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in [self.listener] + self.sockets:
            unplug(each)
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                self.sockets.append(client)
                server = socket.create_connection(self.upstream)
                self.sockets.append(server)
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, server), daemon=True).start()
