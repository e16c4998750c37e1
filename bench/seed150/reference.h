/* The numbers that the seed published, which ours are printed beside:
 * bench/seed150/seed-results.json. */
#ifndef BENCH_SEED150_REFERENCE_H
#define BENCH_SEED150_REFERENCE_H

#include "core/base/attr.h"

#include <stddef.h>

/* The file's text: the Makefile makes its definition. */
extern const char embed_seed_results_json[];
extern const size_t embed_seed_results_json_len;

#define SEED_REFERENCE_DATABASES 2
#define SEED_REFERENCE_ROWS	 4 /* create_cart, add_items, get_cart, overall */

/* Milliseconds; a negative one was not published. */
struct seed_times {
	double avg;
	double min;
	double max;
};

struct seed_reference {
	const char *database; /* "mysql", "dynamodb" */
	int success;	      /* of 150 */
	struct seed_times rows[SEED_REFERENCE_ROWS];
};

/* "create_cart", "add_items", "get_cart", "overall": the seed's names, and the rows' order. */
extern const char *const seed_reference_rows[SEED_REFERENCE_ROWS];

/* Reads the embedded file. -1: it is not as it should be, which a unit test rules out. */
CART_MUST_CHECK int seed_reference_load(struct seed_reference references[SEED_REFERENCE_DATABASES]);

#endif
