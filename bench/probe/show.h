/* What probes found: the document of `cartbench consistency`, and its tables. */
#ifndef BENCH_PROBE_SHOW_H
#define BENCH_PROBE_SHOW_H

#include "bench/probe/run.h"
#include "bench/result/table.h"

/* Of "seed", of "probes", and of their "by_delay". */
extern const struct table_column probe_seed_columns[];
extern const struct table_column probe_columns[];
extern const struct table_column probe_delay_columns[];
/* "0.34 % (0.20 % to 0.58 %)", "< 0.1 %"; what the side is called. */
table_get_fn probe_get_rate, probe_get_label;

/* {"seed", "probes"} of a side, as "results" has them. What had no trial was not measured: why says
 * why. */
json_t *probe_show_json(const struct probe_report *report, const struct probe_plan *plan,
			const char *side, const char *why);
/* Prints such a document (out may be NULL), and adds its rows as CSV, without header. */
void probe_show(FILE *out, struct buf *csv, const json_t *document);

#endif
