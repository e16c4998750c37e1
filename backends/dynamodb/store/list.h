/* Lists. */
#ifndef BACKENDS_DYNAMODB_STORE_LIST_H
#define BACKENDS_DYNAMODB_STORE_LIST_H

#include "backends/dynamodb/store/task.h"

void ddb_list_start(struct ddb_task *task, struct cart_op *op);

#endif
