/* Encryption and logging in: who is believed, and who gets to see a password. */
#include "backends/mysql/connector.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/holes.h"
#include "tests/lib/link_fixture.h"
#include "tests/lib/patience.h"
#include "tests/lib/tls_fixture.h"

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct mariadb_fixture server;
static struct link_fixture f;

static const char *pem(const char *name)
{
	static char path[4][192];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s.pem", server.folder, name);
	return path[turn];
}

/* Starts the server anew with a certificate; NULL: without. */
static void serve_as(const char *name)
{
	char cert[192], key[192];
	const char *options[] = {cert, key, NULL};

	snprintf(cert, sizeof(cert), "--ssl-cert=%s/%s.pem", server.folder, name);
	snprintf(key, sizeof(key), "--ssl-key=%s/%s-key.pem", server.folder, name);
	mariadb_fixture_kill(&server);
	mariadb_fixture_restart(&server, name != NULL ? options : NULL);
}

static int setup(void **state)
{
	(void)state;
	link_fixture_init(&f, server.control != NULL ? &server : NULL, NULL);
	/* Handshakes are slow under valgrind. */
	link_fixture_set(&f, "mysql.connect_timeout", "10s");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_fixture_free(&f);
	return 0;
}

static void assert_encrypted(struct sql_link *link)
{
	assert_string_not_equal(link_fixture_value(link, "SELECT variable_value FROM"
							 " information_schema.session_status"
							 " WHERE variable_name = 'Ssl_cipher'"),
				"");
	link_fixture_close(&f, link);
}

static void off_is_not_encrypted_and_required_is(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_null(mysql_get_ssl_cipher(link.mysql));
	link_fixture_close(&f, &link);
	(void)link_fixture_stop_ms(&f);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_encrypted(&link);
}

static void verify_takes_the_right_authority_by_name_and_by_address(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "verify");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("ca"));
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_encrypted(&link);
	(void)link_fixture_stop_ms(&f);
	link_fixture_set(&f, "mysql.host", "localhost");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_encrypted(&link);
}

static void verify_refuses_an_authority_that_did_not_sign(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "verify");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("other-ca"));
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "local issuer certificate");
}

static void verify_without_an_authority_asks_the_systems(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "verify");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "certificate");
	/* OpenSSL's way to put another file in the system's place. */
	setenv("SSL_CERT_FILE", pem("ca"), 1);
	link = link_fixture_get_at_last(&f, SQL_WRITER);
	assert_encrypted(&link);
	unsetenv("SSL_CERT_FILE");
}

static void verify_refuses_a_certificate_for_another_name(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	serve_as("elsewhere");
	link_fixture_set(&f, "mysql.tls", "verify");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("ca"));
	link_fixture_set(&f, "mysql.host", "localhost,127.0.0.1");
	link_fixture_start(&f);
	for (int i = 0; i < 2; i++)
		link_fixture_fail_ms(&f, SQL_WRITER, "certificate failed");
	(void)link_fixture_stop_ms(&f);
	setenv("SSL_CERT_FILE", pem("ca"), 1);
	link_fixture_set(&f, "mysql.tls_ca", "%s", "");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "certificate failed");
	unsetenv("SSL_CERT_FILE");
	serve_as("server");
}

static void verify_ca_takes_a_certificate_for_another_name(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	serve_as("elsewhere");
	link_fixture_set(&f, "mysql.tls", "verify_ca");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("ca"));
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_encrypted(&link);
	serve_as("server");
}

static void verify_ca_refuses_an_authority_that_did_not_sign(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "verify_ca");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("other-ca"));
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "local issuer certificate");
}

/* MariaDB says no more than that access is denied. */
static void a_server_that_insists_on_encryption_makes_the_error_name_the_setting(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	mariadb_fixture_exec(&server, "SET GLOBAL require_secure_transport = ON");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "(1045), or encryption is required: see mysql.tls");
	mariadb_fixture_exec(&server, "SET GLOBAL require_secure_transport = OFF");
}

static void a_server_without_encryption_is_refused_where_it_is_required(void **state)
{
	(void)state;
	mariadb_fixture_need(&server);
	serve_as(NULL);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "does not encrypt, and mysql.tls asks for it");
	(void)link_fixture_stop_ms(&f);
	link_fixture_set(&f, "mysql.tls", "verify");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("ca"));
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "127.0.0.1:");
	serve_as("server");
}

static void a_server_may_ask_for_our_certificate(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "verify");
	link_fixture_set(&f, "mysql.tls_ca", "%s", pem("ca"));
	mariadb_fixture_kill(&server);
	{
		char ca[192], cert[192], key[192];
		const char *options[] = {ca, cert, key, NULL};

		snprintf(ca, sizeof(ca), "--ssl-ca=%s", pem("ca"));
		snprintf(cert, sizeof(cert), "--ssl-cert=%s", pem("server"));
		snprintf(key, sizeof(key), "--ssl-key=%s", pem("server-key"));
		mariadb_fixture_restart(&server, options);
	}
	mariadb_fixture_exec(&server, "ALTER USER " MARIADB_FIXTURE_USER " REQUIRE X509");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "Access denied");
	(void)link_fixture_stop_ms(&f);
	link_fixture_set(&f, "mysql.tls_cert", "%s", pem("client"));
	link_fixture_set(&f, "mysql.tls_key", "%s", pem("client-key"));
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_encrypted(&link);
	mariadb_fixture_exec(&server, "ALTER USER " MARIADB_FIXTURE_USER " REQUIRE NONE");
	serve_as("server");
}

static bool readable(MYSQL *mysql)
{
	struct pollfd waiting = {.fd = mysql_get_socket(mysql), .events = POLLIN};

	return poll(&waiting, 1, 500) > 0;
}

/* A megabyte of the answer comes, and the rest does not. */
static void suspend_in_a_result(MYSQL *mysql)
{
	static const char sql[] = "SELECT REPEAT('x', 1000000), SLEEP(20 * (seq - 1))"
				  " FROM seq_1_to_2";
	MYSQL_RES *result;
	int failed, wanted;

	wanted = mysql_real_query_start(&failed, mysql, sql, sizeof(sql) - 1);
	while (wanted != 0 && readable(mysql))
		wanted = mysql_real_query_cont(&failed, mysql, MYSQL_WAIT_READ);
	assert_int_equal(wanted, 0);
	assert_int_equal(failed, 0);
	wanted = mysql_store_result_start(&result, mysql);
	while (wanted != 0 && readable(mysql))
		wanted = mysql_store_result_cont(&result, mysql, MYSQL_WAIT_READ);
	assert_int_not_equal(wanted, 0);
}

static void a_result_that_had_half_come_under_tls_is_not_leaked(void **state)
{
	size_t before = 0, after;
	unsigned long id;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "required");
	/* Once to warm up. */
	for (int i = 0; i < 2; i++) {
		before = mallinfo2().uordblks + mallinfo2().hblkhd;
		link_fixture_start(&f);
		link = link_fixture_get(&f, SQL_WRITER);
		suspend_in_a_result(link.mysql);
		id = mysql_thread_id(link.mysql);
		link_fixture_close(&f, &link);
		assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
		mariadb_fixture_exec(&server, "KILL HARD %lu", id);
	}
	after = mallinfo2().uordblks + mallinfo2().hblkhd;
	/* Under a sanitizer both are 0, and it looks for leaks by itself. */
	if (after > before + 500000)
		fail_msg("%zu bytes more than before", after - before);
}

/* The library leaves the socket blocking after a handshake; a loop would stand still. */
static void calls_under_tls_do_not_block(void **state)
{
	static const char sql[] = "SELECT SLEEP(2)";
	struct sql_link link;
	int64_t began;
	int failed;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	began = clock_monotonic_ns(&cart_clock_system);
	assert_int_not_equal(mysql_real_query_start(&failed, link.mysql, sql, sizeof(sql) - 1), 0);
	assert_true(clock_monotonic_ns(&cart_clock_system) - began < CLOCK_NS_PER_S);
	mariadb_fixture_exec(&server, "KILL %lu", mysql_thread_id(link.mysql));
	link_fixture_close(&f, &link);
}

/* It takes the seconds of its timeouts for milliseconds if the socket does not block. */
static void blocking_calls_under_tls_wait_for_their_answer(void **state)
{
	struct cart_error error;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_start(&f);
	assert_int_equal(sql_connect(f.connector, SQL_WRITER, &link, &error), 0);
	if (mysql_query(link.mysql, "SELECT SLEEP(0.3)") != 0)
		fail_msg("%s", mysql_error(link.mysql));
	mysql_free_result(mysql_store_result(link.mysql));
	mysql_close(link.mysql);
}

static void an_idle_connection_under_tls_says_goodbye(void **state)
{
	static const char aborted[] = "SELECT variable_value FROM information_schema.global_status"
				      " WHERE variable_name = 'Aborted_clients'";
	struct sql_link link;
	int64_t before;

	(void)state;
	mariadb_fixture_need(&server);
	mariadb_fixture_await_no_clients(&server);
	before = mariadb_fixture_number(&server, aborted);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	link_fixture_close(&f, &link);
	(void)link_fixture_stop_ms(&f);
	mariadb_fixture_await_no_clients(&server);
	assert_int_equal(mariadb_fixture_number(&server, aborted), before);
}

/* Somebody in the server's place: says what a server says first, and then as told. */
struct impostor {
	struct hole hole;
	pthread_t thread;
	unsigned capabilities;
	bool in_pieces;
	const char *then;
	size_t then_len;
	char heard[4096];
	size_t heard_len;
};

#define CAN_PROTOCOL_41	  0x00000200u
#define CAN_SSL		  0x00000800u
#define CAN_SECURE	  0x00008000u
#define CAN_PLUGINS	  0x00080000u
#define CAN_WITH_DATABASE 0x00000008u

static void impostor_send(int fd, unsigned char sequence, const void *payload, size_t len,
			  size_t piece)
{
	unsigned char packet[256] = {(unsigned char)len, 0, 0, sequence};

	assert_true(len < sizeof(packet) - 4);
	memcpy(packet + 4, payload, len);
	for (size_t at = 0; at < len + 4; at += piece) {
		size_t left = len + 4 - at;

		(void)!send(fd, packet + at, left < piece ? left : piece, MSG_NOSIGNAL);
		if (left > piece)
			poll(NULL, 0, 2);
	}
}

static void impostor_greet(int fd, unsigned capabilities, bool in_pieces)
{
	unsigned char greeting[128] = "\x0a"
				      "8.0.0";
	size_t len = 7;

	len += 4; /* connection's id */
	memcpy(greeting + len, "12345678", 9);
	len += 9;
	greeting[len++] = (unsigned char)capabilities;
	greeting[len++] = (unsigned char)(capabilities >> 8);
	greeting[len++] = 45; /* utf8mb4 */
	greeting[len++] = 2;  /* autocommit */
	greeting[len++] = 0;
	greeting[len++] = (unsigned char)(capabilities >> 16);
	greeting[len++] = (unsigned char)(capabilities >> 24);
	greeting[len++] = 21;
	len += 10;
	memcpy(greeting + len, "abcdefghijkl", 13);
	len += 13;
	memcpy(greeting + len, "mysql_native_password", 22);
	impostor_send(fd, 0, greeting, len + 22, in_pieces ? 3 : SIZE_MAX / 2);
}

static void *impostor_run(void *user)
{
	struct impostor *i = user;
	int fd = accept(i->hole.fd, NULL, NULL);
	ssize_t got;

	impostor_greet(fd, i->capabilities, i->in_pieces);
	got = read(fd, i->heard, sizeof(i->heard));
	if (got > 0 && i->then != NULL)
		impostor_send(fd, 2, i->then, i->then_len, SIZE_MAX / 2);
	while (got > 0) {
		i->heard_len += (size_t)got;
		got = read(fd, i->heard + i->heard_len, sizeof(i->heard) - i->heard_len);
	}
	close(fd);
	return NULL;
}

static void impostor_start(struct impostor *i)
{
	i->hole = hole_silent();
	assert_int_equal(pthread_create(&i->thread, NULL, impostor_run, i), 0);
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", i->hole.port);
}

static void impostor_stop(struct impostor *i)
{
	pthread_join(i->thread, NULL);
	hole_free(&i->hole);
}

static void nobody_gets_the_password_by_asking_for_it_in_the_clear(void **state)
{
	static const char clear[] = "\xfe"
				    "mysql_clear_password";
	struct impostor impostor = {.capabilities = CAN_PROTOCOL_41 | CAN_SECURE | CAN_PLUGINS |
						    CAN_WITH_DATABASE,
				    .then = clear,
				    .then_len = sizeof(clear)};

	(void)state;
	impostor_start(&impostor);
	link_fixture_set(&f, "mysql.password", "%s", "precious");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "127.0.0.1:");
	(void)link_fixture_stop_ms(&f);
	impostor_stop(&impostor);
	assert_true(impostor.heard_len > 0);
	assert_null(memmem(impostor.heard, impostor.heard_len, "precious", 8));
}

/* The impostor offers no encryption. */
static void expect_no_login(const char *mode, const char *ca)
{
	struct impostor impostor = {.capabilities = CAN_PROTOCOL_41 | CAN_SECURE | CAN_PLUGINS |
						    CAN_WITH_DATABASE};

	impostor_start(&impostor);
	link_fixture_set(&f, "mysql.tls", "%s", mode);
	link_fixture_set(&f, "mysql.tls_ca", "%s", ca);
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "does not encrypt");
	(void)link_fixture_stop_ms(&f);
	impostor_stop(&impostor);
	assert_int_equal(impostor.heard_len, 0);
}

static void where_encryption_is_asked_for_an_impostor_does_not_see_a_login(void **state)
{
	(void)state;
	expect_no_login("required", "");
	expect_no_login("verify", "");
	if (server.control != NULL)
		expect_no_login("verify_ca", pem("ca"));
}

static void a_mysql_that_insists_on_encryption_makes_the_error_name_the_setting(void **state)
{
	static const char refusal[] = "\xff\x57\x0c#HY000Insecure transport is prohibited";
	struct impostor impostor = {.capabilities = CAN_PROTOCOL_41 | CAN_SECURE | CAN_PLUGINS |
						    CAN_WITH_DATABASE,
				    .then = refusal,
				    .then_len = sizeof(refusal) - 1};

	(void)state;
	impostor_start(&impostor);
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "(3159): set mysql.tls to verify");
	(void)link_fixture_stop_ms(&f);
	impostor_stop(&impostor);
}

static void a_greeting_in_pieces_is_read_whole(void **state)
{
	struct impostor impostor = {.capabilities = CAN_PROTOCOL_41 | CAN_SECURE | CAN_PLUGINS |
						    CAN_WITH_DATABASE,
				    .in_pieces = true};

	(void)state;
	impostor_start(&impostor);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_WRITER, "does not encrypt");
	(void)link_fixture_stop_ms(&f);
	impostor_stop(&impostor);
	assert_int_equal(impostor.heard_len, 0);
}

static void a_handshake_that_stops_half_way_is_given_up(void **state)
{
	struct impostor impostor = {.capabilities = CAN_PROTOCOL_41 | CAN_SECURE | CAN_PLUGINS |
						    CAN_WITH_DATABASE | CAN_SSL};

	(void)state;
	impostor_start(&impostor);
	link_fixture_set(&f, "mysql.tls", "required");
	link_fixture_set(&f, "mysql.connect_timeout", "1s");
	link_fixture_start(&f);
	assert_in_range(link_fixture_fail_ms(&f, SQL_WRITER, "127.0.0.1:"), 0,
			patience_at_once_ms());
	assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
	impostor_stop(&impostor);
}

static int start_server(void **state)
{
	(void)state;
	if (!mariadb_fixture_available())
		return 0;
	mariadb_fixture_start(&server, NULL);
	tls_fixture_make(server.folder);
	serve_as("server");
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
		TEST(off_is_not_encrypted_and_required_is),
		TEST(verify_takes_the_right_authority_by_name_and_by_address),
		TEST(verify_refuses_an_authority_that_did_not_sign),
		TEST(verify_without_an_authority_asks_the_systems),
		TEST(verify_refuses_a_certificate_for_another_name),
		TEST(verify_ca_takes_a_certificate_for_another_name),
		TEST(verify_ca_refuses_an_authority_that_did_not_sign),
		TEST(a_server_that_insists_on_encryption_makes_the_error_name_the_setting),
		TEST(a_server_without_encryption_is_refused_where_it_is_required),
		TEST(a_server_may_ask_for_our_certificate),
		TEST(calls_under_tls_do_not_block),
		TEST(blocking_calls_under_tls_wait_for_their_answer),
		TEST(a_result_that_had_half_come_under_tls_is_not_leaked),
		TEST(an_idle_connection_under_tls_says_goodbye),
		TEST(nobody_gets_the_password_by_asking_for_it_in_the_clear),
		TEST(where_encryption_is_asked_for_an_impostor_does_not_see_a_login),
		TEST(a_mysql_that_insists_on_encryption_makes_the_error_name_the_setting),
		TEST(a_greeting_in_pieces_is_read_whole),
		TEST(a_handshake_that_stops_half_way_is_given_up),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
