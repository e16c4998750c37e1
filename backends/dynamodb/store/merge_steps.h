/*
 * The steps that anybody makes who meets a merge that has begun, whoever sealed from: DECIDE, HOLD,
 * END and FORGET, and RELEASE, which ends a hold that was left. Both carts were read before. Why
 * these steps may be made by several at once is told in merge.h.
 */
#ifndef BACKENDS_DYNAMODB_STORE_MERGE_STEPS_H
#define BACKENDS_DYNAMODB_STORE_MERGE_STEPS_H

#include "backends/dynamodb/store/task.h"

/* What the rules say of the two carts as they were read; after is then the target's. */
CART_MUST_CHECK enum cart_result ddb_merge_apply(struct ddb_task *task, struct cart_op *op,
						 struct cart *after);
/* from is merging into the target: DECIDE, or END where that is decided. */
void ddb_merge_continue(struct ddb_task *task);
/* from is not merging into the target any more: RELEASE or FORGET, as far as one is due, then what
 * the task is there for. */
void ddb_merge_tidy_and_go_on(struct ddb_task *task);
/* RELEASE: the target is held for a merge that is not under way any more: a hold that came late, or
 * of a service that was killed. */
void ddb_merge_release(struct ddb_task *task);

/* Each after the call of its step. */
void ddb_merge_decide_done(struct ddb_task *task);
void ddb_merge_end_done(struct ddb_task *task);
void ddb_merge_forgotten(struct ddb_task *task);
void ddb_merge_released(struct ddb_task *task);

#endif
