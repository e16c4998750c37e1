/* A cart as a whole: create, get (also of one line, with the cart's version), delete, checkout,
 * merge. */
#include "core/cart_json.h"
#include "server/api/body.h"
#include "server/api/call.h"
#include "server/api/handlers.h"
#include "server/api/conditions.h"

#include <string.h>

/* Only the client itself may store it, and it must ask again each time, with the entity-tag. */
#define CART_CACHE "private, no-cache"

/* The id of a cart or an order. False: the kernel gave no random bytes, and the call has been
 * answered. */
static bool cart_make_id(struct call *call, struct cart_id *id)
{
	const struct api_shared *shared = call->api->shared;

	if (cart_id_make(id, shared->id_kind, clock_wall_ms(shared->env->clock)))
		return true;
	strcpy(call->reason, "no random bytes");
	call_fail(call, CART_FAILED);
	return false;
}

static void cart_answer_create(struct call *call)
{
	static const char prefix[] = "/shopping-carts/";
	char location[sizeof(prefix) + CART_ID_TEXT];

	memcpy(location, prefix, sizeof(prefix) - 1);
	cart_id_format(&call->op.cart.id, location + sizeof(prefix) - 1);
	call_header(call, "Location", location);
	call_reply_cart(call, 201);
}

/*
 * The keys of all guests are together, so that two of them who chose the same one would get one
 * cart: a key must be unique by itself. False: it is not, and the call has been answered.
 */
static bool cart_check_guest_key(struct call *call)
{
	const struct cart_op *op = &call->op;
	struct cart_id uuid;

	if (op->key == NULL || op->customer_id.size > 0 ||
	    (cart_id_parse(&uuid, op->key, strlen(op->key)) && !cart_id_is_nil(&uuid)))
		return true;
	call_invalid(call, "header Idempotency-Key must be a UUID of its own for a cart without a "
			   "customer");
	return false;
}

void cart_handle_create(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_CREATE);
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (!call_body_ok(call,
			  body_read_cart(body, len, &call->api->shared->rules, &op->customer_id,
					 &call->changes, detail),
			  detail))
		return;
	op->changes = call->changes.all;
	op->change_count = call->changes.count;
	if (!call_read_change_headers(call) || !cart_check_guest_key(call))
		return;
	if (http_request_header(call->request, "If-Match", NULL) != NULL) {
		call_invalid(call, "header If-Match asks for a version, and a new cart has none");
		return;
	}
	if (cart_make_id(call, &op->id))
		call_submit(call, cart_answer_create);
}

/* If-None-Match, a list that may stand on several lines. False: it is no list of entity-tags. */
static bool cart_none_match(const struct call *call, int64_t version, bool *matches)
{
	const char *tags;
	bool matches_line, star = false;
	size_t lines = 0, empty = 0;

	*matches = false;
	while ((tags = http_request_header_at(call->request, "If-None-Match", lines)) != NULL) {
		lines++;
		if (*tags == '\0') {
			empty++;
			continue;
		}
		/* "*" stands alone. */
		if (star || !conditions_if_none_match(tags, 0, &star) || (star && lines > 1) ||
		    !conditions_if_none_match(tags, version, &matches_line))
			return false;
		*matches = *matches || matches_line;
	}
	return lines == 0 || empty < lines;
}

static void cart_answer_get(struct call *call)
{
	const struct cart *cart = &call->op.cart;
	bool one_line = call->product_id.size > 0, unchanged = false;
	const struct cart_line *line = one_line ? cart_find_line(cart, &call->product_id) : NULL;

	if (call->op.if_version != 0 && call->op.if_version != cart->version) {
		call_fail(call, CART_MISMATCH);
		return;
	}
	if (call->has_tags && !cart_none_match(call, cart->version, &unchanged))
		unchanged = false;
	if (call->has_tags && !unchanged && !call->asked) {
		/* The client may hold a newer one than the read cache does. */
		cart_op_clear(&call->op);
		call->op.flags = CART_READ_STRONG;
		call_submit(call, cart_answer_get);
		return;
	}
	if (one_line && line == NULL) {
		call_fail(call, CART_NO_ITEM);
		return;
	}
	call->cache = CART_CACHE;
	call_header_tag(call, cart->version);
	if (unchanged) {
		call_reply_empty(call, 304);
		return;
	}
	if (one_line)
		cart_json_write_line(&call->api->out, line);
	else
		cart_json_write(&call->api->out, cart);
	call_reply_json(call, 200);
}

static bool cart_read_consistency(struct call *call)
{
	const char *value = call->query.values[CART_PARAM_CONSISTENCY];

	if (value == NULL)
		return true;
	if (query_is(&call->query, CART_PARAM_CONSISTENCY, "strong"))
		call->op.flags |= CART_READ_STRONG;
	else if (query_is(&call->query, CART_PARAM_CONSISTENCY, "eventual"))
		call->op.flags |= CART_READ_EVENTUAL;
	else {
		call_invalid(call, "query parameter consistency must be strong or eventual");
		return false;
	}
	return true;
}

void cart_handle_get(struct call *call)
{
	/* A store ignores if_version in a GET; cart_answer_get() compares it. */
	struct cart_op *op = call_op(call, CART_OP_GET);
	bool matches;

	if (!cart_read_consistency(call) || !call_read_if_match(call, &op->if_version))
		return;
	call->has_tags = http_request_header(call->request, "If-None-Match", NULL) != NULL;
	if (!cart_none_match(call, 0, &matches)) {
		call_invalid(call, "header If-None-Match must be \"*\" or a list of entity-tags");
		return;
	}
	/* The read cache keeps whole carts. */
	op->line = call->product_id.size > 0 && call->api->shared->read_cache == NULL
			   ? &call->product_id
			   : NULL;
	call_submit(call, cart_answer_get);
}

static void cart_answer_delete(struct call *call)
{
	call->cache = NULL;
	call_reply_empty(call, 204);
}

void cart_handle_delete(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_DELETE);

	/* A second DELETE changes nothing anyway, so an Idempotency-Key has no effect. */
	if (call_read_if_match(call, &op->if_version) && call_refuse_none_match(call))
		call_submit(call, cart_answer_delete);
}

static void cart_answer_checkout(struct call *call)
{
	struct buf *out = &call->api->out;
	char id[CART_ID_TEXT + 1];

	/* A replay of a checkout that was undone since: its order is none any more, and it must not
	 * look like one that was made. */
	if (call->op.cart.state == CART_OPEN) {
		call_fail(call, CART_NOT_CLOSED);
		return;
	}
	if (call->wants_cart) {
		call_reply_cart(call, 200);
		return;
	}
	cart_id_format(&call->op.cart.order_id, id);
	buf_add_string(out, "{\"order_id\":");
	buf_add_json_string(out, id);
	buf_add_char(out, '}');
	call_header_change(call, call->op.version);
	call_reply_json(call, 200);
}

void cart_handle_checkout(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_CHECKOUT);
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (len > 0 && !call_body_ok(call, body_read_nothing(body, len, detail), detail))
		return;
	if (call_read_change_headers(call) && cart_make_id(call, &op->order_id))
		call_submit(call, cart_answer_checkout);
}

static void cart_answer_merge(struct call *call)
{
	call_reply_cart(call, 200);
}

void cart_handle_merge(struct call *call)
{
	struct cart_op *op = call_op(call, CART_OP_MERGE);
	char detail[BODY_DETAIL_MAX];
	size_t len;
	const char *body = http_request_body(call->request, &len);

	if (!call_body_ok(call, body_read_merge(body, len, &op->from, &op->strategy, detail),
			  detail))
		return;
	if (cart_id_compare(&op->from, &op->id) == 0) {
		call_invalid(call, "from is the cart itself");
		return;
	}
	if (call_read_change_headers(call))
		call_submit(call, cart_answer_merge);
}
