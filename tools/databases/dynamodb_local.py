"""Servers that speak DynamoDB's protocol, besides dynalite: each as dynalite.Server is. Fetched when they are not there: fetched.py."""

import os
import sys

import dynalite
import fetched


class Dynoxide(dynalite.Local):
    """A crate; it stores in SQLite."""

    NAME, PREFIX = "dynoxide", "cart-dynoxide-"
    CRATE, VERSION = "dynoxide-rs", "3.2.0"

    def __init__(self, folder=None, port=None, on_disk=False):
        super().__init__(folder, port)
        self.data = ["--db-path", self.path("data.db")] if self.keep or on_disk else []

    @classmethod
    def is_here(cls):
        """Whether it was fetched, which takes minutes."""
        return os.path.exists(os.path.join(fetched.SERVERS, "%s-%s" % (cls.CRATE, cls.VERSION), "bin", "dynoxide"))

    def prepare(self):
        self.program = fetched.crate(self.CRATE, self.VERSION, "dynoxide")

    def words(self):
        return [self.program, "serve", "--port", str(self.port), *self.data]

    def answers(self, said):
        return "listening on" in said

    def lost_port(self, said):
        return "already in use" in said

    def version(self):
        return "dynoxide " + self.VERSION


class Moto(dynalite.Local):
    """A package of Python's, in memory. One request at a time: it looks at a condition and then writes, without a lock."""

    NAME, PREFIX = "moto", "cart-moto-"
    PACKAGE, VERSION = "moto", "5.2.5"

    def __init__(self, folder=None, port=None, on_disk=False):
        if folder is not None or on_disk:
            raise dynalite.Failure("moto stores in memory only")
        super().__init__(folder, port)

    def prepare(self):
        self.packages = fetched.python(self.PACKAGE, self.VERSION, "dynamodb,server")

    def words(self):
        return [sys.executable, os.path.join(dynalite.HERE, "moto_serve.py"), str(self.port)]

    def variables(self):
        return {**super().variables(), "PYTHONPATH": self.packages}

    def answers(self, said):
        return "listening\n" in said

    def lost_port(self, said):
        return "Address already in use" in said

    def version(self):
        return "moto " + self.VERSION
