/*
 * The connector's life, and what any thread may tell it or ask of it.
 *
 * Stopping: what waits for a socket wakes by an eventfd. The resolver cannot be interrupted, nor
 * can a TLS handshake: a thread that sits in one for longer than a moment is left behind, with all
 * that it still needs; when it returns it finds that nobody wants it any more, and the last one
 * clears up.
 */
#include "backends/mysql/connector_internal.h"
#include "backends/mysql/session.h"
#include "core/base/log.h"
#include "core/base/wake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTOR_STOP_WAIT_S 1

const struct sql_host *sql_connector_host(const struct sql_connector *c, enum sql_role role,
					  size_t host)
{
	return role == SQL_READER ? &c->options.read_hosts[host] : &c->options.hosts[host];
}

enum sql_turn sql_connector_next(struct sql_connector *c, enum sql_role role,
				 struct sql_try *attempt, int64_t *retry_ns)
{
	struct sql_hosts *hosts = &c->hosts[role];

	if (role == SQL_FORMER) {
		hosts->only = c->hosts[SQL_WRITER].last;
		*retry_ns = INT64_MAX;
		if (hosts->only == SQL_NO_HOST)
			return SQL_TURN_NONE;
	}
	return sql_hosts_next(hosts, clock_monotonic_ns(c->clock), attempt, retry_ns);
}

void sql_connector_wait(struct sql_connector *c)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += SQL_TRY_SLOW_MS * CLOCK_NS_PER_MS / 2;
	end.tv_sec += end.tv_nsec / CLOCK_NS_PER_S;
	end.tv_nsec %= CLOCK_NS_PER_S;
	pthread_cond_timedwait(&c->changed, &c->lock, &end);
}

void sql_connector_destroy(struct sql_connector *c)
{
	sql_options_clear(&c->options);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static int connector_start(struct sql_connector *c, struct cart_error *error)
{
	for (size_t i = 0; i < SQL_HELPER_THREADS; i++) {
		struct sql_helper *helper = &c->helpers[i];
		int rc;

		helper->connector = c;
		pthread_mutex_lock(&c->lock);
		rc = pthread_create(&helper->thread, NULL, sql_helper_run, helper);
		helper->started = rc == 0;
		pthread_mutex_unlock(&c->lock);
		if (rc != 0)
			return cart_error_set(error, "cannot start a thread: %s", strerror(rc));
	}
	return 0;
}

static void connector_init(struct sql_connector *c, const struct cart_clock *clock)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	c->clock = clock;
	for (int role = 0; role < SQL_ROLES; role++)
		sql_ask_list_init(&c->asks[role]);
	sql_hosts_init(&c->hosts[SQL_WRITER], c->options.host_count, true);
	sql_hosts_init(&c->hosts[SQL_READER], c->options.read_host_count, false);
	sql_hosts_init(&c->hosts[SQL_FORMER], c->options.host_count, false);
	random_seed(&c->random);
}

static bool connector_is_local(const char *host)
{
	return host == NULL || strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       strncmp(host, "127.", 4) == 0;
}

static void connector_warn_plain(const struct sql_host *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!connector_is_local(hosts[i].host))
			log_event(LOG_WARN, "traffic with the database host is not encrypted",
				  LOG_STR("host", hosts[i].host), LOG_STR("mysql.tls", "off"));
	}
}

struct sql_connector *sql_connector_new(const struct sql_options *options,
					const struct cart_clock *clock, struct cart_error *error)
{
	struct sql_connector *c = calloc(1, sizeof(*c));

	if (c == NULL || sql_options_copy(&c->options, options) != 0) {
		free(c);
		cart_error_set(error, "out of memory");
		return NULL;
	}
	connector_init(c, clock);
	c->stop_fd = wake_fd_open();
	if (c->stop_fd < 0)
		cart_error_set(error, "eventfd: %s", strerror(errno));
	else if (mysql_library_init(0, NULL, NULL) != 0)
		cart_error_set(error, "cannot start the client library");
	else if (connector_start(c, error) == 0) {
		if (options->tls == SQL_TLS_OFF) {
			connector_warn_plain(options->hosts, options->host_count);
			connector_warn_plain(options->read_hosts, options->read_host_count);
		}
		return c;
	}
	sql_connector_free(&c);
	return NULL;
}

/* Notes who is to be joined, and leaves the others behind. True: all have ended. */
static bool connector_part(struct sql_connector *c, pthread_t *joined, size_t *count)
{
	*count = 0;
	c->abandoned = !sql_helpers_ended(c);
	for (size_t i = 0; i < SQL_HELPER_THREADS; i++) {
		if (c->helpers[i].ended)
			joined[(*count)++] = c->helpers[i].thread;
		else if (c->helpers[i].started)
			pthread_detach(c->helpers[i].thread);
	}
	return !c->abandoned;
}

void sql_connector_free(struct sql_connector **connector)
{
	struct sql_connector *c = *connector;
	pthread_t joined[SQL_HELPER_THREADS];
	struct timespec end;
	size_t count;
	bool all;

	*connector = NULL;
	if (c == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += CONNECTOR_STOP_WAIT_S;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_broadcast(&c->changed);
	wake_fd_send(c->stop_fd);
	while (!sql_helpers_ended(c) &&
	       pthread_cond_timedwait(&c->changed, &c->lock, &end) != ETIMEDOUT)
		continue;
	all = connector_part(c, joined, &count);
	pthread_mutex_unlock(&c->lock);
	/* From here on c is theirs if not all have ended. */
	for (size_t i = 0; i < count; i++)
		pthread_join(joined[i], NULL);
	if (all)
		sql_connector_destroy(c);
	else
		log_message(LOG_INFO, "not waiting for a database host that does not answer");
}

void sql_connector_close(struct sql_connector *c, MYSQL *mysql)
{
	struct sql_closing *closing;

	if (mysql == NULL)
		return;
	closing = malloc(sizeof(*closing));
	if (closing == NULL) {
		sql_session_close(mysql); /* here rather than never */
		return;
	}
	closing->mysql = mysql;
	pthread_mutex_lock(&c->lock);
	closing->next = c->closings;
	c->closings = closing;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void sql_connector_report(struct sql_connector *c, const struct sql_link *link,
			  enum sql_report what)
{
	struct sql_hosts *hosts = &c->hosts[link->role];
	char name[SQL_HOST_TEXT];
	bool rejected = false;

	pthread_mutex_lock(&c->lock);
	sql_host_print(name, sql_connector_host(c, link->role, link->host), c->options.socket);
	if (what == SQL_REPORT_LOST || link->role == SQL_READER)
		sql_hosts_suspect(hosts, link->host);
	else
		rejected = sql_hosts_reject(hosts, link->host, link->epoch,
					    clock_monotonic_ns(c->clock), random_next(&c->random));
	if (rejected) {
		c->read_only = true;
		c->told[link->role] |= UINT32_C(1) << link->host;
		cart_error_set(&c->failures[link->role], "%s: takes no writes any more", name);
	}
	pthread_mutex_unlock(&c->lock);
	if (rejected)
		log_event(LOG_WARN, "database host takes no writes any more",
			  LOG_STR("host", name));
}

uint64_t sql_connector_epoch(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->epoch, memory_order_acquire);
}

void sql_connector_version(const struct sql_connector *c, char *text, size_t room)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;

	pthread_mutex_lock(lock);
	snprintf(text, room, "%s", c->version);
	pthread_mutex_unlock(lock);
}

size_t sql_connector_open_breakers(const struct sql_connector *c)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&c->lock;
	size_t open;

	pthread_mutex_lock(lock);
	open = sql_hosts_open(&c->hosts[SQL_WRITER]) + sql_hosts_open(&c->hosts[SQL_READER]);
	pthread_mutex_unlock(lock);
	return open;
}

uint64_t sql_connector_connects(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->connects, memory_order_relaxed);
}

uint64_t sql_connector_failures(const struct sql_connector *c)
{
	return atomic_load_explicit(&c->failed, memory_order_relaxed);
}
