/*
 * Several carts at once: one GET op each, submitted together, so that the store can read them in
 * one round trip unless they are large. The answer has an entry for each position: an id asked for
 * twice comes twice. A cart that is damaged in the database is told apart from those that are
 * missing. If one op fails otherwise the call fails, because a partial answer would look as if
 * carts were missing.
 */
#include "core/cart_json.h"
#include "server/api/body.h"
#include "server/api/call.h"
#include "server/api/handlers.h"
#include "server/api/slices.h"

#include <stdlib.h>

/* The ids of the carts of which that has become. Returns how many. */
static size_t batch_ids(struct call *call, enum cart_result result)
{
	struct buf *page = &call->page;
	size_t count = 0;

	for (size_t i = 0; i < call->many_count; i++) {
		char id[CART_ID_TEXT + 1];

		if (call->many[i].result != result)
			continue;
		cart_id_format(&call->many[i].id, id);
		if (count++ > 0)
			buf_add_char(page, ',');
		buf_add_json_string(page, id);
	}
	return count;
}

static void batch_end(struct call *call)
{
	struct buf *page = &call->page;
	size_t end;

	buf_add_string(page, "],\"missing\":[");
	(void)batch_ids(call, CART_NOT_FOUND);
	end = page->len;
	buf_add_string(page, "],\"damaged\":[");
	if (batch_ids(call, CART_DAMAGED) == 0 && !page->failed)
		page->len = end;
	buf_add_string(page, "]}");
	call_reply_page(call);
}

static void batch_slice(struct call *call);

/* Writes the carts that the last slice has read, and frees them. */
static void batch_take(struct call *call)
{
	struct buf *page = &call->page;
	size_t carts = call->page_carts, bytes = page->len;

	for (; call->many_written < call->many_begun; call->many_written++) {
		struct cart_op *op = &call->many[call->many_written];

		if (op->result != CART_OK)
			continue;
		if (call->page_carts++ > 0)
			buf_add_char(page, ',');
		cart_json_write(page, &op->cart);
		cart_clear(&op->cart);
	}
	slices_learn(call->api, call->page_carts - carts, page->len - bytes);
	if (call->many_begun < call->many_count && !page->failed)
		slices_go_on(call, batch_slice);
	else
		batch_end(call);
}

static void batch_slice(struct call *call)
{
	size_t carts = slices_carts(call->api, SIZE_MAX);
	size_t left = call->many_count - call->many_begun;

	call_submit_many(call, carts < left ? carts : left, batch_take);
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
	buf_add_string(&call->page, "{\"carts\":[");
	slices_begin(call, batch_slice);
}
