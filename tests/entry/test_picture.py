#!/usr/bin/python3
"""tools/picture: a picture of a page, as it looks, in few bytes."""

import os
import struct
import subprocess
import sys
import tempfile
import zlib

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "pylib"))
import chromium  # noqa: E402
from tap import Skip, main_of  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "picture")
# A red field of 40 x 30 at the left top of a white page.
PAGE = '<body style="margin: 0"><div style="width: 40px; height: 30px; background: #f00"></div>'


def run(page, out, *size):
    return subprocess.run([TOOL, page, out, *size], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)


def a_page_is_drawn_with_a_palette():
    if chromium.program() is None:
        raise Skip("no chromium: tools/picture was not tested")
    with tempfile.TemporaryDirectory() as folder:
        page, out = os.path.join(folder, "page.html"), os.path.join(folder, "page.png")
        with open(page, "w", encoding="utf-8") as file:
            file.write(PAGE)
        done = run(page, out, "600", "400")
        if done.returncode != 0 or sorted(os.listdir(folder)) != ["page.html", "page.png"]:
            return f"exit status {done.returncode}: {done.stderr}; {os.listdir(folder)}"
        with open(out, "rb") as file:
            png = file.read()
    width, height, depth, kind = struct.unpack_from(">IIBB", png, 16)
    at = png.index(b"PLTE")
    palette = png[at + 4:at + 4 + struct.unpack_from(">I", png, at - 4)[0]]
    at = png.index(b"IDAT")
    rows = zlib.decompress(png[at + 4:at + 4 + struct.unpack_from(">I", png, at - 4)[0]])
    found = [tuple(palette[3 * index:3 * index + 3]) for index in (rows[1], rows[29 * 601 + 40], rows[30 * 601 + 1], rows[41])]
    wanted = [(255, 0, 0), (255, 0, 0), (255, 255, 255), (255, 255, 255)]
    good = (width, height, depth, kind, len(rows)) == (600, 400, 8, 3, 400 * 601) and found == wanted and len(png) < 2000
    return "" if good else f"{width} x {height}, {depth} bits, kind {kind}, {len(png)} bytes: {found}"


def wrong_arguments_show_the_usage():
    done = run("/nonexistent.html", "/nonexistent.png")
    return "" if done.returncode == 1 and "tools/picture PAGE.html" in done.stderr else f"{done.returncode}: {done.stderr}"


if __name__ == "__main__":
    main_of([a_page_is_drawn_with_a_palette, wrong_arguments_show_the_usage])
