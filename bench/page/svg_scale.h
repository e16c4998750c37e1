/* Scales of a chart and their ticks. Nothing here draws. */
#ifndef BENCH_PAGE_SVG_SCALE_H
#define BENCH_PAGE_SVG_SCALE_H

#include <stddef.h>

#define SVG_TICKS_MAX 24

enum svg_scale_type {
	SVG_LINEAR,
	SVG_LOG,  /* low > 0 */
	SVG_TAIL, /* of quantiles: the logarithm of 1 / (1 - p); high < 1 */
};

/* Maps low ... high to from ... to, of which either may be the greater. */
struct svg_scale {
	enum svg_scale_type type;
	double low;
	double high;
	double from;
	double to;
};

/* Beyond the ends too; NAN of what is not on the scale (a logarithm of 0). */
double svg_scale_at(const struct svg_scale *scale, double value);
/* Moves low and high outward to values that ticks can have. Equal ones are parted first. */
void svg_scale_round(struct svg_scale *scale);

struct svg_ticks {
	size_t count;
	double values[SVG_TICKS_MAX];
};

/* At most `most` (2 or more) values within the scale: steps of 1, 2 or 5 times a power of ten; on
 * a logarithmic one these numbers themselves, or powers of ten alone; on SVG_TAIL 0, 0.5, 0.9,
 * 0.99 ... */
void svg_ticks_make(struct svg_ticks *ticks, const struct svg_scale *scale, size_t most);

#endif
