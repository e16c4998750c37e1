/* One event loop in a thread of its own, with its base, HTTP server, store, API and metrics shard.
 * It shares none of them. Other threads reach it with loop_command() only. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "server/api/api.h"

struct loop;

struct loop_config {
	struct cart_db *db;
	struct metrics *metrics;
	const struct api_shared *api;
	struct http_config http; /* shard, handler, refused and user are the loop's */
	int done_fd;		 /* an eventfd that gets 1 when the loop has ended */
	size_t index;		 /* for the thread's name */
};

enum loop_command {
	LOOP_RUN,
	LOOP_DRAIN, /* end when every request has its answer */
	LOOP_STOP   /* cut connections, end when the store is drained */
};

/* Opened but not running. -1: error says why; *loop is NULL. */
CART_MUST_CHECK int loop_open(struct loop **loop, const struct loop_config *config,
			      struct cart_error *error);
/* See http_server_listen(). admin: for calls of administrators too. Before loop_start(). */
CART_MUST_CHECK int loop_listen(struct loop *loop, bool admin, const char *address, int *port,
				struct cart_error *error);
/* Starts its thread. */
CART_MUST_CHECK int loop_start(struct loop *loop, struct cart_error *error);
/* From any thread; never back to an earlier one. */
void loop_command(struct loop *loop, enum loop_command command);
/* Frees a loop that has ended, or was never started. Takes NULL; sets it. */
void loop_free(struct loop **loop);

#endif
