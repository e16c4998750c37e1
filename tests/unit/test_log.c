#include "core/base/log.h"

#include "core/base/log_line.h"
#include "core/base/units.h"
#include "tests/lib/cartd.h"
#include "tests/lib/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1762039800123)

static char directory[256];
static char path[300];

/* The one field as text or JSON, at a fixed time; the line without its newline. */
static const char *line_of(bool json, const char *message, struct log_field field)
{
	static char text[LOG_LINE_MAX + 1];
	struct log_line line = {.len = 0};

	(json ? log_line_json : log_line_text)(&line, NOW, LOG_INFO, message, &field, 1);
	assert_true(line.len <= LOG_LINE_MAX);
	assert_int_equal(line.data[line.len - 1], '\n');
	memcpy(text, line.data, line.len - 1);
	text[line.len - 1] = '\0';
	assert_null(memchr(text, '\n', line.len - 1));
	return text;
}

static const char *text_of(const char *value)
{
	const char *line = line_of(false, "m", LOG_STR("k", value));

	assert_memory_equal(line, "2025-11-01T23:30:00.123Z INFO  m k=", 35);
	return line + 35;
}

/* What a JSON reader makes of a field, as a new reference. */
static json_t *json_of(const char *value)
{
	json_error_t error;
	const char *line = line_of(true, "m", LOG_STR("k", value));
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	if (object == NULL)
		fail_msg("%s: %s", error.text, line);
	return object;
}

static char *read_all(const char *file)
{
	FILE *stream = fopen(file, "re");
	char *text = NULL;
	size_t room = 0;

	if (stream == NULL)
		return strdup("");
	if (getdelim(&text, &room, '\0', stream) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(stream);
	return text;
}

static struct settings *settings_for(const char *level, const char *format, const char *file)
{
	struct settings *settings = settings_new();
	struct cart_error error;

	settings_add(settings, "Log", log_settings);
	assert_int_equal(settings_set(settings, "log.level", level, SETTING_FLAG, &error), 0);
	assert_int_equal(settings_set(settings, "log.format", format, SETTING_FLAG, &error), 0);
	assert_int_equal(settings_set(settings, "log.file", file, SETTING_FLAG, &error), 0);
	return settings;
}

static void open_log(const char *level, const char *format, const char *file)
{
	struct settings *settings = settings_for(level, format, file);
	struct cart_error error;

	if (log_open(settings, &error) != 0)
		fail_msg("%s", error.text);
	settings_free(&settings);
}

static void a_text_line_is_time_level_message_and_fields(void **state)
{
	const struct log_field fields[] = {
		LOG_STR("path", "/var/lib/carts.db"),
		LOG_STR("reason", "disk full"),
		LOG_INT("code", -13),
		LOG_STR("left_out", NULL),
		LOG_STR("empty", ""),
	};
	struct log_line line = {.len = 0};

	(void)state;
	log_line_text(&line, NOW, LOG_WARN, "checkpoint failed", fields, 5);
	line.data[line.len] = '\0';
	assert_string_equal(line.data,
			    "2025-11-01T23:30:00.123Z WARN  checkpoint failed "
			    "path=/var/lib/carts.db reason=\"disk full\" code=-13 empty=\"\"\n");
}

static void a_json_line_has_the_same_as_members(void **state)
{
	const struct log_field fields[] = {
		LOG_STR("reason", "disk \"full\""),
		LOG_INT("code", INT64_MIN),
		LOG_STR("left_out", NULL),
	};
	struct log_line line = {.len = 0};

	(void)state;
	log_line_json(&line, NOW, LOG_ERROR, "checkpoint failed", fields, 3);
	line.data[line.len] = '\0';
	assert_string_equal(line.data,
			    "{\"time\":\"2025-11-01T23:30:00.123Z\",\"level\":\"error\","
			    "\"message\":\"checkpoint failed\",\"reason\":\"disk \\\"full\\\"\","
			    "\"code\":-9223372036854775808}\n");
}

static void no_field_forges_a_text_line_or_another_field(void **state)
{
	static const char *const cases[][2] = {
		{"plain/value-1.5", "plain/value-1.5"},
		{"a b", "\"a b\""},
		{"x=y", "\"x=y\""},
		{"\"", "\"\\\"\""},
		{"\\n", "\"\\\\n\""},
		{"a\n2025-11-01T23:30:00.123Z ERROR forged",
		 "\"a\\n2025-11-01T23:30:00.123Z ERROR forged\""},
		{"a\r\tb", "\"a\\r\\tb\""},
		{"\x1b[31m\x07\x7f", "\"\\u001b[31m\\u0007\\u007f\""},
		{"\xc2\x9b", "\"\\u009b\""},	 /* C1: CSI in one character */
		{"\xe2\x80\xa8", "\"\\u2028\""}, /* line separator */
		{"\xe2\x80\xae"
		 "abc",
		 "\"\\u202e"
		 "abc\""}, /* right to left from here */
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xf0\x9f\x9b\x92", "\xf0\x9f\x9b\x92"},
		{"\xff\xfe", "\"\\xff\\xfe\""},
		{"\xc3", "\"\\xc3\""},			 /* cut in the middle */
		{"\xc0\xaf", "\"\\xc0\\xaf\""},		 /* overlong */
		{"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""},
		{"\xe2\x82"
		 "A",
		 "\"\\xe2\\x82"
		 "A\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text_of(cases[i][0]), cases[i][1]);
}

static void json_gives_back_what_went_in(void **state)
{
	static const char *const values[] = {
		"",	    "plain",	    "a \"b\" \\ / c",	"a\nb\r\t\x01\x1f\x7f",
		"\xc2\x9b", "\xe2\x80\xa8", "\xf0\x9f\x9b\x92", "caf\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		json_t *object = json_of(values[i]);

		assert_string_equal(json_string_value(json_object_get(object, "k")), values[i]);
		assert_int_equal(json_object_size(object), 4);
		json_decref(object);
	}
	json_t *object = json_of("a\xff"
				 "b\xc3");

	assert_string_equal(json_string_value(json_object_get(object, "k")), "a\xef\xbf\xbd"
									     "b\xef\xbf\xbd");
	json_decref(object);
}

/* Every length around the limit: the cut must fall between characters and escapes, and be told. */
static void a_long_line_is_cut_whole_and_says_so(void **state)
{
	static const char *const units[] = {
		"a", "\"", "\n", "\x01", "\xff", "\xc3\xa9", "\xf0\x9f\x9b\x92"};
	static char value[LOG_LINE_MAX + 64];
	bool seen[2] = {false, false};

	(void)state;
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		for (size_t pad = 0; pad < 40; pad++) {
			size_t len = 0, step = strlen(units[u]);

			/* Fields of every length up to the limit, by padding before the unit. */
			size_t fill = LOG_LINE_MAX - 160 + pad * 4;

			for (; len < fill - 40; len++)
				value[len] = 'x';
			for (; len + step < fill; len += step)
				memcpy(value + len, units[u], step);
			value[len] = '\0';
			json_t *object = json_of(value);
			bool cut = json_is_true(json_object_get(object, "cut"));
			const char *got = json_string_value(json_object_get(object, "k"));

			seen[cut] = true;
			assert_int_equal(strstr(got, "…") != NULL, cut);
			json_decref(object);
			const char *text = line_of(false, "m", LOG_STR("k", value));

			if (strstr(text, "…") != NULL)
				assert_string_equal(text + strlen(text) - 9, " cut=true");
		}
	assert_true(seen[false] && seen[true]);
}

static void fields_after_the_limit_are_left_out_whole(void **state)
{
	static char big[LOG_LINE_MAX];
	struct log_line line;
	json_error_t error;

	(void)state;
	for (size_t len = LOG_LINE_MAX - 200; len < LOG_LINE_MAX - 40; len++) {
		memset(big, 'x', len);
		big[len] = '\0';
		const struct log_field fields[] = {LOG_STR("first", big),
						   LOG_INT("a_number", 1234567),
						   LOG_STR("s", "value"), LOG_INT("last", 1)};

		line.len = 0;
		line.cut = false;
		log_line_json(&line, NOW, LOG_INFO, "m", fields, 4);
		json_t *object = json_loadb(line.data, line.len, 0, &error);

		if (object == NULL)
			fail_msg("%s: %.*s", error.text, (int)line.len, line.data);
		json_t *number = json_object_get(object, "a_number");

		assert_true(number == NULL || json_integer_value(number) == 1234567);
		assert_true(json_object_get(object, "last") != NULL ||
			    json_is_true(json_object_get(object, "cut")));
		json_decref(object);
	}
}

static void the_log_goes_to_its_file_at_its_level(void **state)
{
	(void)state;
	open_log("warn", "text", path);
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARN));
	log_event(LOG_INFO, "not this", LOG_INT("n", 1));
	errno = 42;
	log_event(LOG_WARN, "but this", LOG_INT("n", 2));
	assert_int_equal(errno, 42);
	log_message(LOG_ERROR, "and this");
	log_close();
	char *text = read_all(path);

	assert_null(strstr(text, "not this"));
	assert_non_null(strstr(text, "WARN  but this n=2\n"));
	assert_non_null(strstr(text, "ERROR and this\n"));
	free(text);
	unlink(path);
}

static void nothing_is_evaluated_below_the_level(void **state)
{
	int evaluated = 0;

	(void)state;
	open_log("error", "text", path);
	log_event(LOG_WARN, "left out", LOG_INT("n", ++evaluated));
	assert_int_equal(evaluated, 0);
	log_event(LOG_ERROR, "written", LOG_INT("n", ++evaluated));
	assert_int_equal(evaluated, 1);
	log_close();
	unlink(path);
}

static void the_time_of_a_line_is_now(void **state)
{
	json_error_t error;
	int64_t ms;

	(void)state;
	open_log("info", "json", path);
	log_event(LOG_INFO, "m", LOG_STR("k", "v"));
	log_close();
	char *text = read_all(path);
	json_t *object = json_loads(text, 0, &error);
	const char *at = json_string_value(json_object_get(object, "time"));

	assert_non_null(at);
	assert_true(units_parse_time(at, strlen(at), &ms));
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	assert_in_range((uint64_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000 - ms), 0, 60000);
	json_decref(object);
	free(text);
	unlink(path);
}

static void after_rotation_lines_go_to_the_new_file(void **state)
{
	struct cart_error error;
	char rotated[310];

	(void)state;
	snprintf(rotated, sizeof(rotated), "%s.1", path);
	open_log("info", "text", path);
	log_message(LOG_INFO, "one");
	assert_int_equal(rename(path, rotated), 0);
	log_message(LOG_INFO, "two");
	assert_int_equal(log_reopen(&error), 0);
	log_message(LOG_INFO, "three");

	/* No new file can be made: the old one goes on. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(log_reopen(&error), -1);
	assert_non_null(strstr(error.text, "log.file: cannot open "));
	assert_non_null(strstr(error.text, ": Is a directory"));
	assert_int_equal(rmdir(path), 0);
	uint64_t dropped = log_dropped();

	log_message(LOG_INFO, "four");
	assert_int_equal(log_dropped(), dropped);
	log_close();

	char *text = read_all(rotated);

	assert_non_null(strstr(text, " one\n"));
	assert_non_null(strstr(text, " two\n"));
	assert_null(strstr(text, "three"));
	free(text);
	unlink(rotated);
	assert_int_equal(log_reopen(&error), 0); /* standard error: nothing to do */
}

static void a_file_that_cannot_be_opened_is_an_error(void **state)
{
	struct settings *settings = settings_for("info", "text", "/nowhere/cartd.log");
	struct cart_error error;

	(void)state;
	assert_int_equal(log_open(settings, &error), -1);
	assert_string_equal(error.text,
			    "log.file: cannot open /nowhere/cartd.log: No such file or directory");
	settings_free(&settings);
}

static void what_cannot_be_written_is_counted(void **state)
{
	uint64_t before = log_dropped();

	(void)state;
	open_log("info", "text", "/dev/full");
	log_message(LOG_INFO, "lost");
	log_event(LOG_INFO, "lost", LOG_INT("n", 1));
	assert_int_equal(log_dropped(), before + 2);
	log_close();
}

static void a_line_that_was_torn_spoils_no_other(void **state)
{
	struct rlimit limit, small;
	uint64_t before = log_dropped();

	(void)state;
	/* A limit on the file's size cuts a line as a full disk does. */
	signal(SIGXFSZ, SIG_IGN);
	open_log("info", "text", path);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_message(LOG_INFO, "torn");
	log_message(LOG_INFO, "lost");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_message(LOG_INFO, "whole");
	assert_int_equal(log_dropped(), before + 2);
	log_close();

	char *text = read_all(path);
	char *newline = strchr(text, '\n');

	assert_non_null(newline);
	assert_int_equal(newline - text, 20);
	assert_string_equal(newline + 1 + UNITS_TIME_TEXT, " INFO  whole\n");
	free(text);
	unlink(path);
}

#define THREADS 4
#define LINES	500

static void *write_lines(void *user)
{
	const char *fill = "0123456789abcdefghijklmnopqrstuvwxyz";

	for (int i = 0; i < LINES; i++)
		log_event(LOG_INFO, "threads", LOG_INT("thread", *(int *)user), LOG_INT("line", i),
			  LOG_STR("fill", fill + i % 36));
	return NULL;
}

static void threads_never_mix_their_lines_nor_lose_one_to_a_rotation(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS], next[THREADS] = {0};
	struct cart_error error;
	size_t lines = 0;

	(void)state;
	open_log("info", "json", path);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(log_reopen(&error), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_close();

	char *text = read_all(path);

	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
		json_error_t why;
		json_t *object = json_loadb(line, (size_t)(end - line), 0, &why);

		if (object == NULL)
			fail_msg("%s: %.*s", why.text, (int)(end - line), line);
		json_int_t thread = json_integer_value(json_object_get(object, "thread"));

		assert_in_range(thread, 0, THREADS - 1);
		assert_int_equal(json_integer_value(json_object_get(object, "line")),
				 next[thread]++);
		json_decref(object);
	}
	assert_int_equal(lines, THREADS * LINES);
	free(text);
	unlink(path);
}

static int make_directory(void **state)
{
	(void)state;
	cartd_make_directory(directory);
	snprintf(path, sizeof(path), "%s/cartd.log", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	cartd_remove_directory(directory);
	return 0;
}

static void a_flood_of_events_is_limited_and_counted(void **state)
{
	struct log_limit limit = {0};
	int64_t now_ns = INT64_C(1000) * CLOCK_NS_PER_S, left_out = -1;

	(void)state;
	for (int i = 0; i < LOG_LIMIT_BURST; i++) {
		assert_true(log_limit_pass(&limit, now_ns, &left_out));
		assert_int_equal(left_out, 0);
	}
	for (int i = 0; i < 1000; i++)
		assert_false(log_limit_pass(&limit, now_ns + i, &left_out));
	assert_false(log_limit_pass(&limit, now_ns + LOG_LIMIT_NS - 1, &left_out));
	assert_true(log_limit_pass(&limit, now_ns + LOG_LIMIT_NS, &left_out));
	assert_int_equal(left_out, 1001);
	assert_false(log_limit_pass(&limit, now_ns + LOG_LIMIT_NS, &left_out));
	now_ns += 1000 * LOG_LIMIT_NS;
	for (int i = 0; i < LOG_LIMIT_BURST; i++)
		assert_true(log_limit_pass(&limit, now_ns, &left_out));
	assert_false(log_limit_pass(&limit, now_ns, &left_out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_is_time_level_message_and_fields),
		cmocka_unit_test(a_json_line_has_the_same_as_members),
		cmocka_unit_test(no_field_forges_a_text_line_or_another_field),
		cmocka_unit_test(json_gives_back_what_went_in),
		cmocka_unit_test(a_long_line_is_cut_whole_and_says_so),
		cmocka_unit_test(fields_after_the_limit_are_left_out_whole),
		cmocka_unit_test(the_log_goes_to_its_file_at_its_level),
		cmocka_unit_test(nothing_is_evaluated_below_the_level),
		cmocka_unit_test(the_time_of_a_line_is_now),
		cmocka_unit_test(after_rotation_lines_go_to_the_new_file),
		cmocka_unit_test(a_file_that_cannot_be_opened_is_an_error),
		cmocka_unit_test(what_cannot_be_written_is_counted),
		cmocka_unit_test(a_line_that_was_torn_spoils_no_other),
		cmocka_unit_test(a_flood_of_events_is_limited_and_counted),
		cmocka_unit_test(threads_never_mix_their_lines_nor_lose_one_to_a_rotation),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
