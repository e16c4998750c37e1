#include "bench/stats/equivalence.h"
#include "bench/stats/student.h"

#include <math.h>

double stats_equivalence(double mean, double error, double df, double margin)
{
	/* The nearer end of the margin gives the larger p. */
	double room = log1p(margin) - fabs(mean);

	if (error > 0)
		return stats_student_tail(room / error, df);
	return room > 0 ? 0 : 1;
}
