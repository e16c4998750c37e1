#include "tests/lib/link_fixture.h"

#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINK_WAIT_NS (10 * CLOCK_NS_PER_S)

static int64_t link_now_ns(void)
{
	return clock_monotonic_ns(&cart_clock_system);
}

void link_fixture_init(struct link_fixture *f, const struct mariadb_fixture *server,
		       const char *log_path)
{
	struct cart_error error;

	*f = (struct link_fixture){.settings = settings_new()};
	settings_add(f->settings, "MySQL backend", sql_settings);
	settings_add(f->settings, "Log", log_settings);
	link_fixture_set(f, "log.file", "%s", log_path != NULL ? log_path : "/dev/null");
	if (log_open(f->settings, &error) != 0)
		fail_msg("%s", error.text);
	/* From the weakest source, so that a test can say another one, or a file. */
	assert_int_equal(settings_set(f->settings, "mysql.password", MARIADB_FIXTURE_PASSWORD,
				      SETTING_FILE, &error),
			 0);
	if (server != NULL)
		link_fixture_set(f, "mysql.port", "%d", server->port);
}

void link_fixture_set(struct link_fixture *f, const char *key, const char *format, ...)
{
	struct cart_error error;
	char value[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	if (settings_set(f->settings, key, value, SETTING_FLAG, &error) != 0)
		fail_msg("%s", error.text);
}

void link_fixture_start(struct link_fixture *f)
{
	struct sql_options options;
	struct cart_error error;

	if (sql_options_read(&options, f->settings, &error) != 0)
		fail_msg("%s", error.text);
	f->connector = sql_connector_new(&options, &cart_clock_system, &error);
	sql_options_clear(&options);
	if (f->connector == NULL)
		fail_msg("%s", error.text);
	f->base = event_base_new();
	f->mailbox = sql_mailbox_new(f->connector, f->base);
	assert_non_null(f->mailbox);
}

int64_t link_fixture_stop_ms(struct link_fixture *f)
{
	int64_t began;

	sql_mailbox_free(&f->mailbox);
	began = link_now_ns();
	sql_connector_free(&f->connector);
	began = link_now_ns() - began;
	if (f->base != NULL)
		event_base_free(f->base);
	f->base = NULL;
	return began / CLOCK_NS_PER_MS;
}

void link_fixture_free(struct link_fixture *f)
{
	(void)link_fixture_stop_ms(f);
	log_close();
	settings_free(&f->settings);
}

static void link_done(struct sql_ask *ask)
{
	++*(int *)ask->user;
}

void link_fixture_ask(struct link_fixture *f, struct sql_ask *ask, enum sql_role role, int *done)
{
	*ask = (struct sql_ask){.role = role, .done = link_done, .user = done};
	sql_connector_ask(f->mailbox, ask);
}

static void link_tick(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

void link_fixture_wait(struct link_fixture *f, const int *done, int count)
{
	static const struct timeval tick = {.tv_usec = 50000};
	int64_t end = patience_ns() + LINK_WAIT_NS;
	struct event *timer = event_new(f->base, -1, EV_PERSIST, link_tick, NULL);

	event_add(timer, &tick);
	while (*done < count && patience_ns() < end)
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(timer);
	assert_int_equal(*done, count);
}

static void link_ask_once(struct link_fixture *f, struct sql_ask *answered, enum sql_role role)
{
	/* If the wait fails the test, the ask is still under way. */
	static struct sql_ask ask;
	static int done;

	done = 0;
	link_fixture_ask(f, &ask, role, &done);
	link_fixture_wait(f, &done, 1);
	*answered = ask;
}

struct sql_link link_fixture_get(struct link_fixture *f, enum sql_role role)
{
	struct sql_ask ask;

	link_ask_once(f, &ask, role);
	if (ask.link.mysql == NULL)
		fail_msg("%s", ask.error.text);
	return ask.link;
}

int64_t link_fixture_fail_ms(struct link_fixture *f, enum sql_role role, const char *why)
{
	int64_t began = link_now_ns();
	struct sql_ask ask;

	link_ask_once(f, &ask, role);
	assert_null(ask.link.mysql);
	if (strstr(ask.error.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", ask.error.text, why);
	return (link_now_ns() - began) / CLOCK_NS_PER_MS;
}

struct sql_link link_fixture_get_at_last(struct link_fixture *f, enum sql_role role)
{
	int64_t end = patience_ns() + LINK_WAIT_NS;
	struct sql_ask ask;

	for (;;) {
		struct timespec nap = {0};
		int64_t left_ns;

		link_ask_once(f, &ask, role);
		if (ask.link.mysql != NULL)
			return ask.link;
		if (patience_ns() >= end)
			fail_msg("%s", ask.error.text);
		left_ns = ask.retry_ns - link_now_ns();
		assert_true(left_ns < CLOCK_NS_PER_S);
		if (left_ns > 0) {
			nap.tv_nsec = left_ns;
			nanosleep(&nap, NULL);
		}
	}
}

void link_fixture_close(struct link_fixture *f, struct sql_link *link)
{
	sql_connector_close(f->connector, link->mysql);
	*link = (struct sql_link){0};
}

static int link_poll(MYSQL *mysql, int wanted)
{
	struct pollfd waiting = {.fd = mysql_get_socket(mysql), .events = POLLIN};

	if ((wanted & MYSQL_WAIT_WRITE) != 0)
		waiting.events = POLLOUT;
	return poll(&waiting, 1, 60000) > 0 ? wanted & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE)
					    : MYSQL_WAIT_TIMEOUT;
}

const char *link_fixture_value(const struct sql_link *link, const char *sql)
{
	static char value[256];
	MYSQL *mysql = link->mysql;
	MYSQL_RES *result = NULL;
	MYSQL_ROW row;
	int failed = 1;

	for (int wanted = mysql_real_query_start(&failed, mysql, sql, strlen(sql)); wanted != 0;)
		wanted = mysql_real_query_cont(&failed, mysql, link_poll(mysql, wanted));
	if (failed != 0)
		fail_msg("%s: %s", sql, mysql_error(mysql));
	for (int wanted = mysql_store_result_start(&result, mysql); wanted != 0;)
		wanted = mysql_store_result_cont(&result, mysql, link_poll(mysql, wanted));
	value[0] = '\0';
	if (result != NULL && (row = mysql_fetch_row(result)) != NULL && row[0] != NULL)
		snprintf(value, sizeof(value), "%s", row[0]);
	mysql_free_result(result);
	return value;
}
