#include "bench/cli/options.h"

#include "core/base/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_COLUMN 24 /* where help begins */

/* A mode's command line while it is read. */
struct options {
	const struct bench_mode *mode;
	const struct bench_option *table;
	void *into;
	int argc;
	char **argv;
	struct bench_texts *arguments;
};

enum bench_exit bench_options_refuse(const struct bench_mode *mode, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "cartbench %s: ", mode->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; cartbench %s --help shows how\n", mode->name);
	return BENCH_INVALID;
}

bool bench_options_within(const struct bench_mode *mode, const char *name, int64_t value,
			  int64_t min, int64_t max)
{
	if (value >= min && value <= max)
		return true;
	bench_options_refuse(mode, "--%s takes a whole number of %lld to %lld here, not \"%lld\"",
			     name, (long long)min, (long long)max, (long long)value);
	return false;
}

const char *bench_texts_find(const struct bench_texts *list, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i], name, len) == 0 && list->items[i][len] == '=')
			return list->items[i] + len + 1;
	return NULL;
}

/* A decimal number and nothing else: no spaces, no hexadecimal, no "inf". */
static bool options_number(const char *text, double *number)
{
	char *end;

	if (*text == '\0' || strspn(text, "0123456789.") != strlen(text))
		return false;
	*number = strtod(text, &end);
	return *end == '\0' && isfinite(*number);
}

bool bench_parse_share(const char *text, double *share)
{
	size_t len = strlen(text);
	char digits[32];

	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len + 1);
	if (digits[len - 1] == '%')
		digits[len - 1] = '\0';
	if (!options_number(digits, share))
		return false;
	if (text[len - 1] == '%')
		*share /= 100;
	return true;
}

static bool options_is_choice(const struct bench_option *option, const char *text)
{
	for (size_t i = 0; option->choices[i] != NULL; i++)
		if (strcmp(option->choices[i], text) == 0)
			return true;
	return false;
}

/* Reads the value of an option whose value is some kind of number. */
static bool options_measure(const struct bench_option *option, const char *text, double *number)
{
	int64_t ms;

	switch (option->type) {
	case OPTION_COUNT:
		if (strspn(text, "0123456789") != strlen(text) || !options_number(text, number))
			return false;
		break;
	case OPTION_NUMBER:
		if (!options_number(text, number))
			return false;
		break;
	case OPTION_SHARE:
		if (!bench_parse_share(text, number))
			return false;
		break;
	default:
		if (!units_parse_duration(text, &ms))
			return false;
		*number = (double)ms;
		break;
	}
	return *number >= option->min && *number <= option->max;
}

/* False: the option does not take this text. */
static bool options_set(const struct bench_option *option, void *into, const char *text)
{
	void *at = (char *)into + option->at;
	struct bench_texts *list;
	double number;

	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return true;
	case OPTION_CHOICE:
		if (!options_is_choice(option, text))
			return false;
		*(const char **)at = text;
		return true;
	case OPTION_TEXT:
		*(const char **)at = text;
		return *text != '\0';
	case OPTION_LIST:
		list = at;
		if (*text == '\0' || list->count == BENCH_TEXTS_MAX)
			return false;
		list->items[list->count++] = text;
		return true;
	case OPTION_COUNT:
	case OPTION_DURATION:
		if (!options_measure(option, text, &number))
			return false;
		*(int64_t *)at = (int64_t)number;
		return true;
	case OPTION_NUMBER:
	case OPTION_SHARE:
		return options_measure(option, text, (double *)at);
	}
	return false;
}

/* What an option takes, for the message that refuses a value. */
static void options_describe(const struct bench_option *option, char *text, size_t room)
{
	char from[UNITS_TEXT], to[UNITS_TEXT];
	size_t at;

	switch (option->type) {
	case OPTION_COUNT:
		snprintf(text, room, "a whole number of %.0f to %.0f", option->min, option->max);
		break;
	case OPTION_NUMBER:
		snprintf(text, room, "a number of %.10g to %.10g", option->min, option->max);
		break;
	case OPTION_SHARE:
		snprintf(text, room, "a share as 5%% or 0.05, of %g%% to %g%%", option->min * 100,
			 option->max * 100);
		break;
	case OPTION_DURATION:
		snprintf(text, room, "a duration as 500ms, 10s or 5m, of %s to %s",
			 units_format_duration((int64_t)option->min, from),
			 units_format_duration((int64_t)option->max, to));
		break;
	case OPTION_CHOICE:
		at = (size_t)snprintf(text, room, "one of");
		for (size_t i = 0; option->choices[i] != NULL && at < room; i++)
			at += (size_t)snprintf(text + at, room - at, "%s %s", i > 0 ? "," : "",
					       option->choices[i]);
		break;
	case OPTION_LIST:
		snprintf(text, room, "%s, at most %d times", option->value, BENCH_TEXTS_MAX);
		break;
	default:
		snprintf(text, room, "%s", option->value);
	}
}

/* Whether the mode takes the option, and the default that it has there. */
static bool options_takes(const struct bench_mode *mode, const struct bench_option *option,
			  const char **fallback)
{
	size_t len = strlen(option->name);

	*fallback = option->fallback;
	for (size_t i = 0; mode->takes[i] != NULL; i++) {
		const char *taken = mode->takes[i];

		if (strncmp(taken, option->name, len) != 0 ||
		    (taken[len] != '\0' && taken[len] != '='))
			continue;
		if (taken[len] == '=')
			*fallback = taken + len + 1;
		return true;
	}
	return mode->takes[0] == NULL;
}

static const struct bench_option *options_find(const struct options *options, const char *name,
					       size_t len)
{
	const char *fallback;

	for (const struct bench_option *option = options->table; option->name != NULL; option++)
		if (strlen(option->name) == len && memcmp(option->name, name, len) == 0 &&
		    options_takes(options->mode, option, &fallback))
			return option;
	return NULL;
}

static void options_set_defaults(const struct options *options)
{
	const char *fallback;

	for (const struct bench_option *option = options->table; option->name != NULL; option++)
		if (options_takes(options->mode, option, &fallback) && fallback != NULL &&
		    !options_set(option, options->into, fallback))
			abort(); /* a bug: the table refuses its own default */
}

static void options_print_line(const struct bench_option *option, const char *fallback)
{
	const char *help = option->help;
	int used = printf("  --%s%s%s", option->name, option->value != NULL ? " " : "",
			  option->value != NULL ? option->value : "");

	if (used > OPTIONS_COLUMN - 2) {
		putchar('\n');
		used = 0;
	}
	for (;;) {
		size_t len = strcspn(help, "\n");

		printf("%*s%.*s", OPTIONS_COLUMN - used, "", (int)len, help);
		if (help[len] == '\0')
			break;
		putchar('\n');
		used = 0;
		help += len + 1;
	}
	if (fallback != NULL)
		printf(" (default: %s)", fallback);
	putchar('\n');
}

static enum bench_exit options_print_help(const struct options *options)
{
	const struct bench_mode *mode = options->mode;
	const char *fallback;

	printf("Usage: cartbench %s [OPTIONS] %s\n\n%s\n", mode->name, mode->arguments,
	       mode->about);
	for (const struct bench_option *option = options->table; option->name != NULL; option++)
		if (options_takes(mode, option, &fallback))
			options_print_line(option, fallback);
	printf("  --help%*sthis text\n", OPTIONS_COLUMN - 8, "");
	if (mode->more != NULL)
		printf("\n%s", mode->more);
	printf("\nExample: %s\n", mode->example);
	return fflush(stdout) == 0 ? BENCH_PASS : BENCH_INVALID;
}

/* Takes the option at argv[*at], and its value. False: it was refused, with a message. */
static bool options_take(const struct options *options, int *at)
{
	const char *given = options->argv[*at], *name = given + 2, *value = NULL;
	size_t len = strcspn(name, "=");
	const struct bench_option *option = NULL;
	char takes[256];

	if (given[1] == '-')
		option = options_find(options, name, len);
	if (option == NULL) {
		bench_options_refuse(options->mode, "no such option: %s", given);
		return false;
	}
	if (name[len] == '=')
		value = name + len + 1;
	else if (option->type != OPTION_FLAG && *at + 1 < options->argc)
		value = options->argv[++*at];
	options_describe(option, takes, sizeof(takes));
	if (option->type == OPTION_FLAG && value != NULL)
		bench_options_refuse(options->mode, "--%s takes no value", option->name);
	else if (option->type != OPTION_FLAG && value == NULL)
		bench_options_refuse(options->mode, "--%s wants %s", option->name, takes);
	else if (!options_set(option, options->into, value))
		bench_options_refuse(options->mode, "--%s takes %s, not \"%s\"", option->name,
				     takes, value);
	else
		return true;
	return false;
}

static bool options_take_argument(const struct options *options, const char *text)
{
	struct bench_texts *arguments = options->arguments;

	if (arguments->count == options->mode->arguments_max ||
	    arguments->count == BENCH_TEXTS_MAX) {
		bench_options_refuse(options->mode, "one too many: %s", text);
		return false;
	}
	arguments->items[arguments->count++] = text;
	return true;
}

bool bench_options_parse(const struct bench_mode *mode, const struct bench_option *table,
			 void *into, int argc, char **argv, struct bench_texts *arguments,
			 enum bench_exit *status)
{
	const struct options options = {mode, table, into, argc, argv, arguments};
	bool ended = false;

	*arguments = (struct bench_texts){0};
	*status = BENCH_INVALID;
	options_set_defaults(&options);
	for (int i = 1; i < argc; i++) {
		if (!ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			*status = options_print_help(&options);
			return false;
		}
		if (!ended && strcmp(argv[i], "--") == 0)
			ended = true;
		else if (!ended && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!options_take(&options, &i))
				return false;
		} else if (!options_take_argument(&options, argv[i])) {
			return false;
		}
	}
	if (arguments->count < mode->arguments_min) {
		bench_options_refuse(mode, "no %s given", mode->arguments);
		return false;
	}
	return true;
}
