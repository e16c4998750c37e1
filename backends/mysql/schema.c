/*
 * The happy path: look, see that the schema is ours and current, done; a user who may only read and
 * write rows gets that far. What is missing is made under a named lock, after another look, because
 * another process may have been first: each file in turn, statement by statement. A file's last
 * statement records it in cart_schema, so the same files do when applied by hand.
 *
 * The ways in which it fails: the process or the server dies between two statements: the file is
 * not recorded and runs again from its start, over what is there. Two nodes of a cluster, each with
 * named locks of its own, apply a file at once: the same. Refused, each with a line that says what
 * to do: a server that is too old, a schema newer than this program, tables of another application,
 * and, where nothing may be made, what is missing.
 */
#include "backends/mysql/schema.h"

#include "backends/mysql/script.h"
#include "core/embed.h"

#include <errmsg.h>
#include <mysqld_error.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Another process may be at it. Asked in small steps, so that no answer takes longer than the
 * connection's timeouts allow. */
#define SCHEMA_LOCK_TRIES    600
#define SCHEMA_LOCK_PAUSE_MS 100

struct schema {
	MYSQL *mysql;
	const struct embed_file *migrations;
	char database[256]; /* 64 characters */
	int wanted;
	int version; /* 0: none */
};

/* What the statements of this program name, and since which migration it is there. */
static const struct {
	int since;
	const char *table;
	const char *sql;
} schema_columns[] = {
	{1, "carts",
	 "SELECT id, customer_id, state, version, created_ms, updated_ms, expires_ms, sweep_ms,"
	 " order_id, op FROM carts LIMIT 0"},
	{1, "cart_items",
	 "SELECT cart_id, product_id, quantity, added_ms, updated_ms FROM cart_items LIMIT 0"},
	{1, "idempotency_keys",
	 "SELECT scope, key_hash, fingerprint, stored_ms, version, cart_id FROM idempotency_keys"
	 " LIMIT 0"},
};
#define SCHEMA_COLUMNS (sizeof(schema_columns) / sizeof(schema_columns[0]))

static int schema_wanted(const struct embed_file *migrations)
{
	int number = 0;

	for (; migrations->name != NULL; migrations++)
		number = atoi(migrations->name);
	return number;
}

/* The server's error, or the client's; 0: none. */
static unsigned schema_run(const struct schema *schema, const char *sql, size_t len)
{
	MYSQL_RES *rows;

	if (mysql_real_query(schema->mysql, sql, len) != 0)
		return mysql_errno(schema->mysql);
	rows = mysql_store_result(schema->mysql);
	if (rows == NULL)
		return mysql_errno(schema->mysql);
	mysql_free_result(rows);
	return 0;
}

/* Asks for one value; text is empty for NULL. */
static unsigned schema_ask(const struct schema *schema, const char *sql, char *text, size_t room)
{
	MYSQL_RES *rows;
	MYSQL_ROW row;

	text[0] = '\0';
	if (mysql_real_query(schema->mysql, sql, strlen(sql)) != 0)
		return mysql_errno(schema->mysql);
	rows = mysql_store_result(schema->mysql);
	if (rows == NULL)
		return mysql_errno(schema->mysql);
	row = mysql_fetch_row(rows);
	if (row != NULL && row[0] != NULL)
		snprintf(text, room, "%s", row[0]);
	mysql_free_result(rows);
	return 0;
}

static int schema_fail(const struct schema *schema, const char *doing, struct cart_error *error)
{
	return cart_error_set(error, "%s: %s (error %u)", doing, mysql_error(schema->mysql),
			      mysql_errno(schema->mysql));
}

static int schema_server(const struct schema *schema, struct cart_error *error)
{
	const char *info = mysql_get_server_info(schema->mysql);
	unsigned long version = mysql_get_server_version(schema->mysql);
	bool mariadb = strstr(info, "MariaDB") != NULL;

	if (version >= (mariadb ? 100600 : 80000))
		return 0;
	return cart_error_set(error, "the server is %s; at least %s is needed", info,
			      mariadb ? "MariaDB 10.6" : "MySQL 8.0");
}

static int schema_look_version(struct schema *schema, struct cart_error *error)
{
	char number[32];
	unsigned code =
		schema_ask(schema, "SELECT MAX(number) FROM cart_schema", number, sizeof(number));

	schema->version = 0;
	if (code == 0)
		schema->version = atoi(number);
	else if (code == ER_BAD_FIELD_ERROR)
		return cart_error_set(error, "table cart_schema of database %s is not ours: %s",
				      schema->database, mysql_error(schema->mysql));
	else if (code != ER_NO_SUCH_TABLE)
		return schema_fail(schema, "the schema's version", error);
	return 0;
}

/* Columns that must be there at this version; before the first one, those of tables that happen to
 * be there. */
static int schema_look_tables(const struct schema *schema, struct cart_error *error)
{
	for (size_t i = 0; i < SCHEMA_COLUMNS; i++) {
		const char *table = schema_columns[i].table;
		const char *sql = schema_columns[i].sql;
		unsigned code;

		if (schema_columns[i].since > (schema->version == 0 ? 1 : schema->version))
			continue;
		code = schema_run(schema, sql, strlen(sql));
		if (code == ER_BAD_FIELD_ERROR)
			return cart_error_set(error, "table %s of database %s is not ours: %s",
					      table, schema->database, mysql_error(schema->mysql));
		if (code == ER_NO_SUCH_TABLE && schema->version > 0)
			return cart_error_set(
				error,
				"database %s has schema %d by its cart_schema, but no table %s",
				schema->database, schema->version, table);
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

static int schema_check(const struct schema *schema, struct cart_error *error)
{
	if (schema->version == schema->wanted)
		return 0;
	if (schema->version == 0)
		return cart_error_set(error,
				      "database %s has no schema; cartctl provision makes it, or "
				      "cartd with provision=auto",
				      schema->database);
	return cart_error_set(
		error,
		"database %s has schema %d, older than %d; cartctl provision upgrades "
		"it, or cartd with provision=auto",
		schema->database, schema->version, schema->wanted);
}

/* What a statement says that was run before: the column or the index is there. */
static bool schema_is_repeated(unsigned code)
{
	return code == ER_DUP_FIELDNAME || code == ER_DUP_KEYNAME;
}

static int schema_apply(struct schema *schema, const struct embed_file *file,
			struct cart_error *error)
{
	const char *rest = file->text;
	struct sql_statement statement;

	while (sql_script_next(&rest, &statement)) {
		unsigned code = schema_run(schema, statement.text, statement.len);

		if (code != 0 && !schema_is_repeated(code))
			return schema_fail(schema, file->name, error);
	}
	if (schema_look_version(schema, error) != 0)
		return -1;
	if (schema->version != atoi(file->name))
		return cart_error_set(error, "%s does not record itself in cart_schema",
				      file->name);
	return 0;
}

/* The lock has the database in its name: a server may hold several. */
static int schema_lock(const struct schema *schema, struct cart_error *error)
{
	static const struct timespec pause = {.tv_nsec = SCHEMA_LOCK_PAUSE_MS * 1000000};
	char got[8];

	for (int i = 0; i < SCHEMA_LOCK_TRIES; i++) {
		if (schema_ask(schema,
			       "SELECT GET_LOCK(CONCAT('cart.schema.', LEFT(SHA2(DATABASE(), 256),"
			       " 40)), 0)",
			       got, sizeof(got)) != 0)
			return schema_fail(schema, "GET_LOCK", error);
		if (strcmp(got, "1") == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return cart_error_set(error, "another process has been upgrading database %s for a minute",
			      schema->database);
}

static void schema_unlock(const struct schema *schema)
{
	char released[8];

	/* If that cannot be, the connection is gone, and the lock with it. */
	(void)schema_ask(schema,
			 "SELECT RELEASE_LOCK(CONCAT('cart.schema.', LEFT(SHA2(DATABASE(), 256),"
			 " 40)))",
			 released, sizeof(released));
}

static int schema_upgrade(struct schema *schema, struct cart_error *error)
{
	int result = schema_look(schema, error);

	for (const struct embed_file *file = schema->migrations; file->name != NULL; file++)
		if (result == 0 && atoi(file->name) > schema->version)
			result = schema_apply(schema, file, error);
	return result == 0 ? schema_look_tables(schema, error) : -1;
}

int sql_schema_provision(MYSQL *mysql, enum cart_provision how, const struct embed_file *migrations,
			 struct cart_error *error)
{
	struct schema schema = {
		.mysql = mysql,
		.migrations = migrations,
		.wanted = schema_wanted(migrations),
	};
	int result;

	if (how == CART_PROVISION_OFF)
		return 0;
	if (schema_server(&schema, error) != 0)
		return -1;
	if (schema_ask(&schema, "SELECT DATABASE()", schema.database, sizeof(schema.database)) != 0)
		return schema_fail(&schema, "the database's name", error);
	if (schema_look(&schema, error) != 0)
		return -1;
	if (how != CART_PROVISION_AUTO || schema.version == schema.wanted)
		return schema_check(&schema, error);
	if (schema_lock(&schema, error) != 0)
		return -1;
	result = schema_upgrade(&schema, error);
	schema_unlock(&schema);
	return result;
}
