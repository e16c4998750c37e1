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

# tree: a tree of files, each with the line that follows its name.
tree()
{
	rm -rf "$folder/tree"
	while [ $# -gt 0 ]; do
		mkdir -p "$folder/tree/$(dirname "$1")"
		printf '%b\n' "$2" >"$folder/tree/$1"
		shift 2
	done
}

# misshapen TEXT FILE LINE...: house-rules says TEXT of that tree, and nothing else.
misshapen()
{
	text=$1
	shift
	tree "$@"
	! tools/house-rules "$folder/tree" >"$folder/out" || { echo "nothing found in: $*"; return 1; }
	holds "$folder/out" "$text" && same 2 "$(wc -l <"$folder/out")"
}

wellformed()
{
	tree "$@"
	tools/house-rules "$folder/tree"
}

# $1 source files in one folder, as words of tree.
folder_of()
{
	i=0
	while [ $i -lt "$1" ]; do
		i=$((i + 1))
		echo "core/m$i.c x core/m$i.h x"
	done
}

# A function whose head and braces take three lines, and $1 statements.
function_of()
{
	printf 'int f(void)\\n{'
	i=0
	while [ $i -lt "$1" ]; do
		i=$((i + 1))
		printf '\\n\tg();'
	done
	printf '\\n}'
}

empty_tree()
{
	mkdir "$folder/nothing"
	! tools/house-rules "$folder/nothing"
}

check 'core/ and a database' breaks 'core/ knows neither' core/x.c '#include <sqlite3.h>'
check 'core/ and the server' breaks 'core/ includes only core/' core/x.h '#include "server/http/http.h"'
check 'aws/ and a backend' breaks 'aws/ includes only core/' aws/x.c '#include "backends/x/y.h"'
check 'aws/ and core/' keeps aws/x.c '#include "core/base/buf.h"'
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
includes_a='#include "core/a.h"'
includes_b='#include "core/b.h"'
check 'a circle of includes' misshapen 'core/a -> core/b (include) -> core/a (include)' core/a.h "$includes_b" core/b.h "$includes_a"
check 'a circle over three' misshapen 'core/a -> core/b (include) -> core/c (include) -> core/a (include)' \
	core/a.h "$includes_b" core/b.h '#include "core/c.h"' core/c.c "$includes_a" core/c.h 'int c;'
check 'a source that includes what includes its header' misshapen 'core/a -> core/b (include) -> core/a (include)' \
	core/a.h 'int a;' core/a.c "$includes_b" core/b.h "$includes_a"
check 'a circle that a header for several sources hides' misshapen 'core/a -> core/b (b_get) -> core/a (a_get)' \
	core/both.h 'int a_get(void);\nint b_get(void);' core/a.c '#include "core/both.h"\nint a_get(void)\n{\n\treturn b_get();\n}' \
	core/b.c '#include "core/both.h"\nint b_get(void)\n{\n\treturn a_get();\n}'
check 'a circle over a table' misshapen 'core/a -> core/b (b_table) -> core/a (a_get)' \
	core/both.h 'int a_get(void);\nextern const int b_table[];' core/a.c '#include "core/both.h"\nint a_get(void)\n{\n\treturn b_table[0];\n}' \
	core/b.c '#include "core/both.h"\nconst int b_table[] = {sizeof(a_get)};'
check 'a module that includes its own header, and one below' wellformed \
	core/a.c "$includes_a\n$includes_b" core/a.h 'int a_get(void);' core/b.h 'int b;'
check 'a name in a comment, a string, a member' wellformed core/a.h 'int a_get(void);' \
	core/a.c "$includes_a\n$includes_b\nint a_get(void)\n{\n\treturn b_get();\n}" core/b.h "int b_get(void);" \
	core/b.c "$includes_b\nint b_get(void)\n{\n\treturn x.a_get + y->a_get + f(\"a_get\"); /* a_get() */\n}"
# shellcheck disable=SC2046 # words
check 'a folder that is too full' misshapen 'core: 26 modules in a folder, more than 25' $(folder_of 26)
# shellcheck disable=SC2046 # words
check 'a folder that is just full' wellformed $(folder_of 25)
check 'a function that is too long' misshapen 'core/a.c:1: a function of 71 lines, more than 70' core/a.c "$(function_of 68)"
check 'a function that is just long' wellformed core/a.c "$(function_of 67)"
check 'a tree without files passes for nothing' empty_tree
plan
