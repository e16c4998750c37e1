/* What a call to DynamoDB consists of, for all of wire/: see call.h. */
#ifndef BACKENDS_DYNAMODB_WIRE_TYPES_H
#define BACKENDS_DYNAMODB_WIRE_TYPES_H

#include "aws/credentials.h"
#include "core/base/attr.h"
#include "core/base/buf.h"
#include "core/base/clock_skew.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/base/retry_budget.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

#define DDB_TRIES   4	  /* of a call for the table, or with credentials that are refused */
#define DDB_IDLE_MS 20000 /* of client_config.idle_ms: below what any server allows */

enum ddb_operation {
	DDB_GET_ITEM,
	DDB_BATCH_GET_ITEM,
	DDB_QUERY,
	DDB_SCAN,
	DDB_TRANSACT_GET_ITEMS,
	DDB_PUT_ITEM,
	DDB_UPDATE_ITEM,
	DDB_DELETE_ITEM,
	DDB_TRANSACT_WRITE_ITEMS, /* an answer that it was canceled counts as its first reason */
	DDB_DESCRIBE_TABLE,
	DDB_CREATE_TABLE,
	DDB_UPDATE_TABLE,
	DDB_DESCRIBE_TIME_TO_LIVE,
	DDB_UPDATE_TIME_TO_LIVE,
	DDB_DESCRIBE_CONTINUOUS_BACKUPS,
	DDB_UPDATE_CONTINUOUS_BACKUPS,
	DDB_LIST_TAGS,
	/* Of the table's stream, which is a service of its own */
	DDB_DESCRIBE_STREAM,
	DDB_GET_SHARD_ITERATOR,
	DDB_GET_RECORDS,
	DDB_OPERATIONS
};
/* "GetItem", ... */
const char *ddb_operation_name(enum ddb_operation operation);
bool ddb_operation_is_of_stream(enum ddb_operation operation);
/* Of those of the data: whether it changes something. */
bool ddb_operation_writes(enum ddb_operation operation);

enum ddb_outcome {
	DDB_OK,	       /* 200; call->json is the answer */
	DDB_CONDITION, /* the condition was false: nothing was changed; call->json may hold Item */
	DDB_BUSY,      /* certainly not applied, and tried as often as is allowed: throttled,
			  unreachable, no credentials */
	DDB_DOUBT,     /* a change that may have been applied, or a read that got no answer */
	DDB_LATE,      /* the deadline passed before a change was sent, or before a read was
			  answered: certainly not applied */
	DDB_REJECTED   /* certainly not applied, and no use to try again: a request that the server
			  does not take, or no permission, or no such table; call->error says */
};

/* Why a try was not the last; for metrics. */
enum ddb_retry {
	DDB_RETRY_THROTTLED,
	DDB_RETRY_SERVER,     /* 5xx */
	DDB_RETRY_CONNECTION, /* broken or never made */
	DDB_RETRY_TIMEOUT,    /* dynamodb.timeout */
	DDB_RETRY_ANSWER,     /* a wrong checksum, or no JSON */
	DDB_RETRY_SKEW,
	DDB_RETRY_CREDENTIALS,
	DDB_RETRY_CONFLICT, /* TransactionConflictException and its like */
	DDB_RETRIES
};

/* What all loops share. */
struct ddb_shared {
	struct retry_budget budget; /* a retry takes 5 tokens (10 after a timeout), a success brings
				       back what its retry took, or 1 */
	atomic_int_least64_t skew_s; /* the server's time less ours */
};
#define DDB_BUDGET 500

/* Series of calls; registered once a process, before the first shard is made. */
struct ddb_call_series {
	metric_t calls[DDB_OPERATIONS]
		      [6]; /* by status: 2xx, condition, throttled, 4xx, 5xx, none */
	metric_t retries[DDB_RETRIES];
	metric_t budget_empty; /* calls that ended because the bucket stayed empty */
	metric_t half_read_units[DDB_OPERATIONS];
	metric_t half_write_units[DDB_OPERATIONS];
	metric_t in_flight;		  /* gauge */
	metric_t connections;		  /* counter: opened */
	metric_t seconds[DDB_OPERATIONS]; /* histograms: of a try */
};

struct ddb_client_config {
	const struct cart_clock *clock;
	const char
		*endpoint; /* "https://dynamodb.eu-west-1.amazonaws.com", "http://127.0.0.1:4567" */
	const char *region;
	const char *tls_ca; /* PEM file; "": the system's authorities */
	int64_t connect_timeout_ms;
	int64_t timeout_ms;	/* of a try, connecting included */
	int64_t idle_ms;	/* a connection that was idle for longer is not used again */
	int64_t budget_wait_ns; /* how long a call waits for an empty retry budget */
	size_t connections;	/* kept; as many calls as may run at once */
	struct aws_credentials_source *credentials;
	struct ddb_shared *shared;
	struct clock_skew *skew;     /* is told the Date of answers; NULL: nobody asks for it */
	struct metrics_shard *shard; /* NULL: nothing is counted */
	const struct ddb_call_series *series;
};

struct ddb_client; /* one a loop */

struct ddb_transfer; /* call.c's own */
struct ddb_call;
/* On the loop, never inside ddb_call_start(). May start this or other calls, or free it. */
typedef void ddb_call_done_fn(struct ddb_call *call, void *user);
/* On the loop: a pause before another try begins. */
typedef void ddb_call_paused_fn(struct ddb_call *call, void *user);
/* On the loop: the pause is over. True: the next try may be made now. False: the caller will call
 * ddb_call_resume(). */
typedef bool ddb_call_ready_fn(struct ddb_call *call, void *user);

/* The caller's struct, to be used again and again: so its buffers and its curl handle are kept. */
struct ddb_call {
	/* The request, to be filled before each start. */
	enum ddb_operation operation;
	struct buf body; /* JSON; the caller's, and not touched while the call runs */
	int64_t deadline_ns;
	ddb_call_done_fn *done;
	ddb_call_paused_fn *paused; /* NULL: nobody asks */
	ddb_call_ready_fn *ready;   /* NULL: always */
	void *user;
	/* So many calls for the same purpose have ended in doubt, the last one for that cause: the
	 * call is a retry from its first try on. It begins with a pause and takes tokens. */
	int repeats;
	enum ddb_retry why; /* after a call: of its last try, where that was not the last word */
	bool patient;	    /* waits for the retry budget until its deadline */

	/* The answer, from done() to the next start, abandon or clear. */
	enum ddb_outcome outcome;
	int tries;
	json_t *json;	   /* DDB_OK, maybe DDB_CONDITION; owned by the call */
	char error[64];	   /* "ResourceNotFoundException", "" where there is none */
	char message[256]; /* one line for people */

	struct ddb_client *client;     /* NULL: not under way */
	struct ddb_transfer *transfer; /* kept from call to call */
};

#endif
