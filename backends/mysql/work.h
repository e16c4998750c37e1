/*
 * What the lanes of a loop do with carts: batches of ops, their answers, and what becomes of the
 * ops when that fails.
 */
#ifndef BACKENDS_MYSQL_WORK_H
#define BACKENDS_MYSQL_WORK_H

#include "backends/mysql/lane.h"
#include "backends/mysql/write.h"
#include "core/base/random.h"
#include "core/cart_backend.h"

enum sql_step {
	SQL_STEP_NONE,
	SQL_STEP_GETS,
	SQL_STEP_CHECK, /* a get, and a change of nothing */
	SQL_STEP_LIST,
	SQL_STEP_BATCH,	 /* a text of write.h, which commits */
	SQL_STEP_BLAME,	 /* it was refused: which carts did not pass */
	SQL_STEP_READ,	 /* modify.h: the first round trip */
	SQL_STEP_COMMIT, /* the second, which commits */
	SQL_STEP_LOAD	 /* the second, which only reads */
};

/* What a lane is doing. */
struct sql_task {
	enum sql_step step;
	size_t count;		  /* ops; those completed meanwhile are NULL */
	struct cart_op **ops;	  /* GETS and LIST; otherwise scratch */
	struct cart_id *ids;	  /* GETS */
	struct sql_write *writes; /* the steps of writes */
};

enum sql_class { SQL_CLASS_GET, SQL_CLASS_BATCH, SQL_CLASS_MODIFY, SQL_CLASS_LIST, SQL_CLASSES };

/* A loop's. */
struct sql_work {
	struct cart_store *store;
	struct random random;
	struct sql_task *tasks;
	size_t task_count;
	struct sql_pool writer;
	struct sql_pool reader; /* not open if there are none */
};

/*
 * The pools' setup, clock, base, shard and mailbox are set by the caller. lanes: connections of
 * each pool. -1: no memory.
 */
CART_MUST_CHECK int sql_work_open(struct sql_work *work, size_t lanes, bool readers);
void sql_work_close(struct sql_work *work);

enum cart_result sql_work_submit(struct sql_work *work, struct cart_op *op);
void sql_work_expire(struct sql_work *work, struct cart_op *op, enum cart_result why);

#endif
