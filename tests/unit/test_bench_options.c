#include "bench/cli/values.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const colours[] = {"red", "green", NULL};

struct some {
	bool flag;
	int64_t count;
	double number, share;
	int64_t ms;
	const char *text, *colour;
	struct bench_texts list;
};

#define AT(member_) .at = offsetof(struct some, member_)

static const struct bench_option table[] = {
	{.name = "flag", .type = OPTION_FLAG, AT(flag), .help = "a flag"},
	{.name = "count",
	 .type = OPTION_COUNT,
	 AT(count),
	 .value = "N",
	 .fallback = "7",
	 .min = 1,
	 .max = 9007199254740991.0,
	 .help = "a count,\nin two lines"},
	{.name = "number",
	 .type = OPTION_NUMBER,
	 AT(number),
	 .value = "X",
	 .fallback = "1.5",
	 .min = 0.5,
	 .max = 2,
	 .help = "a number"},
	{.name = "share",
	 .type = OPTION_SHARE,
	 AT(share),
	 .value = "SHARE",
	 .fallback = "5%",
	 .max = 1,
	 .help = "a share"},
	{.name = "wait",
	 .type = OPTION_DURATION,
	 AT(ms),
	 .value = "DURATION",
	 .fallback = "2s",
	 .min = 1,
	 .max = 60000,
	 .help = "a duration"},
	{.name = "text", .type = OPTION_TEXT, AT(text), .value = "TEXT", .help = "a text"},
	{.name = "colour",
	 .type = OPTION_CHOICE,
	 AT(colour),
	 .value = "COLOUR",
	 .fallback = "red",
	 .choices = colours,
	 .help = "a choice"},
	{.name = "list", .type = OPTION_LIST, AT(list), .value = "A=B", .help = "a list"},
	{0},
};

/* What was printed goes to a file. */
static char said[4096];

static int capture(FILE *stream, FILE **to)
{
	int kept = dup(fileno(stream));

	fflush(stream);
	*to = tmpfile();
	assert_non_null(*to);
	assert_true(dup2(fileno(*to), fileno(stream)) >= 0);
	return kept;
}

static void release(FILE *stream, FILE *from, int kept)
{
	size_t len;

	fflush(stream);
	assert_true(dup2(kept, fileno(stream)) >= 0);
	close(kept);
	rewind(from);
	len = strlen(said);
	said[len + fread(said + len, 1, sizeof(said) - 1 - len, from)] = '\0';
	fclose(from);
}

static const struct bench_mode all = {
	.name = "try",
	.arguments = "URL",
	.arguments_min = 1,
	.arguments_max = 2,
	.about = "Tries.\n",
	.example = "cartbench try x",
};
/* Takes two of the table, one with a default of its own. */
static const struct bench_mode few = {
	.name = "try",
	.arguments = "URL",
	.arguments_max = 2,
	.takes = {"count=9", "flag"},
	.about = "Tries.\n",
	.example = "cartbench try x",
};
static const struct bench_mode *mode = &all;

static bool parse(struct some *some, struct bench_texts *arguments, enum bench_exit *status,
		  const char *const *argv)
{
	int argc = 0, kept[2];
	FILE *files[2];
	bool parsed;

	*some = (struct some){0};
	memset(said, 0, sizeof(said));
	while (argv[argc] != NULL)
		argc++;
	kept[0] = capture(stdout, &files[0]);
	kept[1] = capture(stderr, &files[1]);
	parsed = bench_options_parse(mode, table, some, argc, (char **)(uintptr_t)argv, arguments,
				     status);
	release(stdout, files[0], kept[0]);
	release(stderr, files[1], kept[1]);
	return parsed;
}

#define PARSE(...)                                                                                 \
	parse(&some, &arguments, &status, (const char *const[]){"try", __VA_ARGS__, NULL})

static void defaults_hold_until_something_is_said(void **state)
{
	struct bench_texts arguments;
	enum bench_exit status;
	struct some some;

	(void)state;
	assert_true(PARSE("x"));
	assert_false(some.flag);
	assert_int_equal(some.count, 7);
	assert_true(some.number > 1.49 && some.number < 1.51);
	assert_true(some.share > 0.049 && some.share < 0.051);
	assert_int_equal(some.ms, 2000);
	assert_null(some.text);
	assert_string_equal(some.colour, "red");
	assert_int_equal(arguments.count, 1);
	assert_string_equal(arguments.items[0], "x");
	assert_string_equal(said, "");
}

static void values_may_follow_or_be_attached(void **state)
{
	struct bench_texts arguments;
	enum bench_exit status;
	struct some some;

	(void)state;
	assert_true(PARSE("a", "--flag", "--count=9007199254740991", "--share", "0.25", "--wait",
			  "250ms", "--text=x=y", "--colour", "green", "--list", "A=1", "--list",
			  "B=2", "--", "--flag"));
	assert_true(some.flag);
	assert_int_equal(some.count, INT64_C(9007199254740991));
	assert_true(some.share > 0.2499 && some.share < 0.2501);
	assert_int_equal(some.ms, 250);
	assert_string_equal(some.text, "x=y");
	assert_string_equal(some.colour, "green");
	assert_int_equal(some.list.count, 2);
	assert_string_equal(bench_texts_find(&some.list, "B"), "2");
	assert_null(bench_texts_find(&some.list, "C"));
	assert_int_equal(arguments.count, 2);
	assert_string_equal(arguments.items[1], "--flag");
}

#define REFUSED(line_, ...)                                                                        \
	do {                                                                                       \
		assert_false(PARSE(__VA_ARGS__));                                                  \
		assert_int_equal(status, BENCH_INVALID);                                           \
		assert_string_equal(said,                                                          \
				    "cartbench try: " line_ "; cartbench try --help shows how\n"); \
	} while (0)

static void what_is_wrong_is_said_in_one_line(void **state)
{
	struct bench_texts arguments;
	enum bench_exit status;
	struct some some;

	(void)state;
	REFUSED("no such option: --nope", "x", "--nope");
	REFUSED("no such option: -x", "x", "-x");
	REFUSED("no URL given", "--flag");
	REFUSED("one too many: c", "a", "b", "c");
	REFUSED("--flag takes no value", "x", "--flag=1");
	REFUSED("--text wants TEXT", "x", "--text");
	REFUSED("--count takes a whole number of 1 to 9007199254740991, not \"0\"", "--count", "0");
	REFUSED("--count takes a whole number of 1 to 9007199254740991, not \"1.5\"", "--count",
		"1.5");
	REFUSED("--count takes a whole number of 1 to 9007199254740991, not \"\"", "--count=");
	REFUSED("--number takes a number of 0.5 to 2, not \"nan\"", "--number", "nan");
	REFUSED("--number takes a number of 0.5 to 2, not \"1.2.3\"", "--number", "1.2.3");
	REFUSED("--share takes a share as 5% or 0.05, of 0% to 100%, not \"150%\"", "--share",
		"150%");
	REFUSED("--share takes a share as 5% or 0.05, of 0% to 100%, not \"%\"", "--share", "%");
	REFUSED("--wait takes a duration as 500ms, 10s or 5m, of 1ms to 1m, not \"10\"", "--wait",
		"10");
	REFUSED("--colour takes one of red, green, not \"blue\"", "--colour", "blue");
}

static void a_mode_takes_what_it_lists_with_its_own_defaults(void **state)
{
	struct bench_texts arguments;
	enum bench_exit status;
	struct some some;

	(void)state;
	mode = &few;
	assert_true(PARSE("x"));
	assert_int_equal(some.count, 9);
	assert_null(some.colour);
	assert_true(PARSE("--flag", "--count", "3"));
	assert_true(some.flag);
	assert_int_equal(some.count, 3);
	REFUSED("no such option: --text", "--text", "x");
	assert_false(PARSE("--help"));
	assert_non_null(strstr(said, "in two lines (default: 9)\n"));
	assert_null(strstr(said, "--colour"));
	mode = &all;
}

static void every_mode_lists_options_that_there_are(void **state)
{
	static const struct bench_mode *const modes[] = {
		&seed150_mode, &run_mode,  &h2h_mode,	 &sweep_mode,	 &consistency_mode,
		&compare_mode, &gate_mode, &report_mode, &selftest_mode,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		for (size_t at = 0; modes[i]->takes[at] != NULL; at++) {
			const char *taken = modes[i]->takes[at];
			size_t len = strcspn(taken, "=");
			const struct bench_option *option = bench_value_options;

			while (option->name != NULL && (strlen(option->name) != len ||
							memcmp(option->name, taken, len) != 0))
				option++;
			if (option->name == NULL)
				fail_msg("%s takes %s, which is no option", modes[i]->name, taken);
		}
	}
}

static void a_folder_for_results_is_made(void **state)
{
	struct bench_values values = BENCH_VALUES_INIT;
	struct cart_error error;
	char folder[256], path[300];

	(void)state;
	cartd_make_directory(folder);
	snprintf(path, sizeof(path), "%s/results", folder);
	values.out = path;
	assert_int_equal(bench_values_prepare(&values, true, &error), 0);
	assert_int_equal(rmdir(path), 0);
	values.out = "/nonexistent/x";
	assert_int_equal(bench_values_prepare(&values, true, &error), -1);
	assert_string_equal(error.text,
			    "cannot write into /nonexistent/x: No such file or directory");
	cartd_remove_directory(folder);
}

static void help_names_all_and_has_an_example(void **state)
{
	struct bench_texts arguments;
	enum bench_exit status;
	struct some some;

	(void)state;
	assert_false(PARSE("--help"));
	assert_int_equal(status, BENCH_PASS);
	for (const struct bench_option *option = table; option->name != NULL; option++)
		assert_non_null(strstr(said, option->name));
	assert_non_null(strstr(said, "  --count N             a count,\n"
				     "                        in two lines (default: 7)\n"));
	assert_non_null(strstr(said, "Example: cartbench try x\n"));
}

static void a_seed_is_chosen_and_kept(void **state)
{
	struct bench_values common = BENCH_VALUES_INIT, given = {.seed = 5};
	struct cart_error error;

	(void)state;
	assert_int_equal(bench_values_prepare(&common, false, &error), 0);
	assert_true(common.seed >= 0);
	assert_int_equal(bench_values_prepare(&given, false, &error), 0);
	assert_int_equal(given.seed, 5);
}

static void files_that_cannot_be_written_stop_it_before_it_measures(void **state)
{
	struct bench_values common = {.out = "/nonexistent/x.json"}, good = {0};
	struct cart_error error;
	char folder[256], path[300];

	(void)state;
	assert_int_equal(bench_values_prepare(&common, false, &error), -1);
	assert_string_equal(error.text,
			    "cannot write /nonexistent/x.json: No such file or directory");
	cartd_make_directory(folder);
	snprintf(path, sizeof(path), "%s/x.json", folder);
	good.csv = path;
	assert_int_equal(bench_values_prepare(&good, false, &error), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing was left in it */
}

static void pinning_keeps_to_the_cores_named(void **state)
{
	struct bench_values common = {.pin = "0"}, bad = {.pin = "0,x"}, away = {.pin = "1000"};
	struct cart_error error;
	cpu_set_t before, now;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (!CPU_ISSET(0, &before)) {
		print_message("core 0 is not ours: not tested what --pin does\n");
		skip();
	}
	assert_int_equal(bench_values_prepare(&common, false, &error), 0);
	assert_int_equal(common.core_count, 1);
	assert_int_equal(sched_getaffinity(0, sizeof(now), &now), 0);
	assert_int_equal(CPU_COUNT(&now), 1);
	assert_true(CPU_ISSET(0, &now));
	assert_int_equal(bench_values_prepare(&bad, false, &error), -1);
	assert_string_equal(error.text, "--pin takes cores as 1 or 2,3, not \"0,x\"");
	assert_int_equal(bench_values_prepare(&away, false, &error), -1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void pairs_are_checked(void **state)
{
	struct bench_values common = {.label = {{"A"}, 1}}, other = {.describe = {{"A="}, 1}};
	struct cart_error error;

	(void)state;
	assert_int_equal(bench_values_prepare(&common, false, &error), -1);
	assert_string_equal(error.text, "--label takes NAME=TEXT, not \"A\"");
	assert_int_equal(bench_values_prepare(&other, false, &error), -1);
	assert_string_equal(error.text, "--describe takes NAME=FILE, not \"A=\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold_until_something_is_said),
		cmocka_unit_test(values_may_follow_or_be_attached),
		cmocka_unit_test(what_is_wrong_is_said_in_one_line),
		cmocka_unit_test(a_mode_takes_what_it_lists_with_its_own_defaults),
		cmocka_unit_test(every_mode_lists_options_that_there_are),
		cmocka_unit_test(help_names_all_and_has_an_example),
		cmocka_unit_test(a_folder_for_results_is_made),
		cmocka_unit_test(a_seed_is_chosen_and_kept),
		cmocka_unit_test(files_that_cannot_be_written_stop_it_before_it_measures),
		cmocka_unit_test(pinning_keeps_to_the_cores_named),
		cmocka_unit_test(pairs_are_checked),
	};

	return cmocka_run_group_tests_name("options of a mode", tests, NULL, NULL);
}
