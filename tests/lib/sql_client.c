#include "tests/lib/sql_client.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <unistd.h>

#define SQL_AWAIT_MS 10000

MYSQL *sql_client(const struct mariadb_fixture *server, const char *user, const char *database)
{
	MYSQL *mysql = mysql_init(NULL);

	assert_non_null(mysql);
	mysql_options(mysql, MYSQL_OPT_NONBLOCK, NULL);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (mysql_real_connect(mysql, NULL, user != NULL ? user : "root", "", database, 0,
			       server->socket, CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS) == NULL)
		fail_msg("%s", mysql_error(mysql));
	sql_exec(mysql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	return mysql;
}

void sql_exec(MYSQL *mysql, const char *statements)
{
	int next = mysql_query(mysql, statements);

	while (next == 0) {
		mysql_free_result(mysql_store_result(mysql));
		next = mysql_next_result(mysql);
	}
	if (next > 0)
		fail_msg("%s: %s", statements, mysql_error(mysql));
}

int64_t sql_number(MYSQL *mysql, const char *query)
{
	int64_t number = INT64_MIN;
	MYSQL_RES *rows = NULL;
	MYSQL_ROW row;

	if (mysql_query(mysql, query) == 0)
		rows = mysql_store_result(mysql);
	if (rows == NULL)
		fail_msg("%s: %s", query, mysql_error(mysql));
	row = mysql_fetch_row(rows);
	if (row != NULL && row[0] != NULL)
		number = strtoll(row[0], NULL, 10);
	mysql_free_result(rows);
	return number;
}

void sql_await(MYSQL *mysql, const char *query)
{
	int64_t end_ms = patience_ms() + SQL_AWAIT_MS;

	while (sql_number(mysql, query) == 0) {
		if (patience_ms() >= end_ms)
			fail_msg("not within %d ms: %s", SQL_AWAIT_MS, query);
		usleep(10000);
	}
}
