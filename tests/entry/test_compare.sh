#!/bin/sh
# tools/compare, with the programs that were built.
# shellcheck disable=SC2317,SC2329 # the tests are called by check
set -u
# The tests may run beside servers that others use; here none is named unless a test says so.
unset CART_MYSQL_HOST CART_MYSQL_SOCKET CART_DYNAMODB_ENDPOINT CART_DYNAMODB_REGION TEST_DYNAMODB_PID
# shellcheck source=tests/entry/tap.sh
. tests/entry/tap.sh

# In a tree of its own, so that the results of somebody's comparison stay.
tree=$folder/tree
mkdir -p "$tree/tools" "$tree/build"
cp tools/compare "$tree/tools/compare"
ln -s "$PWD/build/bin" "$tree/build/bin"

# Each backend has a table in which all calls have succeeded, and a file of results.
compared()
{
	for backend; do
		holds "$folder/out" "($backend), " && [ -s "$tree/build/compare/${backend}_test_results.json" ] || return
	done
	same $# "$(grep -c '150 of 150, 100.0 %' "$folder/out")"
}

without_server()
{
	"$tree/tools/compare" >"$folder/out" 2>&1 && compared sqlite memory &&
		holds "$folder/out" 'mysql is not among them' && holds "$folder/out" 'dynamodb is not among them'
}

with_server()
{
	tools/with-mariadb --fast -- "$tree/tools/compare" >"$folder/out" 2>&1 && compared sqlite memory mysql &&
		lacks "$folder/out" 'mysql is not among them'
}

with_dynamodb()
{
	tools/with-dynalite -- "$tree/tools/compare" >"$folder/out" 2>&1 && compared sqlite memory dynamodb &&
		lacks "$folder/out" 'dynamodb is not among them' && holds "$folder/out" 'a stand-in for tests'
}

server_down()
{
	! env CART_MYSQL_HOST=127.0.0.1 CART_MYSQL_PORT=1 "$tree/tools/compare" >"$folder/out" 2>&1 &&
		holds "$folder/out" '127.0.0.1:1'
}

others_settings()
{
	env CART_LIMITS_LINES=nonsense CART_BACKEND=nonsense "$tree/tools/compare" >"$folder/out" 2>&1 &&
		compared sqlite memory
}

check 'no server is named: sqlite and memory are compared, and it says so' without_server
check 'a MySQL server is named: mysql is compared too' with_server
if build/bin/cartd --print-config | grep -q '^\[dynamodb\]'; then
	check 'a DynamoDB is named: dynamodb is compared too' with_dynamodb
fi
check 'a MySQL server that does not answer is said, and nothing compared' server_down
check "nobody's settings but where the servers are are used" others_settings
plan
