/* The table of the seed, beside the results of seed150, and what such figures do not show. */
#include "bench/result/number.h"
#include "bench/page/page.h"
#include "bench/seed150/reference.h"
#include "bench/stats/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_SUFFIX  "_test_results.json"
#define SEED_OVERALL (SEED_REFERENCE_ROWS - 1)

static int seed_take(struct report_seed *seed, const char *path, const char *file,
		     struct cart_error *error)
{
	const json_t *sample;
	struct cart_error why;
	json_t *all = bench_json_read(path, &why);
	double ms;

	if (!json_is_array(all)) {
		cart_error_set(error, "%s: %.200s", file,
			       all == NULL ? why.text : "not a list of samples");
		json_decref(all);
		return -1;
	}
	member_each(i, sample, all) {
		ms = member_number(sample, "response_time");
		seed->tried++;
		if (!member_true(sample, "success") || !isfinite(ms))
			continue;
		seed->good++;
		bench_summary_add(&seed->rows[SEED_OVERALL], ms);
		for (size_t row = 0; row < SEED_OVERALL; row++)
			if (strcmp(member_text(sample, "operation"), seed_reference_rows[row]) == 0)
				bench_summary_add(&seed->rows[row], ms);
	}
	json_decref(all);
	return 0;
}

static int seed_is_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SEED_SUFFIX);

	return len > suffix && strcmp(entry->d_name + len - suffix, SEED_SUFFIX) == 0;
}

static int seed_take_named(struct report *report, const char *folder, const char *file,
			   struct cart_error *error)
{
	struct report_seed *seed = &report->seed[report->seed_count];
	char path[4096];

	if (report->seed_count == REPORT_SEED_MAX)
		return cart_error_set(error, "%s: more than %d results", folder, REPORT_SEED_MAX);
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	seed->name = bench_copy(file);
	seed->name[strlen(file) - strlen(SEED_SUFFIX)] = '\0';
	report->seed_count++;
	return seed_take(seed, path, path, error);
}

int report_seed_read(struct report *report, const char *folder, struct cart_error *error)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, seed_is_file, alphasort), failed = 0, i;

	if (count < 0)
		return cart_error_set(error, "%s: %s", folder, strerror(errno));
	if (count == 0)
		failed = cart_error_set(error,
					"%s: no *%s in it; cartbench seed150 --out writes them",
					folder, SEED_SUFFIX);
	for (i = 0; i < count; i++) {
		if (failed == 0)
			failed = seed_take_named(report, folder, entries[i]->d_name, error);
		free(entries[i]);
	}
	free(entries);
	return failed;
}

/* ---- the section ---- */

static void seed_cell(struct page_table *table, double avg, double min, double max)
{
	char average[NUMBER_TEXT], least[NUMBER_TEXT], most[NUMBER_TEXT];

	if (avg < 0 || !isfinite(avg))
		page_cell(table, "\xe2\x80\x93");
	else if (min < 0 || max < 0)
		page_cell(table, "%s", number_digits(avg, 3, average));
	else
		page_cell(table, "%s (%s to %s)", number_digits(avg, 3, average),
			  number_digits(min, 3, least), number_digits(max, 3, most));
}

/* The files of seed150 are named after the database, with a number for the second of a kind; the
 * results documents beside them know what it was. */
static const char *seed_name(const struct report *report, const char *database)
{
	const struct report_doc *h2h = report_first(report, REPORT_H2H);
	const struct report_side *a, *b;

	if (h2h == NULL)
		return database;
	a = &h2h->sides[0];
	b = &h2h->sides[1];
	if (strcmp(a->database, database) == 0)
		return a->label;
	return strncmp(b->database, database, strlen(b->database)) == 0 ? b->label : database;
}

static void seed_table(struct report *report,
		       const struct seed_reference references[SEED_REFERENCE_DATABASES])
{
	struct page_table table;

	page_table_begin(&table, report, "150 calls, mean (fastest to slowest), ms");
	page_column(&table, 'l', "operation");
	for (size_t i = 0; i < SEED_REFERENCE_DATABASES; i++)
		page_column(&table, 'r', "the seed: %s", references[i].database);
	for (size_t i = 0; i < report->seed_count; i++)
		page_column(&table, 'r', "here: %s", seed_name(report, report->seed[i].name));
	for (size_t row = 0; row < SEED_REFERENCE_ROWS; row++) {
		page_cell(&table, "%s", seed_reference_rows[row]);
		for (size_t i = 0; i < SEED_REFERENCE_DATABASES; i++)
			seed_cell(&table, references[i].rows[row].avg, references[i].rows[row].min,
				  references[i].rows[row].max);
		for (size_t i = 0; i < report->seed_count; i++) {
			const struct bench_summary *ours = &report->seed[i].rows[row];

			seed_cell(&table, ours->count > 0 ? bench_summary_average(ours) : -1,
				  ours->min, ours->max);
		}
	}
	page_cell(&table, "succeeded");
	for (size_t i = 0; i < SEED_REFERENCE_DATABASES; i++)
		page_cell(&table, "%d of 150", references[i].success);
	for (size_t i = 0; i < report->seed_count; i++)
		page_cell(&table, "%zu of %zu", report->seed[i].good, report->seed[i].tried);
	page_table_end(&table, PAGE_BOTH);
}

/* ---- the delays of ./cart compare --delays ---- */

/* "27.4", and of several values, of which one is drawn each time, "2 to 9". */
static void delay_cell(struct page_table *table, const json_t *values)
{
	double low = INFINITY, high = 0;
	char from[NUMBER_TEXT], to[NUMBER_TEXT];
	const json_t *value;

	member_each(i, value, values) {
		low = fmin(low, json_number_value(value));
		high = fmax(high, json_number_value(value));
	}
	if (json_array_size(values) == 0)
		page_cell(table, "\xe2\x80\x93");
	else if (high > low)
		page_cell(table, "%s to %s", number_plain(low, from), number_plain(high, to));
	else
		page_cell(table, "%s", number_plain(low, from));
}

static void delay_given(struct report *report, const json_t *delays)
{
	static const char *const members[] = {"round_trip_ms", "connect_ms", "read_ms", "write_ms"};
	struct page_table table;
	const char *way;
	json_t *given;

	page_table_begin(&table, report, "Delays that were given, ms");
	page_heads(&table, "l way of|r round trip|r connect|r read|r write");
	json_object_foreach((json_t *)(uintptr_t)delays, way, given)
	{
		if (json_object_size(given) == 0)
			continue;
		page_cell(&table, "%s", way);
		for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
			delay_cell(&table, json_object_get(given, members[i]));
	}
	page_table_end(&table, PAGE_BOTH);
}

static double delay_mean(const json_t *times)
{
	const json_t *time;
	double sum = 0;

	member_each(i, time, times)
		sum += json_number_value(time);
	return json_array_size(times) > 0 ? sum / (double)json_array_size(times) : NAN;
}

static void delay_rows(struct page_table *table, const struct report *report, const json_t *side)
{
	const struct report_doc *h2h = report_first(report, REPORT_H2H);
	char text[NUMBER_TEXT], title[TABLE_TEXT];
	const char *operation;
	json_t *parts;

	json_object_foreach(json_object_get(side, "predicted_ms"), operation, parts)
	{
		double total = member_number(parts, "total");
		double asked = member_number(parts, "database");
		const json_t *times =
			json_object_get(json_object_get(side, "measured_ms"), operation);

		page_cell(table, "%s", operation);
		page_cell(table, "%s",
			  h2h != NULL ? report_side_title(h2h, report_side_of(h2h, side), title,
							  sizeof(title))
				      : member_text(side, "side"));
		page_cell(table, "%s", number_digits(total, 3, text));
		page_cell(table, "%s", number_digits(asked, 3, text));
		page_cell(table, "%s\xc2\xa0%%",
			  number_digits(total > 0 ? 100 * asked / total : NAN, 2, text));
		page_cell(table, "%s", number_digits(delay_mean(times), 3, text));
	}
}

static void delay_show(struct report *report)
{
	const json_t *all = json_object_get(report->comparison, "delays"), *side;
	struct page_table table;

	if (all == NULL)
		return;
	page_heading(report, PAGE_BOTH, "delays", "The delays that were put between the parts");
	page_say(report, PAGE_BOTH,
		 "Every time on this page holds these delays. What they add up to for the seed's "
		 "calls %s stands beside what was measured; client, service and the local database "
		 "come on top.",
		 member_true(all, "keep_alive") ? "over one kept connection"
						: "with a new connection each");
	delay_given(report, json_object_get(all, "delays"));
	page_table_begin(&table, report, "What the delays add up to, and what was measured, ms");
	page_heads(&table, "l operation|l side|r sum of the delays|r of these the database|"
			   "r database's share|r measured, mean");
	member_each(i, side, json_object_get(all, "sides"))
		delay_rows(&table, report, side);
	page_table_end(&table, PAGE_BOTH);
}

static void seed_show(struct report *report)
{
	struct seed_reference references[SEED_REFERENCE_DATABASES];

	delay_show(report);
	if (report->seed_count == 0 || seed_reference_load(references) != 0)
		return;
	page_heading(report, PAGE_BOTH, "seed", "The seed's 150 calls, repeated");
	page_say(report, PAGE_BOTH,
		 "50 carts created, 50 items added, 50 carts read, one after another, as the seed "
		 "did it in November 2025. Its figures were taken through a load balancer to "
		 "another region, us-west-2: they are not to be compared with those taken here. A "
		 "dash was not published.");
	seed_table(report, references);
	page_note(report, PAGE_BOTH,
		  "The seed called its two databases \xe2\x80\x9cstatistically equivalent: 3.5 %% "
		  "apart\xe2\x80\x9d, without a test. Fifty samples a side, taken one side after "
		  "the other, decide no such thing: by the rules of this report they are "
		  "INCONCLUSIVE. So are ours in this table.");
}

const struct page_section section_seed = {.before = seed_show};
