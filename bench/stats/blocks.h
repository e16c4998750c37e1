/*
 * The mean of a row of blocks in the order of time, and its standard error where neighbours
 * resemble each other: noise on a shared machine lasts longer than a block, and the usual standard
 * error is then too small (at a lag-1 autocorrelation of 0.5 its 95 % interval covers 76 %).
 *
 * By batch means (Law, "Simulation Modeling and Analysis", 5th ed., 9.5.3; Schmeiser 1982: ten to
 * twenty batches are enough): the row is cut into at least ten batches of equal length, and the
 * error is taken from the spread of their means. What short batches miss of a first-order
 * autoregression is known: the variance is multiplied by it, and the degrees of freedom are those
 * of as many batches as would be independent, or two fifths of all. The coefficient is estimated
 * from the lag-1 autocorrelation, corrected for its bias in short rows (Marriott and Pope 1954),
 * within 0 ... 0.9. In a short row the estimate is doubtful, and a small one costs false
 * differences: it is raised by 18 / count of its standard error. (Twelve blocks at a coefficient of
 * 0.6: without that, three tables of six lines in ten had a false win, with it one in twenty.)
 * Below ten blocks it cannot be estimated: each block is then a batch, taken as independent.
 */
#ifndef BENCH_STATS_BLOCKS_H
#define BENCH_STATS_BLOCKS_H

#include "core/base/attr.h"

#include <stddef.h>

struct stats_blocks {
	size_t count;
	double mean;
	double stddev; /* of one block */
	double lag1;
	double phi;   /* of the autoregression, as it is allowed for */
	double error; /* standard error of the mean */
	double df;    /* of error */
	/* So many independent blocks would have the same standard error: above count when
	 * neighbours alternate, or by chance; at most ten times count. */
	double effective;
};

/* -1: fewer than two values, or one that is not finite. */
CART_MUST_CHECK int stats_blocks(struct stats_blocks *blocks, const double *values, size_t count);

/* The df that so many independent blocks will have; for planning. count >= 2. */
double stats_blocks_df(size_t count);

/* The means of the batches, for tests that take values as independent; returns how many there are:
 * 0 where a batch would be a single block. */
#define STATS_BATCHES_MAX 20
size_t stats_batches(double means[STATS_BATCHES_MAX], const double *values, size_t count);

/*
 * A curve of the second degree through the row, for a side that changes while it is measured: least
 * squares, with errors for a first-order autoregression of what it leaves, estimated as above. (A
 * line would leave the bend that the logarithm makes of a steady growth.)
 */
struct stats_trend {
	double from, to;  /* the curve's ends */
	double low, high; /* interval of to - from */
	double error, df; /* of the mean, about the curve */
};

/* confidence: of the interval. -1: fewer than ten values, or one that is not finite. Aborts without
 * memory. */
CART_MUST_CHECK int stats_trend(struct stats_trend *trend, const double *values, size_t count,
				double confidence);

/*
 * Two sides measured in pairs: by how much is B's quantile above A's? In each block d = ln(quantile
 * of B / quantile of A): noise multiplies, and a ratio of 2 and one of 1/2 cancel. What is not
 * called a ratio is logarithmic; a ratio of 0.03 means that B is 3 % above A.
 */

struct stats_paired {
	struct stats_blocks blocks; /* of d */
	double half_width;	    /* of the interval about blocks.mean */
	double p;		    /* two-sided: that no difference shows so large a one */
	double effect;		    /* ratio: exp(mean) - 1 */
	double low;		    /* ratio: the interval's ends */
	double high;
};

/* What the blocks say; stats_paired() does both steps. */
void stats_paired_of(struct stats_paired *paired, const struct stats_blocks *blocks,
		     double confidence);
/* d: of the blocks in the order of time. The interval is Student's on the effective number of
 * blocks, without Holm's correction. Where few blocks are wild (one in twenty ten times as wide) it
 * covers 97 % in place of 95 %. -1: as stats_blocks(). When all d are equal the interval is that
 * value and p is 0, or 1 for d = 0. */
CART_MUST_CHECK int stats_paired(struct stats_paired *paired, const double *d, size_t count,
				 double confidence);

/* Two samples that were not measured in pairs: is the mean of b above that of a? Welch's t test
 * with the degrees of freedom of Welch and Satterthwaite (Welch 1947). For a ratio give logarithms.
 */

/* Of independent values: the standard deviation / sqrt(count), df count - 1; of blocks: what
 * stats_blocks() says. */
struct stats_mean {
	double mean;
	double error; /* standard, of the mean */
	double df;    /* of error */
};

struct stats_welch {
	double difference; /* mean of b - mean of a */
	double error;	   /* its standard error */
	double df;	   /* fractional */
	double t;
	double p;   /* two-sided */
	double low; /* interval of difference */
	double high;
};

/* When no value of a side differs from another on it p is 0, or 1 for no difference. */
void stats_welch(struct stats_welch *test, const struct stats_mean *a, const struct stats_mean *b,
		 double confidence);

#endif
