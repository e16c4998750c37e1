#include "tests/lib/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FAKE_REQUEST_MAX 8192

/* Reads one request, headers and as much body as they announce. False: the client has gone. */
static bool fake_server_read(int fd, char request[FAKE_REQUEST_MAX + 1])
{
	size_t len = 0;

	while (len < FAKE_REQUEST_MAX) {
		ssize_t got = recv(fd, request + len, FAKE_REQUEST_MAX - len, 0);
		const char *end, *announced;

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

static bool fake_server_send(int fd, const char *bytes)
{
	size_t len = strlen(bytes);

	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static void fake_server_serve(struct fake_server *server, int fd)
{
	char request[FAKE_REQUEST_MAX + 1];
	bool keep = true;

	while (keep && fake_server_read(fd, request)) {
		char *bytes = server->answer(request, server->user);

		keep = bytes != NULL && fake_server_send(fd, bytes) &&
		       strcasestr(request, "Connection: keep-alive") != NULL;
		if (bytes != NULL && *bytes == '\0')
			while (recv(fd, request, sizeof(request), 0) > 0)
				;
		free(bytes);
	}
}

static void *fake_server_run(void *user)
{
	struct fake_server *server = user;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		server->connections++;
		fake_server_serve(server, fd);
		close(fd);
	}
	return NULL;
}

void fake_server_start(struct fake_server *server, fake_server_fn *answer, void *user)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);

	*server = (struct fake_server){.answer = answer, .user = user};
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, fake_server_run, server), 0);
}

void fake_server_stop(struct fake_server *server)
{
	shutdown(server->fd, SHUT_RDWR); /* accept returns */
	pthread_join(server->thread, NULL);
	close(server->fd);
}
