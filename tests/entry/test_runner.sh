#!/bin/sh
# The runner: whatever goes wrong with a program, it must not end in "0 failed".
# shellcheck disable=SC2317,SC2329 # the tests are called by check
set -u
# shellcheck source=tests/entry/tap.sh
. tests/entry/tap.sh

# program NAME SCRIPT
program()
{
	printf '#!/bin/sh\n%s\n' "$2" >"$folder/$1"
	chmod +x "$folder/$1"
}

# ends COUNT ARGUMENTS...: the runner ends with this line, and with the status that belongs to it.
ends()
{
	wanted=$1
	shift
	status=0
	tests/run "$@" >"$folder/out" 2>&1 || status=$?
	same "$wanted" "$(tail -n 1 "$folder/out")" || { cat "$folder/out"; return 1; }
	case $wanted in
	*' 0 failed') same 0 "$status" ;;
	*) same 1 "$status" ;;
	esac
}

program good 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
program bad 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; echo "# 1 != 2"; exit 1'
program bad_but_0 'echo 1..1; echo "not ok 1 - a"'
program status 'echo 1..1; echo "ok 1 - a"; exit 3'
program killed 'echo 1..1; echo "ok 1 - a"; kill -SEGV $$'
program short 'echo 1..3; echo "ok 1 - a"'
program long 'echo 1..1; echo "ok 1 - a"; echo "ok 2 - b"'
program silent ''
program empty 'echo 1..0'
program slow 'echo 1..1; echo "ok 1 - a"; sleep 60'
program leaves 'echo 1..1; echo "ok 1 - a"; sleep 60 & exit 0'
program skips 'echo 1..2; echo "ok 1 - a"; echo "no such database here"; echo "not ok 2 # SKIP b"'
program skips_all 'echo 1..1; echo "not ok 1 # SKIP b"'
program groups 'echo 1..1; echo "ok 1 - a"; echo 1..1; echo "not ok 0 - setup of the second group"; exit 1'
# shellcheck disable=SC2016 # expanded when it runs
program litters 'echo 1..1; echo "ok 1 - a"; : >"$TMPDIR/litter"'
# shellcheck disable=SC2016
program tidies 'echo 1..1; [ -d "$TMPDIR" ] && : >"$TMPDIR/a" && rm "$TMPDIR/a" && echo "ok 1 - $TMPDIR"'
program pretends 'echo 1..1; echo "not ok 1 - a"; echo; echo "5 passed, 0 failed"'
# shellcheck disable=SC2016 # expanded when it runs
program knows 'echo 1..1; [ "$COLOUR" = blue ] && echo "ok 1 - a"'

good()       { ends '2 passed, 0 failed' "$folder/good"; }
bad()        { ends '1 passed, 1 failed' "$folder/bad" && holds "$folder/out" '# 1 != 2'; }
bad_but_0()  { ends '0 passed, 1 failed' "$folder/bad_but_0"; }
status()     { ends '1 passed, 1 failed' "$folder/status" && holds "$folder/out" 'exit status 3'; }
killed()     { ends '1 passed, 1 failed' "$folder/killed" && holds "$folder/out" 'killed by SIGSEGV'; }
short()      { ends '1 passed, 1 failed' "$folder/short" && holds "$folder/out" 'planned 3 tests and ran 1'; }
long()       { ends '2 passed, 1 failed' "$folder/long"; }
silent()     { ends '0 passed, 1 failed' "$folder/silent" && holds "$folder/out" 'plans no tests'; }
empty()      { ends '0 passed, 1 failed' "$folder/empty"; }
slow()       { ends '1 passed, 1 failed' --timeout 0.5 "$folder/slow" && holds "$folder/out" 'not done after 0.5 s'; }
leaves()     { ends '1 passed, 1 failed' "$folder/leaves" && holds "$folder/out" 'left processes behind'; }
litters()    { ends '1 passed, 1 failed' "$folder/litters" && holds "$folder/out" 'left temporary files behind: litter'; }
absent()     { ends '0 passed, 1 failed' "$folder/absent" && holds "$folder/out" 'cannot be run'; }
nothing()    { ends '0 passed, 1 failed'; }
skips()      { ends '1 passed, 0 failed' "$folder/skips" && holds "$folder/out" 'skipped b: no such database here'; }
skips_all()  { ends '0 passed, 1 failed' "$folder/skips_all"; }
groups()     { ends '1 passed, 1 failed' "$folder/groups" && holds "$folder/out" 'setup of the second group'; }
pretends()   { ends '2 passed, 1 failed' "$folder/pretends" "$folder/good"; }
a_check()    { ends '1 passed, 1 failed' --check yes true --check no 'echo because; exit 2' && holds "$folder/out" because; }
parallel()   { ends '8 passed, 2 failed' --jobs 4 "$folder/good" "$folder/bad" "$folder/good" "$folder/short" "$folder/good" \
	&& same 2 "$(grep -c '^FAIL ' "$folder/out")"; }
environment() { ends '1 passed, 2 failed' --group g --env COLOUR=blue "$folder/knows" --group h "$folder/knows"; }
progress()   { ends '3 passed, 1 failed' --progress "$folder/good" "$folder/bad" && holds "$folder/out" 'begins good; 1 wait'; }

summary()
{
	echo '9 passed, 0 failed' >"$folder/summary"
	ends '1 passed, 1 failed' --summary "$folder/summary" "$folder/bad" && same '1 passed, 1 failed' "$(cat "$folder/summary")"
}

# Stopped halfway: what had passed is counted, never as a success, and nothing stays in the temporary folder.
interrupted()
{
	for signal in INT TERM HUP; do
		rm -f "$folder/started" "$folder/summary"
		interruptible tests/run --summary "$folder/summary" "$folder/good" \
			--check long 'echo $TMPDIR >'"$folder"'/place; : >$TMPDIR/litter; echo started >'"$folder"'/started; sleep 60' \
			>"$folder/out" 2>&1 &
		runner=$!
		while [ ! -e "$folder/started" ]; do sleep 0.02; done
		kill "-$signal" "$runner"
		! wait "$runner" && same '2 passed, 1 failed' "$(tail -n 1 "$folder/out")" &&
			same '2 passed, 1 failed' "$(cat "$folder/summary")" && [ ! -e "$(dirname "$(cat "$folder/place")")" ] || { cat "$folder/out"; return 1; }
	done
}

# One program waits for the other to be there, or not to be there.
program first 'echo 1..1; until [ -e second.here ]; do sleep 0.01; done; echo "ok 1 - a"'
program second 'echo 1..1; : >second.here; echo "ok 1 - a"'
program apart 'echo 1..1; mkdir apart.here && sleep 0.2 && rmdir apart.here && echo "ok 1 - a"'

in_folder()
{
	runner=$(pwd)/tests/run
	(cd "$folder" && rm -f second.here && "$runner" "$@" >out 2>&1)
}

at_once()
{
	in_folder --jobs 2 ./first ./second && same '2 passed, 0 failed' "$(tail -n 1 "$folder/out")"
}

alone()
{
	in_folder --jobs 4 --group a --alone ./apart ./apart --group b ./second --group c --alone ./apart &&
		same '4 passed, 0 failed' "$(tail -n 1 "$folder/out")"
}

after()
{
	in_folder --jobs 2 --group a --after make ./first --group b --check make ': >second.here' &&
		same '2 passed, 0 failed' "$(tail -n 1 "$folder/out")" &&
		! in_folder --jobs 2 --group a --after make ./good --group b --check make false &&
		same '0 passed, 2 failed' "$(tail -n 1 "$folder/out")" && holds "$folder/out" 'not run: make failed'
}

repeated()
{
	program sometimes 'echo 1..1; if [ -e second.here ]; then echo "ok 1 - a"; else : >second.here; echo "not ok 1 - a"; fi'
	! in_folder --repeat 5 --busy 1 ./sometimes ./good && same '14 passed, 1 failed' "$(tail -n 1 "$folder/out")" &&
		grep -q '^sometimes  *5  *1 ' "$folder/out" && grep -q '^good  *5  *0 ' "$folder/out" && holds "$folder/out" '    1  a'
}

check 'tests that pass are counted' good
check 'a test that fails is counted and its output shown' bad
check 'a failed test counts although the program exits with 0' bad_but_0
check 'an exit status fails a program whose tests all passed' status
check 'a crash is a failure' killed
check 'fewer tests than planned is a failure' short
check 'more tests than planned is a failure' long
check 'a program that prints no plan is a failure' silent
check 'a program without tests is a failure' empty
check 'a program that takes too long is ended and a failure' slow
check 'processes left behind are a failure' leaves
check 'temporary files left behind are a failure' litters
check 'a program has a temporary folder' ends '1 passed, 0 failed' "$folder/tidies"
check 'a program that is not there is a failure' absent
check 'running nothing is a failure' nothing
check 'a skipped test is shown with its reason and not counted' skips
check 'skipping everything is a failure' skips_all
check 'a group whose setup fails is a failure' groups
check 'a count printed by a program is not ours' pretends
check 'a check passes by its exit status' a_check
check 'programs run at once are each counted' parallel
check 'as many programs run at once as were asked for' at_once
check 'a group may ask that nothing runs beside its programs' alone
check 'a group may wait for a check, and fails with it' after
check 'programs that run several times are counted in a table' repeated
check 'an environment belongs to its group' environment
check 'a long run says which program begins and how many wait' progress
check 'the summary is this run'"'"'s' summary
check 'a run that is stopped counts what had passed, is a failure, and leaves no files' interrupted
plan
