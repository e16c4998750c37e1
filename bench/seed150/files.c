/* The result files, in the seed's shape: an array of samples. And all of it for `--json`. */
#include "bench/seed150/seed150.h"
#include "bench/seed150/reference.h"
#include "core/base/units.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To microseconds: the clock is not more precise than that. */
static double files_round(double ms)
{
	return (double)(int64_t)(ms * 1000 + 0.5) / 1000;
}

/* Adds the samples of a result to an array, each with its database if with_database. */
static bool files_add_samples(json_t *array, const struct seed150_result *result,
			      bool with_database)
{
	size_t i;

	for (i = 0; i < result->sample_count; i++) {
		const struct seed150_sample *sample = &result->samples[i];
		char when[UNITS_TIME_TEXT + 1];
		json_t *object;

		units_format_time(sample->wall_ms, when);
		object = json_pack("{s:s, s:f, s:b, s:i, s:s, s:s?}", "operation",
				   seed_reference_rows[sample->operation], "response_time",
				   files_round(sample->response_ms), "success", sample->success,
				   "status_code", sample->status, "timestamp", when, "cart_id",
				   sample->cart_id[0] == '\0' ? NULL : sample->cart_id);
		if (with_database &&
		    json_object_set_new(object, "database", json_string(result->name)) != 0) {
			json_decref(object);
			return false;
		}
		if (json_array_append_new(array, object) != 0)
			return false;
	}
	return true;
}

/* Writes beside the file and renames, so that an old result is never half overwritten. */
static int files_write(const char *path, const json_t *array, struct cart_error *error)
{
	char *beside;
	int failed = 0;

	if (asprintf(&beside, "%s.new", path) < 0)
		return cart_error_set(error, "no memory");
	errno = 0;
	if (json_dump_file(array, beside, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0 ||
	    rename(beside, path) != 0) {
		failed = cart_error_set(error, "cannot write %s: %s", path,
					errno != 0 ? strerror(errno) : "no memory");
		unlink(beside);
	}
	free(beside);
	return failed;
}

static int files_write_results(const char *path, const struct seed150_result *results, size_t count,
			       bool with_database, struct cart_error *error)
{
	json_t *array = json_array();
	bool packed = array != NULL;
	int failed;
	size_t i;

	for (i = 0; i < count && packed; i++)
		packed = files_add_samples(array, &results[i], with_database);
	failed = packed ? files_write(path, array, error) : cart_error_set(error, "no memory");
	json_decref(array);
	return failed;
}

int seed150_write_results(const char *dir, const struct seed150_result *result,
			  struct cart_error *error)
{
	char *path;
	int failed;

	if (asprintf(&path, "%s/%s_test_results.json", dir, result->name) < 0)
		return cart_error_set(error, "no memory");
	failed = files_write_results(path, result, 1, false, error);
	free(path);
	return failed;
}

int seed150_write_combined(const char *dir, const struct seed150_result *results, size_t count,
			   struct cart_error *error)
{
	char *path;
	int failed;

	if (asprintf(&path, "%s/combined_results.json", dir) < 0)
		return cart_error_set(error, "no memory");
	failed = files_write_results(path, results, count, true, error);
	free(path);
	return failed;
}

static json_t *files_summary(const struct seed150_result *result, enum seed150_operation operation)
{
	struct bench_summary summary = seed150_summarize(result, operation);

	return json_pack("{s:I, s:I, s:f, s:f, s:f}", "tried",
			 (json_int_t)seed150_tried(result, operation), "success",
			 (json_int_t)summary.count, "avg",
			 files_round(bench_summary_average(&summary)), "min",
			 files_round(summary.min), "max", files_round(summary.max));
}

static json_t *files_result(const struct seed150_result *result)
{
	json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:s?}", "url", result->url, "database",
				   result->name, "keep_alive", result->keep_alive, "complete",
				   result->sample_count == SEED150_TOTAL, "error",
				   result->error.text[0] == '\0' ? NULL : result->error.text);
	size_t row;

	for (row = 0; row < SEED_REFERENCE_ROWS; row++)
		if (json_object_set_new(object, seed_reference_rows[row],
					files_summary(result, (enum seed150_operation)row)) != 0)
			break;
	if (row < SEED_REFERENCE_ROWS) {
		json_decref(object);
		return NULL;
	}
	return object;
}

bool seed150_print_json(FILE *out, const struct seed150_result *results, size_t count)
{
	json_t *array = json_array(), *all;
	bool printed = array != NULL;
	size_t i;

	for (i = 0; i < count && printed; i++)
		printed = json_array_append_new(array, files_result(&results[i])) == 0;
	all = json_pack("{s:s, s:O, s:o}", "unit", "ms", "results", array, "seed",
			json_loadb(embed_seed_results_json, embed_seed_results_json_len, 0, NULL));
	printed = printed && json_dumpf(all, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0;
	fputc('\n', out);
	json_decref(all);
	json_decref(array);
	return printed && ferror(out) == 0;
}
