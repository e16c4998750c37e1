/* How a write ends: what write.c, create.c and the files of a merge share. */
#ifndef BACKENDS_DYNAMODB_STORE_ANSWER_H
#define BACKENDS_DYNAMODB_STORE_ANSWER_H

#include "backends/dynamodb/store/task.h"

/* Answers the task's op, and ends the task. */
void ddb_write_answer(struct ddb_task *task, enum cart_result result);
/* The same after a call that failed for good, of a change that is certainly not applied. */
void ddb_write_fail(struct ddb_task *task);
/* CART_OK with the cart of an item, which is moved out of it. Where the item has many old keys, the
 * task removes them before it ends. */
void ddb_write_answer_item(struct ddb_task *task, struct ddb_item *item, int64_t version,
			   bool replayed);
/* Sends the call whose body was written; where memory runs out, the op is answered. */
void ddb_write_send(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation);
/* True: the item has the op's key, and the op was answered as a replay or as KEY_REUSED. */
CART_MUST_CHECK bool ddb_write_replays(struct ddb_task *task, struct ddb_item *item);
/* True: the item has as many keys as it may have; the oldest are being removed (DDB_STEP_TRIM), or
 * the op was refused. False: there is room for the op's. */
CART_MUST_CHECK bool ddb_write_has_no_room(struct ddb_task *task, const struct ddb_item *item);
/* Removes at least min keys of the item that were stored by until_ms, the oldest, by a call of its
 * own. False: there are fewer. */
CART_MUST_CHECK bool ddb_write_trim(struct ddb_task *task, const struct ddb_item *item,
				    int64_t until_ms, size_t min);
/* Memory ran out before anything was sent. */
void ddb_write_no_memory(struct ddb_task *task);
/* Reads the item of the call's answer. 1: read; 0: there is none; -1: the op was answered, because
 * the item is not one of ours or memory ran out. */
CART_MUST_CHECK int ddb_write_item(struct ddb_task *task, struct ddb_item *item);
/* The version in the answer of an UpdateItem. False: there is none. */
CART_MUST_CHECK bool ddb_write_version(const struct ddb_call *call, int64_t *version);
/* What a call has come to that is neither OK nor CONDITION. True: it may have been applied, which
 * the write now says, and is to be found out. False: the op was answered. */
CART_MUST_CHECK bool ddb_write_in_doubt(struct ddb_task *task, int64_t fence);
/* The next change that is sent repeats one that may have been applied, or one that was undone
 * since: it is made after a pause, and takes tokens of the retry budget. */
void ddb_write_repeat(struct ddb_task *task, enum ddb_retry why);
/* Of struct ddb_task_steps, for all writes. */
bool ddb_write_forget(struct ddb_task *task, const struct cart_op *op, bool *sent);

#endif
