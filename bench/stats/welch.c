#include "bench/stats/welch.h"

#include "bench/stats/student.h"

#include <math.h>

void stats_welch(struct stats_welch *test, const struct stats_mean *a, const struct stats_mean *b,
		 double confidence)
{
	double of_a = a->error * a->error, of_b = b->error * b->error, half = 0;

	*test = (struct stats_welch){
		.difference = b->mean - a->mean, .error = sqrt(of_a + of_b), .df = a->df + b->df};
	if (test->error > 0) {
		test->df =
			(of_a + of_b) * (of_a + of_b) / (of_a * of_a / a->df + of_b * of_b / b->df);
		test->t = test->difference / test->error;
		test->p = 2 * stats_student_tail(fabs(test->t), test->df);
		half = stats_student_quantile((1 + confidence) / 2, test->df) * test->error;
	} else {
		test->p = test->difference == 0;
	}
	test->low = test->difference - half;
	test->high = test->difference + half;
}
