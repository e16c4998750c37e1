/*
 * The bodies of calls: the only place that writes DynamoDB's JSON and its expressions. They contain
 * no text of a caller other than checked names (the table), ids of the shop, which are escaped, and
 * hashes (keys); everything else is numbers and cart ids.
 *
 * Each function replaces the contents of body. body->failed: no memory.
 */
#ifndef BACKENDS_DYNAMODB_ITEM_BODY_H
#define BACKENDS_DYNAMODB_ITEM_BODY_H

#include "backends/dynamodb/wire/call.h"
#include "backends/dynamodb/item/item.h"
#include "core/base/buf.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"

/* What all bodies of a process have in common. */
struct ddb_table {
	const char *name;
	enum ddb_layout layout;
	unsigned idle_shards;
	const struct cart_rules *rules;
};

/* The call that reads a cart. Returns the operation. */
enum ddb_operation ddb_body_get(struct buf *body, const struct ddb_table *table,
				const struct cart_id *id, bool consistent);
/* The call that reads a cart with one of its lines, strongly; perhaps with all of them. */
enum ddb_operation ddb_body_get_line(struct buf *body, const struct ddb_table *table,
				     const struct cart_id *id, const struct shop_id *product);
/* GetItem of the item that holds a CREATE's key; strong. */
void ddb_body_get_key(struct buf *body, const struct ddb_table *table, const char *key_item);
/* BatchGetItem of up to 100 different carts. */
void ddb_body_batch_get(struct buf *body, const struct ddb_table *table, const struct cart_id *ids,
			size_t count, bool consistent);
/* The same for a list: eventually consistent, and of each item only what a cart is read from. Keys
 * may be a hundred times as long, and others wait while an answer is read. */
void ddb_body_batch_get_carts(struct buf *body, const struct ddb_table *table,
			      const struct cart_id *ids, size_t count);

/* Scan of up to limit items, of which those come that are carts checked out and not changed since
 * before_ms; eventually consistent. after: the key of the last item before, as JSON; empty: from
 * the start. */
void ddb_body_scan_closed(struct buf *body, const struct ddb_table *table, int64_t before_ms,
			  const struct buf *after, int limit);

/*
 * Whether one conditional UpdateItem (of DELETE: DeleteItem) can do the op: adds, and a set, a
 * remove or a clear alone, checkout and delete; in layout list: delete alone. Otherwise, and when
 * the condition was false, the item is read, core/cart.h decides, and ddb_body_if_unchanged()
 * writes.
 */
CART_MUST_CHECK bool ddb_can_be_conditional(const struct cart_op *op,
					    const struct ddb_table *table);
/*
 * That call, under the condition that the op certainly is to be applied: the cart is there, open,
 * not expired, of if_version, does not know the key (key_name NULL: the op has none) nor holds
 * DDB_KEYS_MAX of them, and by the op's own rules; also, that the change changes something and that
 * the cart was not changed later than op->now_ms. newer is NULL, or the cart as it was read where
 * it was: then the times that are later stay as they are. It asks for the whole item after it where
 * the op has a key or wants the cart (CHECKOUT does), else for the version alone (UPDATED_NEW); and
 * for the item where the condition is false (ReturnValuesOnConditionCheckFailure=ALL_OLD), which
 * not every server does.
 */
void ddb_body_conditional(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
			  const char *mark, const char *key_name, const struct cart *newer);

/* The changes, a bit for each, whose lines in the cart were changed later than op->now_ms. */
uint64_t ddb_newer_lines(const struct cart_op *op, const struct cart *cart);

/* The write of a new cart, under the condition that no item has its id. key_item: it is made under
 * that key (create_key, and keyed_until is set); NULL: under none. cart is what
 * cart_create() made. Returns the operation. */
enum ddb_operation ddb_body_create(struct buf *body, const struct ddb_table *table,
				   const struct cart *cart, const struct cart_op *op,
				   const char *mark, const char *key_item);
/* PutItem of a CREATE's key that names that cart, under the condition that there is none, or one
 * stored at or before until_ms. */
void ddb_body_put_key(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
		      const char *key_item, const struct cart_id *target, int64_t until_ms);

/* DeleteItem of a CREATE's key, if it is still the one that this op stored. */
void ddb_body_delete_key(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
			 const char *key_item);

/*
 * The write after cart_apply() has said CART_OK: before is what was read, after what the cart is
 * then. Under the condition that the item's mark is still before's. before->decisions are stored
 * where ddb_item_decide() changed them, and the item is not held any more. Three cases:
 *  - something changed: in layouts list and rows a PutItem of the whole, without keys past their
 *    window (in rows, where lines change, the first of a transaction, see rows.h); in layout map an
 *    UpdateItem, of all lines and whatever else is different, which makes an item of the other
 *    layout one of this;
 *  - nothing changed: an UpdateItem that stores the key and the decision, if any. Of a key alone
 * the condition is only that it is not known;
 *  - DELETE: DeleteItem, or the PutItem of a tombstone where the cart was made under a key.
 * Returns the operation to call. The key is stored with the change if key_name is not NULL.
 */
enum ddb_operation ddb_body_if_unchanged(struct buf *body, const struct ddb_table *table,
					 const struct cart_op *op, const struct ddb_item *before,
					 const struct cart *after, const char *mark,
					 const char *key_name);

/* Layout rows: the cart has more rows than one call removes. The call moves its lines into its
 * item, if that is as it was read, and removes as many rows as it can; the cart stays the same.
 * False: it has not so many, and body is untouched. */
CART_MUST_CHECK bool ddb_body_drop_rows(struct buf *body, const struct ddb_table *table,
					const struct ddb_item *before, const char *mark);

/*
 * The steps of a merge, see store/merge.h; each an UpdateItem. The step in between, which decides,
 * is ddb_body_if_unchanged() of the target with a decision (ddb_item_decide()).
 *
 * Closes from for the merge of op under an id, if its mark is old; NULL: if it is open, whatever
 * has changed there.
 */
void ddb_body_merge_seal(struct buf *body, const struct ddb_table *table, const struct cart_op *op,
			 const char *old, const char *merge_id);
/* Ends what that began, if the cart still has that merge_id. done: it is merged, at now_ms; else it
 * is open again, as it was. */
void ddb_body_merge_end(struct buf *body, const struct ddb_table *table,
			const struct ddb_item *from, bool done, int64_t now_ms, const char *mark);
/* Holds the target for from, if it is open and not held, and whatever else has changed there. The
 * next write by ddb_body_if_unchanged() ends that, whatever it changes. */
void ddb_body_merge_hold(struct buf *body, const struct ddb_table *table,
			 const struct cart_id *target, const struct cart_id *from,
			 const char *mark);
/* Removes a decision from the target, if it is there; alone: it is the only one, as was read. */
void ddb_body_merge_forget(struct buf *body, const struct ddb_table *table,
			   const struct cart_id *target, const struct ddb_decision *decision,
			   bool alone, const char *mark);

/* UpdateItem that removes the oldest of the keys that were stored by until_ms, at most 50; false:
 * there are fewer than min of them, and body is untouched. Conditional on each being what was
 * read. */
CART_MUST_CHECK bool ddb_body_trim(struct buf *body, const struct ddb_table *table,
				   const struct ddb_item *item, int64_t until_ms, size_t min);

#endif
