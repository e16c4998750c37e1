/* A FEED op, from its cursor to its page. */
#ifndef BACKENDS_DYNAMODB_FEED_READ_H
#define BACKENDS_DYNAMODB_FEED_READ_H

#include "backends/dynamodb/feed/types.h"

void ddb_read_begin(struct ddb_read *read);

#endif
