#include "server/api/body.h"

#include "core/base/json_parse.h"
#include "core/cart_attributes.h"
#include "server/http/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_FAIL(detail_, result_, ...) (snprintf(detail_, BODY_DETAIL_MAX, __VA_ARGS__), result_)

/* Messages of our own: those of jansson quote the input, which may not even be UTF-8. */
static enum body_result body_parse_failed(const json_error_t *error, char detail[BODY_DETAIL_MAX])
{
	switch (json_error_code(error)) {
	case json_error_numeric_overflow:
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "the body has a number that is out of range at byte %d",
				 error->position);
	case json_error_duplicate_key:
		return BODY_FAIL(detail, BODY_INVALID_JSON,
				 "the body has a duplicate member at byte %d", error->position);
	case json_error_invalid_utf8:
		return BODY_FAIL(detail, BODY_INVALID_JSON, "the body is not UTF-8");
	case json_error_stack_overflow:
		return BODY_FAIL(detail, BODY_INVALID_JSON, "the body is nested too deeply");
	default:
		return BODY_FAIL(detail, BODY_INVALID_JSON,
				 "the body is not JSON: wrong at byte %d", error->position);
	}
}

static enum body_result body_parse(const char *text, size_t len, json_t **root,
				   char detail[BODY_DETAIL_MAX])
{
	json_error_t error;
	bool no_memory;
	json_t *json;

	if (len == 0)
		return BODY_FAIL(detail, BODY_INVALID_JSON,
				 "the body is empty, where one JSON object is expected");
	json = json_parse(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error, &no_memory);
	if (no_memory)
		return BODY_FAIL(detail, BODY_NO_MEMORY, "out of memory");
	if (json == NULL)
		return body_parse_failed(&error, detail);
	if (!json_is_object(json)) {
		json_decref(json);
		return BODY_FAIL(detail, BODY_INVALID_JSON, "the body is not a JSON object");
	}
	*root = json;
	return BODY_OK;
}

/* where is the prefix of the members' names in messages: "", "items[3]." */
static enum body_result body_check_members(json_t *object, const char *where,
					   const char *const *known, char detail[BODY_DETAIL_MAX])
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		char quoted[TEXT_QUOTED];
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], name) != 0)
			i++;
		if (known[i] == NULL)
			return BODY_FAIL(detail, BODY_INVALID_INPUT, "unknown member %s%s", where,
					 text_quote(quoted, name, strlen(name)));
	}
	return BODY_OK;
}

static enum body_result body_take_integer(const json_t *object, const char *where, const char *name,
					  int64_t min, int64_t max, int64_t *value,
					  char detail[BODY_DETAIL_MAX])
{
	const json_t *member = json_object_get(object, name);

	if (member == NULL)
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s%s is missing", where, name);
	if (!json_is_integer(member))
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s%s is not an integer", where, name);
	if (json_integer_value(member) < min || json_integer_value(member) > max)
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "%s%s is out of range: %" PRId64 " to %" PRId64, where, name, min,
				 max);
	*value = json_integer_value(member);
	return BODY_OK;
}

static enum body_result body_take_string_id(const json_t *object, const char *where,
					    const char *name, struct shop_id *id,
					    char detail[BODY_DETAIL_MAX])
{
	const json_t *member = json_object_get(object, name);

	if (member == NULL)
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s%s is missing", where, name);
	if (!json_is_string(member))
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s%s is not a string", where, name);
	if (!shop_id_parse(id, json_string_value(member), json_string_length(member)))
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s%s must be %s", where, name,
				 shop_id_rule());
	return BODY_OK;
}

static enum body_result body_take_id(const json_t *object, const char *where, const char *name,
				     struct shop_id *id, char detail[BODY_DETAIL_MAX])
{
	enum body_result result;
	int64_t number;

	if (shop_id_type() == SHOP_ID_STRING)
		return body_take_string_id(object, where, name, id, detail);
	result = body_take_integer(object, where, name, 1, SHOP_ID_NUMBER_MAX, &number, detail);
	if (result == BODY_OK)
		*id = shop_id_of_number(number);
	return result;
}

/* The array of that name, of min to max elements. */
static enum body_result body_take_array(const json_t *object, const char *name, size_t min,
					size_t max, json_t **array, char detail[BODY_DETAIL_MAX])
{
	json_t *member = json_object_get(object, name);

	if (member == NULL)
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s is missing", name);
	if (!json_is_array(member))
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s is not an array", name);
	if (json_array_size(member) < min)
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s is empty", name);
	if (json_array_size(member) > max)
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "%s has more than %zu elements", name,
				 max);
	*array = member;
	return BODY_OK;
}

/* What the lines of a body are, and where they go. */
struct body_items {
	enum cart_change_type type;
	int64_t least, most; /* quantity */
	size_t fewest;
	bool attributes; /* they may have some */
	size_t size;	 /* of the body */
	struct changes *changes;
};

static struct body_items body_adds(size_t size, const struct cart_rules *rules,
				   struct changes *changes)
{
	return (struct body_items){CART_CHANGE_ADD,	      1,    CART_ADD_MAX, 1,
				   rules->attributes_max > 0, size, changes};
}

static struct body_items body_sets(enum cart_change_type type, size_t size,
				   const struct cart_rules *rules, struct changes *changes)
{
	return (struct body_items){type, 0,	 rules->quantity_max, 0, rules->attributes_max > 0,
				   size, changes};
}

/* A price is a string, or counts the smallest coin: a fraction does not survive a client that reads
 * it into a binary number, and the same is true of a large integer. */
static enum body_result body_check_attribute(const char *where, const char *name,
					     const json_t *value, char detail[BODY_DETAIL_MAX])
{
	json_int_t most = CART_ATTRIBUTES_INTEGER_MAX;
	char quoted[TEXT_QUOTED];

	text_quote(quoted, name, strlen(name));
	if (!json_is_string(value) && !json_is_integer(value) && !json_is_boolean(value))
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "%sattributes.%s is not a string, an integer, true or false",
				 where, quoted);
	if (json_integer_value(value) < -most || json_integer_value(value) > most)
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "%sattributes.%s is out of range: %lld to %lld", where, quoted,
				 -most, most);
	return BODY_OK;
}

static enum body_result body_write_attributes(const json_t *object, const struct body_items *items,
					      const char **attributes, char detail[BODY_DETAIL_MAX])
{
	char **end = changes_attributes(items->changes, items->size);
	size_t room, len = 0;

	if (end != NULL) {
		room = items->size - (size_t)(*end - items->changes->attributes);
		len = json_dumpb(object, *end, room, JSON_COMPACT | JSON_SORT_KEYS);
	}
	/* It always has room: what jansson writes is never longer than what it has read. */
	if (len == 0 || len >= room)
		return BODY_FAIL(detail, BODY_NO_MEMORY, "out of memory");
	(*end)[len] = '\0';
	*attributes = *end;
	*end += len + 1;
	return BODY_OK;
}

/* The member attributes of a line, which may be missing. */
static enum body_result body_take_attributes(json_t *line, const char *where,
					     const struct body_items *items,
					     const char **attributes, char detail[BODY_DETAIL_MAX])
{
	json_t *object = json_object_get(line, "attributes"), *value;
	enum body_result result = BODY_OK;
	const char *name;

	*attributes = NULL;
	if (object == NULL)
		return BODY_OK;
	if (!items->attributes)
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "%sattributes must be missing: limits.attributes is 0", where);
	*attributes = CART_ATTRIBUTES_REMOVE;
	if (json_is_null(object))
		return BODY_OK;
	if (!json_is_object(object))
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "%sattributes is not an object or null", where);
	json_object_foreach(object, name, value)
	{
		result = body_check_attribute(where, name, value, detail);
		if (result != BODY_OK)
			return result;
	}
	if (json_object_size(object) == 0)
		return BODY_OK;
	return body_write_attributes(object, items, attributes, detail);
}

static enum body_result body_take_line(json_t *object, const char *where,
				       const struct body_items *items, struct cart_change *change,
				       char detail[BODY_DETAIL_MAX])
{
	enum body_result result = body_take_integer(object, where, "quantity", items->least,
						    items->most, &change->quantity, detail);

	change->type = items->type;
	if (result == BODY_OK)
		result = body_take_attributes(object, where, items, &change->attributes, detail);
	return result;
}

static enum body_result body_take_item(json_t *object, const char *where,
				       const struct body_items *items, struct cart_change *change,
				       char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"product_id", "quantity", "attributes", NULL};
	enum body_result result = body_check_members(object, where, known, detail);

	if (result == BODY_OK)
		result = body_take_id(object, where, "product_id", &change->product_id, detail);
	if (result == BODY_OK)
		result = body_take_line(object, where, items, change, detail);
	return result;
}

/* The array, and room for one change at least. */
static enum body_result body_take_items(json_t *object, const struct body_items *items,
					char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"items", NULL};
	enum body_result result = body_check_members(object, "", known, detail);
	struct changes *changes = items->changes;
	json_t *array;

	if (result == BODY_OK) /* http.max_body bounds their number */
		result = body_take_array(object, "items", items->fewest, SIZE_MAX, &array, detail);
	if (result != BODY_OK)
		return result;
	changes->all = calloc(json_array_size(array) + 1, sizeof(*changes->all));
	if (changes->all == NULL)
		return BODY_FAIL(detail, BODY_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < json_array_size(array) && result == BODY_OK; i++) {
		json_t *item = json_array_get(array, i);
		char where[32];

		snprintf(where, sizeof(where), "items[%zu].", i);
		if (json_is_object(item))
			result = body_take_item(item, where, items, &changes->all[i], detail);
		else
			result = BODY_FAIL(detail, BODY_INVALID_INPUT,
					   "items[%zu] is not an object", i);
	}
	changes->count = json_array_size(array);
	return result;
}

/* Parses a body whose members are all known. On BODY_OK the caller releases *root. */
static enum body_result body_parse_known(const char *text, size_t len, const char *const *known,
					 json_t **root, char detail[BODY_DETAIL_MAX])
{
	enum body_result result = body_parse(text, len, root, detail);

	if (result != BODY_OK)
		return result;
	result = body_check_members(*root, "", known, detail);
	if (result != BODY_OK)
		json_decref(*root);
	return result;
}

enum body_result body_read_cart(const char *text, size_t len, const struct cart_rules *rules,
				struct shop_id *customer_id, struct changes *changes,
				char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"customer_id", "items", NULL};
	const struct body_items items = body_adds(len, rules, changes);
	struct plain_member plain = {.name = "customer_id", .id = customer_id};
	enum body_result result;
	const json_t *customer, *lines;
	json_t *root;

	if (plain_read(text, len, &plain, 1))
		return BODY_OK;
	*customer_id = (struct shop_id){0};
	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	customer = json_object_get(root, "customer_id");
	if (customer != NULL && !json_is_null(customer))
		result = body_take_id(root, "", "customer_id", customer_id, detail);
	/* Generated clients write an empty list where they were given none. */
	lines = json_object_get(root, "items");
	if (json_is_array(lines) && json_array_size(lines) == 0)
		(void)json_object_del(root, "items");
	/* What is left is a body of items. */
	(void)json_object_del(root, "customer_id");
	if (result == BODY_OK && json_object_size(root) > 0)
		result = body_take_items(root, &items, detail);
	json_decref(root);
	return result;
}

enum body_result body_read_customer(const char *text, size_t len, struct shop_id *customer_id,
				    char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"customer_id", NULL};
	struct plain_member plain = {.name = "customer_id", .id = customer_id};
	enum body_result result;
	json_t *root;

	if (plain_read(text, len, &plain, 1))
		return BODY_OK;
	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	result = body_take_id(root, "", "customer_id", customer_id, detail);
	json_decref(root);
	return result;
}

/* One change, of a plain body. False: the body is not plain. */
static bool body_read_plain_line(const char *text, const struct body_items *items, bool named)
{
	struct cart_change *one = &items->changes->one;
	struct plain_member plain[3] = {
		{.name = "quantity", .min = items->least, .max = items->most}};
	struct plain_member *next = &plain[1];

	if (named)
		*next++ = (struct plain_member){.name = "product_id", .id = &one->product_id};
	*next = (struct plain_member){.name = "attributes", .changes = items->changes};
	if (!plain_read(text, items->size, plain,
			(size_t)(next - plain) + (items->attributes ? 1 : 0)))
		return false;
	one->type = items->type;
	one->quantity = plain[0].value;
	one->attributes = next->attributes;
	items->changes->all = one;
	items->changes->count = 1;
	return true;
}

enum body_result body_read_items(const char *text, size_t len, const struct cart_rules *rules,
				 struct changes *changes, char detail[BODY_DETAIL_MAX])
{
	const struct body_items items = body_adds(len, rules, changes);
	enum body_result result;
	json_t *root;

	if (body_read_plain_line(text, &items, true))
		return BODY_OK;
	result = body_parse(text, len, &root, detail);
	if (result != BODY_OK)
		return result;
	if (json_object_get(root, "items") != NULL) {
		result = body_take_items(root, &items, detail);
	} else {
		changes->all = &changes->one;
		changes->count = 1;
		result = body_take_item(root, "", &items, changes->all, detail);
	}
	json_decref(root);
	return result;
}

enum body_result body_read_lines(const char *text, size_t len, const struct cart_rules *rules,
				 struct changes *changes, char detail[BODY_DETAIL_MAX])
{
	const struct body_items items = body_sets(CART_CHANGE_REPLACE, len, rules, changes);
	json_t *root;
	enum body_result result = body_parse(text, len, &root, detail);

	if (result != BODY_OK)
		return result;
	result = body_take_items(root, &items, detail);
	/* No lines: one change that names none. */
	if (result == BODY_OK && changes->count == 0)
		changes->all[changes->count++].type = CART_CHANGE_REPLACE;
	json_decref(root);
	return result;
}

enum body_result body_read_line(const char *text, size_t len, const struct cart_rules *rules,
				struct changes *changes, char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"quantity", "attributes", NULL};
	const struct body_items items = body_sets(CART_CHANGE_SET, len, rules, changes);
	enum body_result result;
	json_t *root;

	if (body_read_plain_line(text, &items, false))
		return BODY_OK;
	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	changes->all = &changes->one;
	changes->count = 1;
	result = body_take_line(root, "", &items, changes->all, detail);
	json_decref(root);
	return result;
}

static enum body_result body_take_ids(json_t *root, struct cart_id ids[BODY_IDS_MAX], size_t *count,
				      char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"ids", NULL};
	enum body_result result = body_check_members(root, "", known, detail);
	json_t *array;

	if (result == BODY_OK)
		result = body_take_array(root, "ids", 1, BODY_IDS_MAX, &array, detail);
	if (result != BODY_OK)
		return result;
	*count = json_array_size(array);
	for (size_t i = 0; i < *count; i++) {
		const json_t *id = json_array_get(array, i);

		if (!json_is_string(id) ||
		    !cart_id_parse(&ids[i], json_string_value(id), json_string_length(id)))
			return BODY_FAIL(detail, BODY_INVALID_INPUT, "ids[%zu] is not a UUID", i);
	}
	return BODY_OK;
}

enum body_result body_read_ids(const char *text, size_t len, struct cart_id ids[BODY_IDS_MAX],
			       size_t *count, char detail[BODY_DETAIL_MAX])
{
	json_t *root;
	enum body_result result = body_parse(text, len, &root, detail);

	if (result != BODY_OK)
		return result;
	result = body_take_ids(root, ids, count, detail);
	json_decref(root);
	return result;
}

static enum body_result body_take_strategy(const json_t *root, enum cart_merge_strategy *strategy,
					   char detail[BODY_DETAIL_MAX])
{
	static const char *const names[CART_MERGE_STRATEGIES] = {
		[CART_MERGE_ADD] = "add",
		[CART_MERGE_MAX] = "max",
		[CART_MERGE_KEEP] = "keep",
	};
	const json_t *member = json_object_get(root, "strategy");
	const char *text = json_string_value(member);
	size_t i = 0;

	if (member == NULL)
		return BODY_FAIL(detail, BODY_INVALID_INPUT, "strategy is missing");
	while (i < CART_MERGE_STRATEGIES && text != NULL && strcmp(names[i], text) != 0)
		i++;
	if (text == NULL || i == CART_MERGE_STRATEGIES)
		return BODY_FAIL(detail, BODY_INVALID_INPUT,
				 "strategy is not \"add\", \"max\" or \"keep\"");
	*strategy = (enum cart_merge_strategy)i;
	return BODY_OK;
}

enum body_result body_read_merge(const char *text, size_t len, struct cart_id *from,
				 enum cart_merge_strategy *strategy, char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"from", "strategy", NULL};
	enum body_result result;
	const json_t *member;
	json_t *root;

	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	member = json_object_get(root, "from");
	if (member == NULL)
		result = BODY_FAIL(detail, BODY_INVALID_INPUT, "from is missing");
	else if (!json_is_string(member) ||
		 !cart_id_parse(from, json_string_value(member), json_string_length(member)))
		result = BODY_FAIL(detail, BODY_INVALID_INPUT, "from is not a UUID");
	else
		result = body_take_strategy(root, strategy, detail);
	json_decref(root);
	return result;
}

enum body_result body_read_nothing(const char *text, size_t len, char detail[BODY_DETAIL_MAX])
{
	json_t *root;
	enum body_result result = body_parse(text, len, &root, detail);

	if (result != BODY_OK)
		return result;
	if (json_object_size(root) > 0)
		result = BODY_FAIL(detail, BODY_INVALID_INPUT,
				   "the body is not empty, where none is expected");
	json_decref(root);
	return result;
}
