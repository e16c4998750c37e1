#include "backends/dynamodb/aws/sigv4_text.h"

#include "core/base/hex.h"

#include <string.h>

void sigv4_add(struct sigv4_text *text, const char *data, size_t len)
{
	if (text->failed || len >= text->room - text->len) {
		text->failed = true;
		return;
	}
	memcpy(text->data + text->len, data, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void sigv4_add_string(struct sigv4_text *text, const char *string)
{
	sigv4_add(text, string, strlen(string));
}

static bool text_is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void text_add_percent(struct sigv4_text *text, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char encoded[3] = {'%', digits[(unsigned char)c >> 4], digits[c & 15]};

	sigv4_add(text, encoded, sizeof(encoded));
}

void sigv4_add_encoded(struct sigv4_text *text, const char *data, size_t len, bool slash)
{
	for (size_t i = 0; i < len; i++) {
		if (text_is_unreserved(data[i]) || (slash && data[i] == '/'))
			sigv4_add(text, &data[i], 1);
		else
			text_add_percent(text, data[i]);
	}
}

void sigv4_add_query(struct sigv4_text *text, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '%' && len - i > 2 && hex_digit(data[i + 1]) >= 0 &&
		    hex_digit(data[i + 2]) >= 0) {
			text_add_percent(
				text, (char)(hex_digit(data[i + 1]) << 4 | hex_digit(data[i + 2])));
			i += 2;
		} else {
			sigv4_add_encoded(text, &data[i], 1, false);
		}
	}
}

/* Takes the last segment back, but for the path's first slash. */
static void text_pop_segment(struct sigv4_text *text, size_t start)
{
	if (text->failed)
		return;
	if (text->len > start + 1)
		text->len--;
	while (text->len > start + 1 && text->data[text->len - 1] != '/')
		text->len--;
	text->data[text->len] = '\0';
}

void sigv4_add_path(struct sigv4_text *text, const char *path, bool normalize)
{
	size_t start = text->len;

	if (!normalize) {
		sigv4_add_encoded(text, *path != '\0' ? path : "/",
				  *path != '\0' ? strlen(path) : 1, true);
		return;
	}
	sigv4_add(text, "/", 1);
	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0) {
			text_pop_segment(text, start);
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			sigv4_add_encoded(text, path, len, false);
			if (path[len] == '/')
				sigv4_add(text, "/", 1);
		}
		path += len + (path[len] == '/');
	}
}

static bool text_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void sigv4_add_value(struct sigv4_text *text, const char *value)
{
	while (text_is_space(*value))
		value++;
	while (*value != '\0') {
		size_t len = strcspn(value, " \t\r\n");

		sigv4_add(text, value, len);
		value += len;
		while (text_is_space(*value))
			value++;
		if (*value != '\0')
			sigv4_add(text, " ", 1);
	}
}

void sigv4_add_lower(struct sigv4_text *text, const char *name)
{
	for (; *name != '\0'; name++) {
		char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;

		sigv4_add(text, &c, 1);
	}
}

void sigv4_hex(const unsigned char *bytes, size_t len, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}
