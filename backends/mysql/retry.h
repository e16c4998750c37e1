/*
 * What becomes of a task's ops when an attempt was in vain or its outcome is not known. Each of
 * these ends the task. Before or after it, in the same turn of the loop, the caller ends the lane's
 * transaction or closes its connection.
 */
#ifndef BACKENDS_MYSQL_RETRY_H
#define BACKENDS_MYSQL_RETRY_H

#include "backends/mysql/task.h"

enum sql_retry {
	SQL_RETRY_TOGETHER, /* next, with others of their class */
	SQL_RETRY_ALONE,    /* next, each by itself */
	SQL_RETRY_LATER	    /* each by itself, after a pause that grows with its tries */
};

/* Queues ops of the lane again, in their order. */
void sql_retry_queue(struct sql_lane *lane, struct cart_op **ops, size_t count, enum sql_retry how);

/*
 * The ops changed nothing by this attempt: they are queued again. Refused are those that were tried
 * too often, or have waited for mysql.lock_timeout when a row is still locked; what is in doubt is
 * never refused before its deadline.
 */
void sql_retry_all(struct sql_lane *lane, enum sql_fault fault, enum sql_retry how);

/* What may have been committed, or may still be: what has a key will look it up, the rest is
 * CART_UNCERTAIN. */
void sql_retry_in_doubt(struct sql_lane *lane, const char *reason);

/* The server refused: the ops are tried again after a pause for as long as it may be a blip, and
 * what is in doubt until its deadline. The others are refused too. */
void sql_retry_refuse(struct sql_lane *lane, const struct sql_reply *reply);

/* A reader has not answered: its gets go to the writer. False: the writer's queue is full. */
bool sql_retry_at_writer(struct sql_work *work, struct cart_op *op);

#endif
