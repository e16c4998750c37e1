#!/usr/bin/python3
"""tools/with-delays: the file of delays, what they add up to, and the proxy that makes them."""

import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pylib"),
                os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "tools", "delays")]
import delay_proxy  # noqa: E402
import delays  # noqa: E402
import patience  # noqa: E402
import private_mariadb  # noqa: E402
from cartd import ROOT, Cartd, await_that  # noqa: E402
from tap import main_of, say  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "with-delays")
CARTBENCH = os.path.join(ROOT, "build", "release", "bin", "cartbench")
WAIT_S = 30


class Echo:
    """A server that answers every connection by serve(connection); else it sends back what comes, until the end."""

    def __init__(self, serve=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.seen, self.serve = [], serve or self.echo
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                self.serve(connection)
            except OSError as error:
                self.seen.append(error)

    def echo(self, connection):
        while data := connection.recv(1 << 16):
            connection.sendall(data)
        self.seen.append("end")


class Way:
    """A client's connections to a server, through a proxy with these delays."""

    def __init__(self, server, link="client", seed=1, **members):
        given = {**{name: {} for name in delays.MEMBERS}, link: {name: [float(each) for each in values] for name, values in members.items()}}
        self.world = delays.World(given, seed)
        self.world.add("way", link, "127.0.0.1", server if isinstance(server, int) else server.port)

    def __enter__(self):
        self.world.__enter__()
        return self

    def __exit__(self, *rest):
        self.world.__exit__(*rest)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.world.ports["way"]), WAIT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def receive(connection, size):
    data = b""
    while len(data) < size and (more := connection.recv(1 << 20)):
        data += more
    return data


def asked_ms(connection, question=b"question"):
    began = time.monotonic()
    connection.sendall(question)
    assert receive(connection, len(question)) == question
    return 1000 * (time.monotonic() - began)


def a_bad_file_is_refused_by_line_and_member():
    cases = (("[client]\n\nround_trip_ms = -1\n", "f:3: [client] round_trip_ms: -1 is not between 0 and 60000 milliseconds"),
             ("[client]\nround_trip_ms = 1, two\n", "f:2: [client] round_trip_ms: 'two' is no number of milliseconds"),
             ("[client]\nround_trip_ms = nan\n", "f:2: [client] round_trip_ms: nan is not between"),
             ("[mysql]\nread_ms =\n", "f:2: [mysql] read_ms: '' is no number"),
             ("[client]\nread_ms = 1\n", "f:2: [client] has no read_ms: it has round_trip_ms, connect_ms"),
             ("[client]\nconnect_ms = 1\nconnect_ms = 1\n", "f:3: [client] connect_ms is given twice"),
             ("# world\n[oracle]\n", "f:2: [oracle] is none of [client], [mysql], [dynamodb]"),
             ("round_trip_ms = 1\n", "f:1: round_trip_ms = 1: expected a section"),
             ("[client]\nround_trip_ms\n", "f:2: round_trip_ms: expected member = milliseconds"))
    wrong = []
    for text, wanted in cases:
        try:
            wrong.append("%r was taken: %s" % (text, delays.parse(text, "f")))
        except delays.Failure as failure:
            if not str(failure).startswith(wanted):
                wrong.append("%r: %s" % (text, failure))
    with tempfile.NamedTemporaryFile("w", suffix=".delays") as file:
        file.write("[client]\nround_trip_s = 1\n")
        file.flush()
        done = subprocess.run([TOOL, "--delays", file.name, "true"], capture_output=True, text=True, check=False)
        if done.returncode != 125 or file.name + ":2: [client] has no round_trip_s" not in done.stderr:
            wrong.append("the tool: %d %s" % (done.returncode, done.stderr))
    return "\n".join(wrong)


def the_parts_add_up():
    given = delays.parse("[client]\nround_trip_ms = 10, 20\nconnect_ms = 7\n[mysql]\nround_trip_ms=2\nconnect_ms=9\nread_ms=3\nwrite_ms=5 # all\n", "f",
                         ["mysql.read_ms=4"])
    cold = delays.predict(given, "mysql", delays.SEED_CALLS)
    kept = delays.predict(given, "mysql", delays.CARTD_CALLS, keep_alive=True)
    no_database = delays.predict(given, "sqlite", delays.CARTD_CALLS)
    wanted = ({"create_cart": (29, 7), "add_items": (35, 13), "get_cart": (28, 6), "overall": (92 / 3, 26 / 3)},
              {"create_cart": (22, 7), "add_items": (22, 7), "get_cart": (21, 6), "overall": (65 / 3, 20 / 3)},
              {name: (22, 0) for name in ("create_cart", "add_items", "get_cart", "overall")})
    near = all(abs(found[name][i] - each[name][i]) < 1e-9 for found, each in zip((cold, kept, no_database), wanted) for name in each for i in (0, 1))
    return "" if near else "%s\n%s\n%s" % (cold, kept, no_database)


def the_seeds_averages_are_sums_of_its_parts():
    given, wrong = delays.read(delays.SEED_FILE), []
    for database in delays.DATABASES:
        parts, published = delays.predict(given, database, delays.SEED_CALLS), delays.seed_averages(database)
        assert set(published) == {"create_cart", "add_items", "get_cart", "overall"}
        wrong += ["%s %s: %.2f of %.2f" % (database, name, parts[name][0], ms) for name, ms in published.items() if abs(parts[name][0] / ms - 1) > 0.005]
    return "\n".join(wrong)


def a_round_trip_and_a_connection_take_their_time():
    """Never less. How much more is the machine's; that it is little when the machine is idle is asserted of the median, by patience."""
    cold, kept = [], []
    with Way(Echo(), round_trip_ms=[20], connect_ms=[15]) as way:
        for _ in range(5):
            began = time.monotonic()
            with way.connect() as connection:
                first = asked_ms(connection)
                cold.append(1000 * (time.monotonic() - began))
                assert first > 20, first
                kept += [asked_ms(connection) for _ in range(4)]
    say("a call on a new connection %.2f ms of 35, on a kept one %.2f ms of 20" % (statistics.median(cold), statistics.median(kept)))
    good = min(cold) >= 35 and min(kept) >= 20 and statistics.median(kept) < 20 + patience.at_most(20)
    return "" if good else "%s %s" % (cold, kept)


def bytes_are_late_but_not_slow():
    """Many questions on their way at once cost one round trip, in order; a large answer does too."""
    with Way(Echo(), round_trip_ms=[200]) as way, way.connect() as connection:
        began, wall = patience.now(), time.monotonic()
        for number in range(200):
            connection.sendall(struct.pack(">I", number))
            time.sleep(0.0005)  # so that they come one by one
        answer = receive(connection, 800)
        small = patience.now() - began
        sent = os.urandom(1 << 20) * 8
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        large = receive(connection, len(sent))
        said = "200 questions and 8 MiB: %.2f s" % (time.monotonic() - wall)
    say(said)
    good = answer == b"".join(struct.pack(">I", number) for number in range(200)) and large == sent and small < 5
    return "" if good else "%s; %d and %d bytes, %g s" % (said, len(answer), len(large), small)


def a_database_takes_its_time_to_read_and_to_write():
    """It counts from when the question arrives, and what the server takes itself counts too."""
    def slow(connection):
        while data := connection.recv(1 << 16):
            time.sleep(0.02)
            connection.sendall(data)

    wrong = []
    for reads, writes in ((b"SELECT 1", b"START TRANSACTION;UPDATE carts SET a = 1;COMMIT"),
                          (b"X-Amz-Target: DynamoDB_20120810.GetItem\r\n", b"X-Amz-Target: DynamoDB_20120810.UpdateItem\r\n")):
        with Way(Echo(slow), "mysql", round_trip_ms=[10], read_ms=[40], write_ms=[90]) as way, way.connect() as connection:
            times = {kind: min(asked_ms(connection, text) for _ in range(3)) for kind, text in (("read", reads), ("write", writes), ("ping", b"ping"))}
        say(times)
        if times["read"] < 50 or times["write"] < 100 or times["ping"] < 30:
            wrong.append("too early: %s" % times)
        if times["read"] >= 70 + patience.at_most(20):  # 20 ms of the server's own would be 70
            wrong.append("the server's own time is added: %s" % times)
    return "\n".join(wrong)


def what_is_drawn_is_repeated_by_the_seed():
    def drawn(seed):
        given = {"host": "", "port": 1, "delays": {"round_trip_ms": [1, 2, 4, 8], "connect_ms": [3]}}
        link = delay_proxy.Link(given, seed)
        link.listener.close()
        return [link.draw("round_trip_ms") for _ in range(400)], {link.draw("connect_ms") for _ in range(5)}, link.draw("read_ms")

    first, fixed, absent = drawn("1")
    counts = [first.count(value / 1000) for value in (1, 2, 4, 8)]
    good = drawn("1")[0] == first != drawn("2")[0] and fixed == {0.003} and absent == 0 and sum(counts) == 400 and min(counts) > 50
    with Way(Echo(), round_trip_ms=[2, 30]) as way, way.connect() as connection:
        times = [asked_ms(connection) for _ in range(24)]
    good = good and min(times) >= 2 and max(times) >= 30 and min(times) < 2 + patience.at_most(20)
    return "" if good else "%s %s %s %s" % (counts, fixed, absent, times)


def half_a_connection_ends_at_a_time():
    """A client that has sent all still gets its answer, and then the end."""
    def at_the_end(connection):
        data = receive(connection, 1 << 30)
        connection.sendall(data[::-1])

    with Way(Echo(at_the_end), round_trip_ms=[20], connect_ms=[5]) as way, way.connect() as connection:
        began = time.monotonic()
        connection.sendall(b"0123456789" * 1000)
        connection.shutdown(socket.SHUT_WR)
        answer = receive(connection, 1 << 30)
        took = 1000 * (time.monotonic() - began)
    return "" if answer == b"9876543210" * 1000 and took >= 20 else "%d bytes after %g ms" % (len(answer), took)


def is_reset(connection):
    """Whether it ends so, and what came before."""
    data = b""
    try:
        while more := connection.recv(1 << 16):
            data += more
    except ConnectionResetError:
        return True, data
    return False, data


def resets_are_passed_on():
    def reset(connection):
        connection.sendall(connection.recv(100))
        receive(connection, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, delay_proxy.NOW_RESET)

    wrong, echo = [], Echo()
    with Way(Echo(reset), round_trip_ms=[10]) as way, way.connect() as connection:
        asked_ms(connection)
        connection.sendall(b"x")
        if is_reset(connection) != (True, b""):
            wrong.append("the server's reset is lost")
    with Way(echo, round_trip_ms=[10]) as way:
        with way.connect() as connection:
            asked_ms(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, delay_proxy.NOW_RESET)
        await_that(lambda: echo.seen, WAIT_S, "the server learns of the client's reset")
        if not isinstance(echo.seen[0], ConnectionResetError):
            wrong.append("the client's reset arrived as %s" % echo.seen)
    chatter = Echo(lambda connection: [connection.sendall(bytes(1000)) for _ in iter(lambda: time.sleep(0.001), 1)])
    with Way(chatter, round_trip_ms=[10]) as way:
        with way.connect() as connection:
            connection.shutdown(socket.SHUT_WR)
            receive(connection, 5000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, delay_proxy.NOW_RESET)
        await_that(lambda: chatter.seen, WAIT_S, "a server that sends learns of the reset of a client that had ended its own stream")
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        with Way(taken.getsockname()[1], round_trip_ms=[10]) as way, way.connect() as connection:
            if is_reset(connection) != (True, b""):
                wrong.append("a server that is away is not noticed")
    return "\n".join(wrong)


def measured(folder, cartd, world, *words):
    subprocess.run([CARTBENCH, "seed150", *words, "--out", folder, world.client("service", "http://127.0.0.1:%d" % cartd.port)],
                   stdout=subprocess.DEVNULL, check=True, timeout=120)
    return delays.times(os.path.join(folder, "mysql_test_results.json"))[None]


def cartd_takes_what_the_parts_add_up_to():
    """The whole world: client, cartd, MariaDB, in which all takes longer than here. No operation takes less than predicted."""
    given = delays.parse("[client]\nround_trip_ms = 4\nconnect_ms = 3\n[mysql]\nround_trip_ms = 1\nread_ms = 3\nwrite_ms = 6\n", "world")
    wrong = []
    with tempfile.TemporaryDirectory() as folder, private_mariadb.server(fast=True) as server, delays.World(given) as world:
        there = world.environment(server.environment())
        settings = private_mariadb.settings_for(server, host=there["CART_MYSQL_HOST"], port=there["CART_MYSQL_PORT"])
        with Cartd(folder, settings) as cartd:
            for words in ((), ("--keep-alive",)):
                found = measured(folder, cartd, world, *words)
                parts = delays.predict(given, "mysql", delays.CARTD_CALLS, keep_alive=bool(words))
                say("\n".join(delays.table(given, "mysql", bool(words), found)))
                wrong += ["%s takes %.3f to %.3f ms of %.2f" % (name, min(found[name]), statistics.median(found[name]), ms)
                          for name, (ms, _) in parts.items() if name != "overall"
                          and not ms - 0.01 <= min(found[name]) <= statistics.median(found[name]) < ms + patience.at_most(20)]
    return "\n".join(wrong)


def the_tool_predicts_and_runs():
    said = subprocess.run([TOOL, "--predict", "--set", "dynamodb.read_ms=100"], capture_output=True, text=True, check=True).stdout
    row = re.search(r"dynamodb\n.*\n(?:.*\n)*?get_cart +59\.14 +(\S+)", said)
    echo = Echo()
    done = subprocess.run([TOOL, "--service", "http://127.0.0.1:%d/a" % echo.port, "--", "sh", "-c", 'echo "$CART_URL $CART_MYSQL_PORT"; exit 7'],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "CART_MYSQL_HOST": "127.0.0.1", "CART_MYSQL_PORT": "1", "CART_MYSQL_SOCKET": ""})
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/a (\d+)\n", done.stdout)
    good = row and row.group(1) == "155.22" and done.returncode == 7 and found and {"1", str(echo.port)}.isdisjoint(found.groups())
    return "" if good else "%s\n%s" % (said, done)


def refuses(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def nothing_is_left_of_a_tool_that_is_killed():
    with subprocess.Popen([TOOL, "--", "sh", "-c", "echo $CART_MYSQL_PORT; exec sleep 60"], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "CART_MYSQL_HOST": "127.0.0.1", "CART_MYSQL_PORT": "1", "CART_MYSQL_SOCKET": ""}) as tool:
        port = int(tool.stdout.readline())
        listens = not refuses(port)
        tool.kill()
    await_that(lambda: refuses(port), WAIT_S, "the proxy has ended")
    return "" if listens else "nobody listened"


main_of([a_bad_file_is_refused_by_line_and_member, the_parts_add_up, the_seeds_averages_are_sums_of_its_parts,
         a_round_trip_and_a_connection_take_their_time, bytes_are_late_but_not_slow, a_database_takes_its_time_to_read_and_to_write,
         what_is_drawn_is_repeated_by_the_seed, half_a_connection_ends_at_a_time, resets_are_passed_on, cartd_takes_what_the_parts_add_up_to,
         the_tool_predicts_and_runs, nothing_is_left_of_a_tool_that_is_killed])
