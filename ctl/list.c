/* Lists carts page by page, so that memory does not grow with their number. */
#include "ctl/ctl.h"

#include <string.h>

struct ctl_list_request {
	struct cart_list list;
	int64_t left; /* carts still to print */
};

static enum ctl_status ctl_list_state(const char *status, struct cart_list *list)
{
	if (status == NULL)
		list->state = CART_LIST_ANY;
	else if (strcmp(status, "open") == 0)
		list->state = CART_LIST_OPEN;
	else if (strcmp(status, "checked_out") == 0)
		list->state = CART_LIST_CHECKED_OUT;
	else if (strcmp(status, "merged") == 0)
		list->state = CART_LIST_MERGED;
	else
		return ctl_fail(CTL_USAGE,
				"list: --status: \"%s\" is not open, checked_out or merged",
				status);
	return CTL_OK;
}

static enum ctl_status ctl_list_read(struct ctl *ctl, struct ctl_list_request *request)
{
	const char *customer = NULL, *idle = NULL, *status = NULL, *limit = NULL;
	const struct ctl_option options[] = {
		{.name = "--customer", .value = &customer},
		{.name = "--idle-since", .value = &idle},
		{.name = "--status", .value = &status},
		{.name = "--limit", .value = &limit},
		{0},
	};

	if (ctl_parse_options(ctl, options) != CTL_OK)
		return CTL_USAGE;
	if ((customer == NULL) == (idle == NULL))
		return ctl_fail(CTL_USAGE, "list: needs one of --customer and --idle-since");
	if (idle != NULL && status != NULL)
		return ctl_fail(CTL_USAGE, "list: --status goes with --customer; idle carts are "
					   "open");
	request->list.kind = customer != NULL ? CART_LIST_CUSTOMER : CART_LIST_IDLE;
	if (customer != NULL &&
	    !shop_id_parse(&request->list.customer_id, customer, strlen(customer)))
		return ctl_fail(CTL_USAGE, "list: --customer: \"%s\" is not %s", customer,
				shop_id_rule());
	if (idle != NULL && !ctl_parse_time(idle, &request->list.idle_before_ms))
		return ctl_fail(CTL_USAGE,
				"list: --idle-since: \"%s\" is neither a time such as "
				"2025-11-01T23:30:00Z nor a duration such as 24h",
				idle);
	request->left = INT64_MAX;
	if (limit != NULL && !ctl_parse_integer(limit, 1, INT64_MAX, &request->left))
		return ctl_fail(CTL_USAGE, "list: --limit: \"%s\" is not an integer from 1 on",
				limit);
	return ctl_list_state(status, &request->list);
}

/* Prints a page and moves the request behind it. *more: there is another page. */
static enum ctl_status ctl_list_page(struct ctl *ctl, struct ctl_session *session,
				     struct ctl_list_request *request, bool *more)
{
	enum ctl_status status = CTL_OK;
	struct cart_op op;

	cart_op_init(&op, CART_OP_LIST);
	op.list = request->list;
	op.list.limit = request->left < CART_LIST_MAX ? (int)request->left : CART_LIST_MAX;
	ctl_session_run(session, &op);
	if (op.result != CART_OK)
		status = ctl_print_failure(ctl, &op);
	for (size_t i = 0; i < op.cart_count && status == CTL_OK; i++)
		status = ctl_print_cart(&op.carts[i]);
	*more = status == CTL_OK && op.more && op.cart_count > 0;
	if (*more) {
		cart_list_go_on(&request->list, &op.carts[op.cart_count - 1]);
		request->left -= (int64_t)op.cart_count;
	}
	cart_op_clear(&op);
	return status;
}

static enum ctl_status ctl_list_run(struct ctl *ctl)
{
	struct ctl_list_request request = {.left = 0};
	struct ctl_session *session;
	enum ctl_status status;
	bool more = true;

	if (ctl_list_read(ctl, &request) != CTL_OK)
		return CTL_USAGE;
	status = ctl_session_open_to_read(&session, ctl);
	if (status != CTL_OK)
		return status;
	do
		status = ctl_list_page(ctl, session, &request, &more);
	while (more && request.left > 0);
	ctl_session_close(&session);
	if (status == CTL_OK)
		status = ctl_flush();
	if (status == CTL_OK && more)
		ctl_fail(CTL_OK, "list: there are more carts than --limit");
	return status;
}

const struct ctl_command ctl_list = {
	.name = "list",
	.synopsis = "--customer ID [--status open|checked_out|merged] [--limit N]\n"
		    "       cartctl list --idle-since TIME [--limit N]",
	.summary = "Prints a customer's carts, or those left idle, as JSON, one a line",
	.help = "Options:\n"
		"  --customer ID     carts of this customer, newest first\n"
		"  --status STATUS   only carts with this status: open, checked_out or merged\n"
		"  --idle-since TIME open carts that have not changed since TIME, longest idle "
		"first\n"
		"                    to the step of cart.idle_step; TIME is RFC 3339\n"
		"                    (2025-11-01T23:30:00Z) or a duration before now (24h)\n"
		"  --limit N         stop after N carts\n"
		"\n"
		"Examples:\n"
		"  cartctl list --customer 123 --status open\n"
		"  cartctl list --idle-since 7d --limit 20 | jq -r .shopping_cart_id\n",
	.run = ctl_list_run,
};
