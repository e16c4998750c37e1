/* `cartbench seed150`: options, targets, and what is printed of them. */
#include "bench/cli/mode.h"
#include "bench/seed150/seed150.h"
#include "core/base/units.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED150_TARGETS_MAX 16
#define SEED150_TIMEOUT_MS  10000

struct seed150_options {
	const char *out;
	bool json;
	bool keep_alive;
	int timeout_ms;
};

static const char seed150_help[] =
	"Usage: cartbench seed150 [OPTIONS] URL...\n"
	"\n"
	"Measures running cartds as the seed did: 50 carts created, 50 items added, 50 carts "
	"read,\n"
	"one after another, each over a TCP connection of its own. Prints the seed's table, with "
	"the\n"
	"seed's own figures beside ours, and writes DATABASE_test_results.json for each URL, "
	"named\n"
	"after the database that its /health reports; for several URLs combined_results.json too.\n"
	"The carts stay in the target.\n"
	"\n"
	"  --keep-alive        one connection for all operations\n"
	"  --out DIR           where the files go, made if missing (default: here)\n"
	"  --json              the summary as JSON instead of tables\n"
	"  --timeout DURATION  for one operation (default: 10s)\n"
	"  --help              this text\n"
	"\n"
	"Example: cartbench seed150 --out results http://127.0.0.1:8080\n"
	"\n"
	"Exit status: 0 every operation succeeded; 1 some failed; 2 wrong usage, or a target was "
	"not\n"
	"there, went away, or is no cartd.\n";

static enum bench_exit seed150_usage(const char *what, const char *which)
{
	fprintf(stderr, "cartbench seed150: %s%s; cartbench seed150 --help shows how\n", what,
		which);
	return BENCH_INVALID;
}

static bool seed150_parse_timeout(const char *text, int *timeout_ms)
{
	int64_t ms;

	if (!units_parse_duration(text, &ms) || ms < 1 || ms > INT_MAX)
		return false;
	*timeout_ms = (int)ms;
	return true;
}

/* True: go on. False: *status says how it ends. */
static bool seed150_parse(int argc, char **argv, struct seed150_options *options,
			  enum bench_exit *status)
{
	static const struct option known[] = {
		{"keep-alive", no_argument, NULL, 'k'},	   {"out", required_argument, NULL, 'o'},
		{"json", no_argument, NULL, 'j'},	   {"help", no_argument, NULL, 'h'},
		{"timeout", required_argument, NULL, 't'}, {0},
	};
	int option;

	optind = 0; /* anew, GNU's way: a test may have parsed before */
	opterr = 0;
	*status = BENCH_INVALID;
	while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		switch (option) {
		case 'k':
			options->keep_alive = true;
			break;
		case 'o':
			options->out = optarg;
			break;
		case 'j':
			options->json = true;
			break;
		case 't':
			if (seed150_parse_timeout(optarg, &options->timeout_ms))
				break;
			seed150_usage("--timeout takes a duration as 10s or 500ms, not ", optarg);
			return false;
		case 'h':
			*status = fputs(seed150_help, stdout) < 0 ? BENCH_INVALID : BENCH_PASS;
			return false;
		case ':':
			seed150_usage(argv[optind - 1], " wants a value");
			return false;
		default:
			seed150_usage("no such option: ", argv[optind - 1]);
			return false;
		}
	}
	if (optind == argc)
		seed150_usage("no URL given", "");
	else if (argc - optind > SEED150_TARGETS_MAX)
		seed150_usage("too many URLs", "");
	else
		return true;
	return false;
}

/* Before measuring, so that nothing is measured that could not be kept. */
static bool seed150_make_out(const char *out)
{
	if ((mkdir(out, 0777) == 0 || errno == EEXIST) && access(out, W_OK | X_OK) == 0)
		return true;
	fprintf(stderr, "cartbench: cannot write into %s: %s\n", out, strerror(errno));
	return false;
}

/* Opens all of them before any is measured: a typing mistake in the second costs nothing. */
static bool seed150_open_targets(struct bench_drive **drives, char **urls, size_t count,
				 const struct seed150_options *options)
{
	struct bench_drive_config config = {.timeout_ms = options->timeout_ms,
					    .cold = !options->keep_alive};
	struct cart_error error;
	size_t i;

	for (i = 0; i < count; i++) {
		if (strncmp(urls[i], "store:", 6) == 0) {
			seed150_usage("it measures over HTTP, not ", urls[i]);
			return false;
		}
		if (bench_drive_open(&drives[i], urls[i], &config, &error) != 0) {
			fprintf(stderr, "cartbench: %s: %s\n", urls[i], error.text);
			return false;
		}
	}
	return true;
}

/* The database's name, with a number when targets before it have the same. */
static char *seed150_name(struct bench_drive *const *drives, size_t at)
{
	const char *database = bench_drive_database(drives[at]);
	size_t same = 1, i;
	char *name;
	int len;

	for (i = 0; i < at; i++)
		same += strcmp(bench_drive_database(drives[i]), database) == 0;
	if (same == 1)
		return strdup(database);
	len = asprintf(&name, "%s-%zu", database, same);
	return len < 0 ? NULL : name;
}

/* Says in one line what went wrong, if anything did. */
static enum bench_exit seed150_verdict(const struct seed150_result *result)
{
	size_t good = seed150_summarize(result, SEED150_OPERATIONS).count;

	if (result->sample_count < SEED150_TOTAL) {
		fprintf(stderr,
			"cartbench: %s: gave up after %zu of %d operations: %s; "
			"what was measured is kept\n",
			result->url, result->sample_count, SEED150_TOTAL, result->error.text);
		return BENCH_INVALID;
	}
	if (good < SEED150_TOTAL) {
		fprintf(stderr, "cartbench: %s: %zu of %d operations failed; the last: %s\n",
			result->url, SEED150_TOTAL - good, SEED150_TOTAL, result->error.text);
		return BENCH_FAILED;
	}
	return BENCH_PASS;
}

static enum bench_exit seed150_worse(enum bench_exit a, enum bench_exit b)
{
	return a > b ? a : b;
}

static enum bench_exit seed150_keep(const struct seed150_result *results, size_t count,
				    const struct seed150_options *options)
{
	enum bench_exit status = BENCH_PASS;
	struct cart_error error;
	size_t i;

	for (i = 0; i < count; i++) {
		if (seed150_write_results(options->out, &results[i], &error) != 0) {
			fprintf(stderr, "cartbench: %s\n", error.text);
			status = BENCH_INVALID;
		}
	}
	if (count > 1 && seed150_write_combined(options->out, results, count, &error) != 0) {
		fprintf(stderr, "cartbench: %s\n", error.text);
		status = BENCH_INVALID;
	}
	return status;
}

static bool seed150_show(const struct seed150_result *results, size_t count,
			 const struct seed150_options *options)
{
	size_t i;

	if (options->json)
		return seed150_print_json(stdout, results, count) && fflush(stdout) == 0;
	for (i = 0; i < count; i++) {
		if (i > 0)
			putchar('\n');
		if (!seed150_print_table(stdout, &results[i]))
			return false;
	}
	seed150_print_caveat(stdout);
	for (i = 0; i < count; i++)
		printf("%s%s/%s_test_results.json", i == 0 ? "\nwritten: " : ", ", options->out,
		       results[i].name);
	if (count > 1)
		printf(", %s/combined_results.json", options->out);
	putchar('\n');
	return fflush(stdout) == 0;
}

static enum bench_exit seed150_measure_all(struct bench_drive **drives,
					   struct seed150_result *results, size_t count,
					   const struct seed150_options *options)
{
	enum bench_exit status = BENCH_PASS;
	size_t i;

	for (i = 0; i < count; i++)
		seed150_measure(&results[i], drives[i]);
	status = seed150_keep(results, count, options);
	if (!seed150_show(results, count, options)) {
		fprintf(stderr, "cartbench: cannot print the results\n");
		status = BENCH_INVALID;
	}
	for (i = 0; i < count; i++)
		status = seed150_worse(status, seed150_verdict(&results[i]));
	return status;
}

static enum bench_exit seed150_run_mode(int argc, char **argv)
{
	struct seed150_options options = {.out = ".", .timeout_ms = SEED150_TIMEOUT_MS};
	struct bench_drive *drives[SEED150_TARGETS_MAX] = {0};
	char *names[SEED150_TARGETS_MAX] = {0};
	struct seed150_result *results;
	enum bench_exit status;
	bool named = true;
	size_t count, i;

	if (!seed150_parse(argc, argv, &options, &status))
		return status;
	count = (size_t)(argc - optind);
	results = calloc(count, sizeof(*results));
	status = BENCH_INVALID;
	if (results == NULL || !seed150_make_out(options.out) ||
	    !seed150_open_targets(drives, argv + optind, count, &options))
		goto out;
	for (i = 0; i < count; i++) {
		names[i] = seed150_name(drives, i);
		named = named && names[i] != NULL;
		results[i].url = bench_drive_text(drives[i]);
		results[i].name = names[i];
		results[i].keep_alive = options.keep_alive;
	}
	if (named)
		status = seed150_measure_all(drives, results, count, &options);
out:
	for (i = 0; i < count; i++) {
		bench_drive_close(&drives[i]);
		free(names[i]);
	}
	free(results);
	return status;
}

const struct bench_mode seed150_mode = {
	.name = "seed150",
	.arguments = "[OPTIONS] URL...",
	.summary = "50 creates, 50 adds, 50 gets as the seed measured, and its table",
	.run = seed150_run_mode,
};
