#include "bench/target/cart_read.h"

#include "bench/stats/alloc.h"
#include "core/base/units.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool read_id(struct cart_id *id, const json_t *value)
{
	return json_is_string(value) &&
	       cart_id_parse(id, json_string_value(value), json_string_length(value));
}

static bool read_time(int64_t *ms, const json_t *value)
{
	return json_is_string(value) &&
	       units_parse_time(json_string_value(value), json_string_length(value), ms);
}

/* null is 0. */
static bool read_time_or_null(int64_t *ms, const json_t *value)
{
	*ms = 0;
	return json_is_null(value) || read_time(ms, value);
}

static bool read_integer(int64_t *number, const json_t *value)
{
	*number = json_integer_value(value);
	return json_is_integer(value);
}

static bool read_shop_id(struct shop_id *id, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (number < 1 || number > SHOP_ID_NUMBER_MAX)
		return false;
	*id = shop_id_of_number(number);
	return true;
}

static bool read_state(enum cart_state *state, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return false;
	*state = strcmp(text, "open") == 0 ? CART_OPEN : CART_CHECKED_OUT;
	return *state == CART_OPEN || strcmp(text, "checked_out") == 0;
}

static bool read_line(struct cart_line *line, const json_t *item)
{
	return read_shop_id(&line->product_id, json_object_get(item, "product_id")) &&
	       read_integer(&line->quantity, json_object_get(item, "quantity")) &&
	       read_time(&line->added_ms, json_object_get(item, "added_at")) &&
	       read_time(&line->updated_ms, json_object_get(item, "updated_at"));
}

static bool read_lines(struct cart *cart, const json_t *items)
{
	size_t count = json_array_size(items);

	if (!json_is_array(items))
		return false;
	if (count == 0)
		return true;
	cart->lines = bench_alloc(count, sizeof(*cart->lines));
	cart->line_room = count;
	for (; cart->line_count < count; cart->line_count++)
		if (!read_line(&cart->lines[cart->line_count],
			       json_array_get(items, cart->line_count)))
			return false;
	return true;
}

static bool read_cart(struct cart *cart, const json_t *object)
{
	const json_t *order = json_object_get(object, "order_id");

	*cart = (struct cart){0};
	if (read_id(&cart->id, json_object_get(object, "shopping_cart_id")) &&
	    read_shop_id(&cart->customer_id, json_object_get(object, "customer_id")) &&
	    read_state(&cart->state, json_object_get(object, "status")) &&
	    read_integer(&cart->version, json_object_get(object, "version")) &&
	    read_time(&cart->created_ms, json_object_get(object, "created_at")) &&
	    read_time(&cart->updated_ms, json_object_get(object, "updated_at")) &&
	    read_time_or_null(&cart->expires_ms, json_object_get(object, "expires_at")) &&
	    (json_is_null(order) || read_id(&cart->order_id, order)) &&
	    read_lines(cart, json_object_get(object, "items")))
		return true;
	cart_clear(cart);
	return false;
}

bool bench_cart_read(struct cart *cart, const char *json, size_t len)
{
	json_t *object = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	bool read = read_cart(cart, object);

	json_decref(object);
	return read;
}

bool bench_carts_read(struct cart **carts, size_t *count, const char *json, size_t len)
{
	json_t *page = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *array = json_object_get(page, "carts");
	size_t size = json_array_size(array);
	bool read = json_is_array(array);

	*count = 0;
	*carts = bench_alloc(size, sizeof(**carts));
	for (; read && *count < size; ++*count)
		if (!read_cart(&(*carts)[*count], json_array_get(array, *count)))
			read = false;
	if (!read) {
		for (size_t i = 0; i < *count; i++)
			cart_clear(&(*carts)[i]);
		free(*carts);
		*carts = NULL;
		*count = 0;
	}
	json_decref(page);
	return read;
}

bool bench_problem_read(char *error, size_t room, const char *json, size_t len)
{
	json_t *problem = json_loadb(json, len, 0, NULL);
	const char *text = json_string_value(json_object_get(problem, "error"));
	bool read = text != NULL && *text != '\0' &&
		    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(text);

	if (read) {
		strncpy(error, text, room - 1);
		error[room - 1] = '\0';
	}
	json_decref(problem);
	return read;
}
