#include "tests/lib/http_stub.h"

#include "core/base/clock.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/http_peer.h"
#include "tests/lib/patience.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_STUB_DRIP_MS 50

/* Notes the request, finds its route. */
static struct http_stub_route http_stub_route(struct http_stub *stub, const char *request)
{
	struct http_stub_route found = {.status = 404};

	pthread_mutex_lock(&stub->lock);
	buf_add_string(&stub->said, request);
	for (int i = 0; i < stub->count; i++) {
		struct http_stub_route *route = &stub->routes[i];

		if (route->times < 0 || strncmp(request, route->start, strlen(route->start)) != 0)
			continue;
		stub->counts[i]++;
		found = *route;
		if (route->times > 0 && --route->times == 0)
			route->times = -1;
		break;
	}
	pthread_mutex_unlock(&stub->lock);
	return found;
}

static void http_stub_answer(const struct http_peer *peer, const struct http_stub_route *route)
{
	char *made = route->make != NULL ? route->make(route->user) : NULL;
	const char *body = made != NULL ? made : route->body != NULL ? route->body : "";
	size_t len = strlen(body);
	struct buf head = {0};

	buf_printf(&head, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
		   route->status != 0 ? route->status : 200, len,
		   route->headers != NULL ? route->headers : "");
	if (route->manner == HTTP_STUB_SILENT) {
		http_peer_rest(peer, -1);
	} else if (http_peer_send(peer, head.data, head.len)) {
		if (route->manner == HTTP_STUB_CUT)
			http_peer_send(peer, body, len / 2);
		else if (route->manner == HTTP_STUB_WHOLE)
			http_peer_send(peer, body, len);
		else
			http_peer_drip(peer, body, len, HTTP_STUB_DRIP_MS);
	}
	buf_free(&head);
	free(made);
}

static void *http_stub_run(void *user)
{
	struct http_stub *stub = user;
	int fd;

	while ((fd = accept(stub->fd, NULL, NULL)) >= 0) {
		struct http_peer peer = {.fd = fd, .stop_fd = stub->stop_fds[0]};
		char *request = http_peer_read(&peer);

		if (request != NULL) {
			struct http_stub_route route = http_stub_route(stub, request);

			http_stub_answer(&peer, &route);
		}
		free(request);
		http_peer_close(&peer);
	}
	return NULL;
}

void http_stub_start(struct http_stub *stub)
{
	*stub = (struct http_stub){.lock = PTHREAD_MUTEX_INITIALIZER};
	assert_int_equal(pipe2(stub->stop_fds, O_CLOEXEC), 0);
	stub->fd = http_peer_listen(&stub->port);
	assert_int_equal(pthread_create(&stub->thread, NULL, http_stub_run, stub), 0);
}

void http_stub_stop(struct http_stub *stub)
{
	assert_int_equal(write(stub->stop_fds[1], "x", 1), 1);
	shutdown(stub->fd, SHUT_RDWR); /* accept returns */
	pthread_join(stub->thread, NULL);
	close(stub->fd);
	close(stub->stop_fds[0]);
	close(stub->stop_fds[1]);
	buf_free(&stub->said);
	pthread_mutex_destroy(&stub->lock);
}

void http_stub_set(struct http_stub *stub, struct http_stub_route route)
{
	int i = 0;

	pthread_mutex_lock(&stub->lock);
	while (i < stub->count && strcmp(stub->routes[i].start, route.start) != 0)
		i++;
	assert_true(i < HTTP_STUB_ROUTES);
	stub->routes[i] = route;
	if (i == stub->count)
		stub->count++;
	pthread_mutex_unlock(&stub->lock);
}

int http_stub_count(struct http_stub *stub, const char *start)
{
	int count = 0;

	pthread_mutex_lock(&stub->lock);
	for (int i = 0; i < stub->count; i++)
		if (strcmp(stub->routes[i].start, start) == 0)
			count = stub->counts[i];
	pthread_mutex_unlock(&stub->lock);
	return count;
}

bool http_stub_await(struct http_stub *stub, const char *start, int count)
{
	int64_t until_ns = patience_ns() + 10 * CLOCK_NS_PER_S;

	while (http_stub_count(stub, start) < count) {
		if (patience_ns() > until_ns)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

bool http_stub_saw(struct http_stub *stub, const char *text)
{
	bool saw;

	pthread_mutex_lock(&stub->lock);
	saw = strstr(buf_string(&stub->said), text) != NULL;
	pthread_mutex_unlock(&stub->lock);
	return saw;
}
