/*
 * A batch of writes to different carts as one text: one round trip, one transaction, one flush of
 * the server's log.
 *
 *	START TRANSACTION
 *	SELECT COUNT(c.op) FROM carts c WHERE c.id IN (...) FOR UPDATE
 *	UPDATE carts c SET c.op = mark, version, times WHERE c.id IN (those of a kind) AND guard
 *	INSERT INTO cart_items SELECT ... FROM carts c WHERE c.id IN (...) AND c.op = mark ...
 *	INSERT INTO idempotency_keys SELECT ... FROM carts c WHERE c.id IN (...) AND c.op = mark
 *	SELECT the carts
 *	COMMIT
 *
 * A write that is alone and whose answer holds no cart needs less: the guard's UPDATE locks its one
 * row, and says by the number of rows that it matched whether the write was let through, and by
 * LAST_INSERT_ID() at which version; and a create is one INSERT. What was not let through is then
 * always for the careful way.
 *
 * The rows are locked first, in the order of their ids, so that batches do not deadlock and what
 * the guard sees cannot change under it. The guard is narrow: it lets an op through when
 * it is certain that core/cart.h's rules would, and marks its cart with the batch's token; what
 *comes after touches marked carts alone. An op that was not let through has the reason in its
 *cart's row (gone, closed, another version), or it is not certain (a known key, a limit near,
 * nothing to change): it is then SQL_VERDICT_LOOK, for backends/mysql/careful.h, where the
 * rules themselves decide.
 */
#ifndef BACKENDS_MYSQL_WRITE_H
#define BACKENDS_MYSQL_WRITE_H

#include "backends/mysql/conn.h"
#include "backends/mysql/key.h"
#include "backends/mysql/text.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"

enum sql_write_kind {
	SQL_WRITE_ADD,	  /* adds to lines */
	SQL_WRITE_SET,	  /* one line to a quantity */
	SQL_WRITE_REMOVE, /* one line away */
	SQL_WRITE_CLEAR,  /* all lines away */
	SQL_WRITE_CHECKOUT,
	SQL_WRITE_DELETE,
	SQL_WRITE_CREATE,
	SQL_WRITE_CAREFUL /* not for here */
};

enum sql_verdict {
	SQL_VERDICT_DONE, /* the op's result is set */
	SQL_VERDICT_LOOK  /* nothing was changed; the careful way decides */
};

struct sql_write {
	struct cart_op *op; /* NULL: its caller has been answered meanwhile */
	struct cart_id id;
	enum sql_write_kind kind;
	enum sql_verdict verdict;
	bool doubt;    /* it was sent before, with this key, and what came of it is not known */
	int64_t token; /* random, the same in all of a batch */
	bool alone;    /* nothing else is in the text, and the answer holds no cart */
	bool seen;     /* its cart was among the answer's rows */
	struct sql_key key;
};

/* True: the op's answer holds the cart, lines and all, as it is in the database. */
static inline bool sql_write_wants_lines(const struct cart_op *op)
{
	return op->type == CART_OP_CHECKOUT ||
	       (op->type == CART_OP_CHANGE && (op->flags & CART_WANT_CART) != 0);
}

/* What the batch can do with the op. */
enum sql_write_kind sql_write_kind_of(const struct cart_op *op, const struct cart_rules *rules);

/*
 * Writes the text. The writes are sorted by id, each id once, none CAREFUL.
 * False: no memory, or a digest failed.
 */
CART_MUST_CHECK bool sql_write_text(struct sql_text *text, struct sql_write *writes, size_t count,
				    const struct cart_rules *rules);

/*
 * Reads the verdicts from the answer, after a commit that succeeded. Fills the results
 * of ops that are done. False: the rows are not what the schema says; ops without a verdict are
 * SQL_VERDICT_DONE with CART_UNCERTAIN.
 */
CART_MUST_CHECK bool sql_write_read(struct sql_write *writes, size_t count,
				    const struct sql_reply *reply, const struct cart_rules *rules);

#endif
