#include "server/http/text.h"

#include "core/base/hex.h"

#include <string.h>

bool text_integer(const char *text, size_t len, int64_t min, int64_t max, int64_t *value)
{
	int64_t number = 0;

	if (len < 1 || len > 18 || (text[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (text[i] - '0');
	}
	if (number < min || number > max)
		return false;
	*value = number;
	return true;
}

char *text_put_integer(char *to, int64_t value)
{
	char digits[TEXT_INTEGER];
	size_t at = sizeof(digits);
	uint64_t rest = (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + sizeof(digits) - at;
}

char *text_put_ms(char *to, int64_t ns)
{
	int64_t hundredths = ns > 0 ? (ns + 5000) / 10000 : 0;

	to = text_put_integer(to, hundredths / 100);
	*to++ = '.';
	*to++ = (char)('0' + hundredths / 10 % 10);
	*to++ = (char)('0' + hundredths % 10);
	return to;
}

enum text_decoded text_percent_decode(char *out, size_t room, size_t *out_len, const char *text,
				      size_t len)
{
	size_t n = 0;

	/* An empty text needs room for its NUL too. */
	if (room == 0)
		return TEXT_TOO_LONG;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
			int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return TEXT_BAD_ESCAPE;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (n + 1 >= room)
			return TEXT_TOO_LONG;
		out[n++] = c;
	}
	out[n] = '\0';
	*out_len = n;
	return TEXT_DECODED;
}

const char *text_quote(char out[TEXT_QUOTED], const char *text, size_t len)
{
	size_t shown = len > 48 ? 45 : len;
	char *to = out;

	*to++ = '\'';
	for (size_t i = 0; i < shown; i++)
		*to++ = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	if (shown < len) {
		memcpy(to, "...", 3);
		to += 3;
	}
	*to++ = '\'';
	*to = '\0';
	return out;
}
