#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CART_COLD bool buf_grow(struct buf *buf, size_t len)
{
	size_t room = buf->room > 0 ? buf->room : 256;
	char *data;

	if (len > SIZE_MAX / 4 - buf->len) {
		buf->failed = true;
		return false;
	}
	while (room - buf->len < len)
		room *= 2;
	data = realloc(buf->data, room);
	if (data == NULL) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->room = room;
	return true;
}

bool buf_reserve(struct buf *buf, size_t len)
{
	if (buf->failed)
		return false;
	return len <= buf->room - buf->len || buf_grow(buf, len);
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
	if (len == 0 || !buf_reserve(buf, len))
		return;
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

void buf_add_string(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
	if (buf_reserve(buf, 1))
		buf->data[buf->len++] = c;
}

void buf_add_integer(struct buf *buf, int64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		digits[--at] = '-';
	buf_add(buf, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* One byte more: vsnprintf ends with a NUL, which is not counted. */
	if (len < 0 || !buf_reserve(buf, (size_t)len + 1)) {
		buf->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}

void buf_add_json_string(struct buf *buf, const char *text)
{
	buf_add_char(buf, '"');
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\') {
			buf_add_char(buf, '\\');
			buf_add_char(buf, *c);
		} else if ((unsigned char)*c < 0x20) {
			buf_printf(buf, "\\u%04x", (unsigned)*c);
		} else {
			buf_add_char(buf, *c);
		}
	}
	buf_add_char(buf, '"');
}

const char *buf_string(struct buf *buf)
{
	if (!buf_reserve(buf, 1))
		return "";
	buf->data[buf->len] = '\0';
	return buf->data;
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}
