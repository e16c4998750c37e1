/*
 * `cartbench report`: options; the files are read and checked before anything is written, and the
 * page replaces an older one whole.
 */
#include "bench/cli/mode.h"
#include "bench/result/result.h"
#include "bench/report/page.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_FILES_MAX 64

struct report_options {
	const char *out;
	const char *markdown;
	const char *seed;
	const char *prices;
	const char *write_price;
	const char *read_price;
	const char *instance_price;
	const char *instance_name;
};

static const char report_help[] =
	"Usage: cartbench report [OPTIONS] RESULT.json...\n"
	"\n"
	"Makes one HTML file, which needs no other, of results that run, h2h, sweep and "
	"consistency\n"
	"have written: verdicts, pictures, tables, settings. Readable on a phone and in print.\n"
	"\n"
	"  --out FILE             the page (default: report.html, if no --markdown is given)\n"
	"  --markdown FILE        verdicts and tables for a pull request; - is standard output\n"
	"  --seed150 DIR          adds the *_test_results.json of seed150, beside the seed's own\n"
	"  --prices FILE          in place of the built-in, dated list (bench/report/prices.json)\n"
	"  --write-price NUMBER   of a million write units\n"
	"  --read-price NUMBER    of a million read units\n"
	"  --instance-price NUMBER  of the database instance, an hour\n"
	"  --instance-name TEXT   what that instance is\n"
	"  --help                 this text\n"
	"\n"
	"Example: cartbench report --out index.html --seed150 results h2h.json sweep-mysql.json\n"
	"\n"
	"Exit status: 0 written; 2 wrong usage, a file that is no result, or nothing could be\n"
	"written.\n";

static enum bench_exit report_usage(const char *what, const char *which)
{
	fprintf(stderr, "cartbench report: %s%s; cartbench report --help shows how\n", what, which);
	return BENCH_INVALID;
}

enum {
	REPORT_OUT = 256,
	REPORT_MARKDOWN,
	REPORT_SEED,
	REPORT_PRICES,
	REPORT_WRITE_PRICE,
	REPORT_READ_PRICE,
	REPORT_INSTANCE_PRICE,
	REPORT_INSTANCE_NAME
};

/* Where a flag's value goes; NULL: it is none of those. */
static const char **report_slot(struct report_options *options, int option)
{
	switch (option) {
	case REPORT_OUT:
		return &options->out;
	case REPORT_MARKDOWN:
		return &options->markdown;
	case REPORT_SEED:
		return &options->seed;
	case REPORT_PRICES:
		return &options->prices;
	case REPORT_WRITE_PRICE:
		return &options->write_price;
	case REPORT_READ_PRICE:
		return &options->read_price;
	case REPORT_INSTANCE_PRICE:
		return &options->instance_price;
	case REPORT_INSTANCE_NAME:
		return &options->instance_name;
	default:
		return NULL;
	}
}

/* True: go on. False: *status says how it ends. */
static bool report_parse(int argc, char **argv, struct report_options *options,
			 enum bench_exit *status)
{
	static const struct option known[] = {
		{"out", required_argument, NULL, REPORT_OUT},
		{"markdown", required_argument, NULL, REPORT_MARKDOWN},
		{"seed150", required_argument, NULL, REPORT_SEED},
		{"prices", required_argument, NULL, REPORT_PRICES},
		{"write-price", required_argument, NULL, REPORT_WRITE_PRICE},
		{"read-price", required_argument, NULL, REPORT_READ_PRICE},
		{"instance-price", required_argument, NULL, REPORT_INSTANCE_PRICE},
		{"instance-name", required_argument, NULL, REPORT_INSTANCE_NAME},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	optind = 0; /* anew, GNU's way: a test may have parsed before */
	opterr = 0;
	*status = BENCH_INVALID;
	while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		const char **slot = report_slot(options, option);

		if (slot != NULL) {
			*slot = optarg;
		} else if (option == 'h') {
			*status = fputs(report_help, stdout) < 0 ? BENCH_INVALID : BENCH_PASS;
			return false;
		} else {
			report_usage(option == ':' ? "no value for " : "no such option: ",
				     argv[optind - 1]);
			return false;
		}
	}
	if (optind == argc)
		report_usage("no results file given", "");
	else if (argc - optind > REPORT_FILES_MAX)
		report_usage("too many files", "");
	else
		return true;
	return false;
}

/* text NULL: nothing was given. */
static bool report_price(double *price, const char *text, struct report_prices *prices)
{
	char *end;
	double value;

	if (text == NULL)
		return true;
	value = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || !isfinite(value) || value < 0) {
		report_usage("a price is a number as 0.625, not ", text);
		return false;
	}
	*price = value;
	prices->overridden = true;
	return true;
}

static bool report_take_prices(struct report *report, const struct report_options *options)
{
	struct report_prices *prices = &report->prices;
	struct cart_error error;

	if (report_prices_read(prices, options->prices, &error) != 0) {
		fprintf(stderr, "cartbench: %s: %s\n",
			options->prices != NULL ? options->prices : "the list of prices",
			error.text);
		return false;
	}
	if (options->instance_name != NULL)
		prices->instance = options->instance_name;
	if (options->instance_name != NULL || options->instance_price != NULL)
		prices->instance_source = "given by a flag";
	return report_price(&prices->write_million, options->write_price, prices) &&
	       report_price(&prices->read_million, options->read_price, prices) &&
	       report_price(&prices->instance_hour, options->instance_price, prices);
}

static bool report_read(struct report *report, const struct report_options *options, char **files,
			size_t count)
{
	struct cart_error error;
	size_t i;

	for (i = 0; i < count; i++) {
		if (report_doc_read(&report->docs[i], files[i], &error) != 0) {
			fprintf(stderr, "cartbench: %s: %s\n", files[i], error.text);
			return false;
		}
		report->doc_count++;
	}
	if (options->seed != NULL && report_seed_read(report, options->seed, &error) != 0) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		return false;
	}
	report_docs_settle(report);
	if (report->other_machines)
		fprintf(stderr, "cartbench: warning: the results are not all from one machine: "
				"nothing may be compared across them\n");
	return report_take_prices(report, options);
}

static void report_compose(struct report *report)
{
	report_section_head(report);
	report_section_verdicts(report);
	report_section_forest(report);
	report_section_latency(report);
	report_section_load(report);
	report_section_time(report);
	report_section_sweep(report);
	report_section_split(report);
	report_section_consistency(report);
	report_section_cost(report);
	report_section_seed(report);
	report_section_settings(report);
	report_section_reading(report);
	page_end(report);
}

/* Beside the file and renamed, so that an older page is never half overwritten. */
static bool report_write(const struct buf *text, const char *path)
{
	struct cart_error error;

	if (strcmp(path, "-") == 0)
		return fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
	if (bench_result_write_text(path, text->data, text->len, &error) == 0)
		return true;
	fprintf(stderr, "cartbench: %s\n", error.text);
	return false;
}

static enum bench_exit report_write_all(struct report *report, const struct report_options *options)
{
	const char *out = options->out;

	if (report->html.failed || report->markdown.failed) {
		fprintf(stderr, "cartbench: no memory\n");
		return BENCH_INVALID;
	}
	if (out == NULL && options->markdown == NULL)
		out = "report.html";
	if ((out != NULL && !report_write(&report->html, out)) ||
	    (options->markdown != NULL && !report_write(&report->markdown, options->markdown)))
		return BENCH_INVALID;
	if (out != NULL && strcmp(out, "-") != 0)
		fprintf(stderr, "cartbench: written: %s\n", out);
	return BENCH_PASS;
}

static enum bench_exit report_run_mode(int argc, char **argv)
{
	struct report_options options = {0};
	enum bench_exit status;
	struct report report = {0};
	size_t count, i;

	if (!report_parse(argc, argv, &options, &status))
		return status;
	count = (size_t)(argc - optind);
	report.docs = calloc(count, sizeof(*report.docs));
	status = BENCH_INVALID;
	if (report.docs != NULL && report_read(&report, &options, argv + optind, count)) {
		report_compose(&report);
		status = report_write_all(&report, &options);
	}
	for (i = 0; i < report.doc_count; i++)
		report_doc_free(&report.docs[i]);
	for (i = 0; i < report.seed_count; i++)
		free(report.seed[i].name);
	report_prices_free(&report.prices);
	free(report.docs);
	buf_free(&report.html);
	buf_free(&report.markdown);
	buf_free(&report.contents);
	return status;
}

const struct bench_mode report_mode = {
	.name = "report",
	.arguments = "[OPTIONS] RESULT.json...",
	.summary = "one HTML file with verdicts and pictures of what the other modes measured",
	.run = report_run_mode,
};
