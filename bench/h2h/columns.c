#include "bench/h2h/columns.h"

#include "bench/result/table.h"
#include "bench/result/number.h"
#include "bench/result/tally.h"
#include "bench/stats/hdr.h"
#include "bench/result/member.h"

#include <math.h>
#include <string.h>

double h2h_margin_of(const json_t *document)
{
	double margin = member_number(json_object_get(document, "results"), "margin");

	return margin > 0 && margin < 1 ? margin : H2H_MARGIN;
}

bool h2h_quantile_holds(const struct table_row *row)
{
	return table_number(row, "pairs") * (1 - table_number(row, "q")) >=
	       BENCH_HDR_BEYOND_MIN - 1e-6;
}

/* A win says that there is a difference, not that it is beyond the margin: where the interval
 * reaches into the margin, the words say so too. */
static void h2h_win(const json_t *document, size_t side, double nearest, double margin,
		    char text[TABLE_TEXT])
{
	char percent[NUMBER_TEXT];

	if (nearest >= margin)
		snprintf(text, TABLE_TEXT, "%.100s is faster", table_label(document, side));
	else
		snprintf(text, TABLE_TEXT, "%.100s is faster, perhaps by less than %s",
			 table_label(document, side), number_percent(margin, percent));
}

const char *h2h_get_words(const struct table_row *row, char text[TABLE_TEXT])
{
	const char *verdict = table_string(row, "verdict");
	double margin = h2h_margin_of(row->document);
	char percent[NUMBER_TEXT];

	number_percent(margin, percent);
	if (*member_text(row->document, "invalid") != '\0')
		return "does not count";
	if (strcmp(verdict, "A WINS") == 0)
		h2h_win(row->document, 0, table_number(row, "low"), margin, text);
	else if (strcmp(verdict, "B WINS") == 0)
		h2h_win(row->document, 1, -table_number(row, "high"), margin, text);
	else if (strcmp(verdict, "EQUIVALENT") == 0)
		snprintf(text, TABLE_TEXT, "no difference beyond \xc2\xb1%s", percent);
	else if (strcmp(verdict, "DIFFERENT BUT TRIVIAL") == 0)
		snprintf(text, TABLE_TEXT, "they differ, but by less than %s", percent);
	else
		return strcmp(verdict, "INCONCLUSIVE") == 0 ? "not decided"
							    : "not known to this program";
	return text;
}

static const char *h2h_get_name(const struct table_row *row, char text[TABLE_TEXT])
{
	char percentile[NUMBER_TEXT];

	snprintf(text, TABLE_TEXT, "%.100s %s", table_string(row, "operation"),
		 number_percentile(table_number(row, "q"), percentile));
	return text;
}

static const char *h2h_get_interval(const struct table_row *row, char text[TABLE_TEXT])
{
	double low = table_number(row, "low");

	return isfinite(low) ? table_range(UNIT_EFFECT, low, table_number(row, "high"), text)
			     : "too few blocks";
}

static const char *h2h_get_blocks(const struct table_row *row, char text[TABLE_TEXT])
{
	snprintf(text, TABLE_TEXT, "%zu", json_array_size(table_member(row, "log_ratios")));
	return text;
}

static const char *h2h_get_needed(const struct table_row *row, char text[TABLE_TEXT])
{
	double needed = table_number(row, "pairs_needed");
	char digits[NUMBER_TEXT];

	if (!isfinite(needed))
		return strcmp(table_string(row, "verdict"), "INCONCLUSIVE") == 0 ? "not known"
										 : "enough";
	snprintf(text, TABLE_TEXT, "about\xc2\xa0%s", number_digits(needed, 2, digits));
	return text;
}

const struct table_column h2h_columns[] = {
	COLUMN("operation", NULL, TEXT, IN_CSV),
	COLUMN_AT("q", "quantile", NULL, PLAIN, IN_CSV),
	COLUMN_GET(h2h_get_name, "operation, percentile", NULL, TEXT, FOR_PEOPLE),
	COLUMN("a_ns", "A: $A", NS, EVERYWHERE),
	COLUMN("b_ns", "B: $B", NS, EVERYWHERE),
	COLUMN("effect", "B against A", EFFECT, EVERYWHERE),
	{.name = "interval",
	 .unit = UNIT_EFFECT,
	 .places = FOR_PEOPLE,
	 .get = h2h_get_interval,
	 .width = 18},
	COLUMN("low", NULL, EFFECT, IN_CSV),
	COLUMN("high", NULL, EFFECT, IN_CSV),
	COLUMN_GET(h2h_get_blocks, "blocks", NULL, COUNT, IN_CSV),
	COLUMN("p_difference", NULL, P, IN_CSV),
	COLUMN("p_wilcoxon", NULL, P, IN_CSV),
	COLUMN("p_equivalence", NULL, P, IN_CSV),
	COLUMN_GET(h2h_get_words, "in words", NULL, TEXT, ON_PAGE),
	{.name = "verdict", .places = EVERYWHERE, .width = 21},
	COLUMN("pairs", NULL, COUNT, ON_PAGE),
	COLUMN("pairs_needed", NULL, COUNT, IN_CSV),
	COLUMN_GET(h2h_get_needed, "pairs needed", NULL, COUNT, FOR_PEOPLE),
	{0},
};

const struct table_column h2h_statistics_columns[] = {
	COLUMN_GET(h2h_get_name, "operation, percentile", NULL, TEXT, ON_PAGE),
	COLUMN("effective_blocks", "blocks that count", DIGITS, ON_PAGE),
	COLUMN("p_difference", "p, difference (t)", P, ON_PAGE),
	COLUMN("p_wilcoxon", "p, difference (Wilcoxon)", P, ON_PAGE),
	COLUMN("holm_difference", "corrected (Holm)", P, ON_PAGE),
	COLUMN("p_equivalence", "p, equivalence (TOST)", P, ON_PAGE),
	COLUMN("holm_equivalence", "corrected (Holm)", P, ON_PAGE),
	{0},
};

const struct table_column h2h_success_columns[] = {
	COLUMN("operation", NULL, TEXT, FOR_PEOPLE),
	COLUMN_GET(table_get_side, "side", NULL, TEXT, FOR_PEOPLE),
	TALLY_COLUMNS,
	{0},
};

const struct table_column h2h_calls_columns[] = {
	COLUMN("operation", NULL, TEXT, ON_TERMINAL),
	COLUMN("side", NULL, TEXT, ON_TERMINAL),
	COLUMN_AT("calls_per_op", "calls to the database", NULL, DIGITS, ON_TERMINAL),
	COLUMN_AT("statements_per_op", "SQL statements", NULL, DIGITS, ON_TERMINAL),
	COLUMN_AT("read_units", "read units", NULL, DIGITS, ON_TERMINAL),
	COLUMN_AT("write_units", "write units", NULL, DIGITS, ON_TERMINAL),
	{0},
};
