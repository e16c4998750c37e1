/*
 * The trap is the result that comes late: a read that was submitted before a change, and completes
 * after it. While the cart is in the table the versions tell which is newer. When it is not,
 * because it was deleted, dropped or evicted, the stripe's floor tells: it is the time of the
 * newest knowledge that has left the stripe, and what was submitted before it does not come in.
 */
#include "server/api/read_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A stripe is to be able to hold the largest cart, and small caches are to be exact. */
#define CACHE_STRIPES_MAX  64
#define CACHE_STRIPE_BYTES ((size_t)1024 * 1024)
#define CACHE_STRIPE_CARTS 64

struct cache_entry {
	struct cache_entry *next; /* in its bucket */
	TAILQ_ENTRY(cache_entry) used;
	int64_t fresh_ns; /* the database had it so at this time, or later */
	int64_t known_ns; /* when we learnt it */
	size_t bytes;	  /* of all of the entry */
	struct cart cart; /* its lines are those below */
	struct cart_line lines[];
};

struct cache_stripe {
	pthread_mutex_t lock;
	struct cache_entry **buckets;
	TAILQ_HEAD(cache_used, cache_entry) used; /* the latest last */
	size_t carts, bytes;
	int64_t floor_ns;
};

struct read_cache {
	struct read_cache_config config;
	size_t stripe_carts, stripe_bytes, bucket_count; /* of a stripe */
	metric_t hits, misses, held_carts, held_bytes;
	size_t stripe_count;
	struct cache_stripe stripes[CACHE_STRIPES_MAX];
};

static size_t cache_stripes(const struct read_cache_config *config)
{
	size_t count = CACHE_STRIPES_MAX;

	while (count > 1 && (config->carts / count < CACHE_STRIPE_CARTS ||
			     config->bytes / count < CACHE_STRIPE_BYTES))
		count /= 2;
	return count;
}

static void cache_register(struct read_cache *cache, struct metrics *metrics)
{
	static const char *const help =
		"Reads that may be stale, by whether the cache had the cart";

	cache->hits = metrics_counter(metrics, "cart_cache_reads_total", help, "result=\"hit\"");
	cache->misses = metrics_counter(metrics, "cart_cache_reads_total", help, "result=\"miss\"");
	cache->held_carts = metrics_gauge(metrics, "cart_cache_carts", "Carts in the cache", NULL);
	cache->held_bytes = metrics_gauge(metrics, "cart_cache_bytes",
					  "Memory that the carts in the cache take", NULL);
}

struct read_cache *read_cache_new(const struct read_cache_config *config)
{
	struct read_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		abort();
	cache->config = *config;
	cache->stripe_count = cache_stripes(config);
	cache->stripe_carts = config->carts / cache->stripe_count;
	cache->stripe_bytes = config->bytes / cache->stripe_count;
	for (cache->bucket_count = 1; cache->bucket_count < cache->stripe_carts;)
		cache->bucket_count *= 2;
	for (size_t i = 0; i < cache->stripe_count; i++) {
		struct cache_stripe *stripe = &cache->stripes[i];

		stripe->buckets = calloc(cache->bucket_count, sizeof(struct cache_entry *));
		if (stripe->buckets == NULL || pthread_mutex_init(&stripe->lock, NULL) != 0)
			abort();
		TAILQ_INIT(&stripe->used);
	}
	cache_register(cache, config->env->metrics);
	return cache;
}

void read_cache_free(struct read_cache **pointer)
{
	struct read_cache *cache = *pointer;

	*pointer = NULL;
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->stripe_count; i++) {
		struct cache_stripe *stripe = &cache->stripes[i];
		struct cache_entry *entry;

		while ((entry = TAILQ_FIRST(&stripe->used)) != NULL) {
			TAILQ_REMOVE(&stripe->used, entry, used);
			free(entry);
		}
		free(stripe->buckets);
		pthread_mutex_destroy(&stripe->lock);
	}
	free(cache);
}

/* The last bytes of an id are random, in version 7 too. */
static uint64_t cache_hash(const struct cart_id *id)
{
	uint64_t bits;

	memcpy(&bits, id->bytes + CART_ID_BYTES - sizeof(bits), sizeof(bits));
	bits *= UINT64_C(0x9e3779b97f4a7c15);
	return bits ^ (bits >> 32);
}

static struct cache_stripe *cache_lock(struct read_cache *cache, const struct cart_id *id)
{
	struct cache_stripe *stripe = &cache->stripes[(cache_hash(id) >> 24) % cache->stripe_count];

	pthread_mutex_lock(&stripe->lock);
	return stripe;
}

/* Where the cart's entry hangs, or where it would. */
static struct cache_entry **cache_slot(const struct read_cache *cache, struct cache_stripe *stripe,
				       const struct cart_id *id)
{
	struct cache_entry **slot = &stripe->buckets[cache_hash(id) & (cache->bucket_count - 1)];

	while (*slot != NULL && cart_id_compare(&(*slot)->cart.id, id) != 0)
		slot = &(*slot)->next;
	return slot;
}

static void stripe_raise_floor(struct cache_stripe *stripe, int64_t at_ns)
{
	if (at_ns > stripe->floor_ns)
		stripe->floor_ns = at_ns;
}

static void cache_count(const struct read_cache *cache, struct metrics_shard *shard, int64_t carts,
			int64_t bytes)
{
	metrics_add(shard, cache->held_carts, carts);
	metrics_add(shard, cache->held_bytes, bytes);
}

static void cache_remove(struct read_cache *cache, struct metrics_shard *shard,
			 struct cache_stripe *stripe, struct cache_entry **slot)
{
	struct cache_entry *entry = *slot;

	stripe_raise_floor(stripe, entry->known_ns);
	*slot = entry->next;
	TAILQ_REMOVE(&stripe->used, entry, used);
	stripe->carts--;
	stripe->bytes -= entry->bytes;
	cache_count(cache, shard, -1, -(int64_t)entry->bytes);
	free(entry);
}

static void cache_insert(struct read_cache *cache, struct metrics_shard *shard,
			 struct cache_stripe *stripe, struct cache_entry *entry)
{
	struct cache_entry **slot;

	while (stripe->carts == cache->stripe_carts ||
	       stripe->bytes + entry->bytes > cache->stripe_bytes)
		cache_remove(cache, shard, stripe,
			     cache_slot(cache, stripe, &TAILQ_FIRST(&stripe->used)->cart.id));
	slot = cache_slot(cache, stripe, &entry->cart.id);
	entry->next = *slot;
	*slot = entry;
	TAILQ_INSERT_TAIL(&stripe->used, entry, used);
	stripe->carts++;
	stripe->bytes += entry->bytes;
	cache_count(cache, shard, 1, (int64_t)entry->bytes);
}

static struct cache_entry *entry_new(const struct cart *cart, int64_t fresh_ns, int64_t known_ns)
{
	size_t lines = cart->line_count * sizeof(*cart->lines), attributes = 0;
	struct cache_entry *entry;
	char *at;

	for (size_t i = 0; i < cart->line_count; i++)
		if (cart->lines[i].attributes != NULL)
			attributes += strlen(cart->lines[i].attributes) + 1;
	entry = malloc(sizeof(*entry) + lines + attributes);
	if (entry == NULL)
		return NULL;
	*entry = (struct cache_entry){.fresh_ns = fresh_ns,
				      .known_ns = known_ns,
				      .bytes = sizeof(*entry) + lines + attributes,
				      .cart = *cart};
	entry->cart.lines = lines > 0 ? memcpy(entry->lines, cart->lines, lines) : NULL;
	entry->cart.line_room = cart->line_count;
	at = (char *)entry->lines + lines;
	for (size_t i = 0; i < cart->line_count; i++) {
		if (cart->lines[i].attributes == NULL)
			continue;
		entry->lines[i].attributes = at;
		at = stpcpy(at, cart->lines[i].attributes) + 1;
	}
	return entry;
}

/* The cart was so at some time after since_ns. */
static void cache_put(struct read_cache *cache, struct metrics_shard *shard,
		      const struct cart *cart, int64_t since_ns, int64_t now_ns)
{
	struct cache_entry *entry = entry_new(cart, since_ns, now_ns), **slot, *old;
	struct cache_stripe *stripe = cache_lock(cache, &cart->id);
	bool late = since_ns <= stripe->floor_ns;

	slot = cache_slot(cache, stripe, &cart->id);
	old = *slot;
	if (old != NULL && old->cart.version == cart->version) {
		old->known_ns = now_ns;
		if (since_ns > old->fresh_ns)
			old->fresh_ns = since_ns;
	} else if (old == NULL || old->cart.version < cart->version) {
		if (old != NULL)
			cache_remove(cache, shard, stripe, slot);
		if (!late && entry != NULL && entry->bytes <= cache->stripe_bytes) {
			cache_insert(cache, shard, stripe, entry);
			entry = NULL;
		} else {
			stripe_raise_floor(stripe, now_ns);
		}
	}
	pthread_mutex_unlock(&stripe->lock);
	free(entry);
}

/* Forgets the cart, if it is older than version. */
static void cache_drop(struct read_cache *cache, struct metrics_shard *shard,
		       const struct cart_id *id, int64_t version, int64_t now_ns)
{
	struct cache_stripe *stripe = cache_lock(cache, id);
	struct cache_entry **slot = cache_slot(cache, stripe, id);

	if (*slot == NULL || (*slot)->cart.version < version) {
		stripe_raise_floor(stripe, now_ns);
		if (*slot != NULL)
			cache_remove(cache, shard, stripe, slot);
	}
	pthread_mutex_unlock(&stripe->lock);
}

/* Copies it into an op that holds nothing. False: it is not there, too old, has expired, or there
 * is no memory. */
static bool cache_copy(struct read_cache *cache, struct cart_op *op)
{
	const struct cart_env *env = cache->config.env;
	int64_t now_ns = clock_monotonic_ns(env->clock), now_ms;
	struct cache_stripe *stripe;
	struct cache_entry *entry;
	bool skewed, found;

	now_ms = clock_skew_now_ms(env->skew, env->clock, &skewed);
	stripe = cache_lock(cache, &op->id);
	entry = *cache_slot(cache, stripe, &op->id);
	found = entry != NULL &&
		now_ns - entry->fresh_ns < cache->config.max_age_ms * CLOCK_NS_PER_MS &&
		!cart_is_expired(&entry->cart, now_ms) &&
		cart_is_owned(&entry->cart.customer_id, op->owner) &&
		cart_copy(&op->cart, &entry->cart);
	if (found) {
		TAILQ_REMOVE(&stripe->used, entry, used);
		TAILQ_INSERT_TAIL(&stripe->used, entry, used);
	}
	pthread_mutex_unlock(&stripe->lock);
	return found;
}

bool read_cache_find(struct read_cache *cache, struct metrics_shard *shard, struct cart_op *op)
{
	bool found;

	if (op->type != CART_OP_GET || (op->flags & (CART_READ_STRONG | CART_READ_WRITABLE)) != 0 ||
	    (cache->config.strong_by_default && (op->flags & CART_READ_EVENTUAL) == 0))
		return false;
	/* If-Match compares with the version that the cart has now. */
	found = op->if_version == 0 && cache_copy(cache, op);
	metrics_add(shard, found ? cache->hits : cache->misses, 1);
	if (!found)
		op->flags = (op->flags & ~CART_READ_EVENTUAL) | CART_READ_STRONG;
	return found;
}

/* What a result other than CART_OK says of the cart that the table may hold. */
static bool cache_is_refuted(const struct cart_op *op)
{
	switch (op->result) {
	case CART_OK:
	case CART_BUSY:
	case CART_CANCELED:
	case CART_TIMEOUT:
		return false;
	default:
		/* It is gone; or it is not as the caller believed, who may have read it here; or it
		 * has changed perhaps. */
		return true;
	}
}

void read_cache_learn(struct read_cache *cache, struct metrics_shard *shard,
		      const struct cart_op *op)
{
	int64_t now_ns = clock_monotonic_ns(cache->config.env->clock);

	/* Lists may be stale, so what they show is not kept, but it may have been changed by
	 * another process. */
	for (size_t i = 0; i < op->cart_count; i++)
		cache_drop(cache, shard, &op->carts[i].id, op->carts[i].version, now_ns);
	if (op->type == CART_OP_LIST || op->type == CART_OP_FEED)
		return;
	if (op->cart.version != 0 && !op->replayed)
		cache_put(cache, shard, &op->cart, op->submitted_ns, now_ns);
	else if (op->result == CART_OK || cache_is_refuted(op))
		cache_drop(cache, shard, op->cart.version != 0 ? &op->cart.id : &op->id, INT64_MAX,
			   now_ns);
	/* It is closed now, or perhaps, or was before. After the cart, which may be in the same
	 * stripe and would come late. */
	if (op->type == CART_OP_MERGE && (op->result == CART_OK || cache_is_refuted(op)))
		cache_drop(cache, shard, &op->from, INT64_MAX, now_ns);
}
