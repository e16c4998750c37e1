#include "bench/h2h/compare.h"

#include "bench/result/member.h"
#include "bench/stats/blocks.h"
#include "bench/stats/describe.h"
#include "bench/stats/verdict.h"
#include "bench/stats/ranks.h"
#include "bench/stats/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A side's values of a row, as logarithms. */
struct compare_sample {
	double *logs;
	size_t count;
	size_t idle; /* seconds that had none */
};

static struct compare_sample compare_sample_new(size_t room)
{
	return (struct compare_sample){.logs = bench_alloc(room, sizeof(double))};
}

/* Of `run`: a member of each second; what is not above 0 has no logarithm and is left out. */
static struct compare_sample compare_seconds(const json_t *result, const char *member)
{
	const json_t *seconds = json_object_get(json_object_get(result, "results"), "seconds");
	struct compare_sample sample = compare_sample_new(json_array_size(seconds));
	const json_t *second;

	member_each(i, second, seconds) {
		double value = json_number_value(json_object_get(second, member));

		if (value > 0)
			sample.logs[sample.count++] = log(value);
		else
			sample.idle++;
	}
	return sample;
}

static const json_t *compare_find_quantile(const json_t *result, const char *operation, double q)
{
	const json_t *each, *row;

	member_each(i, each, json_object_get(json_object_get(result, "results"), "operations")) {
		const char *name = json_string_value(json_object_get(each, "operation"));

		if (name == NULL || strcmp(name, operation) != 0)
			continue;
		member_each(at, row, json_object_get(each, "quantiles"))
			if (fabs(member_number(row, "q") - q) < 1e-9)
				return row;
	}
	return NULL;
}

static struct compare_sample compare_blocks(const json_t *row)
{
	const json_t *ratios = json_object_get(row, "log_ratios"), *ratio;
	struct compare_sample sample = compare_sample_new(json_array_size(ratios));

	member_each(i, ratio, ratios)
		if (json_is_number(ratio))
			sample.logs[sample.count++] = json_number_value(ratio);
	return sample;
}

/* Welch's test with the errors of both sides' blocks, and two one-sided tests on the same. */
static void compare_welch(struct compare_row *row, const struct stats_blocks *a,
			  const struct stats_blocks *b, double margin, double confidence)
{
	struct stats_welch welch;

	stats_welch(&welch, &(struct stats_mean){a->mean, a->error, a->df},
		    &(struct stats_mean){b->mean, b->error, b->df}, confidence);
	row->change = expm1(welch.difference);
	row->low = expm1(welch.low);
	row->high = expm1(welch.high);
	row->comparison.effect = row->more_is_better ? -welch.difference : welch.difference;
	row->comparison.p_difference = welch.p;
	row->comparison.p_equivalence =
		stats_equivalence(welch.difference, welch.error, welch.df, margin);
}

static void compare_ranks(struct compare_row *row, const struct compare_sample *a,
			  const struct compare_sample *b, double confidence)
{
	struct stats_mann_whitney ranks;
	struct stats_hodges_lehmann shift;

	row->p_mann_whitney = 1;
	if (stats_mann_whitney(&ranks, a->logs, a->count, b->logs, b->count) == 0)
		row->p_mann_whitney = ranks.p;
	if (stats_hodges_lehmann(&shift, a->logs, a->count, b->logs, b->count, confidence) != 0)
		return;
	row->shift = expm1(shift.shift);
	row->shift_low = expm1(shift.low);
	row->shift_high = expm1(shift.high);
}

static double compare_value(const struct compare_row *row, const struct compare_sample *sample)
{
	double median = sample->count > 0 ? stats_median(sample->logs, sample->count) : 0;

	return row->unit == COMPARE_RATIO ? expm1(median) : exp(median);
}

/* Takes the samples. */
static void compare_add(struct compare *compare, const struct compare_row *of,
			struct compare_sample a, struct compare_sample b, double margin,
			double confidence)
{
	struct compare_row *row = &compare->rows[compare->count];
	struct stats_blocks blocks_a, blocks_b;

	if (compare->count < COMPARE_ROWS_MAX && a.count > 0 && b.count > 0) {
		*row = *of;
		row->old_value = compare_value(row, &a);
		row->new_value = compare_value(row, &b);
		row->old_count = a.count;
		row->new_count = b.count;
		row->comparison.p_difference = 1;
		row->comparison.p_equivalence = 1;
		row->idle = row->unit == COMPARE_PER_S ? a.idle + b.idle : 0;
		row->judged = a.count >= COMPARE_MIN && b.count >= COMPARE_MIN && row->idle == 0 &&
			      stats_blocks(&blocks_a, a.logs, a.count) == 0 &&
			      stats_blocks(&blocks_b, b.logs, b.count) == 0;
		if (row->judged) {
			compare_welch(row, &blocks_a, &blocks_b, margin, confidence);
			compare_ranks(row, &a, &b, confidence);
		}
		compare->count++;
	}
	free(a.logs);
	free(b.logs);
}

static void compare_runs(struct compare *compare, const json_t *old_result,
			 const json_t *new_result, double margin, double confidence)
{
	static const struct {
		const char *member;
		struct compare_row row;
	} of[] = {
		{"ok",
		 {.name = "succeeded a second", .unit = COMPARE_PER_S, .more_is_better = true}},
		{"p50_ms", {.name = "all operations p50", .unit = COMPARE_MS}},
		{"p99_ms", {.name = "all operations p99", .unit = COMPARE_MS}},
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		compare_add(compare, &of[i].row, compare_seconds(old_result, of[i].member),
			    compare_seconds(new_result, of[i].member), margin, confidence);
}

static void compare_heads(struct compare *compare, const json_t *old_result,
			  const json_t *new_result, double margin, double confidence)
{
	const json_t *each, *row, *other;

	member_each(i, each,
		    json_object_get(json_object_get(old_result, "results"), "operations")) {
		const char *operation = json_string_value(json_object_get(each, "operation"));

		member_each(at, row, json_object_get(each, "quantiles")) {
			double q = member_number(row, "q");
			struct compare_row of = {.unit = COMPARE_RATIO};

			other = operation != NULL ? compare_find_quantile(new_result, operation, q)
						  : NULL;
			if (other == NULL)
				continue;
			snprintf(of.name, sizeof(of.name), "%.20s p%g, B to A", operation, 100 * q);
			compare_add(compare, &of, compare_blocks(row), compare_blocks(other),
				    margin, confidence);
		}
	}
}

static void compare_judge(struct compare *compare, double confidence)
{
	struct stats_comparison all[COMPARE_ROWS_MAX];

	for (size_t i = 0; i < compare->count; i++)
		all[i] = compare->rows[i].comparison;
	stats_verdicts(all, compare->count, 1 - confidence);
	for (size_t i = 0; i < compare->count; i++)
		compare->rows[i].comparison = all[i];
}

int compare_results(struct compare *compare, const json_t *old_result, const json_t *new_result,
		    double margin, double confidence, struct cart_error *error)
{
	const char *kind = json_string_value(json_object_get(old_result, "kind"));
	const char *other = json_string_value(json_object_get(new_result, "kind"));

	*compare = (struct compare){0};
	if (kind == NULL || other == NULL || strcmp(kind, other) != 0)
		return cart_error_set(error, "one is of `%s` and the other of `%s`",
				      kind != NULL ? kind : "?", other != NULL ? other : "?");
	if (strcmp(kind, "run") == 0 &&
	    !json_equal(json_object_get(json_object_get(old_result, "results"), "mode"),
			json_object_get(json_object_get(new_result, "results"), "mode")))
		return cart_error_set(error,
				      "one is of a closed loop and the other of an open one");
	if (strcmp(kind, "run") == 0)
		compare_runs(compare, old_result, new_result, margin, confidence);
	else
		compare_heads(compare, old_result, new_result, margin, confidence);
	if (compare->count == 0)
		return cart_error_set(error, "they have nothing in common that could be compared");
	compare_judge(compare, confidence);
	return 0;
}
