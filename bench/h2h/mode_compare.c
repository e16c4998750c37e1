/* `cartbench compare`: two results files, and what changed. */
#include "bench/h2h/compare.h"
#include "bench/cli/mode.h"
#include "bench/cli/options.h"
#include "bench/result/result.h"
#include "core/base/buf.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct compare_options {
	double margin;
	double confidence;
	bool json;
	const char *csv;
	bool other_machine;
};

#define COMPARE_AT(member_) .at = offsetof(struct compare_options, member_)

static const struct bench_option compare_table[] = {
	{.name = "margin",
	 .type = OPTION_SHARE,
	 COMPARE_AT(margin),
	 .value = "SHARE",
	 .fallback = "5%",
	 .min = 0.001,
	 .max = 0.99,
	 .help = "differences below it do not matter: what EQUIVALENT means"},
	{.name = "confidence",
	 .type = OPTION_SHARE,
	 COMPARE_AT(confidence),
	 .value = "SHARE",
	 .fallback = "95%",
	 .min = 0.5,
	 .max = 0.9999,
	 .help = "of the intervals, and of all verdicts of the table together"},
	{.name = "json", .type = OPTION_FLAG, COMPARE_AT(json), .help = "prints JSON, no table"},
	{.name = "csv",
	 .type = OPTION_TEXT,
	 COMPARE_AT(csv),
	 .value = "FILE",
	 .help = "writes a row a comparison there"},
	{.name = "other-machine",
	 .type = OPTION_FLAG,
	 COMPARE_AT(other_machine),
	 .help = "compares results of two machines, which says little of what ran on them"},
	{0},
};

static const char compare_about[] =
	"Compares two results of `cartbench run --out`, or two of `cartbench h2h --out`: the old\n"
	"one is A, the new one B. Says what differs in how they were made, and which changes are\n"
	"more than chance. They were not measured in pairs: a machine that was busier the second\n"
	"time is in the difference too.\n";

static const struct bench_options compare_options_of = {
	.mode = "compare",
	.arguments = "OLD.json NEW.json",
	.arguments_min = 2,
	.arguments_max = 2,
	.about = compare_about,
	.more = "Exit status: 0 compared, whatever the verdicts; 2 they cannot be compared.\n",
	.example = "cartbench compare before.json after.json",
};

static int compare_write_csv(const char *path, const struct compare *compare,
			     struct cart_error *error)
{
	struct buf rows = {0};
	FILE *file;
	bool whole;

	if (path == NULL)
		return 0;
	file = fopen(path, "we");
	if (file == NULL)
		return cart_error_set(error, "cannot write %s", path);
	compare_csv(&rows, compare);
	whole = fwrite(rows.data, 1, rows.len, file) == rows.len;
	whole = fclose(file) == 0 && whole;
	buf_free(&rows);
	return whole ? 0 : cart_error_set(error, "cannot write %s", path);
}

static int compare_show(const struct compare *compare, const struct compare_options *options,
			struct cart_error *error)
{
	json_t *json;
	int result;

	if (compare_write_csv(options->csv, compare, error) != 0)
		return -1;
	if (!options->json) {
		compare_print(stdout, compare, options->margin, options->confidence);
		return fflush(stdout) == 0 ? 0 : cart_error_set(error, "cannot print the result");
	}
	json = compare_json(compare, options->margin, options->confidence);
	result = json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(json);
	if (result != 0 || fflush(stdout) != 0)
		return cart_error_set(error, "cannot print the result");
	return 0;
}

static int compare_run(const struct bench_texts *files, const struct compare_options *options,
		       struct cart_error *error)
{
	json_t *old_result = bench_result_read(files->items[0], "run h2h", error);
	json_t *new_result = NULL;
	struct compare compare;
	int result = -1;

	if (old_result == NULL)
		goto out;
	new_result = bench_result_read(files->items[1], "run h2h", error);
	if (new_result == NULL)
		goto out;
	if (!compare_print_conditions(stderr, old_result, new_result) && !options->other_machine) {
		cart_error_set(error, "the two were made on different machines "
				      "(--other-machine compares them nevertheless)");
		goto out;
	}
	result = compare_results(&compare, old_result, new_result, options->margin,
				 options->confidence, error);
	if (result == 0)
		result = compare_show(&compare, options, error);
out:
	json_decref(old_result);
	json_decref(new_result);
	return result;
}

static enum bench_exit compare_run_mode(int argc, char **argv)
{
	struct compare_options into = {0};
	struct bench_options options = compare_options_of;
	struct bench_texts files;
	struct cart_error error;
	enum bench_exit status;

	options.tables[0].options = compare_table;
	options.tables[0].into = &into;
	if (!bench_options_parse(&options, argc, argv, &files, &status))
		return status;
	if (compare_run(&files, &into, &error) == 0)
		return BENCH_PASS;
	fprintf(stderr, "cartbench compare: %s\n", error.text);
	return BENCH_INVALID;
}

const struct bench_mode compare_mode = {
	.name = "compare",
	.arguments = "[OPTIONS] OLD.json NEW.json",
	.summary = "two archived results: what changed, and whether it is more than chance",
	.run = compare_run_mode,
};
