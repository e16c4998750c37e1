/* Changes of one cart, and new carts. */
#ifndef BACKENDS_DYNAMODB_STORE_WRITE_H
#define BACKENDS_DYNAMODB_STORE_WRITE_H

#include "backends/dynamodb/store/task.h"

void ddb_write_start(struct ddb_task *task, struct cart_op *op);

#endif
