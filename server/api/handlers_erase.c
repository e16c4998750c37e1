/*
 * Erasure: every cart of a customer, also those that are checked out. Carts are listed and deleted
 * a page at a time, each page in a turn of the loop, so that other clients get theirs. At the end
 * of the list it is read from its start again, because carts are made meanwhile and an index may
 * be late. Only a whole list of which nothing was deleted ends in 200.
 *
 * Whatever ends it before (the deadline, a store that is busy, an answer that was lost) leaves the
 * rest for another call, and the answer says that there may be a rest. If the client goes, the page
 * under way is the last one.
 */
#include "server/api/call.h"
#include "server/api/handlers.h"
#include "server/api/slices.h"

#include <stdlib.h>

static void erase_list(struct call *call);

static void erase_stop(struct call *call, enum cart_result result)
{
	if (result == CART_DAMAGED)
		result = CART_FAILED; /* the log has the cart's id */
	if (result == CART_FAILED || (call->erased == 0 && result != CART_UNCERTAIN))
		call_fail(call, result);
	else
		call_problem(
			call, problem_of_result(CART_UNCERTAIN),
			"%zu carts of the customer were deleted and others may be left; repeat "
			"the call until it answers 200",
			call->erased);
}

static void erase_go_on(struct call *call)
{
	if (!call->list.has_after && call->erased == call->erased_before) {
		buf_add_string(&call->api->out, "{\"deleted\":");
		buf_add_integer(&call->api->out, (int64_t)call->erased);
		buf_add_char(&call->api->out, '}');
		call_reply_json(call, 200);
		return;
	}
	if (!call->list.has_after)
		call->erased_before = call->erased;
	slices_go_on(call, erase_list);
}

/* Counts what was begun of the page. A cart that is gone already was listed late, or deleted by
 * somebody else. CART_UNCERTAIN counts most: then the answer must not say that nothing was changed.
 */
static void erase_deleted(struct call *call)
{
	enum cart_result result = CART_OK;

	for (size_t i = 0; i < call->many_begun; i++) {
		struct cart_op *op = &call->many[i];

		if (op->result == CART_OK)
			call->erased++;
		else if (op->result != CART_NOT_FOUND &&
			 (result == CART_OK || op->result == CART_UNCERTAIN))
			result = op->result;
		cart_op_clear(op);
	}
	call->many_count = 0;
	if (result == CART_OK)
		erase_go_on(call);
	else
		erase_stop(call, result);
}

static void erase_listed(struct call *call)
{
	struct cart_op *op = &call->op;
	size_t count = op->cart_count;

	/* A page of carts that cannot be read has no place to go on from. */
	if (op->result != CART_OK || (op->more && count == 0)) {
		erase_stop(call, op->result != CART_OK ? op->result : CART_FAILED);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		call_prepare_op(call, &call->many[i], CART_OP_DELETE);
		call->many[i].id = op->carts[i].id;
		call->many[i].flags = CART_ERASE;
	}
	if (op->more)
		cart_list_go_on(&call->list, &op->carts[count - 1]);
	else
		call->list.has_after = false;
	cart_op_clear(op);
	call->many_count = count;
	call->many_begun = 0;
	if (count > 0)
		call_submit_many(call, count, erase_deleted);
	else
		erase_go_on(call);
}

static void erase_list(struct call *call)
{
	struct cart_list *list = &call_op(call, CART_OP_LIST)->list;
	size_t carts = slices_carts(call->api, SIZE_MAX);

	*list = call->list;
	list->limit = carts < CART_LIST_MAX ? (int)carts : CART_LIST_MAX;
	call_submit(call, erase_listed);
}

void erase_handle(struct call *call)
{
	const struct query *query = &call->query;
	const char *customer = query->values[LIST_PARAM_CUSTOMER];

	if (customer == NULL ||
	    !shop_id_parse(&call->list.customer_id, customer, query->lens[LIST_PARAM_CUSTOMER])) {
		call_invalid(call, "query parameter customer_id is needed, and must be %s",
			     shop_id_rule());
		return;
	}
	if (http_request_header(call->request, "If-Match", NULL) != NULL) {
		call_invalid(call, "header If-Match asks for a version, and these are many carts");
		return;
	}
	if (!call_refuse_none_match(call))
		return;
	call->many = calloc(CART_LIST_MAX, sizeof(*call->many));
	if (call->many == NULL) {
		call_fail(call, CART_BUSY);
		return;
	}
	call->list.kind = CART_LIST_CUSTOMER;
	call->answers_failure = true;
	slices_begin(call, erase_list);
}
