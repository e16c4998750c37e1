/* The interface between drive.c and the two kinds of targets. Each struct of a kind starts with the
 * one here. */
#ifndef BENCH_TARGET_DRIVE_INTERNAL_H
#define BENCH_TARGET_DRIVE_INTERNAL_H

#include "bench/target/op.h"
#include "core/base/error.h"

#include <sched.h>
#include <stdio.h>

struct buf;
struct event_base;
struct bench_drive_loop;
struct bench_link;

/* All are required except print_settings. drive.h says what each must do; close functions never get
 * NULL. open() fills in the database, drive.c the rest of struct bench_drive. */
struct bench_drive_kind {
	int (*open)(struct bench_drive **drive, const char *target,
		    const struct bench_drive_config *config, struct cart_error *error);
	void (*close)(struct bench_drive *drive);
	void (*print_settings)(const struct bench_drive *drive, FILE *out);
	int (*metrics)(struct bench_drive *drive, struct buf *out, struct cart_error *error);
	bool (*cores)(const struct bench_drive *drive, cpu_set_t *cores);
	int (*loop_open)(struct bench_drive_loop **loop, struct bench_drive *drive,
			 struct event_base *base, struct cart_error *error);
	void (*loop_close)(struct bench_drive_loop *loop);
	struct bench_link *(*link_open)(struct bench_drive_loop *loop);
	void (*link_close)(struct bench_link *link);
	void (*submit)(struct bench_link *link, struct bench_op *op);
	void (*abandon)(struct bench_link *link);
};

/* The kind fills these in. */
struct bench_drive_loop {
	struct bench_drive *drive;
	struct event_base *base;
};

struct bench_link {
	struct bench_drive_loop *loop;
};

extern const struct bench_drive_kind bench_http_kind;
extern const struct bench_drive_kind bench_store_kind;

#endif
