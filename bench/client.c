#include "bench/client.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BENCH_CLIENT_ROOM (BENCH_CLIENT_HEAD_MAX + BENCH_CLIENT_BODY_MAX)
#define UNKNOWN_LENGTH	  SIZE_MAX

struct bench_client {
	struct bench_client_config config;
	struct addrinfo *addresses;
	int fd; /* -1: not connected */
	int64_t deadline_ns;
	/* What has come of the answer: [at, len) is unread. One byte more holds the NUL. */
	char *data;
	size_t at;
	size_t len;
};

/* What the headers of an answer say of its body. */
struct bench_client_head {
	int status;
	size_t length; /* UNKNOWN_LENGTH: until the connection closes */
	bool chunked;
	bool close;
};

int bench_client_open(struct bench_client **client, const struct bench_client_config *config,
		      struct cart_error *error)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct bench_client *made = calloc(1, sizeof(*made));
	int failed;

	*client = NULL;
	if (made == NULL)
		return cart_error_set(error, "no memory");
	made->config = *config;
	made->fd = -1;
	made->data = malloc(BENCH_CLIENT_ROOM + 1);
	if (made->data == NULL) {
		bench_client_close(&made);
		return cart_error_set(error, "no memory");
	}
	failed = getaddrinfo(config->url.host, config->url.port, &hints, &made->addresses);
	if (failed != 0) {
		made->addresses = NULL;
		bench_client_close(&made);
		return cart_error_set(error, "%s", gai_strerror(failed));
	}
	*client = made;
	return 0;
}

static void bench_client_disconnect(struct bench_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

void bench_client_close(struct bench_client **client)
{
	if (*client == NULL)
		return;
	bench_client_disconnect(*client);
	if ((*client)->addresses != NULL)
		freeaddrinfo((*client)->addresses);
	free((*client)->data);
	free(*client);
	*client = NULL;
}

/* Waits for the socket until the deadline. */
static int bench_client_wait(struct bench_client *client, short events, struct cart_error *error)
{
	struct pollfd wait = {.fd = client->fd, .events = events};
	int ready;

	do {
		int64_t left = client->deadline_ns - clock_monotonic_ns(&cart_clock_system);
		int64_t left_ms = (left + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;

		ready = left <= 0 ? 0 : poll(&wait, 1, (int)left_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return cart_error_set(error, "poll: %s", strerror(errno));
	if (ready == 0)
		return cart_error_set(error, "no answer within %d ms", client->config.timeout_ms);
	return 0;
}

static int bench_client_connect_to(struct bench_client *client, const struct addrinfo *to,
				   struct cart_error *error)
{
	int on = 1, failed = 0;
	socklen_t len = sizeof(failed);

	client->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return cart_error_set(error, "socket: %s", strerror(errno));
	/* The last piece of a request must not wait for an acknowledgement. */
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(client->fd, to->ai_addr, to->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return cart_error_set(error, "cannot connect: %s", strerror(errno));
	if (bench_client_wait(client, POLLOUT, error) != 0)
		return -1;
	if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
		failed = errno;
	if (failed != 0)
		return cart_error_set(error, "cannot connect: %s", strerror(failed));
	return 0;
}

static int bench_client_connect(struct bench_client *client, struct cart_error *error)
{
	const struct addrinfo *to;

	if (client->fd >= 0)
		return 0;
	for (to = client->addresses; to != NULL; to = to->ai_next) {
		if (bench_client_connect_to(client, to, error) == 0)
			return 0;
		bench_client_disconnect(client);
	}
	return -1;
}

static int bench_client_send(struct bench_client *client, const char *data, size_t len,
			     struct cart_error *error)
{
	while (len > 0) {
		ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL);

		if (sent >= 0) {
			data += sent;
			len -= (size_t)sent;
		} else if (errno == EAGAIN) {
			if (bench_client_wait(client, POLLOUT, error) != 0)
				return -1;
		} else if (errno != EINTR) {
			return cart_error_set(error, "cannot send: %s", strerror(errno));
		}
	}
	return 0;
}

/* Reads what has come. 1: some bytes; 0: the end; -1: error. */
static int bench_client_read(struct bench_client *client, struct cart_error *error)
{
	for (;;) {
		ssize_t got;

		if (client->len == BENCH_CLIENT_ROOM)
			return cart_error_set(error, "an answer of more than %d bytes",
					      BENCH_CLIENT_ROOM);
		got = recv(client->fd, client->data + client->len, BENCH_CLIENT_ROOM - client->len,
			   0);
		if (got > 0) {
			client->len += (size_t)got;
			return 1;
		}
		if (got == 0)
			return 0;
		if (errno == EAGAIN) {
			if (bench_client_wait(client, POLLIN, error) != 0)
				return -1;
		} else if (errno != EINTR) {
			return cart_error_set(error, "cannot read: %s", strerror(errno));
		}
	}
}

/* Reads until want bytes are unread. */
static int bench_client_need(struct bench_client *client, size_t want, struct cart_error *error)
{
	while (client->len - client->at < want) {
		int got = bench_client_read(client, error);

		if (got < 0)
			return -1;
		if (got == 0)
			return cart_error_set(error, "the connection closed amid the answer");
	}
	return 0;
}

/* Takes a line off what is unread and ends it with a NUL. NULL: error. */
static char *bench_client_line(struct bench_client *client, struct cart_error *error)
{
	size_t seen = 0, end;
	char *line, *newline;

	for (;;) {
		line = client->data + client->at;
		newline = memchr(line + seen, '\n', client->len - client->at - seen);
		if (newline != NULL)
			break;
		seen = client->len - client->at;
		if (seen > BENCH_CLIENT_HEAD_MAX) {
			cart_error_set(error, "a line of more than %d bytes in the answer",
				       BENCH_CLIENT_HEAD_MAX);
			return NULL;
		}
		if (bench_client_need(client, seen + 1, error) != 0)
			return NULL;
	}
	end = (size_t)(newline - line);
	client->at += end + 1;
	if (end > 0 && line[end - 1] == '\r')
		end--;
	line[end] = '\0';
	return line;
}

/* A whole number and nothing else. */
static bool bench_client_number(const char *text, int base, size_t max, size_t *value)
{
	char *end;
	unsigned long long number;

	if (*text == '\0' || strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") !=
				     strcspn(text, " \t;"))
		return false;
	errno = 0;
	number = strtoull(text, &end, base);
	end += strspn(end, " \t");
	if (errno != 0 || end == text || number > max || (*end != '\0' && *end != ';'))
		return false;
	*value = (size_t)number;
	return true;
}

static int bench_client_header(struct bench_client_head *head, char *line, struct cart_error *error)
{
	char *value = strchr(line, ':');

	if (value == NULL)
		return cart_error_set(error, "a header without a colon");
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "Content-Length") == 0) {
		if (!bench_client_number(value, 10, BENCH_CLIENT_BODY_MAX, &head->length))
			return cart_error_set(error, "a Content-Length of %.20s (at most %d)",
					      value, BENCH_CLIENT_BODY_MAX);
	} else if (strcasecmp(line, "Transfer-Encoding") == 0) {
		if (strcasecmp(value, "chunked") != 0)
			return cart_error_set(error, "a Transfer-Encoding of %.20s", value);
		head->chunked = true;
	} else if (strcasecmp(line, "Connection") == 0) {
		head->close = strcasecmp(value, "close") == 0;
	}
	return 0;
}

static int bench_client_read_head(struct bench_client *client, struct bench_client_head *head,
				  struct cart_error *error)
{
	size_t began = client->at;
	int minor;
	char *line;

	*head = (struct bench_client_head){.length = UNKNOWN_LENGTH};
	line = bench_client_line(client, error);
	if (line == NULL)
		return -1;
	if (sscanf(line, "HTTP/1.%1d %3d", &minor, &head->status) != 2 || head->status < 100)
		return cart_error_set(error, "not an HTTP/1 answer");
	head->close = minor == 0;
	for (;;) {
		line = bench_client_line(client, error);
		if (line == NULL)
			return -1;
		if (*line == '\0')
			break;
		if (client->at - began > BENCH_CLIENT_HEAD_MAX)
			return cart_error_set(error, "headers of more than %d bytes",
					      BENCH_CLIENT_HEAD_MAX);
		if (bench_client_header(head, line, error) != 0)
			return -1;
	}
	if (head->status < 200 || head->status == 204 || head->status == 304)
		head->length = 0;
	return 0;
}

/* Joins the chunks where the first began. */
static int bench_client_read_chunks(struct bench_client *client, size_t *body_len,
				    struct cart_error *error)
{
	char *body = client->data + client->at, *line;
	size_t size;

	*body_len = 0;
	for (;;) {
		line = bench_client_line(client, error);
		if (line == NULL)
			return -1;
		if (!bench_client_number(line, 16, BENCH_CLIENT_BODY_MAX - *body_len, &size))
			return cart_error_set(error, "a chunk of size \"%.20s\"", line);
		if (size == 0)
			break;
		if (bench_client_need(client, size, error) != 0)
			return -1;
		memmove(body + *body_len, client->data + client->at, size);
		*body_len += size;
		client->at += size;
		line = bench_client_line(client, error);
		if (line == NULL)
			return -1;
		if (*line != '\0')
			return cart_error_set(error, "bytes after a chunk");
	}
	do { /* trailers */
		line = bench_client_line(client, error);
		if (line == NULL)
			return -1;
	} while (*line != '\0');
	return 0;
}

static int bench_client_read_body(struct bench_client *client, struct bench_client_head *head,
				  struct bench_client_answer *answer, struct cart_error *error)
{
	char *body = client->data + client->at;
	int got;

	if (head->chunked) {
		if (bench_client_read_chunks(client, &answer->body_len, error) != 0)
			return -1;
	} else if (head->length != UNKNOWN_LENGTH) {
		if (bench_client_need(client, head->length, error) != 0)
			return -1;
		answer->body_len = head->length;
		client->at += head->length;
	} else {
		head->close = true;
		do
			got = bench_client_read(client, error);
		while (got > 0);
		if (got < 0)
			return -1;
		answer->body_len = client->len - client->at;
		client->at = client->len;
	}
	/* There is room: a body ends before what it was read into does. */
	body[answer->body_len] = '\0';
	answer->body = body;
	return 0;
}

static int bench_client_read_answer(struct bench_client *client, struct bench_client_answer *answer,
				    struct cart_error *error)
{
	struct bench_client_head head;

	client->at = client->len = 0;
	do /* 1xx come before the answer */
		if (bench_client_read_head(client, &head, error) != 0)
			return -1;
	while (head.status < 200);
	if (bench_client_read_body(client, &head, answer, error) != 0)
		return -1;
	answer->status = head.status;
	if (client->at != client->len)
		return cart_error_set(error, "bytes after the answer");
	if (head.close || !client->config.keep_alive)
		bench_client_disconnect(client);
	return 0;
}

static int bench_client_send_request(struct bench_client *client, const char *method,
				     const char *path, const char *body, struct cart_error *error)
{
	const struct bench_url *url = &client->config.url;
	size_t body_len = body == NULL ? 0 : strlen(body);
	char *text;
	int len, failed;

	len = asprintf(&text,
		       "%s %s%s HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\n"
		       "User-Agent: cartbench\r\n%s",
		       method, url->prefix, path, url->authority,
		       client->config.keep_alive ? "keep-alive" : "close",
		       body == NULL ? "\r\n" : "Content-Type: application/json\r\n");
	if (len >= 0 && body != NULL) {
		char *whole;

		/* One piece, so that it goes out as one segment. */
		len = asprintf(&whole, "%sContent-Length: %zu\r\n\r\n%s", text, body_len, body);
		free(text);
		text = whole;
	}
	if (len < 0)
		return cart_error_set(error, "no memory");
	failed = bench_client_send(client, text, (size_t)len, error);
	free(text);
	return failed;
}

int bench_client_request(struct bench_client *client, const char *method, const char *path,
			 const char *body, struct bench_client_answer *answer,
			 struct cart_error *error)
{
	*answer = (struct bench_client_answer){.body = ""};
	client->deadline_ns = clock_monotonic_ns(&cart_clock_system) +
			      client->config.timeout_ms * CLOCK_NS_PER_MS;
	if (bench_client_connect(client, error) == 0 &&
	    bench_client_send_request(client, method, path, body, error) == 0 &&
	    bench_client_read_answer(client, answer, error) == 0)
		return 0;
	bench_client_disconnect(client);
	*answer = (struct bench_client_answer){.body = ""};
	return -1;
}
