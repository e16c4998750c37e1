#include "backends/dynamodb/store/closed.h"

#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/table/definition.h"
#include "core/cart_backend.h"

#include <stdio.h>
#include <stdlib.h>

struct ddb_closed {
	const struct cart_op *op;
	const struct ddb_table *table;
	struct buf after;	/* the key of the last item that was read, as JSON */
	struct cart_id last_id; /* of the last item that is a cart */
	bool more;		/* items follow */
	bool done;
	struct cart *carts; /* limit */
	size_t count;
};

struct ddb_closed *ddb_closed_new(const struct cart_op *op, const struct ddb_table *table)
{
	struct ddb_closed *closed = calloc(1, sizeof(*closed));

	if (closed == NULL)
		return NULL;
	closed->op = op;
	closed->table = table;
	closed->carts = calloc((size_t)op->list.limit, sizeof(*closed->carts));
	if (op->list.has_after) {
		ddb_add_id(&closed->after, "{\"cart_id\":", &op->list.after_id);
		/* Behind the rows of the cart. */
		if (table->layout == DDB_LAYOUT_ROWS)
			ddb_add_text(&closed->after, ",\"" DDB_ROW "\":", "~");
		buf_add_char(&closed->after, '}');
		closed->last_id = op->list.after_id;
	}
	if (closed->carts == NULL || closed->after.failed)
		ddb_closed_free(&closed);
	return closed;
}

void ddb_closed_free(struct ddb_closed **out)
{
	struct ddb_closed *closed = *out;

	*out = NULL;
	if (closed == NULL)
		return;
	for (size_t i = 0; closed->carts != NULL && i < closed->count; i++)
		cart_clear(&closed->carts[i]);
	free(closed->carts);
	buf_free(&closed->after);
	free(closed);
}

bool ddb_closed_next(const struct ddb_closed *closed, struct buf *body)
{
	if (closed->done)
		return false;
	ddb_body_scan_closed(body, closed->table, closed->op->list.idle_before_ms, &closed->after,
			     closed->op->list.limit - (int)closed->count);
	return true;
}

static enum cart_result closed_take_item(void *user, const json_t *attributes, char *why,
					 size_t room)
{
	struct ddb_closed *closed = user;
	struct ddb_item item;
	struct cart_id id;
	enum cart_result result = ddb_item_read_listed(&item, attributes, why, room);

	if (result == CART_DAMAGED && ddb_item_id(attributes, &id))
		cart_store_damaged(closed->op, &id, why);
	if (result != CART_OK)
		return result == CART_DAMAGED ? CART_OK : result;
	if (item.cart.state == CART_CHECKED_OUT && closed->count < (size_t)closed->op->list.limit) {
		closed->last_id = item.cart.id;
		closed->carts[closed->count++] = item.cart;
		item.cart = (struct cart){0};
	}
	ddb_item_clear(&item);
	return CART_OK;
}

/* Where the next call, or the next page, goes on. */
static bool closed_take_place(struct ddb_closed *closed, const json_t *last)
{
	char *text = json_dumps(last, JSON_COMPACT);

	buf_reset(&closed->after);
	if (text != NULL)
		buf_add_string(&closed->after, text);
	free(text);
	/* The key of a CREATE is an item too, and its id is no cart's. Where the page is full, the
	 * next one begins behind its last cart and reads what follows again. */
	closed->done = ddb_item_id(last, &closed->last_id) ||
		       closed->count == (size_t)closed->op->list.limit;
	return text != NULL && !closed->after.failed;
}

enum cart_result ddb_closed_take(struct ddb_closed *closed, const json_t *answer, char *why,
				 size_t room)
{
	const json_t *last = json_object_get(answer, "LastEvaluatedKey");
	enum cart_result result = ddb_items_take(answer, closed_take_item, closed, why, room);

	if (result != CART_OK)
		return result;
	closed->more = last != NULL;
	closed->done = !closed->more;
	if (!closed->more || closed_take_place(closed, last))
		return CART_OK;
	snprintf(why, room, "out of memory");
	return CART_BUSY;
}

void ddb_closed_finish(struct ddb_closed *closed, struct cart_op *op)
{
	op->more = closed->more;
	op->cart = (struct cart){.id = closed->last_id};
	op->cart_count = closed->count;
	if (closed->count > 0) {
		op->carts = closed->carts;
		closed->carts = NULL;
	}
	closed->count = 0;
}
