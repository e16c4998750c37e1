#include "tests/lib/http_stub.h"

#include "core/clock.h"
#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_STUB_REQUEST_MAX 131072
#define HTTP_STUB_DRIP_MS     50

/* False: the stub is to stop, or the client says or has gone: fd -1 for the stop alone. */
static bool http_stub_wait(const struct http_stub *stub, int fd, int ms)
{
	struct pollfd polled[] = {{.fd = stub->stop_fds[0], .events = POLLIN},
				  {.fd = fd, .events = POLLIN}};

	return poll(polled, 2, ms) == 0;
}

/* Reads one request, headers and as much body as they announce. */
static bool http_stub_read(const struct http_stub *stub, int fd, char *request)
{
	size_t len = 0;

	while (len < HTTP_STUB_REQUEST_MAX) {
		const char *end, *announced;
		ssize_t got;

		struct pollfd polled[] = {{.fd = stub->stop_fds[0], .events = POLLIN},
					  {.fd = fd, .events = POLLIN}};

		if (poll(polled, 2, -1) < 0 || polled[0].revents != 0)
			return false;
		got = recv(fd, request + len, HTTP_STUB_REQUEST_MAX - len, 0);
		if (got <= 0)
			return false;
		len += (size_t)got;
		request[len] = '\0';
		end = strstr(request, "\r\n\r\n");
		if (end == NULL)
			continue;
		announced = strcasestr(request, "\r\nContent-Length:");
		if (announced == NULL || announced > end ||
		    strlen(end + 4) >= strtoul(announced + 17, NULL, 10))
			return true;
	}
	return false;
}

static bool http_stub_send(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

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

static void http_stub_answer(const struct http_stub *stub, int fd,
			     const struct http_stub_route *route)
{
	char *made = route->make != NULL ? route->make(route->user) : NULL;
	const char *body = made != NULL ? made : route->body != NULL ? route->body : "";
	size_t len = strlen(body);
	struct buf head = {0};

	buf_printf(&head, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
		   route->status != 0 ? route->status : 200, len,
		   route->headers != NULL ? route->headers : "");
	if (route->manner == HTTP_STUB_SILENT) {
		http_stub_wait(stub, fd, -1);
	} else if (http_stub_send(fd, head.data, head.len)) {
		if (route->manner == HTTP_STUB_CUT)
			http_stub_send(fd, body, len / 2);
		else if (route->manner == HTTP_STUB_WHOLE)
			http_stub_send(fd, body, len);
		else
			for (size_t i = 0; i < len && http_stub_wait(stub, fd, HTTP_STUB_DRIP_MS);)
				http_stub_send(fd, body + i++, 1);
	}
	buf_free(&head);
	free(made);
}

static void *http_stub_run(void *user)
{
	struct http_stub *stub = user;
	char *request = malloc(HTTP_STUB_REQUEST_MAX + 1);
	int fd;

	while (request != NULL && (fd = accept(stub->fd, NULL, NULL)) >= 0) {
		if (http_stub_read(stub, fd, request)) {
			struct http_stub_route route = http_stub_route(stub, request);

			http_stub_answer(stub, fd, &route);
		}
		close(fd);
	}
	free(request);
	return NULL;
}

void http_stub_start(struct http_stub *stub)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);

	*stub = (struct http_stub){.lock = PTHREAD_MUTEX_INITIALIZER};
	stub->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(pipe2(stub->stop_fds, O_CLOEXEC), 0);
	assert_int_equal(bind(stub->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(stub->fd, 16), 0);
	assert_int_equal(getsockname(stub->fd, (struct sockaddr *)&address, &len), 0);
	stub->port = ntohs(address.sin_port);
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
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + 10 * CLOCK_NS_PER_S;

	while (http_stub_count(stub, start) < count) {
		if (clock_monotonic_ns(&cart_clock_system) > until_ns)
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
