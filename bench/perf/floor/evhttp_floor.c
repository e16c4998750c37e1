/*
 * The floor of the HTTP front: evhttp with nothing behind it. It answers every GET with the bytes
 * of one file and every other method, once it has read the body, with those of another, so that
 * `make bench` can hand it answers recorded from cartd itself and compare the two on equal bytes.
 *
 * What evhttp writes by itself (Date, Content-Length, Connection) it writes here too.
 */
#include "bench/perf/floor/floor.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FLOOR_ANSWER_MAX  65536
#define FLOOR_HEADERS_MAX 32

struct floor_header {
	const char *name;
	const char *value;
};

/* A recorded answer, cut in place: the strings point into text. */
struct floor_answer {
	char text[FLOOR_ANSWER_MAX + 1];
	int status;
	const char *reason;
	struct floor_header headers[FLOOR_HEADERS_MAX];
	size_t header_count;
	const char *body;
	size_t body_len;
};

struct floor_answers {
	struct floor_answer get;
	struct floor_answer change;
};

static bool floor_evhttp_writes_it(const char *name)
{
	return strcasecmp(name, "Date") == 0 || strcasecmp(name, "Content-Length") == 0 ||
	       strcasecmp(name, "Connection") == 0;
}

static void floor_read(struct floor_answer *answer, const char *path)
{
	FILE *file = fopen(path, "rb");
	char *end, *line, *value, *rest;
	size_t len;

	if (file == NULL)
		floor_die(path, strerror(errno));
	len = fread(answer->text, 1, FLOOR_ANSWER_MAX, file);
	fclose(file);
	end = strstr(answer->text, "\r\n\r\n");
	if (end == NULL || sscanf(answer->text, "HTTP/1.%*d %d", &answer->status) != 1)
		floor_die(path, "no head of an HTTP/1 answer");
	*end = '\0';
	answer->body = end + 4;
	answer->body_len = len - (size_t)(answer->body - answer->text);
	line = strtok_r(answer->text, "\r\n", &rest);
	answer->reason = line + strlen("HTTP/1.1 200 ");
	while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {
		value = strchr(line, ':');
		if (value == NULL || answer->header_count == FLOOR_HEADERS_MAX)
			floor_die(path, "a header without a colon, or too many headers");
		*value++ = '\0';
		if (!floor_evhttp_writes_it(line))
			answer->headers[answer->header_count++] =
				(struct floor_header){line, value + strspn(value, " ")};
	}
}

static void floor_send(struct evhttp_request *request, const struct floor_answer *answer)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	size_t i;

	for (i = 0; i < answer->header_count; i++)
		evhttp_add_header(headers, answer->headers[i].name, answer->headers[i].value);
	if (answer->body_len > 0)
		evbuffer_add(evhttp_request_get_output_buffer(request), answer->body,
			     answer->body_len);
	evhttp_send_reply(request, answer->status, answer->reason, NULL);
}

static void floor_handle(struct evhttp_request *request, void *user)
{
	const struct floor_answers *answers = user;
	struct evbuffer *body;

	if (evhttp_request_get_command(request) == EVHTTP_REQ_GET) {
		floor_send(request, &answers->get);
		return;
	}
	/* Read as a handler would: in one piece. */
	body = evhttp_request_get_input_buffer(request);
	evbuffer_pullup(body, -1);
	floor_send(request, &answers->change);
}

int main(int argc, char **argv)
{
	static struct floor_answers answers; /* too large for a stack */

	if (argc != 4) {
		fprintf(stderr,
			"usage: evhttp_floor PORT GET-ANSWER CHANGE-ANSWER\n"
			"Serves two recorded HTTP answers on 127.0.0.1:PORT until SIGTERM.\n"
			"example: evhttp_floor 9000 get.http add.http\n");
		return 2;
	}
	floor_read(&answers.get, argv[2]);
	floor_read(&answers.change, argv[3]);
	floor_serve(floor_number(argv[1], "PORT", 0, 65535), floor_handle, &answers);
	return 0;
}
