/* The options that every measuring mode has, and what must be true before one begins. */
#ifndef BENCH_CLI_COMMON_H
#define BENCH_CLI_COMMON_H

#include "bench/cli/options.h"
#include "core/base/error.h"

#define BENCH_SEED_MAX 9007199254740991.0 /* what a JSON number carries exactly everywhere */
#define BENCH_PIN_MAX  64

struct bench_common {
	int64_t seed;		     /* -1 until bench_common_prepare(), when none was given */
	const char *out;	     /* NULL: no file */
	const char *csv;	     /* likewise */
	bool json;		     /* the document on standard output in place of tables */
	int64_t timeout_ms;	     /* of an operation */
	bool quiet;		     /* no progress */
	struct bench_texts describe; /* "A=FILE" */
	struct bench_texts label;    /* "A=TEXT" */
	const char *pin;	     /* "1" or "1,3" */
	int cores[BENCH_PIN_MAX];    /* of pin; by bench_common_prepare() */
	size_t core_count;
};

#define BENCH_COMMON_INIT                                                                          \
	{                                                                                          \
		.seed = -1                                                                         \
	}

/* For struct bench_common. */
extern const struct bench_option bench_common_options[];

/*
 * Chooses a seed if none was given, pins this process to its cores, and sees that the files can be
 * written, so that nothing is measured that could not be kept. -1: error says what cannot be.
 */
CART_MUST_CHECK int bench_common_prepare(struct bench_common *common, struct cart_error *error);
/* The text after "NAME=" in a list; NULL: none. */
const char *bench_common_of(const struct bench_texts *list, const char *name);

#endif
