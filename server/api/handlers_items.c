/* The lines of a cart: add, replace, set, remove, clear; and the end of a checkout, after which
 * they may change again. Each call is one CHANGE. */
#include "server/api/body.h"
#include "server/api/call.h"
#include "server/api/handlers.h"

static void items_answer(struct call *call)
{
	if (call->wants_cart)
		call_reply_cart(call, 200);
	else
		call_reply_changed(call);
}

static void items_submit(struct call *call)
{
	if (!call_read_change_headers(call))
		return;
	/* The read cache keeps what a change returns. */
	if (call->wants_cart || call->api->shared->read_cache != NULL)
		call->op.flags |= CART_WANT_CART;
	call_submit(call, items_answer);
}

/* An op with the changes of the call. */
static void items_submit_changes(struct call *call)
{
	call->op.changes = call->changes.all;
	call->op.change_count = call->changes.count;
	items_submit(call);
}

static void items_submit_one(struct call *call, enum cart_change_type type)
{
	call_op(call, CART_OP_CHANGE);
	call->changes.one = (struct cart_change){.type = type, .product_id = call->product_id};
	call->changes.all = &call->changes.one;
	call->changes.count = 1;
	items_submit_changes(call);
}

typedef enum body_result items_read_fn(const char *text, size_t len, const struct cart_rules *rules,
				       struct changes *changes, char detail[BODY_DETAIL_MAX]);

/* Reads the changes of the body. False: the call has been answered. */
static bool items_read(struct call *call, items_read_fn *read)
{
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	call_op(call, CART_OP_CHANGE);
	return call_body_ok(
		call, read(body, len, &call->api->shared->rules, &call->changes, detail), detail);
}

void items_handle_add(struct call *call)
{
	if (items_read(call, body_read_items))
		items_submit_changes(call);
}

void items_handle_replace(struct call *call)
{
	if (items_read(call, body_read_lines))
		items_submit_changes(call);
}

void items_handle_clear(struct call *call)
{
	items_submit_one(call, CART_CHANGE_CLEAR);
}

void items_handle_set(struct call *call)
{
	if (!items_read(call, body_read_line))
		return;
	call->changes.one.product_id = call->product_id;
	items_submit_changes(call);
}

/* A guest's cart gets its customer, which is a change of the cart as well. */
void items_handle_claim(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_CHANGE);
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (call_body_ok(call, body_read_customer(body, len, &op->customer_id, detail), detail))
		items_submit(call);
}

void items_handle_remove(struct call *call)
{
	items_submit_one(call, CART_CHANGE_REMOVE);
}

void items_handle_reopen(struct call *call)
{
	items_submit_one(call, CART_CHANGE_REOPEN);
}
