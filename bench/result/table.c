#include "bench/result/table.h"

#include "bench/result/html.h"
#include "bench/result/member.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_PATH   32
#define TABLE_NUMBER 9 /* digits of one in CSV */

static const json_t *table_follow(const json_t *object, const char *path)
{
	char key[TABLE_PATH];
	size_t len;

	while (object != NULL && *path != '\0') {
		len = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		object = json_object_get(object, key);
		path += path[len] == '.' ? len + 1 : len;
	}
	return object;
}

const json_t *table_member(const struct table_row *row, const char *path)
{
	const json_t *member = table_follow(row->in, path);

	return member != NULL ? member : table_follow(row->of, path);
}

double table_number(const struct table_row *row, const char *path)
{
	const json_t *member = table_member(row, path);

	return json_is_number(member) ? json_number_value(member) : NAN;
}

const char *table_string(const struct table_row *row, const char *path)
{
	const char *text = json_string_value(table_member(row, path));

	return text != NULL ? text : "";
}

const char *table_label(const json_t *document, size_t side)
{
	const json_t *of = member_item(document, "sides", side);
	const char *label = member_text(of, "label");

	return *label != '\0' ? label : member_text(of, "database");
}

const char *table_get_side(const struct table_row *row, char text[TABLE_TEXT])
{
	snprintf(text, TABLE_TEXT, "%c: %.200s", (char)('A' + row->at),
		 table_label(row->document, row->at));
	return text;
}

const char *table_format(enum table_unit unit, double number, char text[TABLE_TEXT])
{
	switch (unit) {
	case UNIT_COUNT:
		return number_count(number, text);
	case UNIT_DIGITS:
		return number_digits(number, 3, text);
	case UNIT_NS:
		return number_ms(number, text);
	case UNIT_MS:
		return number_ms(number * 1e6, text);
	case UNIT_EFFECT:
		return number_effect(number, text);
	case UNIT_SHARE:
		return number_share(number, text);
	case UNIT_P:
		return number_p(number, text);
	case UNIT_PERCENTILE:
		return number_percentile(number, text);
	default:
		return number_plain(number, text);
	}
}

const char *table_range(enum table_unit unit, double low, double high, char text[TABLE_TEXT])
{
	char from[TABLE_TEXT], to[TABLE_TEXT];

	snprintf(text, TABLE_TEXT, "%.100s to %.100s", table_format(unit, low, from),
		 table_format(unit, high, to));
	return text;
}

const char *table_title(const struct table_column *column, const json_t *document,
			char text[TABLE_TEXT])
{
	const char *title = column->title != NULL ? column->title : column->name, *filled;
	const char *mark = strchr(title, '$');
	char percent[NUMBER_TEXT];

	if (mark == NULL)
		return title;
	filled = mark[1] == 'C' ? number_percent(member_number(json_object_get(document, "results"),
							       "confidence"),
						 percent)
				: table_label(document, mark[1] == 'A' ? 0 : 1);
	snprintf(text, TABLE_TEXT, "%.*s%.200s%s", (int)(mark - title), title, filled, mark + 2);
	return text;
}

const char *table_cell(const struct table_column *column, const struct table_row *row,
		       char text[TABLE_TEXT])
{
	const char *key = column->key != NULL ? column->key : column->name;

	if (column->get != NULL)
		return column->get(row, text);
	if (column->unit == UNIT_TEXT)
		return table_string(row, key);
	if (column->unit == UNIT_QUANTILE)
		return number_ms(bench_result_quantile(row->in, strtod(key, NULL)), text);
	return table_format(column->unit, table_number(row, key), text);
}

/* Texts are aligned left and numbers right; the last column is not filled up. */
static void table_print_cell(FILE *out, const struct table_column *column, int width,
			     const char *text)
{
	int fill;

	text += *text == *TABLE_STRONG;
	fill = width - (int)html_characters(text);
	if (fill < 0 || (column->unit == UNIT_TEXT && column[1].name == NULL))
		fill = 0;
	if (column->unit == UNIT_TEXT)
		fprintf(out, "%s%*s", text, fill, "");
	else
		fprintf(out, "%*s%s", fill, "", text);
}

/* row NULL: the titles. widths: of the widest cell of each column; NULL: not known yet. */
static void table_print(FILE *out, const struct table_column *columns, const int *widths,
			const json_t *document, const struct table_row *row)
{
	char text[TABLE_TEXT], titled[TABLE_TEXT];
	const char *between = "";

	for (int i = 0; columns[i].name != NULL; i++) {
		const char *title = table_title(&columns[i], document, titled);
		int width = columns[i].width > 0 ? columns[i].width : TABLE_WIDTH;

		if ((columns[i].places & ON_TERMINAL) == 0)
			continue;
		if (width < (int)html_characters(title))
			width = (int)html_characters(title);
		if (widths != NULL && width < widths[i])
			width = widths[i];
		fputs(between, out);
		between = "  ";
		table_print_cell(out, &columns[i], width,
				 row != NULL ? table_cell(&columns[i], row, text) : title);
	}
	putc('\n', out);
}

void table_print_head(FILE *out, const struct table_column *columns, const json_t *document)
{
	table_print(out, columns, NULL, document, NULL);
}

void table_print_row(FILE *out, const struct table_column *columns, const struct table_row *row)
{
	table_print(out, columns, NULL, row->document, row);
}

void table_csv_head(struct buf *out, const struct table_column *columns)
{
	const char *comma = "";

	for (; columns->name != NULL; columns++) {
		if ((columns->places & IN_CSV) == 0)
			continue;
		buf_printf(out, "%s%s", comma, columns->name);
		comma = ",";
	}
	buf_add_char(out, '\n');
}

/* RFC 4180: what has a comma or a quote stands in quotes. */
static void table_csv_text(struct buf *out, const char *text)
{
	bool quoted = strpbrk(text, ",\"\n") != NULL;

	if (quoted)
		buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			buf_add_char(out, '"');
		buf_add_char(out, *text);
	}
	if (quoted)
		buf_add_char(out, '"');
}

void table_csv_row(struct buf *out, const struct table_column *columns, const struct table_row *row)
{
	const char *comma = "";
	char text[TABLE_TEXT];

	for (; columns->name != NULL; columns++) {
		const char *key = columns->key != NULL ? columns->key : columns->name;
		const json_t *member = table_member(row, key);

		if ((columns->places & IN_CSV) == 0)
			continue;
		buf_add_string(out, comma);
		comma = ",";
		if (columns->get != NULL)
			table_csv_text(out, columns->get(row, text));
		else if (json_is_string(member))
			table_csv_text(out, json_string_value(member));
		else if (json_is_boolean(member))
			buf_add_char(out, json_is_true(member) ? '1' : '0');
		else if (json_is_number(member))
			buf_printf(out, "%.*g", TABLE_NUMBER, json_number_value(member));
	}
	buf_add_char(out, '\n');
}

/* The entries of an array, or of an object the members that are called in names: "a|b". */
static void table_each_inner(struct table_row *row, const char *names, table_row_fn *visit,
			     void *user)
{
	const json_t *array = json_object_get(row->of, names);
	char name[TABLE_PATH];

	for (row->at = 0; row->at < json_array_size(array); row->at++) {
		row->in = json_array_get(array, row->at);
		if (json_is_object(row->in))
			visit(row, user);
	}
	for (; !json_is_array(array) && *names != '\0'; names += *names == '|', row->at++) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(names, "|"), names);
		names += strlen(name);
		row->in = json_object_get(row->of, name);
		if (json_is_object(row->in))
			visit(row, user);
	}
}

void table_each(const json_t *document, const json_t *list, const char *inner, table_row_fn *visit,
		void *user)
{
	struct table_row row = {.document = document};

	member_each(i, row.of, list) {
		row.in = NULL;
		row.at = i;
		if (inner == NULL)
			visit(&row, user);
		else
			table_each_inner(&row, inner, visit, user);
	}
}

struct table_out {
	FILE *out;
	struct buf *csv;
	const struct table_column *columns;
	int widths[TABLE_COLUMNS];
};

static void table_measure_row(const struct table_row *row, void *user)
{
	struct table_out *to = user;
	char text[TABLE_TEXT];

	for (int i = 0; to->columns[i].name != NULL && i < TABLE_COLUMNS; i++) {
		const char *cell = (to->columns[i].places & ON_TERMINAL) != 0
					   ? table_cell(&to->columns[i], row, text)
					   : "";
		int width = (int)html_characters(cell) - (*cell == *TABLE_STRONG);

		if (width > to->widths[i])
			to->widths[i] = width;
	}
}

static void table_write_row(const struct table_row *row, void *user)
{
	const struct table_out *to = user;

	if (to->out != NULL)
		table_print(to->out, to->columns, to->widths, row->document, row);
	if (to->csv != NULL)
		table_csv_row(to->csv, to->columns, row);
}

void table_write(FILE *out, struct buf *csv, const struct table_column *columns,
		 const json_t *document, const char *list, const char *inner)
{
	const json_t *rows = json_object_get(json_object_get(document, "results"), list);
	struct table_out to = {.out = out, .csv = csv, .columns = columns};

	if (out != NULL) {
		table_each(document, rows, inner, table_measure_row, &to);
		table_print(out, columns, to.widths, document, NULL);
	}
	if (csv != NULL)
		table_csv_head(csv, columns);
	table_each(document, rows, inner, table_write_row, &to);
}
