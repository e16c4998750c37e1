"""A cartd whose wall clock is wrong by as much as a test says, and can be set while it runs."""

import os
import struct
import subprocess

from cartd import ROOT

SOURCE = os.path.join(ROOT, "tests", "histories", "clock_shift.c")


class WrongClock:
    """For a Cartd that is started with wrapper=clock.wrapper. Those of one folder are one clock."""

    def __init__(self, folder, ahead_s=0):
        library, self.path = os.path.join(folder, "clock_shift.so"), os.path.join(folder, "clock_shift")
        if not os.path.exists(self.path):
            compiler = os.environ.get("CC", "cc").split()[-1]
            subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", "-o", library, SOURCE], check=True, timeout=60)
            with open(self.path, "wb") as file:
                file.write(bytes(8))
        self.set(ahead_s)
        self.wrapper = ("env", "LD_PRELOAD=" + library, "CLOCK_SHIFT=" + self.path,
                        "ASAN_OPTIONS=verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))

    def set(self, ahead_s):
        """In place: the file is mapped."""
        with open(self.path, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", int(ahead_s * 1000)))
