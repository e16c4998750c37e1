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

/* An op with the one change of call->one. */
static void items_submit_one(struct call *call, enum cart_change_type type, int64_t quantity)
{
	struct cart_op *op = call_op(call, CART_OP_CHANGE);

	call->one = (struct cart_change){
		.type = type, .product_id = call->product_id, .quantity = quantity};
	op->changes = &call->one;
	op->change_count = 1;
	items_submit(call);
}

void items_handle_add(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_CHANGE);
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (!call_body_ok(call,
			  body_read_items(body, len, &call->one, &call->changes, &op->change_count,
					  detail),
			  detail))
		return;
	op->changes = call->changes;
	items_submit(call);
}

void items_handle_replace(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_CHANGE);
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (!call_body_ok(call,
			  body_read_lines(body, len, call->api->shared->rules.quantity_max,
					  &call->changes, &op->change_count, detail),
			  detail))
		return;
	op->changes = call->changes;
	items_submit(call);
}

void items_handle_clear(struct call *call)
{
	items_submit_one(call, CART_CHANGE_CLEAR, 0);
}

void items_handle_set(struct call *call)
{
	char detail[BODY_DETAIL_MAX];
	int64_t quantity;
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (call_body_ok(call,
			 body_read_quantity(body, len, call->api->shared->rules.quantity_max,
					    &quantity, detail),
			 detail))
		items_submit_one(call, CART_CHANGE_SET, quantity);
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
	items_submit_one(call, CART_CHANGE_REMOVE, 0);
}

void items_handle_reopen(struct call *call)
{
	items_submit_one(call, CART_CHANGE_REOPEN, 0);
}
