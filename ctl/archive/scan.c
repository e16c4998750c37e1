#include "ctl/archive/scan.h"

#include <stdlib.h>
#include <string.h>

struct scan {
	const char *at, *end;
};

#define SCAN(scan, literal) scan_literal(scan, literal, sizeof(literal) - 1)

static bool scan_literal(struct scan *scan, const char *literal, size_t len)
{
	bool same = (size_t)(scan->end - scan->at) >= len && memcmp(scan->at, literal, len) == 0;

	if (same)
		scan->at += len;
	return same;
}

/* As it is written: without zeros at the beginning. */
static bool scan_integer(struct scan *scan, int64_t *value)
{
	bool negative = SCAN(scan, "-");
	const char *from = scan->at;
	int64_t sum = 0;

	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_sub_overflow(sum, *scan->at - '0', &sum))
			return false;
	if (scan->at == from || (*from == '0' && (negative || scan->at - from > 1)) ||
	    (!negative && sum == INT64_MIN))
		return false;
	*value = negative ? sum : -sum;
	return true;
}

/* What is between quotes, without escapes. */
static bool scan_text(struct scan *scan, const char **text, size_t *len)
{
	const char *end = NULL;

	if (SCAN(scan, "\""))
		end = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
	if (end == NULL)
		return false;
	*text = scan->at;
	*len = (size_t)(end - scan->at);
	scan->at = end + 1;
	return memchr(*text, '\\', *len) == NULL;
}

static bool scan_cart_id(struct scan *scan, struct cart_id *id)
{
	const char *text;
	size_t len;

	return scan_text(scan, &text, &len) && cart_id_parse(id, text, len);
}

static bool scan_shop_id(struct scan *scan, struct shop_id *id)
{
	const char *text;
	size_t len;

	return scan_text(scan, &text, &len) && shop_id_parse(id, text, len);
}

static bool scan_state(struct scan *scan, enum cart_state *state)
{
	if (SCAN(scan, "\"checked_out\""))
		*state = CART_CHECKED_OUT;
	else if (SCAN(scan, "\"open\""))
		*state = CART_OPEN;
	else if (SCAN(scan, "\"merged\""))
		*state = CART_MERGED;
	else
		return false;
	return true;
}

/* Up to the quote that ends a string, or to the end of the line. */
static const char *scan_string_end(const struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end && *at != '"')
		at += *at == '\\' && scan->end - at > 1 ? 2 : 1;
	return at;
}

/* A string of ASCII whose escapes are those of quotes and backslashes. */
static bool scan_attributes(struct scan *scan, char **attributes)
{
	const char *end;
	char *to;

	if (!SCAN(scan, "\""))
		return false;
	end = scan_string_end(scan);
	if (end == scan->end)
		return false;
	to = *attributes = malloc((size_t)(end - scan->at) + 1);
	if (to == NULL)
		return false;
	while (scan->at < end) {
		bool escaped = *scan->at == '\\';
		char c = scan->at[escaped];

		if (c < 0x20 || c > 0x7e || (escaped && c != '"' && c != '\\'))
			return false;
		scan->at += escaped ? 2 : 1;
		*to++ = c;
	}
	*to = '\0';
	return SCAN(scan, "\"");
}

static bool scan_item(struct scan *scan, struct cart_line *line)
{
	return SCAN(scan, "{\"product_id\":") && scan_shop_id(scan, &line->product_id) &&
	       SCAN(scan, ",\"quantity\":") && scan_integer(scan, &line->quantity) &&
	       SCAN(scan, ",\"added_ms\":") && scan_integer(scan, &line->added_ms) &&
	       SCAN(scan, ",\"updated_ms\":") && scan_integer(scan, &line->updated_ms) &&
	       SCAN(scan, ",\"attributes\":") &&
	       (SCAN(scan, "null") || scan_attributes(scan, &line->attributes)) && SCAN(scan, "}");
}

static bool scan_items(struct scan *scan, struct cart *cart)
{
	do {
		size_t room = cart->line_room > 0 ? 2 * cart->line_room : 4;

		if (cart->line_count == cart->line_room && !cart_reserve_lines(cart, room))
			return false;
		cart->lines[cart->line_count] = (struct cart_line){0};
		if (!scan_item(scan, &cart->lines[cart->line_count++]))
			return false;
	} while (SCAN(scan, ","));
	return true;
}

static bool scan_cart(struct scan *scan, struct cart *cart)
{
	return SCAN(scan, "{\"id\":") && scan_cart_id(scan, &cart->id) &&
	       SCAN(scan, ",\"customer_id\":") &&
	       (SCAN(scan, "null") || scan_shop_id(scan, &cart->customer_id)) &&
	       SCAN(scan, ",\"state\":") && scan_state(scan, &cart->state) &&
	       SCAN(scan, ",\"version\":") && scan_integer(scan, &cart->version) &&
	       SCAN(scan, ",\"created_ms\":") && scan_integer(scan, &cart->created_ms) &&
	       SCAN(scan, ",\"updated_ms\":") && scan_integer(scan, &cart->updated_ms) &&
	       SCAN(scan, ",\"expires_ms\":") &&
	       (SCAN(scan, "null") || scan_integer(scan, &cart->expires_ms)) &&
	       SCAN(scan, ",\"order_id\":") &&
	       (SCAN(scan, "null") || scan_cart_id(scan, &cart->order_id)) &&
	       SCAN(scan, ",\"merged_into\":") &&
	       (SCAN(scan, "null") || scan_cart_id(scan, &cart->merged_into)) &&
	       SCAN(scan, ",\"items\":[") &&
	       (SCAN(scan, "]}") || (scan_items(scan, cart) && SCAN(scan, "]}")));
}

bool archive_line_scan(struct cart *cart, const char *line, size_t len)
{
	struct scan scan = {.at = line, .end = line + len};

	*cart = (struct cart){0};
	if (scan_cart(&scan, cart) && scan.at == scan.end)
		return true;
	cart_clear(cart);
	return false;
}
