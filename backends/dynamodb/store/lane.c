/*
 * A lane's life: it is given ops, makes one call after another for them, pauses between tries, and
 * is free again. What the calls are is up to its steps (read.c, write.c, create.c).
 */
#include "backends/dynamodb/store/lane.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static void lane_called(struct ddb_call *call, void *user)
{
	struct ddb_lane *lane = user;

	(void)call;
	lane->steps->done(lane);
}

#define LANE_BACKOFF_MAX_MS 1000

void ddb_store_count(struct ddb_store *store, metric_t series, int64_t n)
{
	metrics_add(store->shard, series, n);
}

int64_t ddb_store_backoff_us(struct ddb_store *store, int64_t base_ms, unsigned tries)
{
	return retry_pause_us(base_ms, LANE_BACKOFF_MAX_MS, tries, random_next(&store->random));
}

bool ddb_lane_call(struct ddb_lane *lane, enum ddb_step step, enum ddb_operation operation,
		   int64_t deadline_ns)
{
	if (lane->call.body.failed)
		return false;
	lane->call.operation = operation;
	lane->call.deadline_ns = deadline_ns;
	lane->call.done = lane_called;
	lane->call.user = lane;
	if (ddb_call_start(lane->store->client, &lane->call) != 0)
		return false;
	lane->step = step;
	return true;
}

static void lane_paused(evutil_socket_t fd, short what, void *user)
{
	struct ddb_lane *lane = user;

	(void)fd;
	(void)what;
	lane->steps->resume(lane);
}

void ddb_lane_pause(struct ddb_lane *lane, enum ddb_step step, int64_t us)
{
	struct timeval delay = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	lane->step = step;
	event_add(lane->pause, &delay);
}

void ddb_lane_idle(struct ddb_lane *lane)
{
	lane->steps = NULL;
	ddb_call_forget(&lane->call);
	batch_lane_free(lane->store->pool.batch, lane->index);
}

void ddb_lane_stop(struct ddb_lane *lane)
{
	ddb_call_abandon(&lane->call);
	event_del(lane->pause);
	ddb_lane_idle(lane);
}

enum cart_result ddb_call_result(const struct ddb_call *call, struct cart_op *op)
{
	static const char *const unavailable[] = {
		"ResourceNotFoundException",
		"AccessDeniedException",
		"UnrecognizedClientException",
		"ExpiredTokenException",
		"InvalidSignatureException",
		"SignatureDoesNotMatch",
		"AuthFailure",
		"RequestTimeTooSkewed",
		"RequestExpired",
		"RequestInTheFuture",
		"IncompleteSignatureException",
		"MissingAuthenticationTokenException",
		"MissingAuthenticationToken",
		"OptInRequired",
		"ResourceInUseException",
		"KMSAccessDeniedException",
		"KMSDisabledException",
		"KMSInvalidStateException",
		"KMSNotFoundException",
		"InvalidEndpointException",
		"AccountProblemException",
	};

	if (op->reason[0] == '\0')
		cart_op_set_reason(op, "%s", call->message);
	if (call->outcome == DDB_LATE)
		return CART_TIMEOUT;
	if (call->outcome != DDB_REJECTED)
		return CART_BUSY;
	for (size_t i = 0; i < sizeof(unavailable) / sizeof(unavailable[0]); i++)
		if (strcmp(call->error, unavailable[i]) == 0)
			return CART_BUSY;
	return CART_FAILED;
}

int ddb_lane_open(struct ddb_lane *lane, struct ddb_store *store, size_t index)
{
	size_t batch_max = store->db->options.batch_max;

	lane->store = store;
	lane->index = index;
	lane->pause = evtimer_new(store->base, lane_paused, lane);
	lane->ops = calloc(batch_max, sizeof(struct cart_op *));
	lane->op_ids = calloc(batch_max, sizeof(*lane->op_ids));
	lane->ids = calloc(batch_max, sizeof(*lane->ids));
	return lane->pause != NULL && lane->ops != NULL && lane->op_ids != NULL && lane->ids != NULL
		       ? 0
		       : -1;
}

void ddb_lane_close(struct ddb_lane *lane)
{
	ddb_call_clear(&lane->call);
	buf_free(&lane->call.body);
	ddb_listing_free(&lane->listing);
	cart_clear(&lane->write.after);
	if (lane->pause != NULL)
		event_free(lane->pause);
	free(lane->ops);
	free(lane->op_ids);
	free(lane->ids);
}
