/* DescribeStream, page by page; and before it DescribeTable, where it is not known which stream the
 * table has. */
#ifndef BACKENDS_DYNAMODB_FEED_LIST_H
#define BACKENDS_DYNAMODB_FEED_LIST_H

#include "backends/dynamodb/feed/types.h"

/* Lists the shards, and then calls done(). */
void ddb_read_list(struct ddb_read *read, void (*done)(struct ddb_read *read));
/* How long ago they were listed. */
int64_t ddb_read_list_age_ns(const struct ddb_read *read);

#endif
