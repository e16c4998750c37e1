/*
 * The happy path: a lane asks the connector, gets a connection and is given batches; when it has
 * been idle for long it pings. Failures: the connection breaks or does not answer (the hooks
 * release the ops, it is closed in another thread, another is asked for; where it did not answer,
 * those that are idle are pinged before they are used again); it is old, or writes go
 * to another host (the same, as soon as it is idle); no connection can be had (asked for again when
 * the connector says so, a second later at most).
 *
 * While the host has no room for more connections, loops share those that are open: a pool that has
 * none and ops that wait wants one, and every pool hands one over as soon as a lane is idle and it
 * has others, has no ops, or has had this one for LANE_TURN_NS. So a loop that is always busy works
 * in turns, each of one batch at least, and no loop waits for longer than the turns of the others.
 *
 * A host that stops accepting writes still answers reads, so its connections stay. The pool asks
 * for a connection that accepts writes once for all lanes; when it gets one, every host is asked
 * anew by the lanes whose connections are of an older epoch.
 */
#include "backends/mysql/lane.h"

#include "core/base/log.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define LANE_RETRY_NS	  (20 * CLOCK_NS_PER_MS)
#define LANE_RETRY_MAX_NS CLOCK_NS_PER_S
#define LANE_REFUSAL_NS	  (10 * CLOCK_NS_PER_S)
#define LANE_TURN_NS	  (5 * CLOCK_NS_PER_MS)

static int64_t pool_now_ns(const struct sql_pool *pool)
{
	return clock_monotonic_ns(pool->clock);
}

/* The only place that changes a lane's state: it counts the connections. */
static void lane_set(struct sql_lane *lane, enum sql_lane_state state)
{
	struct sql_pool *pool = lane->pool;
	const struct sql_series *series = &pool->setup->series;
	bool was_up = lane->state > SQL_LANE_ASKING, is_up = state > SQL_LANE_ASKING;
	bool was_idle = lane->state == SQL_LANE_IDLE, is_idle = state == SQL_LANE_IDLE;

	metrics_add(pool->shard, series->idle, is_idle - was_idle);
	metrics_add(pool->shard, series->in_use, (is_up && !is_idle) - (was_up && !was_idle));
	pool->up += (size_t)is_up;
	pool->up -= (size_t)was_up;
	pool->idle += (size_t)is_idle;
	pool->idle -= (size_t)was_idle;
	if (pool->role == SQL_WRITER && pool->mailbox != NULL && was_idle != is_idle)
		sql_mailbox_spare(pool->mailbox, pool->idle);
	lane->state = state;
	lane->since_ns = pool_now_ns(pool);
}

static void lane_ask(struct sql_lane *lane)
{
	struct sql_pool *pool = lane->pool;

	lane_set(lane, SQL_LANE_ASKING);
	lane->ask.wanted = pool->role == SQL_WRITER && pool->up == 0 && !pool->wanting &&
			   batch_queued(pool->pool.batch) > 0;
	pool->wanting = pool->wanting || lane->ask.wanted;
	sql_connector_ask(pool->mailbox, &lane->ask);
}

void sql_pool_want(struct sql_pool *pool)
{
	if (pool->role != SQL_WRITER || !pool->full || pool->up > 0 || pool->wanting ||
	    batch_queued(pool->pool.batch) == 0)
		return;
	for (size_t i = 0; i < pool->lane_count; i++) {
		if (pool->lanes[i].state != SQL_LANE_DOWN)
			continue;
		event_del(pool->lanes[i].retry);
		lane_ask(&pool->lanes[i]);
		return;
	}
}

static void lane_retry(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	lane_ask(user);
}

/* Asks again when the connector says that asking is useful. */
static void pool_retry(const struct sql_pool *pool, struct event *retry, const struct sql_ask *ask)
{
	int64_t ns = ask->retry_ns - pool_now_ns(pool);
	struct timeval delay;

	if (ns < LANE_RETRY_NS)
		ns = LANE_RETRY_NS;
	if (ns > LANE_RETRY_MAX_NS)
		ns = LANE_RETRY_MAX_NS;
	delay = (struct timeval){.tv_sec = ns / CLOCK_NS_PER_S,
				 .tv_usec = ns % CLOCK_NS_PER_S / 1000};
	event_add(retry, &delay);
}

static void pool_log_up(struct sql_pool *pool)
{
	char version[64];

	if (!pool->logged_down)
		return;
	pool->logged_down = false;
	if (atomic_fetch_sub(&pool->setup->down[pool->role], 1) > 1)
		return;
	sql_connector_version(pool->setup->connector, version, sizeof(version));
	log_event(LOG_INFO, "connected to the database again", LOG_STR("version", version));
}

static void pool_log_down(struct sql_pool *pool, const char *why)
{
	if (pool->up > 0 || pool->logged_down || sql_connector_is_starting(pool->setup->connector))
		return;
	pool->logged_down = true;
	if (atomic_fetch_add(&pool->setup->down[pool->role], 1) > 0)
		return;
	log_event(LOG_ERROR, "no connection to the database",
		  LOG_STR("role", pool->role == SQL_WRITER ? "writer" : "reader"),
		  LOG_STR("reason", why));
}

static void lane_refused(struct sql_lane *lane)
{
	struct sql_pool *pool = lane->pool;

	lane_set(lane, SQL_LANE_DOWN);
	pool->full = lane->ask.full;
	/* Of a writer that is full the connector has told; other loops may have connections. */
	if (!pool->full || pool->role == SQL_READER)
		pool_log_down(pool, lane->ask.error.text);
	if (pool->role == SQL_READER && pool->up == 0)
		pool->hooks->refused(pool, lane->ask.error.text);
	pool_retry(pool, lane->retry, &lane->ask);
	sql_pool_want(pool);
}

static void lane_done(void *user, struct sql_reply *reply)
{
	struct sql_lane *lane = user;

	if (lane->state == SQL_LANE_BUSY)
		lane->pool->hooks->done(lane, reply);
	else if (reply->error != 0)
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	else
		sql_lane_idle(lane);
}

static void lane_gone(void *user)
{
	sql_lane_discard(user, SQL_DISCARD_BROKEN);
}

static void lane_asked(struct sql_ask *ask)
{
	struct sql_lane *lane = ask->user;
	struct sql_pool *pool = lane->pool;
	const struct sql_series *series = &pool->setup->series;

	if (ask->wanted)
		pool->wanting = false;
	if (ask->link.mysql != NULL && sql_conn_open(&lane->conn, pool->base, ask->link.mysql,
						     lane_done, lane_gone, lane) != 0) {
		sql_connector_close(pool->setup->connector, ask->link.mysql);
		ask->link.mysql = NULL;
		cart_error_set(&ask->error, "no memory for the connection's events");
	}
	if (ask->link.mysql == NULL) {
		lane_refused(lane);
		return;
	}
	lane->link = ask->link;
	lane->text.values = mariadb_connection(lane->link.mysql);
	lane->text.nowait = !lane->text.values; /* see session.c */
	lane->refused = false;
	lane->held_ns = pool_now_ns(pool);
	pool_log_up(pool);
	metrics_add(pool->shard, ask->given ? series->given : series->opened, 1);
	lane_set(lane, SQL_LANE_BUSY); /* so that it counts as up before it is idle */
	sql_lane_idle(lane);
}

static bool lane_is_old(const struct sql_lane *lane, enum sql_discard *why)
{
	const struct sql_pool *pool = lane->pool;

	*why = SQL_DISCARD_HOST;
	if (pool->role == SQL_WRITER &&
	    ((lane->refused && pool->writable == SQL_WRITABLE) ||
	     lane->link.epoch != sql_connector_epoch(pool->setup->connector)))
		return true;
	*why = SQL_DISCARD_AGE;
	/* While no host accepts writes, no other connection could be had. */
	return pool->writable == SQL_WRITABLE && pool_now_ns(pool) >= lane->link.retire_ns;
}

/* True: another loop has the lane's idle connection now. */
static bool lane_give(struct sql_lane *lane)
{
	struct sql_pool *pool = lane->pool;
	bool waits = batch_queued(pool->pool.batch) > 0;

	if (pool->up == 1 && waits && pool_now_ns(pool) - lane->held_ns < LANE_TURN_NS)
		return false;
	sql_conn_watch(&lane->conn, false);
	if (!sql_connector_give(pool->setup->connector, &lane->link)) {
		sql_conn_watch(&lane->conn, true);
		return false;
	}
	(void)sql_conn_release(&lane->conn);
	if (lane->state == SQL_LANE_IDLE)
		batch_lane_lost(pool->pool.batch, lane->index);
	lane_set(lane, SQL_LANE_DOWN);
	batch_lane_over(pool->pool.batch, lane->index);
	pool->full = true;
	lane->ask.retry_ns = INT64_MAX;
	pool_retry(pool, lane->retry, &lane->ask);
	sql_pool_want(pool);
	return true;
}

static bool pool_is_asked(const struct sql_pool *pool)
{
	return pool->role == SQL_WRITER && sql_connector_wanted(pool->setup->connector);
}

/* Hands idle connections over to those who want one. */
static void pool_give(void *user)
{
	static const struct timeval turn = {.tv_usec = LANE_TURN_NS / 1000};
	struct sql_pool *pool = user;

	for (size_t i = 0; i < pool->lane_count && pool_is_asked(pool); i++)
		if (pool->lanes[i].state == SQL_LANE_IDLE)
			(void)lane_give(&pool->lanes[i]);
	if (pool->idle > 0 && pool_is_asked(pool))
		event_add(pool->turn, &turn);
}

static void pool_turn(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	pool_give(user);
}

void sql_lane_idle(struct sql_lane *lane)
{
	struct sql_pool *pool = lane->pool;
	enum sql_discard why;

	assert(lane->state > SQL_LANE_IDLE);
	if (lane_is_old(lane, &why)) {
		sql_lane_discard(lane, why);
		return;
	}
	if (pool_is_asked(pool) && lane_give(lane))
		return;
	lane_set(lane, SQL_LANE_IDLE);
	sql_text_trim(&lane->text);
	batch_lane_free(pool->pool.batch, lane->index);
	/* Wanted since: see sql_mailbox_spare(). */
	if (pool_is_asked(pool))
		pool_give(pool);
}

void sql_lane_discard(struct sql_lane *lane, enum sql_discard why)
{
	struct sql_pool *pool = lane->pool;
	struct sql_connector *connector = pool->setup->connector;

	if (lane->state == SQL_LANE_IDLE)
		batch_lane_lost(pool->pool.batch, lane->index);
	batch_lane_over(pool->pool.batch, lane->index);
	metrics_add(pool->shard, pool->setup->series.discards[why], 1);
	if (why == SQL_DISCARD_BROKEN || why == SQL_DISCARD_STUCK)
		sql_connector_report(connector, &lane->link, SQL_REPORT_LOST);
	sql_connector_close(connector, sql_conn_release(&lane->conn));
	lane_ask(lane);
}

void sql_lane_log_refusal(struct sql_lane *lane, const struct sql_reply *reply)
{
	struct sql_pool *pool = lane->pool;
	int64_t now_ns = pool_now_ns(pool);
	char host[SQL_HOST_TEXT];

	if (now_ns < pool->next_refusal_log_ns)
		return;
	pool->next_refusal_log_ns = now_ns + LANE_REFUSAL_NS;
	sql_connector_host(pool->setup->connector, &lane->link, host);
	log_event(LOG_ERROR, "the database refuses a statement: its requests are answered 503",
		  LOG_STR("host", host), LOG_STR("reason", reply->text),
		  LOG_INT("error", reply->error));
}

static void lane_send(struct sql_lane *lane, enum sql_lane_state state)
{
	struct sql_pool *pool = lane->pool;

	lane_set(lane, state);
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		if (lane->text.kinds[i] > 0)
			metrics_add(pool->shard, pool->setup->series.statements[i],
				    lane->text.kinds[i]);
	sql_conn_query(&lane->conn, &lane->text);
}

void sql_lane_send(struct sql_lane *lane)
{
	lane_send(lane, SQL_LANE_BUSY);
}

void sql_lane_rollback(struct sql_lane *lane)
{
	sql_text_reset(&lane->text);
	sql_statement(&lane->text, SQL_ROLLBACK, "ROLLBACK");
	if (lane->text.buf.failed)
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	else
		lane_send(lane, SQL_LANE_ROLLBACK);
}

void sql_pool_start(void *user, size_t index, struct cart_op **ops, size_t count)
{
	struct sql_pool *pool = user;
	struct sql_lane *lane = &pool->lanes[index];

	lane_set(lane, SQL_LANE_BUSY);
	pool->hooks->start(lane, ops, count);
}

static void lane_ping(struct sql_lane *lane)
{
	struct sql_pool *pool = lane->pool;

	batch_lane_lost(pool->pool.batch, lane->index);
	lane_set(lane, SQL_LANE_PING);
	metrics_add(pool->shard, pool->setup->series.pings, 1);
	sql_conn_ping(&lane->conn);
}

/* A reader is given less time: the writer can answer in its place. */
static int64_t pool_timeout_ns(const struct sql_pool *pool)
{
	const struct sql_setup *setup = pool->setup;

	if (pool->role == SQL_READER && setup->acquire_ns < setup->timeout_ns)
		return setup->acquire_ns;
	return setup->timeout_ns;
}

/* A connection has fallen silent, and so may those have that were idle meanwhile: none is given a
 * batch before it has answered. */
static void pool_ping_idle(struct sql_pool *pool)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		if (pool->lanes[i].state == SQL_LANE_IDLE)
			lane_ping(&pool->lanes[i]);
}

static void lane_tick(struct sql_lane *lane, int64_t now_ns)
{
	const struct sql_setup *setup = lane->pool->setup;
	enum sql_discard why;

	if (lane->state <= SQL_LANE_ASKING)
		return;
	if (lane->state != SQL_LANE_IDLE) {
		if (now_ns - lane->since_ns < pool_timeout_ns(lane->pool))
			return;
		if (lane->state == SQL_LANE_BUSY)
			lane->pool->hooks->lost(lane);
		sql_lane_discard(lane, SQL_DISCARD_STUCK);
		pool_ping_idle(lane->pool);
	} else if (lane_is_old(lane, &why)) {
		sql_lane_discard(lane, why);
	} else if (setup->ping_ns > 0 && now_ns - lane->since_ns >= setup->ping_ns) {
		lane_ping(lane);
	}
}

void sql_pool_tick(struct sql_pool *pool, int64_t now_ns)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		lane_tick(&pool->lanes[i], now_ns);
	sql_pool_want(pool);
	pool_give(pool);
}

static void pool_seek(evutil_socket_t fd, short what, void *user)
{
	struct sql_pool *pool = user;

	(void)fd;
	(void)what;
	sql_connector_ask(pool->mailbox, &pool->seek);
}

int64_t sql_pool_blip_ns(struct sql_pool *pool)
{
	/* Less than a change waits for a host. */
	int64_t blip_ns = pool->setup->acquire_ns / 4 * 3, now_ns = pool_now_ns(pool);

	if (pool->refused_ns == 0 || now_ns - pool->refused_ns >= blip_ns)
		pool->refused_since_ns = now_ns;
	pool->refused_ns = now_ns;
	return now_ns - pool->refused_since_ns < blip_ns ? blip_ns : 0;
}

void sql_pool_accepted(struct sql_pool *pool)
{
	pool->refused_ns = 0;
}

/* Writes are accepted again. Lanes that are busy with an older host are replaced when idle. */
static void pool_writable(struct sql_pool *pool)
{
	enum sql_discard why;

	pool->writable = SQL_WRITABLE;
	sql_pool_accepted(pool);
	for (size_t i = 0; i < pool->lane_count; i++)
		if (pool->lanes[i].state == SQL_LANE_IDLE && lane_is_old(&pool->lanes[i], &why))
			sql_lane_discard(&pool->lanes[i], why);
	batch_pause_writes(pool->pool.batch, false);
}

static void pool_sought(struct sql_ask *ask)
{
	struct sql_pool *pool = ask->user;

	if (ask->link.mysql != NULL) {
		sql_connector_close(pool->setup->connector, ask->link.mysql);
		pool_writable(pool);
		return;
	}
	if (ask->read_only && sql_pool_blip_ns(pool) == 0)
		pool->writable = SQL_WRITABLE_NOT;
	pool_retry(pool, pool->seek_retry, ask);
	if (pool->writable == SQL_WRITABLE_NOT)
		pool->hooks->refused(pool, ask->error.text);
}

void sql_pool_read_only(struct sql_lane *lane)
{
	struct sql_pool *pool = lane->pool;

	lane->refused = true;
	sql_connector_report(pool->setup->connector, &lane->link, SQL_REPORT_READ_ONLY);
	if (pool->role != SQL_WRITER || pool->writable != SQL_WRITABLE)
		return;
	pool->writable = SQL_WRITABLE_UNKNOWN;
	batch_pause_writes(pool->pool.batch, true);
	pool_seek(-1, 0, pool);
}

int sql_pool_open(struct sql_pool *pool, size_t lanes)
{
	pool->seek = (struct sql_ask){.role = pool->role, .done = pool_sought, .user = pool};
	pool->seek_retry = evtimer_new(pool->base, pool_seek, pool);
	pool->turn = evtimer_new(pool->base, pool_turn, pool);
	pool->lanes = calloc(lanes, sizeof(*pool->lanes));
	if (pool->seek_retry == NULL || pool->turn == NULL || pool->lanes == NULL)
		return -1;
	if (pool->role == SQL_WRITER)
		sql_mailbox_lend(pool->mailbox, pool_give, pool);
	for (size_t i = 0; i < lanes; i++) {
		struct sql_lane *lane = &pool->lanes[i];

		lane->pool = pool;
		lane->index = i;
		lane->text.check_writer = pool->role == SQL_WRITER && pool->setup->several_hosts;
		lane->ask = (struct sql_ask){.role = pool->role, .done = lane_asked, .user = lane};
		lane->retry = evtimer_new(pool->base, lane_retry, lane);
		if (lane->retry == NULL)
			return -1;
		pool->lane_count++;
	}
	for (size_t i = 0; i < lanes; i++)
		lane_ask(&pool->lanes[i]);
	return 0;
}

static void lane_close(struct sql_lane *lane)
{
	if (lane->state > SQL_LANE_ASKING) {
		sql_connector_close(lane->pool->setup->connector, sql_conn_release(&lane->conn));
		lane_set(lane, SQL_LANE_DOWN);
	}
	event_free(lane->retry);
	sql_text_free(&lane->text);
}

void sql_pool_close(struct sql_pool *pool)
{
	pool->mailbox = NULL;
	for (size_t i = 0; i < pool->lane_count; i++)
		lane_close(&pool->lanes[i]);
	if (pool->seek_retry != NULL)
		event_free(pool->seek_retry);
	if (pool->turn != NULL)
		event_free(pool->turn);
	free(pool->lanes);
	pool->lanes = NULL;
	pool->lane_count = 0;
}
