/*
 * The happy path: the thread wakes up, connects to the host that writes go to, gets the named lock,
 * takes steps until nothing is left, closes the connection, which gives the lock back, and sleeps.
 * Between steps it rests as long as a step took, so that requests have the server at least half of
 * the time.
 *
 * The ways in which it fails: another process has the lock: nothing to do. No host answers, the
 * connection breaks, or another host was chosen meanwhile: the round ends and the next comes sooner
 * than usual; the log has it once, and again when it works. The process ends while an
 * answer is waited for: the connection is cut.
 */
#include "backends/mysql/sweep.h"

#include "backends/mysql/fault.h"
#include "core/base/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SWEEPER_RETRY_MS    5000 /* after a failure, if that is before the next round */
#define SWEEPER_REST_MS_MIN 1
#define SWEEPER_REST_MS_MAX 1000

/* As the schema's, see schema.c. */
#define SWEEPER_LOCK "SELECT GET_LOCK(CONCAT('cart.sweep.', LEFT(SHA2(DATABASE(), 256), 40)), 0)"

struct sql_sweeper {
	struct sql_connector *connector;
	const struct cart_clock *clock;
	struct cart_rules rules;
	int64_t interval_ms;
	bool failing; /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock; /* the next three */
	pthread_cond_t wake;
	bool stop;
	int fd; /* of the connection in use; -1: none */
	_Atomic uint64_t carts;
	_Atomic uint64_t keys;
};

/* False: it is to end. */
static bool sweeper_rest(struct sql_sweeper *sweeper, int64_t ms)
{
	struct timespec until;
	bool go_on;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * CLOCK_NS_PER_MS;
	if (until.tv_nsec >= CLOCK_NS_PER_S) {
		until.tv_nsec -= CLOCK_NS_PER_S;
		until.tv_sec++;
	}
	pthread_mutex_lock(&sweeper->lock);
	while (!sweeper->stop && rc == 0)
		rc = pthread_cond_timedwait(&sweeper->wake, &sweeper->lock, &until);
	go_on = !sweeper->stop;
	pthread_mutex_unlock(&sweeper->lock);
	return go_on;
}

/* Says which connection is to be cut at the end; -1: none. False: it is to end. */
static bool sweeper_hold(struct sql_sweeper *sweeper, int fd)
{
	bool go_on;

	pthread_mutex_lock(&sweeper->lock);
	sweeper->fd = fd;
	go_on = !sweeper->stop;
	pthread_mutex_unlock(&sweeper->lock);
	return go_on;
}

/* 1: it is ours, or the server has no named locks, and then nothing but effort is lost; 0: another
 * process's. */
static int sweeper_lock(MYSQL *mysql, struct cart_error *error)
{
	MYSQL_RES *rows = NULL;
	MYSQL_ROW row;
	bool taken = false;

	if (mysql_query(mysql, SWEEPER_LOCK) == 0)
		rows = mysql_store_result(mysql);
	if (rows == NULL && sql_fault_of(mysql_errno(mysql)) == SQL_FAULT_LOST)
		return cart_error_set(error, "named lock: %s", mysql_error(mysql));
	row = rows != NULL ? mysql_fetch_row(rows) : NULL;
	taken = row != NULL && row[0] != NULL && strcmp(row[0], "0") == 0;
	mysql_free_result(rows);
	return taken ? 0 : 1;
}

static int64_t sweeper_rest_ms(const struct sql_sweeper *sweeper, int64_t began_ns)
{
	int64_t ms = (clock_monotonic_ns(sweeper->clock) - began_ns) / CLOCK_NS_PER_MS;

	if (ms < SWEEPER_REST_MS_MIN)
		return SWEEPER_REST_MS_MIN;
	return ms < SWEEPER_REST_MS_MAX ? ms : SWEEPER_REST_MS_MAX;
}

static int sweeper_steps(struct sql_sweeper *sweeper, const struct sql_link *link,
			 struct cart_error *error)
{
	struct sql_swept swept;
	int64_t began_ns;

	do {
		int result;

		if (sql_connector_epoch(sweeper->connector) != link->epoch)
			return 0; /* another host is written to: the next round is for that */
		began_ns = clock_monotonic_ns(sweeper->clock);
		result = sql_sweep_step(link->mysql, &sweeper->rules, clock_wall_ms(sweeper->clock),
					&swept, error);
		atomic_fetch_add_explicit(&sweeper->carts, swept.carts, memory_order_relaxed);
		atomic_fetch_add_explicit(&sweeper->keys, swept.keys, memory_order_relaxed);
		if (result != 0)
			return -1;
	} while (swept.more && sweeper_rest(sweeper, sweeper_rest_ms(sweeper, began_ns)));
	return 0;
}

static void sweeper_report(struct sql_sweeper *sweeper, const struct sql_link *link)
{
	enum sql_fault fault = sql_fault_of(mysql_errno(link->mysql));

	if (fault == SQL_FAULT_LOST)
		sql_connector_report(sweeper->connector, link, SQL_REPORT_LOST);
	else if (fault == SQL_FAULT_HOST)
		sql_connector_report(sweeper->connector, link, SQL_REPORT_READ_ONLY);
}

static int sweeper_round(struct sql_sweeper *sweeper, struct cart_error *error)
{
	struct sql_link link;
	int result;

	if (sql_connect(sweeper->connector, SQL_WRITER, &link, error) != 0)
		return -1;
	result = sweeper_hold(sweeper, (int)mysql_get_socket(link.mysql))
			 ? sweeper_lock(link.mysql, error)
			 : 0;
	if (result > 0)
		result = sweeper_steps(sweeper, &link, error);
	/* Cut by our own hand, it says nothing about the host. */
	if (sweeper_hold(sweeper, -1) && result < 0)
		sweeper_report(sweeper, &link);
	mysql_close(link.mysql);
	return result;
}

/* The log has changes of state, not each failure. */
static void sweeper_note(struct sql_sweeper *sweeper, int result, const struct cart_error *error)
{
	if (result != 0 && !sweeper->failing)
		log_event(LOG_WARN, "cannot remove what has expired",
			  LOG_STR("error", error->text));
	else if (result == 0 && sweeper->failing)
		log_message(LOG_INFO, "what has expired is removed again");
	sweeper->failing = result != 0;
}

static void *sweeper_main(void *user)
{
	struct sql_sweeper *sweeper = user;
	struct cart_error error;
	int64_t rest_ms = 0;

	mysql_thread_init();
	while (sweeper_rest(sweeper, rest_ms)) {
		int result = sweeper_round(sweeper, &error);

		if (!sweeper_rest(sweeper, 0))
			break;
		sweeper_note(sweeper, result, &error);
		rest_ms = sweeper->interval_ms;
		if (result != 0 && rest_ms > SWEEPER_RETRY_MS)
			rest_ms = SWEEPER_RETRY_MS;
	}
	mysql_thread_end();
	return NULL;
}

struct sql_sweeper *sql_sweeper_new(struct sql_connector *connector, const struct cart_env *env,
				    int64_t interval_ms, struct cart_error *error)
{
	struct sql_sweeper *sweeper = calloc(1, sizeof(*sweeper));
	pthread_condattr_t monotonic;
	sigset_t all, mask;
	int rc;

	if (sweeper == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	sweeper->connector = connector;
	sweeper->clock = env->clock;
	sweeper->rules = env->rules;
	sweeper->interval_ms = interval_ms;
	sweeper->fd = -1;
	pthread_mutex_init(&sweeper->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&sweeper->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* The process's signals are its main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	rc = pthread_create(&sweeper->thread, NULL, sweeper_main, sweeper);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (rc == 0)
		return sweeper;
	cart_error_set(error, "the sweeper's thread: %s", strerror(rc));
	pthread_cond_destroy(&sweeper->wake);
	pthread_mutex_destroy(&sweeper->lock);
	free(sweeper);
	return NULL;
}

void sql_sweeper_free(struct sql_sweeper **sweeper)
{
	struct sql_sweeper *s = *sweeper;

	*sweeper = NULL;
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	if (s->fd >= 0)
		shutdown(s->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

uint64_t sql_sweeper_carts(const struct sql_sweeper *sweeper)
{
	return atomic_load_explicit(&sweeper->carts, memory_order_relaxed);
}

uint64_t sql_sweeper_keys(const struct sql_sweeper *sweeper)
{
	return atomic_load_explicit(&sweeper->keys, memory_order_relaxed);
}
