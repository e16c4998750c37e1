/*
 * AWS's rules, from its Developer Guide: "Item sizes and formats", "Read and write operations",
 * "Using global secondary indexes" (Read/Write capacity units, Storage considerations).
 *
 *  - A write takes a unit for each KB begun of the item before or after it, whichever is larger; a
 *    condition that was false takes the same. A strong read takes a unit for each 4 KB begun, an
 *    eventual one half of it.
 *  - An index takes a write for an entry that appears, vanishes or changes in what it projects, and
 *    two for one whose key changes. An item without the index's keys has no entry.
 *  - A write in a transaction takes twice the units, of the item and not of the indexes. A Query
 *    takes a unit for each 4 KB begun of all it reads together.
 *  - Storage is billed with 100 bytes more for each item and for each entry.
 *
 * The items are those that ddb_body_put() and its neighbours write: nothing here knows attributes
 * other than the keys of the indexes, which schemas/dynamodb/carts.json names.
 */
#include "backends/dynamodb/item/bill.h"

#include "backends/dynamodb/item/bill_items.h"
#include "backends/dynamodb/item/item_bytes.h"
#include "backends/dynamodb/item/rows.h"
#include "backends/dynamodb/table/definition.h"

#include <string.h>

#define BILL_WRITE_BYTES   1024
#define BILL_READ_BYTES	   4096
#define BILL_STORAGE_BYTES 100
#define BILL_INDEX_KEYS	   2

static double bill_begun(size_t bytes, size_t of)
{
	return bytes > 0 ? (double)((bytes + of - 1) / of) : 1;
}

static double bill_read(const struct bill *bill, const json_t *item)
{
	return bill_begun(ddb_bill_bytes(bill, item), BILL_READ_BYTES);
}

static bool bill_has_rows(const struct bill *bill)
{
	return bill->table.layout == DDB_LAYOUT_ROWS;
}

/* The name of the attribute: the hash key is 0, the range key 1. */
static const char *bill_key(const json_t *index, size_t i)
{
	const json_t *key = json_array_get(json_object_get(index, "KeySchema"), i);

	return json_string_value(json_object_get(key, "AttributeName"));
}

static bool bill_projects_all(const json_t *index)
{
	const json_t *projection = json_object_get(index, "Projection");

	return strcmp(json_string_value(json_object_get(projection, "ProjectionType")), "ALL") == 0;
}

/* The entry of an item; NULL: it has none, as there is no item or it has not the index's keys. */
static json_t *bill_entry(const json_t *index, const json_t *item)
{
	json_t *entry;

	for (size_t i = 0; i < BILL_INDEX_KEYS; i++)
		if (json_object_get(item, bill_key(index, i)) == NULL)
			return NULL;
	if (bill_projects_all(index))
		return json_copy((json_t *)(uintptr_t)item);
	entry = json_object();
	json_object_set(entry, "cart_id", json_object_get(item, "cart_id"));
	if (json_object_get(item, DDB_ROW) != NULL)
		json_object_set(entry, DDB_ROW, json_object_get(item, DDB_ROW));
	for (size_t i = 0; i < BILL_INDEX_KEYS; i++)
		json_object_set(entry, bill_key(index, i),
				json_object_get(item, bill_key(index, i)));
	return entry;
}

static bool bill_same_key(const json_t *index, const json_t *before, const json_t *after)
{
	for (size_t i = 0; i < BILL_INDEX_KEYS; i++)
		if (!json_equal(json_object_get(before, bill_key(index, i)),
				json_object_get(after, bill_key(index, i))))
			return false;
	return true;
}

/* A write that leaves one as the larger of both; NULL: there was or is none. */
static double bill_larger(const struct bill *bill, const json_t *before, const json_t *after)
{
	size_t a = ddb_bill_bytes(bill, before), b = ddb_bill_bytes(bill, after);

	return bill_begun(a > b ? a : b, BILL_WRITE_BYTES);
}

static double bill_write_index(const struct bill *bill, const json_t *index, const json_t *before,
			       const json_t *after)
{
	json_t *old = bill_entry(index, before), *new = bill_entry(index, after);
	double units = 0;

	if (old != NULL && new != NULL && !bill_same_key(index, old, new))
		units = bill_larger(bill, old, NULL) + bill_larger(bill, NULL, new);
	else if (old != NULL && new != NULL)
		units = json_equal(old, new) ? 0 : bill_larger(bill, old, new);
	else if (old != NULL || new != NULL)
		units = bill_larger(bill, old, new);
	json_decref(old);
	json_decref(new);
	return units;
}

static double bill_write_indexes(const struct bill *bill, const json_t *before, const json_t *after)
{
	double units = 0;
	const json_t *index;
	size_t i;

	json_array_foreach(ddb_table_indexes(bill->definition), i, index) units +=
		bill_write_index(bill, index, before, after);
	return units;
}

/* Of the entries that a write leaves: what is the same is not written. */
static double bill_index_bytes(const struct bill *bill, const json_t *before, const json_t *after)
{
	double bytes = 0;
	const json_t *index;
	size_t i;

	json_array_foreach(ddb_table_indexes(bill->definition), i, index)
	{
		json_t *old = bill_entry(index, before), *new = bill_entry(index, after);

		if (new != NULL && !json_equal(old, new))
			bytes += (double)ddb_item_bytes(new);
		json_decref(old);
		json_decref(new);
	}
	return bytes;
}

/* One more write of an item. */
static void bill_add_write(struct cart_bill_units *units, const struct bill *bill,
			   const json_t *before, const json_t *after)
{
	units->calls++;
	units->write += bill_larger(bill, before, after) + bill_write_indexes(bill, before, after);
	units->bytes += (double)ddb_bill_bytes(bill, after) + bill_index_bytes(bill, before, after);
}

static size_t bill_stored(const struct bill *bill, const json_t *item)
{
	size_t bytes = ddb_item_bytes(item) + BILL_STORAGE_BYTES, i;
	const json_t *index;

	json_array_foreach(ddb_table_indexes(bill->definition), i, index)
	{
		json_t *entry = bill_entry(index, item);

		bytes += entry != NULL ? ddb_item_bytes(entry) + BILL_STORAGE_BYTES : 0;
		json_decref(entry);
	}
	return bytes;
}

/* A change: a conditional call in layout map, a strong read before the write in layout list. */
static struct cart_bill_units bill_change(const struct bill *bill, const json_t *before,
					  const json_t *after)
{
	struct cart_bill_units units = {0};

	if (bill->table.layout != DDB_LAYOUT_MAP)
		units = (struct cart_bill_units){.calls = 1, .read = bill_read(bill, before)};
	bill_add_write(&units, bill, before, after);
	return units;
}

/* Layout rows: the item and so many rows, as one Query reads them. */
static double bill_query(const struct bill *bill, const json_t *item, size_t rows)
{
	return bill_begun(ddb_bill_bytes(bill, item) + rows * ddb_item_bytes(bill->row),
			  BILL_READ_BYTES);
}

/* A Query of the item and so many rows, and a transaction of the item and so many of these, but for
 * the indexes. */
static void bill_transact(struct cart_bill_units *units, const struct bill *bill,
			  const json_t *before, const json_t *after, size_t rows, size_t written)
{
	units->calls += 2;
	units->read += bill_query(bill, before, rows);
	units->write += 2 * (bill_larger(bill, before, after) +
			     (double)written * bill_larger(bill, bill->row, NULL));
	units->bytes += (double)ddb_bill_bytes(bill, after);
}

/* The removal of the only line: the item's generation changes, and no row. */
static struct cart_bill_units bill_empty(const struct bill *bill, const json_t *before,
					 const json_t *after)
{
	struct cart_bill_units units = {.calls = 1, .read = bill_query(bill, before, 1)};

	bill_add_write(&units, bill, before, after);
	return units;
}

/* A change of one of so many rows; left: bytes of the row that it leaves. */
static struct cart_bill_units bill_change_row(const struct bill *bill, const json_t *before,
					      const json_t *after, size_t rows, size_t left)
{
	struct cart_bill_units units = {0};

	bill_transact(&units, bill, before, after, rows, 1);
	units.write += bill_write_indexes(bill, before, after);
	units.bytes += (double)left + bill_index_bytes(bill, before, after);
	return units;
}

/* More rows than a transaction takes go before the cart does, each time after a Query. left: the
 * tombstone, or NULL. */
static struct cart_bill_units bill_remove(const struct bill *bill, const json_t *open,
					  const json_t *packed, const json_t *left, size_t rows)
{
	const size_t most = DDB_TRANSACTION_MAX - 1;
	struct cart_bill_units units = {0};
	const json_t *before = open;

	for (; rows > most; rows -= most, before = packed)
		bill_transact(&units, bill, before, packed, rows, most);
	bill_transact(&units, bill, before, left, rows, rows);
	units.write += bill_write_indexes(bill, open, left);
	units.bytes += bill_index_bytes(bill, open, left);
	return units;
}

/* A query of one entry, and the cart by its key where the entry has keys alone. */
static struct cart_bill_units bill_list(const struct bill *bill, const json_t *item, double get)
{
	/* customer-index */
	const json_t *index = json_array_get(ddb_table_indexes(bill->definition), 0);
	json_t *entry = bill_entry(index, item);
	struct cart_bill_units units = {.calls = 1, .read = bill_read(bill, entry) / 2};

	json_decref(entry);
	if (bill_projects_all(index))
		return units;
	units.calls++;
	units.read += get / 2;
	return units;
}

/* Two reads; the seal of the cart, the decision with its lines, its end; the decision's removal. */
static struct cart_bill_units bill_merge(const struct bill *bill, json_t *const items[BILL_MOMENTS])
{
	struct cart_bill_units units = {
		.calls = 2,
		.read = bill_read(bill, items[BILL_NEW]) + bill_read(bill, items[BILL_OPEN]),
	};

	bill_add_write(&units, bill, items[BILL_OPEN], items[BILL_SEALED]);
	bill_add_write(&units, bill, items[BILL_NEW], items[BILL_DECIDED]);
	bill_add_write(&units, bill, items[BILL_SEALED], items[BILL_MERGED]);
	bill_add_write(&units, bill, items[BILL_DECIDED], items[BILL_TARGET]);
	return units;
}

/* In layout rows: the decision is a transaction with the lines, as long as it takes them. */
static void bill_merge_rows(struct cart_bill_units *units, const struct bill *bill, size_t lines,
			    json_t *const items[BILL_MOMENTS])
{
	units->read = bill_read(bill, items[BILL_NEW]) + bill_query(bill, items[BILL_OPEN], lines);
	if (ddb_bill_packs(lines))
		return;
	units->write += bill_larger(bill, items[BILL_NEW], items[BILL_DECIDED]) +
			2 * (double)lines * bill_larger(bill, bill->row, NULL);
	units->bytes += (double)(lines * ddb_item_bytes(bill->row));
}

static void bill_sum_gets(struct cart_bill_units *units, double get)
{
	units[CART_BILL_GET] = (struct cart_bill_units){.calls = 1, .read = get};
	units[CART_BILL_GET_EVENTUAL] = (struct cart_bill_units){.calls = 1, .read = get / 2};
}

/* Where it differs from the other layouts: lines are written and read besides the item. */
static void bill_sum_rows(struct cart_bill *out, const struct bill *bill, size_t lines,
			  json_t *const items[BILL_MOMENTS])
{
	struct cart_bill_units *units = out->units;
	const json_t *open = items[BILL_OPEN];
	const json_t *left = bill->keyed ? items[BILL_TOMBSTONE] : NULL;
	double get = bill_query(bill, open, lines);
	size_t row = ddb_item_bytes(bill->row);

	out->bytes += lines * row;
	/* They stay until they expire. */
	out->stored_bytes += lines * (row + BILL_STORAGE_BYTES);
	units[CART_BILL_ADD_LINE] =
		bill_change_row(bill, items[BILL_LINE_BEFORE], open, lines - 1, row);
	units[CART_BILL_ADD] = bill_change_row(bill, open, items[BILL_ADDED], lines, row);
	units[CART_BILL_REMOVE] =
		lines == 1 ? bill_empty(bill, open, items[BILL_REMOVED])
			   : bill_change_row(bill, open, items[BILL_REMOVED], lines, 0);
	units[CART_BILL_CHECKOUT].read = get;
	bill_sum_gets(units, get);
	units[CART_BILL_LIST] = bill_list(bill, open, get);
	bill_merge_rows(&units[CART_BILL_MERGE], bill, lines, items);
	units[CART_BILL_DELETE] = bill_remove(bill, open, items[BILL_PACKED], left, lines);
}

static void bill_sum(struct cart_bill *out, const struct bill *bill,
		     json_t *const items[BILL_MOMENTS])
{
	struct cart_bill_units *units = out->units;
	const json_t *open = items[BILL_OPEN];

	out->bytes = ddb_bill_bytes(bill, open);
	out->stored_bytes = bill_stored(bill, items[BILL_CLOSED]);
	bill_add_write(&units[CART_BILL_CREATE], bill, NULL, items[BILL_NEW]);
	units[CART_BILL_ADD_LINE] = bill_change(bill, items[BILL_LINE_BEFORE], open);
	units[CART_BILL_ADD] = bill_change(bill, open, items[BILL_ADDED]);
	units[CART_BILL_REMOVE] = bill_change(bill, open, items[BILL_REMOVED]);
	units[CART_BILL_MOVE] = (struct cart_bill_units){
		.write = bill_write_indexes(bill, open, items[BILL_MOVED]) -
			 bill_write_indexes(bill, open, items[BILL_ADDED]),
		.bytes = bill_index_bytes(bill, open, items[BILL_MOVED]) -
			 bill_index_bytes(bill, open, items[BILL_ADDED]),
	};
	bill_sum_gets(units, bill_read(bill, open));
	units[CART_BILL_LIST] = bill_list(bill, open, bill_read(bill, open));
	units[CART_BILL_CHECKOUT] = bill_change(bill, open, items[BILL_CLOSED]);
	units[CART_BILL_MERGE] = bill_merge(bill, items);
	if (!bill->keyed) {
		bill_add_write(&units[CART_BILL_DELETE], bill, open, NULL);
		return;
	}
	/* The key's item is written before the cart. A delete's condition is false, and a tombstone
	 * takes the cart's place. */
	bill_add_write(&units[CART_BILL_CREATE], bill, NULL, items[BILL_KEY]);
	units[CART_BILL_DELETE] =
		(struct cart_bill_units){.calls = 1, .write = bill_larger(bill, open, NULL)};
	bill_add_write(&units[CART_BILL_DELETE], bill, open, items[BILL_TOMBSTONE]);
}

static bool bill_setting_is(const struct cart_bill_cart *cart, const char *key, const char *value)
{
	const char *text = cart->setting != NULL ? cart->setting(cart->user, key) : NULL;

	return text != NULL && strcmp(text, value) == 0;
}

static enum ddb_layout bill_layout(const struct cart_bill_cart *cart)
{
	if (bill_setting_is(cart, "dynamodb.layout", "rows"))
		return DDB_LAYOUT_ROWS;
	return bill_setting_is(cart, "dynamodb.layout", "list") ? DDB_LAYOUT_LIST : DDB_LAYOUT_MAP;
}

/* The settings do not go together: cartd does not start. */
static bool bill_is_refused(const struct bill *bill, const struct cart_bill_cart *cart)
{
	return bill_has_rows(bill) && bill_setting_is(cart, "dynamodb.projection", "all");
}

int ddb_bill(struct cart_bill *out, const struct cart_bill_cart *cart)
{
	struct bill bill = {
		.table = {.name = "carts",
			  .layout = bill_layout(cart),
			  .idle_shards = 8,
			  .rules = &ddb_bill_rules},
		.definition =
			ddb_table_definition(bill_setting_is(cart, "dynamodb.layout", "rows"),
					     bill_setting_is(cart, "dynamodb.projection", "all")),
		.keyed = cart->keyed,
		.attributes = cart->attributes,
		.strings = bill_setting_is(cart, "cart.id_type", "string"),
		.op = {.now_ms = BILL_NOW_MS},
	};
	int result = bill.definition == NULL || bill_is_refused(&bill, cart)
			     ? -1
			     : ddb_bill_items(&bill, cart->lines);

	*out = (struct cart_bill){0};
	if (result == 0 && bill_has_rows(&bill))
		result = ddb_bill_row(&bill);
	if (result == 0)
		bill_sum(out, &bill, bill.items);
	if (result == 0 && bill_has_rows(&bill))
		bill_sum_rows(out, &bill, cart->lines, bill.items);
	for (int i = 0; i < BILL_MOMENTS; i++)
		json_decref(bill.items[i]);
	buf_free(&bill.body);
	json_decref(bill.row);
	json_decref(bill.definition);
	return result;
}
