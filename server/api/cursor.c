/*
 * A cursor is 33 bytes in base64url without padding (RFC 4648): a version, after_ms, after_id, and
 * the first 8 bytes of SHA-256 over these and the query.
 */
#include "server/api/cursor.h"

#include <openssl/evp.h>
#include <string.h>

enum {
	CURSOR_VERSION = 1,
	CURSOR_TIME_AT = 1,
	CURSOR_ID_AT = 9,
	CURSOR_CHECK_AT = 25,
	CURSOR_CHECK_BYTES = 8,
	CURSOR_BYTES = 33
};
_Static_assert(CURSOR_BYTES % 3 == 0 && CURSOR_BYTES / 3 * 4 == CURSOR_TEXT,
	       "base64url without padding or spare bits: one text for one cursor");

static const char cursor_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void cursor_put(uint8_t to[8], int64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

static int64_t cursor_take(const uint8_t from[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return (int64_t)value;
}

/* The check of the first CURSOR_CHECK_AT bytes under a query. */
static bool cursor_check(const uint8_t *bytes, const struct cart_list *list,
			 uint8_t check[CURSOR_CHECK_BYTES])
{
	uint8_t all[CURSOR_CHECK_AT + 2 + SHOP_ID_MAX];
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t size = CURSOR_CHECK_AT + 2;
	bool idle = list->kind == CART_LIST_IDLE;

	memcpy(all, bytes, CURSOR_CHECK_AT);
	all[CURSOR_CHECK_AT] = (uint8_t)list->kind;
	all[CURSOR_CHECK_AT + 1] = idle ? 0 : (uint8_t)list->state;
	if (idle) {
		cursor_put(all + size, list->idle_before_ms);
		size += sizeof(list->idle_before_ms);
	} else {
		memcpy(all + size, list->customer_id.text, list->customer_id.size);
		size += list->customer_id.size;
	}
	if (EVP_Digest(all, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(check, digest, CURSOR_CHECK_BYTES);
	return true;
}

bool cursor_format(const struct cart_list *list, char text[CURSOR_TEXT + 1])
{
	uint8_t bytes[CURSOR_BYTES];

	bytes[0] = CURSOR_VERSION;
	cursor_put(bytes + CURSOR_TIME_AT, list->after_ms);
	memcpy(bytes + CURSOR_ID_AT, list->after_id.bytes, CART_ID_BYTES);
	if (!cursor_check(bytes, list, bytes + CURSOR_CHECK_AT))
		return false;
	for (size_t i = 0; i < CURSOR_BYTES; i += 3) {
		unsigned group =
			(unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

		for (int digit = 0; digit < 4; digit++)
			*text++ = cursor_digits[group >> (18 - 6 * digit) & 63];
	}
	*text = '\0';
	return true;
}

static bool cursor_decode(const char *text, uint8_t bytes[CURSOR_BYTES])
{
	for (size_t i = 0; i < CURSOR_BYTES; i += 3) {
		unsigned group = 0;

		for (int digit = 0; digit < 4; digit++) {
			const char *at = memchr(cursor_digits, *text++, 64);

			if (at == NULL)
				return false;
			group = group << 6 | (unsigned)(at - cursor_digits);
		}
		bytes[i] = (uint8_t)(group >> 16);
		bytes[i + 1] = (uint8_t)(group >> 8);
		bytes[i + 2] = (uint8_t)group;
	}
	return true;
}

bool cursor_parse(struct cart_list *list, const char *text, size_t len)
{
	uint8_t bytes[CURSOR_BYTES];
	uint8_t check[CURSOR_CHECK_BYTES];

	if (len != CURSOR_TEXT || !cursor_decode(text, bytes) || bytes[0] != CURSOR_VERSION ||
	    !cursor_check(bytes, list, check) ||
	    memcmp(check, bytes + CURSOR_CHECK_AT, sizeof(check)) != 0)
		return false;
	list->has_after = true;
	list->after_ms = cursor_take(bytes + CURSOR_TIME_AT);
	memcpy(list->after_id.bytes, bytes + CURSOR_ID_AT, CART_ID_BYTES);
	return true;
}
