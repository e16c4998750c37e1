#ifndef BENCH_STATS_ALLOC_H
#define BENCH_STATS_ALLOC_H

#include <stdlib.h>

/* Zeroed memory. Aborts without memory: for use before or after a measurement. */
static inline void *bench_alloc(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		abort();
	return memory;
}

#endif
