#include "tests/lib/ddb_shelf.h"

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

/* The attributes that a path leads into, and the last name of it ("qty.#p0", "version", "#s"),
 * which lasts until the next call. */
static json_t *shelf_place(const struct shelf_write *write, const char *path, const char **name)
{
	const json_t *names = json_object_get(write->body, "ExpressionAttributeNames");
	static _Thread_local char part[SHELF_TEXT_MAX];
	json_t *place = write->item;
	char *dot;

	snprintf(part, sizeof(part), "%s", path);
	dot = strchr(part, '.');
	*name = part;
	if (dot != NULL) {
		*dot = '\0';
		place = json_object_get(json_object_get(place, part), "M");
		*name = dot + 1;
	}
	if (**name == '#')
		*name = json_string_value(json_object_get(names, *name));
	assert_non_null(*name);
	return place;
}

static json_t *shelf_at(const struct shelf_write *write, const char *path)
{
	const char *name;
	const json_t *place = shelf_place(write, path, &name);

	return json_object_get(place, name);
}

/* ":v", "path", "if_not_exists(path, :v)", and one of these + ":v". A new reference. */
static json_t *shelf_evaluate(const struct shelf_write *write, char *text)
{
	char *plus = strstr(text, " + "), *comma, sum[32];
	json_t *left, *found;

	if (plus != NULL) {
		*plus = '\0';
		left = shelf_evaluate(write, text);
		snprintf(sum, sizeof(sum), "%" PRId64,
			 shelf_number(left) + shelf_number(shelf_value(write, plus + 3)));
		json_decref(left);
		return json_pack("{s:s}", "N", sum);
	}
	if (strncmp(text, "if_not_exists(", 14) == 0) {
		comma = strstr(text, ", ");
		*comma = *strchr(comma, ')') = '\0';
		found = shelf_at(write, text + 14);
		return json_deep_copy(found != NULL ? found : shelf_value(write, comma + 2));
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
			*rest = *c == '\0' ? NULL : c + 2;
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
		char *equals = strstr(part, " = ");
		json_t *value = shelf_evaluate(&from, equals + 3);

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

static bool shelf_same(const json_t *item, const char *name, const json_t *value)
{
	return strcmp(shelf_text(json_object_get(item, name)), shelf_text(value)) == 0;
}

static bool shelf_condition(const struct shelf_write *write)
{
	const char *said = json_string_value(json_object_get(write->body, "ConditionExpression"));

	if (said == NULL)
		return true;
	if (shelf_has(said, "attribute_not_exists(cart_id)"))
		return write->item == NULL;
	if (write->item == NULL)
		return false;
	if (shelf_has(said, "#s = :open") &&
	    !shelf_same(write->item, "status", shelf_value(write, ":open")))
		return false;
	if (shelf_has(said, "AND version = :version") &&
	    !shelf_same(write->item, "version", shelf_value(write, ":version")))
		return false;
	if (shelf_has(said, "mark = :old") &&
	    !shelf_same(write->item, "mark", shelf_value(write, ":old")))
		return false;
	if (shelf_has(said, " AND attribute_exists(qty.#p0)") && shelf_at(write, "qty.#p0") == NULL)
		return false;
	return !shelf_has(said, "attribute_not_exists(op_v.#k)") ||
	       shelf_at(write, "op_v.#k") == NULL;
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
	shelf->applied++;
	if (strcmp(operation, "PutItem") == 0)
		json_object_set_new(shelf->items, id, json_deep_copy(put));
	else if (strcmp(operation, "DeleteItem") == 0)
		json_object_del(shelf->items, id);
	else
		shelf_update(&write);
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
	json_t *answer;

	*status = 200;
	pthread_mutex_lock(&shelf->lock);
	if (strcmp(operation, "GetItem") == 0)
		answer = shelf_do_get(shelf, body);
	else if (strcmp(operation, "BatchGetItem") == 0)
		answer = shelf_do_batch(shelf, body);
	else if (strcmp(operation, "PutItem") == 0 || strcmp(operation, "UpdateItem") == 0 ||
		 strcmp(operation, "DeleteItem") == 0)
		answer = shelf_do_write(shelf, operation, body, status);
	else
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
