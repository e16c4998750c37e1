#!/bin/sh
# make install into a DESTDIR, running from there, and make uninstall. Needs a release build.
# shellcheck disable=SC2317,SC2329 # the tests are called by check
set -u
# shellcheck source=tests/entry/tap.sh
. tests/entry/tap.sh

root=$folder/root
prefix=/opt/cart
# A test is a shell of its own, so the process that it started is found by a file.
end()
{
	[ ! -s "$folder/pid" ] || kill -KILL "$(cat "$folder/pid")" 2>/dev/null
	rm -rf "$folder"
}
trap end EXIT

make_install()
{
	make -s install DESTDIR="$root" PREFIX="$prefix"
}

make_uninstall()
{
	make -s uninstall DESTDIR="$root" PREFIX="$prefix"
}

what_is_there()
{
	(cd "$root" && find . -type f | sort)
}

installs()
{
	make_install || return 1
	for file in bin/cartd bin/cartctl bin/cartbench etc/cart/cartd.ini share/cart/cartd.ini.sample share/cart/schemas/openapi.yaml \
		lib/systemd/system/cartd.service share/man/man1/cartd.1 share/man/man1/cartctl.1 share/man/man1/cartbench.1; do
		[ -f "$root$prefix/$file" ] || { echo "$file is not there"; return 1; }
	done
	[ -x "$root$prefix/bin/cartd" ] && [ ! -x "$root$prefix/etc/cart/cartd.ini" ] &&
		! find "$root" -type l | grep . # a link would point into the build
}

unit_names_its_program()
{
	holds "$root$prefix/lib/systemd/system/cartd.service" "ExecStart=$prefix/bin/cartd --config $prefix/etc/cart/cartd.ini" &&
		lacks "$root$prefix/lib/systemd/system/cartd.service" 'DIR@'
}

# From a folder that is not the tree, so that nothing of it can be found.
runs()
{
	mkdir -p "$folder/state"
	cd "$folder/state" || return 1
	"$root$prefix/bin/cartd" --config "$root$prefix/etc/cart/cartd.ini" --listen 127.0.0.1:0 >"$folder/log" 2>&1 &
	pid=$!
	echo "$pid" >"$folder/pid"
	tries=0
	while ! grep -q listening "$folder/log"; do
		if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 100 ]; then
			cat "$folder/log"
			return 1
		fi
		sleep 0.05
		tries=$((tries + 1))
	done
	address=$(sed -n 's/.*listening.*address="\{0,1\}\([^ "]*\).*/\1/p' "$folder/log" | head -n 1)
	status=0
	"$root$prefix/bin/cartbench" seed150 --out "$folder/results" "http://$address" >"$folder/table" 2>&1 || status=$?
	kill -TERM "$pid"
	wait "$pid" || { echo "cartd ended with $?"; cat "$folder/log"; return 1; }
	: >"$folder/pid"
	same 0 "$status" && holds "$folder/table" '150 of 150' && [ -f cart.db ] &&
		"$root$prefix/bin/cartctl" --config "$root$prefix/etc/cart/cartd.ini" list --customer 1000 >"$folder/carts" &&
		holds "$folder/carts" '"customer_id":1000'
}

schemas_are_those_of_the_tree()
{
	(cd schemas && find . -type f | sort) >"$folder/tree"
	(cd "$root$prefix/share/cart/schemas" && find . -type f | sort) >"$folder/installed"
	cmp "$folder/tree" "$folder/installed"
}

sample_is_read_back()
{
	"$root$prefix/bin/cartd" --config "$root$prefix/share/cart/cartd.ini.sample" --print-config >"$folder/effective" &&
		holds "$folder/effective" listen
}

keeps_an_edited_file()
{
	echo 'listen = 127.0.0.1:9999' >"$root$prefix/etc/cart/cartd.ini"
	make_install && same 'listen = 127.0.0.1:9999' "$(cat "$root$prefix/etc/cart/cartd.ini")" && make_uninstall &&
		same "./${prefix#/}/etc/cart/cartd.ini" "$(what_is_there)"
}

removes_everything()
{
	rm -rf "$root"
	make_install && echo mine >"$root$prefix/bin/other" && make_uninstall && same "./${prefix#/}/bin/other" "$(what_is_there)" &&
		[ ! -e "$root$prefix/share/cart" ] && [ ! -e "$root$prefix/etc/cart" ]
}

system_wide()
{
	rm -rf "$root"
	make -s install DESTDIR="$root" PREFIX=/usr && [ -f "$root/etc/cart/cartd.ini" ] && [ -f "$root/usr/lib/systemd/system/cartd.service" ] &&
		make -s uninstall DESTDIR="$root" PREFIX=/usr && same '' "$(what_is_there)"
}

# The package holds what install puts below /usr, its programs are hardened, it keeps an edited file of settings, and names the libraries' packages.
package()
{
	deb=$(make -s deb) && dpkg-deb -x "$deb" "$folder/unpacked" && rm -rf "$root" && make -s install DESTDIR="$root" PREFIX=/usr || return 1
	diff -r "$root" "$folder/unpacked" && python3 tests/pylib/elf.py "$folder"/unpacked/usr/bin/* && "$folder/unpacked/usr/bin/cartd" --version >"$folder/version" &&
		holds "$folder/version" "cartd $(cat VERSION)" && dpkg-deb -I "$deb" control >"$folder/control" &&
		dpkg-deb -I "$deb" conffiles >"$folder/conffiles" && same /etc/cart/cartd.ini "$(cat "$folder/conffiles")" || return 1
	for library in libc6 libevent libmariadb3 libsqlite3; do
		holds "$folder/control" "$library" || return 1
	done
}

check 'every file is put in its place' installs
check 'the schemas are those of the tree' schemas_are_those_of_the_tree
check 'the unit names the installed program and file' unit_names_its_program
check 'the sample file is read back' sample_is_read_back
check 'cartd runs from there, serves 150 of 150 calls and stops; cartctl sees the carts' runs
check 'an edited cartd.ini survives install and uninstall' keeps_an_edited_file
check 'uninstall removes what install put there and nothing else' removes_everything
check 'PREFIX=/usr uses /etc' system_wide
if command -v dpkg-deb >/dev/null; then
	check 'make deb packs the same files' package
else
	echo '# no dpkg-deb: make deb was not tested'
fi
plan
