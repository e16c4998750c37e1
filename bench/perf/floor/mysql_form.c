#include "bench/perf/floor/mysql_form.h"

#include "bench/perf/floor/floor.h"

#include <mysqld_error.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * $i is the cart's id, $p the product, $n now, $e and $s the expiry and its step, $o a random
 * number: literals in a text, parameters of a prepared statement.
 */
#define FORM_OPEN "id = $i AND state = 0 AND (expires_ms = 0 OR expires_ms > $n)"
#define FORM_LOCK "SELECT version FROM carts WHERE " FORM_OPEN " FOR UPDATE"
/* The new version comes back as the insert id. */
#define FORM_RAISE                                                                                 \
	"UPDATE carts SET version = LAST_INSERT_ID(version + 1), updated_ms = $n, expires_ms = "   \
	"$e,"                                                                                      \
	" sweep_ms = $s, op = $o WHERE " FORM_OPEN
#define FORM_LINE "INSERT INTO cart_items (cart_id, product_id, quantity, added_ms, updated_ms)"
#define FORM_OR_MORE                                                                               \
	" ON DUPLICATE KEY UPDATE quantity = quantity + VALUES(quantity),"                         \
	" updated_ms = VALUES(updated_ms)"
#define FORM_UPSERT FORM_LINE " VALUES ($i, $p, 1, $n, $n)" FORM_OR_MORE
#define FORM_UPSERT_IF_RAISED                                                                      \
	FORM_LINE " SELECT $i, $p, 1, $n, $n FROM DUAL WHERE ROW_COUNT() = 1" FORM_OR_MORE
#define FORM_GET                                                                                   \
	"SELECT c.customer_id, c.state, c.version, c.created_ms, c.updated_ms, c.expires_ms,"      \
	" c.order_id, i.product_id, i.quantity, i.added_ms, i.updated_ms"                          \
	" FROM carts c LEFT JOIN cart_items i ON i.cart_id = c.id WHERE c.id = $i"

static const struct form forms[] = {
	{.work = "add1",
	 .name = "guarded",
	 .steps = {"START TRANSACTION; " FORM_RAISE "; " FORM_UPSERT_IF_RAISED "; COMMIT"},
	 .autocommit = true,
	 .rows_min = 2},
	{.work = "add1",
	 .name = "implicit", /* the first statement begins the transaction */
	 .steps = {FORM_RAISE "; " FORM_UPSERT_IF_RAISED "; COMMIT"},
	 .rows_min = 2},
	{.work = "add1",
	 .name = "asserted", /* out of range, and the text ends there, when nothing was raised */
	 .steps = {FORM_RAISE "; SELECT ~0 + (ROW_COUNT() <> 1); " FORM_UPSERT "; COMMIT"},
	 .rows_min = 3},
	{.work = "add1",
	 .name = "locked", /* reads first, as add4 */
	 .steps = {FORM_LOCK "; " FORM_RAISE "; " FORM_UPSERT_IF_RAISED "; COMMIT"},
	 .rows_min = 3},
	{.work = "add1",
	 .name = "compound", /* one statement; MariaDB's alone */
	 .steps = {"BEGIN NOT ATOMIC START TRANSACTION; " FORM_RAISE "; IF ROW_COUNT() <> 1 THEN"
		   " SIGNAL SQLSTATE '45000'; END IF; " FORM_UPSERT "; COMMIT; END"},
	 .autocommit = true},
	{.work = "add4",
	 .name = "text",
	 .steps = {FORM_LOCK, FORM_UPSERT, FORM_RAISE, "COMMIT"},
	 .rows_min = 3},
	{.work = "add4",
	 .name = "prepared",
	 .steps = {FORM_LOCK, FORM_UPSERT, FORM_RAISE, "COMMIT"},
	 .prepared = true,
	 .rows_min = 3},
	{.work = "get", .name = "text", .steps = {FORM_GET}, .autocommit = true, .rows_min = 1},
	{.work = "get",
	 .name = "prepared",
	 .steps = {FORM_GET},
	 .prepared = true,
	 .autocommit = true,
	 .rows_min = 1},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

const struct form *form_find(const char *work, const char *name)
{
	for (size_t i = 0; i < FORMS; i++)
		if (strcmp(forms[i].work, work) == 0 && strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

void form_list(FILE *out)
{
	for (size_t i = 0; i < FORMS; i++)
		fprintf(out, "  %s %s\n", forms[i].work, forms[i].name);
}

void form_add_id(struct buf *text, const struct cart_id *id)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * CART_ID_BYTES];

	for (size_t i = 0; i < CART_ID_BYTES; i++) {
		hex[2 * i] = digits[id->bytes[i] >> 4];
		hex[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	buf_add_string(text, "x'");
	buf_add(text, hex, sizeof(hex));
	buf_add_char(text, '\'');
}

static int64_t *form_param(struct form_params *params, char name)
{
	switch (name) {
	case 'p':
		return &params->product;
	case 'n':
		return &params->now_ms;
	case 'e':
		return &params->expires_ms;
	case 's':
		return &params->sweep_ms;
	default:
		return &params->op;
	}
}

/* The template into the text: with literals, or with a question mark for each parameter, bound in
 * binds to what it stands for. Returns how many there are. */
static size_t form_fill_in(struct form_connection *connection, const char *template,
			   MYSQL_BIND *binds)
{
	struct form_params *params = &connection->params;
	struct buf *text = &connection->text;
	size_t count = 0;

	buf_reset(text);
	for (const char *at; (at = strchr(template, '$')) != NULL; template = at + 2, count++) {
		bool is_id = at[1] == 'i';

		buf_add(text, template, (size_t)(at - template));
		if (binds != NULL) {
			buf_add_char(text, '?');
			binds[count] = (MYSQL_BIND){.buffer_type = is_id ? MYSQL_TYPE_STRING
									 : MYSQL_TYPE_LONGLONG,
						    .buffer = is_id ? (void *)params->id.bytes
								    : form_param(params, at[1]),
						    .buffer_length = is_id ? CART_ID_BYTES : 0};
		} else if (is_id) {
			form_add_id(text, &params->id);
		} else {
			buf_add_integer(text, *form_param(params, at[1]));
		}
	}
	buf_add_string(text, template);
	return count;
}

/* An order's id as bytes, all else as integers. */
static void form_bind_columns(struct form_connection *connection, struct form_step *step)
{
	MYSQL_RES *result = mysql_stmt_result_metadata(step->statement);

	if (result == NULL)
		return;
	for (unsigned i = 0; i < mysql_num_fields(result) && i < FORM_COLUMNS_MAX; i++) {
		bool bytes = mysql_fetch_field_direct(result, i)->type == MYSQL_TYPE_STRING;

		step->columns[i].buffer_type = bytes ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG;
		step->columns[i].buffer = connection->cells[i];
		step->columns[i].buffer_length = sizeof(connection->cells[i]);
		step->columns[i].length = &connection->lengths[i];
	}
	mysql_free_result(result);
	if (mysql_stmt_bind_result(step->statement, step->columns) != 0)
		floor_die("bind", mysql_stmt_error(step->statement));
}

static void form_prepare(struct form_connection *connection, struct form_step *step,
			 const char *template)
{
	size_t count = form_fill_in(connection, template, step->params);
	const char *text = buf_string(&connection->text);

	step->statement = mysql_stmt_init(connection->mysql);
	if (step->statement == NULL)
		floor_die("memory", strerror(ENOMEM));
	if (mysql_stmt_prepare(step->statement, text, strlen(text)) != 0 ||
	    mysql_stmt_param_count(step->statement) != count ||
	    (count > 0 && mysql_stmt_bind_param(step->statement, step->params) != 0))
		floor_die(text, mysql_stmt_error(step->statement));
	form_bind_columns(connection, step);
}

static const char *form_setting(const char *name, const char *missing)
{
	const char *value = getenv(name);

	return value != NULL ? value : missing;
}

static void form_query(struct form_connection *connection, const char *text)
{
	if (mysql_query(connection->mysql, text) != 0)
		floor_die(text, mysql_error(connection->mysql));
}

void form_open(struct form_connection *connection, const struct form *form)
{
	unsigned port = (unsigned)atoi(form_setting("CART_MYSQL_PORT", "3306"));
	MYSQL *mysql = mysql_init(NULL);

	if (mysql == NULL)
		floor_die("memory", strerror(ENOMEM));
	if (mysql_real_connect(mysql, form_setting("CART_MYSQL_HOST", "127.0.0.1"),
			       form_setting("CART_MYSQL_USER", "cart"),
			       form_setting("CART_MYSQL_PASSWORD", ""),
			       form_setting("CART_MYSQL_DATABASE", "cart"), port, NULL,
			       CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS) == NULL)
		floor_die("connect", mysql_error(mysql));
	connection->mysql = mysql;
	connection->form = form;
	form_query(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	if (form == NULL)
		return;
	if (!form->autocommit)
		form_query(connection, "SET SESSION autocommit = 0");
	for (size_t i = 0; form->prepared && i < FORM_STEPS_MAX && form->steps[i] != NULL; i++)
		form_prepare(connection, &connection->steps[i], form->steps[i]);
}

void form_close(struct form_connection *connection)
{
	for (size_t i = 0; i < FORM_STEPS_MAX; i++)
		if (connection->steps[i].statement != NULL)
			mysql_stmt_close(connection->steps[i].statement);
	mysql_close(connection->mysql);
	buf_free(&connection->text);
}

static uint64_t form_execute(struct form_step *step)
{
	uint64_t rows = 0;
	int got;

	if (mysql_stmt_execute(step->statement) != 0)
		floor_die("execute", mysql_stmt_error(step->statement));
	if (mysql_stmt_field_count(step->statement) == 0)
		return mysql_stmt_affected_rows(step->statement);
	if (mysql_stmt_store_result(step->statement) != 0)
		floor_die("result", mysql_stmt_error(step->statement));
	while ((got = mysql_stmt_fetch(step->statement)) == 0)
		rows++;
	if (got != MYSQL_NO_DATA)
		floor_die("fetch", mysql_stmt_error(step->statement));
	mysql_stmt_free_result(step->statement);
	return rows;
}

/* The two ways in which a text says that the conditions do not hold; any other error is the end. */
static void form_turned_down(struct form_connection *connection)
{
	unsigned code = mysql_errno(connection->mysql);

	if (code != ER_DATA_OUT_OF_RANGE && code != ER_SIGNAL_EXCEPTION)
		floor_die("query", mysql_error(connection->mysql));
	form_query(connection, "ROLLBACK");
}

/* One statement's answer. False: an error in place of its rows. */
static bool form_read(MYSQL *mysql, uint64_t *rows)
{
	MYSQL_RES *result = mysql_store_result(mysql);

	if (result == NULL && mysql_field_count(mysql) > 0)
		return false;
	if (result == NULL) {
		*rows += mysql_affected_rows(mysql);
		return true;
	}
	while (mysql_fetch_row(result) != NULL)
		++*rows;
	mysql_free_result(result);
	return true;
}

bool form_send(struct form_connection *connection, uint64_t *rows)
{
	MYSQL *mysql = connection->mysql;
	int more;

	*rows = 0;
	if (connection->text.failed)
		floor_die("memory", strerror(ENOMEM));
	more = mysql_real_query(mysql, connection->text.data, connection->text.len);
	while (more == 0)
		more = form_read(mysql, rows) ? mysql_next_result(mysql) : 1;
	if (more < 0)
		return true;
	form_turned_down(connection);
	return false;
}

bool form_operate(struct form_connection *connection)
{
	const struct form *form = connection->form;
	uint64_t all = 0;

	for (size_t i = 0; i < FORM_STEPS_MAX && form->steps[i] != NULL; i++) {
		uint64_t rows;

		if (form->prepared) {
			rows = form_execute(&connection->steps[i]);
		} else {
			form_fill_in(connection, form->steps[i], NULL);
			if (!form_send(connection, &rows))
				return false;
		}
		/* Of several steps the first that does nothing is the last. */
		if (rows == 0 && i + 1 < FORM_STEPS_MAX && form->steps[i + 1] != NULL) {
			form_query(connection, "ROLLBACK");
			return false;
		}
		all += rows;
	}
	return all >= form->rows_min;
}
