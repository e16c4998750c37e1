"""What the private servers for tests, benchmarks and ./cart run have in common, and the tools that run a command beside one.

No server outlives the process that started it, not even after SIGKILL: a small shell beside it, the keeper, waits for that process's
end of a pipe to close, ends what is left and removes the folders.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

# Below the ports that the system gives to connections, so that none of them takes the port of a server that is killed and restarted.
PORTS = range(10000, 30000)
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
PASSED_ON = ENDING | {signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
SI_KERNEL = 0x80  # si_code of what a terminal sends when a key is pressed, which the command gets too
PR_SET_PDEATHSIG = 1
CANNOT = 125
ended_by = []  # the signal, once one has come
START_S, POLL_S = 180.0, 0.005
KEEPER = r"""
trap '' HUP INT TERM
alive()
{
	for pid in $pids; do kill -0 "$pid" 2>/dev/null && return; done
	return 1
}
# signal, and for how many fiftieths of a second to wait
end()
{
	alive || return
	kill "-$1" $pids 2>/dev/null
	left=$2
	while alive && [ $left -gt 0 ]; do sleep 0.02; left=$((left - 1)); done
}
while read -r what name; do
	case $what in
	run) pids="$pids $name" ;;
	keep) pids="$pids $name"; orderly=yes ;;
	ended) pids=$(for pid in $pids; do [ "$pid" = "$name" ] || printf ' %s' "$pid"; done) ;;
	folder) folders="$folders
$name" ;;
	esac
done
end CONT 0
[ -z "$orderly" ] || end TERM 500
end KILL 250
printf '%s\n' "$folders" | while read -r folder; do
	[ -z "$folder" ] || rm -rf "$folder"
done
"""


class Failure(Exception):
    """What stopped a server, in a few lines."""


def logged(said):
    """The end of what a server has logged, for the end of a message."""
    said = said.strip()[-3000:]
    return ":\n" + said if said else "; it has logged nothing: the machine may be too busy for it, try again"


class Keeper:
    """The process that ends and removes what this one leaves behind. Started with the first server."""

    lock = threading.Lock()
    pipe = None

    @classmethod
    def tell(cls, what, value):
        with cls.lock:
            if cls.pipe is None:
                read, cls.pipe = os.pipe()
                # A session of its own: what ends our group, or the terminal, does not end it.
                subprocess.Popen(["/bin/sh", "-c", KEEPER, "keeper"], stdin=read, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
                                 env={"PATH": os.defpath})
                os.close(read)
            os.write(cls.pipe, ("%s %s\n" % (what, value)).encode())


def free_port():
    """A port without a listener now; a server that finds it taken when it starts tries another."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def take_folder(folder):
    """The lock that keeps a second server off a folder, while it is open."""
    lock = open(os.path.join(folder, "lock"), "a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Failure("%s is in use by another server" % folder) from None
    return lock


def throwaway_folder(prefix, place=None):
    """A new folder that is removed at the end, whatever the end is."""
    folder = tempfile.mkdtemp(prefix=prefix, dir=place)
    Keeper.tell("folder", folder)
    return folder


@contextlib.contextmanager
def on_processors(processors):
    """What is started within the block stays on these processors."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


class Closing:
    """Starts with a `with` block and closes at its end, or when it does not start."""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()


class Server(Closing):
    """A server's life: a folder, which is thrown away unless the caller names it, a free port of 127.0.0.1, a process. start() again
    after stop() or kill() brings it back on both.

    Each kind of server has a NAME, a PREFIX for throwaway folders, and these methods: prepare(), before each start; words(), the
    command for self.port; variables(), the environment of the process; answers(said) and lost_port(said), whether it can be used, and
    whether it ended because another process has the port: said is what it has logged since it started.
    """

    STOP_S = 60.0

    def __init__(self, folder=None, port=None):
        self.keep = folder is not None
        self.port, self.port_is_ours = port, port is None
        self.process = self.lock = None
        if self.keep:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self.folder = os.path.abspath(folder)
        else:
            self.folder = throwaway_folder(self.PREFIX)
        self.log = self.path("server.log")

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def start(self, timeout=START_S, extra=()):
        """Returns once it answers. extra: options of this start alone."""
        if self.process is not None and self.process.poll() is None:
            raise Failure("the server runs")
        if self.lock is None:
            self.lock = take_folder(self.folder)
        self.prepare()
        until = time.monotonic() + timeout
        while True:
            self.port = self.port or free_port()
            before = os.path.getsize(self.log) if os.path.exists(self.log) else 0
            self._spawn(extra)
            if self._await_answer(until, before):
                return
            said, status = self.log_text(before), self.process.returncode
            if not (self.port_is_ours and self.lost_port(said)):
                raise Failure("%s ended with status %s%s" % (self.NAME, status, logged(said)))
            self.port = None

    def _spawn(self, extra):
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C is for the command that uses it, which may have something left to write.
            self.process = subprocess.Popen([*self.words(), *extra], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=self.variables())
        Keeper.tell("keep" if self.keep else "run", self.process.pid)

    def _await_answer(self, until, before):
        """False: it has ended."""
        while not self.answers(self.log_text(before)):
            if self.process.poll() is not None:
                Keeper.tell("ended", self.process.pid)
                return False
            if time.monotonic() > until:
                self.kill()
                raise Failure("%s did not answer in time%s" % (self.NAME, logged(self.log_text(before))))
            time.sleep(POLL_S)
        return True

    def log_text(self, start=0):
        """What the server has logged, from a byte on."""
        try:
            with open(self.log, "rb") as file:
                file.seek(start)
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _end(self, signum):
        """By a signal, even if it stands still, or by SIGKILL when that takes too long; waits until it is gone."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signum)
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(self.STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        Keeper.tell("ended", process.pid)

    def stop(self):
        """An orderly shutdown: what a folder keeps is written."""
        self._end(signal.SIGTERM)

    def kill(self):
        """SIGKILL, and waits until it is gone."""
        self._end(signal.SIGKILL)

    def suspend(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """The end: a folder that stays gets an orderly shutdown, another is removed."""
        if self.keep:
            self.stop()
        else:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()
            self.lock = None


def run(name, command, environment):
    """Runs it to its end, passing signals on: its exit status."""
    signals = PASSED_ON | {signal.SIGCHLD}
    libc = ctypes.CDLL(None)

    def prepare():
        # However we end, the command must not go on without its database.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)

    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        process = subprocess.Popen(command, env=environment, preexec_fn=prepare)
    except OSError as error:
        print("%s: %s: %s" % (name, command[0], error.strerror), file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    while process.poll() is None:
        got = signal.sigwaitinfo(signals)
        # Of a terminal that closes, we may be the only one who is told.
        if got.si_signo == signal.SIGHUP or got.si_signo != signal.SIGCHLD and got.si_code != SI_KERNEL:
            process.send_signal(got.si_signo)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def end_by_signals():
    """A signal ends the program as an exception does: what it has started is ended on the way out, and a second one changes nothing."""
    def end(signum, _frame):
        ignore_signals()
        ended_by.append(signum)
        exit_if_ended()
    for signum in ENDING:
        signal.signal(signum, end)


def exit_if_ended():
    """Python drops an exception that is raised while it destroys an object, and with it a signal that comes then."""
    if ended_by:
        sys.exit(128 + ended_by[0])


def ignore_signals():
    for signum in ENDING:
        signal.signal(signum, signal.SIG_IGN)


def call(command, output=None, meanwhile=None, folder=None):
    """Runs it to its end, in the folder if one is given: its exit status; its output goes to a file, and meanwhile() is called each second. After end_by_signals(), a
    signal kills it too, even if it comes while the command starts: subprocess.run() would leave a command behind of which it does not
    know yet."""
    process = None
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output and subprocess.STDOUT, cwd=folder,
                                       preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        exit_if_ended()
        while meanwhile:
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                meanwhile()
        return process.wait()
    finally:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()


def run_beside(name, command, servers, environment):
    """Starts servers(), in order, runs the command in environment(the last one, or None) and ends them: the exit status."""
    end_by_signals()
    started = []
    try:
        for server in servers():
            started.append(server)
            server.start()
        return run(name, command, environment(started[-1] if started else None))
    except Failure as error:
        print("%s: %s" % (name, error), file=sys.stderr)
        return CANNOT
    finally:
        ignore_signals()
        for server in reversed(started):
            server.close()


def forget_settings():
    """What is started from here on has no settings of the caller's environment."""
    for name in [name for name in os.environ if name.startswith(("CART_", "AWS_"))]:
        del os.environ[name]


def arguments(name, text, *options):
    """Of a tool that takes a command after its options, which text describes; each option: its name, and words for argparse. Returns
    them, and what to call with a complaint."""
    parser = argparse.ArgumentParser(prog=name, usage="tools/%s [OPTION...] [--] COMMAND [ARGUMENT...]" % name, description=text,
                                     formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for option, words in options:
        parser.add_argument(option, help=argparse.SUPPRESS, **words)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.command[:1] == ["--"]:
        args.command.pop(0)
    if not args.command:
        parser.error("no command")
    return args, parser.error
