/*
 * Large answers are made in slices, one in a turn of the loop, so that a page of megabytes does not
 * keep the loop's other clients waiting. A call that has begun goes on before others begin: few
 * answers are in memory half-written.
 */
#ifndef SERVER_API_SLICES_H
#define SERVER_API_SLICES_H

#include "server/api/call.h"

struct event_base;

/* False: no memory. */
CART_MUST_CHECK bool slices_open(struct api *api, struct event_base *base);
/* Calls that still wait are answered with a failure, for nobody. */
void slices_close(struct api *api);

/* Runs the first slice of a call, behind other calls that wait. If its client goes first, the call
 * is answered and the slice does not run. */
void slices_begin(struct call *call, slice_fn *slice);
/* Runs the next one, before calls that have not begun. */
void slices_go_on(struct call *call, slice_fn *slice);

/* How many carts to read for a slice, and at most so many bytes, by what carts took lately; 1 at
 * least. */
size_t slices_carts(const struct api *api, size_t bytes_max);
/* What the carts of a slice took. */
void slices_learn(struct api *api, size_t carts, size_t bytes);

#endif
