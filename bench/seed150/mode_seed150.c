/* `cartbench seed150`: targets, and what is printed of them. */
#include "bench/result/session.h"
#include "bench/seed150/seed150.h"

#include <stdlib.h>
#include <string.h>

#define SEED150_TARGETS_MAX 16

/* Opens all of them before any is measured: a typing mistake in the second costs nothing. */
static bool seed150_open_targets(struct bench_drive **drives, const struct bench_session *session)
{
	const struct bench_drive_config config = {.timeout_ms = session->values.timeout_ms,
						  .cold = !session->values.keep_alive};
	struct cart_error error;

	for (size_t i = 0; i < session->arguments.count; i++) {
		const char *url = session->arguments.items[i];

		if (strncmp(url, "store:", 6) == 0) {
			bench_options_refuse(session->mode, "it measures over HTTP, not %s", url);
			return false;
		}
		if (bench_drive_open(&drives[i], url, &config, &error) != 0) {
			bench_session_fail("%s: %s", url, error.text);
			return false;
		}
	}
	return true;
}

/* The database's name, with a number when targets before it have the same. */
static char *seed150_name(struct bench_drive *const *drives, size_t at)
{
	const char *database = drives[at]->database;
	size_t same = 1, i;
	char *name;
	int len;

	for (i = 0; i < at; i++)
		same += strcmp(drives[i]->database, database) == 0;
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
				    const struct bench_values *values)
{
	enum bench_exit status = BENCH_PASS;
	struct cart_error error;
	size_t i;

	for (i = 0; i < count; i++) {
		if (seed150_write_results(values->out, &results[i], &error) != 0)
			status = bench_session_fail("%s", error.text);
	}
	if (count > 1 && seed150_write_combined(values->out, results, count, &error) != 0)
		status = bench_session_fail("%s", error.text);
	return status;
}

static bool seed150_show(const struct seed150_result *results, size_t count,
			 const struct bench_values *values)
{
	size_t i;

	if (values->json)
		return seed150_print_json(stdout, results, count) && fflush(stdout) == 0;
	for (i = 0; i < count; i++) {
		if (i > 0)
			putchar('\n');
		if (!seed150_print_table(stdout, &results[i]))
			return false;
	}
	seed150_print_caveat(stdout);
	for (i = 0; i < count; i++)
		printf("%s%s/%s_test_results.json", i == 0 ? "\nwritten: " : ", ", values->out,
		       results[i].name);
	if (count > 1)
		printf(", %s/combined_results.json", values->out);
	putchar('\n');
	return fflush(stdout) == 0;
}

static enum bench_exit seed150_measure_all(struct bench_drive **drives,
					   struct seed150_result *results, size_t count,
					   const struct bench_values *values)
{
	enum bench_exit status = BENCH_PASS;
	size_t i;

	for (i = 0; i < count; i++)
		seed150_measure(&results[i], drives[i]);
	status = seed150_keep(results, count, values);
	if (!seed150_show(results, count, values))
		status = bench_session_fail("cannot print the results");
	for (i = 0; i < count; i++)
		status = seed150_worse(status, seed150_verdict(&results[i]));
	return status;
}

static enum bench_exit seed150_run_mode(struct bench_session *session)
{
	const struct bench_values *values = &session->values;
	struct bench_drive *drives[SEED150_TARGETS_MAX] = {0};
	char *names[SEED150_TARGETS_MAX] = {0};
	size_t count = session->arguments.count, i;
	struct seed150_result *results = calloc(count, sizeof(*results));
	enum bench_exit status = BENCH_INVALID;
	bool named = true;

	if (results == NULL || !seed150_open_targets(drives, session))
		goto out;
	for (i = 0; i < count; i++) {
		names[i] = seed150_name(drives, i);
		named = named && names[i] != NULL;
		results[i].url = drives[i]->text;
		results[i].name = names[i];
		results[i].keep_alive = values->keep_alive;
	}
	if (named)
		status = seed150_measure_all(drives, results, count, values);
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
	.arguments = "URL...",
	.arguments_min = 1,
	.arguments_max = SEED150_TARGETS_MAX,
	.summary = "50 creates, 50 adds, 50 gets as the seed measured, and its table",
	.takes = {"keep-alive", "out=.", "json", "timeout"},
	.out_is_folder = true,
	.about = "Measures running cartds as the seed did: 50 carts created, 50 items added,\n"
		 "50 carts read, one after another, each over a TCP connection of its own.\n"
		 "Prints the seed's table, with the seed's own figures beside ours, and writes\n"
		 "DATABASE_test_results.json for each URL, named after the database that its\n"
		 "/health reports; for several URLs combined_results.json too. The carts stay\n"
		 "in the target.\n",
	.more = "Exit status: 0 every operation succeeded; 1 some failed; 2 wrong usage, or a\n"
		"target was not there, went away, or is no cartd.\n",
	.example = "cartbench seed150 --out results http://127.0.0.1:8080",
	.run = seed150_run_mode,
};
