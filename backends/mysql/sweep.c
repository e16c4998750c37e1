/*
 * A step: a plain read picks the carts that come first in carts_sweep; those that are not locked
 * are locked in the order of their ids, as a batch of writes does, their expiry is checked again,
 * and they are removed with their lines. Then the oldest keys, likewise. Keys of a removed cart
 * stay until their own window has passed. Then the oldest events, see feed.h. A locked row is
 * skipped until another step. A deadlock, or a line that is locked without its cart: the
 * transaction is retried a few times. Anything else ends the step.
 *
 * What is expired is decided by the server's clock alone: ours may be wrong, and what was removed
 * is gone. Nothing is removed while the two differ by more than clock.skew, as either may be wrong.
 *
 * The thread: it wakes up, connects to the host that writes go to, takes the named lock, runs steps
 * until nothing is left, closes the connection, which releases the lock, and sleeps. It connects
 * once a minute at least, because the clocks are compared with each new connection. Between steps
 * it rests as long as a step took, so that requests have the server at least half of the time.
 * While the server is full, its connection is one of the loops': when one of them wants it, it gets
 * it after the step, and the rest is removed soon. When another process holds the lock there is
 * nothing to do. When no host answers, the connection breaks, or another host was chosen meanwhile,
 * the round ends and the next comes sooner than usual; the log gets the first failure and the
 * recovery. When the process ends, the connection is cut.
 */
#include "backends/mysql/sweep.h"

#include "backends/mysql/fault.h"
#include "backends/mysql/outbox.h"
#include "backends/mysql/rows.h"
#include "backends/mysql/session.h"
#include "backends/mysql/text.h"
#include "core/base/log.h"
#include "core/base/thread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SWEEP_TRIES 3

#define SWEEPER_RETRY_MS    5000  /* after a failure, if that is before the next round */
#define SWEEPER_CLOCK_MS    60000 /* the clocks are compared so often */
#define SWEEPER_BEYOND_MS   1000  /* or so often while they differ by more than clock.skew */
#define SWEEPER_REST_MS_MIN 1
#define SWEEPER_REST_MS_MAX 1000

/* As the schema's, see schema.c. */
#define SWEEPER_LOCK_NAME "CONCAT('cart.sweep.', LEFT(SHA2(DATABASE(), 256), 40))"
#define SWEEPER_LOCK	  "SELECT GET_LOCK(" SWEEPER_LOCK_NAME ", 0)"
#define SWEEPER_UNLOCK	  "DO RELEASE_LOCK(" SWEEPER_LOCK_NAME ")"

#define SWEEPER_TIME "SELECT " SQL_CLOCK_US

struct sweep_key {
	uint8_t scope[SQL_BINARY_BYTES];
	uint8_t hash[SQL_BINARY_BYTES];
};

struct sweep {
	MYSQL *mysql;
	int64_t expired_ms; /* carts that expired then or before are removed */
	int64_t oldest_ms;  /* and keys that were stored then or before */
	int64_t now_ms;
	bool feed;	  /* events are written, and removed */
	int64_t event_ms; /* those of then or before */
	int64_t event;	  /* the newest one of these that was seen */
	bool kept;	  /* the rest of them is kept */
	struct sql_text text;
	struct cart_id ids[SQL_SWEEP_CARTS];
	struct sweep_key keys[SQL_SWEEP_KEYS];
	size_t count; /* of ids, or of keys */
	int64_t lines;
	bool more;
};

/* Takes a row; false: it is not what the schema says. */
typedef bool sweep_row_fn(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens);

static bool sweep_read(struct sweep *sweep, sweep_row_fn *take)
{
	MYSQL_RES *rows = mysql_store_result(sweep->mysql);
	MYSQL_ROW row;
	bool good = true;

	while (good && rows != NULL && (row = mysql_fetch_row(rows)) != NULL)
		good = take != NULL && take(sweep, row, mysql_fetch_lengths(rows));
	mysql_free_result(rows);
	return good;
}

/* Runs the statements of the text and takes the rows that come of them. */
static enum sql_fault sweep_run(struct sweep *sweep, sweep_row_fn *take)
{
	const struct buf *buf = &sweep->text.buf;
	bool good = !buf->failed;
	int next = good ? mysql_real_query(sweep->mysql, buf->data, buf->len) : -1;

	while (next == 0) {
		good = sweep_read(sweep, take) && good;
		next = mysql_errno(sweep->mysql) != 0 ? 1 : mysql_next_result(sweep->mysql);
	}
	if (next > 0)
		return sql_fault_of(mysql_errno(sweep->mysql), mysql_sqlstate(sweep->mysql));
	return good ? SQL_FAULT_NONE : SQL_FAULT_OTHER;
}

static enum sql_fault sweep_rollback(struct sweep *sweep)
{
	sql_text_reset(&sweep->text);
	sql_statement(&sweep->text, SQL_ROLLBACK, "ROLLBACK");
	return sweep_run(sweep, NULL);
}

static bool sweep_take_id(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	return sweep->count < SQL_SWEEP_CARTS &&
	       sql_cell_binary(row[0], lens[0], sweep->ids[sweep->count++].bytes);
}

static bool sweep_take_pick(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	int64_t lines;

	if (sweep->lines >= SQL_SWEEP_LINES) {
		sweep->more = true;
		return true;
	}
	if (!sql_cell_integer(row[1], lens[1], &lines))
		return false;
	sweep->lines += lines;
	return sweep_take_id(sweep, row, lens);
}

static bool sweep_take_key(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	struct sweep_key *key = &sweep->keys[sweep->count];

	return sweep->count++ < SQL_SWEEP_KEYS && sql_cell_binary(row[0], lens[0], key->scope) &&
	       sql_cell_binary(row[1], lens[1], key->hash);
}

static int sweep_compare(const void *a, const void *b)
{
	return cart_id_compare(a, b);
}

/* The ids come out sorted; that of the index is the order of expiry. */
static enum sql_fault sweep_pick(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;
	enum sql_fault fault;

	sweep->count = 0;
	sweep->lines = 0;
	sql_text_reset(text);
	sql_statement(text, SQL_SELECT,
		      "SELECT c.id, (SELECT COUNT(*) FROM" SQL_LINES " WHERE i.cart_id = c.id)"
		      " FROM carts c FORCE INDEX (carts_sweep)"
		      " WHERE c.sweep_ms > 0 AND c.sweep_ms <= ");
	sql_add_integer(text, sweep->expired_ms);
	sql_add(text, " ORDER BY c.sweep_ms LIMIT ");
	sql_add_integer(text, SQL_SWEEP_CARTS);
	fault = sweep_run(sweep, sweep_take_pick);
	if (fault == SQL_FAULT_NONE && sweep->count == SQL_SWEEP_CARTS)
		sweep->more = true;
	qsort(sweep->ids, sweep->count, sizeof(sweep->ids[0]), sweep_compare);
	return fault;
}

/* Keeps the ids that are now locked and expired: nothing can change them any more. */
static enum sql_fault sweep_lock_carts(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	sql_statement(text, SQL_LOCK, "SELECT id FROM carts FORCE INDEX (PRIMARY) WHERE id IN (");
	for (size_t i = 0; i < sweep->count; i++) {
		if (i > 0)
			sql_add(text, ",");
		sql_add_id(text, &sweep->ids[i]);
	}
	sql_add(text, ") AND expires_ms > 0 AND expires_ms <= ");
	sql_add_integer(text, sweep->expired_ms);
	sql_add(text, " ORDER BY id FOR UPDATE SKIP LOCKED");
	sweep->count = 0;
	return sweep_run(sweep, sweep_take_id);
}

/* The ids as a table. */
static void sweep_add_table(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++) {
		if (i == 0)
			sql_add(&sweep->text, "(SELECT ");
		else
			sql_add(&sweep->text, " UNION ALL SELECT ");
		sql_add_id(&sweep->text, &sweep->ids[i]);
		if (i == 0)
			sql_add(&sweep->text, " AS id");
	}
	sql_add(&sweep->text, ") o");
}

static void sweep_add_events(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_outbox_begin(text, sweep->now_ms);
	for (size_t i = 0; i < sweep->count; i++) {
		sql_outbox_event(text, CART_EVENT_EXPIRED, &sweep->ids[i]);
		sql_outbox_event_end(text);
	}
	sql_outbox_carts(text);
	for (size_t i = 0; i < sweep->count; i++) {
		if (i > 0)
			sql_add(text, ",");
		sql_add_id(text, &sweep->ids[i]);
	}
	sql_outbox_end_removed(text);
}

/* By a join: for IN (...) a server scans the table when the list is most of it, and waits for rows
 * that are not in the list. */
static enum sql_fault sweep_delete_carts(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	if (sweep->feed)
		sweep_add_events(sweep);
	sql_statement(text, SQL_ITEMS, "DELETE i FROM ");
	sweep_add_table(sweep);
	sql_add(text, " STRAIGHT_JOIN" SQL_LINES " ON i.cart_id = o.id");
	sql_statement(text, SQL_CARTS, "DELETE c FROM ");
	sweep_add_table(sweep);
	sql_add(text, " STRAIGHT_JOIN carts c FORCE INDEX (PRIMARY) ON c.id = o.id");
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return sweep_run(sweep, NULL);
}

static enum sql_fault sweep_carts(struct sweep *sweep)
{
	enum sql_fault fault = sweep_pick(sweep);

	if (fault != SQL_FAULT_NONE || sweep->count == 0)
		return fault;
	fault = sweep_lock_carts(sweep);
	if (fault != SQL_FAULT_NONE)
		return fault;
	return sweep->count > 0 ? sweep_delete_carts(sweep) : sweep_rollback(sweep);
}

static enum sql_fault sweep_lock_keys(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_BEGIN, "START TRANSACTION");
	sql_statement(text, SQL_LOCK,
		      "SELECT scope, key_hash FROM idempotency_keys"
		      " FORCE INDEX (idempotency_keys_stored) WHERE stored_ms <= ");
	sql_add_integer(text, sweep->oldest_ms);
	sql_add(text, " ORDER BY stored_ms LIMIT ");
	sql_add_integer(text, SQL_SWEEP_KEYS);
	sql_add(text, " FOR UPDATE SKIP LOCKED");
	sweep->count = 0;
	return sweep_run(sweep, sweep_take_key);
}

static enum sql_fault sweep_delete_keys(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;

	sql_text_reset(text);
	sql_statement(text, SQL_KEYS, "DELETE k FROM (");
	for (size_t i = 0; i < sweep->count; i++) {
		if (i == 0)
			sql_add(text, "SELECT ");
		else
			sql_add(text, " UNION ALL SELECT ");
		sql_add_hex(text, sweep->keys[i].scope);
		if (i == 0)
			sql_add(text, " AS scope");
		sql_add(text, ",");
		sql_add_hex(text, sweep->keys[i].hash);
		if (i == 0)
			sql_add(text, " AS key_hash");
	}
	sql_add(text, ") o STRAIGHT_JOIN idempotency_keys k FORCE INDEX (PRIMARY)"
		      " ON k.scope = o.scope AND k.key_hash = o.key_hash");
	sql_statement(text, SQL_COMMIT, "COMMIT");
	return sweep_run(sweep, NULL);
}

static enum sql_fault sweep_keys(struct sweep *sweep)
{
	enum sql_fault fault = sweep_lock_keys(sweep);

	if (fault != SQL_FAULT_NONE)
		return fault;
	if (sweep->count == SQL_SWEEP_KEYS)
		sweep->more = true;
	return sweep->count > 0 ? sweep_delete_keys(sweep) : sweep_rollback(sweep);
}

static bool sweep_take_event(struct sweep *sweep, MYSQL_ROW row, const unsigned long *lens)
{
	int64_t at_ms;

	if (!sql_cell_integer(row[1], lens[1], &at_ms))
		return false;
	sweep->kept = sweep->kept || at_ms > sweep->event_ms;
	if (sweep->kept)
		return true;
	sweep->count++;
	return sql_cell_integer(row[0], lens[0], &sweep->event);
}

/* Of the events that are old the newest one stays, for the readers who stand there. */
static enum sql_fault sweep_events(struct sweep *sweep)
{
	struct sql_text *text = &sweep->text;
	enum sql_fault fault;

	sweep->count = 0;
	sweep->kept = false;
	sql_text_reset(text);
	sql_statement(
		text, SQL_SELECT,
		"SELECT seq, at_ms FROM cart_events FORCE INDEX (PRIMARY) ORDER BY seq LIMIT ");
	sql_add_integer(text, SQL_SWEEP_EVENTS + 1);
	fault = sweep_run(sweep, sweep_take_event);
	sweep->more = sweep->count > SQL_SWEEP_EVENTS;
	if (sweep->count > 0)
		sweep->count--;
	if (fault != SQL_FAULT_NONE || sweep->count == 0)
		return fault;
	sql_text_reset(text);
	sql_statement(text, SQL_EVENTS, "DELETE FROM cart_events WHERE seq < ");
	sql_add_integer(text, sweep->event);
	return sweep_run(sweep, NULL);
}

/* Adds to *removed. A bound that was met asks for another step only if this one achieved
 * something: what is left may be locked by others. */
static enum sql_fault sweep_try(struct sweep *sweep,
				enum sql_fault (*transaction)(struct sweep *sweep), size_t *removed,
				bool *more)
{
	enum sql_fault fault = SQL_FAULT_NONE;

	for (int i = 0; i < SWEEP_TRIES; i++) {
		sweep->more = false;
		fault = transaction(sweep);
		if (fault == SQL_FAULT_NONE) {
			*removed += sweep->count;
			*more = *more || (sweep->more && sweep->count > 0);
			return fault;
		}
		if ((fault != SQL_FAULT_DEADLOCK && fault != SQL_FAULT_LOCK) ||
		    i == SWEEP_TRIES - 1 || sweep_rollback(sweep) != SQL_FAULT_NONE)
			break;
	}
	return fault;
}

static int sweep_fail(const struct sweep *sweep, const char *what, struct cart_error *error)
{
	if (sweep->text.buf.failed)
		return cart_error_set(error, "%s: out of memory", what);
	if (mysql_errno(sweep->mysql) == 0)
		return cart_error_set(error, "%s: rows are not what the schema says", what);
	return cart_error_set(error, "%s: %s (error %u)", what, mysql_error(sweep->mysql),
			      mysql_errno(sweep->mysql));
}

int sql_sweep_step(MYSQL *mysql, const struct cart_rules *rules, int64_t now_ms,
		   struct sql_swept *swept, struct cart_error *error)
{
	struct sweep sweep = {
		.mysql = mysql,
		.expired_ms = now_ms - rules->sweep_grace_ms,
		.oldest_ms = now_ms - rules->sweep_grace_ms - rules->idempotency_window_ms,
		.now_ms = now_ms,
		.feed = rules->feed,
		.event_ms = now_ms - rules->feed_retention_ms,
	};
	int result = 0;

	*swept = (struct sql_swept){0};
	if (sweep_try(&sweep, sweep_carts, &swept->carts, &swept->more) != SQL_FAULT_NONE)
		result = sweep_fail(&sweep, "expired carts", error);
	else if (sweep_try(&sweep, sweep_keys, &swept->keys, &swept->more) != SQL_FAULT_NONE)
		result = sweep_fail(&sweep, "old idempotency keys", error);
	else if (rules->feed &&
		 sweep_try(&sweep, sweep_events, &swept->events, &swept->more) != SQL_FAULT_NONE)
		result = sweep_fail(&sweep, "old events", error);
	sql_text_free(&sweep.text);
	return result;
}

struct sql_sweeper {
	struct sql_connector *connector;
	const struct cart_clock *clock;
	struct clock_skew *skew;
	struct cart_rules rules;
	int64_t interval_ms; /* 0: the clocks are compared, and nothing is removed */
	int64_t due_ns;	     /* the next sweep; the thread's */
	bool failing;	     /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock; /* the next three */
	pthread_cond_t wake;
	bool stop;
	int fd; /* of the connection in use; -1: none */
	_Atomic uint64_t carts;
	_Atomic uint64_t keys;
	_Atomic uint64_t events;
};

/* False: the thread is to end. */
static bool sweeper_rest(struct sql_sweeper *sweeper, int64_t ms)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + ms * CLOCK_NS_PER_MS;
	bool go_on;

	pthread_mutex_lock(&sweeper->lock);
	while (!sweeper->stop && thread_condition_wait(&sweeper->wake, &sweeper->lock, until_ns))
		continue;
	go_on = !sweeper->stop;
	pthread_mutex_unlock(&sweeper->lock);
	return go_on;
}

/* The rest until the next round, which comes early while the clocks differ. */
static bool sweeper_rest_or_compare(struct sql_sweeper *sweeper, int64_t rest_ms)
{
	int64_t step_ms;

	do {
		step_ms = rest_ms < SWEEPER_BEYOND_MS ? rest_ms : SWEEPER_BEYOND_MS;
		rest_ms -= step_ms;
		if (!sweeper_rest(sweeper, step_ms))
			return false;
	} while (rest_ms > 0 && !clock_skew_is_beyond(sweeper->skew));
	return true;
}

/* Sets the connection that sql_sweeper_free() cuts; -1: none. False: the thread is to end. */
static bool sweeper_hold(struct sql_sweeper *sweeper, int fd)
{
	bool go_on;

	pthread_mutex_lock(&sweeper->lock);
	sweeper->fd = fd;
	go_on = !sweeper->stop;
	pthread_mutex_unlock(&sweeper->lock);
	return go_on;
}

/* 1: this process has the lock, or the server has no named locks, and then only work is done twice;
 * 0: another process has it. */
static int sweeper_lock(MYSQL *mysql, struct cart_error *error)
{
	MYSQL_RES *rows = NULL;
	MYSQL_ROW row;
	bool taken = false;

	if (mysql_query(mysql, SWEEPER_LOCK) == 0)
		rows = mysql_store_result(mysql);
	if (rows == NULL &&
	    sql_fault_of(mysql_errno(mysql), mysql_sqlstate(mysql)) == SQL_FAULT_LOST)
		return cart_error_set(error, "named lock: %s", mysql_error(mysql));
	row = rows != NULL ? mysql_fetch_row(rows) : NULL;
	taken = row != NULL && row[0] != NULL && strcmp(row[0], "0") == 0;
	mysql_free_result(rows);
	return taken ? 0 : 1;
}

/* The server's clock, which decides for a whole round. */
static int sweeper_clock(MYSQL *mysql, int64_t *now_ms, struct cart_error *error)
{
	MYSQL_RES *rows = NULL;
	MYSQL_ROW row;

	if (mysql_query(mysql, SWEEPER_TIME) == 0)
		rows = mysql_store_result(mysql);
	row = rows != NULL ? mysql_fetch_row(rows) : NULL;
	*now_ms = row != NULL && row[0] != NULL ? strtoll(row[0], NULL, 10) / 1000 : 0;
	mysql_free_result(rows);
	if (*now_ms <= 0)
		return cart_error_set(error, "the server's clock: %s", mysql_error(mysql));
	return 0;
}

static int64_t sweeper_rest_ms(const struct sql_sweeper *sweeper, int64_t began_ns)
{
	int64_t ms = (clock_monotonic_ns(sweeper->clock) - began_ns) / CLOCK_NS_PER_MS;

	if (ms < SWEEPER_REST_MS_MIN)
		return SWEEPER_REST_MS_MIN;
	return ms < SWEEPER_REST_MS_MAX ? ms : SWEEPER_REST_MS_MAX;
}

/* Steps until nothing is left, which removed what *all says. 1: something may be left, and a loop
 * wants the connection. */
static int sweeper_steps(struct sql_sweeper *sweeper, const struct sql_link *link, int64_t now_ms,
			 struct sql_swept *all, struct cart_error *error)
{
	struct sql_swept swept;
	int64_t began_ns;

	do {
		int result;

		if (sql_connector_epoch(sweeper->connector) != link->epoch)
			return 0; /* writes go to another host: the next round sweeps there */
		began_ns = clock_monotonic_ns(sweeper->clock);
		result = sql_sweep_step(link->mysql, &sweeper->rules, now_ms, &swept, error);
		all->carts += swept.carts;
		all->keys += swept.keys;
		all->events += swept.events;
		atomic_fetch_add_explicit(&sweeper->carts, swept.carts, memory_order_relaxed);
		atomic_fetch_add_explicit(&sweeper->keys, swept.keys, memory_order_relaxed);
		atomic_fetch_add_explicit(&sweeper->events, swept.events, memory_order_relaxed);
		if (result != 0)
			return -1;
		if (swept.more && sql_connector_wanted(sweeper->connector))
			return 1;
	} while (swept.more && sweeper_rest(sweeper, sweeper_rest_ms(sweeper, began_ns)));
	return 0;
}

/* If this process has the lock. */
static int sweeper_sweep(struct sql_sweeper *sweeper, const struct sql_link *link,
			 struct cart_error *error)
{
	struct sql_swept all = {0};
	int64_t now_ms;
	int result = sweeper_lock(link->mysql, error);

	if (result <= 0)
		return result;
	result = sweeper_clock(link->mysql, &now_ms, error);
	if (result == 0)
		result = sweeper_steps(sweeper, link, now_ms, &all, error);
	if (all.carts + all.keys > 0)
		log_event(LOG_INFO, "removed expired carts and old idempotency keys",
			  LOG_INT("carts", (int64_t)all.carts), LOG_INT("keys", (int64_t)all.keys));
	if (all.events > 0)
		log_event(LOG_INFO, "removed old events", LOG_INT("rows", (int64_t)all.events));
	/* A server without named locks has nothing to release. */
	if (result >= 0 && mysql_query(link->mysql, SWEEPER_UNLOCK) != 0)
		log_event(LOG_DEBUG, "cannot release the sweeper's lock",
			  LOG_STR("error", mysql_error(link->mysql)));
	return result;
}

static void sweeper_report(struct sql_sweeper *sweeper, const struct sql_link *link)
{
	enum sql_fault fault = sql_fault_of(mysql_errno(link->mysql), mysql_sqlstate(link->mysql));

	if (fault == SQL_FAULT_LOST)
		sql_connector_report(sweeper->connector, link, SQL_REPORT_LOST);
	else if (fault == SQL_FAULT_HOST)
		sql_connector_report(sweeper->connector, link, SQL_REPORT_READ_ONLY);
}

static bool sweeper_is_due(const struct sql_sweeper *sweeper)
{
	return sweeper->interval_ms > 0 &&
	       clock_monotonic_ns(&cart_clock_system) >= sweeper->due_ns;
}

static int sweeper_round(struct sql_sweeper *sweeper, struct cart_error *error)
{
	struct sql_link link;
	int result = 0;

	/* Compares the clocks. */
	if (sql_connect(sweeper->connector, SQL_WRITER, &link, error) != 0)
		return -1;
	if (sweeper_hold(sweeper, (int)mysql_get_socket(link.mysql)) && sweeper_is_due(sweeper) &&
	    !clock_skew_is_beyond(sweeper->skew))
		result = sweeper_sweep(sweeper, &link, error);
	/* A connection that sql_sweeper_free() has cut says nothing about the host. */
	if (sweeper_hold(sweeper, -1) && result < 0)
		sweeper_report(sweeper, &link);
	if (result < 0)
		mysql_close(link.mysql);
	else
		sql_disconnect(sweeper->connector, &link);
	return result;
}

/* The log gets changes of state, not every failure, and not that the database is down twice. */
static void sweeper_note(struct sql_sweeper *sweeper, int result, const struct cart_error *error)
{
	if (result < 0 && sql_connector_down_is_known(sweeper->connector))
		return;
	if (result < 0 && !sweeper->failing)
		log_event(LOG_WARN, "cannot remove expired carts and keys",
			  LOG_STR("error", error->text));
	else if (result >= 0 && sweeper->failing)
		log_message(LOG_INFO, "expired carts and keys are removed again");
	sweeper->failing = result < 0;
}

/* How long to rest after a round. */
static int64_t sweeper_until_next_ms(struct sql_sweeper *sweeper, int result)
{
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system), rest_ms = SWEEPER_CLOCK_MS;

	if (result > 0)
		return SWEEPER_REST_MS_MAX;
	if (result == 0 && sweeper_is_due(sweeper))
		sweeper->due_ns = now_ns + sweeper->interval_ms * CLOCK_NS_PER_MS;
	if (sweeper->interval_ms > 0 && sweeper->due_ns - now_ns < rest_ms * CLOCK_NS_PER_MS)
		rest_ms = (sweeper->due_ns - now_ns) / CLOCK_NS_PER_MS + 1;
	if (result == 0)
		return rest_ms;
	if (sweeper->interval_ms > 0 && sweeper->interval_ms < SWEEPER_RETRY_MS)
		return sweeper->interval_ms;
	return SWEEPER_RETRY_MS;
}

static void *sweeper_main(void *user)
{
	struct sql_sweeper *sweeper = user;
	struct cart_error error;
	int64_t rest_ms = sweeper->interval_ms > 0 ? 0 : SWEEPER_CLOCK_MS;

	mysql_thread_init();
	while (sweeper_rest_or_compare(sweeper, rest_ms)) {
		int result = sweeper_round(sweeper, &error);

		if (!sweeper_rest(sweeper, 0))
			break;
		sweeper_note(sweeper, result, &error);
		rest_ms = sweeper_until_next_ms(sweeper, result);
	}
	mysql_thread_end();
	return NULL;
}

struct sql_sweeper *sql_sweeper_new(struct sql_connector *connector, const struct cart_env *env,
				    int64_t interval_ms, struct cart_error *error)
{
	struct sql_sweeper *sweeper = calloc(1, sizeof(*sweeper));
	int rc;

	if (sweeper == NULL) {
		cart_error_set(error, "out of memory");
		return NULL;
	}
	sweeper->connector = connector;
	sweeper->clock = env->clock;
	sweeper->skew = env->skew;
	sweeper->rules = env->rules;
	sweeper->interval_ms = interval_ms;
	sweeper->fd = -1;
	pthread_mutex_init(&sweeper->lock, NULL);
	thread_condition_init(&sweeper->wake);
	rc = thread_start(&sweeper->thread, sweeper_main, sweeper);
	if (rc == 0)
		return sweeper;
	cart_error_set(error, "cannot start the sweeper's thread: %s", strerror(rc));
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

uint64_t sql_sweeper_events(const struct sql_sweeper *sweeper)
{
	return atomic_load_explicit(&sweeper->events, memory_order_relaxed);
}
