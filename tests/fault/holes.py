"""Places where a connection is lost without a word: ports, and a resolver, that never answer."""

import os
import shutil
import socket
import tempfile
import threading

import tap


class Hole:
    """A port of 127.0.0.1 that accepts connections and never says a word, or (deaf) does not even answer a SYN."""

    def __init__(self, deaf=False):
        self.fillers = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0 if deaf else 128)
        self.port = self.listener.getsockname()[1]
        if deaf:
            self.fill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for filler in self.fillers:
            filler.close()
        self.listener.close()

    def address(self):
        return "127.0.0.1:%d" % self.port

    def fill(self):
        """Connects until the queue of the listener, who accepts nobody, is full: then the kernel drops what comes."""
        for _ in range(16):
            filler = socket.socket()
            filler.settimeout(0.2)
            self.fillers.append(filler)
            try:
                filler.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return
        raise tap.Skip("a connect that hangs was not tested: this kernel's queues do not fill")


class Resolver:
    """A name server that reads every question and answers none; .wrapper makes a command use it.

    The command gets an /etc/resolv.conf of its own, for which it takes a mount namespace, and names are asked for on port 53: both
    take rights that not everybody has.
    """

    ADDRESS = "127.0.0.99"

    def __init__(self):
        self.asked = threading.Event()
        self.folder = tempfile.mkdtemp(prefix="cart-resolver-")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.bind((self.ADDRESS, 53))
        except OSError as error:
            self.close()
            raise tap.Skip("a resolver that does not answer was not tested: port 53: %s" % error) from None
        path = os.path.join(self.folder, "resolv.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("nameserver %s\n" % self.ADDRESS)
        self.wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                        'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"', path]
        if not shutil.which("unshare") or os.system("unshare -m true 2>/dev/null") != 0:
            self.close()
            raise tap.Skip("a resolver that does not answer was not tested: no mount namespace to be had")
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def listen(self):
        while True:
            try:
                self.socket.recvfrom(512)
            except OSError:
                return
            self.asked.set()
