#include "bench/probe/show.h"

#include <inttypes.h>

static const char *probe_seed_test_title(enum probe_seed_test test)
{
	static const char *const titles[PROBE_SEED_TESTS] = {
		[PROBE_WRITE_THEN_READ] = "write, then read",
		[PROBE_READS_IN_A_ROW] = "reads in a row",
		[PROBE_WRITE_READ_WRITE] = "write, read, write",
		[PROBE_UPDATE_POLLED] = "an update, polled",
	};

	return titles[test];
}

static const char *probe_kind_title(enum probe_kind kind)
{
	static const char *const titles[PROBE_KINDS] = {
		[PROBE_STALENESS] = "fresh reads",
		[PROBE_CUSTOMER_INDEX] = "fresh customer index",
		[PROBE_READ_YOUR_WRITES] = "read your writes",
		[PROBE_MONOTONIC_READS] = "monotonic reads",
		[PROBE_MONOTONIC_WRITES] = "monotonic writes",
		[PROBE_LOST_UPDATES] = "no lost updates",
		[PROBE_LOST_UPDATES_ONE_LINE] = "no lost updates, one line",
		[PROBE_EXACTLY_ONCE] = "exactly once",
	};

	return titles[kind];
}

/* Whether the probe's reads were of one of several kinds. */
static bool probe_kind_has_read(enum probe_kind kind)
{
	return kind == PROBE_STALENESS || kind == PROBE_CUSTOMER_INDEX ||
	       kind == PROBE_READ_YOUR_WRITES || kind == PROBE_MONOTONIC_READS;
}

/* "< 0.10 %" of nothing seen; "0.50 % (0.30 to 0.82)". */
static void probe_show_rate(char text[48], const struct probe_count *count)
{
	struct probe_rate rate = probe_rate_of(count);

	if (count->trials == 0)
		snprintf(text, 48, "-");
	else if (count->violations == 0)
		snprintf(text, 48, "< %.*f %%", rate.high < 0.001 ? 3 : 2, 100 * rate.high);
	else
		snprintf(text, 48, "%.2f %% (%.2f to %.2f)", 100 * rate.rate, 100 * rate.low,
			 100 * rate.high);
}

static void probe_show_seed(FILE *out, const struct probe_report *report)
{
	size_t tried = 0;

	for (int test = 0; test < PROBE_SEED_TESTS; test++)
		tried += report->seed[test].trials + report->seed[test].unknown;
	if (tried == 0)
		return;
	fprintf(out, "\n%-28s  %8s  %12s  %8s\n", "The seed's tests", "trials", "consistent",
		"unknown");
	for (int test = 0; test < PROBE_SEED_TESTS; test++) {
		const struct probe_seed_result *result = &report->seed[test];

		fprintf(out, "%-28s  %8zu  %12zu  %8zu",
			probe_seed_test_title((enum probe_seed_test)test), result->trials,
			result->consistent, result->unknown);
		if (test == PROBE_UPDATE_POLLED && result->visible_ms >= 0)
			fprintf(out, "  seen after %.1f ms", result->visible_ms);
		putc('\n', out);
	}
}

static const struct probe_finding *probe_find_delays(const struct probe_report *report,
						     enum probe_read read)
{
	for (size_t i = 0; i < report->finding_count; i++)
		if (report->findings[i].delay_count > 0 && report->findings[i].read == read)
			return &report->findings[i];
	return NULL;
}

/* A cell; the last of a row is not filled up. */
static void probe_show_cell(FILE *out, const char *text, bool last)
{
	fprintf(out, "  %-*s", last ? 0 : 32, text);
}

static void probe_show_delay(FILE *out, const struct probe_delay *delay, bool last)
{
	char rate[48], text[80];

	probe_show_rate(rate, &delay->count);
	snprintf(text, sizeof(text), "%s", rate);
	if (delay->most_behind > 0)
		snprintf(text, sizeof(text), "%s, %" PRId64 " behind", rate, delay->most_behind);
	probe_show_cell(out, text, last);
}

static void probe_show_delays(FILE *out, const struct probe_report *report)
{
	const struct probe_finding *columns[PROBE_READS];
	size_t count = 0;

	for (int read = 0; read < PROBE_READS; read++) {
		columns[count] = probe_find_delays(report, (enum probe_read)read);
		count += columns[count] != NULL;
	}
	if (count == 0)
		return;
	fputs("\nStale reads, so long after the write was acknowledged, on other connections\n"
	      "         ",
	      out);
	for (size_t at = 0; at < count; at++)
		probe_show_cell(out, probe_read_name(columns[at]->read), at == count - 1);
	for (size_t i = 0; i < columns[0]->delay_count; i++) {
		fprintf(out, "\n%6" PRId64 " ms", columns[0]->delays[i].delay_ms);
		for (size_t at = 0; at < count; at++)
			probe_show_delay(out, &columns[at]->delays[i], at == count - 1);
	}
	putc('\n', out);
}

static void probe_show_finding(FILE *out, const struct probe_finding *finding)
{
	char rate[48];

	probe_show_rate(rate, &finding->count);
	fprintf(out, "%-26s  %-8s  %8zu  %10zu  %8zu  %-26s  %s\n", probe_kind_title(finding->kind),
		probe_kind_has_read(finding->kind) ? probe_read_name(finding->read) : "",
		finding->count.trials, finding->count.violations, finding->count.unknown, rate,
		probe_verdict_name(probe_verdict_of(finding)));
}

static void probe_show_notes(FILE *out, const struct probe_report *report)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct probe_finding *finding = &report->findings[i];

		if (finding->kind == PROBE_EXACTLY_ONCE && finding->count.trials > 0)
			fprintf(out,
				"\nOf the repeats under a key %zu met a first attempt that had "
				"been applied.\n",
				finding->exercised);
	}
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct probe_finding *finding = &report->findings[i];

		if (finding->example[0] != '\0')
			fprintf(out, "\n%s%s%s, for example: %s.", probe_kind_title(finding->kind),
				probe_kind_has_read(finding->kind) ? ", " : "",
				probe_kind_has_read(finding->kind) ? probe_read_name(finding->read)
								   : "",
				finding->example);
	}
	putc('\n', out);
}

bool probe_show_tables(FILE *out, const struct probe_report *report)
{
	probe_show_seed(out, report);
	probe_show_delays(out, report);
	if (report->finding_count > 0)
		fprintf(out, "\n%-26s  %-8s  %8s  %10s  %8s  %-26s  %s\n", "Guarantee", "read",
			"trials", "violations", "unknown", "rate (95 %)", "verdict");
	for (size_t i = 0; i < report->finding_count; i++)
		probe_show_finding(out, &report->findings[i]);
	probe_show_notes(out, report);
	return !ferror(out);
}

static json_t *probe_delays_json(const struct probe_finding *finding)
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

static json_t *probe_finding_json(const struct probe_finding *finding, const char *side)
{
	struct probe_rate rate = probe_rate_of(&finding->count);
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:b, s:s, s:o}", "probe",
		probe_kind_name(finding->kind), "side", side, "read",
		probe_read_name(finding->read), "trials", (json_int_t)finding->count.trials,
		"violations", (json_int_t)finding->count.violations, "unknown",
		(json_int_t)finding->count.unknown, "rate", rate.rate, "low", rate.low, "high",
		rate.high, "promised", finding->promised, "verdict",
		probe_verdict_name(probe_verdict_of(finding)), "example",
		finding->example[0] != '\0' ? json_string(finding->example) : json_null());

	if (finding->delay_count > 0)
		json_object_set_new(json, "by_delay", probe_delays_json(finding));
	if (finding->kind == PROBE_EXACTLY_ONCE)
		json_object_set_new(json, "replays", json_integer((json_int_t)finding->exercised));
	return json;
}

void probe_show_json(json_t *seed, json_t *probes, const char *side,
		     const struct probe_report *report)
{
	for (int test = 0; test < PROBE_SEED_TESTS; test++) {
		const struct probe_seed_result *result = &report->seed[test];
		bool timed = test == PROBE_UPDATE_POLLED && result->visible_ms >= 0;

		if (result->trials + result->unknown > 0)
			json_array_append_new(
				seed,
				json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "test",
					  probe_seed_test_name((enum probe_seed_test)test), "side",
					  side, "trials", (json_int_t)result->trials, "consistent",
					  (json_int_t)result->consistent, "unknown",
					  (json_int_t)result->unknown, "visible_ms",
					  timed ? json_real(result->visible_ms) : json_null()));
	}
	for (size_t i = 0; i < report->finding_count; i++)
		if (probe_verdict_of(&report->findings[i]) != PROBE_UNMEASURED)
			json_array_append_new(probes,
					      probe_finding_json(&report->findings[i], side));
}

void probe_show_csv_head(struct buf *out)
{
	buf_printf(out, "side,probe,read,delay_ms,trials,violations,unknown,rate,low,high,"
			"verdict\n");
}

static void probe_show_row(struct buf *out, const char *side, const struct probe_finding *finding,
			   const char *delay, const struct probe_count *count)
{
	struct probe_rate rate = probe_rate_of(count);

	buf_printf(out, "%s,%s,%s,%s,%zu,%zu,%zu,%.9g,%.9g,%.9g,%s\n", side,
		   probe_kind_name(finding->kind), probe_read_name(finding->read), delay,
		   count->trials, count->violations, count->unknown, rate.rate, rate.low, rate.high,
		   probe_verdict_name(probe_verdict_of(finding)));
}

void probe_show_csv(struct buf *out, const char *side, const struct probe_report *report)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct probe_finding *finding = &report->findings[i];

		probe_show_row(out, side, finding, "", &finding->count);
		for (size_t at = 0; at < finding->delay_count; at++) {
			char delay[24];

			snprintf(delay, sizeof(delay), "%" PRId64, finding->delays[at].delay_ms);
			probe_show_row(out, side, finding, delay, &finding->delays[at].count);
		}
	}
}
