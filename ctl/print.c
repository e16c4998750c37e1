#include "core/cart_json.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum ctl_status ctl_fail(enum ctl_status status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("cartctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

enum ctl_status ctl_flush(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return ctl_fail(CTL_FAILED, "cannot write: %s", strerror(errno));
	return CTL_OK;
}

enum ctl_status ctl_print_cart(const struct cart *cart)
{
	struct buf out = {0};
	bool printed;

	cart_json_write(&out, cart);
	buf_add_char(&out, '\n');
	printed = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len;
	buf_free(&out);
	return printed ? CTL_OK : ctl_fail(CTL_FAILED, "cannot write: %s", strerror(errno));
}

enum ctl_status ctl_print_failure(const struct ctl *ctl, const struct cart_op *op)
{
	const char *text = cart_result_name(op->result);

	if (op->result == CART_BUSY)
		text = "the store cannot take the request now";
	else if (op->result == CART_TIMEOUT)
		text = "the store did not answer within request.deadline";
	return ctl_fail(CTL_FAILED, "%s: %s%s%s", ctl->argv[0], text,
			op->reason[0] == '\0' ? "" : ": ", op->reason);
}
