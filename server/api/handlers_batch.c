/*
 * Several carts at once: one GET op each, submitted together, so that the store can read them in
 * one round trip. The answer has an entry for each position: an id asked for twice comes twice. If
 * one op fails the call fails, because a partial answer would look as if carts were missing.
 */
#include "core/cart_json.h"
#include "server/api/body.h"
#include "server/api/call.h"
#include "server/api/handlers.h"

#include <stdlib.h>

static void batch_answer(struct call *call)
{
	struct buf *out = &call->api->out;
	const char *between = "";

	buf_add_string(out, "{\"carts\":[");
	for (size_t i = 0; i < call->many_count; i++) {
		if (call->many[i].result != CART_OK)
			continue;
		buf_add_string(out, between);
		cart_json_write(out, &call->many[i].cart);
		between = ",";
	}
	buf_add_string(out, "],\"missing\":[");
	between = "";
	for (size_t i = 0; i < call->many_count; i++) {
		char id[CART_ID_TEXT + 1];

		if (call->many[i].result == CART_OK)
			continue;
		cart_id_format(&call->many[i].id, id);
		buf_add_string(out, between);
		buf_add_json_string(out, id);
		between = ",";
	}
	buf_add_string(out, "]}");
	call_reply_json(call, 200);
}

void batch_handle(struct call *call)
{
	struct cart_id ids[BODY_IDS_MAX];
	char detail[BODY_DETAIL_MAX];
	size_t len, count;
	const char *body = http_request_body(call->request, &len);

	if (!call_body_ok(call, body_read_ids(body, len, ids, &count, detail), detail))
		return;
	call->many = calloc(count, sizeof(*call->many));
	if (call->many == NULL) {
		call_fail(call, CART_BUSY);
		return;
	}
	call->many_count = count;
	for (size_t i = 0; i < count; i++) {
		call_prepare_op(call, &call->many[i], CART_OP_GET);
		call->many[i].id = ids[i];
	}
	call_submit_many(call, batch_answer);
}
