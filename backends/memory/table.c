/*
 * Two arrays of stripes. A cart and the keys of its changes are in a stripe chosen by the cart's
 * id; the keys of creates are in a stripe of the second array, chosen by the key. A create with a
 * key locks the key's stripe first.
 *
 * There are no timers: a create removes the carts in a few buckets of its stripe that have been
 * expired for sweep.grace, and a new key removes the keys of its stripe that are past the window,
 * oldest first. So the tables hold the live entries and a bounded share of dead ones. Keys have no
 * grace: they would be most of the memory, and one that is removed protects nothing any more.
 */
#include "backends/memory/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_STRIPES	    64
#define TABLE_BUCKETS_FIRST 16
#define TABLE_SWEEP_BUCKETS 2

struct table_cart {
	struct table_cart *next;
	struct cart cart;
};

struct table_key {
	struct table_key *next;	 /* in its bucket */
	struct table_key *newer; /* in its stripe, by time */
	struct cart_id scope;	 /* the cart; nil for a create */
	uint8_t hash[CART_KEY_HASH_BYTES];
	uint8_t fingerprint[CART_FINGERPRINT_BYTES];
	struct cart_id cart; /* what a create made */
	int64_t version;
	int64_t stored_ms;
};

struct table_stripe {
	pthread_mutex_t lock;
	struct table_cart **carts;
	size_t cart_buckets, cart_count, sweep_at;
	struct table_key **keys;
	size_t key_buckets, key_count;
	struct table_key *oldest, *newest;
};

struct memory_table {
	struct cart_rules rules;
	struct table_stripe by_cart[TABLE_STRIPES];
	struct table_stripe creates[TABLE_STRIPES]; /* only their keys are used */
};

/* FNV-1a over all bytes: ids of version 7 that were made one after the other differ in few. */
static uint64_t table_hash(const void *data, size_t len, uint64_t hash)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash ^ (hash >> 29);
}

#define TABLE_HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t table_hash_id(const struct cart_id *id)
{
	return table_hash(id->bytes, sizeof(id->bytes), TABLE_HASH_START);
}

static struct table_stripe *table_stripe_at(struct table_stripe *stripes, uint64_t hash)
{
	return &stripes[(hash >> 48) % TABLE_STRIPES];
}

static struct table_stripe *table_stripe_of(struct memory_table *table, const struct cart_id *id)
{
	return table_stripe_at(table->by_cart, table_hash_id(id));
}

static bool table_stripe_init(struct table_stripe *stripe)
{
	pthread_mutex_init(&stripe->lock, NULL);
	stripe->cart_buckets = stripe->key_buckets = TABLE_BUCKETS_FIRST;
	stripe->carts = calloc(stripe->cart_buckets, sizeof(*stripe->carts));
	stripe->keys = calloc(stripe->key_buckets, sizeof(*stripe->keys));
	return stripe->carts != NULL && stripe->keys != NULL;
}

static void table_stripe_free(struct table_stripe *stripe)
{
	struct table_cart *next_cart;
	struct table_key *newer;

	for (size_t i = 0; stripe->carts != NULL && i < stripe->cart_buckets; i++)
		for (struct table_cart *c = stripe->carts[i]; c != NULL; c = next_cart) {
			next_cart = c->next;
			cart_clear(&c->cart);
			free(c);
		}
	for (struct table_key *k = stripe->oldest; k != NULL; k = newer) {
		newer = k->newer;
		free(k);
	}
	free(stripe->carts);
	free(stripe->keys);
	pthread_mutex_destroy(&stripe->lock);
}

struct memory_table *memory_table_new(const struct cart_rules *rules)
{
	struct memory_table *table = calloc(1, sizeof(*table));
	bool done = true;

	if (table == NULL)
		return NULL;
	table->rules = *rules;
	for (size_t i = 0; i < TABLE_STRIPES; i++) {
		done = table_stripe_init(&table->by_cart[i]) && done;
		done = table_stripe_init(&table->creates[i]) && done;
	}
	if (!done)
		memory_table_free(&table);
	return table;
}

void memory_table_free(struct memory_table **table)
{
	if (*table == NULL)
		return;
	for (size_t i = 0; i < TABLE_STRIPES; i++) {
		table_stripe_free(&(*table)->by_cart[i]);
		table_stripe_free(&(*table)->creates[i]);
	}
	free(*table);
	*table = NULL;
}

/* The link that points to the cart, or to where it would be appended. */
static struct table_cart **table_cart_link(struct table_stripe *stripe, const struct cart_id *id)
{
	struct table_cart **link = &stripe->carts[table_hash_id(id) % stripe->cart_buckets];

	while (*link != NULL && cart_id_compare(&(*link)->cart.id, id) != 0)
		link = &(*link)->next;
	return link;
}

static void table_cart_drop(struct table_stripe *stripe, struct table_cart **link)
{
	struct table_cart *entry = *link;

	*link = entry->next;
	cart_clear(&entry->cart);
	free(entry);
	stripe->cart_count--;
}

/* Doubles the buckets. Without memory the chains grow longer instead. */
static void table_grow_carts(struct table_stripe *stripe)
{
	size_t buckets = stripe->cart_buckets * 2;
	struct table_cart **carts = calloc(buckets, sizeof(struct table_cart *));
	struct table_cart *next;

	if (carts == NULL)
		return;
	for (size_t i = 0; i < stripe->cart_buckets; i++)
		for (struct table_cart *c = stripe->carts[i]; c != NULL; c = next) {
			struct table_cart **to = &carts[table_hash_id(&c->cart.id) % buckets];

			next = c->next;
			c->next = *to;
			*to = c;
		}
	free(stripe->carts);
	stripe->carts = carts;
	stripe->cart_buckets = buckets;
}

static void table_sweep_carts(const struct memory_table *table, struct table_stripe *stripe,
			      int64_t now_ms)
{
	int64_t expired_ms = now_ms - table->rules.sweep_grace_ms;

	for (int i = 0; i < TABLE_SWEEP_BUCKETS; i++) {
		struct table_cart **link =
			&stripe->carts[stripe->sweep_at++ % stripe->cart_buckets];

		while (*link != NULL) {
			if (cart_is_expired(&(*link)->cart, expired_ms))
				table_cart_drop(stripe, link);
			else
				link = &(*link)->next;
		}
	}
}

static size_t table_key_bucket(const struct table_stripe *stripe, const struct cart_id *scope,
			       const uint8_t *hash)
{
	return table_hash(hash, CART_KEY_HASH_BYTES, table_hash_id(scope)) % stripe->key_buckets;
}

static struct table_key **table_key_link(struct table_stripe *stripe, const struct cart_id *scope,
					 const uint8_t *hash)
{
	struct table_key **link = &stripe->keys[table_key_bucket(stripe, scope, hash)];

	while (*link != NULL && (cart_id_compare(&(*link)->scope, scope) != 0 ||
				 memcmp((*link)->hash, hash, CART_KEY_HASH_BYTES) != 0))
		link = &(*link)->next;
	return link;
}

static void table_grow_keys(struct table_stripe *stripe)
{
	size_t buckets = stripe->key_buckets * 2;
	struct table_key **keys = calloc(buckets, sizeof(struct table_key *));

	if (keys == NULL)
		return;
	free(stripe->keys);
	stripe->keys = keys;
	stripe->key_buckets = buckets;
	for (struct table_key *k = stripe->oldest; k != NULL; k = k->newer) {
		struct table_key **to = &keys[table_key_bucket(stripe, &k->scope, k->hash)];

		k->next = *to;
		*to = k;
	}
}

/* Removes the keys that are past the window, oldest first. */
static void table_sweep_keys(const struct memory_table *table, struct table_stripe *stripe,
			     int64_t now_ms)
{
	struct table_key *key;

	while ((key = stripe->oldest) != NULL &&
	       now_ms - key->stored_ms >= table->rules.idempotency_window_ms) {
		struct table_key **link = table_key_link(stripe, &key->scope, key->hash);

		*link = key->next;
		stripe->oldest = key->newer;
		if (stripe->oldest == NULL)
			stripe->newest = NULL;
		free(key);
		stripe->key_count--;
	}
}

/* Removes a key from its stripe and its bucket, and frees it. */
static void table_key_drop(struct table_stripe *stripe, struct table_key *key)
{
	struct table_key **link = table_key_link(stripe, &key->scope, key->hash);
	struct table_key *older = NULL;

	*link = key->next;
	if (stripe->oldest != key)
		for (older = stripe->oldest; older->newer != key;)
			older = older->newer;
	if (older != NULL)
		older->newer = key->newer;
	else
		stripe->oldest = key->newer;
	if (stripe->newest == key)
		stripe->newest = older;
	free(key);
	stripe->key_count--;
}

/* Adds a key that is not in the stripe. */
static void table_key_add(struct table_stripe *stripe, struct table_key *key)
{
	struct table_key **link;

	if (stripe->key_count >= 2 * stripe->key_buckets)
		table_grow_keys(stripe);
	link = table_key_link(stripe, &key->scope, key->hash);
	key->next = *link;
	*link = key;
	if (stripe->newest != NULL)
		stripe->newest->newer = key;
	else
		stripe->oldest = key;
	stripe->newest = key;
	stripe->key_count++;
}

/*
 * Returns what is stored under the op's key; the stripe is locked. NULL: nothing within the window.
 * *result is CART_OK or CART_KEY_REUSED.
 */
static const struct table_key *table_key_find(const struct memory_table *table,
					      struct table_stripe *stripe,
					      const struct cart_id *scope, const struct cart_op *op,
					      enum cart_result *result)
{
	struct table_key *key;

	*result = CART_OK;
	if (op->key == NULL)
		return NULL;
	table_sweep_keys(table, stripe, op->now_ms);
	key = *table_key_link(stripe, scope, op->key_hash);
	if (key == NULL)
		return NULL;
	switch (cart_replay_check(key->fingerprint, key->stored_ms, op, &table->rules)) {
	case CART_REPLAY_SAME:
		return key;
	case CART_REPLAY_OTHER:
		*result = CART_KEY_REUSED;
		return NULL;
	case CART_REPLAY_NEW:
		/* The sweep did not reach it, because a newer key stands before it: the clock was
		 * set back, or ops of two loops arrived in another order than that of now_ms. */
		table_key_drop(stripe, key);
		return NULL;
	}
	return NULL;
}

/* Makes a key, which is added once the op has succeeded. False: no memory. NULL for an op without
 * a key. */
static bool table_key_new(const struct cart_op *op, const struct cart_id *scope,
			  struct table_key **out)
{
	*out = NULL;
	if (op->key == NULL)
		return true;
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return false;
	(*out)->scope = *scope;
	memcpy((*out)->hash, op->key_hash, sizeof((*out)->hash));
	memcpy((*out)->fingerprint, op->fingerprint, sizeof((*out)->fingerprint));
	(*out)->stored_ms = op->now_ms;
	return true;
}

static enum cart_result table_get(struct memory_table *table, const struct cart_id *id,
				  struct cart_op *op)
{
	struct table_stripe *stripe = table_stripe_of(table, id);
	enum cart_result result = CART_OK;
	const struct table_cart *entry;

	pthread_mutex_lock(&stripe->lock);
	entry = *table_cart_link(stripe, id);
	if (entry == NULL || !cart_op_sees(op, &entry->cart))
		result = CART_NOT_FOUND;
	else if (!cart_copy(&op->cart, &entry->cart))
		result = CART_BUSY;
	pthread_mutex_unlock(&stripe->lock);
	return result;
}

/* Takes the entry. False: there is one with its id, and it is freed. */
static bool table_add(struct memory_table *table, struct table_cart *entry, int64_t now_ms)
{
	struct table_stripe *stripe = table_stripe_of(table, &entry->cart.id);
	struct table_cart **link;
	bool absent;

	pthread_mutex_lock(&stripe->lock);
	table_sweep_carts(table, stripe, now_ms);
	if (stripe->cart_count >= 2 * stripe->cart_buckets)
		table_grow_carts(stripe);
	link = table_cart_link(stripe, &entry->cart.id);
	absent = *link == NULL;
	if (absent) {
		*link = entry;
		stripe->cart_count++;
	}
	pthread_mutex_unlock(&stripe->lock);
	if (!absent) {
		cart_clear(&entry->cart);
		free(entry);
	}
	return absent;
}

static enum cart_result table_insert(struct memory_table *table, struct cart_op *op)
{
	struct table_cart *entry = calloc(1, sizeof(*entry));
	enum cart_result result;

	if (entry == NULL)
		return CART_BUSY;
	result = cart_create(&entry->cart, op, &table->rules);
	if (result == CART_OK && !cart_copy(&op->cart, &entry->cart))
		result = CART_BUSY;
	if (result != CART_OK) {
		cart_clear(&entry->cart);
		free(entry);
		return result;
	}
	op->version = entry->cart.version;
	if (table_add(table, entry, op->now_ms))
		return CART_OK;
	cart_op_set_reason(op, "an id was made twice");
	return CART_FAILED;
}

static enum cart_result table_import(struct memory_table *table, struct cart_op *op)
{
	struct table_cart *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return CART_BUSY;
	if (!cart_copy(&entry->cart, op->whole)) {
		free(entry);
		return CART_BUSY;
	}
	entry->cart.listed_ms = 0;
	op->version = entry->cart.version;
	return table_add(table, entry, op->now_ms) ? CART_OK : CART_MISMATCH;
}

static enum cart_result table_create(struct memory_table *table, struct cart_op *op)
{
	static const struct cart_id scope = {{0}};
	struct table_stripe *stripe = table_stripe_at(
		table->creates, table_hash(op->key_hash, sizeof(op->key_hash), TABLE_HASH_START));
	const struct table_key *stored;
	enum cart_result result;
	struct table_key *key;

	if (op->key == NULL)
		return table_insert(table, op);
	if (!table_key_new(op, &scope, &key))
		return CART_BUSY;
	pthread_mutex_lock(&stripe->lock);
	stored = table_key_find(table, stripe, &scope, op, &result);
	if (stored != NULL) {
		op->replayed = true;
		op->version = stored->version;
		result = table_get(table, &stored->cart, op);
	} else if (result == CART_OK) {
		result = table_insert(table, op);
		if (result == CART_OK) {
			key->cart = op->id;
			key->version = op->version;
			table_key_add(stripe, key);
			key = NULL;
		}
	}
	pthread_mutex_unlock(&stripe->lock);
	free(key);
	return result;
}

/* The cart from of a MERGE. NULL: it is not there for the op. */
static struct cart *table_find_from(struct memory_table *table, const struct cart_op *op)
{
	struct table_cart *entry = *table_cart_link(table_stripe_of(table, &op->from), &op->from);

	return entry != NULL && cart_op_sees(op, &entry->cart) ? &entry->cart : NULL;
}

/* from is NULL but for a MERGE. */
static enum cart_result table_apply_to(const struct memory_table *table, struct cart *cart,
				       struct cart *from, struct cart_op *op)
{
	return from != NULL ? cart_merge(cart, from, op, &table->rules)
			    : cart_apply(cart, op, &table->rules);
}

static enum cart_result table_apply(struct memory_table *table, struct cart *cart,
				    struct cart_op *op)
{
	struct cart *from = op->type == CART_OP_MERGE ? table_find_from(table, op) : NULL;
	struct cart copy = {0}, from_copy;
	enum cart_result result = CART_OK;

	op->of_from = op->type == CART_OP_MERGE && from == NULL;
	if (op->of_from)
		return CART_NOT_FOUND;
	if (from != NULL)
		from_copy = *from; /* whose lines are only read */
	/* First to the answer's cart, so that what fails for want of memory has changed nothing. */
	if (cart_op_gives_cart(op))
		result =
			cart_copy(&copy, cart)
				? table_apply_to(table, &copy, from != NULL ? &from_copy : NULL, op)
				: CART_BUSY;
	if (result == CART_OK)
		result = table_apply_to(table, cart, from, op);
	if (result == CART_OK)
		op->cart = copy;
	else
		cart_clear(&copy);
	return result;
}

/* The cart exists and has not expired, the op is no replay, the stripes are locked. Whatever may
 * fail without memory comes before the cart is changed, or is the rules themselves. */
static enum cart_result table_change(struct memory_table *table, struct table_stripe *stripe,
				     struct table_cart **link, struct cart_op *op)
{
	struct cart *cart = &(*link)->cart;
	enum cart_result result;
	struct table_key *key;

	if (!table_key_new(op, &op->id, &key))
		return CART_BUSY;
	result = table_apply(table, cart, op);
	if (result != CART_OK) {
		free(key);
		return result;
	}
	op->version = cart->version;
	if (op->type == CART_OP_DELETE)
		table_cart_drop(stripe, link);
	if (key != NULL) {
		key->version = op->version;
		table_key_add(stripe, key);
	}
	return CART_OK;
}

/* In the order of their places. They may be one. */
static void table_lock(struct table_stripe *stripe, struct table_stripe *other)
{
	pthread_mutex_lock(stripe < other ? &stripe->lock : &other->lock);
	if (other != stripe)
		pthread_mutex_lock(stripe < other ? &other->lock : &stripe->lock);
}

static void table_unlock(struct table_stripe *stripe, struct table_stripe *other)
{
	pthread_mutex_unlock(&stripe->lock);
	if (other != stripe)
		pthread_mutex_unlock(&other->lock);
}

static enum cart_result table_write(struct memory_table *table, struct cart_op *op)
{
	struct table_stripe *stripe = table_stripe_of(table, &op->id);
	struct table_stripe *other =
		op->type == CART_OP_MERGE ? table_stripe_of(table, &op->from) : stripe;
	const struct table_key *stored;
	struct table_cart **link;
	enum cart_result result;

	table_lock(stripe, other);
	link = table_cart_link(stripe, &op->id);
	if (*link == NULL || !cart_op_sees(op, &(*link)->cart)) {
		result = CART_NOT_FOUND;
	} else {
		stored = table_key_find(table, stripe, &op->id, op, &result);
		if (stored != NULL) {
			op->replayed = true;
			op->version = stored->version;
			if (cart_op_gives_cart(op) && !cart_copy(&op->cart, &(*link)->cart))
				result = CART_BUSY;
		} else if (result == CART_OK) {
			result = table_change(table, stripe, link, op);
		}
	}
	table_unlock(stripe, other);
	return result;
}

/* The time by which a list is sorted. */
static int64_t table_list_ms(const struct memory_table *table, const struct cart_list *list,
			     const struct cart *cart)
{
	return list->kind == CART_LIST_CUSTOMER ? cart->created_ms
						: cart_idle_ms(&table->rules, cart->updated_ms);
}

/* Negative: a stands before b in the list. */
static int table_list_order(const struct memory_table *table, const struct cart_list *list,
			    const struct cart *a, int64_t b_ms, const struct cart_id *b_id)
{
	int64_t a_ms = table_list_ms(table, list, a);
	int order = a_ms != b_ms ? (a_ms < b_ms ? -1 : 1) : cart_id_compare(&a->id, b_id);

	return list->kind == CART_LIST_CUSTOMER ? -order : order;
}

static bool table_is_listed(const struct memory_table *table, const struct cart_list *list,
			    const struct cart *cart, int64_t now_ms)
{
	if (cart_is_expired(cart, now_ms))
		return false;
	if (list->has_after &&
	    table_list_order(table, list, cart, list->after_ms, &list->after_id) <= 0)
		return false;
	if (list->kind != CART_LIST_CUSTOMER)
		return cart->state ==
			       (list->kind == CART_LIST_IDLE ? CART_OPEN : CART_CHECKED_OUT) &&
		       cart->updated_ms < list->idle_before_ms;
	if (shop_id_compare(&cart->customer_id, &list->customer_id) != 0)
		return false;
	return cart_list_has(list, cart->state);
}

/* Inserts a copy of the cart at its place, if it is among the first limit + 1. */
static bool table_list_insert(const struct memory_table *table, struct cart_op *op,
			      const struct cart *cart)
{
	const struct cart_list *list = &op->list;
	size_t most = (size_t)list->limit + 1;
	size_t at = op->cart_count;
	int64_t ms = table_list_ms(table, list, cart);
	struct cart copy;

	while (at > 0 && table_list_order(table, list, &op->carts[at - 1], ms, &cart->id) > 0)
		at--;
	if (at == most)
		return true;
	if (!cart_copy(&copy, cart))
		return false;
	if (op->cart_count == most)
		cart_clear(&op->carts[--op->cart_count]);
	memmove(&op->carts[at + 1], &op->carts[at], (op->cart_count - at) * sizeof(*op->carts));
	op->carts[at] = copy;
	op->cart_count++;
	return true;
}

/* Reads every cart: this backend has no indexes, and lists on it are slow. */
static enum cart_result table_list(struct memory_table *table, struct cart_op *op)
{
	bool done = true;

	op->carts = calloc((size_t)op->list.limit + 1, sizeof(*op->carts));
	if (op->carts == NULL)
		return CART_BUSY;
	for (size_t s = 0; s < TABLE_STRIPES; s++) {
		struct table_stripe *stripe = &table->by_cart[s];

		pthread_mutex_lock(&stripe->lock);
		for (size_t i = 0; i < stripe->cart_buckets; i++)
			for (struct table_cart *c = stripe->carts[i]; c != NULL; c = c->next)
				if (table_is_listed(table, &op->list, &c->cart, op->now_ms))
					done = table_list_insert(table, op, &c->cart) && done;
		pthread_mutex_unlock(&stripe->lock);
	}
	op->more = op->cart_count > (size_t)op->list.limit;
	if (op->more)
		cart_clear(&op->carts[--op->cart_count]);
	return done ? CART_OK : CART_BUSY;
}

enum cart_result memory_table_run(struct memory_table *table, struct cart_op *op)
{
	switch (op->type) {
	case CART_OP_CREATE:
		return table_create(table, op);
	case CART_OP_GET:
		return table_get(table, &op->id, op);
	case CART_OP_CHANGE:
	case CART_OP_CHECKOUT:
	case CART_OP_DELETE:
	case CART_OP_MERGE:
		return table_write(table, op);
	case CART_OP_LIST:
		return table_list(table, op);
	case CART_OP_IMPORT:
		return table_import(table, op);
	case CART_OP_FEED:
	case CART_OP_TYPES:
		break;
	}
	return CART_FAILED;
}

struct memory_item {
	bool is_create;
	struct cart_id scope; /* the cart; nil for a create */
	uint8_t hash[CART_KEY_HASH_BYTES];
	struct table_cart *cart; /* NULL: none */
	struct table_key *keys;	 /* linked by newer, oldest first */
};

void memory_item_free(struct memory_item **out)
{
	struct memory_item *item = *out;
	struct table_key *newer;

	*out = NULL;
	if (item == NULL)
		return;
	for (struct table_key *key = item->keys; key != NULL; key = newer) {
		newer = key->newer;
		free(key);
	}
	if (item->cart != NULL)
		cart_clear(&item->cart->cart);
	free(item->cart);
	free(item);
}

static bool table_item_has(const struct memory_item *item, const struct table_key *key)
{
	if (item->is_create)
		return memcmp(item->hash, key->hash, sizeof(item->hash)) == 0;
	return cart_id_compare(&item->scope, &key->scope) == 0;
}

/* Copies the keys of the item out of the stripe. False: no memory. */
static bool table_item_copy_keys(struct memory_item *item, const struct table_stripe *stripe)
{
	struct table_key **last = &item->keys;

	for (struct table_key *key = stripe->oldest; key != NULL; key = key->newer) {
		if (!table_item_has(item, key))
			continue;
		*last = malloc(sizeof(**last));
		if (*last == NULL)
			return false;
		**last = *key;
		(*last)->newer = NULL;
		last = &(*last)->newer;
	}
	return true;
}

static bool table_item_copy_cart(struct memory_item *item, struct table_stripe *stripe)
{
	const struct table_cart *entry = *table_cart_link(stripe, &item->scope);

	if (entry == NULL)
		return true;
	item->cart = calloc(1, sizeof(*item->cart));
	return item->cart != NULL && cart_copy(&item->cart->cart, &entry->cart);
}

static struct table_stripe *table_item_stripe(struct memory_table *table,
					      const struct memory_item *item)
{
	return item->is_create
		       ? table_stripe_at(table->creates, table_hash(item->hash, sizeof(item->hash),
								    TABLE_HASH_START))
		       : table_stripe_of(table, &item->scope);
}

/* Takes the item. NULL: no memory. */
static struct memory_item *table_item_fill(struct memory_table *table, struct memory_item *item)
{
	struct table_stripe *stripe = table_item_stripe(table, item);
	bool done;

	pthread_mutex_lock(&stripe->lock);
	done = table_item_copy_keys(item, stripe) &&
	       (item->is_create || table_item_copy_cart(item, stripe));
	pthread_mutex_unlock(&stripe->lock);
	if (!done)
		memory_item_free(&item);
	return item;
}

struct memory_item *memory_table_copy_cart(struct memory_table *table, const struct cart_id *id)
{
	struct memory_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->scope = *id;
	return table_item_fill(table, item);
}

struct memory_item *memory_table_copy_create(struct memory_table *table, const uint8_t *key_hash)
{
	struct memory_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->is_create = true;
	memcpy(item->hash, key_hash, sizeof(item->hash));
	return table_item_fill(table, item);
}

void memory_table_replace(struct memory_table *table, struct memory_item **out)
{
	struct memory_item *item = *out;
	struct table_stripe *stripe = table_item_stripe(table, item);
	struct table_key *newer;
	struct table_cart **link;

	pthread_mutex_lock(&stripe->lock);
	for (struct table_key *key = stripe->oldest; key != NULL; key = newer) {
		newer = key->newer;
		if (table_item_has(item, key))
			table_key_drop(stripe, key);
	}
	for (struct table_key *key = item->keys; key != NULL; key = newer) {
		newer = key->newer;
		key->newer = NULL;
		table_key_add(stripe, key);
	}
	link = table_cart_link(stripe, &item->scope);
	if (!item->is_create && *link != NULL)
		table_cart_drop(stripe, link);
	if (item->cart != NULL) {
		if (stripe->cart_count >= 2 * stripe->cart_buckets)
			table_grow_carts(stripe);
		link = table_cart_link(stripe, &item->scope);
		item->cart->next = NULL;
		*link = item->cart;
		stripe->cart_count++;
	}
	pthread_mutex_unlock(&stripe->lock);
	item->keys = NULL;
	item->cart = NULL;
	memory_item_free(out);
}
