/*
 * A lane's life: it is given ops, makes one call after another for them, pauses between tries, and
 * is free again. What the calls are is decided in read.c, write.c and create.c. An op that is taken
 * out of it (its time is up) ends the call under way: nobody waits for its answer.
 */
#include "backends/dynamodb/store/store.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static void lane_called(struct ddb_call *call, void *user)
{
	struct ddb_lane *lane = user;

	(void)call;
	switch (lane->step) {
	case DDB_STEP_GETS:
	case DDB_STEP_LIST:
		ddb_read_done(lane);
		return;
	default:
		ddb_write_done(lane);
		return;
	}
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
	if (lane->next == DDB_STEP_GETS || lane->next == DDB_STEP_LIST)
		ddb_read_resume(lane);
	else
		ddb_write_resume(lane);
}

void ddb_lane_pause(struct ddb_lane *lane, enum ddb_step next, int64_t us)
{
	struct timeval delay = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	lane->step = DDB_STEP_PAUSE;
	lane->next = next;
	event_add(lane->pause, &delay);
}

void ddb_lane_idle(struct ddb_lane *lane)
{
	lane->step = DDB_STEP_IDLE;
	ddb_call_forget(&lane->call);
	batch_lane_free(lane->store->pool.batch, lane->index);
}

/* Whatever is under way for the lane's ops is not any more. */
static void lane_stop(struct ddb_lane *lane)
{
	ddb_call_abandon(&lane->call);
	event_del(lane->pause);
	ddb_listing_free(&lane->listing);
	cart_clear(&lane->write.after);
	lane->count = 0;
	ddb_lane_idle(lane);
}

static bool lane_forget_read(struct ddb_lane *lane, const struct cart_op *op)
{
	bool found = false, others = false;

	for (size_t i = 0; i < lane->count; i++) {
		if (lane->ops[i] == op) {
			lane->ops[i] = NULL;
			found = true;
		} else if (lane->ops[i] != NULL) {
			others = true;
		}
	}
	if (found && !others)
		lane_stop(lane);
	return found;
}

bool ddb_lane_forget(struct ddb_lane *lane, const struct cart_op *op, bool *sent)
{
	const struct ddb_write *write = &lane->write;
	bool changes;

	*sent = false;
	if (lane->step == DDB_STEP_IDLE)
		return false;
	if (write->op == NULL)
		return lane_forget_read(lane, op);
	if (write->op != op)
		return false;
	changes = lane->step == DDB_STEP_FAST || lane->step == DDB_STEP_DECIDED ||
		  lane->step == DDB_STEP_PUT;
	*sent = write->doubt || (changes && ddb_call_in_doubt(&lane->call));
	lane->write.op = NULL;
	lane_stop(lane);
	return true;
}

void ddb_lane_start(void *user, size_t index, struct cart_op **ops, size_t count)
{
	struct ddb_store *store = user;
	struct ddb_lane *lane = &store->lanes[index];
	const struct cart_op *op = ops[0];

	if (cart_op_is_write(op))
		ddb_write_start(lane, ops[0]);
	else
		ddb_read_start(lane, (enum ddb_class)op->held.class, ops, count);
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
