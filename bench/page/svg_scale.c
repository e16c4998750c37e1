#include "bench/page/svg_scale.h"

#include <math.h>

/* Rounding must not lose a tick that lies on the end. */
#define SCALE_SLACK 1e-9

static double scale_map(enum svg_scale_type type, double value)
{
	switch (type) {
	case SVG_LOG:
		return value > 0 ? log10(value) : NAN;
	case SVG_TAIL:
		return value < 1 ? -log10(1 - value) : NAN;
	default:
		return value;
	}
}

double svg_scale_at(const struct svg_scale *scale, double value)
{
	double low = scale_map(scale->type, scale->low);
	double high = scale_map(scale->type, scale->high);

	return scale->from +
	       (scale_map(scale->type, value) - low) / (high - low) * (scale->to - scale->from);
}

/* The least of 1, 2, 5, 10 times a power of ten that is not below value. */
static double scale_step(double value)
{
	double power = pow(10, floor(log10(value)));
	double factor = value / power;

	if (factor <= 1 + SCALE_SLACK)
		return power;
	if (factor <= 2 + SCALE_SLACK)
		return 2 * power;
	return factor <= 5 + SCALE_SLACK ? 5 * power : 10 * power;
}

/* The next number of that kind below it (or it). */
static double scale_step_down(double value)
{
	double up = scale_step(value);

	if (up <= value * (1 + SCALE_SLACK))
		return up;
	return scale_step(up / 2.6); /* of 2: 1, of 5: 2, of 10: 5 */
}

void svg_scale_round(struct svg_scale *scale)
{
	double step;

	if (scale->type == SVG_TAIL)
		return;
	if (!(scale->high > scale->low)) {
		scale->high = scale->low > 0 ? scale->low * 1.5 : scale->low + 1;
		if (scale->type == SVG_LOG)
			scale->low /= 1.5;
	}
	if (scale->type == SVG_LOG) {
		scale->low = scale_step_down(scale->low);
		scale->high = scale_step(scale->high);
		return;
	}
	step = scale_step((scale->high - scale->low) / 5);
	scale->low = floor(scale->low / step + SCALE_SLACK) * step;
	scale->high = ceil(scale->high / step - SCALE_SLACK) * step;
}

static void ticks_add(struct svg_ticks *ticks, const struct svg_scale *scale, double value)
{
	double slack = SCALE_SLACK * (scale->type == SVG_LOG ? value : scale->high - scale->low);

	if (value >= scale->low - slack && value <= scale->high + slack &&
	    ticks->count < SVG_TICKS_MAX)
		ticks->values[ticks->count++] = value;
}

static void ticks_linear(struct svg_ticks *ticks, const struct svg_scale *scale, size_t most)
{
	double step = scale_step((scale->high - scale->low) / (double)(most - 1));
	double first = ceil(scale->low / step - SCALE_SLACK);

	ticks->count = 0;
	for (size_t i = 0; i < most; i++)
		ticks_add(ticks, scale, (first + (double)i) * step);
}

/* Every `decades` powers of ten the numbers of `of`. */
static void ticks_powers(struct svg_ticks *ticks, const struct svg_scale *scale, int decades,
			 const double *of, size_t count)
{
	int power = (int)floor(log10(scale->low) + SCALE_SLACK);
	int last = (int)ceil(log10(scale->high) - SCALE_SLACK);

	ticks->count = 0;
	for (; power <= last; power += decades)
		for (size_t i = 0; i < count; i++)
			ticks_add(ticks, scale, of[i] * pow(10, power));
}

static void ticks_log(struct svg_ticks *ticks, const struct svg_scale *scale, size_t most)
{
	static const double of[] = {1, 2, 5}, halves[] = {1, 3};

	ticks_powers(ticks, scale, 1, of, 3);
	if (ticks->count < 3) {
		ticks_linear(ticks, scale, most);
		return;
	}
	if (ticks->count > most)
		ticks_powers(ticks, scale, 1, halves, 2);
	for (int decades = 1; ticks->count > most; decades++)
		ticks_powers(ticks, scale, decades, of, 1);
}

void svg_ticks_make(struct svg_ticks *ticks, const struct svg_scale *scale, size_t most)
{
	ticks->count = 0;
	if (most > SVG_TICKS_MAX)
		most = SVG_TICKS_MAX;
	if (!(scale->high > scale->low) || !isfinite(scale->high - scale->low))
		return;
	if (scale->type == SVG_LINEAR) {
		ticks_linear(ticks, scale, most);
	} else if (scale->type == SVG_LOG) {
		ticks_log(ticks, scale, most);
	} else {
		ticks_add(ticks, scale, 0);
		ticks_add(ticks, scale, 0.5);
		for (int nines = 1; nines <= 9 && ticks->count < most; nines++)
			ticks_add(ticks, scale, 1 - pow(10, -nines));
	}
}
