/* Whether the service runs, is ready, and its database answers. To find out about the database, it
 * reads a cart that cannot exist, with a short deadline: NOT_FOUND is as good as OK. */
#include "server/api/call.h"
#include "server/api/handlers.h"

#define HEALTH_DEADLINE_MS 1000

static void health_reply(struct call *call, const char *status, int code)
{
	struct buf *out = &call->api->out;

	buf_add_string(out, "{\"status\":");
	buf_add_json_string(out, status);
	buf_add_string(out, ",\"database\":");
	buf_add_json_string(out, cart_backend_name(call->api->shared->backend));
	buf_add_char(out, '}');
	if (code == 503)
		call_header(call, "Retry-After", "1");
	call_reply_json(call, code);
}

static void health_answer(struct call *call)
{
	if (call->op.result == CART_OK || call->op.result == CART_NOT_FOUND)
		health_reply(call, "ok", 200);
	else
		health_reply(call, "unavailable", 503);
}

void health_handle(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_GET);

	if (call->api->shared->deadline_ms > HEALTH_DEADLINE_MS)
		op->deadline_ns = http_request_received_ns(call->request) +
				  HEALTH_DEADLINE_MS * CLOCK_NS_PER_MS;
	call->answers_failure = true;
	call_submit(call, health_answer);
}

void health_handle_ready(struct call *call)
{
	if (atomic_load_explicit(call->api->shared->draining, memory_order_relaxed))
		health_reply(call, "draining", 503);
	else
		health_handle(call);
}

void health_handle_live(struct call *call)
{
	buf_add_string(&call->api->out, "{\"status\":\"ok\"}");
	call_reply_json(call, 200);
}
