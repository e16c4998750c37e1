#include "bench/stats/holm.h"

#include <stdlib.h>

struct holm_entry {
	double p;
	size_t at;
};

static int holm_order(const void *a, const void *b)
{
	double left = ((const struct holm_entry *)a)->p, right = ((const struct holm_entry *)b)->p;

	return (left > right) - (left < right);
}

void stats_holm(double *adjusted, const double *p, size_t count)
{
	struct holm_entry *entries;
	double largest = 0, one;
	size_t i;

	if (count == 0)
		return;
	entries = calloc(count, sizeof(*entries));
	if (entries == NULL)
		abort();
	for (i = 0; i < count; i++)
		entries[i] = (struct holm_entry){.p = p[i], .at = i};
	qsort(entries, count, sizeof(*entries), holm_order);
	for (i = 0; i < count; i++) {
		one = (double)(count - i) * entries[i].p;
		if (one > largest)
			largest = one < 1 ? one : 1;
		adjusted[entries[i].at] = largest;
	}
	free(entries);
}
