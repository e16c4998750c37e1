/* What is made of the samples: the seed's table as it printed it, with its own figures beside ours;
 * the files of samples in the seed's shape; and all of it for `--json`. */
#include "bench/result/result.h"
#include "bench/seed150/reference.h"
#include "bench/seed150/seed150.h"
#include "core/base/units.h"

#include <stdlib.h>
#include <string.h>

#define SHOW_CELL 24 /* room for a number */
#define SHOW_PATH 4096

/* "12.34", or "-" for a figure that there is not. */
static const char *show_ms(char cell[SHOW_CELL], double ms)
{
	if (ms < 0)
		return "-";
	snprintf(cell, SHOW_CELL, "%.2f", ms);
	return cell;
}

static void show_times(FILE *out, const struct seed_times *times)
{
	char avg[SHOW_CELL], min[SHOW_CELL], max[SHOW_CELL];

	fprintf(out, " | %7s %7s %7s", show_ms(avg, times->avg), show_ms(min, times->min),
		show_ms(max, times->max));
}

static void show_row(FILE *out, const struct seed150_result *result, size_t at,
		     const struct seed_reference *references)
{
	struct seed150_row row = seed150_row(result, (enum seed150_operation)at);
	struct seed_times ours = {bench_summary_average(&row.times), row.times.min, row.times.max};

	if (row.times.count == 0)
		ours = (struct seed_times){-1, -1, -1};
	fprintf(out, "%-12s %4zu", seed_reference_rows[at], row.tried);
	show_times(out, &ours);
	for (size_t i = 0; i < SEED_REFERENCE_DATABASES; i++)
		show_times(out, &references[i].rows[at]);
	fputc('\n', out);
}

static void show_success(FILE *out, const struct seed150_result *result,
			 const struct seed_reference *references)
{
	size_t good = seed150_row(result, SEED150_OPERATIONS).times.count;
	char cell[SHOW_CELL];

	snprintf(cell, sizeof(cell), "%zu of %d, %.1f %%", good, SEED150_TOTAL,
		 100.0 * (double)good / SEED150_TOTAL);
	fprintf(out, "%-17s | %23s", "success", cell);
	for (size_t i = 0; i < SEED_REFERENCE_DATABASES; i++)
		fprintf(out, " | %16d of %d", references[i].success, SEED150_TOTAL);
	fputc('\n', out);
}

/* "-" in our own columns has a reason. */
static void show_why(FILE *out, const struct seed150_result *result)
{
	for (size_t i = 0; i < SEED_REFERENCE_ROWS; i++) {
		const char *why = seed150_why(result, (enum seed150_operation)i);

		if (*why != '\0')
			fprintf(out, "%s was not measured: %s\n", seed_reference_rows[i], why);
	}
}

bool seed150_print_table(FILE *out, const struct seed150_result *result)
{
	struct seed_reference references[SEED_REFERENCE_DATABASES];

	if (seed_reference_load(references) != 0)
		return false;
	fprintf(out, "seed150 of %s (%s), %s\n\n%-17s | %-23s | %-23s | %s\n%-12s %4s", result->url,
		result->name,
		result->keep_alive ? "one kept connection" : "a new TCP connection each operation",
		"", "here", "the seed, MySQL", "the seed, DynamoDB", "operation", "n");
	for (size_t i = 0; i < SEED_REFERENCE_DATABASES + 1; i++)
		fprintf(out, " | %7s %7s %7s", "avg ms", "min", "max");
	fprintf(out, "\n%s\n",
		"------------------+-------------------------+"
		"-------------------------+-------------------------");
	for (size_t row = 0; row < SEED_REFERENCE_ROWS; row++)
		show_row(out, result, row, references);
	show_success(out, result, references);
	show_why(out, result);
	return ferror(out) == 0;
}

void seed150_print_caveat(FILE *out)
{
	fputs("\nThe seed's figures (DynamoDB analysis of 1 November 2025) were taken through a "
	      "load\n"
	      "balancer to another region, us-west-2: the absolute figures are not comparable "
	      "with\n"
	      "those taken here. \"-\" in their columns was not published.\n",
	      out);
}

/* To microseconds: the clock is not more precise than that. */
static double show_round(double ms)
{
	return (double)(int64_t)(ms * 1000 + 0.5) / 1000;
}

static json_t *show_sample(const struct seed150_sample *sample, const char *database)
{
	char when[UNITS_TIME_TEXT + 1];

	units_format_time(sample->wall_ms, when);
	return json_pack("{s:s, s:f, s:b, s:i, s:s, s:s?, s:s*}", "operation",
			 seed_reference_rows[sample->operation], "response_time",
			 show_round(sample->response_ms), "success", sample->success, "status_code",
			 sample->status, "timestamp", when, "cart_id",
			 sample->cart_id[0] == '\0' ? NULL : sample->cart_id, "database", database);
}

int seed150_write(const char *dir, const char *name, const struct seed150_result *results,
		  size_t count, struct cart_error *error)
{
	json_t *samples = json_array();
	char path[SHOW_PATH];
	int failed;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < results[i].sample_count; k++)
			json_array_append_new(samples,
					      show_sample(&results[i].samples[k],
							  count > 1 ? results[i].name : NULL));
	snprintf(path, sizeof(path), "%s/%s_results.json", dir, name);
	failed = bench_result_write(samples, path, error);
	json_decref(samples);
	return failed;
}

static json_t *show_result(const struct seed150_result *result)
{
	json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:s?}", "url", result->url, "database",
				   result->name, "keep_alive", result->keep_alive, "complete",
				   result->sample_count == SEED150_TOTAL, "error",
				   result->error.text[0] == '\0' ? NULL : result->error.text);

	for (size_t i = 0; i < SEED_REFERENCE_ROWS; i++) {
		struct seed150_row row = seed150_row(result, (enum seed150_operation)i);

		const char *why = seed150_why(result, (enum seed150_operation)i);

		json_object_set_new(
			object, seed_reference_rows[i],
			json_pack("{s:I, s:I, s:f, s:f, s:f, s:s?}", "tried", (json_int_t)row.tried,
				  "success", (json_int_t)row.times.count, "avg",
				  show_round(bench_summary_average(&row.times)), "min",
				  show_round(row.times.min), "max", show_round(row.times.max),
				  "why", *why != '\0' ? why : NULL));
	}
	return object;
}

bool seed150_print_json(FILE *out, const struct seed150_result *results, size_t count)
{
	json_t *array = json_array(), *all;
	bool printed;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, show_result(&results[i]));
	all = json_pack("{s:s, s:o, s:o}", "unit", "ms", "results", array, "seed",
			json_loadb(embed_seed_results_json, embed_seed_results_json_len, 0, NULL));
	printed = json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0;
	fputc('\n', out);
	json_decref(all);
	return printed && ferror(out) == 0;
}
