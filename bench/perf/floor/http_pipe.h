/* HTTP/1.1 as far as the benchmark's own programs need it: where a message ends. */
#ifndef BENCH_PERF_FLOOR_HTTP_PIPE_H
#define BENCH_PERF_FLOOR_HTTP_PIPE_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The length of the message that data begins with, by its Content-Length; 0: it is not all there.
 * data is NUL-terminated. *body is where its body begins. */
static inline size_t http_message_len(const char *data, size_t len, const char **body)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4), *field;
	size_t head, body_len = 0;

	if (end == NULL)
		return 0;
	head = (size_t)(end - data) + 4;
	field = strcasestr(data, "\r\ncontent-length:");
	if (field != NULL && field < end)
		body_len = strtoul(field + strlen("\r\ncontent-length:"), NULL, 10);
	*body = data + head;
	return len >= head + body_len ? head + body_len : 0;
}

#endif
