/* The consistency probes: what was tried, and what was violated. */
#include "bench/probe/show.h"
#include "bench/page/plot.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define STALE_DELAYS 16

/* Inserts a delay into those of all lines, ascending. */
static void stale_add_delay(double delays[STALE_DELAYS], size_t *count, double delay)
{
	size_t at = 0;

	while (at < *count && delays[at] < delay)
		at++;
	if (!isfinite(delay) || *count == STALE_DELAYS || (at < *count && delays[at] <= delay))
		return;
	for (size_t i = (*count)++; i > at; i--)
		delays[i] = delays[i - 1];
	delays[at] = delay;
}

/* The place of a delay on the axis. */
static double stale_slot(const struct plot *plot, double delay)
{
	for (size_t i = 0; i < plot->slot_count; i++)
		if (plot->slots[i] == delay)
			return (double)i;
	return NAN;
}

/* The rate with its interval; without a violation 0 with the upper bound. */
static void stale_add_point(struct plot *plot, struct plot_line *line, const json_t *entry)
{
	double trials = member_number(entry, "trials"), after = member_number(entry, "delay_ms");
	const struct table_row row = {.of = entry};
	struct plot_point *point =
		plot_add_point(line, stale_slot(plot, after), member_number(entry, "rate"));
	char delay[NUMBER_TEXT], text[TABLE_TEXT];

	point->low = member_number(entry, "low");
	point->high = member_number(entry, "high");
	if (member_number(entry, "violations") == 0) {
		point->y = point->low = 0;
		point->high = trials > 0 ? 1 - pow(0.05, 1 / trials) : NAN;
	}
	plot_widen(&plot->y, point->high);
	if (!isfinite(point->low) || !isfinite(point->high))
		return;
	point->classes = point->y > 0 ? "" : "hollow";
	point->title = plot_text("%s after %s ms: %s", line->label, number_plain(after, delay),
				 probe_get_rate(&row, text));
}

static void stale_add(struct plot *plot, const struct report_doc *doc, const json_t *probe)
{
	const json_t *by_delay = json_object_get(probe, "by_delay"), *entry;
	struct plot_line *line;
	char label[PLOT_LABEL];

	snprintf(label, sizeof(label), "%.60s, %.20s", doc->sides[report_side_of(doc, probe)].label,
		 member_text(probe, "read"));
	line = json_array_size(by_delay) > 0 ? plot_add_line(plot, plot->count, label) : NULL;
	if (line == NULL)
		return;
	member_each(i, entry, by_delay)
		stale_add_point(plot, line, entry);
}

/* "98 to 546", trials of a line at a delay. */
static const char *stale_sample(const struct report_doc *doc, char text[2 * NUMBER_TEXT])
{
	const json_t *probe, *entry;
	double least = INFINITY, most = 0;
	char from[NUMBER_TEXT], to[NUMBER_TEXT];

	member_each(i, probe, json_object_get(doc->results, "probes")) {
		member_each(k, entry, json_object_get(probe, "by_delay")) {
			double trials = member_number(entry, "trials");

			least = fmin(least, trials);
			most = fmax(most, trials);
		}
	}
	snprintf(text, 2 * NUMBER_TEXT, "%s%s%s", number_count(least, from),
		 most > least ? " to " : "", most > least ? number_count(most, to) : "");
	return text;
}

/* Draws P(stale) against delay, where anything was stale: intervals of zeros alone would show how
 * little was tried, and look like staleness. */
static void stale_picture(struct report *report, const struct report_doc *doc)
{
	const json_t *probes = json_object_get(doc->results, "probes"), *probe, *entry;
	double delays[STALE_DELAYS];
	char sample[2 * NUMBER_TEXT];
	bool stale = false, tried = false;
	struct plot plot = {.x_title = "ms after the write was acknowledged (not to scale)",
			    .y_title = "share of reads that were stale",
			    .x_label = number_plain,
			    .y_label = number_percent,
			    .y_ticks = 7,
			    .height = 300,
			    .wide = true,
			    .slots = delays};

	member_each(i, probe, probes) {
		member_each(k, entry, json_object_get(probe, "by_delay")) {
			stale_add_delay(delays, &plot.slot_count, member_number(entry, "delay_ms"));
			stale = stale || member_number(entry, "violations") > 0;
			tried = tried || member_number(entry, "trials") > 0;
		}
	}
	plot.x = (struct svg_scale){.low = -0.5, .high = (double)plot.slot_count - 0.5};
	member_each(i, probe, probes)
		stale_add(&plot, doc, probe);
	if (plot.count > 0 && stale)
		buf_add_string(&plot.desc,
			       "Share of stale reads, with intervals, by the time between the "
			       "acknowledged write and the read; the table below has the numbers.");
	else if (tried)
		page_say(report, PAGE_BOTH,
			 "No read was stale at any delay, so there is no picture; the table by "
			 "delay says how many were tried.");
	plot_show(report, &plot, "Stale reads against delay, %s reads a delay",
		  stale_sample(doc, sample));
	page_list(report, PAGE_FOLDED, doc,
		  &(struct page_list){probe_delay_columns, "probes", "by_delay", NULL,
				      "Stale reads by delay", report_file_of(report, doc)});
}

/* Of the probes that violated something, an example. */
static void consistency_examples(struct report *report, const struct report_doc *doc)
{
	const json_t *probe;

	member_each(i, probe, json_object_get(doc->results, "probes"))
		if (*member_text(probe, "example") != '\0')
			page_note(report, PAGE_BOTH, "Seen on %s (%s), for example: %s.",
				  doc->sides[report_side_of(doc, probe)].label,
				  member_text(probe, "read"), member_text(probe, "example"));
}

/* One reason holds for all tests of a side. */
static void consistency_seed_notes(struct report *report, const struct report_doc *doc)
{
	const json_t *test;
	const char *said = "", *side = "";

	member_each(i, test, json_object_get(doc->results, "seed")) {
		const char *why = member_text(test, "why"), *of = member_text(test, "side");

		if (*why == '\0' || (strcmp(why, said) == 0 && strcmp(of, side) == 0))
			continue;
		page_note(report, PAGE_BOTH, "The seed's tests were not all measured on %s: %s.",
			  doc->sides[report_side_of(doc, test)].label, why);
		said = why;
		side = of;
	}
}

static void consistency_doc(struct report *report, const struct report_doc *doc)
{
	const char *of = report_file_of(report, doc);

	report_warn_invalid(report, doc);
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){probe_columns, "probes", NULL, NULL, "Consistency", of});
	consistency_examples(report, doc);
	stale_picture(report, doc);
	page_list(report, PAGE_FOLDED, doc,
		  &(struct page_list){probe_seed_columns, "seed", NULL, NULL,
				      "The seed's four tests", of});
	consistency_seed_notes(report, doc);
}

const struct page_section section_consistency = {
	.id = "consistency",
	.heading = "What a read may miss",
	.where = PAGE_BOTH,
	.kinds = 1 << REPORT_CONSISTENCY,
	.intro = "Not having seen something in n trials is no proof that it cannot happen: "
		 "\xe2\x80\x9c< x %\xe2\x80\x9d is what the rate can be at most and still, one "
		 "time in twenty, not show. An operation without an answer is unknown; it is not "
		 "counted as a violation. In the picture a hollow mark is a zero, and its line "
		 "reaches up to what the rate can still be.",
	.doc = consistency_doc,
};
