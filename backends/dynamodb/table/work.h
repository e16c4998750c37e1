/* One try to provision the table: its calls, and what all steps of it share. */
#ifndef BACKENDS_DYNAMODB_TABLE_WORK_H
#define BACKENDS_DYNAMODB_TABLE_WORK_H

#include "backends/dynamodb/table/types.h"
#include "backends/dynamodb/wire/call.h"
#include "core/cart_store.h"

#define TABLE_POLL_MIN_MS 50

struct table_work {
	const struct ddb_table_config *table;
	enum cart_provision how;
	const struct cart_clock *clock;
	const char *endpoint;
	int64_t deadline_ns;
	const atomic_bool *stop;
	struct event_base *base;
	struct ddb_client *client;
	struct ddb_call call;
	json_t *wanted; /* of schemas/dynamodb/carts.json */
	struct cart_error *error;
};

/* Sets the error, and returns the state. */
enum ddb_table_state table_refuse(struct table_work *work, const char *what);
/* A call failed. */
enum ddb_table_state table_failed(struct table_work *work);

/* A body with the table's name and these members, which are consumed; NULL: none. */
json_t *table_body(const struct table_work *work, json_t *members);
/* Makes a call with that body, which is consumed; NULL: no memory. True: the answer is 200. */
CART_MUST_CHECK bool table_call(struct table_work *work, enum ddb_operation operation,
				json_t *body);
/* The last call failed with that error. */
bool table_is_error(const struct table_work *work, const char *type);

/* The time is over, or the service stops. */
bool table_is_over(const struct table_work *work);
/* Pauses. Returns how long the next pause should be. */
int64_t table_pause(struct table_work *work, int64_t ms);

/* A member that is a string, or "". */
const char *table_text(const json_t *object, const char *name);
/* The entry of a list whose member is that string. */
const json_t *table_named(const json_t *list, const char *member, const char *name);

#endif
