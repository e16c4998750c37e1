/* One connection after another to one real server: what a session is like, and how it is closed. */
#include "backends/mysql/session.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/link_fixture.h"
#include "tests/lib/patience.h"

#include <errmsg.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct mariadb_fixture server;
static struct link_fixture f;

static int setup(void **state)
{
	(void)state;
	if (server.control == NULL)
		return 0;
	link_fixture_init(&f, &server, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (server.control != NULL)
		link_fixture_free(&f);
	return 0;
}

static void the_session_is_set_up(void **state)
{
	struct sql_link link;
	char version[64];

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.lock_timeout", "2500ms");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_string_equal(link_fixture_value(&link, "SELECT @@tx_isolation"), "READ-COMMITTED");
	assert_string_equal(link_fixture_value(&link, "SELECT @@autocommit"), "1");
	assert_string_equal(link_fixture_value(&link, "SELECT @@sql_mode"),
			    "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION");
	assert_string_equal(link_fixture_value(&link, "SELECT @@innodb_lock_wait_timeout"), "0");
	assert_string_equal(link_fixture_value(&link, "SELECT @@lock_wait_timeout"), "3");
	assert_string_equal(link_fixture_value(&link, "SELECT @@character_set_client"), "utf8mb4");
	assert_string_equal(link_fixture_value(&link, "SELECT @@character_set_results"), "utf8mb4");
	assert_string_equal(link_fixture_value(&link, "SELECT DATABASE()"),
			    MARIADB_FIXTURE_DATABASE);
	sql_connector_version(f.connector, version, sizeof(version));
	assert_string_equal(version, mysql_get_server_info(server.control));
	link_fixture_close(&f, &link);
}

static void its_set_up_is_seven_statements_in_four_texts(void **state)
{
	struct sql_link link;
	const char *questions = "SELECT variable_value FROM information_schema.session_status"
				" WHERE variable_name = 'Questions'";

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	/* What garbles questions, two questions (4); what differs (1); its mark (1); a change of
	 * nothing, because the host is new (1); and this one. */
	assert_string_equal(link_fixture_value(&link, questions), "8");
	link_fixture_close(&f, &link);
}

static void rows_found_are_counted_though_they_do_not_change(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	link_fixture_value(&link, "CREATE TEMPORARY TABLE t (a INT); INSERT INTO t VALUES (7)");
	assert_int_equal(mysql_next_result(link.mysql), 0);
	link_fixture_value(&link, "UPDATE t SET a = 7");
	assert_int_equal(mysql_affected_rows(link.mysql), 1);
	link_fixture_close(&f, &link);
}

static void the_server_cannot_ask_for_our_files(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	link_fixture_value(&link, "CREATE TEMPORARY TABLE t (a TEXT)");
	assert_int_not_equal(
		mysql_query(link.mysql, "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t"), 0);
	link_fixture_close(&f, &link);
}

static int socket_option(const struct sql_link *link, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(mysql_get_socket(link->mysql), level, option, &value, &len);
	return value;
}

static void the_socket_is_tuned(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.timeout", "7s");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(socket_option(&link, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(socket_option(&link, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(socket_option(&link, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(socket_option(&link, IPPROTO_TCP, TCP_USER_TIMEOUT), 7000);
	assert_int_equal(fcntl(mysql_get_socket(link.mysql), F_GETFD), FD_CLOEXEC);
	link_fixture_close(&f, &link);
}

static void a_unix_socket_leads_to_the_server(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.socket", "%s", server.socket);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_non_null(strstr(mysql_get_host_info(link.mysql), "UNIX"));
	link_fixture_close(&f, &link);
}

static void localhost_is_a_host_and_no_socket(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.host", "localhost");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_non_null(strstr(mysql_get_host_info(link.mysql), "TCP/IP"));
	link_fixture_close(&f, &link);
}

static void a_wrong_password_is_refused_with_the_host_and_the_servers_words(void **state)
{
	char host[64];

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.password", "wrong");
	link_fixture_start(&f);
	snprintf(host, sizeof(host), "127.0.0.1:%d: Access denied for user 'cart'", server.port);
	link_fixture_fail_ms(&f, SQL_WRITER, host);
}

static void no_password_does_not_mean_one_of_the_environment(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.password", "%s", "");
	link_fixture_start(&f);
	setenv("MYSQL_PWD", MARIADB_FIXTURE_PASSWORD, 1);
	link_fixture_fail_ms(&f, SQL_WRITER, "Access denied");
	unsetenv("MYSQL_PWD");
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_new_password_is_used_from_the_next_connection_on(void **state)
{
	struct cart_error error;
	struct sql_link link;
	char path[192];

	(void)state;
	mariadb_fixture_need(&server);
	snprintf(path, sizeof(path), "%s/password", server.folder);
	write_file(path, "old\n");
	link_fixture_set(&f, "mysql.password_file", "%s", path);
	assert_int_equal(settings_reload_secrets(f.settings, &error), 0);
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "Access denied");
	write_file(path, MARIADB_FIXTURE_PASSWORD "\n");
	assert_int_equal(settings_reload_secrets(f.settings, &error), 0);
	link = link_fixture_get_at_last(&f, SQL_WRITER);
	link_fixture_close(&f, &link);
}

static void a_database_that_is_not_there_is_named(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	mariadb_fixture_exec(&server, "GRANT ALL ON nowhere.* TO " MARIADB_FIXTURE_USER);
	link_fixture_set(&f, "mysql.database", "nowhere");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "Unknown database 'nowhere'");
}

static void lifetimes_differ_by_up_to_a_quarter(void **state)
{
	int64_t least = INT64_MAX, most = 0;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.lifetime", "1000s");
	link_fixture_start(&f);
	for (int i = 0; i < 12; i++) {
		int64_t life_ns;

		link = link_fixture_get(&f, SQL_WRITER);
		life_ns = link.retire_ns - clock_monotonic_ns(&cart_clock_system);
		least = life_ns < least ? life_ns : least;
		most = life_ns > most ? life_ns : most;
		link_fixture_close(&f, &link);
	}
	assert_in_range(least, 749 * CLOCK_NS_PER_S, 1000 * CLOCK_NS_PER_S);
	assert_in_range(most, least + CLOCK_NS_PER_S, 1000 * CLOCK_NS_PER_S);
}

static void without_a_lifetime_a_connection_stays(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.lifetime", "0");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(link.retire_ns, INT64_MAX);
	link_fixture_close(&f, &link);
}

static int64_t aborted(void)
{
	return mariadb_fixture_number(&server, "SELECT variable_value FROM"
					       " information_schema.global_status"
					       " WHERE variable_name = 'Aborted_clients'");
}

static void an_idle_connection_says_goodbye(void **state)
{
	int64_t before;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	mariadb_fixture_await_no_clients(&server);
	before = aborted();
	link_fixture_start(&f);
	for (int i = 0; i < 3; i++) {
		link = link_fixture_get(&f, SQL_WRITER);
		link_fixture_close(&f, &link);
	}
	(void)link_fixture_stop_ms(&f);
	mariadb_fixture_await_no_clients(&server);
	assert_int_equal(aborted(), before);
}

/* Runs the call as far as it comes within a moment. */
static int go_on(MYSQL *mysql, int wanted, int (*proceed)(MYSQL *))
{
	while (wanted != 0) {
		struct pollfd waiting = {.fd = mysql_get_socket(mysql), .events = POLLIN};

		if (poll(&waiting, 1, 300) == 0)
			break;
		wanted = proceed(mysql);
	}
	return wanted;
}

static int query_failed;
static MYSQL_RES *stored;

static int proceed_query(MYSQL *mysql)
{
	return mysql_real_query_cont(&query_failed, mysql, MYSQL_WAIT_READ);
}

static int proceed_store(MYSQL *mysql)
{
	return mysql_store_result_cont(&stored, mysql, MYSQL_WAIT_READ);
}

static int start_query(MYSQL *mysql, const char *sql)
{
	return go_on(mysql, mysql_real_query_start(&query_failed, mysql, sql, strlen(sql)),
		     proceed_query);
}

static void a_suspended_query_is_closed_without_waiting(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_not_equal(start_query(link.mysql, "SELECT SLEEP(20)"), 0);
	link_fixture_close(&f, &link);
	assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
}

/* A megabyte has come, and the rest does not: the library keeps it where nobody else finds it. */
static void suspend_in_a_result(const struct sql_link *link)
{
	assert_int_equal(start_query(link->mysql, "SELECT REPEAT('x', 1000000),"
						  " SLEEP(20 * (seq - 1)) FROM seq_1_to_2"),
			 0);
	assert_int_equal(query_failed, 0);
	assert_int_not_equal(
		go_on(link->mysql, mysql_store_result_start(&stored, link->mysql), proceed_store),
		0);
}

static void a_result_that_had_half_come_is_not_leaked(void **state)
{
	size_t before = 0, after;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	/* Once to warm up. */
	for (int i = 0; i < 2; i++) {
		before = mallinfo2().uordblks + mallinfo2().hblkhd;
		link_fixture_start(&f);
		link = link_fixture_get(&f, SQL_WRITER);
		suspend_in_a_result(&link);
		link_fixture_close(&f, &link);
		assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
	}
	after = mallinfo2().uordblks + mallinfo2().hblkhd;
	/* Under a sanitizer both are 0, and it looks for leaks by itself. */
	if (after > before + 500000)
		fail_msg("%zu bytes more than before", after - before);
}

static void a_connection_that_the_server_cut_is_closed(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_not_equal(start_query(link.mysql, "SELECT SLEEP(20)"), 0);
	mariadb_fixture_exec(&server, "KILL %lu", mysql_thread_id(link.mysql));
	go_on(link.mysql, MYSQL_WAIT_READ, proceed_query);
	assert_int_not_equal(query_failed, 0);
	link_fixture_close(&f, &link);
	assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
}

static void hosts_are_printed_as_they_are_written(void **state)
{
	static const struct sql_host name = {"db1", 3306}, v6 = {"::1", 7}, path = {NULL, 0};
	char text[SQL_HOST_TEXT];

	(void)state;
	sql_host_print(text, &name, "");
	assert_string_equal(text, "db1:3306");
	sql_host_print(text, &v6, "");
	assert_string_equal(text, "[::1]:7");
	sql_host_print(text, &path, "/run/s");
	assert_string_equal(text, "/run/s");
}

static int start_server(void **state)
{
	(void)state;
	mariadb_fixture_start_if_any(&server, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	mariadb_fixture_free(&server);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_session_is_set_up),
		TEST(its_set_up_is_seven_statements_in_four_texts),
		TEST(rows_found_are_counted_though_they_do_not_change),
		TEST(the_server_cannot_ask_for_our_files),
		TEST(the_socket_is_tuned),
		TEST(a_unix_socket_leads_to_the_server),
		TEST(localhost_is_a_host_and_no_socket),
		TEST(a_wrong_password_is_refused_with_the_host_and_the_servers_words),
		TEST(no_password_does_not_mean_one_of_the_environment),
		TEST(a_new_password_is_used_from_the_next_connection_on),
		TEST(a_database_that_is_not_there_is_named),
		TEST(lifetimes_differ_by_up_to_a_quarter),
		TEST(without_a_lifetime_a_connection_stays),
		TEST(an_idle_connection_says_goodbye),
		TEST(a_suspended_query_is_closed_without_waiting),
		TEST(a_result_that_had_half_come_is_not_leaked),
		TEST(a_connection_that_the_server_cut_is_closed),
		cmocka_unit_test(hosts_are_printed_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
