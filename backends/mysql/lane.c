/*
 * A lane is a place for a connection. The happy path: it asks the connector, gets a connection, and
 * is handed batches; when it has been idle for long it pings. The ways out: the connection breaks
 * or sticks (its ops are seen to, it is closed elsewhere, another is asked for); it is old, or
 * another host has become the writer (the same, as soon as it is idle); no connection can be had
 * (asked for again when the connector says so, at most a second later). When no host accepts
 * writes, the one that did last may still answer reads: a connection to it is kept for a second at
 * a time.
 */
#include "backends/mysql/store.h"
#include "core/base/log.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define LANE_RETRY_NS	  (20 * CLOCK_NS_PER_MS)
#define LANE_RETRY_MAX_NS CLOCK_NS_PER_S
#define LANE_FORMER_NS	  CLOCK_NS_PER_S

void sql_lane_set(struct sql_lane *lane, enum sql_lane_state state)
{
	struct sql_store *store = lane->pool->store;
	const struct sql_series *series = &store->db->series;
	bool was_up = lane->state > SQL_LANE_ASKING, is_up = state > SQL_LANE_ASKING;
	bool was_idle = lane->state == SQL_LANE_IDLE, is_idle = state == SQL_LANE_IDLE;

	metrics_add(store->shard, series->idle, is_idle - was_idle);
	metrics_add(store->shard, series->in_use, (is_up && !is_idle) - (was_up && !was_idle));
	lane->pool->up += (size_t)is_up;
	lane->pool->up -= (size_t)was_up;
	lane->state = state;
	lane->since_ns = cart_store_now_ns(&store->store);
}

static void lane_ask(struct sql_lane *lane)
{
	sql_lane_set(lane, SQL_LANE_ASKING);
	lane->ask.role = lane->pool->role;
	sql_connector_ask(lane->pool->store->mailbox, &lane->ask);
}

static void lane_retry(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	lane_ask(user);
}

static void lane_conn_done(void *user, struct sql_reply *reply)
{
	struct sql_lane *lane = user;

	if (lane->state != SQL_LANE_PING)
		sql_work_done(lane, reply);
	else if (reply->error != 0)
		sql_lane_discard(lane, SQL_DISCARD_BROKEN);
	else
		sql_lane_idle(lane);
}

static void lane_conn_gone(void *user)
{
	sql_lane_discard(user, SQL_DISCARD_BROKEN);
}

/* The first of a pool, and that there is none, is worth a line. */
static void lane_say_up(struct sql_lane *lane)
{
	char version[64];

	if (!lane->pool->said_down)
		return;
	lane->pool->said_down = false;
	sql_connector_version(lane->pool->store->db->connector, version, sizeof(version));
	log_event(LOG_INFO, "connected to the database again", LOG_STR("version", version));
}

static void lane_say_down(struct sql_lane *lane, const char *why)
{
	if (lane->pool->up > 0 || lane->pool->said_down)
		return;
	lane->pool->said_down = true;
	log_event(LOG_ERROR, "no connection to the database",
		  LOG_STR("role", lane->pool->role == SQL_WRITER ? "writer" : "reader"),
		  LOG_STR("reason", why));
}

/* Until the connector says that asking is of use again. */
static void lane_put_off(struct sql_lane *lane)
{
	int64_t ns = lane->ask_again_ns - cart_store_now_ns(&lane->pool->store->store);
	struct timeval delay;

	if (ns < LANE_RETRY_NS)
		ns = LANE_RETRY_NS;
	if (ns > LANE_RETRY_MAX_NS)
		ns = LANE_RETRY_MAX_NS;
	delay = (struct timeval){.tv_sec = ns / CLOCK_NS_PER_S,
				 .tv_usec = ns % CLOCK_NS_PER_S / 1000};
	sql_lane_set(lane, SQL_LANE_DOWN);
	event_add(lane->retry, &delay);
}

static bool pool_has_writer(const struct sql_pool *pool)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		if (pool->lanes[i].state > SQL_LANE_ASKING &&
		    pool->lanes[i].link.role == SQL_WRITER)
			return true;
	return false;
}

/* There is no connection of that role. While others can write, this lane must not take writes that
 * it could only refuse. */
static void lane_not_asked(struct sql_lane *lane)
{
	struct sql_ask *ask = &lane->ask;

	if (ask->role != SQL_FORMER) {
		lane->ask_again_ns = ask->retry_ns;
		lane_say_down(lane, ask->error.text);
	}
	if (ask->role == SQL_WRITER && ask->read_only && !pool_has_writer(lane->pool)) {
		ask->role = SQL_FORMER;
		sql_connector_ask(lane->pool->store->mailbox, ask);
		return;
	}
	if (ask->role == SQL_READER && lane->pool->up == 0)
		sql_work_leave_readers(lane->pool);
	lane_put_off(lane);
}

/* Writes are accepted again. Lanes that are busy are replaced when they are idle. */
static void pool_end_former(struct sql_pool *pool)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		if (pool->lanes[i].state == SQL_LANE_IDLE && pool->lanes[i].link.role == SQL_FORMER)
			sql_lane_discard(&pool->lanes[i], SQL_DISCARD_HOST);
}

static void lane_asked(struct sql_ask *ask)
{
	struct sql_lane *lane = ask->user;
	struct sql_store *store = lane->pool->store;

	if (ask->link.mysql != NULL && sql_conn_open(&lane->conn, store->base, ask->link.mysql,
						     lane_conn_done, lane_conn_gone, lane) != 0) {
		sql_connector_close(store->db->connector, ask->link.mysql);
		ask->link.mysql = NULL;
		cart_error_set(&ask->error, "no events for the connection");
	}
	if (ask->link.mysql == NULL) {
		lane_not_asked(lane);
		return;
	}
	lane->link = ask->link;
	if (lane->link.role == SQL_FORMER)
		lane->link.retire_ns = cart_store_now_ns(&store->store) + LANE_FORMER_NS;
	else
		lane_say_up(lane);
	metrics_add(store->shard, store->db->series.opened, 1);
	sql_lane_set(lane, SQL_LANE_PING); /* for the accounts: up, not yet idle */
	sql_lane_idle(lane);
	if (ask->link.role == SQL_WRITER)
		pool_end_former(lane->pool);
}

static bool lane_is_old(const struct sql_lane *lane, int64_t now_ns, enum sql_discard *why)
{
	const struct sql_db *db = lane->pool->store->db;

	*why = SQL_DISCARD_AGE;
	if (now_ns >= lane->link.retire_ns)
		return true;
	*why = SQL_DISCARD_HOST;
	if (lane->link.role == SQL_FORMER)
		return pool_has_writer(lane->pool);
	return lane->link.role == SQL_WRITER &&
	       lane->link.epoch != sql_connector_epoch(db->connector);
}

void sql_lane_idle(struct sql_lane *lane)
{
	int64_t now_ns = cart_store_now_ns(&lane->pool->store->store);
	enum sql_discard why;

	assert(lane->state > SQL_LANE_IDLE);
	if (lane_is_old(lane, now_ns, &why)) {
		sql_lane_discard(lane, why);
		return;
	}
	sql_lane_set(lane, SQL_LANE_IDLE);
	batch_lane_free(lane->pool->pool.batch, lane->index);
}

void sql_lane_discard(struct sql_lane *lane, enum sql_discard why)
{
	struct sql_store *store = lane->pool->store;

	if (lane->state == SQL_LANE_IDLE)
		batch_lane_lost(lane->pool->pool.batch, lane->index);
	batch_lane_over(lane->pool->pool.batch, lane->index);
	metrics_add(store->shard, store->db->series.discards[why], 1);
	if (why == SQL_DISCARD_BROKEN || why == SQL_DISCARD_STUCK)
		sql_connector_report(store->db->connector, &lane->link, SQL_REPORT_LOST);
	sql_connector_close(store->db->connector, sql_conn_release(&lane->conn));
	lane_ask(lane);
}

void sql_lane_send(struct sql_lane *lane, enum sql_lane_state state)
{
	struct sql_store *store = lane->pool->store;

	sql_lane_set(lane, state);
	for (size_t i = 0; i < SQL_STATEMENTS; i++)
		if (lane->text.kinds[i] > 0)
			metrics_add(store->shard, store->db->series.statements[i],
				    lane->text.kinds[i]);
	sql_conn_query(&lane->conn, &lane->text);
}

static void lane_ping(struct sql_lane *lane)
{
	struct sql_store *store = lane->pool->store;

	batch_lane_lost(lane->pool->pool.batch, lane->index);
	sql_lane_set(lane, SQL_LANE_PING);
	metrics_add(store->shard, store->db->series.pings, 1);
	sql_conn_ping(&lane->conn);
}

/* A reader is given up early: the writer can do the same. */
static int64_t lane_patience_ns(const struct sql_lane *lane)
{
	const struct sql_db *db = lane->pool->store->db;

	if (lane->pool->role == SQL_READER && db->acquire_ns < db->timeout_ns)
		return db->acquire_ns;
	return db->timeout_ns;
}

static void lane_tick(struct sql_lane *lane, int64_t now_ns)
{
	const struct sql_db *db = lane->pool->store->db;
	enum sql_discard why;

	if (lane->state <= SQL_LANE_ASKING)
		return;
	if (lane->state != SQL_LANE_IDLE) {
		if (now_ns - lane->since_ns < lane_patience_ns(lane))
			return;
		sql_work_lost(lane);
		sql_lane_discard(lane, SQL_DISCARD_STUCK);
	} else if (lane_is_old(lane, now_ns, &why)) {
		sql_lane_discard(lane, why);
	} else if (db->ping_ns > 0 && now_ns - lane->since_ns >= db->ping_ns) {
		lane_ping(lane);
	}
}

/* Its connection broke: until the deadline it may find out what became of it. */
static bool pool_waits_on(const struct cart_op *op)
{
	return (sql_op_notes(op) & SQL_OP_DOUBT) != 0;
}

/* What is stuck, old, or long idle. */
static void pool_look_after(void *user, int64_t now_ns)
{
	struct sql_pool *pool = user;

	for (size_t i = 0; i < pool->lane_count; i++)
		lane_tick(&pool->lanes[i], now_ns);
}

static int lane_open(struct sql_lane *lane, struct sql_pool *pool, size_t index)
{
	size_t batch_max = pool->store->db->batch_max;

	lane->pool = pool;
	lane->index = index;
	lane->ask.done = lane_asked;
	lane->ask.user = lane;
	lane->retry = evtimer_new(pool->store->base, lane_retry, lane);
	lane->ops = calloc(batch_max, sizeof(struct cart_op *));
	lane->ids = calloc(batch_max, sizeof(*lane->ids));
	lane->writes = calloc(batch_max, sizeof(*lane->writes));
	return lane->retry != NULL && lane->ops != NULL && lane->ids != NULL && lane->writes != NULL
		       ? 0
		       : -1;
}

int sql_pool_open(struct sql_pool *pool, struct sql_store *store, enum sql_role role, size_t lanes)
{
	const struct pool_config config = {
		.batch = {.lanes = lanes,
			  .ops_max = store->db->batch_max,
			  .queue_max = store->db->queue_max,
			  .classes = SQL_CLASSES,
			  /* Writes that wait for rows never occupy every lane. */
			  .lanes_of = {[SQL_CLASS_WRITE] = lanes > 1 ? lanes - 1 : 1},
			  .patient = {[SQL_CLASS_WRITE] = true, [SQL_CLASS_GET] = true},
			  .one_write_a_cart = true,
			  .start = sql_work_start,
			  .user = pool,
			  .clock = store->db->db.env.clock},
		.shard = store->shard,
		.series = &store->db->series.pool,
		.wait_max_ns = store->db->acquire_ns,
		.wait_setting = "mysql.acquire_timeout",
		.waits_on = pool_waits_on,
		.complete = sql_op_complete,
		.look_after = pool_look_after,
	};

	pool->store = store;
	pool->role = role;
	pool->lanes = calloc(lanes, sizeof(*pool->lanes));
	if (pool->lanes == NULL)
		return -1;
	pool->lane_count = lanes;
	for (size_t i = 0; i < lanes; i++)
		if (lane_open(&pool->lanes[i], pool, i) != 0)
			return -1;
	return pool_open(&pool->pool, store->base, &config);
}

static void lane_close(struct sql_lane *lane)
{
	if (lane->state > SQL_LANE_ASKING) {
		sql_connector_close(lane->pool->store->db->connector,
				    sql_conn_release(&lane->conn));
		sql_lane_set(lane, SQL_LANE_DOWN);
	}
	if (lane->retry != NULL)
		event_free(lane->retry);
	sql_text_free(&lane->text);
	free(lane->ops);
	free(lane->ids);
	free(lane->writes);
}

void sql_pool_close(struct sql_pool *pool)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		lane_close(&pool->lanes[i]);
	pool_close(&pool->pool);
	free(pool->lanes);
	pool->lanes = NULL;
	pool->lane_count = 0;
}

void sql_pool_begin(struct sql_pool *pool)
{
	for (size_t i = 0; i < pool->lane_count; i++)
		lane_ask(&pool->lanes[i]);
}
