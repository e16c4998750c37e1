/*
 * Writes to different carts, of which there are three ways. The first two make one text of a batch,
 * which is one round trip and one transaction:
 *
 *	START TRANSACTION
 *	INSERT INTO carts VALUES (...), (...)			the creates
 *	UPDATE carts SET op = mark, ... WHERE id IN (...) AND guard	the adds
 *	INSERT INTO cart_items VALUES (..., assertion) ON DUPLICATE KEY UPDATE ...
 *	UPDATE carts SET op = mark, state = 1 ... WHERE id = ... AND guard	each checkout
 *	INSERT INTO idempotency_keys ...
 *	SELECT the carts
 *	INSERT INTO cart_events ...				with feed=on, see outbox.h
 *	COMMIT
 *
 * The guard lets a cart pass when the rules of core/cart_rules.h certainly would. The assertion is
 * an expression that fails unless the UPDATE met every cart. A statement that fails ends the text,
 * so nothing is committed; sql_blame_text() then asks which carts did not pass, before the
 * rollback. A checkout that does not pass changes nothing. A key that exists already fails its
 * INSERT: the database itself keeps keys unique.
 *
 * The third way (modify.h) is for everything else, and for whatever did not pass.
 */
#ifndef BACKENDS_MYSQL_WRITE_H
#define BACKENDS_MYSQL_WRITE_H

#include "backends/mysql/conn.h"
#include "backends/mysql/text.h"
#include "core/cart_op.h"
#include "core/cart_rules.h"

enum sql_way {
	SQL_WAY_CREATE,
	SQL_WAY_ADD,
	SQL_WAY_CHECKOUT,
	SQL_WAY_MERGE,	/* alone, see merge.h */
	SQL_WAY_MODIFY, /* lock, read, decide, write */
	SQL_WAYS
};

struct sql_write {
	struct cart_op *op; /* NULL: it has been completed meanwhile */
	struct cart_id id;
	struct cart_id from; /* of a merge */
	enum sql_way way;
	bool doubt;    /* it was sent before, with this key, and may have been committed */
	bool done;     /* the op's result is set; otherwise nothing was changed */
	bool removes;  /* its cart is deleted, with those of the other writes that do */
	int64_t token; /* the mark: random, the same in all of a batch */
};

/* True: the op's answer holds the cart with its lines as they are in the database. */
static inline bool sql_write_wants_lines(const struct cart_op *op)
{
	return op->type != CART_OP_CREATE && cart_op_gives_cart(op);
}

/* The way for an op that was not refused before. */
enum sql_way sql_write_way(const struct cart_op *op, const struct cart_rules *rules);

/*
 * Writes the text of a batch. The writes are sorted by id, each id once, none of them MERGE or
 * MODIFY.
 * False: no memory.
 */
CART_MUST_CHECK bool sql_write_text(struct sql_text *text, struct sql_write *writes, size_t count,
				    const struct cart_rules *rules);
/*
 * Reads the answer, after a commit that succeeded. Sets the results of the writes that are done;
 * the others changed nothing and did not pass. False: the rows are not what the schema says; every
 * write is then done, with CART_UNCERTAIN.
 */
bool sql_write_read(struct sql_write *writes, size_t count, const struct sql_reply *reply,
		    const struct cart_rules *rules);

/* After a text that failed, in its transaction: selects the carts that passed, and rolls back. */
CART_MUST_CHECK bool sql_blame_text(struct sql_text *text, const struct sql_write *writes,
				    size_t count);
/* Sets done for the adds that did not pass, for all adds if every one passed, and for all writes if
 * there is no add. */
void sql_blame_read(struct sql_write *writes, size_t count, const struct sql_reply *reply);

/* After a text that met a locked row, in its transaction: selects the carts that are not locked by
 * others, and rolls back. */
CART_MUST_CHECK bool sql_locked_text(struct sql_text *text, const struct sql_write *writes,
				     size_t count);
/* Sets done for the changes of carts that are locked, or not there. False: there are none. */
bool sql_locked_read(struct sql_write *writes, size_t count, const struct sql_reply *reply);

/* What idempotency_keys.scope is for the op's key: the cart's id, or zeros for a create. */
const uint8_t *sql_key_scope(const struct cart_op *op);

/* The values of a new cart, and the first five of a key, for every INSERT of one. */
void sql_add_key(struct sql_text *text, const struct cart_op *op);
/* updated_ms of the carts c, after the =, and with it idle_ms, expires_ms and sweep_ms: those of a
 * cart that changes and stays open. */
void sql_add_times(struct sql_text *text, int64_t now_ms, const struct cart_rules *rules);
void sql_add_cart(struct sql_text *text, const struct cart *cart, int64_t token,
		  const struct cart_rules *rules);
#define SQL_INSERT_CARTS                                                                           \
	"INSERT INTO carts (id, customer_id, state, version, created_ms, updated_ms, idle_ms,"     \
	" expires_ms, sweep_ms, lines_bound, op) VALUES ("
/* Begins an INSERT of lines, whose rows have attributes or do not. */
void sql_insert_lines(struct sql_text *text, bool attributes);
#define SQL_INSERT_KEYS                                                                            \
	"INSERT INTO idempotency_keys (scope, key_hash, fingerprint, op, stored_ms, version, "     \
	"cart_id) "

#endif
