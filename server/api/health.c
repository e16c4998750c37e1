/* Whether the service runs, is ready, and its database answers and accepts changes. To find out
 * about the database, it reads a cart that cannot exist, with a short deadline: NOT_FOUND is as
 * good as OK. While the store is overloaded and makes changes, that is the answer. */
#include "server/api/call.h"
#include "server/api/handlers.h"

#include <stdio.h>

#define HEALTH_DEADLINE_MS 1000

static void health_add_skew(struct buf *out, const struct clock_skew *skew)
{
	char text[64];

	snprintf(text, sizeof(text), ",\"clock_skew_seconds\":%.3f",
		 (double)clock_skew_ms(skew) / 1000);
	buf_add_string(out, text);
}

/* skewed: the clocks are why it is not ready. */
static void health_reply(struct call *call, const char *status, int code, bool skewed)
{
	struct buf *out = &call->api->out;

	buf_add_string(out, "{\"status\":");
	buf_add_json_string(out, status);
	buf_add_string(out, ",\"database\":");
	buf_add_json_string(out, cart_backend_name(call->api->shared->backend));
	if (skewed)
		health_add_skew(out, call->api->shared->env->skew);
	buf_add_char(out, '}');
	if (code == 503)
		call_header(call, "Retry-After", "1");
	call_reply_json(call, code);
}

static void health_answer(struct call *call)
{
	if (clock_skew_is_beyond(call->api->shared->env->skew))
		health_reply(call, "unavailable", 503, true);
	else if (call->op.result == CART_OK || call->op.result == CART_NOT_FOUND)
		health_reply(call, "ok", 200, false);
	else
		health_reply(call, "unavailable", 503, false);
}

void health_handle(struct call *call)
{
	struct cart_op *op;

	if (cart_store_is_overloaded(call->api->store) &&
	    !clock_skew_is_beyond(call->api->shared->env->skew)) {
		health_reply(call, "ok", 200, false);
		return;
	}
	op = call_op(call, CART_OP_GET);
	if (call->api->shared->deadline_ms > HEALTH_DEADLINE_MS)
		op->deadline_ns = http_request_received_ns(call->request) +
				  HEALTH_DEADLINE_MS * CLOCK_NS_PER_MS;
	op->flags |= CART_READ_WRITABLE;
	call->answers_failure = true;
	call_submit(call, health_answer);
}

void health_handle_ready(struct call *call)
{
	if (atomic_load_explicit(call->api->shared->draining, memory_order_relaxed))
		health_reply(call, "draining", 503, false);
	else
		health_handle(call);
}

void health_handle_live(struct call *call)
{
	buf_add_string(&call->api->out, "{\"status\":\"ok\"}");
	call_reply_json(call, 200);
}
