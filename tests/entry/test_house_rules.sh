#!/bin/sh
# Each house rule fires on a line that breaks it, and on nothing else.
# shellcheck disable=SC2317,SC2329 # the tests are called by check
set -u
# shellcheck source=tests/entry/tap.sh
. tests/entry/tap.sh

# breaks RULE FILE LINE: a tree of that one line breaks that one rule.
breaks()
{
	rm -rf "$folder/tree"
	mkdir -p "$folder/tree/$(dirname "$2")"
	printf '%s\n' "$3" >"$folder/tree/$2"
	! tools/house-rules "$folder/tree" >"$folder/out" || { echo "nothing found in: $3"; return 1; }
	holds "$folder/out" "$2:1: $1" && same 2 "$(wc -l <"$folder/out")"
}

keeps()
{
	rm -rf "$folder/tree"
	mkdir -p "$folder/tree/$(dirname "$1")"
	printf '%s\n' "$2" >"$folder/tree/$1"
	tools/house-rules "$folder/tree"
}

empty_tree()
{
	mkdir "$folder/nothing"
	! tools/house-rules "$folder/nothing"
}

check 'core/ and a database' breaks 'core/ knows neither' core/x.c '#include <sqlite3.h>'
check 'core/ and the server' breaks 'core/ includes only core/' core/x.h '#include "server/http/http.h"'
check 'a backend and the server' breaks 'backends/ include only' backends/x/x.c '#include "server/http/http.h"'
check 'a backend and another' breaks 'a backend knows no other' backends/x/x.c '#include "backends/y/y.h"'
check 'a backend and itself' keeps backends/x/x.c '#include "backends/x/y.h"'
check 'the server and a backend by name' breaks 'only core/registry.c' server/x.c 'use(&memory_backend);'
check 'the registry' keeps core/registry.c 'extern const struct cart_backend memory_backend;'
check 'a mode of cartbench and stores' breaks 'in bench/ only drive_store.c' bench/mode_x.c '#include "core/cart_store.h"'
check 'the target that is a store' keeps bench/target/drive_store.c '#include "core/cart_store.h"'
check 'the server and a database' breaks 'nothing in server/' server/x.c '#include <sqlite3.h>'
check 'a handler and evhttp' breaks 'only the HTTP layer' server/api/api.c '#include <event2/http.h>'
check 'the HTTP layer and evhttp' keeps server/http/guard.c '#include <event2/http.h>'
check 'a promise' breaks 'a promise in place of work' docs/x.md "TO""DO: write this"
check 'a path of a machine' breaks 'a path of somebody' docs/x.md "see /ho""me/jane/notes"
check 'a route is no path of a machine' keeps docs/x.md 'GET /shopping-carts/homework/x'
check 'the host of a registry' breaks 'the host of a package registry' docs/x.md "https://py""pi.org/simple"
check 'space at the end of a line' breaks 'space at the end' core/x.c 'int x; '
check 'a tree without files passes for nothing' empty_tree
plan
