#!/usr/bin/python3
"""The programs of a release build have what compiler and linker offer against attacks. (Of a package: tests/entry/test_install.sh.)"""

import os
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import elf  # noqa: E402
from cartd import ROOT, Cartd  # noqa: E402
from tap import main_of  # noqa: E402

BIN = os.path.join(ROOT, "build", "release", "bin")
# Writes one byte behind memory whose size is known only when it runs: FORTIFY_SOURCE=2 does not see it.
OVERFLOW = """
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	char *memory = malloc((size_t)argc + 9);

	memset(memory, argv[0][0], (size_t)argc + 10);
	return memory[3] == 'x';
}
"""


def hardening(compiler, flags):
    return subprocess.run([os.path.join(ROOT, "tools", "hardening"), compiler, flags], capture_output=True, text=True, check=True).stdout.split()


def the_programs_are_hardened():
    return "\n".join(line for name in ("cartd", "cartctl", "cartbench") for line in elf.wrong_with(os.path.join(BIN, name)))


def a_program_that_is_not_is_seen():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "soft")
        subprocess.run(["gcc", "-g", "-O2", "-fcf-protection=none", "-fno-stack-protector", "-no-pie", "-Wl,-z,norelro,-z,lazy,-z,execstack", "-x", "c",
                        "-", "-o", path], input=OVERFLOW, text=True, stderr=subprocess.DEVNULL, check=True)
        said = "\n".join(elf.wrong_with(path))
    missed = [text for text in ("not position-independent", "no RELRO", "bound at start", "executable", "no stack protector", "no FORTIFY_SOURCE",
                                "compiled without -fstack-clash-protection") if text not in said]
    if "X86-64" in elf.readelf("-h", "/proc/self/exe") and "endbr64" not in said:
        missed.append("endbr64")
    return "missed: %s of\n%s" % (missed, said) if missed else ""


def writes_behind_memory_are_stopped():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "overflow")
        subprocess.run(["gcc", *hardening("gcc", "-O2"), "-O2", "-pie", "-x", "c", "-", "-o", path], input=OVERFLOW, text=True, check=True)
        ended = subprocess.run([path], stderr=subprocess.PIPE, check=False)
    return "" if ended.returncode == -signal.SIGABRT and b"overflow" in ended.stderr else "it ended with %s" % ended


def a_packagers_flags_win():
    said = subprocess.run(["make", "-n", "V=1", "-W", "server/main.c", "CFLAGS=-O1 -fstack-protector-all -D_FORTIFY_SOURCE=1", "CPPFLAGS=-DOF_A_PACKAGER",
                           "build/release/server/main.o"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    line = next((line for line in said.splitlines() if " -c -o build/release/server/main.o" in line), "")
    words = [word for word in shlex.split(line.partition("&&")[0]) if re.match(r"-(O|fstack-protector|[DU]_?(FORTIFY|OF_A))", word)]
    return "" if words == ["-fstack-protector-strong", "-DOF_A_PACKAGER", "-O1", "-fstack-protector-all", "-D_FORTIFY_SOURCE=1"] else "%s: %s" % (words, line)


def without_optimization_it_still_compiles():
    flags = hardening("gcc", "-O0")
    return "" if "-fstack-protector-strong" in flags and not any("FORTIFY" in flag for flag in flags) else str(flags)


def agreed_on(port, version, ciphers):
    """The cipher, or None, of a client that takes nothing else and everything weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers + ":@SECLEVEL=0")
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as plain, context.wrap_socket(plain) as session:
            return session.cipher()[0]
    except (ssl.SSLError, ConnectionError):
        return None


def old_versions_and_weak_ciphers_of_tls_are_refused():
    """Also by a certificate of RSA, which could go without forward secrecy."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with Cartd(folder, {"backend": "memory", "http.tls_cert": "cert.pem", "http.tls_key": "key.pem"}) as service:
            found = {name: agreed_on(service.port, version, ciphers) for name, version, ciphers in (
                ("good", ssl.TLSVersion.TLSv1_2, "ECDHE"), ("1.0", ssl.TLSVersion.TLSv1, "ALL"), ("1.1", ssl.TLSVersion.TLSv1_1, "ALL"),
                ("RSA", ssl.TLSVersion.TLSv1_2, "kRSA"), ("CBC", ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA"), ("DHE", ssl.TLSVersion.TLSv1_2, "kDHE"),
                ("anonymous", ssl.TLSVersion.TLSv1_2, "aNULL"), ("null", ssl.TLSVersion.TLSv1_2, "eNULL"))}
    return "" if found.pop("good") and not any(found.values()) else str(found)


if __name__ == "__main__":
    main_of([the_programs_are_hardened, a_program_that_is_not_is_seen, writes_behind_memory_are_stopped, a_packagers_flags_win,
             without_optimization_it_still_compiles, old_versions_and_weak_ciphers_of_tls_are_refused])
