/*
 * The happy path: the loop is opened and listens on the main thread, then runs on its own thread
 * until LOOP_DRAIN: the HTTP server drains, then the store, and event_base_dispatch() returns.
 * LOOP_STOP closes the connections first; requests under way end with their ops, which have
 * deadlines.
 */
#include "server/loop.h"

#include "core/base/wake.h"
#include "server/access/access.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_ADMIN_CONNECTIONS 16

struct loop {
	struct loop_config config;
	struct event_base *base;
	struct wake *wake;
	atomic_int command;
	int obeyed; /* the last command carried out */
	struct http_server *http;
	struct http_server *admin; /* at admin.listen; NULL: there is none */
	size_t drains;		   /* servers that are still draining */
	struct cart_store *store;
	struct api *api;
	pthread_t thread;
	bool started;
};

static void loop_store_drained(void *user)
{
	struct loop *loop = user;

	api_free(&loop->api);
	event_base_loopbreak(loop->base);
}

static void loop_close(void *user)
{
	struct loop *loop = user;

	if (loop->api != NULL)
		api_drain(loop->api);
	http_server_close(&loop->http);
	http_server_close(&loop->admin);
	cart_store_close(&loop->store, loop_store_drained, loop);
}

static void loop_drained(void *user)
{
	struct loop *loop = user;

	if (--loop->drains == 0)
		loop_close(loop);
}

static void loop_drain(struct loop *loop)
{
	loop->drains = loop->admin != NULL ? 2 : 1;
	api_drain(loop->api);
	http_server_drain(loop->http, loop_drained, loop);
	if (loop->admin != NULL)
		http_server_drain(loop->admin, loop_drained, loop);
}

static void loop_obey(void *user)
{
	struct loop *loop = user;
	int command = atomic_load(&loop->command);

	/* Closed already, by an earlier command. */
	if (command <= loop->obeyed || loop->http == NULL)
		return;
	loop->obeyed = command;
	if (command == LOOP_DRAIN)
		loop_drain(loop);
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
	struct access *access;

	loop->base = loop_new_base();
	if (loop->base != NULL)
		loop->wake = wake_new(loop->base, loop_obey, loop);
	if (loop->wake == NULL)
		return cart_error_set(error, "cannot make an event loop");
	if (cart_store_open(&loop->store, loop->config.db, loop->base, shard, error) != 0)
		return -1;
	if (access_open(&access, loop->config.api->env->settings, loop->config.api->env->clock,
			&loop->config.api->reloads, error) != 0)
		return -1;
	loop->api = api_new(loop->config.api, loop->store, access, loop->base, shard);
	http->shard = shard;
	http->handler = api_handle;
	http->refused = api_refuse;
	http->user = loop->api;
	if (http_server_open(&loop->http, loop->base, http, error) != 0)
		return -1;
	if (!loop->config.api->admin_apart)
		return 0;
	http->handler = api_handle_admin;
	/* Also when the others have taken all connections that there may be. */
	http->limits.connections_max += LOOP_ADMIN_CONNECTIONS;
	return http_server_open(&loop->admin, loop->base, http, error);
}

int loop_open(struct loop **out, const struct loop_config *config, struct cart_error *error)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	*out = loop;
	if (loop == NULL)
		return cart_error_set(error, "no memory for an event loop");
	loop->config = *config;
	if (loop_open_parts(loop, error) != 0) {
		loop_free(out);
		return -1;
	}
	return 0;
}

int loop_listen(struct loop *loop, bool admin, const char *address, int *port,
		struct cart_error *error)
{
	return http_server_listen(admin ? loop->admin : loop->http, address, port, error);
}

static void *loop_run(void *user)
{
	struct loop *loop = user;

	event_base_dispatch(loop->base);
	wake_fd_send(loop->config.done_fd);
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
	wake_send(loop->wake);
}

void loop_free(struct loop **pointer)
{
	struct loop *loop = *pointer;

	*pointer = NULL;
	if (loop == NULL)
		return;
	if (loop->started)
		pthread_join(loop->thread, NULL);
	/* The loop never ran, so nothing is under way; closing takes a turn or two. */
	if (loop->store != NULL) {
		loop_close(loop);
		event_base_dispatch(loop->base);
	}
	wake_free(&loop->wake);
	if (loop->base != NULL)
		event_base_free(loop->base);
	free(loop);
}
