/*
 * The seed's protocol: 50 carts created (customer 1000 + i), 50 adds (product 100 + i % 10,
 * quantity i % 5 + 1, cart i), 50 carts read, one operation after another.
 */
#ifndef BENCH_SEED150_SEED150_H
#define BENCH_SEED150_SEED150_H

#include "bench/stats/describe.h"
#include "bench/target/drive.h"
#include "core/cart_id.h"

#include <stdint.h>
#include <stdio.h>

#define SEED150_EACH  50
#define SEED150_TOTAL (3 * SEED150_EACH)
/* After so many operations in a row without an answer the target counts as gone. */
#define SEED150_GIVE_UP 3

/* The order is that of seed_reference_rows. */
enum seed150_operation { SEED150_CREATE, SEED150_ADD, SEED150_GET, SEED150_OPERATIONS };

struct seed150_sample {
	enum seed150_operation operation;
	double response_ms; /* from before the connection is opened to the answer's last byte */
	bool success;	    /* the right status, and a body that says what it should */
	int status;	    /* 0: no answer */
	int64_t wall_ms;    /* when it began, since 1970 */
	char cart_id[CART_ID_TEXT + 1]; /* "": there is none, its creation failed */
};

struct seed150_result {
	const char *url; /* the caller's */
	/* The database's; "sqlite-2" when another target has the same. */
	char name[BENCH_DATABASE_MAX + 8];
	bool keep_alive;
	struct seed150_sample samples[SEED150_TOTAL];
	size_t sample_count;	 /* below SEED150_TOTAL: stopped, error says why */
	struct cart_error error; /* the last failure, one line; "" when all went well */
	struct cart_error why[SEED150_OPERATIONS]; /* the last failure of each operation */
};

/* Measures a cartd. The caller sets result->url, name and keep_alive. */
void seed150_measure(struct seed150_result *result, struct bench_drive *drive);

struct seed150_row {
	size_t tried;
	struct bench_summary times; /* of those that succeeded */
};
/* Why an operation has no times; "": it has some. SEED150_OPERATIONS stands for all three, here
 * and below. */
const char *seed150_why(const struct seed150_result *result, enum seed150_operation operation);
struct seed150_row seed150_row(const struct seed150_result *result,
			       enum seed150_operation operation);

/* The table for people: ours, and the seed's own beside it. False: it could not be printed. */
CART_MUST_CHECK bool seed150_print_table(FILE *out, const struct seed150_result *result);
/* Says why the seed's figures cannot be compared with ours. */
void seed150_print_caveat(FILE *out);
/* All results and the seed's as one JSON object. False: it could not be printed. */
CART_MUST_CHECK bool seed150_print_json(FILE *out, const struct seed150_result *results,
					size_t count);

/* Writes the samples into DIR/{name}_results.json, each with its "database" if there are several
 * results. -1: error says why. */
CART_MUST_CHECK int seed150_write(const char *dir, const char *name,
				  const struct seed150_result *results, size_t count,
				  struct cart_error *error);

#endif
