#!/bin/sh
# make, with a compiler that only pretends: what is built for whom, and several makes in one tree.
# shellcheck disable=SC2317,SC2329 # the tests are called by check
set -u
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES GNUMAKEFLAGS
# shellcheck source=tests/entry/tap.sh
. tests/entry/tap.sh

# A file that it has written ends in "whole". With $TEST_HOLD it writes half of the first object, or of the program that $TEST_HALF names, and
# waits there until $TEST_HOLD/go is there.
cat >"$folder/cc" <<'END'
#!/bin/sh
linking=yes
for word; do
	case $before in
	-o) out=$word ;;
	-MF) : >"$word" ;;
	esac
	case $word in
	-c) linking=no ;;
	*.o) inputs="$inputs $word" ;;
	esac
	before=$word
done
if [ $linking = yes ]; then
	for input in $inputs; do
		[ "$input" = "$out" ] || [ "$(tail -n 1 "$input")" = whole ] || { echo "$input is not whole" >&2; exit 1; }
	done
fi
case $linking:$out in
yes:*"/${TEST_HALF:-none}".* | yes:*"/${TEST_HALF:-none}") half=yes ;;
no:*) half=${TEST_HALF:-yes} ;;
esac
if [ -n "$TEST_HOLD" ] && [ "$half" = yes ] && mkdir "$TEST_HOLD" 2>/dev/null; then
	echo half >"$out"
	: >"$TEST_HOLD/half"
	until [ -e "$TEST_HOLD/go" ]; do sleep 0.01; done
fi
echo whole >"$out"
END
chmod +x "$folder/cc"

make_fake()
{
	make -s B="$folder/build" CC="$folder/cc" PKG_LIBS=-l PKG_CFLAGS=-I "$@"
}

# One make stands still in the middle of an object, or of a program; another one must neither take the half nor be disturbed.
several_at_once()
{
	rm -rf "$folder/build" "$folder/hold"
	TEST_HALF=${1-} TEST_HOLD=$folder/hold make_fake "$folder/build/bin/cartctl" >"$folder/first" 2>&1 &
	first=$!
	until [ -e "$folder/hold/half" ]; do
		kill -0 "$first" || { cat "$folder/first"; return 1; }
		sleep 0.01
	done
	make_fake "$folder/build/bin/cartctl"
	second=$?
	started=$(cat "$folder/build/bin/cartctl")
	: >"$folder/hold/go"
	wait "$first" || { cat "$folder/first"; return 1; }
	same 0 "$second" && same whole "$started" && same whole "$(cat "$folder/build/bin/cartctl")"
}

service_without_cartbench()
{
	make -n B="$folder/none" service >"$folder/out" && holds "$folder/out" "$folder/none/bin/cartd" &&
		holds "$folder/out" "$folder/none/bin/cartctl" && lacks "$folder/out" bench/ && lacks "$folder/out" tests/
}

check 'a make in the middle of an object does not disturb another one' several_at_once
check 'a make in the middle of a program does not disturb another one' several_at_once cartctl
check 'the service is built without cartbench' service_without_cartbench
plan
