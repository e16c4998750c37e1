#include "server/api/request_id.h"

#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

void request_ids_seed(struct request_ids *ids)
{
	struct timespec now;

	ids->count = 0;
	if (getrandom(&ids->seed, sizeof(ids->seed), 0) == (ssize_t)sizeof(ids->seed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	ids->seed = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)ids;
}

void request_id_make(struct request_ids *ids, char text[REQUEST_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	/* splitmix64: a bijection of the counter, so a loop never repeats itself. */
	uint64_t z = ids->seed + ++ids->count * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	for (int i = 0; i < 16; i++)
		text[i] = digits[z >> (60 - 4 * i) & 15];
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
