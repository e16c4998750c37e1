/*
 * What the lanes of a loop do with carts: batches of ops, their answers, and what becomes of the
 * ops when that fails.
 */
#ifndef BACKENDS_MYSQL_WORK_H
#define BACKENDS_MYSQL_WORK_H

#include "backends/mysql/task.h"
#include "core/cart_backend.h"

/*
 * The pools' setup, clock, base, shard and mailbox are set by the caller. lanes: connections of
 * each pool. -1: no memory.
 */
CART_MUST_CHECK int sql_work_open(struct sql_work *work, size_t lanes, bool readers);
void sql_work_close(struct sql_work *work);

enum cart_result sql_work_submit(struct sql_work *work, struct cart_op *op);
void sql_work_expire(struct sql_work *work, struct cart_op *op, enum cart_result why);

#endif
