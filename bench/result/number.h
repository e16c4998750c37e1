/* Numbers as people read them: as many digits as mean something, thousands parted, a true minus,
 * and no line's end before the unit. */
#ifndef BENCH_RESULT_NUMBER_H
#define BENCH_RESULT_NUMBER_H

#define NUMBER_TEXT 48

/* All of these fill the buffer and return it; a value that is not finite is an en dash. */

/* So many significant digits: 0.0834, 12.3, 1,235. */
const char *number_digits(double value, int digits, char text[NUMBER_TEXT]);
/* All digits that the value has, as a tick of an axis wants them: 0.25, 1,000. */
const char *number_plain(double value, char text[NUMBER_TEXT]);
/* A whole number: 60,000. */
const char *number_count(double value, char text[NUMBER_TEXT]);
/* Nanoseconds as milliseconds, three digits: "0.512 ms". */
const char *number_ms(double ns, char text[NUMBER_TEXT]);
/* A ratio's distance from 1 as a signed percentage: +3.5 %, −12 %, +210 %; of tenfold and more, or
 * a tenth and less, the ratio itself: ×36, ×0.028. */
const char *number_effect(double effect, char text[NUMBER_TEXT]);
/* A share as a percentage, all its digits: 95 %, 2.5 %. For what was set, not measured. */
const char *number_percent(double share, char text[NUMBER_TEXT]);
/* A share as a percentage that does not say 100 or 0 of what is nearly that: 99.97 %. */
const char *number_share(double share, char text[NUMBER_TEXT]);
/* A probability: 0.034, < 0.001. */
const char *number_p(double p, char text[NUMBER_TEXT]);
/* A quantile as a percentile: p50, p99.9. */
const char *number_percentile(double quantile, char text[NUMBER_TEXT]);

#endif
