/* A histogram as a results file has it: what is accepted encodes to itself, and answers. */
#include "bench/stats/hdr.h"
#include "core/base/buf.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_ask(const struct bench_hdr *hdr)
{
	int64_t value, before = hdr->min;
	int eighth;

	for (eighth = 0; eighth <= 8; eighth++) {
		value = bench_hdr_quantile(hdr, eighth / 8.0);
		if (value < before || value > hdr->max)
			abort();
		before = value;
	}
	if (bench_hdr_mean(hdr) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(size + 1, 1);
	struct cart_error error = {0};
	struct bench_hdr *hdr;
	struct buf again = {0};

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	hdr = bench_hdr_parse(text, &error);
	if (hdr == NULL && error.text[0] == '\0')
		abort();
	if (hdr != NULL) {
		fuzz_ask(hdr);
		bench_hdr_encode(hdr, &again);
		if (strcmp(buf_string(&again), text) != 0)
			abort();
		buf_free(&again);
		bench_hdr_free(&hdr);
	}
	free(text);
	return 0;
}
