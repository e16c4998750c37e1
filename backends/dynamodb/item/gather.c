#include "backends/dynamodb/item/gather.h"

#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/row.h"
#include "backends/dynamodb/table/definition.h"

#include <stdlib.h>
#include <string.h>

/* A Query takes milliseconds, and a transaction not much more. Rows that do not match after so many
 * were changed by somebody else: whoever reads the item says so. */
#define GATHER_AGAIN_MAX 10

static const char *gather_tail(bool consistent)
{
	return consistent ? ",\"ConsistentRead\":true}" : ",\"ConsistentRead\":false}";
}

void ddb_gather_query(struct buf *body, const char *table, const struct cart_id *id,
		      bool consistent)
{
	ddb_add_table(body, table);
	buf_add_string(body, ",\"ReturnConsumedCapacity\":\"TOTAL\","
			     "\"KeyConditionExpression\":\"cart_id=:id\"");
	ddb_add_id(body, ",\"ExpressionAttributeValues\":{\":id\":", id);
	buf_add_char(body, '}');
	buf_add_string(body, gather_tail(consistent));
}

static const char *gather_row(const json_t *row)
{
	return json_string_value(json_object_get(json_object_get(row, DDB_ROW), "S"));
}

/* The tail of a body, after which its call may be made again, after the row "last"; NULL: from the
 * first one. What is read after a first answer is read strongly. */
static bool gather_again(const struct ddb_gather *gather, struct buf *body, const json_t *last)
{
	char *after = last != NULL ? json_dumps(last, JSON_COMPACT) : NULL;

	body->len = gather->body;
	if (after != NULL) {
		buf_add_string(body, ",\"ExclusiveStartKey\":");
		buf_add_string(body, after);
	}
	buf_add_string(body, gather_tail(true));
	free(after);
	return !body->failed && (last == NULL || after != NULL);
}

static size_t gather_length(const struct buf *body)
{
	bool strong = body->len > strlen(gather_tail(true)) && body->data[body->len - 3] == 'u';

	return body->len - strlen(gather_tail(strong));
}

/* The cart's item with all other rows in it; NULL: there is none. *failed: no memory. */
static json_t *gather_item(const json_t *rows, bool *failed)
{
	json_t *item = NULL, *others = json_array();
	const json_t *row;
	size_t i;

	*failed = others == NULL;
	json_array_foreach(rows, i, row)
	{
		const char *name = gather_row(row);

		if (name != NULL && strcmp(name, DDB_ROW_CART) == 0 && item == NULL) {
			item = json_copy((json_t *)(uintptr_t)row);
			*failed |= item == NULL;
		} else {
			*failed |= json_array_append(others, (json_t *)(uintptr_t)row) != 0;
		}
	}
	if (item == NULL || json_object_set(item, DDB_ROWS, others) != 0) {
		*failed |= item != NULL;
		json_decref(item);
		item = NULL;
	}
	json_decref(others);
	return item;
}

enum ddb_gathered ddb_gather_take(struct ddb_gather *gather, struct buf *body, json_t **answer)
{
	json_t *items = json_object_get(*answer, "Items"), *item, *gathered;
	const json_t *last = json_object_get(*answer, "LastEvaluatedKey");
	bool failed;

	if (!json_is_array(items))
		return DDB_GATHER_FAILED;
	if (gather->body == 0)
		gather->body = gather_length(body);
	if (gather->rows == NULL)
		gather->rows = json_incref(items);
	else if (json_array_extend(gather->rows, items) != 0)
		return DDB_GATHER_FAILED;
	if (last != NULL)
		return gather_again(gather, body, last) ? DDB_GATHER_MORE : DDB_GATHER_FAILED;
	item = gather_item(gather->rows, &failed);
	json_decref(gather->rows);
	gather->rows = NULL;
	if (!failed && !ddb_rows_match(item) && gather->again++ < GATHER_AGAIN_MAX) {
		json_decref(item);
		return gather_again(gather, body, NULL) ? DDB_GATHER_MORE : DDB_GATHER_FAILED;
	}
	gathered = failed ? NULL : json_pack("{s:o*}", "Item", item);
	if (failed)
		json_decref(item);
	if (gathered == NULL)
		return DDB_GATHER_FAILED;
	json_decref(*answer);
	*answer = gathered;
	return DDB_GATHERED;
}

static void gather_add_get(struct buf *body, const char *table, const struct cart_id *id,
			   const struct shop_id *product)
{
	buf_add_string(body, "{\"Get\":{\"TableName\":\"");
	buf_add_string(body, table);
	ddb_add_id(body, "\",\"Key\":{\"cart_id\":", id);
	buf_add_string(body, ",\"" DDB_ROW "\":{\"S\":\"");
	buf_add_string(body, product != NULL ? DDB_ROW_ITEM : DDB_ROW_CART);
	if (product != NULL)
		ddb_add_escaped(body, product);
	buf_add_string(body, "\"}}}}");
}

void ddb_gather_ask_line(struct buf *body, const char *table, const struct cart_id *id,
			 const struct shop_id *product)
{
	buf_reset(body);
	buf_add_string(body, "{\"TransactItems\":[");
	gather_add_get(body, table, id, NULL);
	buf_add_char(body, ',');
	gather_add_get(body, table, id, product);
	buf_add_char(body, ']');
	ddb_add_end(body);
}

bool ddb_gather_take_line(json_t **answer)
{
	const json_t *responses = json_object_get(*answer, "Responses"), *response;
	json_t *items = json_array(), *item, *gathered;
	bool failed = items == NULL || !json_is_array(responses);
	size_t i;

	json_array_foreach(responses, i, response)
	{
		json_t *found = json_object_get(response, "Item");

		if (found != NULL && json_array_append(items, found) != 0)
			failed = true;
	}
	item = failed ? NULL : gather_item(items, &failed);
	json_decref(items);
	if (item != NULL && json_object_set_new(item, DDB_ONE_ROW, json_true()) != 0)
		failed = true;
	gathered = json_pack("{s:o*}", "Item", item);
	if (failed || gathered == NULL) {
		json_decref(gathered);
		return false;
	}
	json_decref(*answer);
	*answer = gathered;
	return true;
}

void ddb_gather_clear(struct ddb_gather *gather)
{
	json_decref(gather->rows);
	*gather = (struct ddb_gather){0};
}
