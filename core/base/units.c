#include "core/base/units.h"

#include <stdio.h>
#include <string.h>

/* A unit and how many of the smallest it is; tables run from the smallest to the largest. */
struct units_unit {
	const char *name;
	int64_t factor;
};

static const struct units_unit units_durations[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static const struct units_unit units_sizes[] = {
	{"B", 1},
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
};

#define UNITS_COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool units_parse(const char *text, const struct units_unit *units, size_t count,
			int64_t *value)
{
	int64_t number = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *p - '0', &number))
			return false;
	if (p == text)
		return false;
	if (*p == '\0' && number == 0) {
		*value = 0;
		return true;
	}
	for (size_t i = 0; i < count; i++)
		if (strcmp(p, units[i].name) == 0)
			return !__builtin_mul_overflow(number, units[i].factor, value);
	return false;
}

static const char *units_format(int64_t value, const struct units_unit *units, size_t count,
				char text[UNITS_TEXT])
{
	size_t i = count - 1;

	if (value == 0)
		return strcpy(text, "0");
	while (value % units[i].factor != 0)
		i--;
	snprintf(text, UNITS_TEXT, "%lld%s", (long long)(value / units[i].factor), units[i].name);
	return text;
}

bool units_parse_duration(const char *text, int64_t *ms)
{
	return units_parse(text, units_durations, UNITS_COUNT(units_durations), ms);
}

bool units_parse_size(const char *text, int64_t *bytes)
{
	return units_parse(text, units_sizes, UNITS_COUNT(units_sizes), bytes);
}

const char *units_format_duration(int64_t ms, char text[UNITS_TEXT])
{
	return units_format(ms, units_durations, UNITS_COUNT(units_durations), text);
}

const char *units_format_size(int64_t bytes, char text[UNITS_TEXT])
{
	return units_format(bytes, units_sizes, UNITS_COUNT(units_sizes), text);
}
