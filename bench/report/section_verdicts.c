/* The answer: operation by quantile, who is faster and how sure that is; and how often it worked.
 */
#include "bench/result/number.h"
#include "bench/report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double verdict_margin(const struct report_doc *doc)
{
	double margin = report_number(doc->results, "margin");

	return isfinite(margin) ? margin : 0.05;
}

/* A win says that there is a difference, not that it is beyond the margin: where the interval
 * reaches into the margin, the words say so too. */
static void verdict_win(const struct report_side *side, double nearest, double margin,
			char text[256])
{
	char percent[NUMBER_TEXT];

	if (nearest >= margin)
		snprintf(text, 256, "%.100s is faster", side->label);
	else
		snprintf(text, 256, "%.100s is faster, perhaps by less than %s", side->label,
			 number_percent(margin, percent));
}

static const char *verdict_words(const struct report_doc *doc, const json_t *quantile,
				 char text[256])
{
	const char *verdict = report_text(quantile, "verdict");
	double margin = verdict_margin(doc);
	char percent[NUMBER_TEXT];

	number_percent(margin, percent);
	if (*report_text(doc->json, "invalid") != '\0')
		snprintf(text, 256, "does not count");
	else if (strcmp(verdict, "A WINS") == 0)
		verdict_win(&doc->sides[0], report_number(quantile, "low"), margin, text);
	else if (strcmp(verdict, "B WINS") == 0)
		verdict_win(&doc->sides[1], -report_number(quantile, "high"), margin, text);
	else if (strcmp(verdict, "EQUIVALENT") == 0)
		snprintf(text, 256, "no difference beyond \xc2\xb1%s", percent);
	else if (strcmp(verdict, "DIFFERENT BUT TRIVIAL") == 0)
		snprintf(text, 256, "they differ, but by less than %s", percent);
	else if (strcmp(verdict, "INCONCLUSIVE") == 0)
		snprintf(text, 256, "not decided");
	else
		snprintf(text, 256, "not known to this program");
	return text;
}

/* False: fewer than ten samples lie beyond this quantile, so that it is no measurement. */
static bool verdict_holds(const json_t *operation, double q)
{
	return report_number(operation, "pairs") * (1 - q) >= BENCH_HDR_BEYOND_MIN - 1e-6;
}

static void verdict_row(struct page_table *table, const struct report_doc *doc,
			const json_t *operation, const json_t *quantile)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], effect[NUMBER_TEXT], low[NUMBER_TEXT];
	char high[NUMBER_TEXT], percentile[NUMBER_TEXT], words[256];
	const char *verdict = report_text(quantile, "verdict");

	page_cell(table, "%s %s", report_text(operation, "operation"),
		  number_percentile(report_number(quantile, "q"), percentile));
	page_cell(table, "%s", number_ms(report_number(quantile, "a_ns"), a));
	page_cell(table, "%s", number_ms(report_number(quantile, "b_ns"), b));
	page_cell(table, "%s", number_effect(report_number(quantile, "effect"), effect));
	if (isfinite(report_number(quantile, "low")))
		page_cell(table, "%s to %s", number_effect(report_number(quantile, "low"), low),
			  number_effect(report_number(quantile, "high"), high));
	else
		page_cell(table, "too few blocks");
	page_cell(table, PAGE_STRONG "%s", verdict_words(doc, quantile, words));
	page_cell(table, "%s", verdict);
	page_cell(table, "%s", number_count(report_number(operation, "pairs"), a));
	if (json_is_number(json_object_get(quantile, "pairs_needed")))
		page_cell(table, "about\xc2\xa0%s",
			  number_digits(report_number(quantile, "pairs_needed"), 2, a));
	else
		page_cell(table, strcmp(verdict, "INCONCLUSIVE") == 0 ? "not known" : "enough");
}

/* Returns how many rows were left out. */
static size_t verdict_table(struct report *report, const struct report_doc *doc)
{
	char confidence[NUMBER_TEXT];
	struct page_table table;
	size_t left_out = 0, i, k;
	const json_t *operation, *quantile;

	page_table_begin(&table, report, doc->stand_in, "Verdicts: %s",
			 report_file_name(doc->path));
	page_column(&table, 'l', "operation, percentile");
	page_column(&table, 'r', "A: %s", doc->sides[0].label);
	page_column(&table, 'r', "B: %s", doc->sides[1].label);
	page_column(&table, 'r', "B against A");
	page_column(&table, 'r', "%s interval",
		    number_percent(report_number(doc->results, "confidence"), confidence));
	page_column(&table, 'l', "in words");
	page_column(&table, 'l', "verdict");
	page_column(&table, 'r', "pairs");
	page_column(&table, 'r', "pairs needed");
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		json_array_foreach(json_object_get(operation, "quantiles"), k, quantile)
		{
			if (verdict_holds(operation, report_number(quantile, "q")))
				verdict_row(&table, doc, operation, quantile);
			else
				left_out++;
		}
	}
	page_table_end(&table, PAGE_BOTH);
	return left_out;
}

/* "takes 111 % to 114 % longer", "takes between 2 % less and 5 % longer". */
static const char *verdict_range(const json_t *quantile, char text[256])
{
	double low = report_number(quantile, "low"), high = report_number(quantile, "high");
	char from[NUMBER_TEXT], to[NUMBER_TEXT];

	if (low <= -0.9 || high >= 9) {
		snprintf(text, 256, "takes %s to %s times as long", number_digits(1 + low, 3, from),
			 number_digits(1 + high, 3, to));
		return text;
	}
	/* Without signs: the words say which way. */
	number_effect(fabs(low), from);
	number_effect(fabs(high), to);
	if (!isfinite(low) || !isfinite(high))
		snprintf(text, 256, "how much is not known");
	else if (low >= 0)
		snprintf(text, 256, "takes %s to %s longer", from + (*from == '+'),
			 to + (*to == '+'));
	else if (high <= 0)
		snprintf(text, 256, "takes %s to %s less", to + (*to == '+'),
			 from + (*from == '+'));
	else
		snprintf(text, 256, "takes between %s less and %s longer", from + (*from == '+'),
			 to + (*to == '+'));
	return text;
}

static const json_t *verdict_median(const json_t *operation)
{
	const json_t *quantile;
	size_t i;

	json_array_foreach(json_object_get(operation, "quantiles"), i, quantile)
	{
		if (fabs(report_number(quantile, "q") - 0.5) < 1e-9)
			return quantile;
	}
	return NULL;
}

/* One sentence an operation, of its median. */
static void verdict_sentences(struct report *report, const struct report_doc *doc)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], words[256], range[256];
	const json_t *operation, *median;
	size_t i;

	page_list_begin(report);
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		median = verdict_median(operation);
		if (median == NULL || !verdict_holds(operation, report_number(median, "q")))
			continue;
		page_list_item(report, PAGE_HTML,
			       "%s: %s. The typical (median) call took %s on %s and %s on %s; most "
			       "likely %s %s.",
			       report_text(operation, "operation"),
			       verdict_words(doc, median, words),
			       number_ms(report_number(median, "a_ns"), a), doc->sides[0].label,
			       number_ms(report_number(median, "b_ns"), b), doc->sides[1].label,
			       doc->sides[1].label, verdict_range(median, range));
	}
	page_list_end(report, PAGE_HTML);
}

static void verdict_success(struct report *report, const struct report_doc *doc)
{
	char share[NUMBER_TEXT], low[NUMBER_TEXT], high[NUMBER_TEXT], tried[NUMBER_TEXT];
	const json_t *operation, *success;
	struct page_table table;
	char title[160];
	size_t i, side;

	page_table_begin(&table, report, doc->stand_in, "Operations that succeeded: %s",
			 report_file_name(doc->path));
	page_column(&table, 'l', "operation");
	page_column(&table, 'l', "side");
	page_column(&table, 'r', "tried");
	page_column(&table, 'r', "succeeded");
	page_column(&table, 'r', "95 %% interval (Wilson)");
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		for (side = 0; side < 2; side++) {
			success = report_item(operation, "success", side);
			if (success == NULL)
				continue;
			page_cell(&table, "%s", report_text(operation, "operation"));
			page_cell(&table, "%s", report_side_title(doc, side, title, sizeof(title)));
			page_cell(&table, "%s",
				  number_count(report_number(success, "tried"), tried));
			page_cell(&table, "%s",
				  number_share(report_number(success, "share"), share));
			page_cell(&table, "%s to %s",
				  number_share(report_number(success, "low"), low),
				  number_share(report_number(success, "high"), high));
		}
	}
	page_table_end(&table, PAGE_BOTH);
}

static void verdict_statistics(struct report *report, const struct report_doc *doc)
{
	char text[7][NUMBER_TEXT];
	const json_t *operation, *quantile;
	struct page_table table;
	size_t i, k;

	page_table_begin(&table, report, doc->stand_in, "The statistics behind the verdicts: %s",
			 report_file_name(doc->path));
	page_column(&table, 'l', "operation, percentile");
	page_column(&table, 'r', "blocks that count");
	page_column(&table, 'r', "p, difference (t)");
	page_column(&table, 'r', "p, difference (Wilcoxon)");
	page_column(&table, 'r', "corrected (Holm)");
	page_column(&table, 'r', "p, equivalence (TOST)");
	page_column(&table, 'r', "corrected (Holm)");
	json_array_foreach(json_object_get(doc->results, "operations"), i, operation)
	{
		json_array_foreach(json_object_get(operation, "quantiles"), k, quantile)
		{
			if (!verdict_holds(operation, report_number(quantile, "q")))
				continue;
			page_cell(&table, "%s %s", report_text(operation, "operation"),
				  number_percentile(report_number(quantile, "q"), text[0]));
			page_cell(&table, "%s",
				  number_digits(report_number(quantile, "effective_blocks"), 3,
						text[1]));
			page_cell(&table, "%s",
				  number_p(report_number(quantile, "p_difference"), text[2]));
			page_cell(&table, "%s",
				  number_p(report_number(quantile, "p_wilcoxon"), text[3]));
			page_cell(&table, "%s",
				  number_p(report_number(quantile, "holm_difference"), text[4]));
			page_cell(&table, "%s",
				  number_p(report_number(quantile, "p_equivalence"), text[5]));
			page_cell(&table, "%s",
				  number_p(report_number(quantile, "holm_equivalence"), text[6]));
		}
	}
	page_table_end(&table, PAGE_FOLDED);
}

static void verdict_doc(struct report *report, const struct report_doc *doc)
{
	char blocks[NUMBER_TEXT], pairs[NUMBER_TEXT], margin[NUMBER_TEXT];
	size_t left_out;

	page_say(report, PAGE_BOTH,
		 "%s blocks of %s pairs; in each pair both were asked the same, in random order, "
		 "over "
		 "%s. \xe2\x80\x9c"
		 "B against A\xe2\x80\x9d says how much longer (+) or shorter "
		 "(\xe2\x88\x92) B took. Differences below \xc2\xb1%s were declared unimportant "
		 "beforehand.",
		 number_count(report_number(doc->results, "blocks"), blocks),
		 number_count(report_number(doc->results, "pairs_per_block"), pairs),
		 report_true(doc->results, "cold") ? "a new connection each" : "kept connections",
		 number_percent(verdict_margin(doc), margin));
	if (!report_warn_invalid(report, doc))
		verdict_sentences(report, doc);
	left_out = verdict_table(report, doc);
	if (left_out > 0)
		page_note(report, PAGE_BOTH,
			  "%zu percentiles are left out: fewer than ten samples lie beyond them.",
			  left_out);
	verdict_success(report, doc);
	verdict_statistics(report, doc);
}

void report_section_verdicts(struct report *report)
{
	size_t i;

	if (report_first(report, REPORT_H2H) == NULL)
		return;
	page_heading(report, PAGE_BOTH, "verdicts", "Which is faster, and how sure is that?");
	for (i = 0; i < report->doc_count; i++)
		if (report->docs[i].kind == REPORT_H2H)
			verdict_doc(report, &report->docs[i]);
}
