#include "server/http/request_id.h"

#include <stddef.h>
#include <string.h>

void request_id_make(struct random *ids, char text[REQUEST_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t id = random_next(ids);

	for (int i = 0; i < 16; i++)
		text[i] = digits[id >> (60 - 4 * i) & 15];
	text[16] = '\0';
}

static bool request_id_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

bool request_id_take(const char *header, char text[REQUEST_ID_MAX + 1])
{
	size_t len = 0;

	if (header == NULL)
		return false;
	while (header[len] != '\0') {
		if (len == REQUEST_ID_MAX || !request_id_char(header[len]))
			return false;
		len++;
	}
	memcpy(text, header, len + 1);
	return len > 0;
}

/* count hex digits in lower case; *zero: all of them are 0. */
static bool request_trace_hex(const char *text, size_t count, bool *zero)
{
	*zero = true;
	for (size_t i = 0; i < count; i++) {
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
		if (text[i] != '0')
			*zero = false;
	}
	return true;
}

bool request_trace_id(const char *traceparent, char text[TRACE_ID_TEXT + 1])
{
	/* version "-" trace-id "-" parent-id "-" flags; later versions may say more after a dash */
	enum { TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53, LENGTH = 55 };
	bool version_zero, trace_zero, parent_zero, flags_zero;

	if (traceparent == NULL || strnlen(traceparent, LENGTH) < LENGTH)
		return false;
	if (traceparent[TRACE_AT - 1] != '-' || traceparent[PARENT_AT - 1] != '-' ||
	    traceparent[FLAGS_AT - 1] != '-')
		return false;
	if (!request_trace_hex(traceparent, 2, &version_zero) ||
	    !request_trace_hex(traceparent + TRACE_AT, TRACE_ID_TEXT, &trace_zero) ||
	    !request_trace_hex(traceparent + PARENT_AT, 16, &parent_zero) ||
	    !request_trace_hex(traceparent + FLAGS_AT, 2, &flags_zero))
		return false;
	if (trace_zero || parent_zero || memcmp(traceparent, "ff", 2) == 0)
		return false;
	if (traceparent[LENGTH] != '\0' && (version_zero || traceparent[LENGTH] != '-'))
		return false;
	memcpy(text, traceparent + TRACE_AT, TRACE_ID_TEXT);
	text[TRACE_ID_TEXT] = '\0';
	return true;
}
