/* What a lane is doing with which ops, and what the backend notes at an op of its own. */
#ifndef BACKENDS_MYSQL_TASK_H
#define BACKENDS_MYSQL_TASK_H

#include "backends/mysql/lane.h"
#include "backends/mysql/write.h"
#include "core/base/random.h"

enum sql_step {
	SQL_STEP_NONE,
	SQL_STEP_GETS,
	SQL_STEP_CHECK, /* a get, and a change of nothing */
	SQL_STEP_LIST,
	SQL_STEP_FEED,	 /* feed.h: a page */
	SQL_STEP_GAP,	 /* rows around a number that is missing are locked */
	SQL_STEP_FILL,	 /* it is inserted */
	SQL_STEP_FLUSH,	 /* what was read is made safe */
	SQL_STEP_BATCH,	 /* a text of write.h, which commits */
	SQL_STEP_BLAME,	 /* it was refused: which carts did not pass */
	SQL_STEP_LOCKED, /* a row of the batch is locked: which carts are */
	SQL_STEP_READ,	 /* modify.h: the first round trip */
	SQL_STEP_COMMIT, /* the second, which commits */
	SQL_STEP_LOAD	 /* the second, which only reads */
};

/* A place between events: after the first events of a row of cart_events, see feed.h. */
struct sql_feed_place {
	int64_t seq; /* of the row; 0: before all rows */
	int64_t done;
};

/* Numbers of cart_events that are missing. */
struct sql_feed_gap {
	int64_t before; /* the last row before them */
	int64_t behind; /* the first row behind them; 0: none are missing */
	int64_t last;	/* the last row that was seen, up to which more may be missing */
};

struct sql_task {
	enum sql_step step;
	size_t count;		    /* ops; those completed meanwhile are NULL */
	struct cart_op **ops;	    /* GETS and LIST; otherwise scratch */
	struct cart_id *ids;	    /* GETS */
	struct sql_write *writes;   /* the steps of writes */
	struct sql_feed_place from; /* the steps of the feed; and the next */
	struct sql_feed_gap gap;
};

enum sql_class { SQL_CLASS_GET, SQL_CLASS_BATCH, SQL_CLASS_MODIFY, SQL_CLASS_LIST, SQL_CLASSES };

/* A loop's. */
struct sql_work {
	struct cart_store *store;
	struct random random;
	struct sql_task *tasks;
	size_t task_count;
	int64_t feed_rows;    /* that the next page asks for, by the size of the last ones; 0: not
				 known */
	int64_t feed_flushed; /* rows up to this number are on the server's disk; 0: not known */
	struct sql_pool writer;
	struct sql_pool reader; /* not open if there are none */
};

/* Notes, in held.backend. */
#define SQL_OP_MODIFY 1u /* to be modified */
#define SQL_OP_DOUBT  2u /* it may have been committed already; its key will show */
#define SQL_OP_READER 4u /* queued for a reader */
#define SQL_OP_TRY    8u /* tries are counted in steps of this */

bool sql_op_has(const struct cart_op *op, uintptr_t note);
void sql_op_note(struct cart_op *op, uintptr_t notes);
void sql_op_drop_note(struct cart_op *op, uintptr_t note);
/* Counts a try. Returns how many there are. */
unsigned sql_op_count_try(struct cart_op *op);
unsigned sql_op_tries(const struct cart_op *op);
/* The op, which changed nothing, takes the third way. */
void sql_op_note_modify(struct cart_op *op);
/* A GET that is to find out whether changes are accepted, which has a text of its own. */
bool sql_op_is_check(const struct cart_op *op);
/* The op's queue. */
enum sql_class sql_op_class(const struct cart_op *op);
/* Drops what an attempt has left in the op, which waits again from now. */
void sql_op_forget_result(struct cart_op *op);
/* Completes an op that is in no list. An op in doubt ends as CART_UNCERTAIN where the result would
 * say that nothing was changed. */
void sql_op_complete(struct cart_op *op, enum cart_result result);
/* Completes a list of ops linked by held.next. */
void sql_op_complete_list(struct cart_op *ops, enum cart_result result, const char *reason);

struct sql_task *sql_task_of(const struct sql_lane *lane);
struct sql_work *sql_work_of(const struct sql_lane *lane);
/* Where the op at a place is; NULL there: it was completed meanwhile. */
struct cart_op **sql_task_slot(struct sql_task *task, size_t at);
/* Takes it out. */
struct cart_op *sql_task_take(struct sql_task *task, size_t at);
void sql_task_end(struct sql_task *task);
/* Completes all of the task's ops alike. Ends the task. */
void sql_task_answer_all(struct sql_task *task, enum cart_result result, const char *reason);

#endif
