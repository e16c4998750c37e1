#include "server/api/problem.h"

#include "server/http/http.h"

struct problem problem_of_result(enum cart_result result)
{
	switch (result) {
	case CART_NOT_FOUND:
		return (struct problem){404, "CART_NOT_FOUND"};
	case CART_NO_ITEM:
		return (struct problem){404, "ITEM_NOT_FOUND"};
	case CART_MISMATCH:
		return (struct problem){412, "VERSION_MISMATCH"};
	case CART_CLOSED:
		return (struct problem){409, "CART_CLOSED"};
	case CART_OWNED:
		return (struct problem){409, "CART_OWNED"};
	case CART_EMPTY:
		return (struct problem){409, "CART_EMPTY"};
	case CART_NOT_CLOSED:
		return (struct problem){409, "CART_OPEN"};
	case CART_LIMIT:
		return (struct problem){422, "LIMIT_EXCEEDED"};
	case CART_KEY_REUSED:
		return (struct problem){422, "IDEMPOTENCY_KEY_REUSED"};
	case CART_CURSOR_GONE:
	case CART_CURSOR_FOREIGN:
		return (struct problem){410, "CURSOR_GONE"};
	case CART_CURSOR_INVALID:
		return (struct problem){400, "INVALID_INPUT"};
	case CART_BUSY:
	case CART_CANCELED: /* nothing was changed, and another try may succeed */
		return (struct problem){503, "UNAVAILABLE"};
	case CART_TIMEOUT:
		return (struct problem){504, "TIMEOUT"};
	case CART_UNCERTAIN:
		return (struct problem){504, "OUTCOME_UNKNOWN"};
	case CART_OK:
	case CART_DAMAGED:
	case CART_FAILED:
	case CART_RESULTS:
		break;
	}
	return (struct problem){500, "INTERNAL"};
}

struct problem problem_of_refusal(int status)
{
	if (status == 413)
		return (struct problem){413, "TOO_LARGE"};
	if (status == 503)
		return (struct problem){503, "UNAVAILABLE"};
	if (status == 500)
		return (struct problem){500, "INTERNAL"};
	return (struct problem){status, "BAD_REQUEST"};
}

void problem_write(struct buf *out, struct problem problem, const char *detail)
{
	buf_add_string(out, "{\"type\":\"about:blank\",\"title\":");
	buf_add_json_string(out, http_status_text(problem.status));
	buf_add_string(out, ",\"status\":");
	buf_add_integer(out, problem.status);
	buf_add_string(out, ",\"detail\":");
	buf_add_json_string(out, detail);
	buf_add_string(out, ",\"error\":");
	buf_add_json_string(out, problem.error);
	buf_add_string(out, ",\"message\":");
	buf_add_json_string(out, detail);
	buf_add_char(out, '}');
}
