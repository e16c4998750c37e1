/*
 * The table's stream, which the feed is read from: both images of an item with each record. With
 * feed=on provisioning switches it on; a check demands it, and so does a cartd that may not change
 * the table. A stream of another view is somebody else's, and refused: DynamoDB changes the view
 * only by another stream.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_STREAM_H
#define BACKENDS_DYNAMODB_TABLE_STREAM_H

#include "backends/dynamodb/table/work.h"

#define DDB_STREAM_VIEW "NEW_AND_OLD_IMAGES"

/* Adds it to the members of CreateTable. */
void table_add_stream(const struct table_work *work, json_t *members);
/* Of a table that can be used; table is its description. Where the feed is off: nothing. */
CART_MUST_CHECK enum ddb_table_state table_ensure_stream(struct table_work *work,
							 const json_t *table);

#endif
