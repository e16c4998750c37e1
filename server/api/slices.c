#include "server/api/slices.h"

#include <event2/event.h>

/* Of JSON; about a millisecond to read and write. */
#define SLICE_BYTES ((size_t)128 * 1024)
/* Before any cart was seen. */
#define SLICE_CART_BYTES 512

/* The event loop looks for other clients' requests between two calls of this. */
static void slices_turn(evutil_socket_t fd, short what, void *user)
{
	static const struct timeval next_turn = {0};
	struct api *api = user;
	struct call *call = STAILQ_FIRST(&api->slices.waiting);

	(void)fd;
	(void)what;
	STAILQ_REMOVE_HEAD(&api->slices.waiting, waiting);
	if (!STAILQ_EMPTY(&api->slices.waiting))
		(void)event_add(api->slices.turn, &next_turn);
	if (http_request_is_gone(call->request))
		call_fail(call, CART_CANCELED);
	else
		call->slice(call);
}

bool slices_open(struct api *api, struct event_base *base)
{
	STAILQ_INIT(&api->slices.waiting);
	api->slices.cart_bytes = SLICE_CART_BYTES;
	api->slices.turn = event_new(base, -1, 0, slices_turn, api);
	return api->slices.turn != NULL;
}

void slices_close(struct api *api)
{
	struct call *call;

	while ((call = STAILQ_FIRST(&api->slices.waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&api->slices.waiting, waiting);
		call_fail(call, CART_CANCELED);
	}
	if (api->slices.turn != NULL)
		event_free(api->slices.turn);
}

static void slices_wake(struct call *call, slice_fn *slice)
{
	static const struct timeval next_turn = {0};

	call->slice = slice;
	/* Cannot fail for want of memory: the event was made before. */
	(void)event_add(call->api->slices.turn, &next_turn);
}

void slices_begin(struct call *call, slice_fn *slice)
{
	STAILQ_INSERT_TAIL(&call->api->slices.waiting, call, waiting);
	slices_wake(call, slice);
}

void slices_go_on(struct call *call, slice_fn *slice)
{
	STAILQ_INSERT_HEAD(&call->api->slices.waiting, call, waiting);
	slices_wake(call, slice);
}

size_t slices_carts(const struct api *api, size_t bytes_max)
{
	size_t bytes = bytes_max < SLICE_BYTES ? bytes_max : SLICE_BYTES;
	size_t carts = bytes / api->slices.cart_bytes;

	return carts > 0 ? carts : 1;
}

void slices_learn(struct api *api, size_t carts, size_t bytes)
{
	size_t *known = &api->slices.cart_bytes;

	if (carts == 0)
		return;
	/* Large carts are believed at once, small ones step by step. */
	bytes = bytes / carts + 1;
	*known = bytes > *known ? bytes : (*known + bytes) / 2;
}
