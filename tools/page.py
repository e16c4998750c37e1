"""Tables of docs/ that tools write: the rows stand between two lines that are comments of Markdown."""


def write_rows(page, begin, end, head, rows, order):
    """Puts rows ({first cell: line}) between the lines begin and end; old rows that are not among them stay. order: first cells."""
    with open(page, encoding="utf-8") as file:
        before, found, rest = file.read().partition(begin)
    old, closed, after = rest.partition(end)
    assert found and closed, "%s lacks %s or %s" % (page, begin, end)
    old_rows = {line.split("|")[1].strip(): line + "\n" for line in old.splitlines()[2:] if line.startswith("|")}
    all_rows = {**old_rows, **rows}
    with open(page, "w", encoding="utf-8") as file:
        file.write(before + begin + head + "".join(all_rows[first] for first in order if first in all_rows) + end + after)


def head(*columns):
    return line(*columns) + "|---" * len(columns) + "|\n"


def line(*cells):
    return "| %s |\n" % " | ".join(map(str, cells))
