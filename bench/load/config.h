/* What a load is to do: shared by load.h, which runs it, and its threads. */
#ifndef BENCH_LOAD_CONFIG_H
#define BENCH_LOAD_CONFIG_H

#include "bench/load/workload.h"
#include "bench/result/seconds.h"
#include "bench/target/drive.h"

#define LOAD_THREADS_MAX     64
#define LOAD_CLIENTS_MAX     20000
#define LOAD_DURATION_MAX_MS INT64_C(86400000)

/* A snapshot for the progress display. */
struct load_glance {
	bool warming_up;
	double left_s;
	struct second last; /* the last whole second that was measured */
	uint64_t failed;    /* in all that was measured */
};

struct load_config {
	struct bench_drive *drive;
	const struct workload *workload; /* prepared: load_prepare() */
	size_t threads;			 /* 1 ... LOAD_THREADS_MAX */
	size_t clients;			 /* closed: how many; open: the most */
	double rate;			 /* operations a second in all; 0: a closed loop */
	bool poisson;			 /* open: else at equal distances */
	int64_t duration_ms, warmup_ms;	 /* the results of the warm-up are discarded */
	/* Called about once a second while it runs, on the caller's thread. */
	void (*watch)(const struct load_glance *glance, void *user);
	void *user;
};

#endif
