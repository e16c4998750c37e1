/*
 * Results as tables. Each kind of result has one list of columns: what a column is called, in which
 * unit its values are, where they stand in the document. Four small writers make of it and of the
 * document's entries text for a terminal and CSV (here), HTML and Markdown
 * (bench/page/page_table.c); the document itself is the JSON.
 */
#ifndef BENCH_RESULT_TABLE_H
#define BENCH_RESULT_TABLE_H

#include "core/base/buf.h"

#include <jansson.h>
#include <stdio.h>

#define TABLE_TEXT    512
#define TABLE_WIDTH   10
#define TABLE_COLUMNS 32     /* of a table, at most */
#define TABLE_STRONG  "\x01" /* what begins with it is set off, where that can be */

enum table_unit {
	UNIT_TEXT,
	UNIT_COUNT,	 /* 60,000 */
	UNIT_DIGITS,	 /* three digits that count */
	UNIT_PLAIN,	 /* all digits */
	UNIT_NS,	 /* nanoseconds, shown as milliseconds */
	UNIT_MS,	 /* milliseconds */
	UNIT_EFFECT,	 /* +3.5 % */
	UNIT_SHARE,	 /* 99.97 % */
	UNIT_P,		 /* a probability */
	UNIT_PERCENTILE, /* p99 */
	UNIT_QUANTILE	 /* of a histogram, the row's: key is which, "0.99" */
};

/* Where a column stands. */
enum table_place {
	ON_TERMINAL = 1,
	IN_CSV = 2,
	ON_PAGE = 4,
	FOR_PEOPLE = ON_TERMINAL | ON_PAGE,
	EVERYWHERE = 7
};

/* An entry of one of the document's lists, and one of the entry's own list. */
struct table_row {
	const json_t *document; /* whole; NULL: it is not yet */
	const json_t *of;
	const json_t *in; /* NULL: there is none */
	size_t at;	  /* the place of in */
};

/* What a column has for people and in CSV; text may be used for it. */
typedef const char *table_get_fn(const struct table_row *row, char text[TABLE_TEXT]);

/* The list ends with one without a name. */
struct table_column {
	const char *name;  /* in CSV */
	const char *title; /* for people; NULL: as name. $A, $B: a side's label; $C: confidence */
	enum table_unit unit;
	enum table_place places;
	const char *key;   /* the member, "success.share", of in or else of of; NULL: as name */
	table_get_fn *get; /* in place of a member */
	int width;	   /* on a terminal, at least; 0: TABLE_WIDTH */
};

#define COLUMN(name_, title_, unit_, places_) COLUMN_AT(NULL, name_, title_, unit_, places_)
#define COLUMN_AT(key_, name_, title_, unit_, places_)                                             \
	{                                                                                          \
		.key = key_, .name = name_, .title = title_, .unit = UNIT_##unit_,                 \
		.places = places_                                                                  \
	}
#define COLUMN_GET(get_, name_, title_, unit_, places_)                                            \
	{                                                                                          \
		.get = get_, .name = name_, .title = title_, .unit = UNIT_##unit_,                 \
		.places = places_                                                                  \
	}

const json_t *table_member(const struct table_row *row, const char *path);
/* NAN, "": there is none. */
double table_number(const struct table_row *row, const char *path);
const char *table_string(const struct table_row *row, const char *path);
/* A number as people read it; an en dash for one that is not finite. */
const char *table_format(enum table_unit unit, double number, char text[TABLE_TEXT]);
/* "1.2 % to 3.4 %" */
const char *table_range(enum table_unit unit, double low, double high, char text[TABLE_TEXT]);
/* The label of a side of the document: the first is 0. "": there is none. */
const char *table_label(const json_t *document, size_t side);

/* "B: mysql" of the side at row->at */
table_get_fn table_get_side;

/* For people: a column's title, and a row's cell in it. */
const char *table_title(const struct table_column *column, const json_t *document,
			char text[TABLE_TEXT]);
const char *table_cell(const struct table_column *column, const struct table_row *row,
		       char text[TABLE_TEXT]);

void table_print_head(FILE *out, const struct table_column *columns, const json_t *document);
void table_print_row(FILE *out, const struct table_column *columns, const struct table_row *row);
void table_csv_head(struct buf *out, const struct table_column *columns);
void table_csv_row(struct buf *out, const struct table_column *columns,
		   const struct table_row *row);

typedef void table_row_fn(const struct table_row *row, void *user);
/*
 * Visits the entries of a list. inner NULL: each is a row. The name of a list that each of them
 * has: each entry of that is a row. Names of members, "response|service": each that is there is
 * one, and `at` is its place among the names.
 */
void table_each(const json_t *document, const json_t *list, const char *inner, table_row_fn *visit,
		void *user);

/*
 * Prints a list of the document's results, and adds it to csv (either may be NULL): a row for each
 * entry, or for its inner ones: table_each()'s.
 */
void table_write(FILE *out, struct buf *csv, const struct table_column *columns,
		 const json_t *document, const char *list, const char *inner);

#endif
