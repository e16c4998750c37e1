#include "bench/h2h/show.h"

#include "bench/result/member.h"
#include "bench/result/number.h"
#include "bench/result/read_back.h"
#include "bench/result/result.h"
#include "bench/result/table.h"
#include "bench/result/tally.h"
#include "bench/stats/hdr.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define H2H_MARGIN 0.05

double h2h_margin_of(const json_t *document)
{
	double margin = member_number(json_object_get(document, "results"), "margin");

	return margin > 0 && margin < 1 ? margin : H2H_MARGIN;
}

const char *h2h_describe_reads(const json_t *results)
{
	switch (bench_read_of(member_text(results, "consistency"))) {
	case BENCH_READ_STRONG:
		return ", gets with consistency=strong";
	case BENCH_READ_EVENTUAL:
		return ", gets with consistency=eventual";
	default:
		return "";
	}
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

/* No verdict on speed. */
static bool h2h_refused(const struct table_row *row)
{
	const char *verdict = table_string(row, "verdict");

	return strcmp(verdict, stats_verdict_names[STATS_NOT_COMPARABLE]) == 0 ||
	       strcmp(verdict, stats_verdict_names[STATS_WRONG]) == 0;
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
	else if (h2h_refused(row))
		snprintf(text, TABLE_TEXT, "neither is faster, because %.300s",
			 table_string(row, "why"));
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

static const char *h2h_get_verdict(const struct table_row *row, char text[TABLE_TEXT])
{
	const char *why = table_string(row, "why");

	snprintf(text, TABLE_TEXT, "%.40s%s%.300s", table_string(row, "verdict"),
		 *why != '\0' ? ": " : "", why);
	return text;
}

static const char *h2h_get_invalid(const struct table_row *row, char text[TABLE_TEXT])
{
	(void)text;
	return member_text(row->document, "invalid");
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

	if (!isfinite(needed) && h2h_refused(row))
		return "\xe2\x80\x93";
	if (!isfinite(needed))
		return strcmp(table_string(row, "verdict"), "INCONCLUSIVE") == 0 ? "not known"
										 : "enough";
	snprintf(text, TABLE_TEXT, "about\xc2\xa0%s", number_digits(needed, 2, digits));
	return text;
}

static const char *h2h_get_response(const struct table_row *row, double q, char text[TABLE_TEXT])
{
	return number_ms(bench_result_quantile(table_member(row, "response"), q), text);
}

static const char *h2h_get_p50(const struct table_row *row, char text[TABLE_TEXT])
{
	return h2h_get_response(row, 0.5, text);
}

static const char *h2h_get_p99(const struct table_row *row, char text[TABLE_TEXT])
{
	return h2h_get_response(row, 0.99, text);
}

static const char *h2h_get_p999(const struct table_row *row, char text[TABLE_TEXT])
{
	return h2h_get_response(row, 0.999, text);
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
	COLUMN("verdict", NULL, TEXT, IN_CSV),
	COLUMN("why", NULL, TEXT, IN_CSV),
	COLUMN_GET(h2h_get_invalid, "invalid", NULL, TEXT, IN_CSV),
	COLUMN("pairs", NULL, COUNT, ON_PAGE),
	COLUMN("pairs_needed", NULL, COUNT, IN_CSV),
	COLUMN_GET(h2h_get_needed, "pairs needed", NULL, COUNT, FOR_PEOPLE),
	COLUMN_GET(h2h_get_verdict, "verdict", NULL, TEXT, FOR_PEOPLE),
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
	{.name = "side", .places = FOR_PEOPLE, .get = table_get_side, .width = 20},
	TALLY_COLUMNS,
	{0},
};

const struct table_column h2h_open_columns[] = {
	{.name = "open loop", .places = FOR_PEOPLE, .get = table_get_side, .width = 32},
	COLUMN_AT("rate", "a second", NULL, COUNT, FOR_PEOPLE),
	COLUMN_GET(h2h_get_p50, "p50", NULL, NS, FOR_PEOPLE),
	COLUMN_GET(h2h_get_p99, "p99", NULL, NS, FOR_PEOPLE),
	COLUMN_GET(h2h_get_p999, "p99.9", NULL, NS, FOR_PEOPLE),
	COLUMN_AT("gap_ns", "longest time without an answer", NULL, NS, FOR_PEOPLE),
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

static const char *const h2h_side_names[H2H_SIDES] = {"A", "B"};

/* How often it succeeded, with what the tally says of failures. */
static json_t *h2h_success(const struct tally *tally)
{
	static const char *const members[] = {"tried", "ok", "refused", "unknown", "errors"};
	json_t *all = tally_json(tally, BENCH_CREATE); /* the name is left out */
	json_t *success = json_incref(json_object_get(all, "success"));

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set(success, members[i], json_object_get(all, members[i]));
	json_decref(all);
	return success;
}

static json_t *h2h_row_json(const struct h2h_row *row)
{
	json_t *ratios = json_array();

	for (size_t i = 0; i < row->block_count; i++)
		json_array_append_new(ratios, json_real(row->log_ratios[i]));
	return json_pack(
		"{s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:f, s:f, s:f, s:s, s:s?, s:o, "
		"s:o, s:o}",
		"q", row->quantile, "a_ns", row->ns[0], "b_ns", row->ns[1], "log_ratios", ratios,
		"effect", row->judged ? member_real(row->effect) : json_null(), "low",
		row->judged ? member_real(row->low) : json_null(), "high",
		row->judged ? member_real(row->high) : json_null(), "effective_blocks",
		row->effective_blocks, "p_difference", row->comparison.p_difference, "p_wilcoxon",
		member_real(row->p_wilcoxon), "p_equivalence", row->comparison.p_equivalence,
		"holm_difference", row->comparison.holm_difference, "holm_equivalence",
		row->comparison.holm_equivalence, "verdict",
		stats_verdict_names[row->comparison.verdict], "why",
		row->why[0] != '\0' ? row->why : NULL, "from",
		row->trending ? member_real(row->from) : json_null(), "to",
		row->trending ? member_real(row->to) : json_null(), "pairs_needed",
		row->pairs_needed > 0 ? json_integer((json_int_t)row->pairs_needed) : json_null());
}

/* Pairs that count, of the blocks that were judged; in the open loop answers of each side. */
static json_int_t h2h_pairs(const struct h2h *h2h, enum h2h_operation operation)
{
	const struct h2h_cell *cell = &h2h->cells[operation % H2H_OPERATIONS];
	size_t a = h2h->open.sides[0].count, b = h2h->open.sides[1].count;
	json_int_t pairs = 0;

	if (operation == H2H_OPEN)
		return (json_int_t)(a < b ? a : b);
	for (int64_t i = 0; i < h2h->blocks_done * h2h->config.pairs; i++)
		pairs += cell->ns[0][i] != 0;
	return pairs;
}

/* The pairs that count in which A was asked first. */
static json_int_t h2h_a_first(const struct h2h *h2h, enum h2h_operation operation)
{
	const struct h2h_cell *cell = &h2h->cells[operation];
	json_int_t count = 0;

	for (int64_t i = 0; i < h2h->blocks_done * h2h->config.pairs; i++)
		count += cell->ns[0][i] != 0 && cell->first[i] == 0;
	return count;
}

static json_t *h2h_open_json(const struct h2h_open *open)
{
	json_t *sides = json_array();

	for (int i = 0; i < H2H_SIDES; i++) {
		const struct h2h_open_side *side = &open->sides[i];
		json_t *one = json_pack("{s:f, s:f, s:I}", "rate", open->rate, "duration_s",
					(double)open->duration_ms / 1000, "gap_ns",
					(json_int_t)side->gap_ns);

		json_object_set_new(one, "response", bench_result_hist(side->tally.response));
		json_array_append_new(sides, one);
	}
	return sides;
}

static json_t *h2h_operation_json(const struct h2h *h2h, enum h2h_operation operation,
				  const struct h2h_judgement *judgement)
{
	json_t *quantiles = json_array(), *success = json_array(), *service = json_array();
	json_t *split = json_array(), *all;
	char why[TALLY_WHY];

	for (int side = 0; side < H2H_SIDES; side++) {
		const struct tally *arm = h2h_tally(h2h, operation, side);
		bool holds = h2h_times_hold(h2h, side, why);

		json_array_append_new(success, h2h_success(arm));
		json_array_append_new(service, bench_result_hist(arm->service));
		json_array_append_new(split, holds ? tally_split_json(arm) : json_null());
	}
	for (size_t i = 0; i < judgement->count; i++)
		if (judgement->rows[i].operation == operation)
			json_array_append_new(quantiles, h2h_row_json(&judgement->rows[i]));
	all = json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "operation",
			h2h_operation_name(operation), "pairs", h2h_pairs(h2h, operation),
			"success", success, "service", service, "split", split, "quantiles",
			quantiles);
	if (operation == H2H_OPEN)
		json_object_set_new(all, "open", h2h_open_json(&h2h->open));
	else
		json_object_set_new(all, "a_first", json_integer(h2h_a_first(h2h, operation)));
	return all;
}

static json_t *h2h_p50_ms(const struct bench_hdr *hdr)
{
	return hdr != NULL ? json_real((double)bench_hdr_quantile(hdr, 0.5) / 1e6) : json_null();
}

static json_t *h2h_seconds_json(const struct h2h *h2h)
{
	json_t *seconds = json_array();

	for (int at = 0; at < H2H_SECONDS_MAX; at++) {
		const struct bench_hdr *a = h2h->seconds[at].service[0],
				       *b = h2h->seconds[at].service[1];

		if (a == NULL && b == NULL)
			continue;
		json_array_append_new(seconds,
				      json_pack("{s:i, s:o, s:o, s:I, s:I}", "at_s", at, "a_p50_ms",
						h2h_p50_ms(a), "b_p50_ms", h2h_p50_ms(b), "a_ok",
						a != NULL ? (json_int_t)a->count : 0, "b_ok",
						b != NULL ? (json_int_t)b->count : 0));
	}
	return seconds;
}

static json_t *h2h_calls_json(struct bench_calls (*calls)[H2H_SIDES])
{
	json_t *all = json_array();

	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct bench_calls *of = &calls[i][side];

			if (!of->counted)
				continue;
			json_array_append_new(
				all,
				json_pack("{s:s, s:s, s:f, s:o, s:o, s:o}", "operation",
					  h2h_operation_name((enum h2h_operation)i), "side",
					  h2h_side_names[side], "calls_per_op", of->calls,
					  "statements_per_op",
					  of->statements > 0 ? json_real(of->statements)
							     : json_null(),
					  "read_units",
					  of->has_units ? json_real(of->read_units) : json_null(),
					  "write_units",
					  of->has_units ? json_real(of->write_units)
							: json_null()));
		}
	}
	return all;
}

static json_t *h2h_carry_json(const struct h2h_judgement *judgement)
{
	json_t *sides = json_array();

	for (int side = 0; side < H2H_SIDES && judgement->has_carry; side++) {
		const struct h2h_carry *carry = &judgement->carry[side];

		json_array_append_new(sides, json_pack("{s:o, s:o, s:o}", "effect",
						       member_real(carry->effect), "low",
						       member_real(carry->low), "high",
						       member_real(carry->high)));
	}
	return sides;
}

static json_t *h2h_read_back_json(const struct h2h *h2h)
{
	json_t *sides = json_array();

	for (int side = 0; side < H2H_SIDES; side++)
		if (h2h->read_back[side].made || h2h->read_back[side].gets > 0)
			json_array_append_new(sides, read_back_json(&h2h->read_back[side]));
	return sides;
}

json_t *h2h_json(const struct h2h *h2h, const struct h2h_question *question,
		 const struct h2h_judgement *judgement, struct bench_calls (*calls)[H2H_SIDES],
		 bool cold)
{
	json_t *operations = json_array(), *results;

	for (int i = 0; i < H2H_OPERATIONS + h2h->open.made; i++)
		json_array_append_new(operations,
				      h2h_operation_json(h2h, (enum h2h_operation)i, judgement));
	results =
		json_pack("{s:I, s:I, s:I, s:f, s:f, s:b, s:s, s:f, s:o, s:o, s:o, s:o, s:o}",
			  "blocks", (json_int_t)h2h->blocks_done, "pairs_per_block",
			  (json_int_t)h2h->config.pairs, "clients", (json_int_t)h2h->config.clients,
			  "margin", question->margin, "confidence", question->confidence, "cold",
			  (int)cold, "consistency", bench_read_name(h2h->config.read), "duration_s",
			  (double)h2h->took_ns / 1e9, "operations", operations, "read_back",
			  h2h_read_back_json(h2h), "seconds", h2h_seconds_json(h2h), "carry_over",
			  h2h_carry_json(judgement), "busy", busy_json(&h2h->busy));
	if (results != NULL && h2h->open.made)
		json_object_set_new(results, "busy_open", busy_json(&h2h->open.busy));
	if (results != NULL && calls != NULL)
		json_object_set_new(results, "calls", h2h_calls_json(calls));
	return results;
}

const char *h2h_describe_busy(const json_t *document, char text[TABLE_TEXT])
{
	const json_t *results = json_object_get(document, "results");
	const json_t *open = json_object_get(results, "busy_open"), *carry;
	char others[NUMBER_TEXT], effect[NUMBER_TEXT], beside[NUMBER_TEXT];
	size_t used;

	used = strlen(busy_describe(json_object_get(results, "busy"), text, TABLE_TEXT));
	if (open != NULL)
		used += (size_t)snprintf(
			text + used, TABLE_TEXT - used,
			" Around the open loop they used %s, during it %s.",
			number_share(member_number(open, "others"), others),
			json_is_number(json_object_get(open, "beside"))
				? number_share(member_number(open, "beside"), beside)
				: "what could not be told apart from the services");
	member_each(i, carry, json_object_get(results, "carry_over"))
		used += (size_t)snprintf(
			text + used, TABLE_TEXT - used, "%s %s %s",
			i == 0 ? " Right after the other's answer instead of alone a get takes"
			       : " and",
			h2h_side_names[i % H2H_SIDES],
			number_effect(member_number(carry, "effect"), effect));
	return text;
}

static const char print_legend[] =
	"\nB is compared with A; + means that B takes longer. A WINS, B WINS: different, beyond "
	"what chance\n"
	"explains at that confidence. EQUIVALENT: shown to differ by less than the margin. "
	"DIFFERENT BUT\n"
	"TRIVIAL: both. INCONCLUSIVE: neither was shown; more pairs may. NOT COMPARABLE: the sides "
	"did "
	"not do\n"
	"the same, so neither is faster. WRONG: a side does not hold what it has\n"
	"acknowledged, or its gets show something else.\n";

void h2h_print(FILE *out, const json_t *document)
{
	const json_t *results = json_object_get(document, "results"), *side;
	char text[TABLE_TEXT];

	member_each(i, side, json_object_get(document, "sides"))
		fprintf(out, "%s  %s%s%s%s  %s%s\n", member_text(side, "name"),
			member_text(side, "label"), *member_text(side, "about") != '\0' ? " (" : "",
			member_text(side, "about"), *member_text(side, "about") != '\0' ? ")" : "",
			member_text(side, "target"),
			member_true(side, "stand_in") ? "  (says nothing of AWS's times)" : "");
	fprintf(out,
		"\n%.0f blocks of %.0f pairs each operation, %.0f s%s; margin %.3g %%, confidence "
		"%.3g %%\n\n",
		member_number(results, "blocks"), member_number(results, "pairs_per_block"),
		member_number(results, "duration_s"), h2h_describe_reads(results),
		100 * member_number(results, "margin"), 100 * member_number(results, "confidence"));
	fprintf(out, "%s\n\n", h2h_describe_busy(document, text));
	table_write(out, NULL, h2h_success_columns, document, "operations", "success");
	putc('\n', out);
	table_write(out, NULL, read_back_columns, document, "read_back", NULL);
	putc('\n', out);
	if (json_array_size(json_object_get(results, "operations")) > H2H_OPEN) {
		table_write(out, NULL, h2h_open_columns, document, "operations", "open");
		putc('\n', out);
	}
	table_write(out, NULL, h2h_columns, document, "operations", "quantiles");
	fputs(print_legend, out);
	if (json_array_size(json_object_get(results, "calls")) > 0) {
		fputs("\n", out);
		table_write(out, NULL, h2h_calls_columns, document, "calls", NULL);
	}
}

void h2h_show_progress(struct bench_progress *progress, const char *doing, const struct h2h *h2h)
{
	const struct h2h_config *config = &h2h->config;
	char line[256] = "warming up", a[NUMBER_TEXT], b[NUMBER_TEXT];
	int64_t cycles = 0;
	size_t used;

	for (int64_t i = 0; i < config->blocks; i++)
		cycles += h2h->block_cycles[i];
	if (h2h->began_ns != 0)
		snprintf(line, sizeof(line), "pair %" PRId64 " of %" PRId64, cycles,
			 config->blocks * config->pairs);
	for (int i = 0; i < H2H_OPERATIONS && h2h->began_ns != 0; i++) {
		const struct tally *arms = h2h->cells[i].arms;

		used = strlen(line);
		snprintf(line + used, sizeof(line) - used, "; %s %s, %s",
			 h2h_operation_name((enum h2h_operation)i),
			 number_ms((double)bench_hdr_quantile(arms[0].service, 0.5), a),
			 number_ms((double)bench_hdr_quantile(arms[1].service, 0.5), b));
	}
	bench_progress_show(progress, "%s%s%s", doing != NULL ? doing : "",
			    doing != NULL ? ": " : "", line);
}
