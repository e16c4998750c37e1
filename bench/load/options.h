/* The options about load that `run` and `sweep` share: what is asked, by whom, for how long. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include "bench/cli/common.h"
#include "bench/load/load.h"
#include "bench/cli/options.h"

struct load_options {
	const char *mix;  /* NULL: sessions */
	const char *keys; /* NULL: uniform */
	int64_t carts;
	int64_t products;
	int64_t adds, gets;
	double checkouts;
	int64_t think_ms;
	int64_t threads; /* 0: as many as there are cores */
	bool cold;
};

/* For struct load_options. */
extern const struct bench_option load_workload_options[];

/* -1: a mix, keys, or two options that do not go together; error says which. */
CART_MUST_CHECK int load_options_workload(struct workload_config *config,
					  const struct load_options *options,
					  const struct bench_common *common,
					  struct cart_error *error);
/* As many as there are cores for us, but no more than clients. */
size_t load_options_threads(const struct load_options *options, size_t clients);
/* So that so many clients can be connected, as far as the system lets us. -1: it does not. */
CART_MUST_CHECK int load_options_raise_files(size_t clients, struct cart_error *error);

/* What a mode that puts load on one target has open. */
struct load_session {
	struct bench_drive *drive;
	struct workload workload;
	struct bench_progress *progress; /* the caller's */
};

/*
 * Opens the target, catches Ctrl-C and prepares the carts, showing how far it is. -1: error says
 * why there is nothing to measure, without the target's name.
 */
CART_MUST_CHECK int load_session_open(struct load_session *session, const char *target,
				      const struct load_options *options,
				      const struct workload_config *workload,
				      const struct bench_common *common, struct cart_error *error);
/* Of a zeroed one too. */
void load_session_close(struct load_session *session);

#endif
