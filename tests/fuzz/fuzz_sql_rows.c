/*
 * Any bytes as rows of MySQL: the first is how many columns there are, and whether ids are strings;
 * a cell is a byte of its length, 255: NULL, and so many bytes. A row is taken, damaged or of
 * another shape; what is taken is a cart by the rules, whose lines come out in order.
 */
#include "backends/mysql/rows.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_sql_rows: not true: %s\n", #condition);              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define FUZZ_COLUMNS_MAX 32
#define FUZZ_NULL	 255

/* The result that the client library would hold. */
static struct {
	const uint8_t *at, *end;
	unsigned int columns;
	char *cells[FUZZ_COLUMNS_MAX];
	unsigned long lens[FUZZ_COLUMNS_MAX];
} rows;

unsigned int STDCALL mysql_num_fields(MYSQL_RES *result)
{
	(void)result;
	return rows.columns;
}

static void fuzz_free_row(void)
{
	for (size_t i = 0; i < FUZZ_COLUMNS_MAX; i++) {
		free(rows.cells[i]);
		rows.cells[i] = NULL;
	}
}

/* Of exactly its size and its NUL, so that a read past the end is seen. */
static void fuzz_read_cell(size_t i)
{
	size_t len = *rows.at++;

	rows.lens[i] = 0;
	if (len == FUZZ_NULL)
		return;
	if (len > (size_t)(rows.end - rows.at))
		len = (size_t)(rows.end - rows.at);
	rows.cells[i] = malloc(len + 1);
	FUZZ_CHECK(rows.cells[i] != NULL);
	memcpy(rows.cells[i], rows.at, len);
	rows.cells[i][len] = '\0';
	rows.lens[i] = len;
	rows.at += len;
}

MYSQL_ROW STDCALL mysql_fetch_row(MYSQL_RES *result)
{
	(void)result;
	fuzz_free_row();
	for (size_t i = 0; i < rows.columns; i++) {
		if (rows.at == rows.end)
			return NULL;
		fuzz_read_cell(i);
	}
	return rows.cells;
}

unsigned long *STDCALL mysql_fetch_lengths(MYSQL_RES *result)
{
	(void)result;
	return rows.lens;
}

static bool fuzz_has_line(const struct cart *cart, const struct cart_line *line)
{
	for (size_t i = 0; i < cart->line_count; i++)
		if (shop_id_compare(&cart->lines[i].product_id, &line->product_id) == 0)
			return true;
	return false;
}

static void fuzz_check_row(const struct sql_row *row, struct cart *cart)
{
	/* A state has no times. */
	FUZZ_CHECK(row->cart.created_ms == 0 || cart_is_sound(&row->cart));
	FUZZ_CHECK(!row->has_line || cart_line_is_sound(&row->line));
	/* The database has each line once. */
	if (!row->has_line || !fuzz_has_line(cart, &row->line))
		FUZZ_CHECK(sql_rows_add_line(cart, row));
	for (size_t i = 1; i < cart->line_count; i++)
		FUZZ_CHECK(shop_id_compare(&cart->lines[i - 1].product_id,
					   &cart->lines[i].product_id) < 0);
}

static void fuzz_cell(const uint8_t *data, size_t size)
{
	int64_t value, again;
	char text[24];

	if (!sql_cell_integer((const char *)data, size, &value))
		return;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	FUZZ_CHECK(sql_cell_integer(text, strlen(text), &again) && again == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sql_row row = {0};
	struct cart cart = {0};
	enum sql_rows got;

	if (size == 0)
		return 0;
	rows.columns = data[0] % FUZZ_COLUMNS_MAX;
	rows.at = data + 1;
	rows.end = data + size;
	FUZZ_CHECK(shop_id_type_take((data[0] & 0x80) != 0 ? SHOP_ID_STRING : SHOP_ID_INTEGER));
	while ((got = sql_rows_next(NULL, &row)) == SQL_ROWS_ONE || got == SQL_ROWS_DAMAGED)
		if (got == SQL_ROWS_ONE)
			fuzz_check_row(&row, &cart);
	shop_id_type_release();
	fuzz_free_row();
	cart_clear(&cart);
	fuzz_cell(data + 1, size - 1);
	return 0;
}
