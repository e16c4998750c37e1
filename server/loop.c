/*
 * The happy path: opened and listening on the main thread, then run on its own until LOOP_DRAIN:
 * the HTTP server drains, then the store, and dispatch returns. LOOP_STOP cuts the connections
 * first; requests under way end with their ops, which have deadlines.
 */
#include "server/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
	struct loop_config config;
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	atomic_int command;
	int obeyed; /* the last command carried out */
	struct http_server *http;
	struct cart_store *store;
	struct api *api;
	pthread_t thread;
	bool started;
};

static void loop_signal(int fd)
{
	const uint64_t one = 1;

	/* An eventfd takes it unless its counter is full, and then it is readable anyway. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void loop_store_drained(void *user)
{
	struct loop *loop = user;

	api_free(&loop->api);
	event_base_loopbreak(loop->base);
}

static void loop_close(void *user)
{
	struct loop *loop = user;

	http_server_close(&loop->http);
	cart_store_close(&loop->store, loop_store_drained, loop);
}

static void loop_obey(evutil_socket_t fd, short what, void *user)
{
	struct loop *loop = user;
	int command = atomic_load(&loop->command);
	uint64_t count;

	(void)what;
	if (read((int)fd, &count, sizeof(count)) < 0)
		return;
	/* Closed already, by an earlier command. */
	if (command <= loop->obeyed || loop->http == NULL)
		return;
	loop->obeyed = command;
	if (command == LOOP_DRAIN)
		http_server_drain(loop->http, loop_close, loop);
	else
		loop_close(loop);
}

static struct event_base *loop_new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	/* One thread needs no locks; the change list saves most epoll_ctl() calls. */
	if (config != NULL &&
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
						  EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

static int loop_open_parts(struct loop *loop, struct cart_error *error)
{
	struct metrics_shard *shard = metrics_shard_new(loop->config.metrics);
	struct http_config *http = &loop->config.http;

	loop->base = loop_new_base();
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->base == NULL || loop->wake_fd < 0)
		return cart_error_set(error, "cannot make an event loop");
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, loop_obey, loop);
	if (loop->wake == NULL || event_add(loop->wake, NULL) != 0)
		return cart_error_set(error, "cannot make an event loop");
	if (cart_store_open(&loop->store, loop->config.db, loop->base, shard, error) != 0)
		return -1;
	loop->api = api_new(loop->config.api, loop->store, shard);
	http->shard = shard;
	http->handler = api_handle;
	http->refused = api_refuse;
	http->user = loop->api;
	return http_server_open(&loop->http, loop->base, http, error);
}

int loop_open(struct loop **out, const struct loop_config *config, struct cart_error *error)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	*out = loop;
	if (loop == NULL)
		return cart_error_set(error, "no memory for an event loop");
	loop->config = *config;
	loop->wake_fd = -1;
	if (loop_open_parts(loop, error) != 0) {
		loop_free(out);
		return -1;
	}
	return 0;
}

int loop_listen(struct loop *loop, const char *address, int *port, struct cart_error *error)
{
	return http_server_listen(loop->http, address, port, error);
}

static void *loop_run(void *user)
{
	struct loop *loop = user;

	event_base_dispatch(loop->base);
	loop_signal(loop->config.done_fd);
	return NULL;
}

int loop_start(struct loop *loop, struct cart_error *error)
{
	char name[16];
	int code = pthread_create(&loop->thread, NULL, loop_run, loop);

	if (code != 0)
		return cart_error_set(error, "cannot start a thread: %s", strerror(code));
	loop->started = true;
	snprintf(name, sizeof(name), "cartd-loop-%u", (unsigned)(loop->config.index % 1000));
	(void)pthread_setname_np(loop->thread, name);
	return 0;
}

void loop_command(struct loop *loop, enum loop_command command)
{
	atomic_store(&loop->command, command);
	loop_signal(loop->wake_fd);
}

void loop_free(struct loop **pointer)
{
	struct loop *loop = *pointer;

	*pointer = NULL;
	if (loop == NULL)
		return;
	if (loop->started)
		pthread_join(loop->thread, NULL);
	/* Never started: nothing is under way, and closing takes a turn or two. */
	if (loop->store != NULL) {
		loop_close(loop);
		event_base_dispatch(loop->base);
	}
	if (loop->wake != NULL)
		event_free(loop->wake);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	free(loop);
}
