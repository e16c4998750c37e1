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

#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/item/rows.h"
#include "backends/dynamodb/table/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BILL_WRITE_BYTES   1024
#define BILL_READ_BYTES	   4096
#define BILL_STORAGE_BYTES 100
#define BILL_NESTED_BYTES  3 /* of a map or list, and 1 for each of its elements */
#define BILL_INDEX_KEYS	   2

/* No time of the carts ends in two zeros, with which a number is a byte shorter. */
#define BILL_NOW_MS INT64_C(1764547623123)

static const struct cart_rules bill_rules = {
	.ttl_ms = INT64_C(30) * 24 * 3600 * 1000,
	.lines_max = CART_BILL_LINES_MAX,
	.quantity_max = 1000000,
	.idempotency_window_ms = INT64_C(600) * 1000,
	.idle_step_ms = INT64_C(3600) * 1000,
	.sweep_grace_ms = INT64_C(3600) * 1000,
};

/* Two significant digits take a byte, and the number one more. Digits are paired from the decimal
 * point on, and pairs of zeros at either end are not counted. */
static size_t bill_number_bytes(const char *text)
{
	bool negative = *text == '-';
	size_t len, pairs;

	text += negative;
	text += strspn(text, "0");
	len = strlen(text);
	pairs = (len + 1) / 2;
	for (; len >= 2 && text[len - 1] == '0' && text[len - 2] == '0'; len -= 2)
		pairs--;
	return 1 + pairs + negative;
}

static size_t bill_value_bytes(const json_t *value)
{
	const json_t *map = json_object_get(value, "M"), *list = json_object_get(value, "L");
	const char *number = json_string_value(json_object_get(value, "N"));
	const char *string = json_string_value(json_object_get(value, "S"));
	size_t bytes = BILL_NESTED_BYTES + json_array_size(list) + json_object_size(map), i;
	const json_t *each;

	if (number != NULL)
		return bill_number_bytes(number);
	if (string != NULL)
		return strlen(string);
	json_array_foreach(list, i, each) bytes += bill_value_bytes(each);
	return bytes + ddb_item_bytes(map);
}

size_t ddb_item_bytes(const json_t *attributes)
{
	size_t bytes = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)attributes, name, value) bytes +=
		strlen(name) + bill_value_bytes(value);
	return bytes;
}

static double bill_begun(size_t bytes, size_t of)
{
	return bytes > 0 ? (double)((bytes + of - 1) / of) : 1;
}

static double bill_read(const json_t *item)
{
	return bill_begun(ddb_item_bytes(item), BILL_READ_BYTES);
}

/* The cart as it stands at some time in its life. */
struct bill_state {
	size_t lines;
	size_t changes; /* since its creation */
	int64_t now_ms;
	bool closed;
};

struct bill {
	struct ddb_table table;
	json_t *definition; /* of the table and its indexes */
	bool keyed;
	bool strings;	   /* cart.id_type=string */
	size_t attributes; /* of each line */
	json_t *row;	   /* a line's item in layout rows; NULL: of another layout */
	struct cart_op op;
	struct buf body;
};

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
static double bill_larger(const json_t *before, const json_t *after)
{
	size_t a = ddb_item_bytes(before), b = ddb_item_bytes(after);

	return bill_begun(a > b ? a : b, BILL_WRITE_BYTES);
}

static double bill_write_index(const json_t *index, const json_t *before, const json_t *after)
{
	json_t *old = bill_entry(index, before), *new = bill_entry(index, after);
	double units = 0;

	if (old != NULL && new != NULL && !bill_same_key(index, old, new))
		units = bill_larger(old, NULL) + bill_larger(NULL, new);
	else if (old != NULL && new != NULL)
		units = json_equal(old, new) ? 0 : bill_larger(old, new);
	else if (old != NULL || new != NULL)
		units = bill_larger(old, new);
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
		bill_write_index(index, before, after);
	return units;
}

static double bill_write(const struct bill *bill, const json_t *before, const json_t *after)
{
	return bill_larger(before, after) + bill_write_indexes(bill, before, after);
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

/* Takes an item out of the body that was made: of a transaction, that of the n-th write. NULL: no
 * memory. */
static json_t *bill_take_item(struct bill *bill, size_t n)
{
	json_t *body =
		bill->body.failed ? NULL : json_loadb(bill->body.data, bill->body.len, 0, NULL);
	const json_t *writes = json_object_get(body, "TransactItems");
	const json_t *write =
		writes != NULL ? json_object_get(json_array_get(writes, n), "Put") : body;
	json_t *item = json_incref(json_object_get(write, "Item"));

	json_decref(body);
	return item;
}

/* A number of 6 or 7 digits; a string has 16, as those of shop_id_of_number(). */
static void bill_set_id(struct shop_id *id, const struct bill *bill, size_t number)
{
	id->size = (uint8_t)snprintf(id->text, sizeof(id->text), bill->strings ? "%016zu" : "%zu",
				     number);
}

/* Their size alone counts. NULL: none, or no memory. */
static char *bill_attributes(const struct bill *bill)
{
	char *text = bill->attributes > 0 ? calloc(bill->attributes + 1, 1) : NULL;

	if (text != NULL)
		memset(text, 'x', bill->attributes);
	return text;
}

/* So that the item alone is written, as where no line changes. */
static int bill_fill_rows(struct ddb_item *item, const struct bill *bill,
			  const struct bill_state *state)
{
	item->gen = 1;
	item->rows = calloc(state->lines + 1, sizeof(*item->rows));
	if (item->rows == NULL)
		return -1;
	for (; item->row_count < state->lines; item->row_count++) {
		struct ddb_row *row = &item->rows[item->row_count];

		bill_set_id(&row->product_id, bill, 123457 + item->row_count);
		row->expires_s = INT64_MAX;
		row->current = true;
	}
	return 0;
}

static int bill_fill(struct ddb_item *item, const struct bill *bill, const struct bill_state *state)
{
	struct cart *cart = &item->cart;
	size_t keys = bill->keyed ? state->changes : 0;

	cart->lines = calloc(state->lines + 1, sizeof(*cart->lines));
	item->keys = calloc(keys + 1, sizeof(*item->keys));
	if (cart->lines == NULL || item->keys == NULL)
		return -1;
	/* In no shard 0, which is a byte shorter. */
	cart->id.bytes[CART_ID_BYTES - 1] = 1;
	bill_set_id(&cart->customer_id, bill, 1234567);
	cart->state = state->closed ? CART_CHECKED_OUT : CART_OPEN;
	cart->version = (int64_t)state->changes + 1;
	cart->created_ms = BILL_NOW_MS;
	cart->updated_ms = state->now_ms;
	cart->expires_ms = state->closed ? 0 : state->now_ms + bill_rules.ttl_ms;
	if (bill_has_rows(bill) && bill_fill_rows(item, bill, state) != 0)
		return -1;
	for (; cart->line_count < state->lines; cart->line_count++) {
		struct cart_line *line = &cart->lines[cart->line_count];

		bill_set_id(&line->product_id, bill, 123457 + cart->line_count);
		line->quantity = 12;
		line->added_ms = line->updated_ms = BILL_NOW_MS;
		line->attributes = bill_attributes(bill);
		if (bill->attributes > 0 && line->attributes == NULL)
			return -1;
	}
	for (; item->key_count < keys; item->key_count++) {
		struct ddb_key *key = &item->keys[item->key_count];
		uint8_t hash[CART_KEY_HASH_BYTES] = {(uint8_t)(item->key_count >> 8),
						     (uint8_t)item->key_count};

		ddb_key_name(hash, key->name);
		key->version = (int64_t)item->key_count + 2;
		key->stored_ms = BILL_NOW_MS;
	}
	return 0;
}

/* tombstone: what is left of the cart when it is deleted. NULL: no memory. */
static json_t *bill_item(struct bill *bill, const struct bill_state *state, bool tombstone)
{
	struct ddb_item item = {.layout = bill->table.layout};
	const struct ddb_put put = {
		.op = &bill->op, .before = &item, .after = &item.cart, .mark = "0123456789abcdef"};
	json_t *made = NULL;

	if (bill->keyed) {
		char name[DDB_KEY_NAME_ROOM];

		ddb_key_name(bill->op.key_hash, name);
		snprintf(item.create_key, sizeof(item.create_key), "key#%.22s", name);
		item.keyed_until_ms = bill->op.now_ms + bill_rules.idempotency_window_ms;
	}
	if (bill_fill(&item, bill, state) == 0) {
		if (tombstone)
			ddb_body_tombstone(&bill->body, &bill->table, &item);
		else
			ddb_body_put(&bill->body, &bill->table, &put);
		made = bill_take_item(bill, 0);
	}
	ddb_item_clear(&item);
	return made;
}

/* The items of a cart's life around the operations that are billed. */
enum bill_moment {
	BILL_NEW,
	BILL_LINE_BEFORE, /* without the last line */
	BILL_OPEN,
	BILL_ADDED,
	BILL_MOVED, /* as ADDED, in another step of cart.idle_step */
	BILL_CLOSED,
	BILL_TOMBSTONE,
	BILL_PACKED, /* layout rows: open, with its lines in it */
	BILL_KEY,    /* the item of a create's key */
	BILL_MOMENTS
};

static int bill_items(struct bill *bill, size_t lines, json_t *items[BILL_MOMENTS])
{
	const int64_t now_ms = BILL_NOW_MS, later_ms = BILL_NOW_MS + bill_rules.idle_step_ms;
	const struct bill_state states[BILL_KEY] = {
		[BILL_NEW] = {0, 0, now_ms, false},
		[BILL_LINE_BEFORE] = {lines - 1, lines - 1, now_ms, false},
		[BILL_OPEN] = {lines, lines, now_ms, false},
		[BILL_ADDED] = {lines, lines + 1, now_ms, false},
		[BILL_MOVED] = {lines, lines + 1, later_ms, false},
		[BILL_CLOSED] = {lines, lines + 1, now_ms, true},
		[BILL_TOMBSTONE] = {lines, lines, now_ms, false},
		[BILL_PACKED] = {lines, lines, now_ms, false},
	};
	const enum ddb_layout layout = bill->table.layout;

	for (int i = 0; i < BILL_KEY; i++) {
		/* As layout map has it, but for a number. */
		bill->table.layout = i == BILL_PACKED ? DDB_LAYOUT_MAP : layout;
		items[i] = bill_item(bill, &states[i], i == BILL_TOMBSTONE);
	}
	bill->table.layout = layout;
	ddb_body_put_key(&bill->body, &bill->table, &bill->op, "key#AAAAAAAAAAAAAAAAAAAAAA",
			 &bill->op.id, 0);
	items[BILL_KEY] = bill_take_item(bill, 0);
	for (int i = 0; i < BILL_MOMENTS; i++)
		if (items[i] == NULL)
			return -1;
	return 0;
}

/* A change: a conditional call in layout map, a strong read before the write in layout list. */
static struct cart_bill_units bill_change(const struct bill *bill, const json_t *before,
					  const json_t *after)
{
	return (struct cart_bill_units){
		.read = bill->table.layout != DDB_LAYOUT_MAP ? bill_read(before) : 0,
		.write = bill_write(bill, before, after),
	};
}

/* Layout rows: the item and so many rows, as one Query reads them. */
static double bill_query(const struct bill *bill, const json_t *item, size_t rows)
{
	return bill_begun(ddb_item_bytes(item) + rows * ddb_item_bytes(bill->row), BILL_READ_BYTES);
}

/* A transaction of the item and so many rows, but for the indexes. */
static double bill_transact(const struct bill *bill, const json_t *before, const json_t *after,
			    size_t rows)
{
	return 2 * (bill_larger(before, after) + (double)rows * bill_larger(bill->row, NULL));
}

/* More rows than a transaction takes go before the cart does, each time after a Query. left: the
 * tombstone, or NULL. */
static struct cart_bill_units bill_remove(const struct bill *bill, const json_t *open,
					  const json_t *packed, const json_t *left, size_t rows)
{
	const size_t most = DDB_TRANSACTION_MAX - 1;
	struct cart_bill_units units = {0};
	const json_t *before = open;

	for (; rows > most; rows -= most, before = packed) {
		units.read += bill_query(bill, before, rows);
		units.write += bill_transact(bill, before, packed, most);
	}
	units.read += bill_query(bill, before, rows);
	units.write += bill_transact(bill, before, left, rows);
	return units;
}

/* A query of one entry, and the cart by its key where the entry has keys alone. */
static double bill_list(const struct bill *bill, const json_t *item, double get)
{
	/* customer-index */
	const json_t *index = json_array_get(ddb_table_indexes(bill->definition), 0);
	json_t *entry = bill_entry(index, item);
	double units = bill_read(entry) / 2;

	json_decref(entry);
	return bill_projects_all(index) ? units : units + get / 2;
}

/* Where it differs from the other layouts: lines are written and read besides the item. */
static void bill_sum_rows(struct cart_bill *out, const struct bill *bill, size_t lines,
			  json_t *items[BILL_MOMENTS])
{
	struct cart_bill_units *units = out->units;
	const json_t *open = items[BILL_OPEN], *before = items[BILL_LINE_BEFORE];
	const json_t *left = bill->keyed ? items[BILL_TOMBSTONE] : NULL;
	double get = bill_query(bill, open, lines);
	size_t row = ddb_item_bytes(bill->row);

	out->bytes += lines * row;
	/* They stay until they expire. */
	out->stored_bytes += lines * (row + BILL_STORAGE_BYTES);
	units[CART_BILL_ADD_LINE].read = bill_query(bill, before, lines - 1);
	units[CART_BILL_ADD_LINE].write =
		bill_transact(bill, before, open, 1) + bill_write_indexes(bill, before, open);
	units[CART_BILL_ADD].read = units[CART_BILL_CHECKOUT].read = get;
	units[CART_BILL_ADD].write = bill_transact(bill, open, items[BILL_ADDED], 1) +
				     bill_write_indexes(bill, open, items[BILL_ADDED]);
	units[CART_BILL_GET].read = get;
	units[CART_BILL_GET_EVENTUAL].read = get / 2;
	units[CART_BILL_LIST].read = bill_list(bill, open, get);
	units[CART_BILL_DELETE] = bill_remove(bill, open, items[BILL_PACKED], left, lines);
	units[CART_BILL_DELETE].write += bill_write_indexes(bill, open, left);
}

static void bill_sum(struct cart_bill *out, const struct bill *bill, json_t *items[BILL_MOMENTS])
{
	struct cart_bill_units *units = out->units;
	const json_t *open = items[BILL_OPEN];

	out->bytes = ddb_item_bytes(open);
	out->stored_bytes = bill_stored(bill, items[BILL_CLOSED]);
	units[CART_BILL_CREATE].write = bill_write(bill, NULL, items[BILL_NEW]);
	units[CART_BILL_ADD_LINE] = bill_change(bill, items[BILL_LINE_BEFORE], open);
	units[CART_BILL_ADD] = bill_change(bill, open, items[BILL_ADDED]);
	units[CART_BILL_MOVE].write = bill_write_indexes(bill, open, items[BILL_MOVED]) -
				      bill_write_indexes(bill, open, items[BILL_ADDED]);
	units[CART_BILL_GET].read = bill_read(open);
	units[CART_BILL_GET_EVENTUAL].read = bill_read(open) / 2;
	units[CART_BILL_LIST].read = bill_list(bill, open, bill_read(open));
	units[CART_BILL_CHECKOUT] = bill_change(bill, open, items[BILL_CLOSED]);
	units[CART_BILL_DELETE].write = bill_write(bill, open, NULL);
	if (!bill->keyed)
		return;
	/* The key's item is written before the cart. A delete's condition is false, and a tombstone
	 * takes the cart's place. */
	units[CART_BILL_CREATE].write += bill_write(bill, NULL, items[BILL_KEY]);
	units[CART_BILL_DELETE].write =
		bill_larger(open, NULL) + bill_write(bill, open, items[BILL_TOMBSTONE]);
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

/* The item of a line, from a transaction that writes one. */
static int bill_take_row(struct bill *bill)
{
	const struct bill_state state = {1, 1, BILL_NOW_MS, false};
	struct ddb_item item = {0};
	const struct ddb_put put = {
		.op = &bill->op, .before = &item, .after = &item.cart, .mark = "0123456789abcdef"};

	if (bill_fill(&item, bill, &state) == 0) {
		item.layout = DDB_LAYOUT_MAP; /* so the line is written */
		ddb_body_put(&bill->body, &bill->table, &put);
		bill->row = bill_take_item(bill, 1);
	}
	ddb_item_clear(&item);
	return bill->row != NULL ? 0 : -1;
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
			  .rules = &bill_rules},
		.definition =
			ddb_table_definition(bill_setting_is(cart, "dynamodb.layout", "rows"),
					     bill_setting_is(cart, "dynamodb.projection", "all")),
		.keyed = cart->keyed,
		.attributes = cart->attributes,
		.strings = bill_setting_is(cart, "cart.id_type", "string"),
		.op = {.now_ms = BILL_NOW_MS},
	};
	json_t *items[BILL_MOMENTS] = {NULL};
	int result = bill.definition == NULL || bill_is_refused(&bill, cart)
			     ? -1
			     : bill_items(&bill, cart->lines, items);

	*out = (struct cart_bill){0};
	if (result == 0 && bill_has_rows(&bill))
		result = bill_take_row(&bill);
	if (result == 0)
		bill_sum(out, &bill, items);
	if (result == 0 && bill_has_rows(&bill))
		bill_sum_rows(out, &bill, cart->lines, items);
	for (int i = 0; i < BILL_MOMENTS; i++)
		json_decref(items[i]);
	buf_free(&bill.body);
	json_decref(bill.row);
	json_decref(bill.definition);
	return result;
}
