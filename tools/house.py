"""The shape of the C sources, for tools/house-rules and tools/house-numbers: modules, what they depend on, lengths of functions.

A module is a header and the source beside it. It depends on a module whose header it includes, and on one that defines a function or a
table that it uses: a header may declare what several sources define, and includes alone would not show those.
"""

import collections
import os
import re

# The registry names every backend so that nothing else does; what it depends on is no dependency of those who ask it.
REGISTRY = "core/registry"

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# At the beginning of a line, as clang-format lays them out: a function with its body, or a table with its values.
DEFINED = re.compile(r"^(?!static\b|extern\b|typedef\b|struct \w+ \{|[#\s}])[A-Za-z_][\w \t*]*?\b([A-Za-z_]\w*)\s*"
                     r"(?:\([^;{}]*\)\s*\{|(?:\[[^\]]*\])*\s*=)", re.M)
# In a header: a function, also one declared by its type ("route_handler_fn cart_handle_get;"), or a table.
DECLARED = re.compile(r"\b([A-Za-z_]\w*)\s*\(|^extern\b[^;(]*?\b(\w+)(?:\[[^\]]*\])*;|^\w+_fn (\w+);", re.M)
WORD = re.compile(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")


def module_of(path):
    return re.sub(r"\.(c|h)$", "", path)


def modules_by_folder(paths):
    folders = collections.defaultdict(set)
    for path in paths:
        folders[os.path.dirname(path) or "."].add(os.path.basename(module_of(path)))
    return {folder: len(modules) for folder, modules in sorted(folders.items())}


def seen_from(path, includes, found):
    """The headers that a file includes, directly or through others."""
    for target in includes.get(path, ()):
        if target not in found:
            found.add(target)
            seen_from(target, includes, found)
    return found


def dependencies(files):
    """{module: {module: why}} of {path: text}; why is "include" or the name of what is used."""
    code = {path: NOT_CODE.sub(" ", text) for path, text in files.items() if path.endswith((".c", ".h"))}
    words = {path: set(WORD.findall(text)) for path, text in code.items()}
    includes = {path: [target for target in INCLUDE.findall(files[path]) if target in code] for path in code}
    defined = {name: module_of(path) for path, text in code.items() if path.endswith(".c") for name in DEFINED.findall(text)}
    declared = collections.defaultdict(set)  # name: headers
    for path, text in code.items():
        if path.endswith(".h"):
            for name in {name for names in DECLARED.findall(text) for name in names if name in defined}:
                declared[name].add(path)
    graph = collections.defaultdict(dict)
    for path in sorted(code):
        module = module_of(path)
        if module == REGISTRY:
            continue
        for target in includes[path]:
            if module_of(target) != module:
                graph[module].setdefault(module_of(target), "include")
        if path.endswith(".c"):
            headers = seen_from(path, includes, set())
            for name in sorted(words[path] & defined.keys()):
                if defined[name] != module and not declared[name].isdisjoint(headers):
                    graph[module].setdefault(defined[name], name)
    return graph


def circles(graph):
    """Groups of modules that reach each other (strongly connected components, Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)


def functions(files):
    """[(lines from the first of its head to its closing brace, where)] of all functions in C, as clang-format lays them out."""
    found = []
    for path, text in files.items():
        if not path.endswith((".c", ".h")):
            continue
        lines, begin = text.split("\n"), None
        for number, line in enumerate(lines):
            if line == "{":
                begin = number
                while begin > 0 and lines[begin - 1] and not re.search(r"(^#.*|[;}]|\*/)$", lines[begin - 1]):
                    begin -= 1
            elif line == "}" and begin is not None:
                found.append((number - begin + 1, "%s:%d" % (path, begin + 1)))
                begin = None
    return found
