/* What probes found: for a person, for a results file, for a spreadsheet. */
#ifndef BENCH_PROBE_SHOW_H
#define BENCH_PROBE_SHOW_H

#include "bench/probe/run.h"
#include "core/base/buf.h"

#include <jansson.h>
#include <stdio.h>

/* Tables, with an example of each kind of violation. False: it cannot be printed. */
bool probe_show_tables(FILE *out, const struct probe_report *report);

/* Appends to the arrays "seed" and "probes" of a result's "results". What was not measured is not
 * there: the result is then invalid, and says so. */
void probe_show_json(json_t *seed, json_t *probes, const char *side,
		     const struct probe_report *report);

/* A header, and rows of a side. */
void probe_show_csv_head(struct buf *out);
void probe_show_csv(struct buf *out, const char *side, const struct probe_report *report);

#endif
