/* VTGate, the proxy of Vitess: what it refuses to set, no session asks of it. Here a MariaDB has
 * its name; a real one runs in `make matrix SERVERS=vitess`. */
#include "backends/mysql/connector.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/link_fixture.h"

static const char *const options[] = {"--version=8.4.6-Vitess", "--log-output=TABLE",
				      "--general-log=1", NULL};
static struct mariadb_fixture server;

/* How many texts of the backend's had this. */
static int64_t said(const char *what)
{
	return mariadb_fixture_number(&server,
				      "SELECT COUNT(*) FROM mysql.general_log WHERE user_host"
				      " LIKE '" MARIADB_FIXTURE_USER
				      "[%%' AND argument LIKE '%%%s%%'",
				      what);
}

static void a_session_through_vtgate_sets_what_vtgate_knows(void **state)
{
	struct link_fixture f;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_init(&f, &server, NULL);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_not_equal(said("sql_select_limit = 9223372036854775807"), 0);
	assert_int_not_equal(said("sql_mode"), 0);
	assert_int_equal(said("timestamp = "), 0);
	assert_int_equal(said("sql_log_bin"), 0);
	link_fixture_close(&f, &link);
	link_fixture_free(&f);
}

static int stop_server(void **state)
{
	(void)state;
	mariadb_fixture_free(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_through_vtgate_sets_what_vtgate_knows),
	};

	mariadb_fixture_start_if_any(&server, options);
	return cmocka_run_group_tests(tests, NULL, stop_server);
}
