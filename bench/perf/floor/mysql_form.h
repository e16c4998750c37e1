/*
 * The statements of the floor of the MySQL backend, in several forms, and a blocking connection
 * that runs one of them. For one thread.
 */
#ifndef BENCH_PERF_FLOOR_MYSQL_FORM_H
#define BENCH_PERF_FLOOR_MYSQL_FORM_H

#include "core/base/buf.h"
#include "core/cart_id.h"

#include <mysql.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FORM_STEPS_MAX	 4
#define FORM_PARAMS_MAX	 8
#define FORM_COLUMNS_MAX 16

/* A way to do a work: what is sent, one step a round trip. */
struct form {
	const char *work, *name;
	const char *steps[FORM_STEPS_MAX];
	bool prepared, autocommit;
	unsigned rows_min; /* changed and answered, by all steps; fewer: refused */
};

/* Of one operation. Times are milliseconds since 1970. */
struct form_params {
	struct cart_id id;
	int64_t product, now_ms, expires_ms, sweep_ms, op;
};

/* A step as a prepared statement; its parameters and rows lie in the connection. */
struct form_step {
	MYSQL_STMT *statement;
	MYSQL_BIND params[FORM_PARAMS_MAX], columns[FORM_COLUMNS_MAX];
};

/* Stays where it is: prepared statements point into it. */
struct form_connection {
	MYSQL *mysql;
	const struct form *form;
	struct form_params params; /* of the next operation, for the caller to fill in */
	struct buf text;
	struct form_step steps[FORM_STEPS_MAX];
	char cells[FORM_COLUMNS_MAX][CART_ID_BYTES];
	unsigned long lengths[FORM_COLUMNS_MAX];
};

/* NULL: there is none. */
const struct form *form_find(const char *work, const char *name);
void form_list(FILE *out);

/* Opens what is all zeros. Connects to where CART_MYSQL_* say; form NULL: for form_send() alone.
 * Ends the program when it cannot, as all that follow do. */
void form_open(struct form_connection *connection, const struct form *form);
void form_close(struct form_connection *connection);

/* Does it with the params, and reads the answers. False: the conditions turned it down, and nothing
 * has changed. */
bool form_operate(struct form_connection *connection);

/* Sends the text, which may hold several statements. False: as above. rows: changed and answered.
 */
bool form_send(struct form_connection *connection, uint64_t *rows);
/* Adds x'0123...' to the text. */
void form_add_id(struct buf *text, const struct cart_id *id);

#endif
