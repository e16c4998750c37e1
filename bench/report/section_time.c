/* Medians and throughput over the seconds of a measurement. */
#include "bench/report/plot.h"

#include <stdio.h>
#include <string.h>

static void time_add(struct plot_time *plot, const char *label, size_t style, const char *key,
		     const char *ok, double quantile, const char *extra)
{
	struct plot_time_line *line = &plot->lines[plot->count++];

	*line = (struct plot_time_line){
		.style = style, .key = key, .ok = ok, .quantile = quantile, .extra = extra};
	snprintf(line->label, sizeof(line->label), "%s", label);
}

static void time_compared(struct report *report, const struct report_doc *doc)
{
	struct plot_time plot = {.seconds = json_object_get(doc->results, "seconds"),
				 .y_title = "median of the second, ms"};
	char title[PLOT_LABEL], what[2 * PLOT_LABEL];

	time_add(&plot, report_side_title(doc, 0, title, sizeof(title)), doc->sides[0].style,
		 "a_p50_ms", "a_ok", 0.5, "");
	time_add(&plot, report_side_title(doc, 1, title, sizeof(title)), doc->sides[1].style,
		 "b_p50_ms", "b_ok", 0.5, "");
	snprintf(what, sizeof(what), "Median latency over time: %s", report_file_name(doc->path));
	plot_time(report, &plot, doc->stand_in, what);
}

static void time_of_run(struct report *report, const struct report_doc *doc)
{
	struct plot_time latency = {.seconds = json_object_get(doc->results, "seconds"),
				    .failed = "failed",
				    .y_title = "ms"};
	struct plot_time throughput = {.seconds = latency.seconds,
				       .failed = "failed",
				       .y_title = "operations done in the second"};
	const struct report_side *side = &doc->sides[0];
	char what[2 * PLOT_LABEL];

	time_add(&latency, "median", side->style, "p50_ms", "ok", 0.5, "");
	time_add(&latency, "p99", side->style + 2, "p99_ms", "ok", 0.99, "");
	snprintf(what, sizeof(what), "Latency over time under load: %.80s", side->label);
	plot_time(report, &latency, doc->stand_in, what);
	time_add(&throughput, side->label, side->style, "ok", NULL, 0, "");
	snprintf(what, sizeof(what), "Throughput over time under load: %.80s", side->label);
	plot_time(report, &throughput, doc->stand_in, what);
}

void report_section_time(struct report *report)
{
	bool any = false;
	size_t i;

	for (i = 0; i < report->doc_count; i++)
		any = any ||
		      json_array_size(json_object_get(report->docs[i].results, "seconds")) > 0;
	if (!any)
		return;
	page_heading(report, PAGE_HTML, "time", "What changed meanwhile");
	page_say(report, PAGE_HTML,
		 "A flat line is what the statistics hope for. Steps, slopes and spikes say that "
		 "the "
		 "machine, the server or its disk had other things to do. A second with too few "
		 "samples for its percentile is left out; a cross marks one in which operations "
		 "failed.");
	for (i = 0; i < report->doc_count; i++) {
		const struct report_doc *doc = &report->docs[i];

		if (doc->kind == REPORT_H2H)
			time_compared(report, doc);
		else if (doc->kind == REPORT_RUN)
			time_of_run(report, doc);
	}
}
