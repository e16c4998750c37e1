/* Pages of carts: those of a customer, or idle ones. A page ends early at http.max_page. */
#include "core/cart_json.h"
#include "core/base/units.h"
#include "server/api/call.h"
#include "server/api/handlers.h"
#include "server/api/slices.h"
#include "server/api/cursor.h"
#include "server/http/text.h"

#define LIST_LIMIT_DEFAULT 20
/* Of a page, beside its carts. */
#define LIST_FRAME_BYTES (sizeof("{\"carts\":[],\"next_cursor\":\"\"}") + (size_t)CURSOR_TEXT)

static void list_slice(struct call *call);

static size_t list_room(const struct call *call)
{
	size_t most = call->api->shared->page_max, taken = call->page.len + LIST_FRAME_BYTES;

	return most > taken ? most - taken : 0;
}

/* Writes a cart of the op, unless the page is full. */
static bool list_add(struct call *call, const struct cart *cart)
{
	struct buf *page = &call->page;
	size_t before = page->len;

	if (call->page_carts > 0)
		buf_add_char(page, ',');
	cart_json_write(page, cart);
	if (call->page_carts > 0 && page->len + LIST_FRAME_BYTES > call->api->shared->page_max) {
		page->len = before;
		return false;
	}
	call->page_carts++;
	call->list.limit--;
	cart_list_go_on(&call->list, cart);
	return true;
}

static void list_end(struct call *call, bool more)
{
	char cursor[CURSOR_TEXT + 1];

	buf_add_string(&call->page, "],\"next_cursor\":");
	if (more && !cursor_format(&call->list, cursor)) {
		call_fail(call, CART_BUSY);
		return;
	}
	if (more)
		buf_add_json_string(&call->page, cursor);
	else
		buf_add_string(&call->page, "null");
	buf_add_char(&call->page, '}');
	call_reply_page(call);
}

static void list_take(struct call *call)
{
	struct cart_op *op = &call->op;
	size_t before = call->page.len, count = 0;
	bool more, full;

	while (count < op->cart_count && list_add(call, &op->carts[count]))
		count++;
	slices_learn(call->api, count, call->page.len - before);
	/* Also if a cart of the size that is usual would not fit. */
	full = count < op->cart_count || list_room(call) < call->api->slices.cart_bytes;
	more = count < op->cart_count || (op->more && count > 0);
	cart_op_clear(op);
	if (more && !full && call->list.limit > 0 && !call->page.failed)
		slices_go_on(call, list_slice);
	else
		list_end(call, more);
}

static void list_slice(struct call *call)
{
	struct cart_list *list = &call_op(call, CART_OP_LIST)->list;
	size_t carts = slices_carts(call->api, list_room(call));

	*list = call->list;
	if (carts < (size_t)list->limit)
		list->limit = (int)carts;
	call_submit(call, list_take);
}

static bool list_read_limit(struct call *call, struct cart_list *list)
{
	const char *text = call->query.values[LIST_PARAM_LIMIT];
	int64_t limit = LIST_LIMIT_DEFAULT;

	if (text != NULL &&
	    !text_integer(text, call->query.lens[LIST_PARAM_LIMIT], 1, CART_LIST_MAX, &limit)) {
		call_invalid(call, "query parameter limit must be an integer of 1 to %d",
			     CART_LIST_MAX);
		return false;
	}
	list->limit = (int)limit;
	return true;
}

static bool list_read_customer(struct call *call, struct shop_id *customer_id)
{
	const struct query *query = &call->query;

	if (shop_id_parse(customer_id, query->values[LIST_PARAM_CUSTOMER],
			  query->lens[LIST_PARAM_CUSTOMER]))
		return true;
	call_invalid(call, "query parameter customer_id must be %s", shop_id_rule());
	return false;
}

static bool list_read_status(struct call *call, struct cart_list *list)
{
	const struct query *query = &call->query;

	if (query->values[LIST_PARAM_STATUS] == NULL)
		return true;
	if (list->kind == CART_LIST_IDLE) {
		call_invalid(call, "query parameter status goes with customer_id; idle carts are "
				   "open by definition");
		return false;
	}
	if (query_is(query, LIST_PARAM_STATUS, "open"))
		list->state = CART_LIST_OPEN;
	else if (query_is(query, LIST_PARAM_STATUS, "checked_out"))
		list->state = CART_LIST_CHECKED_OUT;
	else if (query_is(query, LIST_PARAM_STATUS, "merged"))
		list->state = CART_LIST_MERGED;
	else {
		call_invalid(call, "query parameter status must be open, checked_out or merged");
		return false;
	}
	return true;
}

/* Which of the two lists is asked for. */
static bool list_read_kind(struct call *call, struct cart_list *list)
{
	const struct query *query = &call->query;
	const char *idle = query->values[LIST_PARAM_IDLE];

	if ((idle != NULL) == (query->values[LIST_PARAM_CUSTOMER] != NULL)) {
		call_invalid(call, "one of the query parameters customer_id and idle_since is "
				   "needed, and not both");
		return false;
	}
	list->kind = idle != NULL ? CART_LIST_IDLE : CART_LIST_CUSTOMER;
	if (idle == NULL)
		return list_read_customer(call, &list->customer_id);
	if (units_parse_time(idle, query->lens[LIST_PARAM_IDLE], &list->idle_before_ms))
		return true;
	call_invalid(call, "query parameter idle_since must be a time such as "
			   "2025-11-01T23:30:00Z");
	return false;
}

static bool list_read_cursor(struct call *call, struct cart_list *list)
{
	const struct query *query = &call->query;
	const char *cursor = query->values[LIST_PARAM_CURSOR];

	if (cursor == NULL || cursor_parse(list, cursor, query->lens[LIST_PARAM_CURSOR]))
		return true;
	call_invalid(call, "query parameter cursor is not one that this query has given");
	return false;
}

void list_handle(struct call *call)
{
	struct cart_list *list = &call->list;

	if (!list_read_kind(call, list) || !list_read_status(call, list) ||
	    !list_read_limit(call, list) || !list_read_cursor(call, list))
		return;
	buf_add_string(&call->page, "{\"carts\":[");
	slices_begin(call, list_slice);
}
