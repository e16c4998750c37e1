/* A mode of cartbench: what `cartbench NAME` does. main.c holds the table of them. */
#ifndef BENCH_CLI_MODE_H
#define BENCH_CLI_MODE_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_TAKES_MAX 32

/* Exit status of every mode, the worse the higher. */
enum bench_exit {
	BENCH_PASS = 0,
	BENCH_FAILED = 1,  /* measured, and something failed or got worse */
	BENCH_INVALID = 2, /* wrong usage, nothing to measure, or an invalid measurement */
	BENCH_VIOLATED = 3 /* the target broke a promise about consistency */
};

struct bench_session;

struct bench_mode {
	const char *name;
	const char *arguments; /* "URL...", for --help */
	size_t arguments_min, arguments_max;
	const char *summary; /* one line */
	/* The options that the mode takes, out of the table in bench/cli/values.c, up to the first
	 * NULL: "clients", or "clients=8" with a default of the mode's own. */
	const char *takes[BENCH_TAKES_MAX + 1];
	bool out_is_folder;  /* --out names a folder, not a file */
	const char *about;   /* paragraphs, each line with its newline */
	const char *more;    /* likewise, printed after the options; may be NULL */
	const char *example; /* what follows "Example: " */
	enum bench_exit (*run)(struct bench_session *session);
};

extern const struct bench_mode seed150_mode;
extern const struct bench_mode run_mode;
extern const struct bench_mode h2h_mode;
extern const struct bench_mode sweep_mode;
extern const struct bench_mode consistency_mode;
extern const struct bench_mode compare_mode;
extern const struct bench_mode selftest_mode;
extern const struct bench_mode report_mode;
extern const struct bench_mode gate_mode;

#endif
