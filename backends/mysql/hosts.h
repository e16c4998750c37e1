/*
 * The choice of the host for a connection: the list of one role, with a circuit breaker for each
 * host. It uses no sockets and no clock, one thread at a time calls it, and it decides two things:
 * whether a host may be tried now, and, for writing, which host is the writer.
 *
 * A host is healthy after one successful connection; then any number of connections may be made at
 * once. A host that is not healthy (at the start, after a failure, after a broken connection) is
 * tried by one thread at a time, and the others wait for its outcome: a host that never answers
 * occupies one thread, not all. After a failure it is not tried for a while, from 100 ms doubling
 * to 250 ms, so that changes that wait for it hear of its return within mysql.acquire_timeout, less
 * a random part of up to a half so that processes do not retry in step. When an attempt takes
 * longer than SQL_TRY_SLOW_MS, the others stop waiting for it: it continues and may still succeed,
 * but counts as failed until then.
 */
#ifndef BACKENDS_MYSQL_HOSTS_H
#define BACKENDS_MYSQL_HOSTS_H

#include "backends/mysql/options.h"

/* When the server has a change on its disk, as its variables say; -1: it does not say. */
struct sql_durability {
	int64_t flush_log; /* innodb_flush_log_at_trx_commit */
	int64_t sync_binlog;
	int64_t log_bin;
};

#define SQL_NO_HOST	   SIZE_MAX
#define SQL_TRY_SLOW_MS	   500
#define SQL_BREAKER_MIN_MS 100
#define SQL_BREAKER_MAX_MS 250

/* What a connection is for. */
enum sql_role {
	SQL_WRITER, /* the host that accepts writes */
	SQL_READER, /* one of mysql.read_host; need not accept writes */
	SQL_ROLES
};

struct sql_breaker {
	bool healthy;
	bool trying; /* an attempt runs, and it is not healthy */
	bool slow;   /* that attempt takes long; no other is begun */
	bool full;   /* it answers, and has no room for another connection */
	unsigned failures;
	uint64_t change;  /* counts its openings: tries from before one say nothing about it */
	int64_t until_ns; /* not healthy: closed for tries before this */
	int64_t slow_ns;  /* trying: it is slow from then on */
};

struct sql_hosts {
	size_t count;
	bool one;     /* writers: all connections to one host */
	size_t front; /* where the election goes on: after the host that was tried last */
	bool electing;
	uint64_t election; /* counts them */
	size_t chosen;	   /* the writer, or SQL_NO_HOST */
	size_t last;	   /* the writer of the epoch */
	uint64_t epoch;
	size_t turn; /* readers: whose turn it is */
	struct sql_breaker breakers[SQL_HOSTS_MAX];
};

/* A try that is under way: to be given back to sql_hosts_done(). */
struct sql_try {
	size_t host;
	uint64_t change;
	uint64_t election;
	bool only; /* the host is not healthy: no other attempt runs */
	bool elector;
};

enum sql_turn {
	SQL_TURN_TRY,  /* connect to try->host */
	SQL_TURN_WAIT, /* ask again when a try has ended */
	SQL_TURN_NONE  /* no host may be tried before *retry_ns */
};

enum sql_outcome {
	SQL_OUTCOME_GOOD,
	SQL_OUTCOME_FULL,      /* it answers, and has no room for another connection */
	SQL_OUTCOME_READ_ONLY, /* it answers, and accepts no writes */
	SQL_OUTCOME_REFUSED,   /* only a person can help: account, database, certificate */
	SQL_OUTCOME_BAD	       /* not reached, not ready, ... */
};

/* one: a list of writers, of which one at a time is chosen. Otherwise they take turns. */
void sql_hosts_init(struct sql_hosts *hosts, size_t count, bool one);

/* retry_ns is set with SQL_TURN_NONE; INT64_MAX: there are no hosts. */
enum sql_turn sql_hosts_next(struct sql_hosts *hosts, int64_t now_ns, struct sql_try *attempt,
			     int64_t *retry_ns);

/*
 * How a try has ended. random is any number, for the jitter. True: the connection is to be used,
 * and if it is a writer's its epoch is hosts->epoch. False: it failed, or another host has become
 * the writer meanwhile: close it and begin again with sql_hosts_next().
 */
CART_MUST_CHECK bool sql_hosts_done(struct sql_hosts *hosts, const struct sql_try *attempt,
				    enum sql_outcome outcome, int64_t now_ns, uint64_t random);

/* A connection to it broke, or got no answer: the next try to connect decides. */
void sql_hosts_suspect(struct sql_hosts *hosts, size_t host);

/* A connection of that epoch found that the host accepts no writes. True: it was the writer. */
bool sql_hosts_reject(struct sql_hosts *hosts, size_t host, uint64_t epoch, int64_t now_ns,
		      uint64_t random);

/* How many hosts have failed and not succeeded since. */
size_t sql_hosts_open(const struct sql_hosts *hosts);

#endif
