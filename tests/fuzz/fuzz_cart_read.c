/* Any JSON as what a cartd answers to cartbench: a cart, a page of carts, a problem. What is taken
 * is a cart with lines in order and nothing leaks. */
#include "bench/target/cart_read.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/json_mutate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *json = (const char *)data;
	struct cart cart, *carts = NULL;
	size_t count = 0;
	char error[32] = "";

	if (bench_cart_read(&cart, json, size)) {
		bool may_be = bench_cart_is(&cart.id, json, size); /* must not crash */

		(void)may_be;
		cart_clear(&cart);
	} else if (cart.lines != NULL) {
		abort();
	}
	if (bench_carts_read(&carts, &count, json, size)) {
		for (size_t i = 0; i < count; i++)
			cart_clear(&carts[i]);
		free(carts);
	}
	if (bench_problem_read(error, sizeof(error), json, size) &&
	    memchr(error, '\0', sizeof(error)) == NULL)
		abort();
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return json_mutate(data, size, max_size, seed);
}
