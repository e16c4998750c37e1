#include "tests/lib/ddb_shelf.h"

#include "tests/lib/stream_model.h"

#include "tests/lib/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHELF_TEXT_MAX 4096

/* A write, and the item that it is about (NULL: there is none). */
struct shelf_write {
	const json_t *body;
	json_t *item;
};

void ddb_shelf_init(struct ddb_shelf *shelf)
{
	*shelf =
		(struct ddb_shelf){.items = json_object(), .table = ddb_shelf_table(), .ttl = true};
	json_object_set_new(shelf->items, "settings",
			    json_pack("{s:{s:s},s:{s:s}}", "cart_id", "S", "settings", "id_type",
				      "S", "integer"));
	pthread_mutex_init(&shelf->lock, NULL);
}

void ddb_shelf_free(struct ddb_shelf *shelf)
{
	json_decref(shelf->items);
	json_decref(shelf->table);
	pthread_mutex_destroy(&shelf->lock);
}

static const char *shelf_text(const json_t *value)
{
	const char *text = json_string_value(json_object_get(value, "S"));

	if (text == NULL)
		text = json_string_value(json_object_get(value, "N"));
	return text != NULL ? text : "";
}

static int64_t shelf_number(const json_t *value)
{
	return strtoll(shelf_text(value), NULL, 10);
}

static const char *shelf_id(const json_t *key)
{
	return shelf_text(json_object_get(key, "cart_id"));
}

static json_t *shelf_value(const struct shelf_write *write, const char *name)
{
	return json_object_get(json_object_get(write->body, "ExpressionAttributeValues"), name);
}

/* The name that a part of a path ("version", "#v") stands for. */
static const char *shelf_name(const struct shelf_write *write, const char *part)
{
	const json_t *names = json_object_get(write->body, "ExpressionAttributeNames");
	const char *name = *part == '#' ? json_string_value(json_object_get(names, part)) : part;

	assert_non_null(name);
	return name;
}

/* The attributes that a path leads into, and the last name of it ("#q.#p0", "version", "#v"), which
 * lasts until the next call. */
static json_t *shelf_place(const struct shelf_write *write, const char *path, const char **name)
{
	static _Thread_local char part[SHELF_TEXT_MAX];
	json_t *place = write->item;
	char *dot;

	snprintf(part, sizeof(part), "%s", path);
	dot = strchr(part, '.');
	if (dot != NULL) {
		*dot = '\0';
		place = json_object_get(json_object_get(place, shelf_name(write, part)), "M");
	}
	*name = shelf_name(write, dot != NULL ? dot + 1 : part);
	return place;
}

static json_t *shelf_at(const struct shelf_write *write, const char *path)
{
	const char *name;
	const json_t *place = shelf_place(write, path, &name);

	return json_object_get(place, name);
}

/* ":v", "path", "if_not_exists(path,:v)", and one of these and "+:v". A new reference. */
static json_t *shelf_evaluate(const struct shelf_write *write, char *text)
{
	char *plus = strstr(text, "+"), *comma, sum[32];
	json_t *left, *found;

	if (plus != NULL) {
		*plus = '\0';
		left = shelf_evaluate(write, text);
		snprintf(sum, sizeof(sum), "%" PRId64,
			 shelf_number(left) + shelf_number(shelf_value(write, plus + 1)));
		json_decref(left);
		return json_pack("{s:s}", "N", sum);
	}
	if (strncmp(text, "if_not_exists(", 14) == 0) {
		comma = strchr(text, ',');
		*comma = *strchr(comma, ')') = '\0';
		found = shelf_at(write, text + 14);
		return json_deep_copy(found != NULL ? found : shelf_value(write, comma + 1));
	}
	return json_deep_copy(*text == ':' ? shelf_value(write, text) : shelf_at(write, text));
}

/* The next of a list, parted by commas outside of parentheses; NULL: it is over. */
static char *shelf_next(char **rest)
{
	char *text = *rest;
	int depth = 0;

	if (text == NULL || *text == '\0')
		return NULL;
	for (char *c = text;; c++) {
		depth += *c == '(' ? 1 : *c == ')' ? -1 : 0;
		if (*c == '\0' || (*c == ',' && depth == 0)) {
			*rest = *c == '\0' ? NULL : c + 1;
			*c = '\0';
			return text;
		}
	}
}

/* All values are of the item as it was before. */
static void shelf_update(struct shelf_write *write)
{
	const char *said = json_string_value(json_object_get(write->body, "UpdateExpression"));
	json_t *before = json_deep_copy(write->item);
	const struct shelf_write from = {.body = write->body, .item = before};
	char expression[SHELF_TEXT_MAX], *sets = NULL, *removes, *part;
	const char *name;
	json_t *place;

	snprintf(expression, sizeof(expression), "%s", said);
	removes = strstr(expression, "REMOVE ");
	if (removes != NULL && removes > expression)
		removes[-1] = '\0';
	if (strncmp(expression, "SET ", 4) == 0)
		sets = expression + 4;
	removes = removes != NULL ? removes + 7 : NULL;
	while ((part = shelf_next(&sets)) != NULL) {
		char *equals = strchr(part, '=');
		json_t *value = shelf_evaluate(&from, equals + 1);

		*equals = '\0';
		place = shelf_place(write, part, &name);
		json_object_set_new(place, name, value);
	}
	while ((part = shelf_next(&removes)) != NULL) {
		place = shelf_place(write, part, &name);
		json_object_del(place, name);
	}
	json_decref(before);
}

static bool shelf_has(const char *text, const char *words)
{
	return text != NULL && strstr(text, words) != NULL;
}

/* ":v", a path, or "size(path)". A new reference; NULL: there is no such attribute. */
static json_t *shelf_operand(const struct shelf_write *write, char *text)
{
	char size[32];
	json_t *value;

	if (strncmp(text, "size(", 5) != 0)
		return json_incref(*text == ':' ? shelf_value(write, text) : shelf_at(write, text));
	*strchr(text, ')') = '\0';
	value = shelf_at(write, text + 5);
	if (value == NULL)
		return NULL;
	snprintf(size, sizeof(size), "%zu", json_object_size(json_object_get(value, "M")));
	return json_pack("{s:s}", "N", size);
}

/* Numbers by value, texts as texts; false where one is not there or the types differ. */
static bool shelf_compare(const json_t *left, const json_t *right, const char *sign)
{
	const json_t *number = json_object_get(left, "N");
	int64_t order;

	if (left == NULL || right == NULL ||
	    (number != NULL) != (json_object_get(right, "N") != NULL))
		return strcmp(sign, "<>") == 0;
	order = number != NULL ? shelf_number(left) - shelf_number(right)
			       : strcmp(shelf_text(left), shelf_text(right));
	return (order < 0 && *sign == '<') || (order > 0 && strchr(sign, '>') != NULL) ||
	       (order == 0 && strchr(sign, '=') != NULL);
}

/* "attribute_not_exists(path)" or a comparison, with or without "NOT ". */
static bool shelf_term(const struct shelf_write *write, char *text)
{
	bool negated = strncmp(text, "NOT ", 4) == 0, holds;
	char *at, sign[3] = "";
	json_t *left, *right;
	size_t len;

	text += negated ? 4 : 0;
	if (strncmp(text, "attribute_not_exists(", 21) == 0) {
		*strchr(text, ')') = '\0';
		return (shelf_at(write, text + 21) == NULL) != negated;
	}
	at = strpbrk(text, "<=>");
	assert_non_null(at);
	len = strspn(at, "<=>");
	memcpy(sign, at, len < 2 ? len : 2);
	*at = '\0';
	left = shelf_operand(write, text);
	right = shelf_operand(write, at + len);
	holds = shelf_compare(left, right, sign);
	json_decref(left);
	json_decref(right);
	return holds != negated;
}

/* The next part of a text that words part; NULL: it is over. */
static char *shelf_part(char **rest, const char *words)
{
	char *text = *rest, *end = text != NULL ? strstr(text, words) : NULL;

	*rest = end != NULL ? end + strlen(words) : NULL;
	if (end != NULL)
		*end = '\0';
	return text;
}

static bool shelf_condition(const struct shelf_write *write)
{
	const char *said = json_string_value(json_object_get(write->body, "ConditionExpression"));
	char text[SHELF_TEXT_MAX], *rest = text, *either, *term;
	bool holds = said == NULL;

	snprintf(text, sizeof(text), "%s", said != NULL ? said : "");
	while (!holds && (either = shelf_part(&rest, " OR ")) != NULL) {
		holds = true;
		while ((term = shelf_part(&either, " AND ")) != NULL)
			holds = shelf_term(write, term) && holds;
	}
	return holds;
}

static json_t *shelf_answer_update(const struct shelf_write *write)
{
	const char *wanted = json_string_value(json_object_get(write->body, "ReturnValues"));

	if (shelf_has(wanted, "ALL_NEW"))
		return json_pack("{s:O}", "Attributes", write->item);
	if (shelf_has(wanted, "UPDATED_NEW"))
		return json_pack("{s:{s:O}}", "Attributes", "version",
				 json_object_get(write->item, "version"));
	return json_object();
}

static void shelf_change(struct ddb_shelf *shelf, const char *operation, struct shelf_write *write,
			 const char *id)
{
	json_t *put = json_object_get(write->body, "Item");

	shelf->applied++;
	if (strcmp(operation, "PutItem") == 0)
		json_object_set_new(shelf->items, id, json_deep_copy(put));
	else if (strcmp(operation, "DeleteItem") == 0)
		json_object_del(shelf->items, id);
	else
		shelf_update(write);
}

/* A write that leaves the item as it was has no record. */
static void shelf_record(struct ddb_shelf *shelf, const char *id, const json_t *old)
{
	const json_t *new = json_object_get(shelf->items, id);

	if (!json_equal(old, new) && (old != NULL || new != NULL))
		stream_model_add(shelf->stream, id, 0, old, new);
}

static json_t *shelf_do_write(struct ddb_shelf *shelf, const char *operation, const json_t *body,
			      int *status)
{
	json_t *put = json_object_get(body, "Item");
	const char *id = shelf_id(put != NULL ? put : json_object_get(body, "Key"));
	struct shelf_write write = {.body = body, .item = json_object_get(shelf->items, id)};

	if (!shelf_condition(&write)) {
		json_t *error = ddb_shelf_error("ConditionalCheckFailedException");

		*status = 400;
		if (shelf->gives_old && write.item != NULL)
			json_object_set_new(error, "Item", json_deep_copy(write.item));
		return error;
	}
	if (shelf->stream != NULL) {
		json_t *old = json_deep_copy(write.item);

		shelf_change(shelf, operation, &write, id);
		shelf_record(shelf, id, old);
		json_decref(old);
	} else {
		shelf_change(shelf, operation, &write, id);
	}
	return strcmp(operation, "UpdateItem") == 0 ? shelf_answer_update(&write) : json_object();
}

static json_t *shelf_do_get(const struct ddb_shelf *shelf, const json_t *body)
{
	json_t *item = json_object_get(shelf->items, shelf_id(json_object_get(body, "Key")));

	return item != NULL ? json_pack("{s:o}", "Item", json_deep_copy(item)) : json_object();
}

static json_t *shelf_do_batch(const struct ddb_shelf *shelf, const json_t *body)
{
	json_t *tables = json_object_get(body, "RequestItems"), *asked, *key;
	json_t *given = json_array(), *left = json_array();
	const char *name = json_object_iter_key(json_object_iter(tables));
	size_t i;

	asked = json_object_get(json_object_get(tables, name), "Keys");
	json_array_foreach(asked, i, key)
	{
		json_t *item = json_object_get(shelf->items, shelf_id(key));

		if (shelf->batch_max > 0 && i >= shelf->batch_max)
			json_array_append_new(left, json_deep_copy(key));
		else if (item != NULL)
			json_array_append_new(given, json_deep_copy(item));
	}
	if (json_array_size(left) == 0) {
		json_decref(left);
		return json_pack("{s:{s:o},s:{}}", "Responses", name, given, "UnprocessedKeys");
	}
	return json_pack("{s:{s:o},s:{s:{s:o}}}", "Responses", name, given, "UnprocessedKeys", name,
			 "Keys", left);
}

json_t *ddb_shelf_do(struct ddb_shelf *shelf, const char *operation, const json_t *body,
		     int *status)
{
	json_t *answer = NULL;

	*status = 200;
	pthread_mutex_lock(&shelf->lock);
	if (strcmp(operation, "GetItem") == 0)
		answer = shelf_do_get(shelf, body);
	else if (strcmp(operation, "BatchGetItem") == 0)
		answer = shelf_do_batch(shelf, body);
	else if (strcmp(operation, "PutItem") == 0 || strcmp(operation, "UpdateItem") == 0 ||
		 strcmp(operation, "DeleteItem") == 0)
		answer = shelf_do_write(shelf, operation, body, status);
	else if (shelf->stream != NULL && strstr(operation, "Table") == NULL)
		answer = stream_model_do(shelf->stream, operation, body, status);
	if (answer == NULL)
		answer = ddb_shelf_do_table(shelf, operation, body, status);
	/* What it holds of items is not touched by others once the lock is off. */
	if (answer != NULL) {
		json_t *copy = json_deep_copy(answer);

		json_decref(answer);
		answer = copy;
	}
	pthread_mutex_unlock(&shelf->lock);
	return answer;
}

int ddb_shelf_applied(struct ddb_shelf *shelf)
{
	int applied;

	pthread_mutex_lock(&shelf->lock);
	applied = shelf->applied;
	pthread_mutex_unlock(&shelf->lock);
	return applied;
}

int64_t ddb_shelf_number(struct ddb_shelf *shelf, const struct cart_id *id, const char *path)
{
	char text[CART_ID_TEXT + 1], part[64];
	const json_t *value;
	const char *slash = strchr(path, '/');
	int64_t number;

	cart_id_format(id, text);
	snprintf(part, sizeof(part), "%.*s",
		 slash != NULL ? (int)(slash - path) : (int)strlen(path), path);
	pthread_mutex_lock(&shelf->lock);
	value = json_object_get(json_object_get(shelf->items, text), part);
	if (slash != NULL)
		value = json_object_get(json_object_get(value, "M"), slash + 1);
	number = value != NULL ? shelf_number(value) : -1;
	pthread_mutex_unlock(&shelf->lock);
	return number;
}

void ddb_shelf_touch(struct ddb_shelf *shelf, const struct cart_id *id)
{
	char text[CART_ID_TEXT + 1], version[32], mark[24];
	json_t *item;

	cart_id_format(id, text);
	pthread_mutex_lock(&shelf->lock);
	item = json_object_get(shelf->items, text);
	assert_non_null(item);
	snprintf(version, sizeof(version), "%" PRId64,
		 shelf_number(json_object_get(item, "version")) + 1);
	json_object_set_new(item, "version", json_pack("{s:s}", "N", version));
	snprintf(mark, sizeof(mark), "somebody's %d", ++shelf->touched);
	json_object_set_new(item, "mark", json_pack("{s:s}", "S", mark));
	pthread_mutex_unlock(&shelf->lock);
}
