/*
 * What all steps of a merge share: whose merge it is and how far it has come, how its calls are
 * sent and its carts are read again, and how it ends for the op that asked for it or met it. The
 * steps themselves are in merge_steps.h and merge.c, which stand above; merge.h tells of them all.
 */
#ifndef BACKENDS_DYNAMODB_STORE_MERGE_TASK_H
#define BACKENDS_DYNAMODB_STORE_MERGE_TASK_H

#include "backends/dynamodb/store/task.h"

/* The task's op is a merge; false: the merge is one that the op has met. */
CART_MUST_CHECK bool ddb_merge_is_own(const struct ddb_merge *merge);
/* from is merging into the target. */
CART_MUST_CHECK bool ddb_merge_is_sealed(const struct ddb_merge *merge);
/* ... and the op's own seal has done it. */
CART_MUST_CHECK bool ddb_merge_is_ours(const struct ddb_merge *merge);
/* The target is not changed before the merge of from is decided. */
CART_MUST_CHECK bool ddb_merge_is_held(const struct ddb_merge *merge);

/* Answers the op, which is a merge. */
void ddb_merge_answer(struct ddb_task *task, enum cart_result result, const char *why);
/* The merge is over, or cannot be finished now: whoever met it goes on. */
void ddb_merge_over(struct ddb_task *task, enum cart_result result, const char *why);
/* The one or the other of these two. */
void ddb_merge_fail(struct ddb_task *task, enum cart_result result, const char *why);
/* After a call that is certainly not applied. */
void ddb_merge_call_failed(struct ddb_task *task);
void ddb_merge_no_memory(struct ddb_task *task);

/* Sends the call whose body was written. */
void ddb_merge_send(struct ddb_task *task, enum ddb_step step, enum ddb_operation operation);
/* READ: the target first. */
void ddb_merge_read(struct ddb_task *task);
/* The answer to a write was lost: what became of it is read. */
void ddb_merge_read_lost(struct ddb_task *task);
/* From the beginning, after another writer was faster. */
void ddb_merge_begin_anew(struct ddb_task *task);

#endif
