#include "bench/result/tally.h"

#include "bench/result/table.h"
#include "bench/result/number.h"
#include "bench/result/result.h"
#include "bench/result/member.h"
#include "bench/stats/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TALLY_CONFIDENCE  0.95
#define TALLY_ROUNDING_NS INT64_C(20000)

void tally_init(struct tally *tally, bool open)
{
	*tally = (struct tally){.service = bench_hdr_new(BENCH_HDR_HOUR_NS)};
	if (open) {
		tally->response = bench_hdr_new(BENCH_HDR_HOUR_NS);
		tally->lag = bench_hdr_new(BENCH_HDR_HOUR_NS);
	}
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		tally->parts[i] = bench_hdr_new(BENCH_HDR_HOUR_NS);
}

void tally_free(struct tally *tally)
{
	bench_hdr_free(&tally->service);
	bench_hdr_free(&tally->response);
	bench_hdr_free(&tally->lag);
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		bench_hdr_free(&tally->parts[i]);
}

static void tally_count_error(struct tally *tally, const char *text, uint64_t count)
{
	size_t at = 0;

	while (at < tally->error_count && strcmp(tally->errors[at].text, text) != 0)
		at++;
	if (at == TALLY_ERRORS_MAX) {
		at--;
		strcpy(tally->errors[at].text, "other");
	} else if (at == tally->error_count) {
		snprintf(tally->errors[at].text, sizeof(tally->errors[at].text), "%s", text);
		tally->error_count++;
	}
	tally->errors[at].count += count;
}

static void tally_record_failure(struct tally *tally, const struct bench_op *op)
{
	char text[TALLY_ERROR_TEXT];

	if (op->outcome == BENCH_REFUSED)
		tally->refused++;
	else
		tally->unknown++;
	if (op->status != 0 && strncmp(op->error, "HTTP ", 5) != 0)
		snprintf(text, sizeof(text), "%d %s", op->status, op->error);
	else
		snprintf(text, sizeof(text), "%s", op->error);
	tally_count_error(tally, text, 1);
}

/* The service rounds its figures, and its machine's clock may run faster, so a difference can be
 * slightly negative. */
static int64_t tally_rest(int64_t ns)
{
	return ns > 0 ? ns : 0;
}

static bool tally_fits(int64_t part_ns, int64_t whole_ns)
{
	return part_ns <= whole_ns + whole_ns / 1000 + TALLY_ROUNDING_NS;
}

static void tally_record_parts(struct tally *tally, const struct bench_op *op)
{
	int64_t ns = op->done_ns - op->sent_ns;

	if (op->total_ns < 0 || op->queue_ns < 0 || op->db_ns < 0) {
		tally->untimed++;
		return;
	}
	if (!tally_fits(op->total_ns, ns) || !tally_fits(op->db_ns, op->total_ns) ||
	    !tally_fits(op->queue_ns, op->total_ns - op->db_ns)) {
		tally->mistimed++;
		return;
	}
	bench_hdr_record(tally->parts[SPLIT_CLIENT], tally_rest(ns - op->total_ns));
	bench_hdr_record(tally->parts[SPLIT_QUEUE], op->queue_ns);
	bench_hdr_record(tally->parts[SPLIT_DB], op->db_ns);
	bench_hdr_record(tally->parts[SPLIT_SERVICE],
			 tally_rest(op->total_ns - op->queue_ns - op->db_ns));
}

void tally_record(struct tally *tally, const struct bench_op *op, int64_t intended_ns)
{
	tally->tried++;
	/* Lag is recorded for failed operations too. */
	if (tally->lag != NULL)
		bench_hdr_record(tally->lag, op->sent_ns - intended_ns);
	if (op->outcome != BENCH_OK) {
		tally_record_failure(tally, op);
		return;
	}
	tally->ok++;
	tally->cached += op->cached;
	bench_hdr_record(tally->service, op->done_ns - op->sent_ns);
	if (tally->response != NULL)
		bench_hdr_record(tally->response, op->done_ns - intended_ns);
	tally_record_parts(tally, op);
}

static double tally_failed(const struct tally_share *of)
{
	return of->tried > 0 ? (double)(of->tried - of->ok) / (double)of->tried : 0;
}

bool tally_is_comparable(const struct tally_share *a, const struct tally_share *b,
			 const char *operation, char why[TALLY_WHY])
{
	const struct tally_share *worse = tally_failed(a) > tally_failed(b) ? a : b;
	const struct tally_share *other = worse == a ? b : a;
	char failed[NUMBER_TEXT], beside[NUMBER_TEXT];

	if (a->tried == 0 || b->tried == 0 || worse->ok == worse->tried)
		return true;
	if (tally_failed(worse) <= 1 - TALLY_SUCCESS_MIN &&
	    stats_wilson(worse->ok, worse->tried, TALLY_CONFIDENCE).high >=
		    stats_wilson(other->ok, other->tried, TALLY_CONFIDENCE).low)
		return true;
	snprintf(why, TALLY_WHY, "%s failed %s of %.40s, %s %s", worse->name,
		 number_share(tally_failed(worse), failed), operation, other->name,
		 number_share(tally_failed(other), beside));
	return false;
}

static void tally_merge_hdr(struct bench_hdr *hdr, const struct bench_hdr *from)
{
	if (hdr != NULL && bench_hdr_merge(hdr, from) != 0)
		abort(); /* a bug: the histograms have different ranges */
}

void tally_merge(struct tally *tally, const struct tally *from)
{
	tally->tried += from->tried;
	tally->ok += from->ok;
	tally->refused += from->refused;
	tally->unknown += from->unknown;
	tally->cached += from->cached;
	tally->untimed += from->untimed;
	tally->mistimed += from->mistimed;
	for (size_t i = 0; i < from->error_count; i++)
		tally_count_error(tally, from->errors[i].text, from->errors[i].count);
	tally_merge_hdr(tally->service, from->service);
	tally_merge_hdr(tally->response, from->response);
	tally_merge_hdr(tally->lag, from->lag);
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		tally_merge_hdr(tally->parts[i], from->parts[i]);
}

const char *const bench_split_part_names[BENCH_SPLIT_PARTS] = {
	[SPLIT_CLIENT] = "client",
	[SPLIT_QUEUE] = "queue",
	[SPLIT_DB] = "db",
	[SPLIT_SERVICE] = "service",
};

void tally_add_times(struct tally *sum, const struct tally *tally)
{
	sum->ok += tally->ok;
	sum->untimed += tally->untimed;
	sum->mistimed += tally->mistimed;
}

bool tally_times_hold(const struct tally *sum, char why[TALLY_WHY])
{
	uint64_t count = sum->mistimed > 0 ? sum->mistimed : sum->untimed;

	snprintf(why, TALLY_WHY, "%llu of %llu answers %s", (unsigned long long)count,
		 (unsigned long long)sum->ok,
		 sum->mistimed > 0 ? "claim by Server-Timing that more time passed than the client "
				     "measured"
				   : "have no Server-Timing, or a negative one");
	return count == 0;
}

json_t *tally_split_json(const struct tally *tally)
{
	json_t *mean = json_object(), *median = json_object();
	char why[TALLY_WHY];

	if (tally->parts[0] == NULL || tally->parts[0]->count == 0 ||
	    !tally_times_hold(tally, why)) {
		json_decref(mean);
		json_decref(median);
		return json_null();
	}
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++) {
		const struct bench_hdr *hdr = tally->parts[i];

		json_object_set_new(mean, bench_split_part_names[i],
				    json_real(bench_hdr_mean(hdr)));
		json_object_set_new(median, bench_split_part_names[i],
				    json_integer(bench_hdr_quantile(hdr, 0.5)));
	}
	return json_pack("{s:o, s:o}", "mean", mean, "median", median);
}

static json_t *tally_hist_json(const struct bench_hdr *hdr)
{
	return hdr != NULL ? bench_result_hist(hdr) : json_null();
}

json_t *tally_json(const struct tally *tally, enum bench_op_type type)
{
	json_t *errors = json_object(), *all;

	for (size_t i = 0; i < tally->error_count; i++)
		json_object_set_new(errors, tally->errors[i].text,
				    json_integer((json_int_t)tally->errors[i].count));
	all = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "operation",
			bench_op_type_name(type), "tried", (json_int_t)tally->tried, "ok",
			(json_int_t)tally->ok, "refused", (json_int_t)tally->refused, "unknown",
			(json_int_t)tally->unknown, "errors", errors, "success",
			bench_result_success(tally->ok, tally->tried), "service",
			tally_hist_json(tally->service), "response",
			tally_hist_json(tally->response), "lag", tally_hist_json(tally->lag),
			"split", tally_split_json(tally));
	if (tally->cached > 0)
		json_object_set_new(all, "cached", json_integer((json_int_t)tally->cached));
	return all;
}

const char *tally_format_share(const json_t *of, char text[TABLE_TEXT])
{
	char share[TABLE_TEXT], range[TABLE_TEXT];

	table_range(UNIT_SHARE, member_number(of, "low"), member_number(of, "high"), range);
	snprintf(text, TABLE_TEXT, "%.100s (%.300s)",
		 table_format(UNIT_SHARE, member_number(of, "share"), share), range);
	return text;
}

const char *tally_get_success(const struct table_row *row, char text[TABLE_TEXT])
{
	return tally_format_share(
		table_member(row, "share") != NULL ? row->in : table_member(row, "success"), text);
}

const char *tally_get_errors(const struct table_row *row, char text[TABLE_TEXT])
{
	json_t *errors = (json_t *)(uintptr_t)table_member(row, "errors"), *count;
	char digits[NUMBER_TEXT];
	const char *error;
	size_t used = 0;

	json_object_foreach(errors, error, count)
	{
		int len = snprintf(text + used, TABLE_TEXT - used, "%s%s \xc3\x97 %s",
				   used > 0 ? ", " : "",
				   number_count(json_number_value(count), digits), error);

		if (len < 0 || (size_t)len >= TABLE_TEXT - used)
			break;
		used += (size_t)len;
	}
	return used > 0 ? text : "none";
}
