/*
 * The one table of options of all modes, and what they were set to. An option means the same in
 * every mode that takes it; struct bench_mode lists which these are.
 */
#ifndef BENCH_CLI_VALUES_H
#define BENCH_CLI_VALUES_H

#include "bench/cli/options.h"
#include "core/base/error.h"

#define BENCH_SEED_MAX                                                                             \
	9007199254740991.0 /* the largest integer that every JSON reader keeps exactly */
#define BENCH_PIN_MAX 64

/* What is not given is 0, NULL or false, but for what BENCH_VALUES_INIT sets. */
struct bench_values {
	/* of every mode that measures: BENCH_TAKES_COMMON */
	int64_t seed; /* -1 until bench_values_prepare(), when none was given */
	const char *out, *csv;
	bool json, quiet;
	int64_t timeout_ms;
	const char *cacert, *token_file;
	struct bench_texts describe, label; /* "A=FILE", "A=TEXT" */
	const char *pin;		    /* "1" or "1,3" */
	int cores[BENCH_PIN_MAX];	    /* of pin; by bench_values_prepare() */
	size_t core_count;
	/* how much is asked, and how */
	int64_t clients, from, to, duration_ms, warmup_ms, for_ms;
	double rate, rate_from, rate_to;
	const char *arrivals, *mix, *keys, *consistency;
	int64_t carts, products, adds, gets, think_ms, threads;
	double checkouts;
	bool cold, keep_alive;
	/* pairs, and what is made of them */
	int64_t blocks, pairs;
	struct bench_texts quantiles;
	double margin, confidence, limit, control, slow_b;
	bool no_calls, no_open, busy, exact, other_machine;
	/* probes of consistency */
	int64_t trials, repeats;
	const char *delays, *probes, *promise;
	bool same_database, verbose;
	/* the report; a price below 0 was not given */
	const char *markdown, *brief, *money, *comparison, *seed150, *prices, *instance_name;
	double write_price, read_price, instance_price;
};

#define BENCH_VALUES_INIT                                                                          \
	{                                                                                          \
		.seed = -1, .write_price = -1, .read_price = -1, .instance_price = -1              \
	}

#define BENCH_TAKES_COMMON                                                                         \
	"seed", "out", "csv", "json", "timeout", "cacert", "token-file", "describe", "label",      \
		"pin", "quiet"

/* For struct bench_values. */
extern const struct bench_option bench_value_options[];

/*
 * Chooses a seed if none was given, pins this process to its cores, and makes sure before anything
 * is measured that --out and --csv can be written. -1: error says what cannot be.
 */
CART_MUST_CHECK int bench_values_prepare(struct bench_values *values, bool out_is_folder,
					 struct cart_error *error);

#endif
