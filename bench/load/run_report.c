#include "bench/load/run_report.h"

#include "bench/load/busy.h"
#include "bench/result/number.h"
#include "bench/result/table.h"
#include "bench/result/read_back.h"
#include "bench/result/result.h"
#include "bench/result/tally.h"
#include "bench/result/member.h"

#include <math.h>
#include <string.h>

#define RUN_CLOCKS "response|service|lag"
static const char *const run_times[] = {"response", "service", "lag"};

static void run_print_head(FILE *out, const json_t *result, const json_t *results)
{
	const json_t *side = json_array_get(json_object_get(result, "sides"), 0);
	bool open = strcmp(member_text(results, "mode"), "open") == 0;

	fprintf(out, "%s at %s", member_text(side, "label"), member_text(side, "target"));
	if (*member_text(side, "version") != '\0')
		fprintf(out, " (%s)", member_text(side, "version"));
	if (json_is_true(json_object_get(side, "stand_in")))
		fputs(", on a local server that stands in for DynamoDB", out);
	if (open)
		fprintf(out,
			"\nopen loop, %.6g operations a second intended, %s arrivals, at most ",
			member_number(results, "rate"), member_text(results, "arrivals"));
	else
		fputs("\nclosed loop, ", out);
	fprintf(out, "%.0f clients, %.1f s after %.1f s of warm-up, seed %.0f\n",
		member_number(results, "clients"), member_number(results, "duration_s"),
		member_number(results, "warmup_s"), member_number(result, "seed"));
}

static bool run_is_comparison(const json_t *document)
{
	return json_array_size(json_object_get(document, "sides")) > 1;
}

static const char *run_get_clock(const struct table_row *row, char text[TABLE_TEXT])
{
	(void)text;
	return run_is_comparison(row->document) ? "service" : run_times[row->at];
}

static const char *run_get_side(const struct table_row *row, char text[TABLE_TEXT])
{
	return run_is_comparison(row->document) ? table_get_side(row, text)
						: table_label(row->document, 0);
}

const struct table_column run_outcome_columns[] = {
	COLUMN("operation", NULL, TEXT, FOR_PEOPLE), TALLY_COLUMNS, {0}};

const struct table_column run_latency_columns[] = {
	COLUMN("operation", NULL, TEXT, FOR_PEOPLE),
	COLUMN_GET(run_get_side, "side", NULL, TEXT, ON_PAGE),
	COLUMN_GET(run_get_clock, "clock", NULL, TEXT, FOR_PEOPLE),
	COLUMN_AT("count", "samples", NULL, COUNT, FOR_PEOPLE),
	COLUMN("mean", NULL, NS, FOR_PEOPLE),
	COLUMN_AT("0.5", "p50", NULL, QUANTILE, FOR_PEOPLE),
	COLUMN_AT("0.9", "p90", NULL, QUANTILE, FOR_PEOPLE),
	COLUMN_AT("0.99", "p99", NULL, QUANTILE, FOR_PEOPLE),
	COLUMN_AT("0.999", "p99.9", NULL, QUANTILE, FOR_PEOPLE),
	COLUMN_AT("max", "slowest", NULL, NS, FOR_PEOPLE),
	{0},
};

/* Where the time went: means, which add up. */
static const struct table_column run_split_columns[] = {
	COLUMN("operation", NULL, TEXT, ON_TERMINAL),
	COLUMN_AT("split.mean.client", "client + network", NULL, NS, ON_TERMINAL),
	COLUMN_AT("split.mean.queue", "queue", NULL, NS, ON_TERMINAL),
	COLUMN_AT("split.mean.db", "database", NULL, NS, ON_TERMINAL),
	COLUMN_AT("split.mean.service", "service", NULL, NS, ON_TERMINAL),
	{0},
};

const char *run_report_cached(const json_t *results, char text[TABLE_TEXT])
{
	const json_t *operation;
	char share[NUMBER_TEXT];
	size_t used = 0;

	*text = '\0';
	member_each(i, operation, json_object_get(results, "operations")) {
		double cached = member_number(operation, "cached");

		if (cached > 0 && used < TABLE_TEXT)
			used += (size_t)snprintf(
				text + used, TABLE_TEXT - used,
				"%s of %.40s were answered by the read cache. ",
				number_share(cached / member_number(operation, "ok"), share),
				member_text(operation, "operation"));
	}
	return text;
}

void run_report_print(FILE *out, const json_t *result)
{
	const json_t *results = json_object_get(result, "results");
	const json_t *operations = json_object_get(results, "operations");
	const json_t *generator = json_object_get(results, "generator");
	char busy[TABLE_TEXT], cached[TABLE_TEXT];

	run_print_head(out, result, results);
	putc('\n', out);
	table_write(out, NULL, run_outcome_columns, result, "operations", NULL);
	putc('\n', out);
	table_write(out, NULL, read_back_columns, result, "read_back", NULL);
	putc('\n', out);
	table_write(out, NULL, run_latency_columns, result, "operations", RUN_CLOCKS);
	if (json_is_object(json_object_get(json_array_get(operations, 0), "split"))) {
		fputs("\nmean times\n", out);
		table_write(out, NULL, run_split_columns, result, "operations", NULL);
	}
	fprintf(out, "\n%.6g operations a second succeeded; cartbench used %.0f %% of its cores",
		member_number(results, "throughput_per_s"), member_number(generator, "cpu") * 100);
	if (json_is_real(json_object_get(generator, "lag_p99_ms")))
		fprintf(out, ", 99 %% were sent within %.3f ms of their time",
			member_number(generator, "lag_p99_ms"));
	fprintf(out, ".\nThe longest time without an answer was %.3f ms.\n",
		member_number(results, "gap_ns") / 1e6);
	if (*run_report_cached(results, cached) != '\0')
		fprintf(out, "%s\n", cached);
	fprintf(out, "%s\n", busy_describe(json_object_get(results, "busy"), busy, sizeof(busy)));
	if (strcmp(member_text(results, "mode"), "closed") == 0)
		fputs("coordinated omission: service times only\n", out);
}

/* A quantile that does not hold has its row too, with the reason in place of the time. */
static void run_csv_row(struct buf *out, const json_t *operation, const char *time,
			const char *quantile)
{
	const json_t *hist = json_object_get(operation, time);
	double ns = member_number(json_object_get(hist, "quantiles"), quantile);
	char ms[NUMBER_TEXT];

	snprintf(ms, sizeof(ms), "%.6f", ns / 1e6);
	buf_printf(out, "%s,%s,%s,%s,%.0f,%.0f,%s\n", member_text(operation, "operation"), time,
		   quantile, isfinite(ns) ? ms : "", member_number(operation, "tried"),
		   member_number(operation, "ok"),
		   isfinite(ns)			       ? ""
		   : member_number(hist, "count") == 0 ? "none succeeded"
						       : "fewer than ten samples lie beyond it");
}

void run_report_csv(struct buf *out, const json_t *result)
{
	const json_t *operations =
		json_object_get(json_object_get(result, "results"), "operations");
	const json_t *operation;

	buf_add_string(out, "operation,time,quantile,ms,tried,ok,why\n");
	member_each(i, operation, operations) {
		for (size_t t = 0; t < sizeof(run_times) / sizeof(*run_times); t++)
			for (size_t q = 0; q < BENCH_HIST_QUANTILES; q++)
				if (json_is_object(json_object_get(operation, run_times[t])))
					run_csv_row(out, operation, run_times[t],
						    bench_hist_quantiles[q]);
	}
}
