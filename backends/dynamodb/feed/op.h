/* A FEED op under way: its calls, and its end. */
#ifndef BACKENDS_DYNAMODB_FEED_OP_H
#define BACKENDS_DYNAMODB_FEED_OP_H

#include "backends/dynamodb/feed/types.h"
#include "backends/dynamodb/wire/call.h"
#include "core/cart_op.h"

/* It calls begin() from the loop. NULL: no memory. */
struct ddb_read *ddb_read_new(struct ddb_reader *reader, struct cart_op *op,
			      void (*begin)(struct ddb_read *read));
/* Ends it without its op. */
void ddb_read_free(struct ddb_read *read);

/* Makes a call to the stream with the JSON in read->call.body. */
void ddb_read_call(struct ddb_read *read, enum ddb_operation operation, ddb_call_done_fn *done);
/* Counts it, of each answer. */
void ddb_read_note_call(struct ddb_read *read);
/* The call has been answered with that error. */
bool ddb_read_is_error(const struct ddb_call *call, const char *type);

/* Answers the op with the page. */
void ddb_read_finish(struct ddb_read *read);
/* Answers it with that result, or with the page if there are events already. */
void ddb_read_fail(struct ddb_read *read, enum cart_result result, const char *why);
/* The same after a call that failed for good. */
void ddb_read_fail_call(struct ddb_read *read, const struct ddb_call *call);

#endif
