/* A target with one client, which waits for each answer. */
#ifndef BENCH_TARGET_CLIENT_H
#define BENCH_TARGET_CLIENT_H

#include "bench/target/drive.h"

struct bench_client {
	struct event_base *base;
	struct bench_drive_loop *loop;
	struct bench_link *link;
};

/* -1: there is nothing to close, and error says why. */
CART_MUST_CHECK int bench_client_open(struct bench_client *client, struct bench_drive *drive,
				      struct cart_error *error);
/* Runs one operation to its end; the caller calls bench_op_clear(). */
void bench_client_run(struct bench_client *client, struct bench_op *op);
/* Idempotent. */
void bench_client_close(struct bench_client *client);

#endif
