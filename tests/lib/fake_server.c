#include "tests/lib/fake_server.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/http_peer.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fake_server_serve(struct fake_server *server, int fd)
{
	struct http_peer peer = {.fd = fd, .stop_fd = -1};
	bool keep = true;
	char *request;

	while (keep && (request = http_peer_read(&peer)) != NULL) {
		char *bytes = server->answer(request, server->user);

		keep = bytes != NULL && http_peer_send(&peer, bytes, strlen(bytes)) &&
		       strcasestr(request, "Connection: keep-alive") != NULL;
		if (bytes != NULL && *bytes == '\0')
			while (recv(fd, request, 1, 0) > 0)
				;
		free(bytes);
		free(request);
	}
	http_peer_close(&peer);
}

static void *fake_server_run(void *user)
{
	struct fake_server *server = user;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		server->connections++;
		fake_server_serve(server, fd);
	}
	return NULL;
}

void fake_server_start(struct fake_server *server, fake_server_fn *answer, void *user)
{
	*server = (struct fake_server){.answer = answer, .user = user};
	server->fd = http_peer_listen(&server->port);
	assert_int_equal(pthread_create(&server->thread, NULL, fake_server_run, server), 0);
}

void fake_server_stop(struct fake_server *server)
{
	shutdown(server->fd, SHUT_RDWR); /* accept returns */
	pthread_join(server->thread, NULL);
	close(server->fd);
}
