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

/* Room for one more at the end of an array of count elements: NULL where there are none, else what
 * this returned for the element before. The room doubles where count is a power of two, so nobody
 * keeps it. */
static inline void *bench_grow(void *array, size_t count, size_t size)
{
	void *larger;

	if (count > 0 && (count & (count - 1)) != 0)
		return array;
	larger = bench_alloc(count > 0 ? 2 * count : 1, size);
	if (count > 0)
		memcpy(larger, array, count * size);
	free(array);
	return larger;
}

static inline char *bench_copy(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(bench_alloc(1, size), text, size);
}

#endif
