#include "bench/stats/paired.h"
#include "bench/stats/student.h"

#include <math.h>

int stats_paired(struct stats_paired *paired, const double *d, size_t count, double confidence)
{
	struct stats_blocks blocks;

	if (stats_blocks(&blocks, d, count) != 0)
		return -1;
	*paired = (struct stats_paired){.blocks = blocks, .effect = expm1(blocks.mean)};
	if (blocks.error > 0) {
		paired->half_width =
			stats_student_quantile((1 + confidence) / 2, blocks.df) * blocks.error;
		paired->p = 2 * stats_student_tail(fabs(blocks.mean) / blocks.error, blocks.df);
	} else {
		paired->p = blocks.mean == 0;
	}
	paired->low = expm1(blocks.mean - paired->half_width);
	paired->high = expm1(blocks.mean + paired->half_width);
	return 0;
}
