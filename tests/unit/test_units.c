#include "core/base/units.h"

#include "tests/lib/cmocka.h"

#include <string.h>
#include <time.h>

struct units_case {
	const char *text;
	int64_t value; /* -1: refused */
};

static void check_all(bool (*parse)(const char *, int64_t *), const struct units_case *cases)
{
	for (; cases->text != NULL; cases++) {
		int64_t value = -7;
		bool good = parse(cases->text, &value);

		if (good != (cases->value >= 0))
			fail_msg("\"%s\" was %s", cases->text, good ? "taken" : "refused");
		if (good && value != cases->value)
			fail_msg("\"%s\" is %lld", cases->text, (long long)value);
	}
}

static void durations_are_a_whole_number_and_one_unit(void **state)
{
	static const struct units_case cases[] = {
		{"250ms", 250},
		{"30s", 30000},
		{"10m", 600000},
		{"24h", 86400000},
		{"30d", INT64_C(2592000000)},
		{"0", 0},
		{"0s", 0},
		{"00", 0},
		{"9223372036854775807ms", INT64_MAX},
		{"9223372036854775808ms", -1},
		{"99999999999999999999s", -1},
		{"106751991168d", -1},
		{"", -1},
		{"5", -1},
		{"s", -1},
		{"-1s", -1},
		{"+1s", -1},
		{"1.5s", -1},
		{"1 s", -1},
		{" 1s", -1},
		{"1s ", -1},
		{"1S", -1},
		{"1h30m", -1},
		{"1us", -1},
		{"1e3s", -1},
		{"0x10s", -1},
		{NULL, 0},
	};

	(void)state;
	check_all(units_parse_duration, cases);
}

static void sizes_are_a_whole_number_and_one_binary_unit(void **state)
{
	static const struct units_case cases[] = {
		{"512B", 512},
		{"64KiB", 65536},
		{"16MiB", 16777216},
		{"1GiB", 1073741824},
		{"0", 0},
		{"8589934591GiB", INT64_C(9223372035781033984)},
		{"8589934592GiB", -1},
		{"64kb", -1},
		{"64KB", -1},
		{"64K", -1},
		{"64kib", -1},
		{"65536", -1},
		{"-1B", -1},
		{"1.5MiB", -1},
		{"", -1},
		{NULL, 0},
	};

	(void)state;
	check_all(units_parse_size, cases);
}

static void a_value_is_written_in_the_largest_unit_that_divides_it(void **state)
{
	char text[UNITS_TEXT];

	(void)state;
	assert_string_equal(units_format_duration(0, text), "0");
	assert_string_equal(units_format_duration(250, text), "250ms");
	assert_string_equal(units_format_duration(60000, text), "1m");
	assert_string_equal(units_format_duration(90000, text), "90s");
	assert_string_equal(units_format_duration(INT64_C(2592000000), text), "30d");
	assert_string_equal(units_format_duration(INT64_MAX, text), "9223372036854775807ms");
	assert_string_equal(units_format_size(65536, text), "64KiB");
	assert_string_equal(units_format_size(65537, text), "65537B");
	assert_string_equal(units_format_size(1 << 30, text), "1GiB");
}

static void what_is_written_is_read_back(void **state)
{
	char text[UNITS_TEXT];

	(void)state;
	for (int64_t value = 1; value > 0 && value < INT64_MAX / 3; value = value * 3 + 1) {
		int64_t back;

		assert_true(units_parse_duration(units_format_duration(value, text), &back));
		assert_int_equal(back, value);
		assert_true(units_parse_size(units_format_size(value, text), &back));
		assert_int_equal(back, value);
	}
}

static void instants_are_written_in_utc_with_milliseconds(void **state)
{
	char text[UNITS_TIME_TEXT + 1];

	(void)state;
	units_format_time(INT64_C(1762039800123), text);
	assert_string_equal(text, "2025-11-01T23:30:00.123Z");
	units_format_time(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	units_format_time(INT64_C(253402300799999), text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	units_format_time(INT64_C(951782400000), text);
	assert_string_equal(text, "2000-02-29T00:00:00.000Z");
	/* Beyond what four digits can say: the nearest that they can. */
	units_format_time(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	units_format_time(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void every_day_is_the_one_that_the_c_library_says(void **state)
{
	(void)state;
	for (int64_t day = 0; day < 8030 * INT64_C(365); day += 1) {
		time_t seconds = (time_t)(day * 86400 + 43199);
		char ours[UNITS_TIME_TEXT + 1], theirs[64];
		int64_t back;
		struct tm tm;

		units_format_time((int64_t)seconds * 1000 + 7, ours);
		/* The library is slow: all days of four centuries, then a sample. */
		if (day < 146097 || day % 97 == 0) {
			gmtime_r(&seconds, &tm);
			assert_true(strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.007Z",
					     &tm) > 0);
			assert_string_equal(ours, theirs);
		}
		assert_true(units_parse_time(ours, UNITS_TIME_TEXT, &back));
		assert_int_equal(back, (int64_t)seconds * 1000 + 7);
	}
}

static void rfc3339_is_read_in_all_its_forms(void **state)
{
	static const struct units_case cases[] = {
		{"2025-11-01T23:30:00.123Z", INT64_C(1762039800123)},
		{"2025-11-01t23:30:00.123z", INT64_C(1762039800123)},
		{"2025-11-01T23:30:00Z", INT64_C(1762039800000)},
		{"2025-11-01T23:30:00.1Z", INT64_C(1762039800100)},
		{"2025-11-01T23:30:00.12Z", INT64_C(1762039800120)},
		{"2025-11-01T23:30:00.123999999Z", INT64_C(1762039800123)},
		{"2025-11-02T00:30:00.123+01:00", INT64_C(1762039800123)},
		{"2025-11-01T18:00:00.123-05:30", INT64_C(1762039800123)},
		{"2025-11-01T23:30:00-00:00", INT64_C(1762039800000)},
		{"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:30:00+00:30", 0},
		{"2016-12-31T23:59:60Z", INT64_C(1483228800000)}, /* a leap second */
		{"2017-01-01T00:59:60+01:00", INT64_C(1483228800000)},
		{NULL, 0},
	};

	(void)state;
	for (const struct units_case *c = cases; c->text != NULL; c++) {
		int64_t ms;

		if (!units_parse_time(c->text, strlen(c->text), &ms))
			fail_msg("\"%s\" was refused", c->text);
		assert_int_equal(ms, c->value);
	}
}

static void what_is_no_instant_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"2025",
		"2025-11-01",
		"2025-11-01T23:30Z",
		"2025-11-01T23:30:00",
		"2025-11-01 23:30:00Z",
		"2025-11-01T23:30:00.Z",
		"2025-11-01T23:30:00,5Z",
		"2025-11-01T23:30:00Zx",
		"2025-11-01T23:30:00 Z",
		" 2025-11-01T23:30:00Z",
		"2025-11-1T23:30:00Z",
		"2025-11-01T24:00:00Z",
		"2025-11-01T23:60:00Z",
		"2025-11-01T23:30:61Z",
		"2025-11-01T23:30:60Z", /* no leap second within a day */
		"2025-11-01T23:30:00+24:00",
		"2025-11-01T23:30:00+01:60",
		"2025-11-01T23:30:00+0100",
		"2025-11-01T23:30:00+01",
		"2025-00-01T00:00:00Z",
		"2025-13-01T00:00:00Z",
		"2025-11-00T00:00:00Z",
		"2025-11-31T00:00:00Z",
		"2025-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"1969-12-31T23:59:59Z",
		"0000-01-01T00:00:00Z",
		"1970-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"-001-01-01T00:00:00Z",
		"+025-11-01T23:30:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t ms = -7;

		if (units_parse_time(texts[i], strlen(texts[i]), &ms))
			fail_msg("\"%s\" was taken", texts[i]);
		assert_int_equal(ms, -7);
	}
	int64_t ms;

	assert_false(units_parse_time("2025-11-01T23:30:00Z", 19, &ms)); /* the length counts */
	assert_false(units_parse_time("2025-11-01T23:30:00\0Z", 21, &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_a_whole_number_and_one_unit),
		cmocka_unit_test(sizes_are_a_whole_number_and_one_binary_unit),
		cmocka_unit_test(a_value_is_written_in_the_largest_unit_that_divides_it),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(instants_are_written_in_utc_with_milliseconds),
		cmocka_unit_test(every_day_is_the_one_that_the_c_library_says),
		cmocka_unit_test(rfc3339_is_read_in_all_its_forms),
		cmocka_unit_test(what_is_no_instant_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
