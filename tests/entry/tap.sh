# shellcheck shell=sh
# TAP for shell tests. A test program sources this, calls `check NAME COMMAND...` for each of its tests and `plan` at its end.
# $folder is an empty one of its own, removed at the end.
set -u
tap_count=0 tap_failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# check NAME COMMAND...: passes if the command succeeds; what it prints is shown if it does not.
check()
{
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if ("$@") >"$folder/tap.out" 2>&1; then
		echo "ok $tap_count - $tap_name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $tap_name"
		sed 's/^/# /' "$folder/tap.out"
	fi
}

plan()
{
	echo "1..$tap_count"
	[ $tap_failed -eq 0 ]
	exit
}

# The rest are for use within a test: each prints what it found if that is not what was wanted.
holds()
{
	grep -qF -e "$2" "$1" || { echo "$1 does not hold: $2"; cat "$1"; return 1; }
}

lacks()
{
	! grep -F -e "$2" "$1" || { echo "$1 holds: $2"; return 1; }
}

same()
{
	[ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }
}

# interruptible COMMAND... &: as from a terminal, in a process group of its own that Ctrl-C (kill -INT -$!) reaches; else a command in the
# background ignores SIGINT.
interruptible()
{
	exec python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setpgid(0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}
