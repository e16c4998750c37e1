"""What the private servers for tests, benchmarks and ./cart run have in common, and the tools that run a command beside one.

No server outlives the process that started it, SIGKILL or not: a small shell beside it, the keeper, waits for that process's end of
a pipe to close, ends what is left and removes the folders.
"""

import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import threading

# Below the ports that the system gives to connections: while a killed server is away nobody else gets its own.
PORTS = range(10000, 30000)
PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
SI_KERNEL = 0x80  # si_code of what a terminal sends, which the command gets too
PR_SET_PDEATHSIG = 1
CANNOT = 125
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


class Interrupted(Exception):
    """A signal that came before the command ran."""


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
    """One that nobody listens on now; a server that finds it taken after all tries another."""
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


def end_process(process, signum, timeout):
    """Ends it by a signal, even one that stands still, or by SIGKILL when it takes too long; waits until it is gone."""
    if process.poll() is None:
        process.send_signal(signum)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    Keeper.tell("ended", process.pid)


def run(name, command, environment):
    """Runs it to its end, passing signals on: its exit status."""
    signals = PASSED_ON | {signal.SIGCHLD}
    libc = ctypes.CDLL(None)

    def prepare():
        # Whatever becomes of us, the command must not go on without its database.
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
        if got.si_signo != signal.SIGCHLD and got.si_code != SI_KERNEL:
            process.send_signal(got.si_signo)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def interrupted(signum, _frame):
    raise Interrupted(signum)


def run_beside(name, command, servers, environment):
    """Starts servers(), in order, runs the command in environment(them) and ends them: the exit status."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, interrupted)
    started = []
    try:
        for server in servers():
            started.append(server)
            server.start()
        return run(name, command, environment(started))
    except Failure as error:
        print("%s: %s" % (name, error), file=sys.stderr)
        return CANNOT
    except Interrupted as error:
        return 128 + error.args[0]
    finally:
        # Not again from the start, for somebody who asks twice.
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        for server in reversed(started):
            server.close()
