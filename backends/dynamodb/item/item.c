/*
 * Reading items. Attributes that are not ours are passed over; ours have the type and the range
 * that they were written with, or the item is refused, with the name of the first that does not.
 */
#include "backends/dynamodb/item/item.h"
#include "backends/dynamodb/item/item_lines.h"
#include "backends/dynamodb/item/item_reader.h"
#include "core/cart_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void item_copy_text(struct item_reader *reader, const char *name, char *to, size_t room)
{
	const char *text = item_text(reader, name);

	if (text != NULL && strlen(text) >= room)
		item_is_wrong(reader, name);
	else if (text != NULL)
		memcpy(to, text, strlen(text) + 1);
}

bool ddb_item_id(const json_t *attributes, struct cart_id *id)
{
	const char *text =
		json_string_value(item_typed(json_object_get(attributes, "cart_id"), "S"));

	return text != NULL && cart_id_parse(id, text, strlen(text));
}

bool ddb_item_is_merging(const json_t *attributes, struct cart_id *into)
{
	struct item_reader reader = {.attributes = attributes};
	const char *status = item_text(&reader, "status"), *text;

	if (status == NULL || strcmp(status, "merging") != 0)
		return false;
	text = item_text(&reader, "merged_into");
	return text != NULL && cart_id_parse(into, text, strlen(text));
}

static int item_compare_keys(const void *a, const void *b)
{
	const struct ddb_key *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void item_read_keys(struct item_reader *reader, struct ddb_item *item)
{
	const json_t *versions = item_typed(json_object_get(reader->attributes, "op_v"), "M");
	const json_t *records = item_typed(json_object_get(reader->attributes, "op_f"), "M");
	const char *name;
	json_t *value;

	if (!json_is_object(versions) || json_object_size(records) != json_object_size(versions)) {
		item_is_wrong(reader, "op_v");
		return;
	}
	if (json_object_size(versions) == 0)
		return;
	item->keys = calloc(json_object_size(versions), sizeof(*item->keys));
	if (item->keys == NULL) {
		reader->no_memory = true;
		return;
	}
	json_object_foreach((json_t *)versions, name, value)
	{
		struct ddb_key *key = &item->keys[item->key_count++];
		const char *record =
			json_string_value(item_typed(json_object_get(records, name), "S"));

		if (strlen(name) != DDB_KEY_NAME_ROOM - 1 || record == NULL ||
		    !item_number(value, &key->version) || !ddb_record_read(record, key)) {
			item_is_wrong(reader, "op_v");
			return;
		}
		memcpy(key->name, name, DDB_KEY_NAME_ROOM);
	}
	qsort(item->keys, item->key_count, sizeof(*item->keys), item_compare_keys);
}

static void item_read_id(struct item_reader *reader, const char *name, struct cart_id *id)
{
	const char *text = item_text(reader, name);

	if (text == NULL || !cart_id_parse(id, text, strlen(text)))
		item_is_wrong(reader, name);
}

static void item_read_seal(struct item_reader *reader, struct ddb_seal *seal)
{
	const char *how = item_text(reader, "merge_how");

	item_read_id(reader, "merged_into", &seal->into);
	item_copy_text(reader, "merge_id", seal->merge_id, sizeof(seal->merge_id));
	if (seal->merge_id[0] == '\0')
		item_is_wrong(reader, "merge_id");
	seal->if_version = item_optional(reader, "merge_version");
	if (how == NULL || !ddb_strategy_read(how, &seal->strategy))
		item_is_wrong(reader, "merge_how");
}

static void item_read_state(struct item_reader *reader, struct ddb_item *item, const char *status)
{
	struct cart *cart = &item->cart;

	if (strcmp(status, "checked_out") == 0) {
		cart->state = CART_CHECKED_OUT;
		item_read_id(reader, "order_id", &cart->order_id);
	} else if (strcmp(status, "merged") == 0) {
		cart->state = CART_MERGED;
		item_read_id(reader, "merged_into", &cart->merged_into);
	} else if (strcmp(status, "merging") == 0) {
		item_read_seal(reader, &item->seal);
	} else if (strcmp(status, "open") != 0) {
		item_is_wrong(reader, "status");
	}
	if (cart->state != CART_CHECKED_OUT && item_text(reader, "order_id") != NULL)
		item_is_wrong(reader, "order_id");
}

static void item_read_decision(struct item_reader *reader, struct ddb_decision *decision,
			       const char *from, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	*decision = (struct ddb_decision){0};
	if (len < 2 || len > DDB_MARK_ROOM || (*text != '+' && *text != '-') ||
	    !cart_id_parse(&decision->from, from, strlen(from))) {
		item_is_wrong(reader, "merges");
		return;
	}
	decision->done = *text == '+';
	memcpy(decision->merge_id, text + 1, len);
}

static void item_read_decisions(struct item_reader *reader, struct ddb_item *item)
{
	const json_t *value = json_object_get(reader->attributes, "merges");
	const json_t *merges = item_typed(value, "M");
	const char *from;
	json_t *text;

	if (value == NULL)
		return;
	if (!json_is_object(merges)) {
		item_is_wrong(reader, "merges");
		return;
	}
	item->decisions = calloc(json_object_size(merges) + 1, sizeof(*item->decisions));
	if (item->decisions == NULL) {
		reader->no_memory = true;
		return;
	}
	json_object_foreach((json_t *)merges, from, text)
	{
		item_read_decision(reader, &item->decisions[item->decision_count++], from,
				   json_string_value(item_typed(text, "S")));
	}
}

static void item_read_expiry(struct item_reader *reader, struct ddb_item *item)
{
	struct cart *cart = &item->cart;

	cart->expires_ms = item_optional(reader, "expires_ms");
	if (cart->expires_ms == 0) {
		cart->expires_ms = item_optional(reader, "until_ms");
		item->held = cart->state == CART_OPEN && item->seal.merge_id[0] == '\0' &&
			     item_text(reader, "held_for") != NULL;
		if (item->held)
			item_read_id(reader, "held_for", &item->held_for);
	}
	if (cart->expires_ms == DDB_NEVER_MS)
		cart->expires_ms = 0;
}

static void item_read_cart(struct item_reader *reader, struct ddb_item *item, const char *status)
{
	const char *customer = item_text(reader, "customer_id");
	struct cart *cart = &item->cart;

	item_read_state(reader, item, status);
	if (customer != NULL && !item_shop_id(customer, &cart->customer_id))
		item_is_wrong(reader, "customer_id");
	cart->version = item_required(reader, "version", 1, CART_VERSION_MAX);
	cart->created_ms = item_required(reader, "created_at", 1, CART_TIME_MAX_MS);
	cart->updated_ms = item_required(reader, "updated_at", 1, CART_TIME_MAX_MS);
	item_read_expiry(reader, item);
	item->keyed_until_ms = item_optional(reader, "keyed_until");
	item_copy_text(reader, "create_key", item->create_key, sizeof(item->create_key));
	item_copy_text(reader, "idle_key", item->idle_key, sizeof(item->idle_key));
	item_copy_text(reader, "mark", item->mark, sizeof(item->mark));
	item->gen = item_optional(reader, "gen");
	item_read_lines(reader, item);
	if (reader->has_keys) {
		item_read_keys(reader, item);
		item_read_decisions(reader, item);
	}
}

/* Says what went wrong, if something did. */
static enum cart_result item_end(struct ddb_item *item, const struct item_reader *reader, char *why,
				 size_t room)
{
	if (reader->wrong == NULL && !reader->no_memory)
		return CART_OK;
	if (reader->wrong != NULL)
		snprintf(why, room, "an item of the table has a bad %s", reader->wrong);
	else
		snprintf(why, room, "out of memory");
	ddb_item_clear(item);
	return reader->no_memory ? CART_BUSY : CART_DAMAGED;
}

static enum cart_result item_read(struct ddb_item *item, const json_t *attributes, bool has_keys,
				  char *why, size_t room)
{
	struct item_reader reader = {.attributes = attributes, .has_keys = has_keys};
	const char *status = item_text(&reader, "status");

	*item = (struct ddb_item){0};
	if (!ddb_item_id(attributes, &item->cart.id))
		item_is_wrong(&reader, "cart_id");
	else if (status != NULL && strcmp(status, "deleted") == 0)
		item->deleted = true;
	else if (status != NULL)
		item_read_cart(&reader, item, status);
	else if (json_object_get(attributes, "version") != NULL)
		item_is_wrong(&reader, "status");
	return item_end(item, &reader, why, room);
}

enum cart_result ddb_item_read(struct ddb_item *item, const json_t *attributes, char *why,
			       size_t room)
{
	return item_read(item, attributes, true, why, room);
}

enum cart_result ddb_item_read_listed(struct ddb_item *item, const json_t *attributes, char *why,
				      size_t room)
{
	return item_read(item, attributes, false, why, room);
}

enum cart_result ddb_items_take(const json_t *answer, ddb_item_take_fn *take, void *user, char *why,
				size_t room)
{
	const json_t *items = json_object_get(answer, "Items"), *attributes;
	size_t i;

	if (!json_is_array(items)) {
		snprintf(why, room, "the answer has no Items");
		return CART_BUSY;
	}
	json_array_foreach(items, i, attributes)
	{
		enum cart_result result = take(user, attributes, why, room);

		if (result != CART_OK)
			return result;
	}
	return CART_OK;
}

enum cart_result ddb_item_read_decisions(struct ddb_item *item, const json_t *attributes, char *why,
					 size_t room)
{
	struct item_reader reader = {.attributes = attributes};

	*item = (struct ddb_item){0};
	if (!ddb_item_id(attributes, &item->cart.id))
		item_is_wrong(&reader, "cart_id");
	item_copy_text(&reader, "mark", item->mark, sizeof(item->mark));
	item_read_decisions(&reader, item);
	return item_end(item, &reader, why, room);
}

void ddb_item_clear(struct ddb_item *item)
{
	cart_clear(&item->cart);
	free(item->keys);
	free(item->decisions);
	free(item->rows);
	*item = (struct ddb_item){0};
}

bool ddb_key_item_read(const json_t *attributes, struct ddb_key *key, struct cart_id *target)
{
	struct item_reader reader = {.attributes = attributes};
	const char *record = item_text(&reader, "record"), *cart = item_text(&reader, "target");

	*key = (struct ddb_key){.version = 1};
	return record != NULL && cart != NULL && ddb_record_read(record, key) &&
	       cart_id_parse(target, cart, strlen(cart));
}

const struct ddb_key *ddb_item_key(const struct ddb_item *item, const char *name)
{
	struct ddb_key wanted;

	if (item->key_count == 0 || strlen(name) != DDB_KEY_NAME_ROOM - 1)
		return NULL;
	memcpy(wanted.name, name, DDB_KEY_NAME_ROOM);
	return bsearch(&wanted, item->keys, item->key_count, sizeof(*item->keys),
		       item_compare_keys);
}

const struct ddb_decision *ddb_item_decision(const struct ddb_item *item,
					     const struct cart_id *from)
{
	for (size_t i = 0; i < item->decision_count; i++)
		if (cart_id_compare(&item->decisions[i].from, from) == 0)
			return &item->decisions[i];
	return NULL;
}

bool ddb_item_decide(struct ddb_item *item, const struct ddb_decision *decision)
{
	struct ddb_decision *decisions =
		reallocarray(item->decisions, item->decision_count + 1, sizeof(*decisions));
	size_t at = 0;

	if (decisions == NULL)
		return false;
	item->decisions = decisions;
	while (at < item->decision_count &&
	       cart_id_compare(&decisions[at].from, &decision->from) != 0)
		at++;
	item->decision_count += at == item->decision_count;
	decisions[at] = *decision;
	item->decided = true;
	return true;
}
