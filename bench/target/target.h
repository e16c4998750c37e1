/* A running cartd: asked who it is before anything is measured. */
#ifndef BENCH_TARGET_TARGET_H
#define BENCH_TARGET_TARGET_H

#include "bench/target/client.h"

#define BENCH_DATABASE_MAX 32

struct bench_target {
	const char *text;		       /* the URL as given; the caller's */
	char database[BENCH_DATABASE_MAX + 1]; /* what /health says: [a-z0-9_-]+ */
	struct bench_client *client;
};

/*
 * Connects to text and reads /health. -1: error says in one line, without the URL, why there is
 * nothing to measure: no such host, nobody there, not a cartd, its database is down.
 */
CART_MUST_CHECK int bench_target_open(struct bench_target *target, const char *text, int timeout_ms,
				      bool keep_alive, struct cart_error *error);
/* Idempotent. */
void bench_target_close(struct bench_target *target);

#endif
