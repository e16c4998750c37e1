/*
 * The happy path: read the version, see that the schema is this program's and current, done; an
 * account that may only read and write rows gets that far. What is missing is made under a named
 * lock, after the version was read again, because another process may have been first: file by
 * file, statement by statement. The last statement of a file records it in cart_schema, so that
 * files applied by hand are recorded as well.
 *
 * Failures: the process or the server dies between two statements: the file is not recorded and is
 * applied again from its start, over what exists. Two nodes of a cluster, whose named locks are
 * their own, apply a file at once: the same. A table cannot be changed because a transaction uses
 * it: retried for a while. Refused, each with a line that says what to do: a server that is too
 * old, a schema newer than this program, tables of another application, ids of the other type, an
 * account that lacks a right, and, where nothing may be made, what is missing.
 */
#include "backends/mysql/schema.h"

#include "backends/mysql/fault.h"
#include "core/embed.h"
#include "core/base/log.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* While another process provisions, the lock is asked for in steps, because an answer may not take
 * longer than the connection's timeouts allow. */
#define SCHEMA_LOCK_TRIES    600
#define SCHEMA_LOCK_PAUSE_MS 100

/*
 * A statement that waits to change a table blocks every later statement on that table. So it waits
 * a second at a time and lets the others run in between.
 */
#define SCHEMA_WAIT	"SET SESSION lock_wait_timeout = 1"
#define SCHEMA_WAIT_END "SET SESSION lock_wait_timeout = DEFAULT"
#define SCHEMA_TRIES	30
#define SCHEMA_PAUSE_MS 1000

#define SCHEMA_REPORT_MS 10000

/* A server may hold several databases, and a name may be longer than that of a lock. */
#define SCHEMA_LOCK_NAME "CONCAT('cart.schema.', LEFT(SHA2(DATABASE(), 256), 40))"

struct schema {
	MYSQL *mysql;
	const struct embed_file *migrations;
	char database[256]; /* 64 characters */
	int wanted;
	int version;	/* 0: none */
	bool unreached; /* what failed may succeed later */
};

/* The columns and indexes that the program's statements name; and the migration that brought them.
 */
static const struct {
	int since;
	const char *table;
	const char *sql;
} schema_names[] = {
	{1, "cart_settings", "SELECT name, value FROM cart_settings LIMIT 0"},
	{1, "carts",
	 "SELECT id, customer_id, state, version, created_ms, updated_ms, idle_ms, expires_ms,"
	 " sweep_ms, order_id, merged_into, lines_bound, op FROM carts LIMIT 0"},
	{1, "carts",
	 "SELECT 1 FROM carts FORCE INDEX (PRIMARY, carts_customer, carts_idle, carts_sweep)"
	 " LIMIT 0"},
	{1, "cart_items",
	 "SELECT cart_id, product_id, quantity, added_ms, updated_ms, attributes FROM cart_items"
	 " FORCE INDEX (PRIMARY) LIMIT 0"},
	{1, "idempotency_keys",
	 "SELECT scope, key_hash, fingerprint, op, stored_ms, version, cart_id FROM "
	 "idempotency_keys"
	 " FORCE INDEX (PRIMARY, idempotency_keys_stored) LIMIT 0"},
	{1, "cart_events",
	 "SELECT seq, at_ms, events, carts, items FROM cart_events FORCE INDEX (PRIMARY) LIMIT 0"},
};

/* EXPLAIN needs the same rights as the statement and changes nothing. */
static const char *const schema_rights[] = {
	"EXPLAIN INSERT INTO carts SELECT * FROM carts WHERE FALSE",
	"EXPLAIN UPDATE carts SET op = 0 WHERE FALSE",
	"EXPLAIN DELETE FROM carts WHERE FALSE",
	"EXPLAIN INSERT INTO cart_items SELECT * FROM cart_items WHERE FALSE",
	"EXPLAIN UPDATE cart_items SET quantity = 0 WHERE FALSE",
	"EXPLAIN DELETE FROM cart_items WHERE FALSE",
	"EXPLAIN INSERT INTO idempotency_keys SELECT * FROM idempotency_keys WHERE FALSE",
	"EXPLAIN UPDATE idempotency_keys SET version = 0 WHERE FALSE",
	"EXPLAIN DELETE FROM idempotency_keys WHERE FALSE",
	"EXPLAIN INSERT INTO cart_events SELECT * FROM cart_events WHERE FALSE",
	"EXPLAIN DELETE FROM cart_events WHERE FALSE",
};

#define SCHEMA_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The last byte of a quoted string or name that begins here; of the text if it does not end. */
static const char *script_quoted(const char *at)
{
	char quote = *at;

	for (at++; *at != '\0'; at++) {
		if (*at == '\\' && quote != '`' && at[1] != '\0')
			at++;
		else if (*at == quote && at[1] == quote)
			at++;
		else if (*at == quote)
			return at;
	}
	return at - 1;
}

static bool script_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Two hyphens begin a comment only before a space; or else 5--1 would be one. */
static bool script_is_line_comment(const char *at)
{
	return *at == '#' ||
	       (at[0] == '-' && at[1] == '-' && (at[2] == '\0' || script_is_space(at[2])));
}

static bool script_is_block_comment(const char *at)
{
	return at[0] == '/' && at[1] == '*';
}

/* MySQL executes what is in these, or MariaDB does. */
static bool script_is_executed(const char *at)
{
	return at[2] == '!' || (at[2] == 'M' && at[3] == '!');
}

/* The last byte of the comment that begins here; NULL: none does. */
static const char *script_comment(const char *at)
{
	const char *end;

	if (script_is_line_comment(at)) {
		end = at + strcspn(at, "\n");
		return *end == '\0' ? end - 1 : end;
	}
	if (!script_is_block_comment(at))
		return NULL;
	end = strstr(at + 2, "*/");
	return end != NULL ? end + 1 : at + strlen(at) - 1;
}

static const char *script_skip(const char *at)
{
	for (;; at++) {
		const char *comment = script_comment(at);

		if (comment != NULL && !(script_is_block_comment(at) && script_is_executed(at)))
			at = comment;
		else if (!script_is_space(*at) && *at != ';')
			return at;
	}
}

bool sql_script_next(const char **rest, const char **statement, size_t *len)
{
	const char *at = script_skip(*rest);

	*statement = at;
	for (; *at != '\0' && *at != ';'; at++) {
		const char *comment = script_comment(at);

		if (comment != NULL)
			at = comment;
		else if (*at == '\'' || *at == '"' || *at == '`')
			at = script_quoted(at);
	}
	*len = (size_t)(at - *statement);
	*rest = at;
	return *len > 0;
}

static int schema_number(const struct embed_file *file)
{
	return (int)strtol(file->name, NULL, 10);
}

static int schema_wanted(const struct embed_file *migrations)
{
	int number = 0;

	for (; migrations->name != NULL; migrations++)
		number = schema_number(migrations);
	return number;
}

static void schema_pause(long ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* The error that came of a query, 0: none; and the first value of its rows, if asked for. */
static unsigned schema_answer(struct schema *schema, char *text, size_t room)
{
	MYSQL_RES *rows = mysql_store_result(schema->mysql);
	MYSQL_ROW row;

	if (rows == NULL)
		return mysql_errno(schema->mysql);
	row = mysql_fetch_row(rows);
	if (text != NULL && row != NULL && row[0] != NULL)
		snprintf(text, room, "%s", row[0]);
	mysql_free_result(rows);
	return 0;
}

/* Asks for one value, "" for NULL or no row. Returns the error, 0: none. */
static unsigned schema_ask(struct schema *schema, const char *sql, char *text, size_t room)
{
	if (text != NULL)
		text[0] = '\0';
	if (mysql_real_query(schema->mysql, sql, strlen(sql)) != 0)
		return mysql_errno(schema->mysql);
	return schema_answer(schema, text, room);
}

static unsigned schema_run(struct schema *schema, const char *sql)
{
	return schema_ask(schema, sql, NULL, 0);
}

static short schema_events(int waits)
{
	return (short)((waits & MYSQL_WAIT_READ ? POLLIN : 0) |
		       (waits & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
		       (waits & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
}

static int schema_waits(short events)
{
	return (events & (POLLIN | POLLHUP | POLLERR) ? MYSQL_WAIT_READ : 0) |
	       (events & POLLOUT ? MYSQL_WAIT_WRITE : 0) |
	       (events & POLLPRI ? MYSQL_WAIT_EXCEPT : 0);
}

/*
 * Without the connection's timeouts, because changing a large table may take hours. Only a
 * non-blocking call can be waited for without a timeout.
 */
static unsigned schema_run_long(struct schema *schema, const char *file, const char *sql,
				size_t len)
{
	int failed = 0;
	int waits = mysql_real_query_start(&failed, schema->mysql, sql, len);

	while (waits != 0) {
		struct pollfd fd = {.fd = (int)mysql_get_socket(schema->mysql),
				    .events = schema_events(waits)};

		if (poll(&fd, 1, SCHEMA_REPORT_MS) > 0)
			waits = mysql_real_query_cont(&failed, schema->mysql,
						      schema_waits(fd.revents));
		else
			log_event(LOG_INFO, "the schema upgrade is still running",
				  LOG_STR("file", file));
	}
	return failed != 0 ? mysql_errno(schema->mysql) : schema_answer(schema, NULL, 0);
}

static int schema_fail(struct schema *schema, const char *doing, struct cart_error *error)
{
	unsigned code = mysql_errno(schema->mysql);
	enum sql_fault fault = sql_fault_of(code, mysql_sqlstate(schema->mysql));

	schema->unreached = fault != SQL_FAULT_OTHER;
	return cart_error_set(error, "%s: %s (error %u)", doing, mysql_error(schema->mysql), code);
}

static bool schema_is_denied(unsigned code)
{
	return code == ER_TABLEACCESS_DENIED_ERROR || code == ER_COLUMNACCESS_DENIED_ERROR ||
	       code == ER_DBACCESS_DENIED_ERROR || code == ER_SPECIFIC_ACCESS_DENIED_ERROR;
}

static int schema_look_server(struct schema *schema, struct cart_error *error)
{
	const char *info = mysql_get_server_info(schema->mysql);
	bool mariadb = strstr(info, "MariaDB") != NULL;

	if (mysql_get_server_version(schema->mysql) < (mariadb ? 100600 : 80000))
		return cart_error_set(error, "the server is %s; %s is the oldest that will do",
				      info, mariadb ? "MariaDB 10.6" : "MySQL 8.0");
	if (schema_ask(schema, "SELECT DATABASE()", schema->database, sizeof(schema->database)) !=
	    0)
		return schema_fail(schema, "the database's name", error);
	if (schema->database[0] == '\0')
		return cart_error_set(error, "mysql.database names no database");
	return 0;
}

static int schema_look_version(struct schema *schema, struct cart_error *error)
{
	char number[32];
	unsigned code =
		schema_ask(schema, "SELECT MAX(number) FROM cart_schema", number, sizeof(number));

	if (code == ER_BAD_FIELD_ERROR)
		return cart_error_set(error,
				      "table cart_schema of database %s is not this program's: %s",
				      schema->database, mysql_error(schema->mysql));
	if (code != 0 && code != ER_NO_SUCH_TABLE)
		return schema_fail(schema, "reading cart_schema", error);
	schema->version = code == 0 ? (int)strtol(number, NULL, 10) : 0;
	return 0;
}

/* What must be there at this version; or, before the first one, if the table is. */
static int schema_look_tables(struct schema *schema, struct cart_error *error)
{
	for (size_t i = 0; i < SCHEMA_COUNT(schema_names); i++) {
		const char *table = schema_names[i].table;
		unsigned code;

		if (schema_names[i].since > (schema->version == 0 ? 1 : schema->version))
			continue;
		code = schema_run(schema, schema_names[i].sql);
		if (code == ER_BAD_FIELD_ERROR || code == ER_KEY_DOES_NOT_EXISTS)
			return cart_error_set(error,
					      "table %s of database %s is not this program's: %s",
					      table, schema->database, mysql_error(schema->mysql));
		if (code == ER_NO_SUCH_TABLE && schema->version > 0)
			return cart_error_set(
				error,
				"database %s lacks table %s, which its cart_schema says was made",
				schema->database, table);
		if (code != 0 && code != ER_NO_SUCH_TABLE)
			return schema_fail(schema, table, error);
	}
	return 0;
}

static int schema_look(struct schema *schema, struct cart_error *error)
{
	if (schema_look_version(schema, error) != 0)
		return -1;
	if (schema->version > schema->wanted)
		return cart_error_set(
			error,
			"database %s has schema %d, newer than the %d that this program knows",
			schema->database, schema->version, schema->wanted);
	return schema_look_tables(schema, error);
}

static int schema_look_rights(struct schema *schema, struct cart_error *error)
{
	for (size_t i = 0; i < SCHEMA_COUNT(schema_rights); i++)
		if (schema_is_denied(schema_run(schema, schema_rights[i])))
			return cart_error_set(error,
					      "%s; SELECT, INSERT, UPDATE and DELETE are needed",
					      mysql_error(schema->mysql));
	return 0;
}

/* Says what is missing, and how it is made. */
static int schema_refuse(struct schema *schema, struct cart_error *error)
{
	char missing[256] = "";
	size_t len = 0;

	if (schema->version == 0)
		return cart_error_set(error,
				      "database %s has no schema; cartctl provision makes it, or "
				      "cartd with provision=auto",
				      schema->database);
	for (const struct embed_file *file = schema->migrations; file->name != NULL; file++)
		if (schema_number(file) > schema->version && len < sizeof(missing))
			len += (size_t)snprintf(missing + len, sizeof(missing) - len, "%s%s",
						len > 0 ? ", " : "", file->name);
	return cart_error_set(error,
			      "database %s has schema %d, older than %d, for lack of %s; cartctl "
			      "provision upgrades it, or cartd with provision=auto",
			      schema->database, schema->version, schema->wanted, missing);
}

/* What a change of a table says that was made before: its column or its index is there. */
static bool schema_is_repeated(unsigned code)
{
	return code == ER_DUP_FIELDNAME || code == ER_DUP_KEYNAME;
}

static int schema_statement(struct schema *schema, const char *file, const char *sql, size_t len,
			    struct cart_error *error)
{
	unsigned code = schema_run_long(schema, file, sql, len);

	for (int i = 1; code == ER_LOCK_WAIT_TIMEOUT && i < SCHEMA_TRIES; i++) {
		schema_pause(SCHEMA_PAUSE_MS);
		code = schema_run_long(schema, file, sql, len);
	}
	if (code == 0 || schema_is_repeated(code))
		return 0;
	schema->unreached = code == ER_LOCK_WAIT_TIMEOUT;
	if (code == ER_LOCK_WAIT_TIMEOUT)
		return cart_error_set(error, "%s: a long transaction holds a table; try again",
				      file);
	if (schema_is_denied(code))
		return cart_error_set(error,
				      "%s: %s; cartctl provision as a user who may create and "
				      "alter tables",
				      file, mysql_error(schema->mysql));
	return schema_fail(schema, file, error);
}

static int schema_apply(struct schema *schema, const struct embed_file *file,
			struct cart_error *error)
{
	const char *rest = file->text;
	const char *sql;
	size_t len;

	while (sql_script_next(&rest, &sql, &len))
		if (schema_statement(schema, file->name, sql, len, error) != 0)
			return -1;
	if (schema_look_version(schema, error) != 0)
		return -1;
	if (schema->version != schema_number(file))
		return cart_error_set(error, "%s does not record itself in cart_schema",
				      file->name);
	log_event(LOG_INFO, "schema upgraded", LOG_STR("database", schema->database),
		  LOG_STR("file", file->name));
	return 0;
}

static int schema_lock(struct schema *schema, struct cart_error *error)
{
	char got[8];

	for (int i = 0; i < SCHEMA_LOCK_TRIES; i++) {
		unsigned code = schema_ask(schema, "SELECT GET_LOCK(" SCHEMA_LOCK_NAME ", 0)", got,
					   sizeof(got));

		if (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR)
			return schema_fail(schema, "waiting for another process", error);
		/* A cluster may refuse named locks; repeating statements does no harm. */
		if (code != 0 || strcmp(got, "1") == 0)
			return 0;
		schema_pause(SCHEMA_LOCK_PAUSE_MS);
	}
	schema->unreached = true;
	return cart_error_set(error, "another process is still upgrading database %s; try again",
			      schema->database);
}

static int schema_upgrade(struct schema *schema, struct cart_error *error)
{
	int result;

	if (schema_lock(schema, error) != 0)
		return -1;
	result = schema_look(schema, error);
	(void)schema_run(schema, SCHEMA_WAIT);
	for (const struct embed_file *file = schema->migrations; file->name != NULL; file++)
		if (result == 0 && schema_number(file) > schema->version)
			result = schema_apply(schema, file, error);
	if (result == 0)
		result = schema_look_tables(schema, error);
	/* If these fail, the connection is gone and what they undo with it. */
	(void)schema_run(schema, SCHEMA_WAIT_END);
	(void)schema_run(schema, "SELECT RELEASE_LOCK(" SCHEMA_LOCK_NAME ")");
	return result;
}

#define SCHEMA_ID_TYPE	   "SELECT value FROM cart_settings WHERE name = 'id_type'"
#define SCHEMA_SET_ID_TYPE "INSERT IGNORE INTO cart_settings (name, value) VALUES ('id_type', "

/* Whoever provisions first says of which type the database's ids are. */
static int schema_settle_id_type(struct schema *schema, enum cart_provision how,
				 struct cart_error *error)
{
	const char *wanted = shop_id_type_name(shop_id_type());
	char found[16];
	unsigned code = schema_ask(schema, SCHEMA_ID_TYPE, found, sizeof(found));

	if (code == 0 && found[0] == '\0' && how == CART_PROVISION_AUTO) {
		code = schema_run(schema, shop_id_type() == SHOP_ID_STRING
						  ? SCHEMA_SET_ID_TYPE "'string')"
						  : SCHEMA_SET_ID_TYPE "'integer')");
		if (code == 0)
			code = schema_ask(schema, SCHEMA_ID_TYPE, found, sizeof(found));
	}
	if (code != 0)
		return schema_fail(schema, "cart_settings", error);
	if (strcmp(found, wanted) == 0)
		return 0;
	if (found[0] == '\0')
		return cart_error_set(error,
				      "database %s does not say its cart.id_type yet; cartctl "
				      "provision records it, or cartd with provision=auto",
				      schema->database);
	return cart_error_set(error,
			      "database %s holds ids of cart.id_type=%s, not %s; set "
			      "cart.id_type=%s, or name another database in mysql.database",
			      schema->database, found, wanted, found);
}

static bool schema_provision(struct schema *schema, enum cart_provision how,
			     struct cart_error *error)
{
	if (schema_look_server(schema, error) != 0 || schema_look(schema, error) != 0)
		return false;
	if (schema->version < schema->wanted && how == CART_PROVISION_CHECK)
		return schema_refuse(schema, error) == 0;
	if (schema->version < schema->wanted && schema_upgrade(schema, error) != 0)
		return false;
	return schema_settle_id_type(schema, how, error) == 0 &&
	       schema_look_rights(schema, error) == 0;
}

enum cart_provisioned sql_schema_provision(MYSQL *mysql, enum cart_provision how,
					   const struct embed_file *migrations,
					   struct cart_error *error)
{
	struct schema schema = {
		.mysql = mysql,
		.migrations = migrations,
		.wanted = schema_wanted(migrations),
	};

	if (how == CART_PROVISION_OFF || schema_provision(&schema, how, error))
		return CART_PROVISIONED;
	return schema.unreached ? CART_PROVISION_UNREACHED : CART_PROVISION_REFUSED;
}
