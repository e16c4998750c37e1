"""A real disk of a few MiB that only this process and its children see."""

import contextlib
import ctypes
import os
import tempfile

import tap

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 1 << 18, 2
libc = ctypes.CDLL(None, use_errno=True)
own_namespace = False


def enter_namespace():
    """Once a process. Whoever is not root needs a user namespace for it, which only a process of one thread can enter."""
    global own_namespace
    if own_namespace:
        return True
    user, group = os.geteuid(), os.getegid()
    own_namespace = libc.unshare(CLONE_NEWNS if user == 0 else CLONE_NEWNS | CLONE_NEWUSER) == 0
    if own_namespace and user != 0:
        # Who we are there; without it files that we make would belong to nobody at all.
        for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (user, user)), ("gid_map", "%d %d 1" % (group, group))):
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    own_namespace = own_namespace and libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) == 0
    return own_namespace


@contextlib.contextmanager
def small(mib):
    """A folder on such a disk, empty; without the right to mount one the test is skipped."""
    folder = tempfile.mkdtemp(prefix="cart-disk-")
    try:
        if not enter_namespace() or libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, b"size=%dm" % mib) != 0:
            raise tap.Skip("a full disk was not tested, because no tmpfs can be mounted here: "
                           + os.strerror(ctypes.get_errno()))
        try:
            yield folder
        finally:
            libc.umount2(folder.encode(), MNT_DETACH)
    finally:
        os.rmdir(folder)


def fill(path):
    """Leaves not a byte. Appends, so that it can be called again for what has come free."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
