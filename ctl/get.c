#include "ctl/ctl.h"

#include <string.h>

/* text is a UUID. */
static enum ctl_status ctl_get_one(struct ctl *ctl, struct ctl_session *session, const char *text)
{
	enum ctl_status status;
	struct cart_op op;

	cart_op_init(&op, CART_OP_GET);
	op.flags = CART_READ_STRONG;
	if (!cart_id_parse(&op.id, text, strlen(text)))
		return CTL_USAGE;
	ctl_session_run(session, &op);
	if (op.result == CART_OK)
		status = ctl_print_cart(&op.cart);
	else if (op.result == CART_NOT_FOUND)
		status = ctl_fail(CTL_FAILED, "no cart %s", text);
	else
		status = ctl_print_failure(ctl, &op);
	cart_op_clear(&op);
	return status;
}

static enum ctl_status ctl_get_run(struct ctl *ctl)
{
	const struct ctl_option options[] = {{0}};
	enum ctl_status status;
	struct ctl_session *session;
	struct cart_id id;

	if (ctl_parse(ctl, options) != CTL_OK)
		return CTL_USAGE;
	if (ctl->argc < 2)
		return ctl_fail(CTL_USAGE, "get: the ID of a cart is missing");
	for (int i = 1; i < ctl->argc; i++)
		if (!cart_id_parse(&id, ctl->argv[i], strlen(ctl->argv[i])))
			return ctl_fail(CTL_USAGE, "get: \"%s\" is not a UUID", ctl->argv[i]);
	status = ctl_session_open_to_read(&session, ctl);
	if (status != CTL_OK)
		return status;
	for (int i = 1; i < ctl->argc; i++)
		if (ctl_get_one(ctl, session, ctl->argv[i]) != CTL_OK)
			status = CTL_FAILED;
	ctl_session_close(&session);
	return ctl_flush() != CTL_OK ? CTL_FAILED : status;
}

const struct ctl_command ctl_get = {
	.name = "get",
	.synopsis = "ID...",
	.summary = "Prints carts as JSON, one a line",
	.help = "The exit status is 1 if one of them does not exist.\n"
		"\n"
		"Example:\n"
		"  cartctl get 550e8400-e29b-41d4-a716-446655440000 | jq .items\n",
	.run = ctl_get_run,
};
