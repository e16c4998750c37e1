#include "core/cart.h"

#include "core/cart_attributes.h"

#include <stdlib.h>
#include <string.h>

const char *cart_result_name(enum cart_result result)
{
	static const char *const names[CART_RESULTS] = {
		[CART_OK] = "OK",
		[CART_NOT_FOUND] = "NOT_FOUND",
		[CART_NO_ITEM] = "NO_ITEM",
		[CART_MISMATCH] = "MISMATCH",
		[CART_CLOSED] = "CLOSED",
		[CART_OWNED] = "OWNED",
		[CART_EMPTY] = "EMPTY",
		[CART_NOT_CLOSED] = "NOT_CLOSED",
		[CART_LIMIT] = "LIMIT",
		[CART_KEY_REUSED] = "KEY_REUSED",
		[CART_BUSY] = "BUSY",
		[CART_TIMEOUT] = "TIMEOUT",
		[CART_UNCERTAIN] = "UNCERTAIN",
		[CART_CANCELED] = "CANCELED",
		[CART_DAMAGED] = "DAMAGED",
		[CART_CURSOR_GONE] = "CURSOR_GONE",
		[CART_CURSOR_FOREIGN] = "CURSOR_FOREIGN",
		[CART_CURSOR_INVALID] = "CURSOR_INVALID",
		[CART_FAILED] = "FAILED",
	};

	return (unsigned)result < CART_RESULTS ? names[result] : "?";
}

const char *cart_state_name(enum cart_state state)
{
	static const char *const names[] = {
		[CART_OPEN] = "open", [CART_CHECKED_OUT] = "checked_out", [CART_MERGED] = "merged"};

	return names[state];
}

void cart_drop_lines(struct cart *cart)
{
	/* Few lines have some: a call for each would be most of the cost. */
	for (size_t i = 0; i < cart->line_count; i++)
		if (cart->lines[i].attributes != NULL)
			free(cart->lines[i].attributes);
	cart->line_count = 0;
}

void cart_clear(struct cart *cart)
{
	cart_drop_lines(cart);
	free(cart->lines);
	*cart = (struct cart){0};
}

bool cart_reserve_lines(struct cart *cart, size_t count)
{
	struct cart_line *lines;

	if (count <= cart->line_room)
		return true;
	lines = reallocarray(cart->lines, count, sizeof(*lines));
	if (lines == NULL)
		return false;
	cart->lines = lines;
	cart->line_room = count;
	return true;
}

/* To a cart without lines that has room for them. False: no memory; it may have some of them. */
static bool cart_copy_lines(struct cart *to, const struct cart *from)
{
	memcpy(to->lines, from->lines, from->line_count * sizeof(*from->lines));
	for (size_t i = 0; i < from->line_count; i++) {
		if (from->lines[i].attributes == NULL)
			continue;
		to->line_count = i;
		to->lines[i].attributes = strdup(from->lines[i].attributes);
		if (to->lines[i].attributes == NULL)
			return false;
	}
	to->line_count = from->line_count;
	return true;
}

bool cart_copy(struct cart *to, const struct cart *from)
{
	*to = *from;
	to->lines = NULL;
	to->line_count = to->line_room = 0;
	if (from->line_count == 0)
		return true;
	if (cart_reserve_lines(to, from->line_count) && cart_copy_lines(to, from))
		return true;
	cart_clear(to);
	return false;
}

size_t cart_line_at(const struct cart *cart, const struct shop_id *product_id)
{
	size_t low = 0, high = cart->line_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (shop_id_compare(&cart->lines[middle].product_id, product_id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct cart_line *cart_find_line(const struct cart *cart, const struct shop_id *product_id)
{
	size_t at = cart_line_at(cart, product_id);

	if (at < cart->line_count && shop_id_compare(&cart->lines[at].product_id, product_id) == 0)
		return &cart->lines[at];
	return NULL;
}

/* 1970 to 9999: what an answer can show. */
static bool cart_is_time(int64_t ms)
{
	return ms >= 0 && ms <= CART_TIME_MAX_MS;
}

bool cart_is_sound(const struct cart *cart)
{
	return (cart->state == CART_OPEN || cart->state == CART_CHECKED_OUT ||
		cart->state == CART_MERGED) &&
	       cart_id_is_nil(&cart->order_id) == (cart->state != CART_CHECKED_OUT) &&
	       cart_id_is_nil(&cart->merged_into) == (cart->state != CART_MERGED) &&
	       cart->version >= 1 && cart->version <= CART_VERSION_MAX &&
	       cart_is_time(cart->created_ms) && cart_is_time(cart->updated_ms) &&
	       cart->expires_ms >= 0;
}

bool cart_line_is_sound(const struct cart_line *line)
{
	return line->quantity >= 1 && line->quantity <= CART_QUANTITY_MAX &&
	       cart_is_time(line->added_ms) && cart_is_time(line->updated_ms) &&
	       (line->attributes == NULL ||
		cart_attributes_are_sound(line->attributes, strlen(line->attributes)));
}

bool cart_is_sound_whole(const struct cart *cart)
{
	if (!cart_is_sound(cart) ||
	    (cart->customer_id.size > 0 && !shop_id_is_valid(&cart->customer_id)))
		return false;
	for (size_t i = 0; i < cart->line_count; i++) {
		const struct cart_line *line = &cart->lines[i];

		if (!cart_line_is_sound(line) || !shop_id_is_valid(&line->product_id) ||
		    (i > 0 && shop_id_compare(&line[-1].product_id, &line->product_id) >= 0))
			return false;
	}
	return true;
}

static bool cart_line_equal(const struct cart_line *a, const struct cart_line *b)
{
	return shop_id_compare(&a->product_id, &b->product_id) == 0 && a->quantity == b->quantity &&
	       a->added_ms == b->added_ms && a->updated_ms == b->updated_ms &&
	       cart_attributes_equal(a->attributes, b->attributes);
}

bool cart_equal(const struct cart *a, const struct cart *b)
{
	bool equal = cart_id_compare(&a->id, &b->id) == 0 &&
		     shop_id_compare(&a->customer_id, &b->customer_id) == 0 &&
		     a->state == b->state && a->version == b->version &&
		     a->created_ms == b->created_ms && a->updated_ms == b->updated_ms &&
		     a->expires_ms == b->expires_ms &&
		     cart_id_compare(&a->order_id, &b->order_id) == 0 &&
		     cart_id_compare(&a->merged_into, &b->merged_into) == 0 &&
		     a->line_count == b->line_count;

	for (size_t i = 0; equal && i < a->line_count; i++)
		equal = cart_line_equal(&a->lines[i], &b->lines[i]);
	return equal;
}

bool cart_is_expired(const struct cart *cart, int64_t now_ms)
{
	return cart->expires_ms != 0 && cart->expires_ms <= now_ms;
}
