/*
 * The connections of a loop, and nothing of what is done with them. A lane is a place for a
 * connection: it asks the connector for one, is given batches while it has one, and asks for
 * another when the connection breaks, does not answer, or is too old.
 *
 * What is done with a batch is up to struct sql_lane_hooks, given by whoever opens the pool.
 */
#ifndef BACKENDS_MYSQL_LANE_H
#define BACKENDS_MYSQL_LANE_H

#include "backends/mysql/conn.h"
#include "backends/mysql/connector.h"
#include "core/pool.h"

#include <stdatomic.h>

struct sql_lane;
struct sql_pool;

/* Why a connection was closed. */
enum sql_discard {
	SQL_DISCARD_BROKEN, /* an error, or the server closed it */
	SQL_DISCARD_STUCK,  /* no answer within mysql.timeout */
	SQL_DISCARD_AGE,    /* mysql.lifetime */
	SQL_DISCARD_HOST,   /* writes go to another host */
	SQL_DISCARDS
};

/* The backend's series. */
struct sql_series {
	metric_t in_use; /* gauges of connections */
	metric_t idle;
	struct pool_series pool;
	struct metrics_sizes batches[2]; /* reads, writes */
	metric_t statements[SQL_STATEMENTS];
	metric_t retries[SQL_FAULTS];
	metric_t read_modify; /* counter: writes that read their cart first */
	metric_t discards[SQL_DISCARDS];
	metric_t opened;
	metric_t given; /* counter: connections that a loop handed over to another */
	metric_t pings;
};

/* What the pools of all loops share. It outlives them. */
struct sql_setup {
	struct sql_connector *connector;
	struct sql_series series;
	size_t batch_max;   /* ops in a batch */
	size_t queue_max;   /* ops of a loop */
	int64_t delay_ns;   /* see struct cart_env */
	atomic_int *down;   /* by role: pools that have no connection, and the log says so */
	bool several_hosts; /* mysql.host names more than one: a writer may be replaced by another
			     */
	int64_t acquire_ns;
	int64_t timeout_ns;
	int64_t lock_ns; /* a change waits so long for a row that another client has locked */
	int64_t ping_ns;
};

struct sql_lane_hooks {
	/* A batch for an idle lane: it calls sql_lane_send() or sql_lane_idle(). */
	void (*start)(struct sql_lane *lane, struct cart_op **ops, size_t count);
	/* The answer to sql_lane_send(): it sends again, or calls sql_lane_idle(),
	 * sql_lane_rollback() or sql_lane_discard(). */
	void (*done)(struct sql_lane *lane, struct sql_reply *reply);
	/* No answer will come; the connection is closed next. */
	void (*lost)(struct sql_lane *lane);
	/* A connection cannot be had. A pool for writing: every host that answers is read-only; a
	 * pool for reading: it has no connection. */
	void (*refused)(struct sql_pool *pool, const char *why);
};

enum sql_lane_state {
	SQL_LANE_DOWN,	   /* no connection; retry is pending */
	SQL_LANE_ASKING,   /* one was asked for */
	SQL_LANE_IDLE,	   /* the batch may use it */
	SQL_LANE_BUSY,	   /* the hooks have it */
	SQL_LANE_ROLLBACK, /* after an error, before the next batch */
	SQL_LANE_PING
};

struct sql_lane {
	struct sql_pool *pool;
	size_t index;
	enum sql_lane_state state;
	struct sql_link link;
	struct sql_conn conn;
	struct sql_ask ask;
	struct event *retry;
	bool refused; /* changes; its session may refuse them after the host accepts them again */
	int64_t since_ns; /* in this state */
	int64_t held_ns;  /* since when it has its connection */
	struct sql_text text;
	void *task; /* of the hooks */
};

/* Whether the hosts for writing accept writes. */
enum sql_writable {
	SQL_WRITABLE,
	SQL_WRITABLE_UNKNOWN, /* a host refused a write; another is being looked for */
	SQL_WRITABLE_NOT      /* every host that answers is read-only */
};

/* Connections of a loop to the writer, or to readers. */
struct sql_pool {
	const struct sql_setup *setup;
	const struct sql_lane_hooks *hooks;
	void *user; /* of the hooks */
	enum sql_role role;
	const struct cart_clock *clock;
	struct event_base *base;
	struct metrics_shard *shard;
	struct sql_mailbox *mailbox;
	struct pool pool;
	struct sql_lane *lanes;
	size_t lane_count;
	size_t up;	    /* lanes with a connection ... */
	size_t idle;	    /* ... that is idle */
	bool full;	    /* the host had no room for another connection, or the last was given */
	bool wanting;	    /* an ask that is wanted is open */
	struct event *turn; /* the turn of a lane that another loop waits for is over */
	bool logged_down;   /* it has lost its connections; counted in setup->down */
	int64_t next_refusal_log_ns;
	int64_t refused_since_ns, refused_ns; /* the first and the last of refusals without a
						 success between them; 0: none */
	enum sql_writable writable;
	struct sql_ask seek; /* for a host that accepts writes */
	struct event *seek_retry;
};

/*
 * Makes the lanes of a pool whose members up to pool are set, and asks for their connections. -1:
 * no memory.
 */
CART_MUST_CHECK int sql_pool_open(struct sql_pool *pool, size_t lanes);
/* Its mailbox is freed before, so that no ask is open. Frees everything but pool. */
void sql_pool_close(struct sql_pool *pool);
/* Several times a second: closes connections that do not answer or are old, pings idle ones. */
void sql_pool_tick(struct sql_pool *pool, int64_t now_ns);
/*
 * The lane's host has refused a write because it is read-only. Connections stay, for reads, until
 * another host accepts writes; meanwhile pool->writable says no.
 */
void sql_pool_read_only(struct sql_lane *lane);

/* After an op was queued: if the pool has no connection because the host is full, it waits for one
 * of another loop. */
void sql_pool_want(struct sql_pool *pool);

/*
 * The database has refused something. For so long what it refuses is tried again, since that may be
 * a blip; 0: it has refused everything for longer, so trying again is useless.
 */
int64_t sql_pool_blip_ns(struct sql_pool *pool);
/* The database has done what was asked. */
void sql_pool_accepted(struct sql_pool *pool);

/* For batch_config.start; user is the pool. */
void sql_pool_start(void *user, size_t index, struct cart_op **ops, size_t count);

/* Logs, now and then, that the lane's host refused a statement for which ops were refused. */
void sql_lane_log_refusal(struct sql_lane *lane, const struct sql_reply *reply);

/* Sends lane->text. */
void sql_lane_send(struct sql_lane *lane);
/* The lane has nothing to do: it is given the next batch, or its connection is replaced. */
void sql_lane_idle(struct sql_lane *lane);
/* Ends the lane's transaction, then as sql_lane_idle(). */
void sql_lane_rollback(struct sql_lane *lane);
/* Closes the connection and asks for another; the hooks' task has no ops any more. */
void sql_lane_discard(struct sql_lane *lane, enum sql_discard why);

#endif
