/*
 * Stages: QUERY reads a page of entries of an index, in order. FETCH reads the carts of the first
 * entries of which the index has only the keys. Then the carts that match are taken; if there are
 * too few, FETCH follows again, and QUERY when no entry is left. Idle carts come from several
 * shards: a page of each is queried, and the pages are merged. Entries beyond the last entry of a
 * shard that has more are not in order yet, and wait for the next round.
 */
#include "backends/dynamodb/store/listing.h"

#include "backends/dynamodb/item/attribute.h"
#include "backends/dynamodb/store/closed.h"
#include "core/cart_backend.h"
#include "core/cart_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTING_CALLS_MAX 2000
#define LISTING_FETCH_MAX 100 /* of BatchGetItem */

/* How far a partition of the index has been queried. */
struct listing_part {
	char after[DDB_TIME_KEY_ROOM]; /* its last key; "": nothing was read yet */
	bool asked;		       /* queried in this round */
	bool over;		       /* it has no more entries */
};

struct listing_entry {
	char key[DDB_TIME_KEY_ROOM];
	struct ddb_item item;
	bool fetched;
	bool asked; /* requested by the FETCH under way */
	bool gone;
	bool met; /* it was merging */
};

struct ddb_listing {
	const struct cart_op *op;
	const struct ddb_table *table;
	bool idle;
	struct listing_part *parts;
	size_t part_count;
	size_t part; /* being queried */
	struct listing_entry *entries;
	size_t entry_count;
	size_t entry_room;
	struct cart_id ids[LISTING_FETCH_MAX]; /* that the FETCH under way requests */
	size_t id_count;		       /* 0: a QUERY is under way */
	size_t ids_sent;		       /* of them, where a call reads one cart */
	size_t left_out;		       /* unprocessed carts of the last call */
	struct cart *carts;		       /* limit + 1 */
	size_t cart_count;
	unsigned calls;
	bool met; /* a cart of the last answer is merging ... */
	struct cart_id met_from, met_into;
	bool many;		   /* a cart was left out, so many may be */
	struct ddb_closed *closed; /* a list of closed carts, which uses nothing else of this */
};

static size_t listing_wanted(const struct ddb_listing *listing)
{
	return (size_t)listing->op->list.limit + 1;
}

/* How many entries or carts a call asks for. Where carts are left out, which may be all of a step
 * of cart.idle_step, more than a small page needs. */
static size_t listing_at_once(const struct ddb_listing *listing)
{
	size_t wanted = listing_wanted(listing);

	return listing->many && wanted < LISTING_FETCH_MAX ? LISTING_FETCH_MAX : wanted;
}

/* A cart is read by a call of its own, and no index has all of it. */
static bool listing_has_rows(const struct ddb_listing *listing)
{
	return listing->table->layout == DDB_LAYOUT_ROWS;
}

struct ddb_listing *ddb_listing_new(const struct cart_op *op, const struct ddb_table *table)
{
	struct ddb_listing *listing = calloc(1, sizeof(*listing));

	if (listing == NULL)
		return NULL;
	listing->op = op;
	listing->table = table;
	if (op->list.kind == CART_LIST_CLOSED) {
		listing->closed = ddb_closed_new(op, table);
		if (listing->closed == NULL)
			ddb_listing_free(&listing);
		return listing;
	}
	listing->idle = op->list.kind == CART_LIST_IDLE;
	listing->part_count = listing->idle ? table->idle_shards : 1;
	listing->parts = calloc(listing->part_count, sizeof(*listing->parts));
	listing->carts = calloc(listing_wanted(listing), sizeof(*listing->carts));
	if (listing->parts == NULL || listing->carts == NULL)
		ddb_listing_free(&listing);
	for (size_t i = 0; listing != NULL && i < listing->part_count; i++)
		if (op->list.has_after)
			ddb_time_key(op->list.after_ms, &op->list.after_id,
				     listing->parts[i].after);
	return listing;
}

static void listing_clear_entries(struct ddb_listing *listing)
{
	for (size_t i = 0; i < listing->entry_count; i++)
		ddb_item_clear(&listing->entries[i].item);
	listing->entry_count = 0;
}

void ddb_listing_free(struct ddb_listing **out)
{
	struct ddb_listing *listing = *out;

	if (listing == NULL)
		return;
	ddb_closed_free(&listing->closed);
	listing_clear_entries(listing);
	for (size_t i = 0; listing->carts != NULL && i < listing->cart_count; i++)
		cart_clear(&listing->carts[i]);
	free(listing->carts);
	free(listing->entries);
	free(listing->parts);
	free(listing);
	*out = NULL;
}

static void listing_query_customer(const struct ddb_listing *listing,
				   const struct listing_part *part, struct buf *body)
{
	buf_add_string(body, ",\"IndexName\":\"customer-index\",\"ScanIndexForward\":false,"
			     "\"KeyConditionExpression\":\"customer_id = :part");
	if (part->after[0] != '\0')
		buf_add_string(body, " AND created_key < :after");
	ddb_add_shop_id(body, "\",\"ExpressionAttributeValues\":{\":part\":",
			&listing->op->list.customer_id);
	if (part->after[0] != '\0')
		ddb_add_text(body, ",\":after\":", part->after);
	buf_add_char(body, '}');
}

static void listing_query_idle(const struct ddb_listing *listing, const struct listing_part *part,
			       struct buf *body)
{
	char after[DDB_TIME_KEY_ROOM + 1], before[DDB_TIME_ROOM];

	/* "~" sorts behind whatever follows the key, and "0" before all of them. */
	snprintf(after, sizeof(after), "%s%s", part->after[0] != '\0' ? part->after : "0",
		 part->after[0] != '\0' ? "~" : "");
	ddb_time_text(listing->op->list.idle_before_ms, before);
	buf_add_string(body, ",\"IndexName\":\"idle-index\",\"KeyConditionExpression\":"
			     "\"idle_shard = :part AND idle_key BETWEEN :after AND :before\"");
	ddb_add_number(body, ",\"ExpressionAttributeValues\":{\":part\":", (int64_t)listing->part);
	ddb_add_text(body, ",\":after\":", after);
	ddb_add_text(body, ",\":before\":", before);
	buf_add_char(body, '}');
}

/* The range contains nothing. DynamoDB refuses one that ends before it begins. */
static bool listing_is_empty_range(const struct ddb_listing *listing,
				   const struct listing_part *part)
{
	char before[DDB_TIME_ROOM];

	if (!listing->idle || part->after[0] == '\0')
		return false;
	ddb_time_text(listing->op->list.idle_before_ms, before);
	return strcmp(part->after, before) >= 0;
}

static void listing_query(const struct ddb_listing *listing, struct buf *body)
{
	const struct listing_part *part = &listing->parts[listing->part];

	ddb_add_table(body, listing->table->name);
	if (listing->idle)
		listing_query_idle(listing, part, body);
	else
		listing_query_customer(listing, part, body);
	buf_add_string(body, ",\"Limit\":");
	buf_add_integer(body, (int64_t)listing_at_once(listing));
	ddb_add_end(body);
}

static int listing_compare(const void *a, const void *b)
{
	const struct listing_entry *left = a, *right = b;

	return strcmp(left->key, right->key);
}

static int listing_compare_newest(const void *a, const void *b)
{
	return listing_compare(b, a);
}

/* The cart itself matches the list; its entry in the index may be out of date. */
static bool listing_is_wanted(const struct ddb_listing *listing, const struct listing_entry *entry)
{
	const struct cart_op *op = listing->op;
	const struct cart *cart = &entry->item.cart;
	char key[DDB_TIME_KEY_ROOM];

	if (entry->gone || entry->item.deleted || cart->version == 0 ||
	    cart_is_expired(cart, op->now_ms))
		return false;
	/* An index lags behind: the cart may have been changed or closed since. Or an entry is not
	 * the cart's, as after a local server was killed between two writes: without this check
	 * the cart would be listed twice. */
	if (listing->idle)
		return strcmp(entry->item.idle_key, entry->key) == 0 && cart->state == CART_OPEN &&
		       cart->updated_ms < op->list.idle_before_ms;
	ddb_time_key(cart->created_ms, &cart->id, key);
	if (strcmp(key, entry->key) != 0)
		return false;
	return cart_list_has(&op->list, cart->state);
}

/* The key after which a part may have entries that were not read yet; NULL: all were read. */
static const char *listing_horizon(const struct ddb_listing *listing)
{
	const char *horizon = NULL;

	for (size_t i = 0; i < listing->part_count; i++) {
		const struct listing_part *part = &listing->parts[i];

		if (!part->over && (horizon == NULL || strcmp(part->after, horizon) < 0))
			horizon = part->after;
	}
	return horizon;
}

/* Entries that were not read yet may come before this one. */
static bool listing_must_wait(const struct listing_entry *entry, const char *horizon)
{
	return horizon != NULL && strcmp(entry->key, horizon) > 0;
}

static void listing_sort(struct ddb_listing *listing)
{
	if (listing->entry_count > 0)
		qsort(listing->entries, listing->entry_count, sizeof(*listing->entries),
		      listing->idle ? listing_compare : listing_compare_newest);
}

/* Takes the carts of the entries that are certainly in order, up to the first whose cart was not
 * read yet; the rest stays. */
static void listing_settle(struct ddb_listing *listing)
{
	const char *horizon = listing->idle ? listing_horizon(listing) : NULL;
	size_t done = 0;

	listing_sort(listing);
	for (; done < listing->entry_count; done++) {
		struct listing_entry *entry = &listing->entries[done];

		if (listing_must_wait(entry, horizon) || (!entry->fetched && !entry->gone))
			break;
		if (!listing_is_wanted(listing, entry)) {
			listing->many = true;
		} else if (listing->cart_count < listing_wanted(listing)) {
			/* A key starts with its time. */
			entry->item.cart.listed_ms = strtoll(entry->key, NULL, 10);
			listing->carts[listing->cart_count++] = entry->item.cart;
			entry->item.cart = (struct cart){0};
		}
		ddb_item_clear(&entry->item);
	}
	listing->entry_count -= done;
	if (done > 0 && listing->entry_count > 0)
		memmove(listing->entries, listing->entries + done,
			listing->entry_count * sizeof(*listing->entries));
}

/* The entry that the FETCH under way requests the cart for. */
static struct listing_entry *listing_find(struct ddb_listing *listing, const struct cart_id *id)
{
	for (size_t i = 0; i < listing->entry_count; i++)
		if (listing->entries[i].asked &&
		    cart_id_compare(&listing->entries[i].item.cart.id, id) == 0)
			return &listing->entries[i];
	return NULL;
}

/*
 * Requests the carts of the first entries in order, as many as listing_at_once() says and a call
 * may have; where each is a call, no more than are wanted. False: none has to be read. A cart may
 * have two entries when it was changed while the index was read, but a call must not name it twice.
 */
static bool listing_fetch(struct ddb_listing *listing)
{
	const char *horizon = listing->idle ? listing_horizon(listing) : NULL;
	size_t most = listing_at_once(listing);

	if (listing_has_rows(listing))
		most = listing_wanted(listing) - listing->cart_count;
	if (most > LISTING_FETCH_MAX)
		most = LISTING_FETCH_MAX;
	for (size_t i = 0; i < listing->entry_count; i++)
		listing->entries[i].asked = false;
	listing->id_count = listing->ids_sent = 0;
	for (size_t i = 0; i < listing->entry_count && listing->id_count < most; i++) {
		struct listing_entry *entry = &listing->entries[i];
		const struct cart_id *id = &entry->item.cart.id;

		if (listing_must_wait(entry, horizon))
			break;
		entry->asked = !entry->gone && !entry->fetched && listing_find(listing, id) == NULL;
		if (entry->asked)
			listing->ids[listing->id_count++] = *id;
	}
	return listing->id_count > 0;
}

/* Finds the part to query in this round: only one that others wait for. */
static bool listing_next_part(struct ddb_listing *listing)
{
	const char *horizon = listing_horizon(listing);

	for (size_t i = 0; i < listing->part_count; i++) {
		struct listing_part *part = &listing->parts[i];

		if (!part->over && listing_is_empty_range(listing, part))
			part->over = true;
		if (part->over || part->asked || strcmp(part->after, horizon) > 0)
			continue;
		part->asked = true;
		listing->part = i;
		return true;
	}
	return false;
}

static bool listing_is_over(const struct ddb_listing *listing)
{
	if (listing->cart_count >= listing_wanted(listing))
		return true;
	for (size_t i = 0; i < listing->part_count; i++)
		if (!listing->parts[i].over)
			return false;
	return listing->entry_count == 0;
}

bool ddb_listing_next(struct ddb_listing *listing, struct buf *body, enum ddb_operation *operation)
{
	listing->calls++;
	listing->left_out = 0;
	listing->met = false;
	if (listing->closed != NULL) {
		*operation = DDB_SCAN;
		return ddb_closed_next(listing->closed, body);
	}
	while (!listing_is_over(listing)) {
		if (listing_next_part(listing)) {
			listing->id_count = 0;
			*operation = DDB_QUERY;
			listing_query(listing, body);
			return true;
		}
		listing_settle(listing);
		if (listing_is_over(listing))
			break;
		if (listing_fetch(listing)) {
			*operation = DDB_BATCH_GET_ITEM;
			if (!listing_has_rows(listing))
				ddb_body_batch_get_carts(body, listing->table, listing->ids,
							 listing->id_count);
			return true;
		}
		for (size_t i = 0; i < listing->part_count; i++)
			listing->parts[i].asked = false;
	}
	return false;
}

bool ddb_listing_has_cart(const struct ddb_listing *listing)
{
	return listing_has_rows(listing) && listing->ids_sent < listing->id_count && !listing->met;
}

enum ddb_operation ddb_listing_next_cart(struct ddb_listing *listing, struct cart_id *id,
					 struct buf *body)
{
	/* The first one is the call that ddb_listing_next() has counted. */
	listing->calls += listing->ids_sent > 0;
	*id = listing->ids[listing->ids_sent++];
	return ddb_body_get(body, listing->table, id, false);
}

static struct listing_entry *listing_add(struct ddb_listing *listing)
{
	if (listing->entry_count == listing->entry_room) {
		size_t room = listing->entry_room > 0 ? 2 * listing->entry_room : 64;
		struct listing_entry *entries =
			reallocarray(listing->entries, room, sizeof(*entries));

		if (entries == NULL)
			return NULL;
		listing->entries = entries;
		listing->entry_room = room;
	}
	listing->entries[listing->entry_count] = (struct listing_entry){0};
	return &listing->entries[listing->entry_count++];
}

/* An item that cannot be read, and of which the log says so where it has a cart's id. */
static void listing_leave_out(const struct ddb_listing *listing, const json_t *attributes,
			      const char *why)
{
	struct cart_id id;

	if (ddb_item_id(attributes, &id))
		cart_store_damaged(listing->op, &id, why);
}

/* Of the entry only whose it is matters. */
static enum cart_result listing_take_id(struct ddb_listing *listing, struct listing_entry *entry,
					const json_t *attributes)
{
	entry->gone = !ddb_item_id(attributes, &entry->item.cart.id);
	if (entry->gone)
		listing_leave_out(listing, attributes, "an item of the table has a bad cart_id");
	return CART_OK;
}

static enum cart_result listing_take_entry(void *user, const json_t *attributes, char *why,
					   size_t room)
{
	struct ddb_listing *listing = user;
	const char *name = listing->idle ? "idle_key" : "created_key";
	const char *key =
		json_string_value(json_object_get(json_object_get(attributes, name), "S"));
	struct listing_part *part = &listing->parts[listing->part];
	struct listing_entry *entry = listing_add(listing);
	enum cart_result result;

	if (entry == NULL) {
		snprintf(why, room, "out of memory");
		return CART_BUSY;
	}
	if (key == NULL) {
		snprintf(why, room, "an item of an index has no %s", name);
		return CART_FAILED;
	}
	/* One that is too long is none of ours: the list goes on behind it. */
	snprintf(entry->key, sizeof(entry->key), "%s", key);
	memcpy(part->after, entry->key, sizeof(part->after));
	if (listing_has_rows(listing))
		return listing_take_id(listing, entry, attributes);
	result = ddb_item_read_listed(&entry->item, attributes, why, room);
	/* An index lags behind the table even where it holds all of a cart. Of one that is merging
	 * the table says more. */
	entry->fetched = entry->item.cart.version != 0 && entry->item.seal.merge_id[0] == '\0';
	if (result != CART_DAMAGED)
		return result;
	listing_leave_out(listing, attributes, why);
	entry->gone = true;
	return CART_OK;
}

static enum cart_result listing_take_query(struct ddb_listing *listing, const json_t *answer,
					   char *why, size_t room)
{
	struct listing_part *part = &listing->parts[listing->part];
	const json_t *last = json_object_get(answer, "LastEvaluatedKey");
	enum cart_result result = ddb_items_take(answer, listing_take_entry, listing, why, room);
	const char *key;

	if (result != CART_OK)
		return result;
	part->over = last == NULL;
	/* A page may end after its last item. */
	key = json_string_value(json_object_get(
		json_object_get(last, listing->idle ? "idle_key" : "created_key"), "S"));
	if (key != NULL)
		snprintf(part->after, sizeof(part->after), "%s", key);
	return CART_OK;
}

static enum cart_result listing_take_cart(struct ddb_listing *listing, const json_t *attributes,
					  char *why, size_t room)
{
	struct ddb_item item;
	struct listing_entry *entry;
	enum cart_result result = ddb_item_read_listed(&item, attributes, why, room);

	if (result == CART_DAMAGED) {
		/* It is taken for one that is not there. */
		listing_leave_out(listing, attributes, why);
		return CART_OK;
	}
	if (result != CART_OK)
		return result;
	entry = listing_find(listing, &item.cart.id);
	if (entry == NULL) {
		ddb_item_clear(&item);
		return CART_OK;
	}
	ddb_item_clear(&entry->item);
	entry->item = item;
	entry->asked = false;
	entry->fetched = item.seal.merge_id[0] == '\0' || entry->met;
	/* One at a time: the others are met again. */
	if (!entry->fetched && !listing->met) {
		entry->met = listing->met = true;
		listing->met_from = item.cart.id;
		listing->met_into = item.seal.into;
	}
	return CART_OK;
}

/* Carts that were requested and are neither returned nor unprocessed no longer exist. */
static void listing_take_gone(struct ddb_listing *listing, const json_t *answer)
{
	const json_t *keys = json_object_get(
		json_object_get(json_object_get(answer, "UnprocessedKeys"), listing->table->name),
		"Keys");
	const json_t *key;
	size_t i;

	json_array_foreach(keys, i, key)
	{
		struct cart_id id;
		struct listing_entry *entry =
			ddb_item_id(key, &id) ? listing_find(listing, &id) : NULL;

		if (entry == NULL)
			continue;
		entry->asked = false;
		listing->left_out++;
	}
	for (i = 0; i < listing->entry_count; i++) {
		struct listing_entry *entry = &listing->entries[i];

		entry->gone = entry->gone || entry->asked;
		entry->asked = false;
	}
}

static enum cart_result listing_take_carts(struct ddb_listing *listing, const json_t *answer,
					   char *why, size_t room)
{
	const json_t *tables = json_object_get(answer, "Responses");
	const json_t *items = json_object_get(tables, listing->table->name), *attributes;
	size_t i;

	if (!json_is_object(tables)) {
		snprintf(why, room, "the answer has no Responses");
		return CART_BUSY;
	}
	json_array_foreach(items, i, attributes)
	{
		enum cart_result result = listing_take_cart(listing, attributes, why, room);

		if (result != CART_OK)
			return result;
	}
	listing_take_gone(listing, answer);
	return CART_OK;
}

static enum cart_result listing_check_calls(const struct ddb_listing *listing, char *why,
					    size_t room)
{
	if (listing->calls <= LISTING_CALLS_MAX)
		return CART_OK;
	snprintf(why, room, "the list takes more than %d calls", LISTING_CALLS_MAX);
	return CART_BUSY;
}

enum cart_result ddb_listing_take_cart(struct ddb_listing *listing, const struct cart_id *id,
				       const json_t *answer, char *why, size_t room)
{
	const json_t *attributes = json_object_get(answer, "Item");
	enum cart_result result = listing_check_calls(listing, why, room);
	struct listing_entry *entry;

	if (result == CART_OK && attributes != NULL)
		result = listing_take_cart(listing, attributes, why, room);
	entry = listing_find(listing, id);
	if (entry != NULL) { /* no longer there, or damaged */
		entry->gone = true;
		entry->asked = false;
	}
	return result;
}

enum cart_result ddb_listing_take(struct ddb_listing *listing, const json_t *answer, char *why,
				  size_t room)
{
	enum cart_result result;

	if (listing->closed != NULL)
		return ddb_closed_take(listing->closed, answer, why, room);
	result = listing_check_calls(listing, why, room);
	if (result != CART_OK)
		return result;
	return listing->id_count > 0 ? listing_take_carts(listing, answer, why, room)
				     : listing_take_query(listing, answer, why, room);
}

size_t ddb_listing_left_out(const struct ddb_listing *listing)
{
	return listing->left_out;
}

bool ddb_listing_met(struct ddb_listing *listing, struct cart_id *from, struct cart_id *into)
{
	*from = listing->met_from;
	*into = listing->met_into;
	return listing->met;
}

void ddb_listing_finish(struct ddb_listing *listing, struct cart_op *op)
{
	size_t limit = (size_t)op->list.limit;

	if (listing->closed != NULL) {
		ddb_closed_finish(listing->closed, op);
		return;
	}
	op->more = listing->cart_count > limit;
	if (op->more)
		cart_clear(&listing->carts[--listing->cart_count]);
	op->cart_count = listing->cart_count;
	op->carts = listing->cart_count > 0 ? listing->carts : NULL;
	if (op->carts == NULL)
		free(listing->carts);
	listing->carts = NULL;
	listing->cart_count = 0;
}
