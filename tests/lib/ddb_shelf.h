/*
 * What a healthy server has behind a stub of one (ddb_stub.h): one table with its items, and as
 * much of DynamoDB's operations as the backend makes use of. Updates are done by their expressions.
 * Of conditions it knows those that keep a change from being applied twice: the item is there or is
 * not, its status, its version, its mark, a key in op_v, a line to remove; others pass.
 */
#ifndef TESTS_LIB_DDB_SHELF_H
#define TESTS_LIB_DDB_SHELF_H

#include "core/cart_id.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

#define DDB_SHELF_ARN "arn:aws:dynamodb:eu-central-1:123456789012:table/carts"
#define DDB_SHELF_KEY "arn:aws:kms:eu-central-1:123456789012:key/" /* and the id */

struct stream_model;

struct ddb_shelf {
	pthread_mutex_t lock; /* over all of it */
	json_t *items;	      /* by cart_id */
	int applied;	      /* writes of items that were made */
	int touched;	      /* by ddb_shelf_touch() */
	bool gives_old;	      /* a condition that is false brings the item, as DynamoDB does */
	size_t batch_max;     /* items that a BatchGetItem gives, others are unprocessed; 0: all */
	json_t *table;	      /* as DescribeTable says it; NULL: there is none */
	int making;	      /* DescribeTables until what is made is ACTIVE */
	int made_in;	      /* left of them */
	bool ttl;
	bool recovery;
	struct stream_model *stream; /* the table's, with a record for each write; NULL: none */
};

/* With the table, ACTIVE, TTL on, and the item that says that ids are integers; without carts. */
void ddb_shelf_init(struct ddb_shelf *shelf);
void ddb_shelf_free(struct ddb_shelf *shelf);

/* Does what is asked. The answer is to be released; NULL: it does not know the operation. */
json_t *ddb_shelf_do(struct ddb_shelf *shelf, const char *operation, const json_t *body,
		     int *status);

/* Writes of items since the start. */
int ddb_shelf_applied(struct ddb_shelf *shelf);
/* The number that an attribute of a cart's item is, "qty/7" in a map; -1: there is none. */
int64_t ddb_shelf_number(struct ddb_shelf *shelf, const struct cart_id *id, const char *path);
/* Somebody else changes the item: its version and mark are others. */
void ddb_shelf_touch(struct ddb_shelf *shelf, const struct cart_id *id);

/* ddb_shelf_table.c: the part of ddb_shelf_do() that is about the table; and a table that is ACTIVE
 * and as schemas/dynamodb says. Under the lock. */
json_t *ddb_shelf_do_table(struct ddb_shelf *shelf, const char *operation, const json_t *body,
			   int *status);
json_t *ddb_shelf_table(void);
/* {"__type": "...#TYPE", "message": "..."} */
json_t *ddb_shelf_error(const char *type);

#endif
