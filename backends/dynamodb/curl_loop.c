#include "backends/dynamodb/curl_loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

#define LOOP_AGAIN_MS 100

struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	curl_loop_done_fn *done;
};

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
	static const struct timeval later = {.tv_usec = LOOP_AGAIN_MS * 1000};
	int running;

	/* Out of memory it may have lost sight of a socket or a timer: what hangs by that is ended
	 * when its time is up, if somebody asks. */
	if (curl_multi_socket_action(loop->multi, socket, what, &running) != CURLM_OK)
		evtimer_add(loop->timer, &later);
	loop_reap(loop);
}

static void loop_ready(evutil_socket_t fd, short what, void *user)
{
	loop_act(user, fd,
		 ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
			 ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void loop_timed_out(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	loop_act(user, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl's callback: what it waits for on a socket. */
static int loop_watch(CURL *easy, curl_socket_t socket, int what, void *user, void *watched)
{
	struct curl_loop *loop = user;
	struct event *event = watched;
	short kind = EV_PERSIST;

	(void)easy;
	if (event != NULL && what != CURL_POLL_REMOVE)
		event_del(event);
	if (what == CURL_POLL_REMOVE) {
		if (event != NULL)
			event_free(event);
		curl_multi_assign(loop->multi, socket, NULL);
		return 0;
	}
	kind |= (what & CURL_POLL_IN) != 0 ? EV_READ : 0;
	kind |= (what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
	if (event == NULL) {
		event = event_new(loop->base, socket, kind, loop_ready, loop);
		if (event == NULL)
			return -1; /* every transfer then fails with CURLM_ABORTED_BY_CALLBACK */
		curl_multi_assign(loop->multi, socket, event);
	} else {
		event_assign(event, loop->base, socket, kind, loop_ready, loop);
	}
	return event_add(event, NULL);
}

/* libcurl's callback: -1: no timer; 0: as soon as may be, but not from here. */
static int loop_set_timer(CURLM *multi, long ms, void *user)
{
	struct curl_loop *loop = user;
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	return ms < 0 ? evtimer_del(loop->timer) : evtimer_add(loop->timer, &delay);
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
	loop->multi = curl_multi_init();
	loop->timer = evtimer_new(base, loop_timed_out, loop);
	if (loop->multi == NULL || loop->timer == NULL) {
		curl_loop_free(&loop);
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
	if (loop->timer != NULL)
		event_free(loop->timer);
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
