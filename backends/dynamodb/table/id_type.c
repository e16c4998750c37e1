#include "backends/dynamodb/table/id_type.h"

#include "backends/dynamodb/table/definition.h"
#include "core/shop_id.h"

#include <stdio.h>
#include <string.h>

#define ID_TYPE_ITEM "settings"

json_t *table_settings_key(const struct table_work *work)
{
	json_t *key = json_pack("{s:{s:s}}", "cart_id", "S", ID_TYPE_ITEM);

	if (work->table->rows)
		json_object_set_new(key, DDB_ROW, json_pack("{s:s}", "S", DDB_ROW_CART));
	return key;
}

/* found: "" where the table does not say it. */
static enum ddb_table_state id_type_read(struct table_work *work, char found[16])
{
	const json_t *value;

	if (!table_call(work, DDB_GET_ITEM,
			table_body(work, json_pack("{s:o,s:b}", "Key", table_settings_key(work),
						   "ConsistentRead", 1))))
		return table_failed(work);
	value = json_object_get(json_object_get(work->call.json, "Item"), "id_type");
	snprintf(found, 16, "%s", table_text(value, "S"));
	return DDB_TABLE_READY;
}

/* Writes it if it is not there, and reads it again: another process may have been quicker, or the
 * answer to the write may be lost. */
static enum ddb_table_state id_type_write(struct table_work *work, const char *wanted,
					  char found[16])
{
	enum ddb_table_state written = DDB_TABLE_READY, read;
	json_t *item = table_settings_key(work);

	json_object_set_new(item, "id_type", json_pack("{s:s}", "S", wanted));
	if (!table_call(work, DDB_PUT_ITEM,
			table_body(work, json_pack("{s:o,s:s}", "Item", item, "ConditionExpression",
						   "attribute_not_exists(cart_id)"))))
		written = table_failed(work);
	read = id_type_read(work, found);
	return read == DDB_TABLE_READY && found[0] == '\0' ? written : read;
}

enum ddb_table_state table_settle_id_type(struct table_work *work)
{
	const char *wanted = shop_id_type_name(shop_id_type());
	char found[16] = "", what[192];
	enum ddb_table_state state = id_type_read(work, found);

	if (state == DDB_TABLE_READY && found[0] == '\0' && work->how != CART_PROVISION_CHECK)
		state = id_type_write(work, wanted, found);
	if (state != DDB_TABLE_READY || strcmp(found, wanted) == 0)
		return state;
	if (found[0] == '\0')
		snprintf(what, sizeof(what),
			 "it does not say its cart.id_type yet; cartctl provision records it, or "
			 "cartd with provision=auto");
	else
		snprintf(what, sizeof(what),
			 "it holds ids of cart.id_type=%s, not %s; set cart.id_type=%s, or name "
			 "another table in dynamodb.table",
			 found, wanted, found);
	return table_refuse(work, what);
}
