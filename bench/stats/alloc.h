#ifndef BENCH_STATS_ALLOC_H
#define BENCH_STATS_ALLOC_H

#include <stdlib.h>
#include <string.h>

/* cartbench ends where there is no memory: what it has measured so far would be worth nothing. */

/* Zeroed memory. */
static inline void *bench_alloc(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		abort();
	return memory;
}

static inline char *bench_copy(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(bench_alloc(1, size), text, size);
}

#endif
