#include "server/api/body.h"

#include "core/base/json_parse.h"
#include "server/api/text.h"

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

/* What the items of a body are. */
struct body_items {
	enum cart_change_type type;
	int64_t least, most; /* quantity */
	size_t fewest;
};

static const struct body_items body_adds = {CART_CHANGE_ADD, 1, CART_ADD_MAX, 1};

static enum body_result body_take_item(json_t *object, const char *where,
				       const struct body_items *items, struct cart_change *change,
				       char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"product_id", "quantity", NULL};
	enum body_result result = body_check_members(object, where, known, detail);

	change->type = items->type;
	if (result == BODY_OK)
		result = body_take_id(object, where, "product_id", &change->product_id, detail);
	if (result == BODY_OK)
		result = body_take_integer(object, where, "quantity", items->least, items->most,
					   &change->quantity, detail);
	return result;
}

/* The array, and room for one change at least. */
static enum body_result body_take_items(json_t *object, const struct body_items *items,
					struct cart_change **out, size_t *count,
					char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"items", NULL};
	enum body_result result = body_check_members(object, "", known, detail);
	struct cart_change *changes;
	json_t *array;

	if (result == BODY_OK) /* http.max_body bounds their number */
		result = body_take_array(object, "items", items->fewest, SIZE_MAX, &array, detail);
	if (result != BODY_OK)
		return result;
	changes = calloc(json_array_size(array) + 1, sizeof(*changes));
	if (changes == NULL)
		return BODY_FAIL(detail, BODY_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < json_array_size(array) && result == BODY_OK; i++) {
		json_t *item = json_array_get(array, i);
		char where[32];

		snprintf(where, sizeof(where), "items[%zu].", i);
		if (json_is_object(item))
			result = body_take_item(item, where, items, &changes[i], detail);
		else
			result = BODY_FAIL(detail, BODY_INVALID_INPUT,
					   "items[%zu] is not an object", i);
	}
	if (result != BODY_OK) {
		free(changes);
		return result;
	}
	*out = changes;
	*count = json_array_size(array);
	return BODY_OK;
}

/*
 * Most bodies are one small object of integers and ids. To build jansson's tree for it costs more
 * than the rest of the request, so these are read here. Every body that is not plainly such an
 * object goes to jansson and the functions above, so that they alone decide what is wrong and
 * report it.
 */
struct body_member {
	const char *name;
	struct shop_id *id; /* where the value is put if it is an id; NULL: it is an integer */
	int64_t min, max;
	int64_t value;
	bool found;
};

/* Any number of so many digits fits into an int64_t. */
#define BODY_PLAIN_DIGITS 18

static const char *body_skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Past a character that may have space before it; NULL: another stands there, or at is NULL. */
static const char *body_skip_char(const char *at, const char *end, char c)
{
	if (at == NULL)
		return NULL;
	at = body_skip_space(at, end);
	return at < end && *at == c ? at + 1 : NULL;
}

/* Past digits without a sign, a leading zero, a fraction or an exponent. */
static const char *body_plain_integer(const char *at, const char *end, int64_t *value)
{
	const char *first = at;

	*value = 0;
	for (; at < end && *at >= '0' && *at <= '9' && at - first < BODY_PLAIN_DIGITS; at++)
		*value = *value * 10 + (*at - '0');
	if (at == first || at == end || (*first == '0' && at - first > 1))
		return NULL;
	return at;
}

/* Past a string without escapes that is an id. */
static const char *body_plain_string(const char *at, const char *end, struct shop_id *id)
{
	const char *quote;

	if (at == end || *at++ != '"')
		return NULL;
	quote = memchr(at, '"', (size_t)(end - at));
	if (quote == NULL || memchr(at, '\\', (size_t)(quote - at)) != NULL ||
	    !shop_id_parse(id, at, (size_t)(quote - at)))
		return NULL;
	return quote + 1;
}

static const char *body_plain_id(const char *at, const char *end, struct shop_id *id)
{
	int64_t number;

	if (shop_id_type() == SHOP_ID_STRING)
		return body_plain_string(at, end, id);
	at = body_plain_integer(at, end, &number);
	if (at == NULL || number < 1 || number > SHOP_ID_NUMBER_MAX)
		return NULL;
	*id = shop_id_of_number(number);
	return at;
}

/* Past one "name":value of a member that has not been found yet. */
static const char *body_plain_member(const char *at, const char *end, struct body_member *members,
				     size_t count)
{
	const char *name = body_skip_char(at, end, '"'), *quote;

	if (name == NULL || (quote = memchr(name, '"', (size_t)(end - name))) == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct body_member *member = &members[i];
		size_t len = (size_t)(quote - name);

		if (member->found || strlen(member->name) != len ||
		    memcmp(member->name, name, len) != 0)
			continue;
		at = body_skip_char(quote + 1, end, ':');
		if (at == NULL)
			return NULL;
		member->found = true;
		at = body_skip_space(at, end);
		return member->id != NULL ? body_plain_id(at, end, member->id)
					  : body_plain_integer(at, end, &member->value);
	}
	return NULL;
}

/* True: the body is one object of exactly these members, each with an id, or an integer within its
 * range. False: an id may have been written. */
static bool body_read_plain(const char *text, size_t len, struct body_member *members, size_t count)
{
	const char *end = text + len, *at = body_skip_char(text, end, '{');

	for (size_t i = 0; i < count && at != NULL; i++) {
		if (i > 0)
			at = body_skip_char(at, end, ',');
		if (at != NULL)
			at = body_plain_member(at, end, members, count);
	}
	at = body_skip_char(at, end, '}');
	if (at == NULL || body_skip_space(at, end) != end)
		return false;
	for (size_t i = 0; i < count; i++)
		if (members[i].value < members[i].min || members[i].value > members[i].max)
			return false;
	return true;
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

enum body_result body_read_cart(const char *text, size_t len, struct shop_id *customer_id,
				struct cart_change **changes, size_t *count,
				char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"customer_id", "items", NULL};
	struct body_member plain = {.name = "customer_id", .id = customer_id};
	enum body_result result;
	const json_t *customer;
	json_t *root;

	if (body_read_plain(text, len, &plain, 1))
		return BODY_OK;
	*customer_id = (struct shop_id){0};
	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	customer = json_object_get(root, "customer_id");
	if (customer != NULL && !json_is_null(customer))
		result = body_take_id(root, "", "customer_id", customer_id, detail);
	/* What is left is a body of items. */
	(void)json_object_del(root, "customer_id");
	if (result == BODY_OK && json_object_size(root) > 0)
		result = body_take_items(root, &body_adds, changes, count, detail);
	json_decref(root);
	return result;
}

enum body_result body_read_customer(const char *text, size_t len, struct shop_id *customer_id,
				    char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"customer_id", NULL};
	struct body_member plain = {.name = "customer_id", .id = customer_id};
	enum body_result result;
	json_t *root;

	if (body_read_plain(text, len, &plain, 1))
		return BODY_OK;
	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	result = body_take_id(root, "", "customer_id", customer_id, detail);
	json_decref(root);
	return result;
}

enum body_result body_read_items(const char *text, size_t len, struct cart_change *one,
				 struct cart_change **changes, size_t *count,
				 char detail[BODY_DETAIL_MAX])
{
	struct body_member plain[] = {
		{.name = "product_id", .id = &one->product_id},
		{.name = "quantity", .min = 1, .max = CART_ADD_MAX},
	};
	enum body_result result;
	json_t *root;

	if (body_read_plain(text, len, plain, 2)) {
		one->type = CART_CHANGE_ADD;
		one->quantity = plain[1].value;
		*changes = one;
		*count = 1;
		return BODY_OK;
	}
	result = body_parse(text, len, &root, detail);
	if (result != BODY_OK)
		return result;
	if (json_object_get(root, "items") != NULL) {
		result = body_take_items(root, &body_adds, changes, count, detail);
	} else {
		result = body_take_item(root, "", &body_adds, one, detail);
		if (result == BODY_OK) {
			*changes = one;
			*count = 1;
		}
	}
	json_decref(root);
	return result;
}

enum body_result body_read_lines(const char *text, size_t len, int64_t max,
				 struct cart_change **changes, size_t *count,
				 char detail[BODY_DETAIL_MAX])
{
	const struct body_items lines = {CART_CHANGE_REPLACE, 0, max, 0};
	json_t *root;
	enum body_result result = body_parse(text, len, &root, detail);

	if (result != BODY_OK)
		return result;
	result = body_take_items(root, &lines, changes, count, detail);
	/* No lines: one change that names none. */
	if (result == BODY_OK && *count == 0)
		(*changes)[(*count)++].type = CART_CHANGE_REPLACE;
	json_decref(root);
	return result;
}

enum body_result body_read_quantity(const char *text, size_t len, int64_t max, int64_t *quantity,
				    char detail[BODY_DETAIL_MAX])
{
	static const char *const known[] = {"quantity", NULL};
	struct body_member plain = {.name = "quantity", .min = 0, .max = max};
	enum body_result result;
	json_t *root;

	if (body_read_plain(text, len, &plain, 1)) {
		*quantity = plain.value;
		return BODY_OK;
	}
	result = body_parse_known(text, len, known, &root, detail);
	if (result != BODY_OK)
		return result;
	result = body_take_integer(root, "", "quantity", 0, max, quantity, detail);
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
