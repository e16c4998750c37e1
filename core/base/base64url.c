#include "core/base/base64url.h"

static const char base64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_encode(char *to, const uint8_t *bytes, size_t size)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | bytes[i];
		for (have += 8; have >= 6; have -= 6)
			*to++ = base64url_digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*to++ = base64url_digits[bits << (6 - have) & 63];
	*to = '\0';
	return to;
}

static int base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(uint8_t *to, size_t *size, const char *text, size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	uint8_t *at = to;

	if (len % 4 == 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		int digit = base64url_digit(text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*at++ = (uint8_t)(bits >> have);
		}
	}
	*size = (size_t)(at - to);
	return (bits & ((1u << have) - 1)) == 0;
}
