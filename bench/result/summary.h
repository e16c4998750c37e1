/* A summary of a set of times: count, average, smallest, largest. */
#ifndef BENCH_RESULT_SUMMARY_H
#define BENCH_RESULT_SUMMARY_H

#include <stddef.h>

/* A zeroed struct is empty. */
struct bench_summary {
	size_t count;
	double sum;
	double min; /* this and max are 0 while count is */
	double max;
};

void bench_summary_add(struct bench_summary *summary, double value);
/* 0 when empty. */
double bench_summary_average(const struct bench_summary *summary);

#endif
