/* The statements that connections prepare. */
#ifndef BACKENDS_SQLITE_STMTS_H
#define BACKENDS_SQLITE_STMTS_H

enum sqlite_stmt {
	/* Any connection. */
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_CART,
	STMT_LIST_CUSTOMER,
	STMT_LIST_CUSTOMER_STATE,
	STMT_LIST_IDLE,
	/* The writer's. */
	STMT_BEGIN_IMMEDIATE,
	STMT_ROLLBACK,
	STMT_CART_INSERT,
	STMT_CART_TOUCH,
	STMT_CART_SAVE,
	STMT_CART_CLAIM,
	STMT_CART_MERGED,
	STMT_CART_DELETE,
	STMT_KEY,
	STMT_KEY_SAVE,
	STMT_KEYS_DELETE,
	STMT_SWEEP_CARTS,
	STMT_SWEEP_KEYS,
	STMTS,
	STMTS_READING = STMT_BEGIN_IMMEDIATE /* those of a connection that only reads */
};

extern const char *const sqlite_stmt_sql[STMTS];

#endif
