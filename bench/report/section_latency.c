/* How long operations took: of a comparison, and under load. */
#include "bench/load/run_report.h"
#include "bench/page/plot.h"
#include "bench/result/number.h"
#include "bench/target/op.h"

#include <math.h>
#include <string.h>

#define LATENCY_POINTS 120
#define LATENCY_NS     1e6 /* of a millisecond */

/* A kind of picture: its axes, and how a histogram becomes a line of it. */
struct latency_kind {
	const char *name, *desc;
	struct plot plot;
	void (*add)(struct plot *plot, struct plot_line *line, const struct bench_hdr *hdr);
};

/* The last quantile that ten samples lie beyond. */
static double latency_last(const struct bench_hdr *hdr)
{
	return 1 - (double)BENCH_HDR_BEYOND_MIN / (double)hdr->count;
}

static double latency_value(const struct bench_hdr *hdr, double quantile)
{
	return (double)bench_hdr_quantile(hdr, quantile) / LATENCY_NS;
}

static void latency_add_percentiles(struct plot *plot, struct plot_line *line,
				    const struct bench_hdr *hdr)
{
	static const double marked[] = {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999};
	double last = -log10(1 - latency_last(hdr)), quantile;
	char percentile[NUMBER_TEXT], ms[NUMBER_TEXT];

	for (size_t i = 0; i <= LATENCY_POINTS; i++) {
		quantile = 1 - pow(10, -last * (double)i / LATENCY_POINTS);
		plot_add_point(line, quantile, latency_value(hdr, quantile));
	}
	for (size_t i = 0;
	     i < sizeof(marked) / sizeof(*marked) && bench_hdr_quantile_holds(hdr, marked[i]);
	     i++) {
		struct plot_point *point =
			plot_add_point(line, marked[i], latency_value(hdr, marked[i]));

		point->aside = true;
		point->title = plot_text("%s: %s %s", line->label,
					 number_percentile(marked[i], percentile),
					 number_ms(point->y * LATENCY_NS, ms));
	}
	plot_widen(&plot->x, latency_last(hdr));
	plot_widen(&plot->y, latency_value(hdr, 0));
	plot_widen(&plot->y, latency_value(hdr, latency_last(hdr)));
}

static void latency_add_shares(struct plot *plot, struct plot_line *line,
			       const struct bench_hdr *hdr)
{
	struct bench_hdr_bucket bucket = {0};
	struct plot_point *median;
	char ms[NUMBER_TEXT];

	while (bench_hdr_next(hdr, &bucket))
		plot_add_point(line, (double)bucket.high / LATENCY_NS,
			       (double)bucket.to / (double)hdr->count);
	median = plot_add_point(line, latency_value(hdr, 0.5), 0.5);
	median->aside = true;
	median->title =
		plot_text("%s: median %s", line->label, number_ms(median->x * LATENCY_NS, ms));
	plot_widen(&plot->x, latency_value(hdr, 0.001));
	plot_widen(&plot->x, latency_value(hdr, latency_last(hdr)));
}

static const struct latency_kind latency_kinds[] = {
	{
		.name = "latency by percentile",
		.desc = "Lines of latency against percentile; lower is faster.",
		.plot = {.x = {.type = SVG_TAIL},
			 .y = {.type = SVG_LOG, .low = INFINITY, .high = 1e-6},
			 .x_title = "percentile (each step: ten times as rare)",
			 .y_title = "ms (logarithmic)",
			 .x_label = number_percentile,
			 .y_label = number_plain,
			 .x_ticks = 8,
			 .y_ticks = 8,
			 .height = 300},
		.add = latency_add_percentiles,
	},
	{
		.name = "distribution of latency",
		.desc = "Share of operations that took at most a time; further left is faster.",
		.plot = {.x = {.type = SVG_LOG, .low = INFINITY, .high = 1e-6},
			 .y = {.high = 1},
			 .x_title = "ms (logarithmic)",
			 .y_title = "operations that took at most so long",
			 .x_label = number_plain,
			 .y_label = number_percent,
			 .x_ticks = 10,
			 .y_ticks = 6,
			 .height = 300},
		.add = latency_add_shares,
	},
};
#define LATENCY_KINDS (sizeof(latency_kinds) / sizeof(*latency_kinds))

/* Adds the histogram of a HIST. Skips one that is empty, and lines for which no style is left. */
static void latency_add(struct plot *plot, const struct latency_kind *kind, const char *label,
			size_t style, const json_t *hist)
{
	struct bench_hdr *hdr = bench_result_parse_hist(hist);
	struct plot_line *line = NULL;
	char text[NUMBER_TEXT];

	if (hdr != NULL && hdr->count >= 2 * BENCH_HDR_BEYOND_MIN)
		line = plot_add_line(plot, style, label);
	if (line != NULL) {
		kind->add(plot, line, hdr);
		buf_printf(&plot->desc, "%s %s: median %s", plot->count > 1 ? ";" : kind->desc,
			   line->label, number_ms((double)bench_hdr_quantile(hdr, 0.5), text));
		if (bench_hdr_quantile_holds(hdr, 0.99))
			buf_printf(&plot->desc, ", p99 %s",
				   number_ms((double)bench_hdr_quantile(hdr, 0.99), text));
	}
	bench_hdr_free(&hdr);
}

static void latency_show(struct report *report, struct plot *plot, const struct latency_kind *kind,
			 const char *operation)
{
	struct svg_scale *ms = plot->x.type == SVG_LOG ? &plot->x : &plot->y;

	if (plot->count > 0) {
		buf_add_char(&plot->desc, '.');
		ms->low = fmax(ms->low, 1e-6);
		svg_scale_round(&plot->x);
	}
	plot_show(report, plot, "%s: %s", operation, kind->name);
}

/* One kind of picture, an operation beside the other. */
static void latency_pictures(struct report *report, const struct report_doc *doc,
			     const struct latency_kind *kind)
{
	const json_t *operation;
	char title[PLOT_LABEL];

	page_panels_begin(report);
	member_each(i, operation, json_object_get(doc->results, "operations")) {
		struct plot plot = kind->plot;

		for (size_t side = 0; side < 2; side++)
			latency_add(&plot, kind, report_side_title(doc, side, title, sizeof(title)),
				    doc->sides[side].style,
				    member_item(operation, "service", side));
		latency_show(report, &plot, kind, member_text(operation, "operation"));
	}
	page_panels_end(report);
}

static void latency_compared(struct report *report, const struct report_doc *doc)
{
	for (size_t i = 0; i < LATENCY_KINDS; i++)
		latency_pictures(report, doc, &latency_kinds[i]);
	page_list(report, PAGE_HTML, doc,
		  &(struct page_list){run_latency_columns, "operations", "service", NULL, "Latency",
				      report_file_of(report, doc)});
}

const struct page_section section_latency = {
	.id = "latency",
	.heading = "How long calls take",
	.where = PAGE_HTML,
	.kinds = 1 << REPORT_H2H,
	.intro = "By percentile: how long the fastest half, nine in ten, ninety-nine in a hundred "
		 "of the calls took at most. Lines end, and a dash stands in the table, where "
		 "fewer than ten samples lie beyond.",
	.doc = latency_compared,
};

/* ---- under load ---- */

/* The response time counts from the intended time. A closed loop has none. */
static const json_t *load_hist(const struct report_doc *doc, const char *name)
{
	const json_t *operation, *response;

	member_each(i, operation, json_object_get(doc->results, "operations")) {
		if (strcmp(member_text(operation, "operation"), name) != 0)
			continue;
		response = json_object_get(operation, "response");
		return json_is_object(response) ? response : json_object_get(operation, "service");
	}
	return NULL;
}

/* All runs beside one another, for one operation. */
static void load_picture(struct report *report, const char *name, const struct latency_kind *kind)
{
	struct plot plot = kind->plot;

	for (size_t i = 0; i < report->doc_count; i++) {
		const struct report_doc *doc = &report->docs[i];
		const json_t *hist = doc->kind == REPORT_RUN ? load_hist(doc, name) : NULL;

		if (hist == NULL)
			continue;
		latency_add(&plot, kind, doc->sides[0].label, doc->sides[0].style, hist);
	}
	latency_show(report, &plot, kind, name);
}

static void load_pictures(struct report *report, const struct latency_kind *kind)
{
	page_panels_begin(report);
	for (int type = 0; type < BENCH_OP_TYPES; type++)
		load_picture(report, bench_op_type_name((enum bench_op_type)type), kind);
	page_panels_end(report);
}

/* How busy and how late the generator was, where that was measured. */
static void load_generator(const json_t *results, struct buf *text)
{
	const json_t *generator = json_object_get(results, "generator");
	double used = member_number(generator, "cpu"),
	       late = member_number(generator, "lag_p99_ms");
	char cpu[NUMBER_TEXT], lag[NUMBER_TEXT];

	if (used > 0)
		buf_printf(text, "The generator used %s of its processor. ",
			   number_share(fmin(used, 1), cpu));
	if (isfinite(late))
		buf_printf(text, "In 99 of 100 cases it sent at most %s late. ",
			   number_ms(late * 1e6, lag));
	if (member_true(generator, "limited"))
		buf_add_string(text, "The generator itself was the limit.");
}

static void load_say(struct report *report, const struct report_doc *doc)
{
	char rate[NUMBER_TEXT], clients[NUMBER_TEXT], seconds[NUMBER_TEXT], got[NUMBER_TEXT];
	bool open = strcmp(member_text(doc->results, "mode"), "open") == 0;
	struct buf generator = {0};
	char cached[TABLE_TEXT];

	number_digits(member_number(doc->results, "rate"), 3, rate);
	number_count(member_number(doc->results, "clients"), clients);
	load_generator(doc->results, &generator);
	page_say(report, PAGE_BOTH, "%s: %s%s for %s s; %s operations/s were done. %s%s",
		 doc->sides[0].label, open ? rate : clients,
		 open ? " operations/s, whether they are answered or not (open loop)"
		      : " clients, each asking when it has its answer (closed loop: what a slow "
			"answer keeps from being asked is not seen)",
		 number_plain(member_number(doc->results, "duration_s"), seconds),
		 number_digits(member_number(doc->results, "throughput_per_s"), 3, got),
		 run_report_cached(doc->results, cached), buf_string(&generator));
	buf_free(&generator);
}

static void load_doc(struct report *report, const struct report_doc *doc)
{
	load_say(report, doc);
	report_warn_invalid(report, doc);
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){run_outcome_columns, "operations", NULL, NULL,
				      "What became of the operations", doc->sides[0].label});
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){run_latency_columns, "operations", "response|service", NULL,
				      "Latency under load", doc->sides[0].label});
}

static void load_all(struct report *report)
{
	for (size_t i = 0; i < LATENCY_KINDS; i++)
		load_pictures(report, &latency_kinds[i]);
}

const struct page_section section_load = {
	.id = "load",
	.heading = "Under load",
	.where = PAGE_BOTH,
	.kinds = 1 << REPORT_RUN,
	.intro =
		"\xe2\x80\x9cResponse\xe2\x80\x9d counts from when an operation was to be sent, "
		"\xe2\x80\x9cservice\xe2\x80\x9d from when it was. Runs after one another drift by "
		"more than most differences of interest: to compare, see the verdicts, not these.",
	.doc = load_doc,
	.after = load_all,
};
