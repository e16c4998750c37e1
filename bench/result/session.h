/*
 * One call of a mode of cartbench: its options, its targets, its result. What all modes do alike is
 * done here: options are read and files tried before anything is measured, targets are opened,
 * Ctrl-C is caught, the result is printed and written, everything is closed.
 */
#ifndef BENCH_RESULT_SESSION_H
#define BENCH_RESULT_SESSION_H

#include "bench/cli/mode.h"
#include "bench/cli/progress.h"
#include "bench/cli/values.h"
#include "bench/target/drive.h"
#include "core/base/buf.h"

#include <jansson.h>

struct bench_session {
	const struct bench_mode *mode;
	int argc;
	char **argv; /* argv[0] is the mode's name */
	struct bench_values values;
	struct bench_texts arguments;
	/* by bench_session_open() */
	struct bench_drive *drives[BENCH_TEXTS_MAX];
	const char *names[BENCH_TEXTS_MAX]; /* "A", "B", ... */
	size_t drive_count;
	struct bench_progress progress;
	json_t *result;	   /* the document; what the mode measured is its member "results" */
	struct buf rows;   /* the table as CSV */
	bool says_outcome; /* the mode itself prints whether the result is valid */
};

/* Reads the options, runs the mode and closes what it has opened. Returns the exit status. */
enum bench_exit bench_session_run(const struct bench_mode *mode, int argc, char **argv);

/*
 * Begins the result and opens all targets, before any is measured: a typing mistake in the second
 * costs nothing. names NULL: each argument is a target, and they are called A, B, ...; else the
 * arguments are NAME=TARGET, one for each name up to a NULL, and sides on different cores of this
 * machine are refused, because they are to be compared. False: the reason has been printed.
 */
CART_MUST_CHECK bool bench_session_open(struct bench_session *session, const char *const *names);
/* What tables call a side: --label, or its database. */
const char *bench_session_label(const struct bench_session *session, size_t side);
/* Prints "cartbench: WHAT" and returns BENCH_INVALID. */
CART_PRINTF(1, 2) enum bench_exit bench_session_fail(const char *format, ...);
/*
 * Prints what is to be known of the result (interrupted, warnings, invalid) and delivers it as
 * --out, --csv and --json say. What cannot be written does not keep the others from it. Returns the
 * exit status: the given one, or BENCH_INVALID if that is worse and the result is invalid or could
 * not be delivered whole.
 */
enum bench_exit bench_session_end(struct bench_session *session, enum bench_exit status);

#endif
