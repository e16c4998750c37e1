/*
 * The happy path: a head, whole in one read, then a body of a known length, most often in the same
 * read. The other ways: 1xx before the answer; chunks; a body until the end of the connection; and
 * what is refused: lines that are no headers, two lengths, sizes above the limits, bytes after the
 * answer.
 */
#include "bench/target/http_answer.h"

#include "core/base/hex.h"

#include <string.h>
#include <strings.h>
#include <sys/types.h>

void http_answer_begin(struct http_answer *answer, bool keep_body)
{
	answer->status = 0;
	answer->keep = true;
	answer->replayed = false;
	answer->version = 0;
	answer->has_id = false;
	answer->queue_ns = answer->db_ns = answer->total_ns = -1;
	buf_reset(&answer->body);
	answer->phase = HTTP_PHASE_HEAD;
	answer->keep_body = keep_body;
	answer->chunked = answer->has_length = false;
	answer->left = answer->body_len = 0;
	answer->len = answer->scanned = 0;
	answer->why = "a head or a line of more than 16 KiB"; /* unless something else is wrong */
}

void http_answer_free(struct http_answer *answer)
{
	buf_free(&answer->body);
}

char *http_answer_room(struct http_answer *answer, size_t *room)
{
	*room = sizeof(answer->data) - answer->len;
	return answer->data + answer->len;
}

/* False, for the caller to return. */
static bool answer_refuse(struct http_answer *answer, const char *why)
{
	answer->why = why;
	return false;
}

/* True when the whole text is a number of at most max. */
static bool answer_number(const char *text, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t number = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	*value = number;
	return number <= max;
}

/* Converts "0.51", milliseconds, to nanoseconds; -1: not such a number, or below 0. */
static int64_t answer_ms(const char *text, const char *end)
{
	int64_t ns = 0, unit = 1000000;
	bool any = false;

	for (; text < end && *text >= '0' && *text <= '9' && ns < INT64_MAX / 100; text++) {
		ns = ns * 10 + (*text - '0') * INT64_C(1000000);
		any = true;
	}
	if (text < end && *text == '.')
		for (text++; text < end && *text >= '0' && *text <= '9'; text++) {
			unit /= 10;
			ns += (*text - '0') * unit;
		}
	while (text < end && (*text == ' ' || *text == '\t'))
		text++;
	return any && (text == end || *text == ';') ? ns : -1;
}

/* queue;dur=0.02, db;dur=0.51, total;dur=0.60 */
static void answer_timing(struct http_answer *answer, const char *at, const char *end)
{
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma != NULL ? comma : end, *dur;
		int64_t *to = NULL;

		while (at < stop && (*at == ' ' || *at == '\t'))
			at++;
		dur = memmem(at, (size_t)(stop - at), ";dur=", 5);
		if (dur != NULL) {
			if (dur - at == 5 && memcmp(at, "queue", 5) == 0)
				to = &answer->queue_ns;
			else if (dur - at == 2 && memcmp(at, "db", 2) == 0)
				to = &answer->db_ns;
			else if (dur - at == 5 && memcmp(at, "total", 5) == 0)
				to = &answer->total_ns;
		}
		if (stop - at == 14 && memcmp(at, "cache;desc=hit", 14) == 0)
			answer->cached = true;
		if (to != NULL)
			*to = answer_ms(dur + 5, stop);
		at = stop + 1;
	}
}

static void answer_location(struct http_answer *answer, const char *value, size_t len)
{
	answer->has_id = len > CART_ID_TEXT && value[len - CART_ID_TEXT - 1] == '/' &&
			 cart_id_parse(&answer->id, value + len - CART_ID_TEXT, CART_ID_TEXT);
}

static void answer_tag(struct http_answer *answer, const char *value, size_t len)
{
	uint64_t version;

	if (len > 2 && value[0] == '"' && value[len - 1] == '"' &&
	    answer_number(value + 1, len - 2, INT64_MAX, &version))
		answer->version = (int64_t)version;
}

static bool answer_length(struct http_answer *answer, const char *value, size_t len)
{
	uint64_t length;

	if (!answer_number(value, len, HTTP_ANSWER_BODY_MAX, &length) ||
	    (answer->has_length && length != answer->left))
		return answer_refuse(answer, "a Content-Length that is no number, above 16 MiB, or "
					     "not the only one");
	answer->has_length = true;
	answer->left = length;
	return true;
}

/* The length distinguishes most headers, so that few names are compared. False: refused. */
static bool answer_header(struct http_answer *answer, const char *name, size_t name_len,
			  const char *value, size_t len)
{
#define ANSWER_IS(name_) (strncasecmp(name, name_, sizeof(name_) - 1) == 0)
	switch (name_len) {
	case 4:
		if (ANSWER_IS("ETag"))
			answer_tag(answer, value, len);
		break;
	case 8:
		if (ANSWER_IS("Location"))
			answer_location(answer, value, len);
		break;
	case 10:
		if (ANSWER_IS("Connection"))
			answer->keep = answer->keep && (len != 5 || strncasecmp(value, "close", 5));
		break;
	case 13:
		if (ANSWER_IS("Server-Timing"))
			answer_timing(answer, value, value + len);
		break;
	case 14:
		return !ANSWER_IS("Content-Length") || answer_length(answer, value, len);
	case 17:
		if (!ANSWER_IS("Transfer-Encoding"))
			break;
		answer->chunked = len == 7 && strncasecmp(value, "chunked", 7) == 0;
		return answer->chunked ||
		       answer_refuse(answer, "a Transfer-Encoding other than chunked");
	case 20:
		if (ANSWER_IS("Idempotency-Replayed"))
			answer->replayed = len == 4 && strncasecmp(value, "true", 4) == 0;
		break;
	default:
		break;
	}
#undef ANSWER_IS
	return true;
}

static bool answer_header_line(struct http_answer *answer, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line)), *value;

	if (colon == NULL || colon == line || *line == ' ' || *line == '\t')
		return answer_refuse(answer, "a header without a name and a colon");
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return answer_header(answer, line, (size_t)(colon - line), value, (size_t)(end - value));
}

/* HTTP/1.1 200 OK */
static bool answer_status_line(struct http_answer *answer, const char *line, size_t len)
{
	uint64_t status;

	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
	    line[8] != ' ' || !answer_number(line + 9, 3, 599, &status) || status < 100 ||
	    (len > 12 && line[12] != ' '))
		return answer_refuse(answer, "no status line of HTTP/1");
	answer->status = (int)status;
	answer->keep = line[7] == '1';
	return true;
}

/* Decides by the head how the body is framed. */
static bool answer_begin_body(struct http_answer *answer)
{
	answer->keep_body = answer->keep_body || answer->status >= 400;
	if (answer->chunked && answer->has_length) /* RFC 9112, 6.3: it can be read in two ways */
		return answer_refuse(answer, "a Content-Length beside a Transfer-Encoding");
	if (answer->status == 204 || answer->status == 304) {
		answer->phase = HTTP_PHASE_DONE;
	} else if (answer->chunked) {
		answer->phase = HTTP_PHASE_CHUNK_SIZE;
	} else if (answer->has_length) {
		answer->phase = answer->left > 0 ? HTTP_PHASE_LENGTH : HTTP_PHASE_DONE;
		if (answer->keep_body)
			buf_reserve(&answer->body, answer->left + 1);
	} else {
		answer->phase = HTTP_PHASE_CLOSE;
		answer->keep = false;
	}
	return true;
}

/* Takes the head if it is whole. Returns what was used; 0: more is needed; -1: broken. */
static ssize_t answer_take_head(struct http_answer *answer, const char *data, size_t len)
{
	size_t from = answer->scanned > 3 ? answer->scanned - 3 : 0;
	const char *end = memmem(data + from, len - from, "\r\n\r\n", 4), *line = data, *stop;

	if (end == NULL) {
		answer->scanned = len;
		return len < sizeof(answer->data) ? 0 : -1;
	}
	stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
	if (!answer_status_line(answer, line, (size_t)(stop - line)))
		return -1;
	for (line = stop + 2; line < end + 2; line = stop + 2) {
		stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		if (!answer_header_line(answer, line, stop))
			return -1;
	}
	answer->scanned = 0;
	if (answer->status >= 200) {
		if (!answer_begin_body(answer))
			return -1;
	} else if (answer->status == 101 || answer->chunked || answer->has_length) {
		answer_refuse(answer, "an interim answer that is none");
		return -1;
	}
	return end + 4 - data;
}

static bool answer_keep(struct http_answer *answer, const char *data, size_t len)
{
	answer->body_len += len;
	if (answer->body_len > HTTP_ANSWER_BODY_MAX)
		return answer_refuse(answer, "a body of more than 16 MiB");
	if (answer->keep_body)
		buf_add(&answer->body, data, len);
	return !answer->body.failed || answer_refuse(answer, "no memory for its body");
}

/* Up to left bytes of a body or a chunk. */
static ssize_t answer_take_part(struct http_answer *answer, const char *data, size_t len,
				enum http_answer_phase next)
{
	size_t part = len < answer->left ? len : (size_t)answer->left;

	if (!answer_keep(answer, data, part))
		return -1;
	answer->left -= part;
	if (answer->left == 0)
		answer->phase = next;
	return (ssize_t)part;
}

static bool answer_chunk_size(struct http_answer *answer, const char *line, size_t len)
{
	size_t digits = 0;

	answer->left = 0;
	while (digits < len && digits < 8 && hex_digit(line[digits]) >= 0)
		answer->left = answer->left * 16 + (uint64_t)hex_digit(line[digits++]);
	if (digits == 0 || (digits < len && line[digits] != ';' && line[digits] != ' ') ||
	    answer->left > HTTP_ANSWER_BODY_MAX)
		return answer_refuse(answer, "a chunk whose size is no number or above 16 MiB");
	answer->phase = answer->left > 0 ? HTTP_PHASE_CHUNK : HTTP_PHASE_TRAILER;
	return true;
}

/* Takes a line of the chunked coding if it is whole. Returns the same. */
static ssize_t answer_take_line(struct http_answer *answer, const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n", 2);
	size_t line;

	if (end == NULL)
		return len < sizeof(answer->data) ? 0 : -1;
	line = (size_t)(end - data);
	if (answer->phase == HTTP_PHASE_CHUNK_SIZE) {
		if (!answer_chunk_size(answer, data, line))
			return -1;
	} else if (answer->phase == HTTP_PHASE_CHUNK_END) {
		if (line > 0) {
			answer_refuse(answer, "bytes after a chunk");
			return -1;
		}
		answer->phase = HTTP_PHASE_CHUNK_SIZE;
	} else if (line == 0) {
		answer->phase = HTTP_PHASE_DONE;
	}
	return (ssize_t)line + 2;
}

static ssize_t answer_take_some(struct http_answer *answer, const char *data, size_t len)
{
	switch (answer->phase) {
	case HTTP_PHASE_HEAD:
		return answer_take_head(answer, data, len);
	case HTTP_PHASE_LENGTH:
		return answer_take_part(answer, data, len, HTTP_PHASE_DONE);
	case HTTP_PHASE_CHUNK:
		return answer_take_part(answer, data, len, HTTP_PHASE_CHUNK_END);
	case HTTP_PHASE_CLOSE:
		return answer_keep(answer, data, len) ? (ssize_t)len : -1;
	case HTTP_PHASE_CHUNK_SIZE:
	case HTTP_PHASE_CHUNK_END:
	case HTTP_PHASE_TRAILER:
		return answer_take_line(answer, data, len);
	case HTTP_PHASE_DONE:
		break;
	}
	answer_refuse(answer, "bytes after the answer");
	return -1;
}

enum http_answer_state http_answer_take(struct http_answer *answer, size_t len)
{
	size_t at = 0;

	answer->len += len;
	while (at < answer->len) {
		ssize_t used = answer_take_some(answer, answer->data + at, answer->len - at);

		if (used < 0)
			return HTTP_ANSWER_BROKEN;
		if (used == 0)
			break;
		at += (size_t)used;
	}
	answer->len -= at;
	if (at > 0 && answer->len > 0)
		memmove(answer->data, answer->data + at, answer->len);
	if (answer->len == sizeof(answer->data))
		return HTTP_ANSWER_BROKEN;
	return answer->phase == HTTP_PHASE_DONE ? HTTP_ANSWER_WHOLE : HTTP_ANSWER_MORE;
}

enum http_answer_state http_answer_end(struct http_answer *answer)
{
	if (answer->phase != HTTP_PHASE_CLOSE)
		return HTTP_ANSWER_BROKEN;
	answer->phase = HTTP_PHASE_DONE;
	return HTTP_ANSWER_WHOLE;
}
