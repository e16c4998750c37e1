"""Private, throwaway local servers that speak S3's protocol, on 127.0.0.1, for tests: they check signatures and checksums and know
conditional writes. Fetched when they are not there: fetched.py."""

import os
import socket

import beside
import fetched


class Versitygw(beside.Server):
    """A Go module (Apache License 2.0), over a folder. It has no bucket, and takes one pair of keys."""

    NAME, PREFIX, STOP_S = "versitygw", "cart-versitygw-", 10.0
    MODULE, VERSION = "github.com/versity/versitygw", "v1.8.0"

    def __init__(self, key_id, secret, region):
        super().__init__()
        self.told = ["--access", key_id, "--secret", secret, "--region", region]

    @classmethod
    def is_here(cls):
        """Whether it was fetched, which takes minutes."""
        return os.path.exists(os.path.join(fetched.SERVERS, "versitygw-" + cls.VERSION, "versitygw"))

    def prepare(self):
        self.program = fetched.go(self.MODULE, self.VERSION, "cmd/versitygw")
        os.makedirs(self.path("data"), exist_ok=True)
        os.makedirs(self.path("about"), exist_ok=True)

    def words(self):
        # What it knows of an object stands in a folder of its own: a temporary file system may have no extended attributes.
        return [self.program, "--port", "127.0.0.1:%d" % self.port, *self.told, "--keep-alive", "--quiet", "posix", "--sidecar", self.path("about"),
                self.path("data")]

    def variables(self):
        return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VGW_", "ROOT_"))}

    def answers(self, said):
        with socket.socket() as other:
            return other.connect_ex(("127.0.0.1", self.port)) == 0

    def lost_port(self, said):
        return "address already in use" in said
