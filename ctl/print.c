#include "ctl/print.h"

#include "core/cart_json.h"

#include <stdio.h>

bool ctl_print_cart(const struct cart *cart)
{
	struct buf out = {0};
	bool printed;

	cart_json_write(&out, cart);
	buf_add_char(&out, '\n');
	printed = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
	buf_free(&out);
	return printed;
}

enum ctl_status ctl_print_failure(const struct ctl *ctl, const struct cart_op *op)
{
	const char *text;

	switch (op->result) {
	case CART_BUSY:
		text = "the store cannot take it now";
		break;
	case CART_TIMEOUT:
		text = "the store did not answer within request.deadline";
		break;
	default:
		text = cart_result_name(op->result);
		break;
	}
	return ctl_fail(CTL_FAILED, "%s: %s%s%s", ctl->argv[0], text,
			op->reason[0] == '\0' ? "" : ": ", op->reason);
}
