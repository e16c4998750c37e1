/* Progress on standard error, so that results can be piped: on a terminal one line that changes,
 * elsewhere a plain line every few seconds. */
#ifndef BENCH_CLI_PROGRESS_H
#define BENCH_CLI_PROGRESS_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* The time between plain lines. */
#define BENCH_PROGRESS_PLAIN_MS 5000

struct bench_progress {
	int fd;
	bool quiet;
	bool live;	 /* a terminal that understands \r and an escape */
	bool shown;	 /* live: there is a line */
	int64_t last_ns; /* of a plain line */
};

void bench_progress_begin(struct bench_progress *progress, bool quiet);
/* Replaces the live line, or prints a plain one if the last is old enough. Without newline. */
CART_PRINTF(2, 3)
void bench_progress_show(struct bench_progress *progress, const char *format, ...);
/* Erases the live line, so that other text can be printed. */
void bench_progress_end(struct bench_progress *progress);

#endif
