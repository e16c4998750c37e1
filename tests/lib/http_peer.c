#include "tests/lib/http_peer.h"

#include "tests/lib/cmocka.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_PEER_PIECE	  16384
#define HTTP_PEER_WAITING 128

int http_peer_listen(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, HTTP_PEER_WAITING), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* What is left of the input once the requests before are taken out. */
static void http_peer_drop_taken(struct http_peer *peer)
{
	peer->in.len -= peer->taken;
	if (peer->in.len > 0)
		memmove(peer->in.data, peer->in.data + peer->taken, peer->in.len);
	peer->taken = 0;
}

/* The length of the first request in the input; 0: it is not whole yet. */
static size_t http_peer_request_len(struct http_peer *peer)
{
	const char *text = buf_string(&peer->in), *end = strstr(text, "\r\n\r\n"), *announced;
	size_t len;

	if (end == NULL)
		return 0;
	len = (size_t)(end + 4 - text);
	announced = strcasestr(text, "\r\nContent-Length:");
	if (announced != NULL && announced < end)
		len += strtoul(announced + 17, NULL, 10);
	return peer->in.len >= len ? len : 0;
}

/* False: there will not be more. */
static bool http_peer_receive(struct http_peer *peer)
{
	struct pollfd polled[] = {{.fd = peer->stop_fd, .events = POLLIN},
				  {.fd = peer->fd, .events = POLLIN}};
	ssize_t got;

	if (poll(polled, 2, -1) < 0 || polled[0].revents != 0 ||
	    !buf_reserve(&peer->in, HTTP_PEER_PIECE))
		return false;
	got = recv(peer->fd, peer->in.data + peer->in.len, HTTP_PEER_PIECE, 0);
	peer->in.len += got > 0 ? (size_t)got : 0;
	return got > 0;
}

char *http_peer_read(struct http_peer *peer)
{
	size_t len;

	http_peer_drop_taken(peer);
	while ((len = http_peer_request_len(peer)) == 0)
		if (!http_peer_receive(peer))
			return NULL;
	peer->taken = len;
	return strndup(peer->in.data, len);
}

bool http_peer_send(const struct http_peer *peer, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(peer->fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

bool http_peer_rest(const struct http_peer *peer, int ms)
{
	struct pollfd polled[] = {{.fd = peer->stop_fd, .events = POLLIN},
				  {.fd = peer->fd, .events = POLLIN}};

	return poll(polled, 2, ms) == 0;
}

bool http_peer_drip(const struct http_peer *peer, const char *bytes, size_t len, int ms)
{
	for (size_t i = 0; i < len; i++)
		if (!http_peer_rest(peer, ms) || !http_peer_send(peer, bytes + i, 1))
			return false;
	return true;
}

void http_peer_close(struct http_peer *peer)
{
	close(peer->fd);
	buf_free(&peer->in);
}
