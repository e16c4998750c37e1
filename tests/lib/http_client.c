#include "tests/lib/http_client.h"

#include "tests/lib/cartd.h"
#include "tests/lib/patience.h"
#include "tests/lib/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HTTP_CLIENT_CALL_MS 10000
#define HTTP_CLIENT_LOOK_MS 20

static bool http_client_connect(struct http_client *client, int port, const char *from)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in own = {.sin_family = AF_INET};
	int one = 1;

	*client = (struct http_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
				       .port = port};
	if (client->fd < 0)
		return false;
	if (from != NULL && (inet_pton(AF_INET, from, &own.sin_addr) != 1 ||
			     bind(client->fd, (struct sockaddr *)&own, sizeof(own)) != 0)) {
		http_client_close(client);
		return false;
	}
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		http_client_close(client);
		return false;
	}
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return true;
}

void http_client_start_tls(struct http_client *client)
{
	const struct timeval wait = {.tv_sec = HTTP_CLIENT_CALL_MS / 1000};

	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	client->tls = tls_client_open(client->fd);
	client->broken = client->tls == NULL;
}

bool http_client_try_open(struct http_client *client, int port)
{
	if (!http_client_connect(client, port, NULL))
		return false;
	if (tls_client_is_used())
		http_client_start_tls(client);
	return true;
}

void http_client_open_from(struct http_client *client, int port, const char *from)
{
	if (!http_client_connect(client, port, from))
		fail_msg("connect to port %d from %s: %s", port, from, strerror(errno));
}

void http_client_open(struct http_client *client, int port)
{
	if (!http_client_try_open(client, port))
		fail_msg("connect to port %d: %s", port, strerror(errno));
}

void http_client_close(struct http_client *client)
{
	tls_client_close(client->tls);
	if (client->fd >= 0)
		close(client->fd);
	free(client->bytes);
	*client = (struct http_client){.fd = -1, .port = client->port};
}

void http_client_reset(struct http_client *client)
{
	struct linger now = {.l_onoff = 1};

	if (client->fd >= 0)
		setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	http_client_close(client);
}

bool http_client_send(struct http_client *client, const void *bytes, size_t len)
{
	const char *at = bytes;

	if (client->broken)
		return false;
	if (client->tls != NULL)
		return tls_client_send(client->tls, bytes, len);
	while (len > 0) {
		ssize_t n = send(client->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool http_client_send_text(struct http_client *client, const char *text)
{
	return http_client_send(client, text, strlen(text));
}

void http_client_half_close(struct http_client *client)
{
	if (client->tls != NULL)
		tls_client_end(client->tls);
	shutdown(client->fd, SHUT_WR);
}

static ssize_t http_client_receive(struct http_client *client, void *bytes, size_t room)
{
	if (client->tls == NULL)
		return recv(client->fd, bytes, room, 0);
	errno = 0;
	return tls_client_read(client->tls, bytes, room);
}

/* Reads what there is. 1: more bytes; 0: end of file; -1: reset; -2: not in time. */
static int http_client_fill(struct http_client *client, int64_t end_ms)
{
	struct pollfd wait = {.fd = client->fd, .events = POLLIN};
	ssize_t n;

	if (client->room - client->len < 4096) {
		size_t room = client->room * 2 + 16384;
		char *bytes = realloc(client->bytes, room);

		assert_non_null(bytes);
		client->bytes = bytes;
		client->room = room;
	}
	while (!(client->tls != NULL && tls_client_has(client->tls)) &&
	       poll(&wait, 1, HTTP_CLIENT_LOOK_MS) == 0)
		if (patience_ms() >= end_ms)
			return -2;
	if (client->broken)
		return -1;
	n = http_client_receive(client, client->bytes + client->len,
				client->room - client->len - 1);
	if (n == TLS_CLIENT_LATER)
		return 1;
	if (n < 0)
		return errno == EINTR ? 1 : -1;
	client->len += (size_t)n;
	client->bytes[client->len] = '\0';
	return n > 0;
}

static void http_client_take(struct http_client *client, size_t len)
{
	memmove(client->bytes, client->bytes + len, client->len - len);
	client->len -= len;
	client->bytes[client->len] = '\0';
}

/* Length of the head with its empty line; 0: not yet whole. */
static size_t http_client_head_len(const struct http_client *client)
{
	const char *end =
		client->len == 0 ? NULL : memmem(client->bytes, client->len, "\r\n\r\n", 4);

	return end == NULL ? 0 : (size_t)(end - client->bytes) + 4;
}

static void http_response_parse_head(struct http_response *response)
{
	const char *connection;
	char protocol[9];

	if (sscanf(response->head, "%8s %3d", protocol, &response->status) != 2 ||
	    strncmp(protocol, "HTTP/1.", 7) != 0)
		fail_msg("not an answer in HTTP: %s", response->head);
	connection = http_response_header(response, "Connection");
	response->close = connection != NULL && strcasestr(connection, "close") != NULL;
}

static bool http_response_has_body(const struct http_response *response, bool head_only)
{
	return !head_only && response->status >= 200 && response->status != 204 &&
	       response->status != 304;
}

static enum http_read http_client_failed(int filled, bool within)
{
	if (filled == -2)
		return HTTP_READ_TIMEOUT;
	return filled == 0 && !within ? HTTP_READ_CLOSED : HTTP_READ_RESET;
}

enum http_read http_client_read(struct http_client *client, struct http_response *response,
				bool head_only, int timeout_ms)
{
	int64_t end_ms = patience_ms() + timeout_ms;
	const char *length;
	size_t head, body;
	int filled;

	http_response_clear(response);
	while ((head = http_client_head_len(client)) == 0)
		if ((filled = http_client_fill(client, end_ms)) <= 0)
			return http_client_failed(filled, client->len > 0);
	response->head = strndup(client->bytes, head);
	assert_non_null(response->head);
	http_client_take(client, head);
	http_response_parse_head(response);

	length = http_response_header(response, "Content-Length");
	body = length == NULL ? 0 : (size_t)strtoull(length, NULL, 10);
	if (!http_response_has_body(response, head_only))
		body = 0;
	else if (length == NULL)
		fail_msg("an answer without Content-Length: %s", response->head);
	while (client->len < body)
		if ((filled = http_client_fill(client, end_ms)) <= 0)
			return http_client_failed(filled, true);
	response->body = calloc(1, body + 1);
	assert_non_null(response->body);
	if (body > 0) {
		memcpy(response->body, client->bytes, body);
		http_client_take(client, body);
	}
	response->body_len = body;
	return HTTP_READ_ANSWER;
}

bool http_client_await_close(struct http_client *client, int timeout_ms)
{
	int64_t end_ms = patience_ms() + timeout_ms;
	int filled;

	do
		client->len = 0;
	while ((filled = http_client_fill(client, end_ms)) == 1);
	return filled != -2;
}

void http_client_call(struct http_client *client, struct http_response *response,
		      const char *method, const char *path, const char *headers, const char *body)
{
	bool typed = headers != NULL && strcasestr(headers, "Content-Type:") != NULL;
	size_t len = body == NULL ? 0 : strlen(body);
	char length[64] = "";
	enum http_read got;
	char *request;
	int n;

	if (client->fd < 0)
		http_client_open(client, client->port);
	if (body != NULL)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", len);
	n = asprintf(&request, "%s %s HTTP/1.1\r\nHost: cart.test\r\n%s%s%s\r\n%s", method, path,
		     length, body != NULL && !typed ? "Content-Type: application/json\r\n" : "",
		     headers != NULL ? headers : "", body != NULL ? body : "");
	assert_true(n > 0);
	if (!http_client_send(client, request, (size_t)n))
		fail_msg("%s %s: the connection was gone", method, path);
	free(request);
	got = http_client_read(client, response, strcmp(method, "HEAD") == 0, HTTP_CLIENT_CALL_MS);
	if (got != HTTP_READ_ANSWER)
		fail_msg("%s %s: no answer (%s)", method, path,
			 got == HTTP_READ_TIMEOUT ? "timeout" : "connection closed");
	if (response->close)
		http_client_close(client);
}

/* The start of the value of the first such header from *at on; moves *at behind it. */
static const char *http_response_find(const char **at, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	while ((*at = strstr(*at, "\r\n")) != NULL) {
		*at += 2;
		if (strncasecmp(*at, name, name_len) == 0 && (*at)[name_len] == ':') {
			const char *value = *at + name_len + 1;

			value += strspn(value, " \t");
			*len = strcspn(value, "\r\n");
			return value;
		}
	}
	return NULL;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	static _Thread_local char value[8192];
	const char *at = response->head;
	size_t len;
	const char *found = http_response_find(&at, name, &len);

	if (found == NULL)
		return NULL;
	assert_true(len < sizeof(value));
	memcpy(value, found, len);
	value[len] = '\0';
	return value;
}

size_t http_response_header_count(const struct http_response *response, const char *name)
{
	const char *at = response->head;
	size_t count = 0, len;

	while (http_response_find(&at, name, &len) != NULL)
		count++;
	return count;
}

void http_response_clear(struct http_response *response)
{
	free(response->head);
	free(response->body);
	*response = (struct http_response){0};
}
