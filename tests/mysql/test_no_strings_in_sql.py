#!/usr/bin/python3
"""No text of a client can become SQL.

In the sources: SQL is put together in one place, from literals of the program, integers and hex, and the compiler refuses
anything else. On the wire: the server's own log of a run with hostile input holds nothing of that input, and no quoted text but hex
and constants of the sources.
"""

import glob
import hashlib
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"))
import private_mariadb  # noqa: E402
from cartd import ROOT, Cartd  # noqa: E402
from tap import main  # noqa: E402

MARK = "mArKeD7f3a9c"
# Names that have no place in a backend that escapes and formats nothing.
FORBIDDEN = re.compile(r"\b(mysql_(real_)?escape_string\w*|mysql_hex_string|mysql_send_query|mysql_stmt_\w+|mysql_real_query_start_"
                       r"|sprintf|vsprintf|strcat|strncat|asprintf|vasprintf|stpcpy)\s*\(")
FORMATTED = re.compile(r"\b(snprintf|vsnprintf|fprintf|dprintf)\s*\(")
# What a statement begins with.
SQL = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|SET|START|BEGIN|COMMIT|ROLLBACK|CREATE|ALTER|DROP|GRANT|DO|CALL|USE|KILL|LOCK|SHOW) ")
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
TEXT_FILES = ("backends/mysql/text.c", "backends/mysql/text.h")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda found: re.sub(r"[^\n]", " ", found.group(0)), text, flags=re.S)


def arguments_of(text, at):
    """The arguments of the call whose opening bracket is before at, split at their commas."""
    depth, parts, part = 1, [], ""
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|.', text[at:], re.S):
        piece = found.group(0)
        depth += (piece in "([{") - (piece in ")]}") if len(piece) == 1 else 0
        if depth == 0:
            return parts + [part.strip()]
        if piece == "," and depth == 1:
            parts.append(part.strip())
            part = ""
        else:
            part += piece
    return parts


def breaches(path, source):
    """Lines of a source that build or send SQL by another way than backends/mysql/text.h."""
    text = without_comments(source)
    found = ["%s calls %s" % (path, match.group(1)) for match in FORBIDDEN.finditer(text)]
    if path not in TEXT_FILES:
        # Macros are pasted where they are used; the functions behind them are for text.h alone.
        found += ["%s adds to a buffer by itself: %s" % (path, match.group(0)) for match in re.finditer(r"\bbuf_(add\w*|put\w*|printf)\s*\(", text)]
        found += ["%s goes around the macros: %s" % (path, match.group(0)) for match in re.finditer(r"\bsql_text_statement\s*\(", text)]
    for match in FORMATTED.finditer(text):
        found += ["%s formats SQL: %s" % (path, string) for argument in arguments_of(text, match.end())
                  for string in STRING.findall(argument) if SQL.search(string) and "%" in string]
    found += ["%s sends %s" % (path, sent) for sent in sent_by(text) if not may_be_sent(path, sent, text)]
    return found


def functions_of(text):
    """(name, parameters' names, body) of each function."""
    for match in re.finditer(r"^(?:[a-z][\w *]*[ *])?(\w+)\(([^;{}]*?)\)\n\{\n(.*?)^\}", text, re.M | re.S):
        yield match.group(1), [re.sub(r".*?(\w+)(\[\w*\])?$", r"\1", part.strip(), flags=re.S) for part in match.group(2).split(",")], match.group(3)


def calls(text, name):
    """The arguments of each call, not of the definition."""
    for match in re.finditer(r"(?<![\w*] )(?<!\w)%s\s*\(" % name, text):
        yield arguments_of(text, match.end())


def sent_by(text):
    """What a source gives the server to run: the text of each query; a parameter stands for what its callers give."""
    waiting = [("mysql_query", 1), ("mysql_query_start", 2), ("mysql_real_query", 1), ("mysql_real_query_start", 2)]
    seen = set()
    while waiting:
        name, index = waiting.pop()
        if (name, index) in seen:
            continue
        seen.add((name, index))
        bodies = list(functions_of(text))
        for caller, parameters, body in bodies:
            for arguments in calls(body, name):
                if arguments[index] in parameters:
                    waiting.append((caller, parameters.index(arguments[index])))
                else:
                    yield arguments[index]


# Not literals where they are sent, and where their text comes from.
ORIGINS = {
    ("backends/mysql/sweep.c", "buf->data"): "of a finished struct sql_text",
    ("backends/mysql/schema.c", "sql"): "a statement of schemas/mysql, which is compiled in",
}


def may_be_sent(path, expression, text):
    if re.fullmatch(r'(\s*("([^"\\]|\\.)*"|[A-Z][A-Z_]+))+\s*', expression):
        # Literals, and macros that are nothing else.
        return all(re.search(r'^#define %s\b(\s|\\\n)*"' % name, text, re.M) for name in re.findall(r"\b[A-Z][A-Z_]+\b", STRING.sub("", expression)))
    if re.fullmatch(r"(\w+(->|\.))*text(->|\.)buf\.data", expression) or (path, expression) in ORIGINS:
        return True
    # An element of a table of constants.
    table = re.fullmatch(r"(\w+)\[\w+\](\.\w+)?", expression)
    return bool(table and re.search(r"\bstatic const (struct \{[^}]*\}|char \*const) %s\[\] = \{" % table.group(1), text))


def sources():
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "backends/mysql/*.[ch]"))):
        with open(path, encoding="utf-8") as file:
            found[os.path.relpath(path, ROOT)] = file.read()
    return found


def sources_are_clean():
    found = sources()
    if len(found) < 10:
        return "only %d sources were found" % len(found)
    return "\n".join(line for path, source in found.items() for line in breaches(path, source))


GIVEN = """static void run(MYSQL *mysql, const char *what)
{
	mysql_real_query(mysql, what, strlen(what));
}

static void f(struct cart_op *op)
{
	%s
}
"""


def a_breach_is_found():
    """Each of these, in a source of the backend, has to be noticed."""
    wrong = ['snprintf(sql, sizeof(sql), "SELECT id FROM carts WHERE key = \'%s\'", op->key);',
             "mysql_real_escape_string(mysql, to, op->key, strlen(op->key));", "buf_add_string(&text->buf, op->key);",
             "buf_add(&text->buf, op->key, strlen(op->key));", "sql_text_statement(text, SQL_SELECT, op->key, strlen(op->key));",
             "mysql_real_query(mysql, op->key, strlen(op->key));", "mysql_real_query_start(&ret, mysql, op->reason, 3);",
             "mysql_query(mysql, sql);", "run(mysql, op->key);", 'strcat(sql, " OR 1=1");', "stmt = mysql_stmt_init(mysql);"]
    return "\n".join("not noticed: " + line for line in wrong if not breaches("backends/mysql/write.c", GIVEN % line))


def compiles(body):
    code = '#include "backends/mysql/text.h"\nvoid f(struct sql_text *text, const char *given);\n' \
           "void f(struct sql_text *text, const char *given)\n{\n\t(void)given;\n\t%s\n}\n" % body
    return subprocess.run([*os.environ.get("CC", "cc").split(), "-std=gnu11", "-I", ROOT, "-fsyntax-only", "-x", "c", "-"], input=code.encode(),
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def compiler_refuses_text():
    if not compiles('sql_add(text, "SELECT 1"); sql_statement(text, SQL_SELECT, "SELECT "); sql_add_integer(text, 5);'):
        return "what is right does not compile either"
    return "\n".join("compiles: " + body for body in (
        "sql_add(text, given);", "sql_statement(text, SQL_SELECT, given);", 'sql_add(text, given ? "a" : "b");',
        "char here[4] = \"x\"; sql_add(text, here);") if compiles(body))


def literals_of_sources():
    """Every piece in single quotes that a string of the program or the schema holds."""
    texts = []
    for source in sources().values():
        text = without_comments(source)
        # Names of the session's variables.
        texts += ["'%s'" % name for name in re.findall(r'\bSESSION_PIN(?:_NOT_VTGATE)?\(\s*"(\w+)"', text)]
        joined = re.sub(r'"\s*"', "", text)
        texts += STRING.findall(re.sub(r"'(\\.|[^'\\])'", " ", joined))
    for path in glob.glob(os.path.join(ROOT, "schemas/mysql/*.sql")):
        with open(path, encoding="utf-8") as file:
            texts.append(re.sub(r"--[^\n]*", "", file.read()))
    return {found for text in texts for found in re.findall(r"'[^'\n]*'", text)}


def entries(log):
    """(connection, command, text) of the general log."""
    time = rb"(?:\d{6} +\d+:\d\d:\d\d|\d{4}-\d\d-\d\d[T ][\d:.]+Z?)?"
    parts = re.split(rb"(?m)^" + time + rb"\t+ *(\d+) (Connect|Query|Quit|Prepare|Execute|Close stmt|Init DB|Ping|Statistics|Reset connection|"
                     rb"Reset stmt|Change user|Field List|Set option|Kill|Binlog Dump)\t?", log)
    return [(int(parts[i]), parts[i + 1].decode(), parts[i + 2].rstrip(b"\n")) for i in range(1, len(parts) - 2, 3)]


HEX = re.compile(rb"x'(?:[0-9a-f]{2}){1,64}'")


def unexplained(statement, known):
    """What in a statement is neither the program's own words, nor a number, nor hex."""
    rest = re.sub(rb"/\*M?!\d+ ([^*'\"]*)\*/", rb"\1", HEX.sub(b"H", statement))  # a comment that a server executes
    for quoted in re.findall(rb"'[^']*'", rest):
        if quoted.decode("latin-1") in known:
            rest = rest.replace(quoted, b"K")
    return sorted(set(re.findall(rb"""'[^']*'?|"[^"]*"?|`[^`]*`?|\\|#|--|/\*|[^\x20-\x7e\t\n]|0x\w*|\b[xXbB]'""", rest)))


HOSTILE = ["'", "''", '"', "\\", "\\'", "';--", "'/*", "*/", "`", "x'00'", "0x27", "%s%n", "'+SLEEP(9)+'", "'||(SELECT(1))||'",
           "1;DROP/**/TABLE/**/carts",
           "'--", "$(id)", "\\x27", "#", "~" * 30]


def hostile_run(client):
    """Everything that a client can say, with quotes in it. Returns the hashes of its keys."""
    hashes = []
    path = client.ask("POST", "/shopping-carts", (("Idempotency-Key", MARK),), '{"customer_id":8}').header("Location")
    hashes.append(hashlib.sha256(b"8\0" + MARK.encode()).hexdigest()[:32])  # of a create: the customer and the key
    for text in HOSTILE:
        key = (MARK + text)[:64]
        hashes.append(hashlib.sha256(key.encode()).hexdigest()[:32])
        headers = [("Idempotency-Key", key), ("X-Request-Id", MARK), ("traceparent", MARK + text), ("User-Agent", MARK + text),
                   ("Prefer", "return=representation, x=" + MARK)]
        for repeat in (1, 2):
            answer = client.ask("POST", path + "/items", headers, '{"product_id":5,"quantity":%d}' % repeat)
            if answer.status != (200 if repeat == 1 else 422):
                raise AssertionError("%s: %d %s" % (key, answer.status, answer.body))
        quoted = "".join("%%%02X" % byte for byte in (MARK + text).encode())
        client.ask("PUT", path + "/items/6", headers[1:] + [("If-Match", '"%s"' % (MARK + text).replace('"', ""))], '{"quantity":2}')
        for target in ("/shopping-carts/" + quoted, path + "/items/" + quoted, "/shopping-carts?customer_id=" + quoted,
                       "/shopping-carts?customer_id=8&status=" + quoted, "/shopping-carts?customer_id=8&cursor=" + quoted,
                       "/shopping-carts?idle_since=" + quoted, path + "?consistency=" + quoted, path + "?" + quoted + "=1"):
            client.ask("GET", target)
        escaped = (MARK + text).replace("\\", "\\\\").replace('"', '\\"')
        for body in ('{"product_id":"%s","quantity":1}', '{"%s":1}', '{"items":[{"product_id":1,"quantity":"%s"}]}', "%s"):
            client.ask("POST", path + "/items", (), body % escaped)
        client.ask("POST", "/shopping-carts", (), '{"customer_id":"%s"}' % escaped)
        client.ask("POST", "/shopping-carts/batch-get", (), '{"ids":["%s"]}' % escaped)
    client.ask("GET", path)
    client.ask("GET", "/shopping-carts?customer_id=8")
    client.ask("GET", "/shopping-carts?idle_since=2100-01-01T00:00:00Z")
    client.ask("POST", path + "/checkout", (("Idempotency-Key", MARK + "'out'"),))
    return hashes


def log_of_a_run(server, folder):
    path = os.path.join(folder, "general.log")
    server.sql("SET GLOBAL general_log_file = '%s'" % path)
    server.sql("SET GLOBAL log_output = 'FILE'")
    server.sql("SET GLOBAL general_log = 1")
    with Cartd(folder, dict(private_mariadb.settings_for(server), **{**private_mariadb.PATIENT, "mysql.sweep_interval": "1s"})) as cartd, cartd.client() as client:
        hashes = hostile_run(client)
        client.close()
        if cartd.end_problem():
            raise AssertionError(cartd.end_problem())
    server.sql("SET GLOBAL general_log = 0")
    with open(path, "rb") as log:
        return hashes, log.read()


def statements_of(log, user):
    """Those of cartd's connections."""
    found = entries(log)
    ours = {number for number, command, text in found if command == "Connect" and text.startswith(user.encode() + b"@")}
    return [text for number, command, text in found if number in ours and command in ("Query", "Prepare", "Execute", "Init DB")]


def log_holds_no_client_text(hashes, statements):
    log = b"\n".join(statements).lower()
    problems = ["the log does not hold the hash of a key: it is not the log of this run"
                for digest in hashes if b"x'" + digest.encode() + b"'" not in log][:1]
    for text in [MARK] + [text for text in HOSTILE if len(text) > 4]:
        for form in (text.encode(), text.encode().hex().encode(), text.encode("utf-16-le").hex().encode()):
            if form.lower() in log:
                problems.append("the log holds %r" % form)
    return "\n".join(problems)


def schema_text():
    text = b""
    for path in glob.glob(os.path.join(ROOT, "schemas/mysql/*.sql")):
        with open(path, "rb") as file:
            text += file.read()
    return text


def log_holds_only_hex(statements):
    known, schema = literals_of_sources(), schema_text()
    problems = []
    for statement in statements:
        strange = unexplained(statement, known) if statement not in schema else []
        if strange:
            problems.append("%s in %s" % (strange, statement[:300]))
    hexes = sum(len(HEX.findall(statement)) for statement in statements)
    print("# %d statements, %d of them different in more than numbers, %d ids and hashes" % (
        len(statements), len({re.sub(rb"\d+", b"N", HEX.sub(b"H", statement)) for statement in statements}), hexes))
    if hexes < 5 * len(HOSTILE):
        problems.append("only %d hex literals: the run is not in the log" % hexes)
    return "\n".join(problems[:10])


def strange_text_is_found():
    wrong = [b"SELECT 1 FROM t WHERE k = 'abc'", b"SELECT x'0'", b"SELECT x'" + b"0" * 33 + b"'", b"SELECT x'" + b"0" * 130 + b"'", b"SELECT x''", b'SELECT "a"', b"SELECT `a`", b"SELECT 1 -- x",
             b"SELECT 1 /* x */", b"SELECT 0x1234", b"SELECT '\xc3\xbc'", b"SELECT X'" + b"0" * 32 + b"'", b"SELECT 1 # x"]
    right = b"SELECT a, -5 FROM t WHERE k IN (x'" + b"0f" * 16 + b"', x'" + b"a1" * 16 + b"')"
    return "\n".join(["passed: %r" % text for text in wrong if not unexplained(text, set())] +
                     (["did not pass: %r" % right] if unexplained(right, set()) else []))


def tests(tap):
    tap.run("the sources build SQL in one place and from no text", sources_are_clean)
    tap.run("a source that does otherwise is noticed", a_breach_is_found)
    tap.run("the compiler refuses text in SQL", compiler_refuses_text)
    tap.run("strange text in a statement is noticed", strange_text_is_found)
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True) as server:
        hashes, log = log_of_a_run(server, folder)
        statements = statements_of(log, server.user)
        tap.run("the server's log holds no text of a client", log_holds_no_client_text, hashes, statements)
        tap.run("the server's log holds no quoted text but ids and hashes", log_holds_only_hex, statements)


if __name__ == "__main__":
    main(tests)
