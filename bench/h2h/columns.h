/* The tables of `cartbench h2h`, of its document: "operations", and their "quantiles" and
 * "success"; "calls". */
#ifndef BENCH_H2H_COLUMNS_H
#define BENCH_H2H_COLUMNS_H

#include "bench/result/table.h"

#define H2H_MARGIN 0.05 /* of a document that does not say */

/* Of a quantile of an operation. */
extern const struct table_column h2h_columns[];
extern const struct table_column h2h_statistics_columns[];
/* Of a side's "success" of an operation. */
extern const struct table_column h2h_success_columns[];
/* Of "calls". */
extern const struct table_column h2h_calls_columns[];

double h2h_margin_of(const json_t *document);
/* False: fewer than ten samples lie beyond this quantile, so that it is no measurement. */
bool h2h_quantile_holds(const struct table_row *row);
/* What the verdict says, in words: "mysql is faster". */
const char *h2h_get_words(const struct table_row *row, char text[TABLE_TEXT]);

#endif
