/* What a load is to do: shared by load.h, which runs it, and its threads. */
#ifndef BENCH_LOAD_CONFIG_H
#define BENCH_LOAD_CONFIG_H

#include "bench/cli/progress.h"
#include "bench/load/workload.h"
#include "bench/result/seconds.h"
#include "bench/target/drive.h"

#define LOAD_THREADS_MAX 64

struct load_config {
	struct bench_drive *drive;
	const struct workload *workload; /* prepared: load_prepare() */
	size_t threads;			 /* 1 ... LOAD_THREADS_MAX */
	size_t clients;			 /* closed: how many; open: the most */
	double rate;			 /* operations a second in all; 0: a closed loop */
	bool poisson;			 /* open: else at equal distances */
	int64_t duration_ms, warmup_ms;	 /* the results of the warm-up are discarded */
	/* Called for each operation that is measured, if not NULL; threads is 1 then. */
	void (*note)(void *user, int64_t intended_ns, const struct bench_op *op);
	void *note_user;
	/* Shown about once a second, after what is being done: "point 3: "; NULL: nothing is. */
	struct bench_progress *progress;
	const char *doing;
};

#endif
