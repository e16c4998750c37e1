/* New carts. */
#ifndef BACKENDS_DYNAMODB_STORE_CREATE_H
#define BACKENDS_DYNAMODB_STORE_CREATE_H

#include "backends/dynamodb/store/task.h"

/* task->write is filled as far as all writes have it. */
void ddb_create_start(struct ddb_task *task);

#endif
