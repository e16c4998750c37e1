#include "bench/result/read_back.h"
#include "bench/result/result.h"
#include "bench/result/tally.h"
#include "bench/result/member.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], path[300];

static int make_folder(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	snprintf(path, sizeof(path), "%s/result.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	cartd_remove_directory(folder);
	return 0;
}

/* Those that a reader takes. */
static const char *const kinds[] = {"h2h", "run", NULL}, *const others[] = {"h2h", NULL};

static void write_file(const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static json_t *a_result(const struct bench_values *common)
{
	char *argv[] = {(char *)"run", (char *)"store:memory", NULL};
	json_t *result = bench_result_new("run", common, 2, argv);

	assert_non_null(result);
	json_object_set_new(result, "results", json_object());
	return result;
}

static struct bench_drive *open_store(const char *target)
{
	const struct bench_drive_config config = {.timeout_ms = 1000};
	struct bench_drive *drive;
	struct cart_error error;

	if (bench_drive_open(&drive, target, &config, &error) != 0)
		fail_msg("%s", error.text);
	return drive;
}

static const char *text_at(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static void a_result_says_of_what_and_comes_back_whole(void **state)
{
	struct bench_values common = {.seed = 42, .label = {{"A=mine"}, 1}};
	struct bench_drive *drive = open_store("store:memory?limits.lines=7");
	json_t *result = a_result(&common), *again, *side;
	struct cart_error error;

	(void)state;
	assert_int_equal(bench_result_add_side(result, "A", drive, &common, &error), 0);
	bench_result_warn(result, "beware of %d", 1);
	bench_result_invalidate(result, "first");
	bench_result_invalidate(result, "second");
	json_object_set_new(result, "interrupted", json_true());
	assert_int_equal(bench_result_write(result, path, &error), 0);
	again = bench_result_read(path, kinds, &error);
	assert_non_null(again);
	assert_true(json_equal(result, again));
	assert_string_equal(bench_result_invalid(again), "first");
	assert_true(json_is_true(json_object_get(again, "interrupted")));
	assert_int_equal(json_integer_value(json_object_get(again, "seed")), 42);
	assert_string_equal(json_string_value(json_array_get(json_object_get(again, "command"), 2)),
			    "store:memory");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(again, "warnings"), 0)),
		"beware of 1");
	assert_int_equal(strlen(text_at(json_object_get(again, "machine"), "id")), 12);
	side = json_array_get(json_object_get(again, "sides"), 0);
	assert_string_equal(text_at(side, "label"), "mine");
	assert_string_equal(text_at(side, "database"), "memory");
	assert_string_equal(text_at(json_object_get(side, "settings"), "limits.lines"), "7");
	json_decref(result);
	json_decref(again);
	bench_drive_close(&drive);
}

static void settings_come_from_what_cartd_prints(void **state)
{
	char described[320];
	struct bench_values common = {.describe = {{described}, 1}};
	struct bench_drive *drive = open_store("store:memory");
	json_t *result = a_result(&common), *side;
	struct cart_error error;

	(void)state;
	snprintf(described, sizeof(described), "A=%s", path);
	write_file("backend = mysql\n; a comment\n[mysql]\n# a flag\npool = 8\n");
	assert_int_equal(bench_result_add_side(result, "A", drive, &common, &error), 0);
	side = json_object_get(json_array_get(json_object_get(result, "sides"), 0), "settings");
	assert_string_equal(text_at(side, "backend"), "mysql");
	assert_string_equal(text_at(side, "mysql.pool"), "8");
	assert_int_equal(json_object_size(side), 2);

	write_file("no setting at all\n");
	assert_int_equal(bench_result_add_side(result, "A", drive, &common, &error), -1);
	assert_non_null(strstr(error.text, "line 1 is no setting"));
	unlink(path);
	assert_int_equal(bench_result_add_side(result, "A", drive, &common, &error), -1);
	assert_non_null(strstr(error.text, "cannot read "));
	json_decref(result);
	bench_drive_close(&drive);
}

static void a_file_that_cannot_be_written_leaves_the_old_one(void **state)
{
	struct bench_values common = {0};
	json_t *result = a_result(&common);
	struct rlimit before, none;
	struct cart_error error;
	char text[4] = "";
	FILE *file;

	(void)state;
	write_file("old");
	/* As on a full disk: no file may grow. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(bench_result_write(result, path, &error), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(error.text, "result.json: File too large"));
	file = fopen(path, "re");
	assert_int_equal(fread(text, 1, 3, file), 3);
	fclose(file);
	assert_string_equal(text, "old");
	unlink(path);
	assert_int_equal(rmdir(folder), 0); /* nothing beside it */
	assert_int_equal(mkdir(folder, 0777), 0);
	json_decref(result);
}

static void assert_not_read(const char *text, const char *const *wanted, const char *why)
{
	struct cart_error error;

	write_file(text);
	assert_null(bench_result_read(path, wanted, &error));
	if (strstr(error.text, why) == NULL)
		fail_msg("%s", error.text);
}

static void what_is_no_result_is_refused_with_the_reason(void **state)
{
	(void)state;
	assert_not_read("{", kinds, "cut short, or empty: the JSON ends in line 1");
	assert_not_read("{]", kinds, "not JSON: line 1: ");
	assert_not_read("[]", kinds, "not a results file of cartbench");
	assert_not_read("{\"format\": \"x\", \"format_version\": 1, \"kind\": \"run\"}", kinds,
			"not a results file of cartbench");
#define HEAD "{\"format\": \"cartbench-result\", \"kind\": \"run\", \"format_version\": "
	assert_not_read(HEAD "2}", kinds, "of format_version 2; this cartbench reads version 1");
	assert_not_read(HEAD "1}", others, "of a kind that cannot be used here: run");
	assert_not_read(HEAD "1}", kinds, "\"sides\"");
	assert_not_read(HEAD "1, \"sides\": [{}]}", kinds, "has no \"results\"");
}

static void only_quantiles_that_hold_are_there(void **state)
{
	struct bench_hdr *hdr = bench_hdr_new(BENCH_HDR_HOUR_NS), *parsed;
	json_t *hist, *quantiles;
	struct cart_error error;

	(void)state;
	for (int i = 1; i <= 1000; i++)
		bench_hdr_record(hdr, i * 1000);
	hist = bench_result_hist(hdr);
	quantiles = json_object_get(hist, "quantiles");
	assert_non_null(json_object_get(quantiles, "0.99"));
	assert_null(json_object_get(quantiles, "0.999"));
	assert_int_equal(json_integer_value(json_object_get(hist, "count")), 1000);
	assert_int_equal(json_integer_value(json_object_get(hist, "max")), 1000000);
	parsed = bench_hdr_parse(text_at(hist, "buckets"), &error);
	assert_non_null(parsed);
	assert_int_equal(bench_hdr_quantile(parsed, 0.5),
			 json_integer_value(json_object_get(quantiles, "0.5")));
	bench_hdr_free(&parsed);
	bench_hdr_free(&hdr);
	json_decref(hist);
}

static void the_split_adds_up(void **state)
{
	struct bench_op op = {.sent_ns = 1000,
			      .done_ns = 2001000,
			      .queue_ns = 100000,
			      .db_ns = 500000,
			      .total_ns = 1000000};
	struct tally tally, other;
	json_t *json, *median;
	double sum = 0;

	(void)state;
	tally_init(&tally, false);
	tally_init(&other, false);
	tally_record(&tally, &op, 0);
	op.outcome = BENCH_REFUSED; /* not counted */
	op.total_ns = -1;
	tally_record(&tally, &op, 0);
	tally_merge(&other, &tally);
	json = tally_split_json(&other);
	median = json_object_get(json, "median");
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		sum += json_number_value(json_object_get(median, bench_split_part_names[i]));
	assert_true(sum > 1996000 && sum < 2004000);
	assert_true(json_integer_value(json_object_get(median, "client")) >= 999000);
	json_decref(json);
	tally_free(&tally);
	tally_free(&other);
	json = tally_split_json(&(struct tally){0});
	assert_true(json_is_null(json));
}

/* queue, database and total, in ns, of an answer after 2 ms; and what is said of one such answer
 * beside a right one. NULL: nothing. */
static void a_service_is_believed_within_what_the_client_measured(void **state)
{
	static const struct {
		int64_t queue_ns, db_ns, total_ns;
		const char *why;
	} of[] = {{100000, 500000, 1000000, NULL},
		  {0, 2000000, 2000000, NULL},
		  {5000, 2005000, 2010000, NULL}, /* rounded up */
		  {0, 500000, 3000000, "1 of 2 answers claim"},
		  {0, 3000000, 1000000, "1 of 2 answers claim"},
		  {900000, 900000, 1000000, "1 of 2 answers claim"},
		  {0, INT64_MAX / 2, INT64_MAX / 2, "1 of 2 answers claim"},
		  {0, -1, 1000000, "1 of 2 answers have no"},
		  {-1, -1, -1, "1 of 2 answers have no"}};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		struct bench_op op = {.sent_ns = 1000, .done_ns = 2001000, .total_ns = 100};
		struct tally tally, sum = {0};
		char why[TALLY_WHY];
		json_t *split;
		bool holds;

		tally_init(&tally, false);
		tally_record(&tally, &op, 0);
		op.queue_ns = of[i].queue_ns;
		op.db_ns = of[i].db_ns;
		op.total_ns = of[i].total_ns;
		tally_record(&tally, &op, 0);
		tally_add_times(&sum, &tally);
		holds = tally_times_hold(&sum, why);
		assert_int_equal(holds, of[i].why == NULL);
		if (of[i].why != NULL)
			assert_non_null(strstr(why, of[i].why));
		split = tally_split_json(&tally);
		assert_int_equal(json_is_null(split), !holds);
		json_decref(split);
		tally_free(&tally);
	}
}

static void a_success_rate_has_its_interval(void **state)
{
	json_t *json = bench_result_success(150, 150);

	(void)state;
	assert_true(json_real_value(json_object_get(json, "share")) == 1);
	assert_true(json_real_value(json_object_get(json, "low")) > 0.97);
	assert_true(json_real_value(json_object_get(json, "low")) < 0.98);
	json_decref(json);
	json = bench_result_success(0, 0);
	assert_true(json_is_null(json_object_get(json, "share")));
	json_decref(json);
}

static bool is_wrong(const char *side, char why[200])
{
	char text[200];
	json_t *result;
	bool wrong;

	snprintf(text, sizeof(text),
		 "{\"sides\":[{\"name\":\"A\"}],\"results\":{\"read_back\":[%s]}}", side);
	result = json_loads(text, 0, NULL);
	assert_non_null(result);
	wrong = read_back_is_wrong(result, why, 200);
	json_decref(result);
	return wrong;
}

static void an_archive_without_a_count_is_not_judged_by_it(void **state)
{
	static const char *const nothing[] = {"{}", "{\"wrong\": null}", "{\"wrong\": -1}",
					      "{\"wrong\": \"3\"}",
					      "{\"gets\": 1, \"gets_wrong\": null}"};
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		assert_false(is_wrong(nothing[i], why));
	assert_true(is_wrong("{\"carts\": 20, \"wrong\": 3, \"example\": \"x\"}", why));
	assert_non_null(strstr(why, "3 of 20"));
	assert_true(is_wrong("{\"wrong\": 1e300}", why));
	assert_non_null(strstr(why, "9007199254740992"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_says_of_what_and_comes_back_whole),
		cmocka_unit_test(settings_come_from_what_cartd_prints),
		cmocka_unit_test(a_file_that_cannot_be_written_leaves_the_old_one),
		cmocka_unit_test(what_is_no_result_is_refused_with_the_reason),
		cmocka_unit_test(only_quantiles_that_hold_are_there),
		cmocka_unit_test(the_split_adds_up),
		cmocka_unit_test(an_archive_without_a_count_is_not_judged_by_it),
		cmocka_unit_test(a_service_is_believed_within_what_the_client_measured),
		cmocka_unit_test(a_success_rate_has_its_interval),
	};

	return cmocka_run_group_tests_name("results of cartbench", tests, make_folder,
					   remove_folder);
}
