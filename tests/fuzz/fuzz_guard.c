/*
 * Any bytes on a connection, cut as the first of them say. The frame must not depend on the cuts,
 * and evhttp must hand over exactly the requests that the frame found, with bodies of their length:
 * a difference would be a way to smuggle a request past the guard.
 */
#include "server/http/frame.h"
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FUZZ_TURNS_MAX 20000

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_guard: not true: %s\n", #condition);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What became of the bytes, by the frame or by the server. */
struct outcome {
	size_t requests, body_bytes, refusals;
	bool open_end; /* HTTP/1.0: whether it is kept is evhttp's to say */
};

static const struct frame_limits limits = {.head_max = 1024, .body_max = 256};
static struct event_base *base;
static struct http_server *server;
static struct outcome served;
static int port;

static void fuzz_handle(struct http_request *request, void *user)
{
	size_t len;

	(void)user;
	(void)http_request_body(request, &len);
	FUZZ_CHECK(*http_request_path(request) != '\0');
	served.requests++;
	served.body_bytes += len;
	http_reply(request, 200, "{}", 2);
}

static void fuzz_refuse(struct http_request *request, int status, const char *detail, void *user)
{
	(void)user;
	FUZZ_CHECK(status >= 400 && status < 600 && *detail != '\0');
	FUZZ_CHECK(strcmp(http_status_text(status), "Unknown") != 0);
	served.refusals++;
	http_reply(request, status, "{}", 2);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct metrics *metrics; /* reachable, for the leak detector */
	struct http_config config = {
		.limits = {.body_max = limits.body_max,
			   .header_max = limits.head_max,
			   .connections_max = 1000,
			   .header_deadline_ms = 10000,
			   .idle_timeout_ms = 10000},
		.clock = &cart_clock_system,
		.handler = fuzz_handle,
		.refused = fuzz_refuse,
	};
	struct cart_error error;

	(void)argc;
	(void)argv;
	metrics = metrics_new();
	config.metrics = http_metrics_register(metrics, false, false);
	config.shard = metrics_shard_new(metrics);
	base = event_base_new();
	FUZZ_CHECK(base != NULL && http_server_open(&server, base, &config, &error) == 0 &&
		   http_server_listen(server, "127.0.0.1:0", &port, &error) == 0);
	return 0;
}

/* What the frame makes of the bytes, in pieces of at most cut. */
static struct outcome fuzz_frame(const char *original, size_t len, size_t cut)
{
	/* The frame rewrites some of the bytes. */
	char bytes[4096];
	struct outcome outcome = {0};
	struct frame frame = {0};
	size_t at = 0;
	bool last = false;

	memcpy(bytes, original, len);
	while (at < len && !last) {
		size_t piece = len - at < cut ? len - at : cut;

		at += frame_feed(&frame, &limits, bytes + at, piece);
		if (frame.state == FRAME_WHOLE) {
			outcome.requests++;
			outcome.body_bytes += frame.body_len + (size_t)frame.content_length;
			outcome.open_end = outcome.open_end || frame.http_1_0;
			last = frame.close;
			frame_reset(&frame);
		} else if (frame.state == FRAME_BAD) {
			outcome.refusals++;
			last = true;
		}
	}
	frame_free(&frame);
	return outcome;
}

static int fuzz_connect(void)
{
	static uint32_t source;
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	/* Another address each time, or the ports run out before TIME_WAIT ends. */
	source = (source + 1) % 60000;
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + source);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	FUZZ_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	FUZZ_CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	FUZZ_CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	return fd;
}

/* Reads what there is. False: the server has closed. */
static bool fuzz_drain(int fd)
{
	char answer[4096];
	ssize_t n;

	while ((n = recv(fd, answer, sizeof(answer) - 1, 0)) > 0) {
		answer[n] = '\0';
		FUZZ_CHECK(strcasestr(answer, "<html") == NULL);
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static struct outcome fuzz_serve(const char *bytes, size_t len, size_t cut)
{
	int fd = fuzz_connect();
	size_t at = 0;
	int turns = 0;

	served = (struct outcome){0};
	while (at < len) {
		size_t piece = len - at < cut ? len - at : cut;
		ssize_t sent = send(fd, bytes + at, piece, MSG_NOSIGNAL);

		at = sent < 0 && errno != EAGAIN ? len : at + (size_t)(sent < 0 ? 0 : sent);
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (!fuzz_drain(fd))
			break;
	}
	shutdown(fd, SHUT_WR);
	while (fuzz_drain(fd) && ++turns < FUZZ_TURNS_MAX)
		event_base_loop(base, EVLOOP_NONBLOCK);
	FUZZ_CHECK(turns < FUZZ_TURNS_MAX);
	close(fd);
	event_base_loop(base, EVLOOP_NONBLOCK);
	return served;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut, real;

	if (size < 2 || size > 4096)
		return 0;
	const char *bytes = (const char *)data + 1;
	size_t len = size - 1, piece = (size_t)data[0] + 1;

	whole = fuzz_frame(bytes, len, len);
	cut = fuzz_frame(bytes, len, piece);
	FUZZ_CHECK(cut.requests == whole.requests && cut.body_bytes == whole.body_bytes);
	FUZZ_CHECK(cut.refusals == whole.refusals && cut.open_end == whole.open_end);
	real = fuzz_serve(bytes, len, piece);
	FUZZ_CHECK(real.requests <= whole.requests);
	if (!whole.open_end) {
		FUZZ_CHECK(real.requests == whole.requests);
		FUZZ_CHECK(real.body_bytes == whole.body_bytes);
		FUZZ_CHECK(real.refusals == whole.refusals);
	}
	return 0;
}
