#include "bench/stats/student.h"

#include <float.h>
#include <math.h>

/* Above this the continued fraction loses digits to cancellation, and the normal distribution with
 * the first term of Fisher's expansion is better. */
#define STUDENT_DF_NORMAL 2e6

/* Keeps divisors from 0 (Lentz's method, modified by Thompson and Barnett 1986). */
static double student_not_zero(double x)
{
	return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction 1 / (1 + d1 / (1 + d2 / ...)) of DLMF 8.17.22; it converges fast for
 * x < (a + 1) / (a + b + 2). */
static double student_fraction(double x, double a, double b)
{
	double c = 1, d = 1 / student_not_zero(1 - (a + b) * x / (a + 1)), value = d, step, m, term;

	for (int i = 1; i < 100000; i++) {
		m = i;
		term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		d = 1 / student_not_zero(1 + term * d);
		c = student_not_zero(1 + term / c);
		value *= c * d;
		term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		d = 1 / student_not_zero(1 + term * d);
		c = student_not_zero(1 + term / c);
		step = c * d;
		value *= step;
		if (fabs(step - 1) < DBL_EPSILON)
			break;
	}
	return value;
}

/* What Stirling's formula leaves out of ln gamma(x), x >= 50. */
static double student_stirling(double x)
{
	return (1 / 12.0 - (1 / 360.0 - 1 / (1260 * x * x)) / (x * x)) / x;
}

/* ln(gamma(a + b) / gamma(a)). For a large a the two logarithms would share all their digits. */
static double student_gamma_ratio(double a, double b)
{
	if (a < 50)
		return lgamma(a + b) - lgamma(a);
	return (a - 0.5) * log1p(b / a) + b * log(a + b) - b + student_stirling(a + b) -
	       student_stirling(a);
}

/* I_x(a, b), where y = 1 - x is given apart since it may be what is known well. */
static double student_beta(double x, double y, double a, double b)
{
	double front;

	if (x <= 0 || y <= 0)
		return x <= 0 ? 0 : 1;
	if (x > (a + 1) / (a + b + 2))
		return 1 - student_beta(y, x, b, a);
	front = a > b ? student_gamma_ratio(a, b) - lgamma(b)
		      : student_gamma_ratio(b, a) - lgamma(a);
	front += a * (y < 0.5 ? log1p(-y) : log(x)) + b * (x < 0.5 ? log1p(-x) : log(y));
	return exp(front) / a * student_fraction(x, a, b);
}

/* Fisher's expansion in 1 / df (Abramowitz and Stegun 26.7.8), to its first term. */
static double student_near_normal(double t, double df)
{
	double density = exp(-t * t / 2) / sqrt(2 * M_PI);

	return stats_normal_cdf(-t) + (density > 0 ? density * (t * t * t + t) / (4 * df) : 0);
}

double stats_student_tail(double t, double df)
{
	double square = t * t;

	if (t < 0)
		return 1 - stats_student_tail(-t, df);
	if (isinf(t))
		return 0;
	if (df > STUDENT_DF_NORMAL)
		return student_near_normal(t, df);
	return student_beta(df / (df + square), square / (df + square), df / 2, 0.5) / 2;
}

/* The density at t. */
static double student_density(double t, double df)
{
	if (df > STUDENT_DF_NORMAL)
		return exp(-t * t / 2) / sqrt(2 * M_PI);
	return exp(student_gamma_ratio(df / 2, 0.5) - log(df * M_PI) / 2 -
		   (df + 1) / 2 * log1p(t * t / df));
}

/* The t > 0 with P(T > t) = p < 1/2: Newton's steps, halved by bisection when they leave what is
 * known to hold the answer. */
static double student_upper(double p, double df)
{
	double low = 0, high = 1, t, next, tail;

	while (stats_student_tail(high, df) > p && high < 1e300)
		low = high, high *= 2;
	t = (low + high) / 2;
	for (int i = 0; i < 1100; i++) {
		tail = stats_student_tail(t, df);
		if (tail > p)
			low = t;
		else
			high = t;
		next = t + (tail - p) / student_density(t, df);
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (fabs(next - t) <= 4 * DBL_EPSILON * t)
			return next;
		t = next;
	}
	return t;
}

double stats_student_quantile(double p, double df)
{
	if (p <= 0 || p >= 1)
		return p <= 0 ? -INFINITY : INFINITY;
	if (p == 0.5)
		return 0;
	return p < 0.5 ? -student_upper(p, df) : student_upper(1 - p, df);
}

double stats_normal_cdf(double z)
{
	return erfc(-z * M_SQRT1_2) / 2;
}

double stats_normal_quantile(double p)
{
	return stats_student_quantile(p, INFINITY);
}
