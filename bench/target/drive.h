/*
 * Where operations go: a running cartd (http://HOST:PORT, or https) or a store in our own process
 * (store:BACKEND?setting=value&setting=value), which shows what the HTTP front costs.
 *
 * Three levels. A struct bench_drive is a target, once a process; threads share it. A struct
 * bench_drive_loop is what an event loop has of it. A struct bench_link is a client of it: a
 * connection, one operation at a time.
 */
#ifndef BENCH_TARGET_DRIVE_H
#define BENCH_TARGET_DRIVE_H

#include "bench/target/op.h"
#include "core/base/attr.h"
#include "core/base/error.h"

#include <sched.h>
#include <stdio.h>

struct bench_drive_loop;
struct bench_link;
struct buf;
struct event_base; /* bench/target/base.h */

/*
 * Parses the target and asks it what it is (GET /health), or starts a store. Blocks. -1: error says
 * in one line, without the target, why there is nothing to measure: no such host, no connection,
 * not a cartd, another version of the API, its database is down, unknown backend or setting.
 */
CART_MUST_CHECK int bench_drive_open(struct bench_drive **drive, const char *target,
				     const struct bench_drive_config *config,
				     struct cart_error *error);
/* Every loop is closed. Takes NULL; sets it. */
void bench_drive_close(struct bench_drive **drive);

/* What a store runs with, as cartd --print-config would write it, secrets masked. False: a cartd's
 * are not known from here. */
CART_MUST_CHECK bool bench_drive_print_settings(const struct bench_drive *drive, FILE *out);
/* Adds /metrics as it is now to out: Prometheus' text. Blocks; one thread at a time. */
CART_MUST_CHECK int bench_drive_metrics(struct bench_drive *drive, struct buf *out,
					struct cart_error *error);

/* The cores that its work is done on. False: that cannot be seen from here. */
CART_MUST_CHECK bool bench_drive_cores(const struct bench_drive *drive, cpu_set_t *cores);

CART_MUST_CHECK int bench_drive_loop_open(struct bench_drive_loop **loop, struct bench_drive *drive,
					  struct event_base *base, struct cart_error *error);
/* No link is open. May run the base until what is below has drained. Takes NULL; sets it. */
void bench_drive_loop_close(struct bench_drive_loop **loop);

/* Connects nothing yet. Aborts without memory. */
struct bench_link *bench_link_open(struct bench_drive_loop *loop);
/* No operation is under way. May be called from done(). Takes NULL; sets it. */
void bench_link_close(struct bench_link **link);

/*
 * Starts an operation; the link must have none under way. The result is cleared first. done() comes
 * once, on the loop, never inside this call, at the timeout at the latest; it may submit again or
 * close the link. Nothing is ever sent twice.
 */
void bench_link_submit(struct bench_link *link, struct bench_op *op);

/*
 * Abandons the operation under way, if there is one: closes its connection, or asks a store to
 * cancel it. done() comes soon, never inside this call; a change that was sent is then
 * BENCH_UNKNOWN, unless its outcome is known all the same.
 */
void bench_link_abandon(struct bench_link *link);

#endif
