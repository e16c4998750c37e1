/* Gets and lists. */
#ifndef BACKENDS_DYNAMODB_STORE_READ_H
#define BACKENDS_DYNAMODB_STORE_READ_H

#include "backends/dynamodb/store/task.h"

/* Starts gets that wait together, or one list. */
void ddb_read_start(struct ddb_task *task, struct cart_op **ops, size_t count);

#endif
