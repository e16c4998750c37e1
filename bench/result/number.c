#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_MINUS "\xe2\x88\x92"
#define NUMBER_SPACE "\xc2\xa0"
#define NUMBER_TIMES 10.0 /* from here on a ratio says more than a percentage */
#define NUMBER_NONE  "\xe2\x80\x93"

/* Copies digits, with commas between thousands and the minus that is as wide as a plus. */
static const char *number_part(const char *digits, char text[NUMBER_TEXT])
{
	size_t whole, out = 0;

	if (*digits == '-') {
		digits++;
		if (strspn(digits, "0.") < strlen(digits))
			out = strlen(strcpy(text, NUMBER_MINUS));
	}
	whole = strcspn(digits, ".");
	for (; *digits != '\0' && out + 2 < NUMBER_TEXT; digits++) {
		text[out++] = *digits;
		if (whole > 0 && --whole > 0 && whole % 3 == 0)
			text[out++] = ',';
	}
	text[out] = '\0';
	return text;
}

static const char *number_decimals(double value, int decimals, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];

	if (!isfinite(value) || fabs(value) >= 1e15)
		return strcpy(text, NUMBER_NONE);
	snprintf(digits, sizeof(digits), "%.*f", decimals < 0 ? 0 : decimals, value);
	return number_part(digits, text);
}

const char *number_digits(double value, int digits, char text[NUMBER_TEXT])
{
	int first;

	if (value == 0 || !isfinite(value))
		return number_decimals(value, 0, text);
	first = (int)floor(log10(fabs(value)));
	/* 9.996 has three digits as 10.0. */
	if (fabs(value) >= pow(10, first + 1) - 0.5 * pow(10, first + 1 - digits))
		first++;
	return number_decimals(value, digits - 1 - first > 9 ? 9 : digits - 1 - first, text);
}

const char *number_plain(double value, char text[NUMBER_TEXT])
{
	int decimals;

	for (decimals = 0; decimals < 9; decimals++) {
		double scaled = value * pow(10, decimals);

		if (fabs(scaled - round(scaled)) < 1e-6)
			break;
	}
	return number_decimals(value, decimals, text);
}

const char *number_count(double value, char text[NUMBER_TEXT])
{
	return number_decimals(value, 0, text);
}

const char *number_ms(double ns, char text[NUMBER_TEXT])
{
	if (isfinite(ns))
		strcat(strcpy(text, number_digits(ns / 1e6, 3, (char[NUMBER_TEXT]){0})),
		       NUMBER_SPACE "ms");
	else
		strcpy(text, NUMBER_NONE);
	return text;
}

const char *number_effect(double effect, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];
	double percent = effect * 100;

	if (!isfinite(percent))
		return strcpy(text, NUMBER_NONE);
	if (effect >= NUMBER_TIMES - 1 || effect <= 1 / NUMBER_TIMES - 1) {
		snprintf(text, NUMBER_TEXT, "\xc3\x97%.40s",
			 number_digits(1 + effect, effect > 0 ? 3 : 2, digits));
		return text;
	}
	number_decimals(percent, fabs(percent) < 9.95 ? 1 : 0, digits);
	snprintf(text, NUMBER_TEXT, "%s%.40s" NUMBER_SPACE "%%",
		 *digits >= '0' && percent > 0 ? "+" : "", digits);
	return text;
}

const char *number_percent(double share, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];

	snprintf(text, NUMBER_TEXT, "%.40s" NUMBER_SPACE "%%", number_plain(share * 100, digits));
	return text;
}

const char *number_share(double share, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];
	double rest = fmin(share, 1 - share) * 100;

	if (!isfinite(share))
		return strcpy(text, NUMBER_NONE);
	if (rest < 1e-9)
		number_decimals(share * 100, 0, digits);
	else
		number_decimals(share * 100,
				rest >= 9.95 ? 0 : (int)fmin(6, 1 - floor(log10(rest))), digits);
	snprintf(text, NUMBER_TEXT, "%.40s" NUMBER_SPACE "%%", digits);
	return text;
}

const char *number_p(double p, char text[NUMBER_TEXT])
{
	if (isfinite(p) && p < 0.001)
		return strcpy(text, "<" NUMBER_SPACE "0.001");
	return number_decimals(p, 3, text);
}

const char *number_percentile(double quantile, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];

	snprintf(text, NUMBER_TEXT, "p%.40s", number_plain(quantile * 100, digits));
	return text;
}
