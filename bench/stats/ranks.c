#include "bench/stats/ranks.h"

#include <stdlib.h>

struct ranks_entry {
	double value;
	size_t at;
};

static int ranks_order(const void *a, const void *b)
{
	double left = ((const struct ranks_entry *)a)->value,
	       right = ((const struct ranks_entry *)b)->value;

	return (left > right) - (left < right);
}

double stats_ranks(double *ranks, const double *values, size_t count)
{
	struct ranks_entry *entries = calloc(count + 1, sizeof(*entries));
	double ties = 0, t;
	size_t i, j, end;

	if (entries == NULL)
		abort();
	for (i = 0; i < count; i++)
		entries[i] = (struct ranks_entry){.value = values[i], .at = i};
	qsort(entries, count, sizeof(*entries), ranks_order);
	for (i = 0; i < count; i = end) {
		for (end = i + 1; end < count && entries[end].value == entries[i].value; end++)
			;
		for (j = i; j < end; j++)
			ranks[entries[j].at] = (double)(i + 1 + end) / 2;
		t = (double)(end - i);
		ties += t * t * t - t;
	}
	free(entries);
	return ties;
}
