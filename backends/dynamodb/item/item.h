/*
 * A cart as an item of the table, in either layout, read and written. Which attributes there are,
 * and why, is told in docs/backends/dynamodb.md; in short:
 *
 *   cart_id        S   the partition key: the UUID as text
 *   customer_id    S   created_key S   keys of customer-index; created_key is a time key, below. A
 *                      guest's cart has no customer_id, and is not in the index
 *   status         S   "open", "checked_out", "merging", "merged"; "deleted" is a tombstone,
 *                      see below
 *   version        N   created_at, updated_at N   ms since 1970
 *   expires_ms     N   open carts only: when the cart is gone, ms; DDB_NEVER_MS: never
 *   expires_at     N   when DynamoDB may remove the item (TTL), whole s, after sweep.grace
 *   order_id       S   once checked out
 *   idle_shard N, idle_key S   keys of idle-index, open carts only; its time is cart_idle_ms()
 *   mark           S   who wrote the item last: op marks, so that a change in doubt is recognised
 *   layout map:    qty, added, updated   M   product_id -> N; attributes: ddb_attributes_name()
 *   layout list:   items   L of M   product_id, quantity, added_at, updated_at; by product_id;
 *                                   attributes S
 *   op_v, op_f     M   idempotency keys: name -> version N; name -> record S (time, fingerprint)
 *   create_key     S   keyed_until N   of a cart made under an idempotency key: see below
 *   merged_into    S   merging and merged carts: the cart that takes the lines
 *   until_ms       N   of these in place of expires_ms: they match no condition of open carts
 *   held_for       S   of an open cart that has until_ms in place of expires_ms, until a merge into
 *                      it is decided: the cart that its lines come from, see store/merge.h
 *   merge_id, merge_how S, merge_version N   merging carts: see struct ddb_seal
 *   merges         M   of carts that others went into: id -> S, see struct ddb_decision
 *
 * A time key is a time in ms as 15 digits, "#", and the cart's id: sorted as text it sorts by time,
 * then id.
 *
 * The key of a CREATE is in an item of its own, since the cart's id is not known when it is
 * repeated: cart_id is "key#NAME" (key_hash covers the customer too), "record" S as in op_f,
 * "target" S the cart's id, expires_at for TTL. It is written first, the cart second, under the
 * condition that no item has its id: whoever repeats the request continues where the first was
 * stopped. So that a deleted cart is not created again in this way, one that was made under a key
 * leaves a tombstone until the key's window is over (keyed_until, ms): an item with cart_id, status
 * "deleted" and expires_at alone.
 */
#ifndef BACKENDS_DYNAMODB_ITEM_ITEM_H
#define BACKENDS_DYNAMODB_ITEM_ITEM_H

#include "backends/dynamodb/item/types.h"
#include "core/base/attr.h"
#include "core/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads "Item" of an answer (attributes as DynamoDB's JSON has them). *item must hold nothing. An
 * item of an index that projects keys alone is read as far as it goes: version 0. CART_OK; or
 * CART_DAMAGED (it is not one of ours) or CART_BUSY (no memory): item is then empty, and why says
 * in a few words what is wrong.
 */
CART_MUST_CHECK enum cart_result ddb_item_read(struct ddb_item *item, const json_t *attributes,
					       char *why, size_t room);
/* The same without the keys, for lists: ddb_body_batch_get_carts() does not ask for them. */
CART_MUST_CHECK enum cart_result ddb_item_read_listed(struct ddb_item *item,
						      const json_t *attributes, char *why,
						      size_t room);
typedef enum cart_result ddb_item_take_fn(void *user, const json_t *attributes, char *why,
					  size_t room);
/* Hands the items of an answer to a Query or Scan to take(), in order, until one is not CART_OK.
 * Returns that, or CART_BUSY where it is no such answer. */
CART_MUST_CHECK enum cart_result ddb_items_take(const json_t *answer, ddb_item_take_fn *take,
						void *user, char *why, size_t room);
/* As ddb_item_read(), of an item that is damaged: its id, mark and decisions alone. */
CART_MUST_CHECK enum cart_result ddb_item_read_decisions(struct ddb_item *item,
							 const json_t *attributes, char *why,
							 size_t room);
void ddb_item_clear(struct ddb_item *item);
/* cart_id alone, of an item or a key. False: it has none that is a UUID. */
CART_MUST_CHECK bool ddb_item_id(const json_t *attributes, struct cart_id *id);
/* Whether the item is a cart that is merging, and into which. */
CART_MUST_CHECK bool ddb_item_is_merging(const json_t *attributes, struct cart_id *into);
/* Reads the item of a CREATE's key: what is stored (version 1), and the cart that it names. False:
 * it is not one of ours. */
CART_MUST_CHECK bool ddb_key_item_read(const json_t *attributes, struct ddb_key *key,
				       struct cart_id *target);
/* The decision about a cart, or NULL. */
const struct ddb_decision *ddb_item_decision(const struct ddb_item *item,
					     const struct cart_id *from);
/* Adds a decision, in place of another about the same cart: the next write of the item stores it.
 * False: no memory. */
CART_MUST_CHECK bool ddb_item_decide(struct ddb_item *item, const struct ddb_decision *decision);
/* The key of that name, or NULL. */
const struct ddb_key *ddb_item_key(const struct ddb_item *item, const char *name);

#endif
