/* The document of `cartbench h2h`, and its tables. */
#ifndef BENCH_H2H_SHOW_H
#define BENCH_H2H_SHOW_H

#include "bench/h2h/h2h.h"
#include "bench/h2h/judge.h"
#include "bench/result/table.h"
#include "bench/target/calls.h"

#include <jansson.h>
#include <stdio.h>

/* Of the "quantiles" of "operations". */
extern const struct table_column h2h_columns[];
extern const struct table_column h2h_statistics_columns[];
/* Of the "open" of "operations". */
extern const struct table_column h2h_open_columns[];
/* Of the "success" of "operations". */
extern const struct table_column h2h_success_columns[];
/* Of "calls". */
extern const struct table_column h2h_calls_columns[];

/* 5 % where the document does not say. */
double h2h_margin_of(const json_t *document);
/* What else the machine did, and by how much the sides disturb each other. */
const char *h2h_describe_busy(const json_t *document, char text[TABLE_TEXT]);
/* ", gets with consistency=eventual"; "" where they asked for none. */
const char *h2h_describe_reads(const json_t *results);
/* False: fewer than ten samples lie beyond this quantile, so that it is no measurement. */
bool h2h_quantile_holds(const struct table_row *row);
/* What the verdict says, in words: "mysql is faster". */
const char *h2h_get_words(const struct table_row *row, char text[TABLE_TEXT]);

/* The document's "results". calls: [operation][side], or NULL. NULL: no memory. */
json_t *h2h_json(const struct h2h *h2h, const struct h2h_question *question,
		 const struct h2h_judgement *judgement, struct bench_calls (*calls)[H2H_SIDES],
		 bool cold);

/* Prints a whole document. */
void h2h_print(FILE *out, const json_t *document);
/* doing: what is being done, or NULL. */
void h2h_show_progress(struct bench_progress *progress, const char *doing, const struct h2h *h2h);

#endif
