#include "backends/dynamodb/wire/curl_loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define LOOP_AGAIN_MS 10
/* Of a connection: two addresses that are tried at once, and the resolver's wake-up. */
#define LOOP_SOCKETS_EACH 3

/* A socket that libcurl waits for. */
struct loop_watch {
	struct event event;
	struct curl_loop *loop;
	bool used;
	bool missing; /* there was no memory to wait for it yet */
};

/*
 * A callback that fails makes libcurl give up every transfer, so ours do not: what they need is
 * made at the start. Both timers are always set, far off where nothing is due, because setting
 * one anew needs no memory; and a socket that cannot be waited for now is tried again soon.
 */
struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event timer; /* libcurl's */
	struct event again; /* for what is missing */
	struct loop_watch *watches;
	size_t room;
	curl_loop_done_fn *done;
};

static const struct timeval loop_far_off = {.tv_sec = 3600};
static const struct timeval loop_soon = {.tv_usec = LOOP_AGAIN_MS * 1000};

static pthread_once_t loop_once = PTHREAD_ONCE_INIT;

static void loop_init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort(); /* no memory, at start */
}

/* Handles that are over. A done() may add and remove others meanwhile. */
static void loop_reap(struct curl_loop *loop)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode result =
			message->data.result; /* the message does not outlive the removal */
		void *private = NULL;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(loop->multi, easy);
		loop->done(private, result);
	}
}

static void loop_act(struct curl_loop *loop, curl_socket_t socket, int what)
{
	int running;

	/* Out of memory it may have lost sight of a socket or a timer: what hangs by that is ended
	 * when its time is up, if somebody asks. */
	if (curl_multi_socket_action(loop->multi, socket, what, &running) != CURLM_OK)
		evtimer_add(&loop->timer, &loop_soon);
	loop_reap(loop);
}

static void loop_ready(evutil_socket_t fd, short what, void *user)
{
	struct loop_watch *watch = user;

	loop_act(watch->loop, fd,
		 ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			 ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void loop_timed_out(evutil_socket_t fd, short what, void *user)
{
	struct curl_loop *loop = user;

	(void)fd;
	(void)what;
	evtimer_add(&loop->timer, &loop_far_off);
	loop_act(loop, CURL_SOCKET_TIMEOUT, 0);
}

static void loop_add(struct loop_watch *watch)
{
	watch->missing = event_add(&watch->event, NULL) != 0;
	if (watch->missing)
		evtimer_add(&watch->loop->again, &loop_soon);
}

static void loop_add_missing(evutil_socket_t fd, short what, void *user)
{
	struct curl_loop *loop = user;

	(void)fd;
	(void)what;
	evtimer_add(&loop->again, &loop_far_off);
	for (size_t i = 0; i < loop->room; i++)
		if (loop->watches[i].used && loop->watches[i].missing)
			loop_add(&loop->watches[i]);
}

/* NULL: more sockets than connections can have. */
static struct loop_watch *loop_free_watch(struct curl_loop *loop)
{
	for (size_t i = 0; i < loop->room; i++)
		if (!loop->watches[i].used)
			return &loop->watches[i];
	return NULL;
}

/* libcurl's callback: what it waits for on a socket. */
static int loop_watch(CURL *easy, curl_socket_t socket, int what, void *user, void *watched)
{
	struct curl_loop *loop = user;
	struct loop_watch *watch = watched;
	short kind = EV_PERSIST;

	(void)easy;
	if (watch != NULL)
		event_del(&watch->event);
	if (what == CURL_POLL_REMOVE) {
		if (watch != NULL)
			watch->used = false;
		return 0;
	}
	if (watch == NULL) {
		watch = loop_free_watch(loop);
		if (watch == NULL)
			return -1;
		curl_multi_assign(loop->multi, socket, watch);
	}
	kind |= (what & CURL_POLL_IN) != 0 ? EV_READ : 0;
	kind |= (what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
	watch->loop = loop;
	watch->used = true;
	event_assign(&watch->event, loop->base, socket, kind, loop_ready, watch);
	loop_add(watch);
	return 0;
}

/* libcurl's callback: -1: no timer; 0: as soon as may be, but not from here. */
static int loop_set_timer(CURLM *multi, long ms, void *user)
{
	struct curl_loop *loop = user;
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	return evtimer_add(&loop->timer, ms < 0 ? &loop_far_off : &delay);
}

static int loop_start_timers(struct curl_loop *loop)
{
	evtimer_assign(&loop->timer, loop->base, loop_timed_out, loop);
	evtimer_assign(&loop->again, loop->base, loop_add_missing, loop);
	if (evtimer_add(&loop->timer, &loop_far_off) != 0)
		return -1;
	if (evtimer_add(&loop->again, &loop_far_off) == 0)
		return 0;
	event_del(&loop->timer);
	return -1;
}

struct curl_loop *curl_loop_new(struct event_base *base, size_t connections,
				curl_loop_done_fn *done)
{
	struct curl_loop *loop = calloc(1, sizeof(*loop));

	pthread_once(&loop_once, loop_init_curl);
	if (loop == NULL)
		return NULL;
	loop->base = base;
	loop->done = done;
	loop->room = LOOP_SOCKETS_EACH * connections;
	loop->watches = calloc(loop->room, sizeof(*loop->watches));
	loop->multi = curl_multi_init();
	if (loop->watches == NULL || loop->multi == NULL || loop_start_timers(loop) != 0) {
		curl_multi_cleanup(loop->multi);
		free(loop->watches);
		free(loop);
		return NULL;
	}
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, loop_watch);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, loop_set_timer);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)connections);
	curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
	return loop;
}

void curl_loop_free(struct curl_loop **out)
{
	struct curl_loop *loop = *out;

	if (loop == NULL)
		return;
	curl_multi_cleanup(loop->multi); /* unwatches its sockets */
	event_del(&loop->timer);
	event_del(&loop->again);
	free(loop->watches);
	free(loop);
	*out = NULL;
}

int curl_loop_add(struct curl_loop *loop, CURL *easy)
{
	return curl_multi_add_handle(loop->multi, easy) == CURLM_OK ? 0 : -1;
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
	curl_multi_remove_handle(loop->multi, easy);
}
