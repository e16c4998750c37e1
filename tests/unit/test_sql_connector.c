/* Hosts that fail in every way, and what becomes of asks, closings and the stop meanwhile. */
#include "backends/mysql/conn.h"
#include "backends/mysql/connector.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/holes.h"
#include "tests/lib/link_fixture.h"
#include "tests/lib/patience.h"
#include "tests/lib/scratch.h"
#include "tests/lib/sql_client.h"

#include <dirent.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Asks are static, because they may still be under way when a test has failed. */
static struct mariadb_fixture server, second;
static struct link_fixture f;

static int64_t now_ms(void)
{
	return clock_monotonic_ns(&cart_clock_system) / CLOCK_NS_PER_MS;
}

/* A resolver that does not answer for one name until it is told to. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool released;
	int waiting;
} stuck = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* In place of the C library's, for the client library too. */
int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	typedef int resolve_fn(const char *, const char *, const struct addrinfo *,
			       struct addrinfo **);
	resolve_fn *resolve;

	if (name != NULL && strcmp(name, "stuck.test") == 0) {
		pthread_mutex_lock(&stuck.lock);
		stuck.waiting++;
		pthread_cond_broadcast(&stuck.changed);
		while (!stuck.released)
			pthread_cond_wait(&stuck.changed, &stuck.lock);
		stuck.waiting--;
		pthread_mutex_unlock(&stuck.lock);
		return EAI_FAIL;
	}
	*(void **)&resolve = dlsym(RTLD_NEXT, "getaddrinfo");
	return resolve(name, service, hints, result);
}

static int setup(void **state)
{
	(void)state;
	link_fixture_init(&f, server.control != NULL ? &server : NULL, NULL);
	/* A thread that an earlier test left behind may only just have gone. */
	pthread_mutex_lock(&stuck.lock);
	stuck.released = false;
	pthread_mutex_unlock(&stuck.lock);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_fixture_free(&f);
	return 0;
}

static void many_asks_are_answered_at_once(void **state)
{
	static struct sql_ask asks[20];
	int done = 0;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	assert_int_equal(sql_connector_epoch(f.connector), 0);
	for (int i = 0; i < 20; i++)
		link_fixture_ask(&f, &asks[i], SQL_WRITER, &done);
	assert_int_equal(done, 0);
	link_fixture_wait(&f, &done, 20);
	for (int i = 0; i < 20; i++) {
		assert_non_null(asks[i].link.mysql);
		assert_int_equal(asks[i].link.epoch, 1);
		link_fixture_close(&f, &asks[i].link);
	}
	assert_int_equal(sql_connector_epoch(f.connector), 1);
	assert_int_equal(sql_connector_connects(f.connector), 20);
	assert_int_equal(sql_connector_failures(f.connector), 0);
}

static void a_refused_host_is_named_and_soon_tried_again(void **state)
{
	struct hole hole = hole_refusing();
	static struct sql_ask ask;
	char why[64];
	int done = 0;

	(void)state;
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", hole.port);
	link_fixture_start(&f);
	snprintf(why, sizeof(why), "127.0.0.1:%d: Can't connect", hole.port);
	assert_in_range(link_fixture_fail_ms(&f, SQL_WRITER, why), 0, patience_at_once_ms());
	assert_int_equal(sql_connector_open_breakers(f.connector), 1);
	assert_int_equal(sql_connector_failures(f.connector), 1);
	link_fixture_ask(&f, &ask, SQL_WRITER, &done);
	link_fixture_wait(&f, &done, 1);
	assert_non_null(strstr(ask.error.text, why));
	assert_true(ask.retry_ns > 0 &&
		    ask.retry_ns <= clock_monotonic_ns(&cart_clock_system) + CLOCK_NS_PER_S);
	hole_free(&hole);
}

static void the_next_host_is_used_where_the_first_refuses(void **state)
{
	struct hole hole = hole_refusing();
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d,127.0.0.1:%d", hole.port, server.port);
	link_fixture_start(&f);
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(link.host, 1);
	assert_int_equal(link.epoch, 1);
	link_fixture_close(&f, &link);
	hole_free(&hole);
}

static void a_host_that_says_nothing_is_given_up_in_time(void **state)
{
	struct hole hole = hole_silent();

	(void)state;
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", hole.port);
	link_fixture_set(&f, "mysql.connect_timeout", "300ms");
	link_fixture_start(&f);
	assert_in_range(link_fixture_fail_ms(&f, SQL_WRITER, "no answer within 300 ms"), 290,
			patience_at_once_ms());
	hole_free(&hole);
}

static void a_black_hole_is_given_up_in_time(void **state)
{
	struct hole hole = hole_black();

	(void)state;
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", hole.port);
	link_fixture_set(&f, "mysql.connect_timeout", "300ms");
	link_fixture_start(&f);
	assert_in_range(link_fixture_fail_ms(&f, SQL_WRITER, "no answer within 300 ms"), 290,
			patience_at_once_ms());
	hole_free(&hole);
}

static void a_black_hole_occupies_one_thread_and_no_close_waits_for_it(void **state)
{
	struct hole hole = hole_black();
	static struct sql_ask asks[10];
	int done = 0, lost = 0;
	int64_t began;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.read_host", "127.0.0.1:%d", hole.port);
	link_fixture_set(&f, "mysql.connect_timeout", "60s");
	link_fixture_start(&f);
	for (int i = 0; i < 9; i++)
		link_fixture_ask(&f, &asks[i], SQL_READER, &lost);
	began = now_ms();
	link_fixture_ask(&f, &asks[9], SQL_WRITER, &done);
	link_fixture_wait(&f, &done, 1);
	assert_non_null(asks[9].link.mysql);
	link_fixture_close(&f, &asks[9].link);
	while (mariadb_fixture_clients(&server) > 0)
		assert_in_range(now_ms() - began, 0, patience_at_once_ms());
	(void)link_fixture_stop_ms(&f);
	assert_int_equal(lost, 0);
	hole_free(&hole);
}

static void stopping_does_not_wait_for_a_black_hole(void **state)
{
	struct hole black = hole_black(), silent = hole_silent();
	static struct sql_ask asks[6];
	int done = 0;

	(void)state;
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", black.port);
	link_fixture_set(&f, "mysql.read_host", "127.0.0.1:%d", silent.port);
	link_fixture_set(&f, "mysql.connect_timeout", "30s");
	link_fixture_start(&f);
	for (int i = 0; i < 6; i++)
		link_fixture_ask(&f, &asks[i], i < 3 ? SQL_WRITER : SQL_READER, &done);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
	assert_int_equal(done, 0);
	hole_free(&black);
	hole_free(&silent);
}

static int threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	int count = -2; /* . and .. */

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void stopping_does_not_wait_long_for_a_resolver(void **state)
{
	int before = threads();
	int64_t end;
	static struct sql_ask ask;
	int done = 0;

	(void)state;
	link_fixture_set(&f, "mysql.host", "stuck.test");
	link_fixture_set(&f, "mysql.connect_timeout", "100ms");
	link_fixture_start(&f);
	link_fixture_ask(&f, &ask, SQL_WRITER, &done);
	pthread_mutex_lock(&stuck.lock);
	while (stuck.waiting == 0)
		pthread_cond_wait(&stuck.changed, &stuck.lock);
	pthread_mutex_unlock(&stuck.lock);
	assert_in_range(link_fixture_stop_ms(&f), 0, patience_at_once_ms());
	assert_int_equal(done, 0);
	/* The settings go before the resolver answers. */
	link_fixture_free(&f);
	pthread_mutex_lock(&stuck.lock);
	assert_int_equal(stuck.waiting, 1);
	stuck.released = true;
	pthread_cond_broadcast(&stuck.changed);
	pthread_mutex_unlock(&stuck.lock);
	/* The thread that was left behind ends, and clears up, which a sanitizer looks at. */
	end = patience_ms() + 10000;
	while (threads() > before && patience_ms() < end)
		nanosleep(&(struct timespec){.tv_nsec = CLOCK_NS_PER_MS}, NULL);
	assert_int_equal(threads(), before);
	link_fixture_init(&f, NULL, NULL);
}

static void a_resolver_that_is_stuck_holds_up_no_other_host(void **state)
{
	static struct sql_ask slow;
	struct sql_link link;
	int done = 0;
	int64_t began;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.read_host", "stuck.test");
	link_fixture_start(&f);
	link_fixture_ask(&f, &slow, SQL_READER, &done);
	began = now_ms();
	link = link_fixture_get(&f, SQL_WRITER);
	assert_in_range(now_ms() - began, 0, patience_at_once_ms());
	link_fixture_close(&f, &link);
	pthread_mutex_lock(&stuck.lock);
	stuck.released = true;
	pthread_cond_broadcast(&stuck.changed);
	pthread_mutex_unlock(&stuck.lock);
	link_fixture_wait(&f, &done, 1);
	assert_non_null(strstr(slow.error.text, "stuck.test"));
}

static void asks_of_a_mailbox_that_goes_are_forgotten(void **state)
{
	static struct sql_ask asks[8];
	int done = 0;

	(void)state;
	mariadb_fixture_need(&server);
	for (int round = 0; round < 20; round++) {
		link_fixture_start(&f);
		for (int i = 0; i < 8; i++)
			link_fixture_ask(&f, &asks[i], SQL_WRITER, &done);
		/* From not begun to answered: what happens in the meantime differs by round. */
		nanosleep(&(struct timespec){.tv_nsec = round * CLOCK_NS_PER_MS / 2}, NULL);
		sql_mailbox_free(&f.mailbox);
		memset(asks, 0xff, sizeof(asks));
		(void)link_fixture_stop_ms(&f);
	}
	assert_int_equal(done, 0);
}

static void a_read_only_host_is_for_readers_alone(void **state)
{
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.read_host", "127.0.0.1:%d", server.port);
	link_fixture_start(&f);
	mariadb_fixture_exec(&server, "SET GLOBAL read_only = 1");
	link_fixture_fail_ms(&f, SQL_WRITER, ": is read-only");
	link = link_fixture_get(&f, SQL_READER);
	assert_int_equal(link.epoch, 0);
	assert_int_equal(link.role, SQL_READER);
	link_fixture_close(&f, &link);
	mariadb_fixture_exec(&server, "SET GLOBAL read_only = 0");
	link = link_fixture_get_at_last(&f, SQL_WRITER);
	link_fixture_close(&f, &link);
}

static void without_read_hosts_readers_are_told_so(void **state)
{
	(void)state;
	link_fixture_start(&f);
	link_fixture_fail_ms(&f, SQL_READER, "mysql.read_host");
}

static void start_second(void)
{
	if (second.control == NULL)
		mariadb_fixture_start(&second, NULL);
}

/* The first in order is the second one, which tests may harm. */
static void two_servers(void)
{
	start_second();
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d,127.0.0.1:%d", second.port, server.port);
	link_fixture_start(&f);
}

static void when_the_writer_dies_writes_go_to_the_next_and_stay_there(void **state)
{
	struct sql_link link, other;

	(void)state;
	mariadb_fixture_need(&server);
	two_servers();
	link = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(link.host, 0);
	mariadb_fixture_kill(&second);
	sql_connector_report(f.connector, &link, SQL_REPORT_LOST);
	assert_int_equal(sql_connector_epoch(f.connector), 1);
	other = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(other.host, 1);
	assert_int_equal(other.epoch, 2);
	assert_int_equal(sql_connector_epoch(f.connector), 2);
	link_fixture_close(&f, &link);
	link_fixture_close(&f, &other);
	mariadb_fixture_restart(&second, NULL);
	other = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(other.host, 1);
	link_fixture_close(&f, &other);
}

static void a_writer_that_stops_taking_writes_is_left_for_the_next(void **state)
{
	struct sql_link link, other;

	(void)state;
	mariadb_fixture_need(&server);
	two_servers();
	link = link_fixture_get(&f, SQL_WRITER);
	mariadb_fixture_exec(&second, "SET GLOBAL read_only = 1");
	sql_connector_report(f.connector, &link, SQL_REPORT_READ_ONLY);
	other = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(other.host, 1);
	assert_int_equal(other.epoch, 2);
	link_fixture_close(&f, &link);
	link_fixture_close(&f, &other);
	mariadb_fixture_exec(&second, "SET GLOBAL read_only = 0");
}

static void a_broken_connection_alone_moves_nothing(void **state)
{
	struct sql_link link, other;

	(void)state;
	mariadb_fixture_need(&server);
	two_servers();
	link = link_fixture_get(&f, SQL_WRITER);
	sql_connector_report(f.connector, &link, SQL_REPORT_LOST);
	other = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(other.host, 0);
	assert_int_equal(other.epoch, 1);
	link_fixture_close(&f, &link);
	link_fixture_close(&f, &other);
}

static void a_frozen_writer_is_left_after_one_connect_timeout(void **state)
{
	static struct sql_ask asks[8];
	struct sql_link link;
	int done = 0;
	int64_t began;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.connect_timeout", "2s");
	two_servers();
	link = link_fixture_get(&f, SQL_WRITER);
	kill(second.pid, SIGSTOP);
	sql_connector_report(f.connector, &link, SQL_REPORT_LOST);
	began = now_ms();
	for (int i = 0; i < 8; i++)
		link_fixture_ask(&f, &asks[i], SQL_WRITER, &done);
	link_fixture_wait(&f, &done, 8);
	assert_in_range(now_ms() - began, 1990, patience_at_once_ms());
	for (int i = 0; i < 8; i++) {
		assert_int_equal(asks[i].link.host, 1);
		link_fixture_close(&f, &asks[i].link);
	}
	link_fixture_close(&f, &link);
	kill(second.pid, SIGCONT);
}

static void a_server_without_room_stays_the_writer(void **state)
{
	struct sql_link link, other;

	(void)state;
	mariadb_fixture_need(&server);
	two_servers();
	mariadb_fixture_exec(&second,
			     "ALTER USER " MARIADB_FIXTURE_USER " WITH MAX_USER_CONNECTIONS 1");
	link = link_fixture_get(&f, SQL_WRITER);
	link_fixture_fail_ms(&f, SQL_WRITER, "max_user_connections");
	assert_int_equal(sql_connector_epoch(f.connector), 1);
	mariadb_fixture_exec(&second,
			     "ALTER USER " MARIADB_FIXTURE_USER " WITH MAX_USER_CONNECTIONS 0");
	other = link_fixture_get_at_last(&f, SQL_WRITER);
	assert_int_equal(other.host, 0);
	assert_int_equal(other.epoch, 1);
	link_fixture_close(&f, &link);
	link_fixture_close(&f, &other);
}

static void a_server_that_comes_back_is_found_soon(void **state)
{
	struct sql_link link;
	int64_t began;

	(void)state;
	mariadb_fixture_need(&server);
	start_second();
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", second.port);
	mariadb_fixture_kill(&second);
	link_fixture_start(&f);
	for (int64_t end = now_ms() + 2500;
	     now_ms() < end || sql_connector_failures(f.connector) < 3;)
		link_fixture_fail_ms(&f, SQL_WRITER, "Can't connect");
	assert_in_range(sql_connector_failures(f.connector), 3, 24);
	mariadb_fixture_restart(&second, NULL);
	began = now_ms();
	link = link_fixture_get_at_last(&f, SQL_WRITER);
	assert_in_range(now_ms() - began, 0, patience_at_once_ms());
	assert_int_equal(sql_connector_open_breakers(f.connector), 0);
	link_fixture_close(&f, &link);
}

static void a_thread_that_may_block_connects_by_the_same_rules(void **state)
{
	struct hole hole = hole_refusing();
	struct cart_error error;
	struct sql_link link;

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d,127.0.0.1:%d", hole.port, server.port);
	link_fixture_start(&f);
	assert_int_equal(sql_connect(f.connector, SQL_WRITER, &link, &error), 0);
	assert_int_equal(link.host, 1);
	assert_int_equal(mysql_query(link.mysql, "DO SLEEP(0.1)"), 0);
	mysql_close(link.mysql);
	assert_int_equal(sql_connect(f.connector, SQL_READER, &link, &error), SQL_OUTCOME_BAD);
	assert_null(link.mysql);
	hole_free(&hole);
}

static void read_log(char *text, size_t room, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t len;

	assert_non_null(file);
	len = fread(text, 1, room - 1, file);
	text[len] = '\0';
	fclose(file);
}

static bool is_on_server(const struct sql_link *by, unsigned long session)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lu", session);
	return strcmp(link_fixture_value(by, sql), "1") == 0;
}

/* Opens connections until the session is gone. */
static void await_end_of(const struct sql_link *by, unsigned long session)
{
	for (int64_t end_ms = patience_ms() + 30000; is_on_server(by, session);) {
		struct sql_link next = link_fixture_get(&f, SQL_WRITER);

		assert_true(patience_ms() < end_ms);
		link_fixture_close(&f, &next);
	}
}

/* A server keeps them for hours, and the locks of their transactions. */
static void sessions_of_lost_connections_are_ended_once_they_are_idle(void **state)
{
	static const char sleeps[] = "SELECT SLEEP(100)";
	struct sql_link idle, busy, unmarked, other;
	char kill[64];

	(void)state;
	mariadb_fixture_need(&server);
	link_fixture_start(&f);
	idle = link_fixture_get(&f, SQL_WRITER);
	busy = link_fixture_get(&f, SQL_WRITER);
	unmarked = link_fixture_get(&f, SQL_WRITER);
	other = link_fixture_get(&f, SQL_WRITER);
	assert_int_equal(mysql_send_query(busy.mysql, sleeps, sizeof(sleeps) - 1), 0);
	/* As if the server had been restarted, and had given the id anew. */
	link_fixture_value(&unmarked, "SELECT RELEASE_ALL_LOCKS()");
	sql_connector_report(f.connector, &busy, SQL_REPORT_LOST);
	sql_connector_report(f.connector, &unmarked, SQL_REPORT_LOST);
	sql_connector_report(f.connector, &idle, SQL_REPORT_LOST);
	await_end_of(&other, mysql_thread_id(idle.mysql));
	assert_true(is_on_server(&other, mysql_thread_id(busy.mysql)));
	snprintf(kill, sizeof(kill), "KILL QUERY %lu", mysql_thread_id(busy.mysql));
	link_fixture_value(&other, kill);
	await_end_of(&other, mysql_thread_id(busy.mysql));
	assert_true(is_on_server(&other, mysql_thread_id(unmarked.mysql)));
	link_fixture_close(&f, &idle);
	link_fixture_close(&f, &busy);
	link_fixture_close(&f, &unmarked);
	link_fixture_close(&f, &other);
}

static void traffic_that_leaves_the_machine_in_the_clear_is_warned_of(void **state)
{
	char path[SCRATCH_PATH_MAX], text[4096];
	int fd = scratch_make_file(path, "cart-log");

	(void)state;
	close(fd);
	link_fixture_free(&f);
	link_fixture_init(&f, NULL, path);
	link_fixture_set(&f, "mysql.host", "db.invalid,localhost,127.0.0.2");
	link_fixture_set(&f, "mysql.read_host", "192.0.2.1,[::1]");
	link_fixture_start(&f);
	(void)link_fixture_stop_ms(&f);
	read_log(text, sizeof(text), path);
	assert_non_null(strstr(text, "not encrypted host=db.invalid"));
	assert_non_null(strstr(text, "not encrypted host=192.0.2.1"));
	assert_null(strstr(text, "127.0.0.2"));
	assert_null(strstr(text, "localhost"));
	assert_null(strstr(text, "::1"));
	unlink(path);
}

static void a_host_that_never_answers_is_logged(void **state)
{
	char path[SCRATCH_PATH_MAX], text[4096], *at;
	struct hole hole = hole_black();
	int fd = scratch_make_file(path, "cart-log");

	(void)state;
	close(fd);
	link_fixture_free(&f);
	link_fixture_init(&f, NULL, path);
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", hole.port);
	link_fixture_set(&f, "mysql.connect_timeout", "700ms");
	link_fixture_start(&f);
	for (int64_t end = now_ms() + 2000; now_ms() < end;)
		link_fixture_fail_ms(&f, SQL_WRITER, "answer");
	(void)link_fixture_stop_ms(&f);
	read_log(text, sizeof(text), path);
	at = strstr(text, " be used");
	assert_non_null(at);
	assert_null(strstr(at + 1, " be used"));
	assert_non_null(strstr(text, "no answer within 700 ms"));
	unlink(path);
	hole_free(&hole);
}

static void a_host_that_fails_for_long_is_logged_once(void **state)
{
	char path[SCRATCH_PATH_MAX], text[4096], *at;
	struct hole hole = hole_refusing();
	int fd = scratch_make_file(path, "cart-log");

	(void)state;
	close(fd);
	link_fixture_free(&f);
	link_fixture_init(&f, NULL, path);
	link_fixture_set(&f, "mysql.host", "127.0.0.1:%d", hole.port);
	link_fixture_start(&f);
	for (int64_t end = now_ms() + 600;
	     now_ms() < end || sql_connector_failures(f.connector) < 2;)
		link_fixture_fail_ms(&f, SQL_WRITER, "Can't connect");
	(void)link_fixture_stop_ms(&f);
	read_log(text, sizeof(text), path);
	at = strstr(text, " be used");
	assert_non_null(at);
	assert_null(strstr(at + 1, " be used"));
	unlink(path);
	hole_free(&hole);
}

static void note_reply(void *user, struct sql_reply *reply)
{
	*(unsigned *)user = reply->error;
}

static void note_gone(void *user)
{
	(void)user;
	fail_msg("the connection is not idle");
}

static void note_ready(evutil_socket_t fd, short what, void *user)
{
	char byte;

	(void)what;
	*(bool *)user = read(fd, &byte, sizeof(byte)) == 1;
}

/* A connection that breaks while a text is sent: the library closes its descriptor at once, and
 * the next client of the same loop may get the number before the loop hears of the error. */
static void whoever_gets_the_descriptor_of_a_broken_connection_is_heard(void **state)
{
	struct event_base *base = event_base_new();
	struct sql_text text = {0};
	struct sql_conn conn;
	struct event *event;
	unsigned error = 0;
	bool heard = false;
	int fd, pair[2];
	MYSQL *mysql;

	(void)state;
	mariadb_fixture_need(&server);
	mysql = sql_client(&server, NULL, NULL);
	fd = mysql_get_socket(mysql);
	assert_int_equal(sql_conn_open(&conn, base, mysql, note_reply, note_gone, &error), 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	sql_statement(&text, SQL_SELECT, "SELECT 1");
	sql_conn_query(&conn, &text);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(dup2(pair[0], fd), fd);
	event = event_new(base, fd, EV_READ | EV_PERSIST, note_ready, &heard);
	event_add(event, NULL);
	assert_int_equal(write(pair[1], "x", 1), 1);
	for (int turn = 0; turn < 4; turn++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_not_equal(error, 0);
	assert_ptr_equal(sql_conn_release(&conn), mysql);
	mysql_close(mysql);
	assert_true(heard);
	event_free(event);
	close(fd);
	if (pair[0] != fd)
		close(pair[0]);
	close(pair[1]);
	event_base_free(base);
	sql_text_free(&text);
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
	mariadb_fixture_free(&second);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_asks_are_answered_at_once),
		TEST(a_refused_host_is_named_and_soon_tried_again),
		TEST(the_next_host_is_used_where_the_first_refuses),
		TEST(a_host_that_says_nothing_is_given_up_in_time),
		TEST(a_black_hole_is_given_up_in_time),
		TEST(a_black_hole_occupies_one_thread_and_no_close_waits_for_it),
		TEST(stopping_does_not_wait_for_a_black_hole),
		TEST(stopping_does_not_wait_long_for_a_resolver),
		TEST(a_resolver_that_is_stuck_holds_up_no_other_host),
		TEST(asks_of_a_mailbox_that_goes_are_forgotten),
		TEST(a_read_only_host_is_for_readers_alone),
		TEST(without_read_hosts_readers_are_told_so),
		TEST(when_the_writer_dies_writes_go_to_the_next_and_stay_there),
		TEST(a_writer_that_stops_taking_writes_is_left_for_the_next),
		TEST(a_broken_connection_alone_moves_nothing),
		TEST(a_frozen_writer_is_left_after_one_connect_timeout),
		TEST(a_server_without_room_stays_the_writer),
		TEST(a_server_that_comes_back_is_found_soon),
		TEST(a_thread_that_may_block_connects_by_the_same_rules),
		TEST(sessions_of_lost_connections_are_ended_once_they_are_idle),
		TEST(whoever_gets_the_descriptor_of_a_broken_connection_is_heard),
		TEST(traffic_that_leaves_the_machine_in_the_clear_is_warned_of),
		TEST(a_host_that_never_answers_is_logged),
		TEST(a_host_that_fails_for_long_is_logged_once),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
