/*
 * The read cache (cache.carts): carts as this process saw them last, for reads that may be stale.
 * One table for all loops, in stripes with a lock each.
 *
 * What it promises: it gives a cart as the database had it at most cache.max_age ago, and never an
 * older version than any answer of this process has shown, or any change that it has acknowledged.
 * Two rules make this true on every backend. Every op that completes is learnt, before its answer
 * is sent. A cart is kept only as a strong read or a change returned it, so a read that the table
 * cannot answer becomes a strong one. Changes by other processes are seen when max_age has passed.
 */
#ifndef SERVER_API_READ_CACHE_H
#define SERVER_API_READ_CACHE_H

#include "core/cart_store.h"

struct read_cache;

struct read_cache_config {
	const struct cart_env *env;
	size_t carts;		/* cache.carts: the most that it holds; at least 1 */
	size_t bytes;		/* cache.memory: the most that they take */
	int64_t max_age_ms;	/* cache.max_age */
	bool strong_by_default; /* whether a read that asks for neither is a strong one */
};

/* Once a process, before the first shard is made. Aborts without memory. */
struct read_cache *read_cache_new(const struct read_cache_config *config);
/* Takes NULL; sets it. */
void read_cache_free(struct read_cache **cache);

/*
 * Of an op that is about to be submitted. True: it was a read that may be stale, and now holds its
 * result. False: it is to be submitted; a read that may be stale has been made strong.
 */
CART_MUST_CHECK bool read_cache_find(struct read_cache *cache, struct metrics_shard *shard,
				     struct cart_op *op);
/* Of an op that has completed, before anybody is told. */
void read_cache_learn(struct read_cache *cache, struct metrics_shard *shard,
		      const struct cart_op *op);

#endif
