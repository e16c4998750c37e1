#include "bench/probe/show.h"

#include "bench/result/table.h"
#include "bench/result/member.h"

#include <math.h>
#include <string.h>

/* The probes, as the document names them: what each looks for. */
static const struct {
	const char *probe;
	const char *guarantee;
	const char *violated;
} show_probes[] = {
	{"staleness", "fresh reads", "a read sees an older version than was acknowledged"},
	{"customer_index", "fresh customer index", "the customer's list of carts lags behind"},
	{"read_your_writes", "read your writes", "a client does not see its own change"},
	{"monotonic_reads", "monotonic reads", "a later read sees an older version"},
	{"monotonic_writes", "monotonic writes", "changes of one client are seen out of order"},
	{"lost_updates", "no lost updates",
	 "an acknowledged change is missing: clients add products to one cart"},
	{"lost_updates_one_line", "no lost updates, one line",
	 "an acknowledged change is missing: clients raise one line"},
	{"exactly_once", "exactly once", "a change repeated with its key is applied twice"},
};
#define SHOW_PROBES (sizeof(show_probes) / sizeof(*show_probes))

static const char *show_words(const struct table_row *row, bool violated)
{
	const char *probe = table_string(row, "probe");

	for (size_t i = 0; i < SHOW_PROBES; i++)
		if (strcmp(show_probes[i].probe, probe) == 0)
			return violated ? show_probes[i].violated : show_probes[i].guarantee;
	return probe;
}

static const char *show_get_guarantee(const struct table_row *row, char text[TABLE_TEXT])
{
	(void)text;
	return show_words(row, false);
}

static const char *show_get_violated(const struct table_row *row, char text[TABLE_TEXT])
{
	(void)text;
	return show_words(row, true);
}

/* "0.34 % (0.20 % to 0.58 %)"; of no event in n trials what can at most be: 1 - 0.05^(1/n). */
const char *probe_get_rate(const struct table_row *row, char text[TABLE_TEXT])
{
	double trials = table_number(row, "trials");
	char rate[TABLE_TEXT], range[TABLE_TEXT];

	if (!(trials > 0))
		return "not measured";
	if (table_number(row, "violations") == 0) {
		table_format(UNIT_SHARE, 1 - pow(0.05, 1 / trials), rate);
		snprintf(text, TABLE_TEXT, "<\xc2\xa0%.100s", rate);
		return text;
	}
	table_range(UNIT_SHARE, table_number(row, "low"), table_number(row, "high"), range);
	snprintf(text, TABLE_TEXT, "%.100s (%.300s)",
		 table_format(UNIT_SHARE, table_number(row, "rate"), rate), range);
	return text;
}

static const char *show_get_verdict(const struct table_row *row, char text[TABLE_TEXT])
{
	const char *verdict = table_string(row, "verdict");

	if (strcmp(verdict, "violated") == 0)
		return TABLE_STRONG "VIOLATED: this was promised";
	if (strcmp(verdict, "allowed") == 0)
		return "seen; not promised for such reads";
	if (strcmp(verdict, "unmeasured") == 0) {
		snprintf(text, TABLE_TEXT, "not measured: %.300s", table_string(row, "why"));
		return text;
	}
	if (strcmp(verdict, "clean") == 0)
		return json_is_true(table_member(row, "promised")) ? "kept" : "not seen";
	return verdict;
}

const char *probe_get_label(const struct table_row *row, char text[TABLE_TEXT])
{
	const json_t *sides = json_object_get(row->document, "sides");
	const char *name = table_string(row, "side");
	size_t at = 0;

	(void)text;
	while (at < json_array_size(sides) &&
	       strcmp(member_text(json_array_get(sides, at), "name"), name) != 0)
		at++;
	return table_label(row->document, at < json_array_size(sides) ? at : 0);
}

static bool show_has_trials(const struct table_row *row)
{
	return table_number(row, "trials") + table_number(row, "unknown") > 0;
}

static const char *show_get_trials(const struct table_row *row, char text[TABLE_TEXT])
{
	return show_has_trials(row) ? table_format(UNIT_COUNT, table_number(row, "trials"), text)
				    : "not measured";
}

static const char *show_get_consistent(const struct table_row *row, char text[TABLE_TEXT])
{
	double consistent = show_has_trials(row) ? table_number(row, "consistent") : NAN;

	return table_format(UNIT_COUNT, consistent, text);
}

static const char *show_get_missed(const struct table_row *row, char text[TABLE_TEXT])
{
	double trials = table_number(row, "trials");

	return table_format(UNIT_SHARE, trials > 0 ? 1 - pow(0.5, 1 / trials) : NAN, text);
}

static const char *show_get_reads(const struct table_row *row, char text[TABLE_TEXT])
{
	char label[TABLE_TEXT];

	snprintf(text, TABLE_TEXT, "%.60s, %.20s", probe_get_label(row, label),
		 table_string(row, "read"));
	return text;
}

static const char *show_get_delay(const struct table_row *row, char text[TABLE_TEXT])
{
	char delay[TABLE_TEXT];

	snprintf(text, TABLE_TEXT, "%.40s ms",
		 table_format(UNIT_PLAIN, table_number(row, "delay_ms"), delay));
	return text;
}

const struct table_column probe_seed_columns[] = {
	{.name = "test", .places = FOR_PEOPLE, .width = 16},
	{.name = "side", .places = FOR_PEOPLE, .get = probe_get_label, .width = 16},
	COLUMN_GET(show_get_trials, "trials", NULL, COUNT, FOR_PEOPLE),
	COLUMN_GET(show_get_consistent, "consistent", NULL, COUNT, FOR_PEOPLE),
	COLUMN("unknown", NULL, COUNT, ON_TERMINAL),
	COLUMN_AT("visible_ms", "seen after", NULL, MS, ON_TERMINAL),
	COLUMN_GET(show_get_missed, "a rate that so few trials would miss half the time", NULL,
		   SHARE, ON_PAGE),
	{0},
};

const struct table_column probe_columns[] = {
	COLUMN("side", NULL, TEXT, IN_CSV),
	COLUMN("probe", NULL, TEXT, IN_CSV),
	COLUMN("read", NULL, TEXT, IN_CSV),
	{.name = "guarantee", .places = ON_TERMINAL, .get = show_get_guarantee, .width = 26},
	COLUMN_GET(show_get_violated, "what would be wrong", NULL, TEXT, ON_PAGE),
	{.name = "side", .places = FOR_PEOPLE, .get = probe_get_label, .width = 16},
	COLUMN("read", NULL, TEXT, FOR_PEOPLE),
	COLUMN("delay_ms", NULL, COUNT, IN_CSV),
	COLUMN("trials", NULL, COUNT, EVERYWHERE),
	COLUMN("violations", "seen", COUNT, EVERYWHERE),
	COLUMN("unknown", NULL, COUNT, EVERYWHERE),
	COLUMN("rate", NULL, SHARE, IN_CSV),
	COLUMN("low", NULL, SHARE, IN_CSV),
	COLUMN("high", NULL, SHARE, IN_CSV),
	COLUMN_GET(probe_get_rate, "rate (95 % interval)", NULL, SHARE, FOR_PEOPLE),
	COLUMN("verdict", NULL, TEXT, IN_CSV),
	COLUMN("why", NULL, TEXT, IN_CSV),
	COLUMN_GET(show_get_verdict, "verdict", NULL, TEXT, FOR_PEOPLE),
	{0},
};

const struct table_column probe_delay_columns[] = {
	{.name = "side, read", .places = FOR_PEOPLE, .get = show_get_reads, .width = 26},
	COLUMN_GET(show_get_delay, "after", NULL, COUNT, FOR_PEOPLE),
	COLUMN("trials", NULL, COUNT, FOR_PEOPLE),
	COLUMN("violations", "stale", COUNT, FOR_PEOPLE),
	COLUMN_GET(probe_get_rate, "rate (95 % interval)", NULL, SHARE, FOR_PEOPLE),
	COLUMN("most_versions_behind", "most versions behind", COUNT, FOR_PEOPLE),
	{0},
};

static json_t *show_delays_json(const struct probe_finding *finding)
{
	json_t *delays = json_array();

	for (size_t i = 0; i < finding->delay_count; i++) {
		const struct probe_delay *delay = &finding->delays[i];
		struct probe_rate rate = probe_rate_of(&delay->count);

		json_array_append_new(
			delays, json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I}", "delay_ms",
					  (json_int_t)delay->delay_ms, "trials",
					  (json_int_t)delay->count.trials, "violations",
					  (json_int_t)delay->count.violations, "unknown",
					  (json_int_t)delay->count.unknown, "rate", rate.rate,
					  "low", rate.low, "high", rate.high,
					  "most_versions_behind", (json_int_t)delay->most_behind));
	}
	return delays;
}

static json_t *show_finding_json(const struct probe_finding *finding, const char *side,
				 const char *why)
{
	struct probe_rate rate = probe_rate_of(&finding->count);
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:b, s:s, s:o}", "probe",
		probe_kind_names[finding->kind], "side", side, "read",
		probe_read_names[finding->read], "trials", (json_int_t)finding->count.trials,
		"violations", (json_int_t)finding->count.violations, "unknown",
		(json_int_t)finding->count.unknown, "rate", rate.rate, "low", rate.low, "high",
		rate.high, "promised", finding->promised, "verdict",
		probe_verdict_names[probe_verdict_of(finding)], "example",
		finding->example[0] != '\0' ? json_string(finding->example) : json_null());

	if (probe_verdict_of(finding) == PROBE_UNMEASURED)
		json_object_set_new(json, "why", json_string(why));
	if (finding->delay_count > 0)
		json_object_set_new(json, "by_delay", show_delays_json(finding));
	if (finding->kind == PROBE_EXACTLY_ONCE)
		json_object_set_new(json, "replays", json_integer((json_int_t)finding->exercised));
	return json;
}

static json_t *show_seed_json(const struct probe_report *report, int test, const char *side,
			      const char *why)
{
	const struct probe_seed_result *result = &report->seed[test];
	bool tried = result->trials + result->unknown > 0;
	bool timed = tried && test == PROBE_UPDATE_POLLED && result->visible_ms >= 0;

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:s*}", "test",
			 probe_seed_test_names[test], "side", side, "trials",
			 (json_int_t)result->trials, "consistent", (json_int_t)result->consistent,
			 "unknown", (json_int_t)result->unknown, "visible_ms",
			 timed ? json_real(result->visible_ms) : json_null(), "why",
			 tried ? NULL : why);
}

json_t *probe_show_json(const struct probe_report *report, const struct probe_plan *plan,
			const char *side, const char *why)
{
	json_t *seed = json_array(), *probes = json_array();

	for (int test = 0; test < PROBE_SEED_TESTS && plan->seed_tests; test++)
		json_array_append_new(seed, show_seed_json(report, test, side, why));
	for (size_t i = 0; i < report->finding_count; i++)
		json_array_append_new(probes, show_finding_json(&report->findings[i], side, why));
	return json_pack("{s:o, s:o}", "seed", seed, "probes", probes);
}

/* One reason holds for all tests of a side. */
static void show_seed_notes(FILE *out, const json_t *seed)
{
	struct table_row row = {0};
	const char *said = "";

	member_each(i, row.of, seed) {
		const char *why = table_string(&row, "why");

		if (*why != '\0' && strcmp(why, said) != 0)
			fprintf(out, "\nNot measured: %s.\n", why);
		said = *why != '\0' ? why : said;
	}
}

static void show_notes(FILE *out, const json_t *probes)
{
	struct table_row row = {0};

	member_each(i, row.of, probes) {
		const json_t *replays = json_object_get(row.of, "replays");

		if (replays != NULL && table_number(&row, "trials") > 0)
			fprintf(out,
				"\nOf the repeats under a key %.0f met a first attempt that had "
				"been applied.\n",
				json_number_value(replays));
		if (*table_string(&row, "example") != '\0')
			fprintf(out, "\n%s (%s reads), for example: %s.\n", show_words(&row, false),
				table_string(&row, "read"), table_string(&row, "example"));
	}
}

void probe_show(FILE *out, struct buf *csv, const json_t *document)
{
	const json_t *results = json_object_get(document, "results");
	const json_t *probes = json_object_get(results, "probes");
	struct table_row row = {.document = document};

	if (out != NULL && json_array_size(json_object_get(results, "seed")) > 0) {
		fputs("\nThe seed's tests\n", out);
		table_write(out, NULL, probe_seed_columns, document, "seed", NULL);
		show_seed_notes(out, json_object_get(results, "seed"));
	}
	if (out != NULL) {
		fputs("\nStale reads, so long after the write was acknowledged, on other "
		      "connections\n",
		      out);
		table_write(out, NULL, probe_delay_columns, document, "probes", "by_delay");
		fputs("\n", out);
		table_write(out, NULL, probe_columns, document, "probes", NULL);
		show_notes(out, probes);
	}
	member_each(i, row.of, probes) {
		row.in = NULL;
		table_csv_row(csv, probe_columns, &row);
		json_array_foreach(json_object_get(row.of, "by_delay"), row.at, row.in)
		{
			table_csv_row(csv, probe_columns, &row);
		}
	}
}
