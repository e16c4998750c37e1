#include "bench/result/summary.h"

void bench_summary_add(struct bench_summary *summary, double value)
{
	if (summary->count == 0 || value < summary->min)
		summary->min = value;
	if (summary->count == 0 || value > summary->max)
		summary->max = value;
	summary->sum += value;
	summary->count++;
}

double bench_summary_average(const struct bench_summary *summary)
{
	return summary->count == 0 ? 0 : summary->sum / (double)summary->count;
}
