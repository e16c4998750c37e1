#include "backends/dynamodb/item/bill_items.h"

#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/item/body.h"
#include "backends/dynamodb/item/item_bytes.h"
#include "backends/dynamodb/item/rows.h"
#include "core/cart_bill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cart_rules ddb_bill_rules = {
	.ttl_ms = INT64_C(30) * 24 * 3600 * 1000,
	.lines_max = CART_BILL_LINES_MAX,
	.quantity_max = 1000000,
	.idempotency_window_ms = INT64_C(600) * 1000,
	.idle_step_ms = INT64_C(3600) * 1000,
	.sweep_grace_ms = INT64_C(3600) * 1000,
};

size_t ddb_bill_bytes(const struct bill *bill, const json_t *item)
{
	for (int i = 0; item != NULL && i < BILL_MOMENTS; i++)
		if (bill->items[i] == item && bill->bytes[i] > 0)
			return bill->bytes[i];
	return ddb_item_bytes(item);
}

/* The cart as it stands at some time in its life. */
struct bill_state {
	size_t lines;
	size_t changes; /* since its creation */
	int64_t now_ms;
	bool closed;
	bool unkeyed; /* its changes have no keys */
};

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
	size_t keys = bill->keyed && !state->unkeyed ? state->changes : 0;

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
	cart->expires_ms = state->closed ? 0 : state->now_ms + ddb_bill_rules.ttl_ms;
	if (bill->table.layout == DDB_LAYOUT_ROWS && bill_fill_rows(item, bill, state) != 0)
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
		item.keyed_until_ms = bill->op.now_ms + ddb_bill_rules.idempotency_window_ms;
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

bool ddb_bill_packs(size_t lines)
{
	return lines >= DDB_TRANSACTION_MAX;
}

static void bill_set_text(json_t *item, const char *name, const char *text)
{
	json_object_set_new(item, name, json_pack("{s:s}", "S", text));
}

/* The items between the calls of a merge, see update_merge.c, of those before and after it. */
static void bill_merge_items(const struct bill *bill, json_t *items[BILL_MOMENTS], size_t lines)
{
	static const char *const ends[] = {"merge_id", "merge_how", "idle_shard", "idle_key"};
	json_t *sealed = json_copy(items[BILL_OPEN]), *merged;
	char id[CART_ID_TEXT + 1], version[24];

	cart_id_format(&bill->op.id, id);
	json_object_set(sealed, "until_ms", json_object_get(sealed, "expires_ms"));
	json_object_del(sealed, "expires_ms");
	bill_set_text(sealed, "merge_id", "0123456789abcdef");
	bill_set_text(sealed, "merge_how", ddb_strategy(CART_MERGE_ADD));
	bill_set_text(sealed, "merged_into", id);
	bill_set_text(sealed, "status", "merging");
	merged = json_copy(sealed);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		json_object_del(merged, ends[i]);
	bill_set_text(merged, "status", "merged");
	snprintf(version, sizeof(version), "%zu", lines + 2);
	json_object_set_new(merged, "version", json_pack("{s:s}", "N", version));
	items[BILL_SEALED] = sealed;
	items[BILL_MERGED] = merged;
	items[BILL_DECIDED] = json_copy(items[BILL_TARGET]);
	json_object_set_new(items[BILL_DECIDED], "merges",
			    json_pack("{s:{s:{s:s}}}", "M", id, "S", "+0123456789abcdef"));
}

int ddb_bill_items(struct bill *bill, size_t lines)
{
	const int64_t now_ms = BILL_NOW_MS, later_ms = BILL_NOW_MS + ddb_bill_rules.idle_step_ms;
	const struct bill_state states[BILL_KEY] = {
		[BILL_NEW] = {0, 0, now_ms, false, false},
		[BILL_LINE_BEFORE] = {lines - 1, lines - 1, now_ms, false, false},
		[BILL_OPEN] = {lines, lines, now_ms, false, false},
		[BILL_ADDED] = {lines, lines + 1, now_ms, false, false},
		[BILL_REMOVED] = {lines - 1, lines + 1, now_ms, false, false},
		[BILL_MOVED] = {lines, lines + 1, later_ms, false, false},
		[BILL_CLOSED] = {lines, lines + 1, now_ms, true, false},
		[BILL_TOMBSTONE] = {lines, lines, now_ms, false, false},
		[BILL_PACKED] = {lines, lines, now_ms, false, false},
		[BILL_TARGET] = {lines, 1, now_ms, false, true},
	};
	const enum ddb_layout layout = bill->table.layout;
	json_t **items = bill->items;

	for (int i = 0; i < BILL_KEY; i++) {
		bool packed = layout == DDB_LAYOUT_ROWS &&
			      (i == BILL_PACKED || (i == BILL_TARGET && ddb_bill_packs(lines)));

		/* As layout map has it, but for what the item of a cart in rows is known by. */
		bill->table.layout = packed ? DDB_LAYOUT_MAP : layout;
		items[i] = bill_item(bill, &states[i], i == BILL_TOMBSTONE);
		if (packed && items[i] != NULL) {
			json_object_set(items[i], DDB_ROW,
					json_object_get(items[BILL_NEW], DDB_ROW));
			json_object_set(items[i], "gen", json_object_get(items[BILL_NEW], "gen"));
		}
	}
	bill->table.layout = layout;
	bill_merge_items(bill, items, lines);
	ddb_body_put_key(&bill->body, &bill->table, &bill->op, "key#AAAAAAAAAAAAAAAAAAAAAA",
			 &bill->op.id, 0);
	items[BILL_KEY] = bill_take_item(bill, 0);
	for (int i = 0; i < BILL_MOMENTS; i++) {
		if (items[i] == NULL)
			return -1;
		bill->bytes[i] = ddb_item_bytes(items[i]);
	}
	return 0;
}

/* The item of a line, from a transaction that writes one. */
int ddb_bill_row(struct bill *bill)
{
	const struct bill_state state = {1, 1, BILL_NOW_MS, false, false};
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
