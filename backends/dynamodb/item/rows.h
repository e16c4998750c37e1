/*
 * Layout rows: a cart is several items, its rows, in one partition of the table.
 *
 *   CART             what the other layouts have in the item, but for the lines; and
 *                    gen N     the generation of its lines
 *                    digest S  over the lines
 *                    qty, added, updated M   in place of digest: the lines themselves, as layout
 *                              map has them; the cart is then "packed"
 *   ITEM#product     a line: quantity, added_at, updated_at N, attributes S; gen N; expires_at N
 *
 * The lines of a cart are what its CART says: the maps of a packed one; else the rows of its
 * generation. Rows of another generation do not count. Every write that changes a line is
 * conditional on the mark of CART and writes CART, in one call: so the mark is of the lines too, as
 * in the other layouts.
 *
 *  - Some lines change: TransactWriteItems of CART and these rows.
 *  - No line changes, or none is left: CART alone. Without lines it has another generation, so no
 *    row has to be removed.
 *  - All lines change (a replacement): CART with another generation, and the new lines.
 *  - More rows than a transaction takes: CART alone, packed, with another generation. The next
 *    change that is small enough makes rows of the lines again.
 *  - A checkout packs the cart: its rows expire, and what was bought does not.
 *
 * A Query is no snapshot: it may have some rows as they were before a transaction and some as they
 * were after. Then they do not add up to the digest, and are read again, strongly.
 *
 * A row expires cart.ttl later than its cart would have, when it was written: so most changes leave
 * the other rows alone. Those that would expire before the cart are written again with a change.
 * Where carts do not expire, rows that do not count are removed with changes that have room.
 */
#ifndef BACKENDS_DYNAMODB_ITEM_ROWS_H
#define BACKENDS_DYNAMODB_ITEM_ROWS_H

#include "backends/dynamodb/item/body_parts.h"
#include "backends/dynamodb/table/definition.h"

/* AWS: "Amazon DynamoDB Transactions: How it works". */
#define DDB_TRANSACTION_MAX 100

/* What a write does to the rows besides CART. Of another layout: nothing. */
struct ddb_rows_plan {
	const struct ddb_table *table;
	const struct ddb_item *before; /* NULL: the cart is new */
	const struct cart *after;      /* NULL: it is removed */
	int64_t gen;
	bool packed;
	bool anew; /* all lines are written, in a generation of their own */
	size_t puts, deletes;
	size_t sweeps; /* deletes of rows that are of no generation that counts, at most */
};

struct ddb_rows_plan ddb_rows_plan(const struct ddb_table *table, const struct ddb_item *before,
				   const struct cart *after);
/* gen and digest, or gen and maps, of CART. */
void ddb_add_packing(struct buf *body, const struct ddb_rows_plan *plan);
/* body is a call that writes CART. Where the plan has more writes it becomes TransactWriteItems of
 * all; kind is what the first is there: "Put", "Delete". Returns the operation. */
enum ddb_operation ddb_rows_finish(struct buf *body, const struct ddb_rows_plan *plan,
				   const char *kind, enum ddb_operation operation);

#endif
