#include "bench/stats/welch.h"
#include "bench/stats/describe.h"
#include "bench/stats/student.h"

#include <math.h>
#include <stdbool.h>

static bool welch_takes(const double *values, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!isfinite(values[i]))
			return false;
	return count >= 2;
}

int stats_welch(struct stats_welch *test, const double *a, size_t a_count, const double *b,
		size_t b_count, double confidence)
{
	double of_a, of_b, half;

	if (!welch_takes(a, a_count) || !welch_takes(b, b_count))
		return -1;
	of_a = stats_variance(a, a_count) / (double)a_count;
	of_b = stats_variance(b, b_count) / (double)b_count;
	*test = (struct stats_welch){.difference = stats_mean(b, b_count) - stats_mean(a, a_count),
				     .error = sqrt(of_a + of_b),
				     .df = (double)(a_count + b_count) - 2};
	if (test->error > 0) {
		test->df =
			(of_a + of_b) * (of_a + of_b) /
			(of_a * of_a / (double)(a_count - 1) + of_b * of_b / (double)(b_count - 1));
		test->t = test->difference / test->error;
		test->p = 2 * stats_student_tail(fabs(test->t), test->df);
		half = stats_student_quantile((1 + confidence) / 2, test->df) * test->error;
	} else {
		test->p = test->difference == 0;
		half = 0;
	}
	test->low = test->difference - half;
	test->high = test->difference + half;
	return 0;
}
