#include "bench/target/client.h"

#include "bench/target/stream.h"

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define BENCH_CLIENT_ROOM (BENCH_CLIENT_HEAD_MAX + BENCH_CLIENT_BODY_MAX)
#define UNKNOWN_LENGTH	  SIZE_MAX

struct bench_client {
	struct bench_client_config config;
	struct addrinfo *addresses;
	struct bench_stream stream;
};

/* What the headers of an answer say of its body. */
struct client_head {
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
	failed = bench_stream_init(&made->stream, BENCH_CLIENT_ROOM, config->timeout_ms, error);
	if (failed == 0) {
		failed = getaddrinfo(config->url.host, config->url.port, &hints, &made->addresses);
		if (failed != 0)
			cart_error_set(error, "%s", gai_strerror(failed));
	}
	if (failed != 0) {
		bench_client_close(&made);
		return -1;
	}
	*client = made;
	return 0;
}

void bench_client_close(struct bench_client **client)
{
	if (*client == NULL)
		return;
	bench_stream_free(&(*client)->stream);
	if ((*client)->addresses != NULL)
		freeaddrinfo((*client)->addresses);
	free(*client);
	*client = NULL;
}

int bench_client_reach(struct bench_client *client, struct sockaddr_storage *address,
		       struct cart_error *error)
{
	socklen_t len = sizeof(*address);

	bench_stream_begin(&client->stream);
	if (bench_stream_connect(&client->stream, client->addresses, error) != 0)
		return -1;
	if (getpeername(client->stream.fd, (struct sockaddr *)address, &len) != 0)
		return cart_error_set(error, "the connection has closed: %s", strerror(errno));
	return (int)len;
}

/* A whole number and nothing else. */
static bool client_number(const char *text, int base, size_t max, size_t *value)
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

static int client_header(struct client_head *head, char *line, struct cart_error *error)
{
	char *value = strchr(line, ':');

	if (value == NULL)
		return cart_error_set(error, "a header without a colon");
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "Content-Length") == 0) {
		if (!client_number(value, 10, BENCH_CLIENT_BODY_MAX, &head->length))
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

static int client_read_head(struct bench_stream *stream, struct client_head *head,
			    struct cart_error *error)
{
	size_t began = stream->at;
	int minor;
	char *line;

	*head = (struct client_head){.length = UNKNOWN_LENGTH};
	line = bench_stream_line(stream, BENCH_CLIENT_HEAD_MAX, error);
	if (line == NULL)
		return -1;
	if (sscanf(line, "HTTP/1.%1d %3d", &minor, &head->status) != 2 || head->status < 100)
		return cart_error_set(error, "not an HTTP/1 answer");
	head->close = minor == 0;
	for (;;) {
		line = bench_stream_line(stream, BENCH_CLIENT_HEAD_MAX, error);
		if (line == NULL)
			return -1;
		if (*line == '\0')
			break;
		if (stream->at - began > BENCH_CLIENT_HEAD_MAX)
			return cart_error_set(error, "headers of more than %d bytes",
					      BENCH_CLIENT_HEAD_MAX);
		if (client_header(head, line, error) != 0)
			return -1;
	}
	if (head->status < 200 || head->status == 204 || head->status == 304)
		head->length = 0;
	return 0;
}

/* Joins the chunks where the first began. */
static int client_read_chunks(struct bench_stream *stream, size_t *body_len,
			      struct cart_error *error)
{
	char *body = stream->data + stream->at, *line;
	size_t size;

	*body_len = 0;
	for (;;) {
		line = bench_stream_line(stream, BENCH_CLIENT_HEAD_MAX, error);
		if (line == NULL)
			return -1;
		if (!client_number(line, 16, BENCH_CLIENT_BODY_MAX - *body_len, &size))
			return cart_error_set(error, "a chunk of size \"%.20s\"", line);
		if (size == 0)
			break;
		if (bench_stream_need(stream, size, error) != 0)
			return -1;
		memmove(body + *body_len, stream->data + stream->at, size);
		*body_len += size;
		stream->at += size;
		line = bench_stream_line(stream, BENCH_CLIENT_HEAD_MAX, error);
		if (line == NULL)
			return -1;
		if (*line != '\0')
			return cart_error_set(error, "bytes after a chunk");
	}
	do { /* trailers */
		line = bench_stream_line(stream, BENCH_CLIENT_HEAD_MAX, error);
		if (line == NULL)
			return -1;
	} while (*line != '\0');
	return 0;
}

static int client_read_body(struct bench_stream *stream, struct client_head *head,
			    struct bench_client_answer *answer, struct cart_error *error)
{
	char *body = stream->data + stream->at;
	int got;

	if (head->chunked) {
		if (client_read_chunks(stream, &answer->body_len, error) != 0)
			return -1;
	} else if (head->length != UNKNOWN_LENGTH) {
		if (bench_stream_need(stream, head->length, error) != 0)
			return -1;
		answer->body_len = head->length;
		stream->at += head->length;
	} else {
		head->close = true;
		do
			got = bench_stream_read(stream, error);
		while (got > 0);
		if (got < 0)
			return -1;
		answer->body_len = stream->len - stream->at;
		stream->at = stream->len;
	}
	/* There is room: a body ends before what it was read into does. */
	body[answer->body_len] = '\0';
	answer->body = body;
	return 0;
}

/* Clears *keep when the server closes the connection after the answer. */
static int client_read_answer(struct bench_stream *stream, struct bench_client_answer *answer,
			      bool *keep, struct cart_error *error)
{
	struct client_head head;

	do /* 1xx come before the answer */
		if (client_read_head(stream, &head, error) != 0)
			return -1;
	while (head.status < 200);
	if (client_read_body(stream, &head, answer, error) != 0)
		return -1;
	answer->status = head.status;
	if (stream->at != stream->len)
		return cart_error_set(error, "bytes after the answer");
	*keep = *keep && !head.close;
	return 0;
}

/* In one piece, so that it goes out as one segment. */
static int client_send_request(struct bench_client *client, const char *method, const char *path,
			       const char *body, struct cart_error *error)
{
	const struct bench_url *url = &client->config.url;
	char about_body[80] = "", *text;
	int len, failed;

	if (body != NULL)
		snprintf(about_body, sizeof(about_body),
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	len = asprintf(&text,
		       "%s %s%s HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\n"
		       "User-Agent: cartbench\r\n%s\r\n%s",
		       method, url->prefix, path, url->authority,
		       client->config.keep_alive ? "keep-alive" : "close", about_body,
		       body == NULL ? "" : body);
	if (len < 0)
		return cart_error_set(error, "no memory");
	failed = bench_stream_send(&client->stream, text, (size_t)len, error);
	free(text);
	return failed;
}

int bench_client_request(struct bench_client *client, const char *method, const char *path,
			 const char *body, struct bench_client_answer *answer,
			 struct cart_error *error)
{
	struct bench_stream *stream = &client->stream;
	bool keep = client->config.keep_alive;
	int failed = -1;

	*answer = (struct bench_client_answer){.body = ""};
	bench_stream_begin(stream);
	if (bench_stream_connect(stream, client->addresses, error) == 0 &&
	    client_send_request(client, method, path, body, error) == 0)
		failed = client_read_answer(stream, answer, &keep, error);
	if (failed != 0)
		*answer = (struct bench_client_answer){.body = ""};
	if (failed != 0 || !keep)
		bench_stream_disconnect(stream);
	return failed;
}
