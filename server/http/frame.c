#include "server/http/frame.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Of a chunk-size line without its extensions: 8 hex digits are 4 GiB, CR, LF. */
#define FRAME_CHUNK_LINE_MAX 10
/* Empty lines before a request line, in bytes: RFC 9112, 2.2 asks for at least one. */
#define FRAME_EMPTY_LINES_MAX 8
/* 18 digits cannot overflow; no body is that long. */
#define FRAME_LENGTH_DIGITS 18

void frame_reset(struct frame *frame)
{
	struct buf line = frame->line, origin = frame->origin;

	buf_reset(&line);
	buf_reset(&origin);
	*frame = (struct frame){.line = line, .origin = origin};
}

void frame_free(struct frame *frame)
{
	buf_free(&frame->line);
	buf_free(&frame->origin);
}

void frame_fail(struct frame *frame, int status, const char *detail)
{
	frame->state = FRAME_BAD;
	frame->status = status;
	frame->detail = detail;
}

/* What a byte may be part of. */
enum {
	IN_TOKEN = 1,  /* RFC 9110, 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
	IN_VALUE = 2,  /* of a header: no control characters but TAB */
	IN_TARGET = 4, /* of the request: visible ASCII without # */
};

/* 0: nothing. 2: value; 3: token and value; 6: value and target; 7: all three. */
static const unsigned char frame_classes[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, /* 0x00 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
	2, 7, 6, 3, 7, 7, 7, 7, 6, 6, 7, 7, 6, 7, 7, 6, /* 0x20 */
	7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, /* 0x30 */
	6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* 0x40 */
	7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 7, 7, /* 0x50 */
	7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, /* 0x60 */
	7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 7, 6, 7, 0, /* 0x70 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0x80 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0x90 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xa0 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xb0 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xc0 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xd0 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xe0 */
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xf0 */
	/* clang-format on */
};

static bool frame_is_in(char c, unsigned int class)
{
	return (frame_classes[(unsigned char)c] & class) != 0;
}

static bool frame_are_in(const char *text, const char *end, unsigned int class)
{
	while (text < end && frame_is_in(*text, class))
		text++;
	return text == end;
}

static bool frame_is_token(const char *text, size_t len)
{
	return len > 0 && frame_are_in(text, text + len, IN_TOKEN);
}

/* Optional white space of RFC 9110, 5.6.3. */
static bool frame_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool frame_is(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(text, name, len) == 0;
}

static void frame_set_method(struct frame *frame, const char *name, size_t len)
{
	static const char *const names[HTTP_OTHER] = {
		[HTTP_GET] = "GET",	[HTTP_HEAD] = "HEAD",	  [HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",	[HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
		[HTTP_PATCH] = "PATCH", [HTTP_TRACE] = "TRACE",	  [HTTP_CONNECT] = "CONNECT",
	};

	frame->method = HTTP_GET;
	while (frame->method < HTTP_OTHER && (strlen(names[frame->method]) != len ||
					      memcmp(names[frame->method], name, len) != 0))
		frame->method++;
	memcpy(frame->method_name, name, len);
	frame->method_name[len] = '\0';
}

/* host[:port], as evhttp can read it too; brackets only around what looks like IPv6. */
static bool frame_is_authority(const char *text, size_t len)
{
	const char *end = text + len;

	if (len > 0 && *text == '[') {
		text++;
		while (text < end && (*text == ':' || *text == '.' ||
				      (*text != '\0' && strchr("0123456789abcdefABCDEF", *text))))
			text++;
		if (text == end || *text++ != ']')
			return false;
	} else {
		while (text < end && *text != ':') {
			if (!frame_is_in(*text, IN_TOKEN))
				return false;
			text++;
		}
	}
	if (text == end)
		return true;
	if (*text++ != ':')
		return false;
	while (text < end && *text >= '0' && *text <= '9')
		text++;
	return text == end;
}

/* Where a host ends that evhttp can parse: it is pickier than RFC 3986. text: there is none. */
static const char *frame_plain_host_end(const char *text, const char *end)
{
	const char *c = text;

	if (c < end && *c == '[') {
		const char *close = memchr(c, ']', (size_t)(end - c));
		char address[INET6_ADDRSTRLEN];
		struct in6_addr unused;

		if (close == NULL || close - c > INET6_ADDRSTRLEN)
			return text;
		memcpy(address, c + 1, (size_t)(close - c) - 1);
		address[close - c - 1] = '\0';
		return inet_pton(AF_INET6, address, &unused) == 1 ? close + 1 : text;
	}
	while (c < end && frame_is_in(*c, IN_TOKEN) && strchr("!#$%&'*+^`|~", *c) == NULL)
		c++;
	return c;
}

static bool frame_is_plain_authority(const char *text, size_t len)
{
	const char *end = text + len;
	const char *colon = frame_plain_host_end(text, end);
	long port = 0;

	if (colon < end && *colon != ':')
		return false;
	for (const char *c = colon + 1; c < end; c++) {
		if (*c < '0' || *c > '9' || port > 65535)
			return false;
		port = port * 10 + (*c - '0');
	}
	return colon > text && port <= 65535;
}

static bool frame_check_absolute(struct frame *frame, const struct frame_limits *limits,
				 const char *target, size_t len)
{
	const char *authority, *end;

	if (len > 7 && strncasecmp(target, "http://", 7) == 0)
		authority = target + 7;
	else if (len > 8 && strncasecmp(target, "https://", 8) == 0)
		authority = target + 8;
	else
		return false;
	end = authority;
	while (end < target + len && *end != '/' && *end != '?')
		end++;
	frame->absolute = true;
	if (!frame_is_plain_authority(authority, (size_t)(end - authority)))
		return false;
	if (authority == target + 8 && !limits->https)
		frame_fail(frame, 421, "a target with https:// is for a connection over TLS");
	return true;
}

static bool frame_check_target(struct frame *frame, const struct frame_limits *limits,
			       const char *target, size_t len)
{
	if (!frame_are_in(target, target + len, IN_TARGET))
		return false;
	if (len == 1 && *target == '*')
		return frame->method == HTTP_OPTIONS;
	/* It asks for a tunnel; evhttp takes whatever stands there for an authority, and a path is
	 * lost. */
	if (frame->method == HTTP_CONNECT)
		return false;
	/* evhttp takes what follows "//" for a host. */
	if (len > 0 && *target == '/')
		return len < 2 || target[1] != '/';
	return frame_check_absolute(frame, limits, target, len);
}

static void frame_check_version(struct frame *frame, const char *version, size_t len)
{
	if (len != 8 || memcmp(version, "HTTP/", 5) != 0 || version[5] < '0' || version[5] > '9' ||
	    version[6] != '.' || version[7] < '0' || version[7] > '9')
		frame_fail(frame, 400, "the request line does not end in HTTP/1.1");
	/* A higher minor version is read as 1.1 (RFC 9110, 2.5). */
	else if (version[5] != '1')
		frame_fail(frame, 505, "only HTTP/1.1 and HTTP/1.0 are supported");
	else
		frame->http_1_0 = version[7] == '0';
}

/* method SP target SP version, and not one space more (RFC 9112, 3). */
static void frame_request_line(struct frame *frame, const struct frame_limits *limits,
			       const char *line, size_t len)
{
	const char *end = line + len;
	const char *target = memchr(line, ' ', len);
	const char *version =
		target == NULL ? NULL : memchr(target + 1, ' ', (size_t)(end - target) - 1);

	if (version == NULL || memchr(version + 1, ' ', (size_t)(end - version) - 1) != NULL) {
		frame_fail(frame, 400, "the request line is not METHOD PATH HTTP/1.1");
		return;
	}
	size_t method_len = (size_t)(target - line);

	if (!frame_is_token(line, method_len)) {
		frame_fail(frame, 400, "the method is not a name");
		return;
	}
	/* evhttp takes no line that is shorter than "GET / HTTP/1.0". */
	if (method_len < FRAME_METHOD_MIN || method_len > FRAME_METHOD_MAX) {
		frame_fail(frame, 501, "no such method");
		return;
	}
	frame_set_method(frame, line, method_len);
	frame->state = FRAME_HEADERS;
	frame_check_version(frame, version + 1, (size_t)(end - version) - 1);
	if (frame->state == FRAME_BAD)
		return;
	target++;
	if (!frame_check_target(frame, limits, target, (size_t)(version - target)))
		frame_fail(frame, 400, "the request target is not a path");
}

static void frame_content_length(struct frame *frame, const char *value, size_t len)
{
	uint64_t length = 0;

	if (frame->length_count++ > 0 || len == 0) {
		frame_fail(frame, 400, "Content-Length has to be there once");
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9') {
			frame_fail(frame, 400, "Content-Length is not a number");
			return;
		}
		if (i < FRAME_LENGTH_DIGITS)
			length = length * 10 + (uint64_t)(value[i] - '0');
	}
	frame->content_length = len > FRAME_LENGTH_DIGITS ? UINT64_MAX : length;
}

/* Whether a list has the word, between commas or blanks. */
static bool frame_lists(const char *list, size_t len, const char *word)
{
	const char *end = list + len;

	while (list < end) {
		size_t part;

		while (list < end && (*list == ',' || frame_is_blank(*list)))
			list++;
		for (part = 0;
		     list + part < end && list[part] != ',' && !frame_is_blank(list[part]);)
			part++;
		if (frame_is(list, part, word))
			return true;
		list += part;
	}
	return false;
}

/* RFC 9112, 6.1 and 6.3: several lines are one list. chunked has to be its last, or nobody knows
 * where the body ends; other codings before it are not implemented. */
static void frame_transfer_encoding(struct frame *frame, const char *value, size_t len)
{
	const char *comma = memrchr(value, ',', len), *end = value + len;
	const char *last = comma == NULL ? value : comma + 1;
	size_t before = (size_t)(last - value);

	while (last < end && frame_is_blank(*last))
		last++;
	if (frame->chunked || frame_lists(value, before, "chunked"))
		frame_fail(frame, 400, "chunked has to be the last transfer coding, and once");
	else if (!frame_is(last, (size_t)(end - last), "chunked"))
		frame->encoding_count++; /* perhaps chunked comes with another line */
	else if (frame->encoding_count++ > 0 || comma != NULL)
		frame_fail(frame, 501, "no transfer coding but chunked is implemented");
	else
		frame->chunked = true;
}

static void frame_host(struct frame *frame, const char *value, size_t len)
{
	if (frame->host_count++ > 0)
		frame_fail(frame, 400, "Host is there twice");
	else if (!frame_is_authority(value, len))
		frame_fail(frame, 400, "Host is not a name and a port");
	frame->host_is_empty = len == 0 || *value == ':';
}

/* A list: close wins over keep-alive, whatever their order. */
static void frame_connection(struct frame *frame, const char *value, size_t len)
{
	frame->close = frame->close || frame_lists(value, len, "close");
	frame->keep_alive = frame->keep_alive || frame_lists(value, len, "keep-alive");
}

static void frame_expect(struct frame *frame, const char *value, size_t len)
{
	if (frame->expect_count++ > 0 || !frame_is(value, len, "100-continue"))
		frame_fail(frame, 417, "Expect can only be 100-continue");
}

static void frame_request_id(struct frame *frame, const char *value, size_t len)
{
	bool fits = frame->id_count++ == 0 && len <= REQUEST_ID_MAX;

	if (fits)
		memcpy(frame->request_id, value, len);
	frame->request_id[fits ? len : 0] = '\0';
}

static void frame_origin(struct frame *frame, const char *value, size_t len)
{
	buf_reset(&frame->origin);
	if (frame->origin_count++ == 0)
		buf_add(&frame->origin, value, len);
}

/* The headers that decide where the message ends and what becomes of its connection, and the one
 * that every answer carries. */
static void frame_known_header(struct frame *frame, const char *name, size_t name_len,
			       const char *value, size_t len)
{
#define KNOWN(name_, take_)                                                                        \
	{                                                                                          \
		name_, sizeof(name_) - 1, take_                                                    \
	}
	static const struct {
		const char *name;
		size_t len;
		void (*take)(struct frame *frame, const char *value, size_t len);
	} known[] = {
		KNOWN("Host", frame_host),
		KNOWN("Content-Length", frame_content_length),
		KNOWN("Connection", frame_connection),
		KNOWN("Transfer-Encoding", frame_transfer_encoding),
		KNOWN("Expect", frame_expect),
		KNOWN("X-Request-Id", frame_request_id),
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (name_len == known[i].len && strncasecmp(name, known[i].name, name_len) == 0) {
			known[i].take(frame, value, len);
			return;
		}
	}
}

/* Checks a header or a trailer. Returns its colon; NULL: it is refused. */
static const char *frame_check_field(struct frame *frame, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (*line == ' ' || *line == '\t') {
		frame_fail(frame, 400, "a header is folded over two lines");
		return NULL;
	}
	/* This finds the space of "Content-Length : 5" too, which proxies read differently. */
	if (colon == NULL || !frame_is_token(line, (size_t)(colon - line))) {
		frame_fail(frame, 400, "a header has no proper name");
		return NULL;
	}
	if (++frame->header_count > FRAME_HEADERS_MAX) {
		frame_fail(frame, 431, "too many headers");
		return NULL;
	}
	if (!frame_are_in(colon + 1, line + len, IN_VALUE)) {
		frame_fail(frame, 400, "a header holds a control character");
		return NULL;
	}
	return colon;
}

static void frame_header(struct frame *frame, const struct frame_limits *limits, const char *line,
			 size_t len)
{
	const char *colon = frame_check_field(frame, line, len);
	const char *value, *end = line + len;

	if (colon == NULL)
		return;
	for (value = colon + 1; value < end && frame_is_blank(*value);)
		value++;
	while (end > value && frame_is_blank(end[-1]))
		end--;
	frame_known_header(frame, line, (size_t)(colon - line), value, (size_t)(end - value));
	if (limits->keep_origin && frame_is(line, (size_t)(colon - line), "Origin"))
		frame_origin(frame, value, (size_t)(end - value));
}

/* evhttp reads no body with these: it would take one for the next request. */
static bool frame_body_is_ignored(const struct frame *frame)
{
	return frame->method == HTTP_HEAD || frame->method == HTTP_TRACE ||
	       frame->method == HTTP_OTHER;
}

static void frame_end_of_headers(struct frame *frame, const struct frame_limits *limits)
{
	if (frame->http_1_0 && !frame->keep_alive)
		frame->close = true;
	if (frame->host_count == 0 && !frame->http_1_0)
		frame_fail(frame, 400, "Host is missing");
	/* No http URI has an empty host (RFC 9110, 4.2.1). The host of an absolute target counts
	 * instead of the header's. */
	else if (frame->host_is_empty && !frame->absolute && !frame->http_1_0)
		frame_fail(frame, 400, "Host is empty");
	else if (frame->encoding_count > 0 && frame->length_count > 0)
		frame_fail(frame, 400, "Transfer-Encoding and Content-Length exclude each other");
	else if (frame->encoding_count > 0 && !frame->chunked)
		frame_fail(frame, 400, "the last transfer coding has to be chunked");
	else if (frame->encoding_count > 0 && frame->http_1_0)
		frame_fail(frame, 400, "HTTP/1.0 has no Transfer-Encoding");
	else if ((frame->encoding_count > 0 || frame->content_length > 0) &&
		 frame_body_is_ignored(frame))
		frame_fail(frame, 400, "this method takes no body");
	else if (frame->content_length > limits->body_max)
		frame_fail(frame, 413, "the body is too long");
	else if (frame->encoding_count > 0)
		frame->state = FRAME_CHUNK_SIZE;
	else if (frame->content_length > 0)
		frame->state = FRAME_BODY;
	else
		frame->state = FRAME_WHOLE;
	frame->left = frame->content_length;
}

static void frame_chunk_size(struct frame *frame, const struct frame_limits *limits,
			     const char *line, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const char *extension = memchr(line, ';', len);
	uint64_t size = 0;

	/* Extensions are ignored (RFC 9112, 7.1.1), but not what could end a line elsewhere. */
	if (extension != NULL && !frame_are_in(extension, line + len, IN_VALUE)) {
		frame_fail(frame, 400, "a chunk extension holds a control character");
		return;
	}
	if (extension != NULL)
		for (len = (size_t)(extension - line); len > 0 && frame_is_blank(line[len - 1]);)
			len--;
	for (size_t i = 0; i < len; i++) {
		/* strtoll() would take a sign, a space and "0x" too. */
		const char *digit =
			line[i] == '\0' ? NULL : strchr(digits, tolower((unsigned char)line[i]));

		if (digit == NULL) {
			frame_fail(frame, 400, "a chunk size is not a hexadecimal number");
			return;
		}
		size = size * 16 + (uint64_t)(digit - digits);
	}
	if (len == 0)
		frame_fail(frame, 400, "a chunk size is missing");
	else if (size > limits->body_max - frame->body_len)
		frame_fail(frame, 413, "the body is too long");
	else
		frame->state = size == 0 ? FRAME_TRAILERS : FRAME_CHUNK_DATA;
	frame->left = size;
	frame->body_len += (size_t)size;
}

/* One line, without its CR LF. */
static void frame_line(struct frame *frame, const struct frame_limits *limits, const char *line,
		       size_t len)
{
	switch (frame->state) {
	case FRAME_REQUEST_LINE:
		frame_request_line(frame, limits, line, len);
		break;
	case FRAME_HEADERS:
		if (len > 0)
			frame_header(frame, limits, line, len);
		else
			frame_end_of_headers(frame, limits);
		break;
	case FRAME_CHUNK_SIZE:
		frame_chunk_size(frame, limits, line, len);
		break;
	case FRAME_CHUNK_END:
		frame->state = FRAME_CHUNK_SIZE;
		if (len > 0)
			frame_fail(frame, 400, "a chunk is longer than its size");
		break;
	default: /* TRAILERS: they are ignored */
		if (len > 0)
			(void)frame_check_field(frame, line, len);
		else
			frame->state = FRAME_WHOLE;
	}
}

/* Counts bytes of the head, which chunk extensions and trailers share. */
static bool frame_head_fits(struct frame *frame, const struct frame_limits *limits, size_t len)
{
	frame->head_len += len;
	if (frame->head_len <= limits->head_max)
		return true;
	if (frame->state == FRAME_REQUEST_LINE)
		frame_fail(frame, 414, "the request target is too long");
	else
		frame_fail(frame, 431, "the headers are too long");
	return false;
}

/* Counts the bytes of a line as they come, so that an endless one ends here. */
static bool frame_line_fits(struct frame *frame, const struct frame_limits *limits,
			    const char *bytes, size_t len)
{
	const char *extension = bytes;

	if (frame->state != FRAME_CHUNK_SIZE && frame->state != FRAME_CHUNK_END)
		return frame_head_fits(frame, limits, len);
	if (!frame->extended)
		extension = memchr(bytes, ';', len);
	frame->extended = extension != NULL;
	if (frame->extended)
		return frame_head_fits(frame, limits, len - (size_t)(extension - bytes));
	if (frame->line.len + len <= FRAME_CHUNK_LINE_MAX)
		return true;
	frame_fail(frame, 400, "a chunk size is not a hexadecimal number");
	return false;
}

/*
 * Makes bytes that have been checked such that evhttp understands them, without changing how many
 * they are. evhttp skips no TAB before a value, takes nothing but spaces behind a chunk size, and
 * takes trailers for headers. before: how much of the line came in earlier pieces.
 */
static void frame_rewrite(const struct frame *frame, enum frame_state state, size_t before,
			  char *bytes, size_t len)
{
	char mark = state == FRAME_CHUNK_SIZE ? ';' : ':';
	bool behind = false; /* the mark */
	bool value = false;  /* and what follows is more than white space */

	for (size_t i = 0; i < before; i++) {
		value = value || (behind && !frame_is_blank(frame->line.data[i]));
		behind = behind || frame->line.data[i] == mark;
	}
	for (char *c = bytes; c < bytes + len && *c != '\r' && *c != '\n'; c++) {
		bool is_mark = *c == mark && !behind;

		value = value || (behind && !frame_is_blank(*c));
		behind = behind || is_mark;
		if (state == FRAME_HEADERS)
			*c = *c == '\t' && !value ? ' ' : *c;
		else if (state == FRAME_CHUNK_SIZE)
			*c = *c == '\t' || behind ? ' ' : *c;
		else if (!is_mark)
			*c = behind ? ' ' : 'x';
	}
}

static bool frame_needs_rewriting(const struct frame *frame, enum frame_state state,
				  const char *bytes, size_t len)
{
	if (state == FRAME_TRAILERS || (state == FRAME_CHUNK_SIZE && frame->extended))
		return true;
	return (state == FRAME_HEADERS || state == FRAME_CHUNK_SIZE) &&
	       memchr(bytes, '\t', len) != NULL;
}

/* Takes one line or the start of one. Returns how many bytes it took. */
static size_t frame_take_line(struct frame *frame, const struct frame_limits *limits, char *bytes,
			      size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	size_t took = end == NULL ? len : (size_t)(end - bytes) + 1;
	size_t before = frame->line.len;
	enum frame_state state = frame->state;
	const char *line = bytes;
	size_t line_len = took;

	if (!frame_line_fits(frame, limits, bytes, took))
		return took;
	if (end == NULL || before > 0) {
		buf_add(&frame->line, bytes, took);
		if (frame->line.failed) {
			frame_fail(frame, 503, "no memory");
			return took;
		}
		line = frame->line.data;
		line_len = frame->line.len;
	}
	/* A CR that is not the line's end fails as a control character where it stands. */
	if (end != NULL && (line_len < 2 || line[line_len - 2] != '\r'))
		frame_fail(frame, 400, "a line does not end in CR LF");
	else if (end != NULL)
		frame_line(frame, limits, line, line_len - 2);
	if (frame_needs_rewriting(frame, state, bytes, took))
		frame_rewrite(frame, state, before, bytes, took);
	if (end != NULL) {
		frame->extended = false;
		buf_reset(&frame->line);
	}
	return took;
}

static size_t frame_take_data(struct frame *frame, size_t len)
{
	size_t took = frame->left < len ? (size_t)frame->left : len;

	frame->left -= took;
	if (frame->left == 0)
		frame->state = frame->state == FRAME_BODY ? FRAME_WHOLE : FRAME_CHUNK_END;
	return took;
}

/* Returns how many bytes of empty lines it took. */
static size_t frame_take_empty_lines(struct frame *frame, const char *bytes, size_t len)
{
	size_t at = 0;

	/* CR, LF, CR, LF … */
	while (at < len && frame->empty_lines < FRAME_EMPTY_LINES_MAX &&
	       bytes[at] == "\r\n"[frame->empty_lines % 2]) {
		at++;
		frame->empty_lines++;
	}
	/* TLS on this port would otherwise wait for the end of a line. */
	if (at < len && (frame->empty_lines % 2 != 0 || !frame_is_in(bytes[at], IN_TOKEN)))
		frame_fail(frame, 400, "this is not a request in HTTP");
	else if (at < len)
		frame->state = FRAME_REQUEST_LINE;
	return at;
}

size_t frame_feed(struct frame *frame, const struct frame_limits *limits, char *bytes, size_t len)
{
	size_t at = 0;

	if (frame->state == FRAME_EMPTY)
		at = frame_take_empty_lines(frame, bytes, len);
	while (at < len && frame->state != FRAME_WHOLE && frame->state != FRAME_BAD) {
		if (frame->state == FRAME_BODY || frame->state == FRAME_CHUNK_DATA)
			at += frame_take_data(frame, len - at);
		else
			at += frame_take_line(frame, limits, bytes + at, len - at);
	}
	return at;
}
