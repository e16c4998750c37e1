#include "bench/target/http_request.h"

#include "core/cart_op.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const request_methods[BENCH_OP_TYPES] = {
	[BENCH_CREATE] = "POST ",   [BENCH_ADD] = "POST ", [BENCH_SET] = "PUT ",
	[BENCH_REMOVE] = "DELETE ", [BENCH_GET] = "GET ",  [BENCH_CHECKOUT] = "POST ",
	[BENCH_DELETE] = "DELETE ", [BENCH_LIST] = "GET ",
};

void http_request_prepare(struct http_request_form *form, const struct http_origin *origin,
			  bool cold)
{
	const struct bench_url *url = &origin->url;
	const char *token = origin->token;

	form->path_len =
		(size_t)snprintf(form->path, sizeof(form->path), "%s/shopping-carts", url->prefix);
	form->head_len = (size_t)snprintf(form->head, sizeof(form->head),
					  " HTTP/1.1\r\nHost: %s\r\nUser-Agent: cartbench\r\n"
					  "%s%s%s%s",
					  url->authority, cold ? "Connection: close\r\n" : "",
					  token != NULL ? "Authorization: Bearer " : "",
					  token != NULL ? token : "", token != NULL ? "\r\n" : "");
}

static char *request_put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

#define REQUEST_PUT(at, literal) request_put(at, literal, sizeof(literal) - 1)

static char *request_put_string(char *at, const char *text)
{
	return request_put(at, text, strlen(text));
}

static char *request_put_number(char *at, int64_t value)
{
	char digits[20];
	size_t n = sizeof(digits);
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		digits[--n] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		*at++ = '-';
	return request_put(at, digits + n, sizeof(digits) - n);
}

/* quote: '"' in a body, where strings have quotes and integers have none; else NUL. */
static char *request_put_id(char *at, int64_t number, char quote)
{
	struct shop_id id;

	/* A number that is no id is sent all the same, for the service to refuse. */
	if (shop_id_type() == SHOP_ID_INTEGER || number < 1 || number > SHOP_ID_NUMBER_MAX)
		return request_put_number(at, number);
	id = shop_id_of_number(number);
	if (quote != '\0')
		*at++ = quote;
	at = request_put(at, id.text, id.size);
	if (quote != '\0')
		*at++ = quote;
	return at;
}

static char *request_put_path(char *at, const struct http_request_form *form,
			      const struct bench_op *op)
{
	at = request_put(at, form->path, form->path_len);
	if (op->type == BENCH_LIST) {
		at = REQUEST_PUT(at, "?limit=100&customer_id=");
		return request_put_id(at, op->customer_id, '\0');
	}
	if (op->type == BENCH_CREATE)
		return at;
	*at++ = '/';
	cart_id_format(&op->id, at);
	at += CART_ID_TEXT;
	if (op->type == BENCH_ADD || op->type == BENCH_SET || op->type == BENCH_REMOVE)
		at = REQUEST_PUT(at, "/items");
	if (op->type == BENCH_SET || op->type == BENCH_REMOVE) {
		*at++ = '/';
		at = request_put_id(at, op->product_id, '\0');
	}
	if (op->type == BENCH_CHECKOUT)
		at = REQUEST_PUT(at, "/checkout");
	if (op->type == BENCH_GET && op->read == BENCH_READ_STRONG)
		at = REQUEST_PUT(at, "?consistency=strong");
	if (op->type == BENCH_GET && op->read == BENCH_READ_EVENTUAL)
		at = REQUEST_PUT(at, "?consistency=eventual");
	return at;
}

static char *request_put_headers(char *at, const struct bench_op *op)
{
	if (op->key != NULL && bench_op_type_changes(op->type) && op->type != BENCH_DELETE) {
		assert(strlen(op->key) <= CART_KEY_MAX);
		at = REQUEST_PUT(at, "Idempotency-Key: ");
		at = request_put_string(at, op->key);
		at = REQUEST_PUT(at, "\r\n");
	}
	if (op->if_version != 0 && bench_op_type_changes(op->type) && op->type != BENCH_CREATE) {
		at = REQUEST_PUT(at, "If-Match: \"");
		at = request_put_number(at, op->if_version);
		at = REQUEST_PUT(at, "\"\r\n");
	}
	if (op->want_cart && bench_op_type_changes(op->type) && op->type != BENCH_CREATE)
		at = REQUEST_PUT(at, "Prefer: return=representation\r\n");
	return at;
}

/* Returns the length, 0 for none. The longest body has an id and a number. */
static size_t request_write_body(const struct bench_op *op, char body[96])
{
	char *at = body;

	switch (op->type) {
	case BENCH_CREATE:
		at = REQUEST_PUT(at, "{\"customer_id\":");
		at = request_put_id(at, op->customer_id, '"');
		break;
	case BENCH_ADD:
		at = REQUEST_PUT(at, "{\"product_id\":");
		at = request_put_id(at, op->product_id, '"');
		at = REQUEST_PUT(at, ",\"quantity\":");
		at = request_put_number(at, op->quantity);
		break;
	case BENCH_SET:
		at = REQUEST_PUT(at, "{\"quantity\":");
		at = request_put_number(at, op->quantity);
		break;
	default:
		return 0;
	}
	*at++ = '}';
	return (size_t)(at - body);
}

size_t http_request_write(const struct http_request_form *form, const struct bench_op *op,
			  char out[HTTP_REQUEST_MAX])
{
	char body[96], *at = request_put_string(out, request_methods[op->type]);
	size_t len = request_write_body(op, body);

	at = request_put_path(at, form, op);
	at = request_put(at, form->head, form->head_len);
	at = request_put_headers(at, op);
	if (len > 0) {
		at = REQUEST_PUT(at, "Content-Type: application/json\r\nContent-Length: ");
		at = request_put_number(at, (int64_t)len);
		at = REQUEST_PUT(at, "\r\n");
	} else if (op->type == BENCH_CHECKOUT) { /* RFC 9110, 8.6: a POST without a body says so */
		at = REQUEST_PUT(at, "Content-Length: 0\r\n");
	}
	at = REQUEST_PUT(at, "\r\n");
	at = request_put(at, body, len);
	assert(at - out <= HTTP_REQUEST_MAX);
	return (size_t)(at - out);
}
