/* The tables and the CSV of `cartbench run`, out of its results document. */
#ifndef BENCH_LOAD_RUN_REPORT_H
#define BENCH_LOAD_RUN_REPORT_H

#include "bench/result/table.h"

/* Of "operations". */
extern const struct table_column run_outcome_columns[];
/* Of their histograms, "response|service|lag"; in a head-to-head of the list "service". */
extern const struct table_column run_latency_columns[];

/* "97 % of get were answered by the read cache. "; "" where none was. */
const char *run_report_cached(const json_t *results, char text[TABLE_TEXT]);
void run_report_print(FILE *out, const json_t *result);
/* A row an operation, kind of time and quantile, after a header. */
void run_report_csv(struct buf *out, const json_t *result);

#endif
