#!/usr/bin/python3
"""tools/house-numbers and tools/house.py: how they count, on texts whose figures are known."""

import importlib.machinery
import importlib.util
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
from tap import main  # noqa: E402

sys.path.insert(0, os.path.join(os.getcwd(), "tools"))
import house  # noqa: E402

# a.c includes b.h and b.c includes a.h: a circle of modules, though not of headers. c only looks at them.
SOURCES = {
    "core/a.h": "int a(void);\n",
    "core/a.c": '#include "core/a.h"\n#include "core/b.h"\n\nint a(void)\n{\n\treturn b(1);\n}\n',
    "core/b.h": "int b(int x);\n",
    "core/b.c": '#include "core/b.h"\n#include "core/a.h"\n\n/* Long. */\nint\nb(int x)\n{\n\tif (x)\n\t\ta();\n\treturn 1;\n}\n',
    "core/c.c": '#include "core/a.h"\n#include "core/b.h"\n#include <stdio.h>\n',
    "bench/perf/run.py": "print()\n",
}
# Two functions of one file, and one of another that is called 200 times: twice from an inlined line of a header.
CALLGRIND = """fl=(1) /somewhere/core/cart.c
fn=(1) apply
10 5
cfi=(2) core/cart_op.c
cfn=(2) copy
calls=150 20
11 7
fi=(3) core/cart.h
12 1
cfi=(2)
cfn=(2)
calls=50 20
12 7
fe=(1)
cfn=(3) own
calls=9 30
13 3
fl=(4) /usr/lib/other.c
fn=(4) lib
10 5
"""


def load():
    path = os.path.join(os.getcwd(), "tools", "house-numbers")
    loader = importlib.machinery.SourceFileLoader("house_numbers", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("house_numbers", loader))
    loader.exec_module(module)
    return module


def circles(files):
    return house.circles(house.dependencies(files))


def differs(found, wanted):
    return "" if found == wanted else "found %r, wanted %r" % (found, wanted)


def tests(tap):
    numbers = load()
    tap.check("a circle is two modules that include each other", differs(circles(SOURCES), [["core/a", "core/b"]]))
    without = {path: text.replace('#include "core/a.h"\n', "") for path, text in SOURCES.items() if path != "core/a.c"}
    tap.check("includes in one direction are no circle", differs(circles(without), []))
    tap.check("a header and its source are one module", differs(house.modules_by_folder(SOURCES), {"bench/perf": 1, "core": 3}))
    tap.check("a function counts from its head to its brace",
              differs(house.functions(SOURCES), [(4, "core/a.c:4"), (7, "core/b.c:5")]))
    tap.check("calls are counted for the file of the called function",
              differs(dict(numbers.called_files(CALLGRIND)), {"core/cart_op.c": 200, "core/cart.c": 9}))
    if not os.path.exists(".git"):
        tap.skip("scripts without an ending count, tests do not", "this is no clone: git does not know the files")
        return
    found = numbers.sources()
    wrong = [path for path in ("cart", "tools/house-rules", "bench/perf/run-exact") if path not in found]
    wrong += [path for path in found if path.startswith("tests/")]
    tap.check("scripts without an ending count, tests do not", "\n".join(wrong))


if __name__ == "__main__":
    main(tests)
