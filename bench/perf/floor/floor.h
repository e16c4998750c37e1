/* What the floors have in common: random carts, the times that operations took, and one line of
 * JSON of them. */
#ifndef BENCH_PERF_FLOOR_FLOOR_H
#define BENCH_PERF_FLOOR_FLOOR_H

#include "core/cart_id.h"

#include <stddef.h>
#include <stdint.h>

struct floor_ids {
	struct cart_id *ids;
	size_t count;
};

/* Grows as it must; zeroed at first. */
struct floor_times {
	int64_t *ns;
	size_t count, room;
	size_t refused; /* operations that the conditions turned down */
};

/* Ends the program with the exit status 2. */
__attribute__((noreturn)) void floor_die(const char *what, const char *why);
/* calloc() and reallocarray() that do not fail. */
void *floor_alloc(void *old, size_t count, size_t size);
/* min to max, or floor_die(). */
int floor_number(const char *text, const char *what, int min, int max);

/* Monotonic. */
int64_t floor_now_ns(void);
/* A file with a cart's id a line. */
void floor_read_ids(struct floor_ids *ids, const char *path);

struct evhttp_request;

/* Serves HTTP on a port of 127.0.0.1 until SIGTERM, with evhttp on a base with the flags of cartd's
 * loops. Prints the port: 0 takes a free one. Returns how many connections it took. */
size_t floor_serve(int port, void (*handle)(struct evhttp_request *request, void *user),
		   void *user);

void floor_took(struct floor_times *times, int64_t ns);
/* Prints them and frees them. Each is the time of so many operations. */
void floor_print(struct floor_times *times, double seconds, size_t each);

#endif
