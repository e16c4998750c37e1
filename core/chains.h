/*
 * The carts that are being written to, and for each the writes that wait for their turn: a hash
 * table by the cart's id. A chain lasts from its cart's first write until the last one that waited
 * is done.
 */
#ifndef CORE_CHAINS_H
#define CORE_CHAINS_H

#include "core/base/attr.h"
#include "core/op_list.h"

struct chain {
	struct cart_id id;
	struct chain *next;	/* of its bucket, or of those that are free */
	struct cart_op *turn;	/* the write whose turn it is, queued or paused; NULL: in a lane */
	size_t in_lanes;	/* lanes that write to the cart */
	struct op_list waiting; /* in the order of their turns */
};

struct chains {
	struct chain **buckets;
	uint64_t factor; /* random and odd, so that no client can choose ids of one bucket */
	struct chain *free;
};

/* -1: no memory. */
CART_MUST_CHECK int chains_open(struct chains *chains);
/* There are no chains any more. Takes a zeroed one. */
void chains_close(struct chains *chains);

/* NULL: nothing writes to the cart. */
struct chain *chains_find(const struct chains *chains, const struct cart_id *id);
/* A chain for a cart that has none. NULL: no memory. */
struct chain *chains_add(struct chains *chains, const struct cart_id *id);
/* The chain is empty. */
void chains_remove(struct chains *chains, struct chain *chain);
/* Calls visit() for each chain; it may take ops out of the chain's list, and nothing else. */
void chains_each(const struct chains *chains, void (*visit)(struct chain *chain, void *user),
		 void *user);

#endif
