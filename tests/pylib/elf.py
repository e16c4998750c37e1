#!/usr/bin/python3
"""What is missing of the hardening of an ELF program: as a module, or PROGRAM... of the command line."""

import os
import re
import subprocess
import sys

ENDBR64 = bytes.fromhex("f30f1efa")
PRODUCED_WITH = ["-fPIE", "-fstack-protector-strong", "-fstack-clash-protection"]
ARCHITECTURES = {"Advanced Micro Devices X86-64": "-fcf-protection", "AArch64": "-mbranch-protection"}


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, errors="replace",
                          check=True).stdout


def wrong_layout(path):
    """What the loader is told."""
    said = readelf("-hld", path)
    segments = re.findall(r"(?m)^ +(LOAD|GNU_STACK|GNU_RELRO) +(?:0x\w+ +){5}([RWE ]{3})", said)
    flags = dict(segments)
    wrong = [] if re.search(r"\(FLAGS_1\).*\bPIE\b", said) and "DYN (" in said else ["not position-independent"]
    wrong += [] if "GNU_RELRO" in flags else ["no RELRO"]
    wrong += [] if re.search(r"\(FLAGS_1\).*\bNOW\b", said) else ["symbols are not bound at start, so RELRO is partial"]
    wrong += [] if "E" not in flags.get("GNU_STACK", "E") else ["the stack is executable"]
    wrong += ["a segment is writable and executable" for kind, mode in segments if "W" in mode and "E" in mode]
    return wrong + ["the dynamic section has " + name for name in ("TEXTREL", "RPATH", "RUNPATH") if "(%s)" % name in said]


def wrong_symbols(path):
    """What the compiler has put in."""
    imported = set(re.findall(r"UND (\w+)", readelf("--dyn-syms", path)))
    wrong = [] if "__stack_chk_fail" in imported else ["no stack protector"]
    return wrong + ([] if any(re.match(r"__(mem|str|v?s?n?printf|v?fprintf|read|recv)\w*_chk$", name) for name in imported) else ["no FORTIFY_SOURCE"])


def wrong_functions(path):
    """On x86-64: functions that others may call begin with a place where an indirect jump may land."""
    said = readelf("-SW", path)
    sections = {number: (int(address, 16), int(offset, 16))
                for number, address, offset in re.findall(r"\[ *(\d+)\] +\.text +PROGBITS +(\w+) +(\w+)", said)}
    found = [(name, int(address, 16), sections[section]) for address, section, name in
             re.findall(r"(?m)^ *\d+: (\w+) +\d+ FUNC +GLOBAL +\w+ +(\d+) (\w+)$", readelf("-s", path)) if section in sections and name[0] != "_"]
    with open(path, "rb") as file:
        data = file.read()
    starts = [(name, data[address - base + offset:][:4]) for name, address, (base, offset) in found]
    lacking = [name for name, start in starts if start != ENDBR64]
    return ["functions without endbr64: %s" % lacking[:5]] if lacking else [] if starts else ["no symbols"]


def wrong_flags(path):
    """The compiler's words, of every source; only gcc writes them, and only with -g."""
    producers = set(re.findall(r"GNU C\d+ [^\n]*", readelf("-p", ".debug_str", path)))
    machine = re.search(r"Machine: +(.*)", readelf("-h", path)).group(1)
    wanted = PRODUCED_WITH + [flag for name, flag in ARCHITECTURES.items() if name == machine]
    return ["compiled without %s: %s" % (flag, producer) for producer in producers for flag in wanted if flag not in producer]


def wrong_with(path):
    """Lines."""
    wrong = wrong_layout(path) + wrong_symbols(path) + wrong_flags(path)
    if "X86-64" in readelf("-h", path):
        wrong += wrong_functions(path)
    return ["%s: %s" % (os.path.basename(path), text) for text in wrong]


if __name__ == "__main__":
    LINES = [line for name in sys.argv[1:] for line in wrong_with(name)]
    print("\n".join(LINES))
    sys.exit(1 if LINES else 0)
