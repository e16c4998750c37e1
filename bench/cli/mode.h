/* A mode of cartbench: what `cartbench NAME` does. main.c holds the table of them. */
#ifndef BENCH_CLI_MODE_H
#define BENCH_CLI_MODE_H

/* Exit status of every mode. */
enum bench_exit {
	BENCH_PASS = 0,
	BENCH_FAILED = 1,  /* measured, and something failed, or got worse */
	BENCH_INVALID = 2, /* wrong usage, nothing to measure, or a measurement that is not to be
			      believed */
	BENCH_VIOLATED = 3 /* the target broke a promise about consistency */
};

struct bench_mode {
	const char *name;
	const char *arguments; /* "URL..." */
	const char *summary;   /* one line */
	/* argv[0] is the mode's name. */
	enum bench_exit (*run)(int argc, char **argv);
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
