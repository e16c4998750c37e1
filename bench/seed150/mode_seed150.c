/* `cartbench seed150`: targets, and what is printed of them. */
#include "bench/result/session.h"
#include "bench/seed150/seed150.h"
#include "bench/stats/alloc.h"

#include <stdlib.h>
#include <string.h>

#define SEED150_TARGETS_MAX 16

/* Opens all of them before any is measured: a typing mistake in the second costs nothing. */
static bool seed150_open_targets(struct bench_session *session)
{
	const struct bench_drive_config config = {.timeout_ms = session->values.timeout_ms,
						  .cold = !session->values.keep_alive,
						  .cacert = session->values.cacert,
						  .token_file = session->values.token_file};
	struct cart_error error;

	for (; session->drive_count < session->arguments.count; session->drive_count++) {
		const char *url = session->arguments.items[session->drive_count];

		if (strncmp(url, "store:", 6) == 0) {
			bench_options_refuse(session->mode, "it measures over HTTP, not %s", url);
			return false;
		}
		if (bench_drive_open(&session->drives[session->drive_count], url, &config,
				     &error) != 0) {
			bench_session_fail("%s: %s", url, error.text);
			return false;
		}
	}
	return true;
}

/* Names it after the database, with a number when targets before it have the same. */
static void seed150_begin(struct seed150_result *result, const struct bench_session *session,
			  size_t at)
{
	const char *database = session->drives[at]->database;
	size_t same = 1;

	for (size_t i = 0; i < at; i++)
		same += strcmp(session->drives[i]->database, database) == 0;
	*result = (struct seed150_result){.url = session->drives[at]->text,
					  .keep_alive = session->values.keep_alive};
	snprintf(result->name, sizeof(result->name), same > 1 ? "%s-%zu" : "%s", database, same);
}

/* Says in one line what went wrong, if anything did. */
static enum bench_exit seed150_verdict(const struct seed150_result *result)
{
	size_t good = seed150_row(result, SEED150_OPERATIONS).times.count;

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

static enum bench_exit seed150_keep(const struct seed150_result *results, size_t count,
				    const char *folder)
{
	enum bench_exit status = BENCH_PASS;
	struct cart_error error;
	char name[sizeof(results->name) + 8];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s_test", results[i].name);
		if (seed150_write(folder, name, &results[i], 1, &error) != 0)
			status = bench_session_fail("%s", error.text);
	}
	if (count > 1 && seed150_write(folder, "combined", results, count, &error) != 0)
		status = bench_session_fail("%s", error.text);
	return status;
}

static bool seed150_show(const struct seed150_result *results, size_t count,
			 const struct bench_values *values)
{
	if (values->json)
		return seed150_print_json(stdout, results, count) && fflush(stdout) == 0;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putchar('\n');
		if (!seed150_print_table(stdout, &results[i]))
			return false;
	}
	seed150_print_caveat(stdout);
	for (size_t i = 0; i < count; i++)
		printf("%s%s/%s_test_results.json", i == 0 ? "\nwritten: " : ", ", values->out,
		       results[i].name);
	if (count > 1)
		printf(", %s/combined_results.json", values->out);
	putchar('\n');
	return fflush(stdout) == 0;
}

static enum bench_exit seed150_run_mode(struct bench_session *session)
{
	size_t count = session->arguments.count;
	struct seed150_result *results = bench_alloc(count, sizeof(*results));
	enum bench_exit status = BENCH_INVALID;

	if (seed150_open_targets(session)) {
		for (size_t i = 0; i < count; i++) {
			seed150_begin(&results[i], session, i);
			seed150_measure(&results[i], session->drives[i]);
		}
		status = seed150_keep(results, count, session->values.out);
		if (!seed150_show(results, count, &session->values))
			status = bench_session_fail("cannot print the results");
		for (size_t i = 0; i < count; i++) {
			enum bench_exit verdict = seed150_verdict(&results[i]);

			status = verdict > status ? verdict : status;
		}
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
	.takes = {"keep-alive", "out=.", "json", "timeout", "cacert", "token-file"},
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
