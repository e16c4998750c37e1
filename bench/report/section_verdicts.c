/* The verdicts: for each operation and quantile which side is faster, and the success rates. */
#include "bench/h2h/show.h"
#include "bench/page/page.h"
#include "bench/result/number.h"
#include "bench/result/read_back.h"

#include <math.h>
#include <stdio.h>

/* "takes 111 % to 114 % longer", "takes between 2 % less and 5 % longer". */
static const char *verdict_range(const json_t *quantile, char text[256])
{
	double low = member_number(quantile, "low"), high = member_number(quantile, "high");
	char from[NUMBER_TEXT], to[NUMBER_TEXT];
	const char *low_text, *high_text;

	if (low <= -0.9 || high >= 9) {
		snprintf(text, 256, "takes %s to %s times as long", number_digits(1 + low, 3, from),
			 number_digits(1 + high, 3, to));
		return text;
	}
	/* Without signs: the words give the direction. */
	low_text = number_effect(fabs(low), from);
	high_text = number_effect(fabs(high), to);
	low_text += *low_text == '+';
	high_text += *high_text == '+';
	if (!isfinite(low) || !isfinite(high))
		snprintf(text, 256, "how much is not known");
	else if (low >= 0)
		snprintf(text, 256, "takes %s to %s longer", low_text, high_text);
	else if (high <= 0)
		snprintf(text, 256, "takes %s to %s less", high_text, low_text);
	else
		snprintf(text, 256, "takes between %s less and %s longer", low_text, high_text);
	return text;
}

static const json_t *verdict_median(const json_t *operation)
{
	const json_t *quantile;

	member_each(i, quantile, json_object_get(operation, "quantiles"))
		if (fabs(member_number(quantile, "q") - 0.5) < 1e-9)
			return quantile;
	return NULL;
}

/* One sentence an operation, of its median. */
static void verdict_sentences(struct report *report, const struct report_doc *doc)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], words[TABLE_TEXT], range[256];
	struct table_row row = {.document = doc->json};

	page_list_begin(report);
	member_each(i, row.of, json_object_get(doc->results, "operations")) {
		row.in = verdict_median(row.of);
		if (row.in == NULL || !h2h_quantile_holds(&row))
			continue;
		page_list_item(report, PAGE_HTML,
			       "%s: %s. The typical (median) call took %s on %s and %s on %s; most "
			       "likely %s %s.",
			       member_text(row.of, "operation"), h2h_get_words(&row, words),
			       number_ms(member_number(row.in, "a_ns"), a), doc->sides[0].label,
			       number_ms(member_number(row.in, "b_ns"), b), doc->sides[1].label,
			       doc->sides[1].label, verdict_range(row.in, range));
	}
	page_list_end(report, PAGE_HTML);
}

/* Names what has no line in the table. */
static void verdict_not_measured(struct report *report, const struct report_doc *doc)
{
	struct table_row row = {.document = doc->json};
	char percentile[NUMBER_TEXT];
	struct buf names = {0};

	member_each(i, row.of, json_object_get(doc->results, "operations")) {
		member_each(k, row.in, json_object_get(row.of, "quantiles"))
			if (!h2h_quantile_holds(&row))
				buf_printf(
					&names, "%s%.40s %s", names.len > 0 ? ", " : "",
					member_text(row.of, "operation"),
					number_percentile(member_number(row.in, "q"), percentile));
	}
	page_note(report, PAGE_BOTH,
		  "Not measured, because fewer than ten samples lie beyond it: %s.",
		  buf_string(&names));
	buf_free(&names);
}

static void verdict_doc(struct report *report, const struct report_doc *doc)
{
	char busy[TABLE_TEXT], blocks[NUMBER_TEXT], pairs[NUMBER_TEXT], margin[NUMBER_TEXT];
	struct page_list list = {h2h_columns,	     "operations", "quantiles",
				 h2h_quantile_holds, "Verdicts",   report_file_of(report, doc)};
	size_t left_out;

	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){h2h_success_columns, "operations", "success", NULL,
				      "Operations that succeeded", list.of});
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){read_back_columns, "read_back", NULL, NULL,
				      "What was read back", list.of});
	page_list(report, PAGE_BOTH, doc,
		  &(struct page_list){h2h_open_columns, "operations", "open", NULL,
				      "Both at once, at one rate, whatever they answer", list.of});
	if (doc->stand_in)
		page_say(report, PAGE_BOTH,
			 "A local server stands in for DynamoDB: what follows compares two "
			 "programs on this machine, and says nothing of AWS's times.");
	page_say(report, PAGE_BOTH, "%s", h2h_describe_busy(doc->json, busy));
	page_say(report, PAGE_BOTH,
		 "%s blocks of %s pairs; in each pair both were asked the same, in random order, "
		 "over %s%s. \xe2\x80\x9c"
		 "B against A\xe2\x80\x9d says how much longer (+) or shorter (\xe2\x88\x92) B "
		 "took. Differences below \xc2\xb1%s were declared unimportant beforehand.",
		 number_count(member_number(doc->results, "blocks"), blocks),
		 number_count(member_number(doc->results, "pairs_per_block"), pairs),
		 member_true(doc->results, "cold") ? "a new connection each" : "kept connections",
		 h2h_describe_reads(doc->results),
		 number_percent(h2h_margin_of(doc->json), margin));
	if (!report_warn_invalid(report, doc))
		verdict_sentences(report, doc);
	left_out = page_list(report, PAGE_BOTH, doc, &list);
	if (left_out > 0)
		verdict_not_measured(report, doc);
	list.columns = h2h_statistics_columns;
	list.title = "The statistics behind the verdicts";
	page_list(report, PAGE_FOLDED, doc, &list);
}

const struct page_section section_verdicts = {
	.id = "verdicts",
	.heading = "How fast, and how sure is that?",
	.where = PAGE_BOTH,
	.kinds = 1 << REPORT_H2H,
	.doc = verdict_doc,
};
