/*
 * Instants as RFC 3339 writes them. Written by hand because every answer holds several: gmtime_r()
 * and snprintf() cost more than the rest of a cart's JSON.
 */
#include "core/base/units.h"

#define UNITS_DAY_MS	  INT64_C(86400000)
#define UNITS_TIME_MS_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

struct units_date {
	int year, month, day;
};

/*
 * Days since 1970-01-01 and back, in the Gregorian calendar. Both count in years that start in
 * March, so that the leap day is the last of its year, and in eras of 400 years, which all have
 * 146,097 days.
 */
static int64_t units_days(struct units_date date)
{
	int year = date.month <= 2 ? date.year - 1 : date.year;
	int month = (date.month + 9) % 12; /* March is 0 */
	int64_t era = year / 400;
	int64_t of_era = year % 400;
	int64_t of_year = (153 * month + 2) / 5 + date.day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct units_date units_date(int64_t days)
{
	int64_t since = days + 719468; /* 0000-03-01 */
	int era = (int)(since / 146097);
	int of_era = (int)(since % 146097);
	int years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * years + years / 4 - years / 100);
	int march = (5 * of_year + 2) / 153;
	int month = march < 10 ? march + 3 : march - 9;

	return (struct units_date){
		.year = era * 400 + years + (month <= 2),
		.month = month,
		.day = of_year - (153 * march + 2) / 5 + 1,
	};
}

static bool units_date_exists(struct units_date date)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);

	if (date.month < 1 || date.month > 12 || date.day < 1)
		return false;
	return date.day <= lengths[date.month - 1] + (date.month == 2 && leap);
}

static char *units_put(char *at, int64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + digits;
}

void units_format_time(int64_t ms, char text[UNITS_TIME_TEXT + 1])
{
	if (ms < 0)
		ms = 0;
	if (ms > UNITS_TIME_MS_MAX)
		ms = UNITS_TIME_MS_MAX;

	struct units_date date = units_date(ms / UNITS_DAY_MS);
	int64_t of_day = ms % UNITS_DAY_MS;
	char *at = text;

	at = units_put(at, date.year, 4);
	*at++ = '-';
	at = units_put(at, date.month, 2);
	*at++ = '-';
	at = units_put(at, date.day, 2);
	*at++ = 'T';
	at = units_put(at, of_day / 3600000, 2);
	*at++ = ':';
	at = units_put(at, of_day / 60000 % 60, 2);
	*at++ = ':';
	at = units_put(at, of_day / 1000 % 60, 2);
	*at++ = '.';
	at = units_put(at, of_day % 1000, 3);
	*at++ = 'Z';
	*at = '\0';
}

/* What is left to read. */
struct units_text {
	const char *at, *end;
};

static bool units_take(struct units_text *text, const char *any)
{
	if (text->at == text->end)
		return false;
	for (; *any != '\0'; any++)
		if (*text->at == *any) {
			text->at++;
			return true;
		}
	return false;
}

static bool units_take_number(struct units_text *text, int digits, int *value)
{
	if (text->end - text->at < digits)
		return false;
	*value = 0;
	for (int i = 0; i < digits; i++, text->at++) {
		if (*text->at < '0' || *text->at > '9')
			return false;
		*value = *value * 10 + (*text->at - '0');
	}
	return true;
}

/* ".123456" to 123; none to 0. */
static bool units_take_fraction(struct units_text *text, int *ms)
{
	int digits = 0;

	*ms = 0;
	if (!units_take(text, "."))
		return true;
	for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++, digits++)
		if (digits < 3)
			*ms = *ms * 10 + (*text->at - '0');
	if (digits == 0)
		return false;
	for (int i = digits; i < 3; i++)
		*ms *= 10;
	return true;
}

static bool units_take_offset(struct units_text *text, int *minutes)
{
	int hour, minute;

	*minutes = 0;
	if (units_take(text, "Zz"))
		return true;

	bool west = text->at < text->end && *text->at == '-';

	if (!units_take(text, "+-") || !units_take_number(text, 2, &hour) ||
	    !units_take(text, ":") || !units_take_number(text, 2, &minute) || hour > 23 ||
	    minute > 59)
		return false;
	*minutes = (hour * 60 + minute) * (west ? -1 : 1);
	return true;
}

bool units_parse_time(const char *text, size_t len, int64_t *ms)
{
	struct units_text rest = {text, text + len};
	struct units_date date;
	int hour, minute, second, fraction, offset;

	if (!units_take_number(&rest, 4, &date.year) || !units_take(&rest, "-") ||
	    !units_take_number(&rest, 2, &date.month) || !units_take(&rest, "-") ||
	    !units_take_number(&rest, 2, &date.day) || !units_take(&rest, "Tt") ||
	    !units_take_number(&rest, 2, &hour) || !units_take(&rest, ":") ||
	    !units_take_number(&rest, 2, &minute) || !units_take(&rest, ":") ||
	    !units_take_number(&rest, 2, &second) || !units_take_fraction(&rest, &fraction) ||
	    !units_take_offset(&rest, &offset) || rest.at != rest.end)
		return false;
	if (!units_date_exists(date) || hour > 23 || minute > 59 || second > 60)
		return false;

	int64_t minutes = units_days(date) * 1440 + INT64_C(60) * hour + minute - offset;
	int64_t instant = (minutes * 60 + second) * 1000 + fraction;

	/* A leap second ends a day of UTC; like every POSIX clock we count it as the next one. */
	if (second == 60 && (minutes % 1440 + 1440) % 1440 != 1439)
		return false;
	if (instant < 0 || instant > UNITS_TIME_MS_MAX)
		return false;
	*ms = instant;
	return true;
}
