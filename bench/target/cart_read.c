#include "bench/target/cart_read.h"

#include "bench/stats/alloc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool read_product(struct shop_id *id, const json_t *value)
{
	json_int_t number = json_integer_value(value);

	if (shop_id_type() == SHOP_ID_STRING)
		return json_is_string(value) &&
		       shop_id_parse(id, json_string_value(value), json_string_length(value));
	if (number < 1 || number > SHOP_ID_NUMBER_MAX)
		return false;
	*id = shop_id_of_number(number);
	return true;
}

static bool read_line(struct cart_line *line, json_t *item)
{
	json_t *product;
	json_int_t quantity;

	if (json_unpack(item, "{s:o, s:I}", "product_id", &product, "quantity", &quantity) != 0 ||
	    !read_product(&line->product_id, product))
		return false;
	line->quantity = quantity;
	return true;
}

static bool read_cart(struct cart *cart, json_t *object)
{
	json_t *items = NULL, *item;
	json_int_t version;
	const char *id;
	size_t len, at;

	*cart = (struct cart){0};
	if (json_unpack(object, "{s:s%, s:I, s:o}", "shopping_cart_id", &id, &len, "version",
			&version, "items", &items) != 0 ||
	    !json_is_array(items) || !cart_id_parse(&cart->id, id, len))
		return false;
	cart->version = version;
	cart->line_room = json_array_size(items);
	cart->lines = bench_alloc(cart->line_room, sizeof(*cart->lines));
	json_array_foreach(items, at, item)
	{
		if (!read_line(&cart->lines[cart->line_count++], item)) {
			cart_clear(cart);
			return false;
		}
	}
	return true;
}

bool bench_cart_read(struct cart *cart, const char *json, size_t len)
{
	json_t *object = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	bool read = read_cart(cart, object);

	json_decref(object);
	return read;
}

bool bench_cart_is(const struct cart_id *id, const char *json, size_t len)
{
	char text[CART_ID_TEXT + 1];

	cart_id_format(id, text);
	return len > 0 && memmem(json, len, text, CART_ID_TEXT) != NULL &&
	       memmem(json, len, "\"items\"", strlen("\"items\"")) != NULL;
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
