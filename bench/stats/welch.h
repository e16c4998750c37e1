/*
 * Two samples that were not measured in pairs: is the mean of b above that of a, variances
 * differing? Welch's t test with the degrees of freedom of Welch and Satterthwaite (Welch 1947).
 * Values as they are; for a ratio give their logarithms.
 */
#ifndef BENCH_STATS_WELCH_H
#define BENCH_STATS_WELCH_H

/* Of a sample: of independent values the standard deviation / sqrt(count), with count - 1; of
 * blocks what stats_blocks() says. */
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
