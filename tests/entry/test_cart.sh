#!/bin/sh
# ./cart, against a dpkg-query, an apt-get, an id, a sudo, a make and a cartd that only pretend.
# shellcheck disable=SC2317,SC2329 # the tests are called by check
set -u
# The tests may run beside a server that others use; here none is named unless a test says so.
unset CART_MYSQL_HOST CART_MYSQL_PORT CART_MYSQL_SOCKET CART_MYSQL_USER CART_MYSQL_PASSWORD CART_MYSQL_DATABASE
unset CART_DYNAMODB_ENDPOINT CART_DYNAMODB_REGION AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_DYNAMODB
# shellcheck source=tests/entry/tap.sh
. tests/entry/tap.sh

fake=$folder/bin
mkdir "$fake"
for tool in sh sed tr cat dirname env nproc grep rm mkdir awk sleep; do
	ln -s "$(command -v "$tool")" "$fake/$tool"
done

pretend()
{
	rm -f "$fake/$1" # it may be a link to the real one
	printf '#!/bin/sh\n%s\n' "$2" >"$fake/$1"
	chmod +x "$fake/$1"
}

# Starts over: every package is installed but those named, the user is root, apt-get installs what it is told to.
machine_without()
{
	rm -f "$fake/sudo" "$folder/calls"
	./cart packages | sed 's/[ ?].*//; s/|/\n/g' >"$folder/installed"
	for package; do
		sed -i "/^$package\$/d" "$folder/installed"
	done
	# shellcheck disable=SC2016 # expanded when it runs
	pretend dpkg-query 'shift 3
for name; do
	grep -qx "$name" '"$folder"'/installed && echo "installed $name"
done
exit 1'
	# shellcheck disable=SC2016
	pretend apt-get 'case " $* " in *" --print-uris "*)
	for name; do case $name in -*|install) ;; *) echo "'"'http://mirror/\$name.deb' \$name.deb"' 20000000 SHA256:x" ;; esac; done
	exit
esac
echo "apt-get $*" >>'"$folder"'/calls
case " $* " in
*" indextargets "*) echo /var/lib/apt/lists/main_Packages ;;
*" install "*) for name; do case $name in -*) ;; *) echo "$name" >>'"$folder"'/installed ;; esac; done ;;
esac'
	pretend id 'echo 0'
}

setup()
{
	PATH=$fake ./cart setup "$@" </dev/null >"$folder/out" 2>&1
}

nothing_missing()
{
	machine_without
	setup && [ ! -e "$folder/calls" ]
}

names_and_reasons()
{
	machine_without libinih-dev libcmocka-dev
	setup && holds "$folder/out" 'libinih-dev                run            reads cartd.ini' &&
		holds "$folder/calls" 'install -y --no-install-recommends libinih-dev libcmocka-dev'
}

only_for_purpose()
{
	machine_without libcmocka-dev wrk
	setup run && [ ! -e "$folder/calls" ] && setup check && lacks "$folder/calls" wrk && setup bench &&
		holds "$folder/calls" wrk
}

fresh_machine()
{
	machine_without gcc libc6-dev make pkgconf pkg-config libevent-dev libjansson-dev libssl-dev libsqlite3-dev libinih-dev
	setup run && holds "$folder/calls" \
		'gcc libc6-dev make pkgconf libevent-dev libjansson-dev libssl-dev libsqlite3-dev libinih-dev'
}

alternatives()
{
	machine_without pkgconf
	setup && [ ! -e "$folder/calls" ]
}

removed_but_configured()
{
	machine_without
	pretend dpkg-query 'echo "config-files gcc"; echo "not-installed make"'
	setup run
	holds "$folder/calls" gcc && holds "$folder/calls" make
}

no_apt()
{
	machine_without gcc
	rm "$fake/apt-get"
	! setup run && holds "$folder/out" 'apt-get is not there; install by other means: gcc'
}

no_right()
{
	machine_without gcc
	pretend id 'echo 1000'
	! setup run && [ ! -e "$folder/calls" ] &&
		holds "$folder/out" 'no right to install; as root: apt-get install --no-install-recommends gcc'
}

sudo_that_asks()
{
	machine_without gcc
	pretend id 'echo 1000'
	pretend sudo 'exit 1'
	! setup run && holds "$folder/out" 'no right to install'
}

sudo_that_works()
{
	machine_without gcc
	pretend id 'echo 1000'
	# shellcheck disable=SC2016
	pretend sudo 'echo sudo >>'"$folder"'/calls; [ "$1" = -n ] && exit 0; exec "$@"'
	setup run && holds "$folder/calls" sudo && holds "$folder/calls" ' gcc'
}

old_lists()
{
	machine_without gcc
	# shellcheck disable=SC2016
	pretend apt-get 'case " $* " in *" --print-uris "*) exit ;; esac
echo "apt-get $*" >>'"$folder"'/calls
case " $* " in
*" indextargets "*) echo /var/lib/apt/lists/main_Packages ;;
*" update "*) : >'"$folder"'/updated ;;
*) [ -e '"$folder"'/updated ] && echo gcc >>'"$folder"'/installed ;;
esac'
	setup run && holds "$folder/calls" update && lacks "$folder/calls" Languages && same 2 "$(grep -c ' install ' "$folder/calls")"
}

# As in a container's image. Nothing is asked of apt-get that it must refuse, and no translations are fetched.
no_lists()
{
	machine_without gcc
	sed -i 's/^\*" indextargets "\*) .*/*" indextargets "*) ;;/' "$fake/apt-get"
	setup run && same 1 "$(grep -c ' install ' "$folder/calls")" && holds "$folder/calls" '-o Acquire::Languages=none update' && sed -n '/ update/,$p' "$folder/calls" >"$folder/after" &&
		holds "$folder/after" ' install '
}

waits_for_lock()
{
	machine_without gcc
	setup run && holds "$folder/calls" '-o DPkg::Lock::Timeout='
}

# Held twice, by an automatic upgrade for example; what apt-get says of it is not shown as an error.
says_that_it_waits()
{
	machine_without gcc
	mv "$fake/apt-get" "$fake/apt-get.free"
	# shellcheck disable=SC2016
	pretend apt-get 'case " $* " in *" install -y "*) if [ "$(grep -c . '"$folder"'/held)" -lt 2 ]; then
	echo 1 >>'"$folder"'/held
	echo "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?" >&2
	exit 100
fi ;; esac
exec apt-get.free "$@"'
	: >"$folder/held"
	pretend sleep ':'
	setup run && same 1 "$(grep -c 'waiting for another apt or dpkg to end' "$folder/out")" && lacks "$folder/out" 'E: '
	status=$?
	rm "$fake/apt-get.free" "$fake/sleep"
	ln -s "$(command -v sleep)" "$fake/sleep"
	return "$status"
}

says_how_much()
{
	machine_without gcc make
	setup run && holds "$folder/out" 'apt-get installs 2 packages with what they depend on, 40 MB to download'
}

# What is wrong is said once, not at each try.
says_errors_once()
{
	machine_without gcc
	# shellcheck disable=SC2016
	pretend apt-get 'case " $* " in *" indextargets "*) echo lists ;; *" update "*) ;; *) echo "E: no such thing" >&2; exit 100 ;; esac'
	! setup run && same 1 "$(grep -c 'E: no such thing' "$folder/out")"
}

offline()
{
	machine_without gcc
	pretend apt-get 'exit 100'
	! setup run && holds "$folder/out" 'apt-get update failed'
}

lying_apt()
{
	machine_without gcc
	pretend apt-get 'exit 0'
	! setup run && holds "$folder/out" 'still not installed: gcc'
}

not_debian()
{
	machine_without
	rm "$fake/dpkg-query"
	setup run && holds "$folder/out" 'not a Debian system'
}

# make must come after the packages, and its failure must be the last word.
check_counts()
{
	machine_without
	# shellcheck disable=SC2016
	pretend make '
mkdir -p build
case '"$1"' in
passes) echo "7 passed, 0 failed" ;;
fails) echo "6 passed, 1 failed" ; echo "6 passed, 1 failed" >'"$folder"'/tree/build/summary; exit 2 ;;
lies) echo "7 passed, 0 failed" >'"$folder"'/tree/build/summary; exit 2 ;;
breaks) echo "error: no such thing" >&2; exit 2 ;;
esac'
	mkdir -p "$folder/tree/build"
	echo "9 passed, 0 failed" >"$folder/tree/build/summary"
	cp cart "$folder/tree/cart"
	PATH=$fake "$folder/tree/cart" check </dev/null >"$folder/out" 2>&1
}

last_line_is()
{
	same "$1" "$(tail -n 1 "$folder/out")"
}

check_passes()
{
	check_counts passes && last_line_is '7 passed, 0 failed'
}

check_fails()
{
	! check_counts fails && last_line_is '6 passed, 1 failed'
}

check_breaks()
{
	! check_counts breaks && last_line_is '0 passed, 1 failed'
}

# Ctrl-C reaches everything that the terminal runs: make ends by it, and the test runner after having counted.
check_interrupted()
{
	machine_without
	mkdir -p "$folder/tree"
	cp cart "$folder/tree/cart"
	rm -f "$folder/started"
	# shellcheck disable=SC2016
	pretend make 'trap "mkdir -p build; echo 162 passed, 1 failed >build/summary; trap - INT; kill -INT \$\$" INT
: >'"$folder"'/started
while :; do sleep 0.01; done'
	PATH=$fake:$PATH interruptible "$folder/tree/cart" check </dev/null >"$folder/out" 2>&1 &
	shell=$!
	while [ ! -e "$folder/started" ]; do sleep 0.02; done
	kill -INT "-$shell"
	! wait "$shell" && last_line_is '162 passed, 1 failed'
}

check_lies()
{
	! check_counts lies && last_line_is '0 passed, 1 failed'
}

# In a tree of its own, with a cartd, a with-mariadb and a with-dynalite that say how they were called. What that cartd says of its settings is in
# $folder/config.
run_cart()
{
	: >"$folder/config"
	run_cart_so "$@"
}

compare_needs='dynamodb mysql'

run_cart_so()
{
	machine_without
	# shellcheck disable=SC2016 # expanded when it runs
	pretend make 'echo "$*" >>'"$folder"'/made'
	rm -rf "$folder/tree" "$folder/made"
	mkdir -p "$folder/tree/build/bin" "$folder/tree/tools"
	cp cart "$folder/tree/cart"
	cat >"$folder/tree/build/bin/cartd" <<-'END'
		#!/bin/sh
		case " $* " in *" --print-config "*) cat ../config; exit ;; esac
		echo "database ${CART_SQLITE_PATH-unset}, folder $(pwd), at a hangup ${CART_HANGUP-unset}, arguments:"
		printf '<%s>' "$@"
	END
	echo "$compare_needs" >"$folder/needs"
	cat >"$folder/tree/tools/with-mariadb" <<-'END'
		#!/bin/sh
		[ "${1-}" != --needs ] || exec cat ../needs
		printf 'with-mariadb:'
		printf '<%s>' "$@"
	END
	for tool in with-dynalite compare; do
		sed "s/with-mariadb:/$tool:/" "$folder/tree/tools/with-mariadb" >"$folder/tree/tools/$tool"
	done
	chmod +x "$folder/tree/build/bin/cartd" "$folder/tree/tools/"*
	(cd / && env PATH="$fake" "$@") >"$folder/out" 2>&1
}

# What cartd prints of its settings, with the value of mysql.host said by somebody or not.
mysql_config()
{
	cat >"$folder/config" <<-END
		listen = 127.0.0.1:8080
		# from the command line
		backend = $1

		[mysql]
		${2:+# from $2}
		host = 127.0.0.1
		port = 3306
		${3:+# from $3}
		socket =${3:+ /run/mysqld/mysqld.sock}
		# from the environment
		user = somebody

		[other]
		# from the file
		host = 10.0.0.1
	END
	sed -i '/^$/d' "$folder/config"
}

run_private_mysql()
{
	mysql_config mysql
	run_cart_so "$folder/tree/cart" run --backend mysql --set 'log.file=a b' &&
		holds "$folder/out" 'with-mariadb:<--data><data/mariadb><--><build/bin/cartd><--backend><mysql><--set><log.file=a b>' &&
		holds "$folder/out" 'in data/mariadb' && holds "$folder/out" http://127.0.0.1:8080/ && lacks "$folder/calls" apt-get
}

run_named_mysql()
{
	for where in 'the command line' 'the environment' 'the file'; do
		mysql_config mysql "$where"
		run_cart_so "$folder/tree/cart" run --backend mysql && holds "$folder/out" '<--backend><mysql>' &&
			lacks "$folder/out" mariadb || return
		mysql_config mysql '' "$where"
		run_cart_so "$folder/tree/cart" run --backend mysql && lacks "$folder/out" mariadb || return
	done
}

run_no_mysql()
{
	mysql_config sqlite
	run_cart_so "$folder/tree/cart" run && lacks "$folder/out" mariadb && holds "$folder/out" 'database data/cart.db'
}

# The same with a setting of dynamodb's said by somebody: dynamodb_config [SETTING WHO].
dynamodb_config()
{
	mysql_config dynamodb 'the file'
	printf '[dynamodb]\n' >>"$folder/config"
	for name in endpoint region profile; do
		[ "${1-}" != "$name" ] || printf '# from %s\n' "$2" >>"$folder/config"
		printf '%s =\n' "$name" >>"$folder/config"
	done
	printf '# from the command line\ntable = carts\n' >>"$folder/config"
}

run_private_dynamodb()
{
	dynamodb_config
	run_cart_so "$folder/tree/cart" run --backend dynamodb --set 'log.file=a b' &&
		holds "$folder/out" 'with-dynalite:<--data><data/dynalite><--><build/bin/cartd><--backend><dynamodb><--set><log.file=a b>' &&
		holds "$folder/out" 'in data/dynalite' && holds "$folder/out" http://127.0.0.1:8080/ && lacks "$folder/calls" apt-get
}

run_named_dynamodb()
{
	for setting in endpoint region profile; do
		dynamodb_config "$setting" 'the environment'
		run_cart_so "$folder/tree/cart" run --backend dynamodb && holds "$folder/out" '<--backend><dynamodb>' &&
			lacks "$folder/out" dynalite || return
	done
	dynamodb_config
	for name in AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_DYNAMODB; do
		run_cart_so "$name=somewhere" "$folder/tree/cart" run --backend dynamodb && holds "$folder/out" '<--backend><dynamodb>' &&
			lacks "$folder/out" dynalite || return
	done
}

run_no_dynamodb()
{
	mysql_config sqlite
	printf '[dynamodb]\nendpoint =\nregion =\n' >>"$folder/config"
	run_cart_so "$folder/tree/cart" run && lacks "$folder/out" dynalite
}

# Where compare goes with which arguments; what it would say of the backends is test_compare.py's.
compare_private_mysql()
{
	run_cart_so "$folder/tree/cart" compare --keep-alive && holds "$folder/out" \
		'with-mariadb:<--><tools/with-dynalite><--><tools/compare><--keep-alive>'
}

# All that is lacking is named, and installed, at once; nothing is where a word is wrong.
compare_installs_at_once()
{
	run_cart_so true
	machine_without mariadb-server-core nodejs npm
	(cd / && PATH=$fake "$folder/tree/cart" compare) >"$folder/out" 2>&1 && same 1 "$(grep -c 'to be installed' "$folder/out")" &&
		holds "$folder/calls" 'recommends mariadb-server-core nodejs npm'
	machine_without mariadb-server-core
	pretend python3 ':'
	printf '#!/bin/sh\necho "compare: no backend foo" >&2; exit 2\n' >"$folder/tree/tools/compare"
	! PATH=$fake "$folder/tree/cart" compare --a foo >"$folder/out" 2>&1 && [ ! -e "$folder/calls" ] && same 1 "$(grep -c . "$folder/out")"
	status=$?
	rm "$fake/python3"
	return "$status"
}

compare_named_mysql()
{
	for name in CART_MYSQL_HOST CART_MYSQL_SOCKET; do
		run_cart_so "$name=somewhere" "$folder/tree/cart" compare --keep-alive && holds "$folder/out" 'with-dynalite:<--><tools/compare><--keep-alive>' &&
			lacks "$folder/out" with-mariadb && holds "$folder/out" 'mysql is the server that CART_MYSQL_* names' || return
	done
}

compare_named_dynamodb()
{
	for name in CART_DYNAMODB_ENDPOINT CART_DYNAMODB_REGION; do
		run_cart_so "$name=somewhere" "$folder/tree/cart" compare && holds "$folder/out" 'with-mariadb:<--><tools/compare>' &&
			lacks "$folder/out" with-dynalite && holds "$folder/out" 'dynamodb is what CART_DYNAMODB_* names' || return
	done
	run_cart_so CART_DYNAMODB_REGION=somewhere CART_MYSQL_HOST=somewhere "$folder/tree/cart" compare --keep-alive &&
		holds "$folder/out" 'compare:<--keep-alive>' && lacks "$folder/out" with-
}

# Each side says what it needs: no server is brought along for nothing.
compare_other_sides()
{
	compare_needs='sqlite'
	pretend python3 ':'
	run_cart_so "$folder/tree/cart" compare --a sqlite --b http://x && holds "$folder/out" 'compare:<--a><sqlite><--b><http://x>' &&
		lacks "$folder/out" with-
	status=$?
	compare_needs='mysql'
	run_cart_so "$folder/tree/cart" compare --a mysql --b mysql && holds "$folder/out" 'with-mariadb:<--><tools/compare><--a>' &&
		lacks "$folder/out" with-dynalite || status=1
	compare_needs='dynamodb mysql'
	rm "$fake/python3"
	return "$status"
}

mysql_packages()
{
	machine_without mariadb-server-core python3 galera-4
	setup run && [ ! -e "$folder/calls" ] && setup mysql && holds "$folder/calls" 'mariadb-server-core python3' &&
		lacks "$folder/calls" galera && setup check && holds "$folder/calls" galera-4
}

dynamodb_packages()
{
	machine_without nodejs npm python3
	setup run && [ ! -e "$folder/calls" ] && setup dynamodb && holds "$folder/calls" 'install -y --no-install-recommends python3 nodejs npm'
}

# As with the packages of Node's own makers: no nodejs or npm of Debian's is installed, but the commands are there.
commands_suffice()
{
	machine_without nodejs npm
	pretend node ':'
	pretend npm ':'
	setup dynamodb && [ ! -e "$folder/calls" ] && rm "$fake/npm" && setup check && holds "$folder/calls" 'recommends npm' &&
		lacks "$folder/calls" nodejs
	status=$?
	rm -f "$fake/node" "$fake/npm"
	return "$status"
}

nothing_removed()
{
	machine_without gcc
	setup run && holds "$folder/calls" --no-remove
}

run_defaults()
{
	run_cart "$folder/tree/cart" run && holds "$folder/out" "database data/cart.db, folder $folder/tree" &&
		same 700 "$(stat -c %a "$folder/tree/data")"
}

# A first start does not wait for cartbench and the tests to be compiled.
run_builds_the_service()
{
	for backend in sqlite mysql dynamodb; do
		mysql_config $backend
		run_cart_so "$folder/tree/cart" run --backend $backend && same "-s -j$(nproc) service" "$(cat "$folder/made")" || return
	done
}

run_passes_arguments()
{
	run_cart "$folder/tree/cart" run --listen '[::1]:9000' --set 'log.file=a b' && holds "$folder/out" '<--listen><[::1]:9000><--set><log.file=a b>'
}

run_ends_with_its_terminal()
{
	run_cart "$folder/tree/cart" run && holds "$folder/out" 'at a hangup stop' &&
		run_cart CART_HANGUP=reload "$folder/tree/cart" run && holds "$folder/out" 'at a hangup reload'
}

# A port alone; and the addresses that stand for all of this machine's.
run_says_what_works()
{
	for words in '--listen 9000' --listen=9000 '--listen 0.0.0.0:9000'; do
		# shellcheck disable=SC2086 # two words
		run_cart "$folder/tree/cart" run $words --threads 2 && holds "$folder/out" 'http://127.0.0.1:9000/ ' && holds "$folder/out" '<--threads><2>' || return
	done
	run_cart "$folder/tree/cart" run --listen 9000 && holds "$folder/out" '<--listen><127.0.0.1:9000>' &&
		run_cart "$folder/tree/cart" run --listen '[::]:9000' && holds "$folder/out" 'http://[::1]:9000/ ' &&
		run_cart "$folder/tree/cart" run --listen 9000x && lacks "$folder/out" http: && holds "$folder/out" '<--listen><9000x>'
}

run_says_where()
{
	run_cart "$folder/tree/cart" run && holds "$folder/out" 'http://127.0.0.1:8080/ ' &&
		run_cart "$folder/tree/cart" run --listen 127.0.0.1:9000 && holds "$folder/out" 'http://127.0.0.1:9000/ ' &&
		run_cart "$folder/tree/cart" run --set listen=127.0.0.1:9001 && holds "$folder/out" 'http://127.0.0.1:9001/ ' &&
		run_cart "$folder/tree/cart" run --listen=127.0.0.1:9002 && holds "$folder/out" 'http://127.0.0.1:9002/ ' &&
		run_cart CART_LISTEN=127.0.0.1:9003 "$folder/tree/cart" run && holds "$folder/out" 'http://127.0.0.1:9003/ ' &&
		run_cart "$folder/tree/cart" run --listen 127.0.0.1:0 && lacks "$folder/out" http: &&
		run_cart "$folder/tree/cart" run --config my.ini && lacks "$folder/out" http: &&
		run_cart "$folder/tree/cart" run --help && lacks "$folder/out" http:
}

run_respects_choice()
{
	run_cart CART_SQLITE_PATH=/elsewhere.db "$folder/tree/cart" run && holds "$folder/out" 'database /elsewhere.db' &&
		[ ! -e "$folder/tree/data" ] &&
		run_cart "$folder/tree/cart" run --config my.ini && holds "$folder/out" 'database unset' &&
		run_cart "$folder/tree/cart" run --sqlite.path=x.db && holds "$folder/out" 'database unset'
}

clean_keeps_carts()
{
	run_cart "$folder/tree/cart" run && run_clean && [ ! -e "$folder/tree/build" ] && [ -d "$folder/tree/data" ] &&
		run_clean --data && [ ! -e "$folder/tree/data" ] && ! run_clean --everything
}

run_clean()
{
	PATH=$fake "$folder/tree/cart" clean "$@"
}

build_fails()
{
	run_cart true
	pretend make 'echo "x.c:1: error"; exit 2'
	! PATH=$fake "$folder/tree/cart" run >"$folder/out" 2>&1 && holds "$folder/out" 'the build failed' && lacks "$folder/out" arguments
}

unknown_words()
{
	machine_without
	! PATH=$fake ./cart frobnicate >"$folder/out" 2>&1 && holds "$folder/out" 'no command frobnicate' &&
		! setup everything && holds "$folder/out" 'not everything'
}

check 'nothing missing: nothing is installed' nothing_missing
check 'each missing package is named with its reason' names_and_reasons
check 'only what the purpose needs is installed' only_for_purpose
check 'a machine without a compiler gets the whole tool chain' fresh_machine
check 'one of two alternatives is enough' alternatives
check 'a package that was removed but left its configuration is missing' removed_but_configured
check 'no apt-get: one line says so' no_apt
check 'no right to install: one line with the command' no_right
check 'a sudo that would ask where nobody is there to answer is not used' sudo_that_asks
check 'sudo is used where it works' sudo_that_works
check 'old lists of packages are updated and the installation tried again' old_lists
check 'a machine that never had lists of packages gets them before anything is installed' no_lists
check 'an installation waits for another one that runs' waits_for_lock
check 'that it waits is said once, and not as an error' says_that_it_waits
check 'how much will be installed is said before' says_how_much
check 'what apt-get cannot do is said once' says_errors_once
check 'no network: one line says so' offline
check 'what apt-get did not install is noticed' lying_apt
check 'elsewhere than on Debian it goes on with a word' not_debian
check 'check ends with the count' check_passes
check 'check ends with the count when tests fail' check_fails
check 'check counts a build that breaks as a failure, whatever an old run left' check_breaks
check 'check counts what had passed when Ctrl-C ends it' check_interrupted
check 'check never says 0 failed when make has failed' check_lies
check 'run keeps the carts in data/, from whatever folder it is called' run_defaults
check 'run builds the service and nothing else' run_builds_the_service
check 'run passes its arguments on as they are' run_passes_arguments
check 'run says where the service will answer' run_says_where
check 'run takes a port alone, and says an address that can be opened' run_says_what_works
check 'run ends with its terminal unless told otherwise' run_ends_with_its_terminal
check 'run leaves the database where the caller has put it' run_respects_choice
check 'run on mysql brings a private MariaDB with its data in data/ when no server is named' run_private_mysql
check 'run on mysql leaves a server alone that flag, environment or file name' run_named_mysql
check 'run on another backend starts no MariaDB' run_no_mysql
check 'run on dynamodb brings a private dynalite with its data in data/ when no region or endpoint is named' run_private_dynamodb
check 'run on dynamodb leaves one alone that flag, environment, file or AWS_* names' run_named_dynamodb
check 'run on another backend starts no dynalite' run_no_dynamodb
check 'compare brings a private MariaDB and a private dynalite when no server is named' compare_private_mysql
check 'compare installs all that it needs at once, and nothing after a word that is wrong' compare_installs_at_once
check 'compare uses the MySQL server that the environment names, and says that its carts stay' compare_named_mysql
check 'compare uses the DynamoDB that the environment names, and says that its carts stay' compare_named_dynamodb
check 'compare brings no server that its sides do not need' compare_other_sides
check 'the MariaDB server is installed for run on mysql and for check, not for run' mysql_packages
check 'what runs dynalite is installed for run on dynamodb and for check, not for run' dynamodb_packages
check 'a Node that did not come from Debian will do' commands_suffice
check 'installing removes no package' nothing_removed
check 'a build that fails is not run' build_fails
check 'clean leaves the carts alone unless told' clean_keeps_carts
check 'an unknown command or purpose is refused' unknown_words
plan
