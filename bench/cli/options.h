/*
 * Reads the command line of a mode by a table of options: name, type, range, default and help of an
 * option stand in one place, and --help is printed from them. A wrong one ends in a line that says
 * what the option takes.
 */
#ifndef BENCH_CLI_OPTIONS_H
#define BENCH_CLI_OPTIONS_H

#include "bench/cli/mode.h"
#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_TEXTS_MAX 64

struct bench_texts {
	const char *items[BENCH_TEXTS_MAX];
	size_t count;
};

enum bench_option_type {
	OPTION_FLAG,	 /* bool: given or not */
	OPTION_COUNT,	 /* int64_t: a whole number of min ... max */
	OPTION_NUMBER,	 /* double: min ... max */
	OPTION_SHARE,	 /* double: 0.05 or 5%; min ... max likewise */
	OPTION_DURATION, /* int64_t, milliseconds: 250ms, 10s, 5m; min ... max likewise */
	OPTION_TEXT,	 /* const char *: argv's */
	OPTION_CHOICE,	 /* const char *: one of choices */
	OPTION_LIST	 /* struct bench_texts: may be given several times */
};

/* One line of a table; the table ends with a zeroed one. */
struct bench_option {
	const char *name; /* without dashes */
	enum bench_option_type type;
	size_t at;		    /* offsetof() in the struct that is filled in */
	const char *value;	    /* what --help calls it; NULL for a flag */
	const char *fallback;	    /* as typed; NULL: the struct is left as it is */
	double min, max;	    /* counts stay exact up to 2^53 */
	const char *const *choices; /* NULL-terminated */
	const char *help;	    /* one line or several, no full stop */
};

/*
 * Sets the defaults of the options that the mode takes (of all in the table when it names none),
 * then what argv says. argv[0] is the mode's name; what is no option goes to arguments; "--" ends
 * the options. False: *status says how the mode ends, and --help, or the line that says what is
 * wrong, has been printed.
 */
CART_MUST_CHECK bool bench_options_parse(const struct bench_mode *mode,
					 const struct bench_option *table, void *into, int argc,
					 char **argv, struct bench_texts *arguments,
					 enum bench_exit *status);
/* For what a table cannot say: prints "cartbench MODE: WHAT; cartbench MODE --help shows how".
 * Returns BENCH_INVALID. */
CART_PRINTF(2, 3)
enum bench_exit bench_options_refuse(const struct bench_mode *mode, const char *format, ...);
/* Checks a range narrower than that of the table. False: refused, with a message. */
CART_MUST_CHECK bool bench_options_within(const struct bench_mode *mode, const char *name,
					  int64_t value, int64_t min, int64_t max);
/* The text after "NAME=" in a list; NULL: none. */
const char *bench_texts_find(const struct bench_texts *list, const char *name);

/* "0.05", "5%". */
CART_MUST_CHECK bool bench_parse_share(const char *text, double *share);

#endif
