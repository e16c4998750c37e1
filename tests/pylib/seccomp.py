#!/usr/bin/python3
"""The filter of system calls that a systemd unit asks for, without systemd as init: `seccomp.py FILE COMMAND...` becomes the command under the
filter in a file.

What systemd answers with an error kills the process here, so that no program can pass over it; but for families of addresses, which the
resolver tries, and for the owner of a file, which SQLite changes when it is run by root (as tests may be).
"""

import ctypes
import os
import re
import struct
import subprocess
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, EQUAL, ANY_BIT, RETURN, AND = 0x20, 0x15, 0x45, 0x06, 0x54
ALLOW, KILL, ERRNO = 0x7fff0000, 0x80000000, 0x00050000
EPERM, EAFNOSUPPORT, PROT_WRITE, PROT_EXEC = 1, 97, 2, 4
ARCHITECTURES = {"x86_64": 0xc000003e, "aarch64": 0xc00000b7}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


def unit_settings(text):
    """{name: values of its lines}."""
    found = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", text):
        found.setdefault(name, []).append(value)
    return found


def names_of(groups, analyze):
    """Names of system calls in @groups, and in those that they name."""
    names = set()
    for group in groups:
        if group[0] != "@":
            names.add(group)
            continue
        said = subprocess.run([analyze, "syscall-filter", group], capture_output=True, text=True, check=True).stdout
        names |= names_of([line.strip() for line in said.splitlines()[1:] if line.strip() and line.strip()[0] != "#"], analyze)
    return names


def allowed(filters, analyze):
    """What the lines SystemCallFilter= allow, the first of them a list of what is allowed."""
    names = set()
    for line in filters:
        listed = names_of(line.lstrip("~").split(), analyze)
        names = names - listed if line[0] == "~" else names | listed
    return names | names_of(["@default"], analyze)


def numbers():
    said = subprocess.run(["gcc", "-E", "-dM", "-include", "asm/unistd.h", "-x", "c", os.devnull], capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"(?m)^#define __NR_(\w+) (\d+)$", said)}


def program(names, families):
    """The filter, as the kernel takes it: these calls alone, no memory that is written and executed, sockets of these families alone."""
    by_name, lines = numbers(), []

    def step(code, value, yes=0, no=0):
        lines.append(struct.pack("HBBI", code, yes, no, value))

    def refuse_bits(name, bits):
        """A call whose third argument has all of these bits."""
        if name in by_name:
            step(EQUAL, by_name[name], 0, 5)
            step(LOAD, ARGUMENT + 2 * 8)
            step(AND, bits)
            step(EQUAL, bits, 0, 1)
            step(RETURN, KILL)
            step(LOAD, NUMBER)

    step(LOAD, ARCHITECTURE)
    step(EQUAL, ARCHITECTURES[os.uname().machine], 1, 0)
    step(RETURN, KILL)
    step(LOAD, NUMBER)
    refuse_bits("mmap", PROT_WRITE | PROT_EXEC)
    refuse_bits("mprotect", PROT_EXEC)
    refuse_bits("pkey_mprotect", PROT_EXEC)
    step(EQUAL, by_name["socket"], 0, len(families) + 4)
    step(LOAD, ARGUMENT)
    for at, family in enumerate(families):
        step(EQUAL, FAMILIES[family], len(families) - at, 0)
    step(RETURN, ERRNO | EAFNOSUPPORT)
    step(LOAD, NUMBER)  # of a socket that is allowed
    step(EQUAL, by_name["socket"], 0, 0)
    for name in sorted(names & set(by_name)):
        step(EQUAL, by_name[name], 0, 1)
        step(RETURN, ALLOW)
    step(EQUAL, by_name["fchown"], 0, 1)
    step(RETURN, ERRNO | EPERM)
    step(RETURN, KILL)
    return b"".join(lines)


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    libc = ctypes.CDLL(None, use_errno=True)
    lines = ctypes.create_string_buffer(data, len(data))
    told = struct.pack("HxxxxxxQ", len(data) // 8, ctypes.addressof(lines))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, told, 0, 0) != 0:
        sys.exit("seccomp: %s" % os.strerror(ctypes.get_errno()))
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
