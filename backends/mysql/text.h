/*
 * SQL text. Only three kinds of things enter it: the program's own string literals (the compiler
 * refuses anything else), integers, and bytes as hex. So no text of a client can be read as SQL,
 * and nothing has to be escaped.
 */
#ifndef BACKENDS_MYSQL_TEXT_H
#define BACKENDS_MYSQL_TEXT_H

#include "core/base/buf.h"
#include "core/cart_id.h"
#include "core/shop_id.h"

#define SQL_BINARY_BYTES 16 /* ids, fingerprints, hashes of keys: all of one size */

/* Kinds of statements, for the metrics. */
enum sql_statement_kind {
	SQL_BEGIN,  /* START TRANSACTION */
	SQL_LOCK,   /* SELECT ... FOR UPDATE */
	SQL_CARTS,  /* writes to carts */
	SQL_ITEMS,  /* writes to cart_items */
	SQL_KEYS,   /* writes to idempotency_keys */
	SQL_EVENTS, /* writes to cart_events */
	SQL_SELECT, /* plain reads */
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_STATEMENTS
};

/* "begin", "lock", ...: for labels. */
const char *sql_statement_name(enum sql_statement_kind statement);

struct sql_text {
	struct buf buf;
	/* Set by the owner, kept by a reset: sql_add_writer() adds its condition; locks are asked
	 * for with NOWAIT, since the server's session would wait a second at least, as that of
	 * every server but MariaDB. */
	bool check_writer;
	bool nowait;
	bool values;	   /* MariaDB's VALUES ends a UNION; MySQL writes it otherwise */
	size_t statements; /* begun since the last reset */
	unsigned kinds[SQL_STATEMENTS];
};

void sql_text_reset(struct sql_text *text);
/* Of one that is not needed for a while: gives back what only a large batch needed. */
void sql_text_trim(struct sql_text *text);
void sql_text_free(struct sql_text *text);

/* Begins a statement: ends the one before. */
#define sql_statement(text, kind, literal)                                                         \
	sql_text_statement((text), (kind), "" literal "", sizeof(literal) - 1)
/* Adds a piece of a statement. */
#define sql_add(text, literal) buf_add(&(text)->buf, "" literal "", sizeof(literal) - 1)

/* A piece out of a table of them. */
struct sql_literal {
	const char *text;
	size_t len;
};
#define SQL_LITERAL(literal)                                                                       \
	{                                                                                          \
		"" literal "", sizeof(literal) - 1                                                 \
	}
void sql_add_literal(struct sql_text *text, const struct sql_literal *literal);

/* Fails the statement: "Subquery returns more than 1 row". */
#define SQL_FAIL "(SELECT 1 UNION SELECT 2)"

void sql_add_integer(struct sql_text *text, int64_t value);
/* x'...' of the text of an id, so that nothing has to be escaped. */
void sql_add_shop_id(struct sql_text *text, const struct shop_id *id);
/* The same of a line's attributes, or NULL where there are none. */
void sql_add_attributes(struct sql_text *text, const char *attributes);
/* x'...' of 16 bytes. */
void sql_add_hex(struct sql_text *text, const uint8_t bytes[SQL_BINARY_BYTES]);
void sql_add_id(struct sql_text *text, const struct cart_id *id);

/*
 * Adds a condition under which a SELECT fails with SQL_NOT_WRITER on a server that is read-only,
 * and so perhaps was replaced by another: what it says may be old. The sum is out of range there.
 */
#define SQL_NOT_WRITER 1690 /* ER_DATA_OUT_OF_RANGE */
void sql_add_writer(struct sql_text *text);

/* Adds the end of a SELECT that locks its rows. */
void sql_add_for_update(struct sql_text *text);

/* Behind the macro. */
void sql_text_statement(struct sql_text *text, enum sql_statement_kind kind, const char *literal,
			size_t len);

#endif
