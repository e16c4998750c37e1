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

double stats_incomplete_beta(double x, double a, double b)
{
	return student_beta(x, 1 - x, a, b);
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

double stats_student_cdf(double t, double df)
{
	return stats_student_tail(-t, df);
}

/* The density at t. */
static double student_density(double t, double df)
{
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
	if (isinf(df) || p <= 0 || p >= 1)
		return stats_normal_quantile(p);
	if (p == 0.5)
		return 0;
	return p < 0.5 ? -student_upper(p, df) : student_upper(1 - p, df);
}

double stats_normal_cdf(double z)
{
	return erfc(-z * M_SQRT1_2) / 2;
}

/* c[0] + c[1] x + ... + c[7] x^7 */
static double normal_polynomial(const double c[8], double x)
{
	double sum = c[7];

	for (int i = 6; i >= 0; i--)
		sum = sum * x + c[i];
	return sum;
}

/* AS 241, PPND16: a ratio of polynomials for the middle, and two for the tails. */
static const double normal_middle[2][8] = {
	{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
	 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
	 3.3430575583588128105e4, 2.5090809287301226727e3},
	{1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
	 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
	 5.2264952788528545610e3},
};
static const double normal_tail[2][8] = {
	{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
	 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
	 2.27238449892691845833e-2, 7.74545014278341407640e-4},
	{1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
	 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
	 1.05075007164441684324e-9},
};
static const double normal_far[2][8] = {
	{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
	 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
	 2.71155556874348757815e-5, 2.01033439929228813265e-7},
	{1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
	 7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
	 2.04426310338993978564e-15},
};

static double normal_ratio(const double c[2][8], double x)
{
	return normal_polynomial(c[0], x) / normal_polynomial(c[1], x);
}

double stats_normal_quantile(double p)
{
	double q = p - 0.5, r, z;

	if (fabs(q) <= 0.425)
		return q * normal_ratio(normal_middle, 0.180625 - q * q);
	if (p <= 0 || p >= 1)
		return p <= 0 ? -INFINITY : INFINITY;
	r = sqrt(-log(q < 0 ? p : 1 - p));
	z = r <= 5 ? normal_ratio(normal_tail, r - 1.6) : normal_ratio(normal_far, r - 5);
	return q < 0 ? -z : z;
}
