#include "bench/target/stream.h"

#include "core/base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int bench_stream_init(struct bench_stream *stream, size_t room, int timeout_ms,
		      struct cart_error *error)
{
	*stream = (struct bench_stream){.fd = -1, .timeout_ms = timeout_ms, .room = room};
	stream->data = malloc(room + 1);
	return stream->data == NULL ? cart_error_set(error, "no memory") : 0;
}

void bench_stream_free(struct bench_stream *stream)
{
	bench_stream_disconnect(stream);
	free(stream->data);
	stream->data = NULL;
}

void bench_stream_begin(struct bench_stream *stream)
{
	stream->at = stream->len = 0;
	stream->deadline_ns =
		clock_monotonic_ns(&cart_clock_system) + stream->timeout_ms * CLOCK_NS_PER_MS;
}

void bench_stream_disconnect(struct bench_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

/* Waits for the socket until the deadline. */
static int stream_wait(struct bench_stream *stream, short events, struct cart_error *error)
{
	struct pollfd wait = {.fd = stream->fd, .events = events};
	int ready;

	do {
		int64_t left = stream->deadline_ns - clock_monotonic_ns(&cart_clock_system);
		int64_t left_ms = (left + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;

		ready = left <= 0 ? 0 : poll(&wait, 1, (int)left_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return cart_error_set(error, "poll: %s", strerror(errno));
	if (ready == 0)
		return cart_error_set(error, "no answer within %d ms", stream->timeout_ms);
	return 0;
}

static int stream_connect_to(struct bench_stream *stream, const struct addrinfo *to,
			     struct cart_error *error)
{
	int on = 1, failed = 0;
	socklen_t len = sizeof(failed);

	stream->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return cart_error_set(error, "socket: %s", strerror(errno));
	/* The last piece of a request must not wait for an acknowledgement. */
	setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(stream->fd, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return cart_error_set(error, "cannot connect: %s", strerror(errno));
	if (stream_wait(stream, POLLOUT, error) != 0)
		return -1;
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
		failed = errno;
	if (failed != 0)
		return cart_error_set(error, "cannot connect: %s", strerror(failed));
	return 0;
}

int bench_stream_connect(struct bench_stream *stream, const struct addrinfo *addresses,
			 struct cart_error *error)
{
	const struct addrinfo *to;

	if (stream->fd >= 0)
		return 0;
	for (to = addresses; to != NULL; to = to->ai_next) {
		if (stream_connect_to(stream, to, error) == 0)
			return 0;
		bench_stream_disconnect(stream);
	}
	return -1;
}

int bench_stream_send(struct bench_stream *stream, const char *data, size_t len,
		      struct cart_error *error)
{
	while (len > 0) {
		ssize_t sent = send(stream->fd, data, len, MSG_NOSIGNAL);

		if (sent >= 0) {
			data += sent;
			len -= (size_t)sent;
		} else if (errno == EAGAIN) {
			if (stream_wait(stream, POLLOUT, error) != 0)
				return -1;
		} else if (errno != EINTR) {
			return cart_error_set(error, "cannot send: %s", strerror(errno));
		}
	}
	return 0;
}

int bench_stream_read(struct bench_stream *stream, struct cart_error *error)
{
	for (;;) {
		ssize_t got;

		if (stream->len == stream->room)
			return cart_error_set(error, "an answer of more than %zu bytes",
					      stream->room);
		got = recv(stream->fd, stream->data + stream->len, stream->room - stream->len, 0);
		if (got > 0) {
			stream->len += (size_t)got;
			return 1;
		}
		if (got == 0)
			return 0;
		if (errno == EAGAIN) {
			if (stream_wait(stream, POLLIN, error) != 0)
				return -1;
		} else if (errno != EINTR) {
			return cart_error_set(error, "cannot read: %s", strerror(errno));
		}
	}
}

int bench_stream_need(struct bench_stream *stream, size_t want, struct cart_error *error)
{
	while (stream->len - stream->at < want) {
		int got = bench_stream_read(stream, error);

		if (got < 0)
			return -1;
		if (got == 0)
			return cart_error_set(error, "the connection closed amid the answer");
	}
	return 0;
}

char *bench_stream_line(struct bench_stream *stream, size_t max, struct cart_error *error)
{
	size_t seen = 0, end;
	char *line, *newline;

	for (;;) {
		line = stream->data + stream->at;
		newline = memchr(line + seen, '\n', stream->len - stream->at - seen);
		if (newline != NULL)
			break;
		seen = stream->len - stream->at;
		if (seen > max) {
			cart_error_set(error, "a line of more than %zu bytes in the answer", max);
			return NULL;
		}
		if (bench_stream_need(stream, seen + 1, error) != 0)
			return NULL;
	}
	end = (size_t)(newline - line);
	stream->at += end + 1;
	if (end > 0 && line[end - 1] == '\r')
		end--;
	line[end] = '\0';
	return line;
}
