#include "core/cart_id.h"

#include "core/base/hex.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static bool cart_id_random(uint8_t *bytes, size_t len)
{
	ssize_t got;

	/* Up to 256 bytes come whole once the kernel's generator is seeded; only a signal while
	 * waiting for that, at boot, cuts the call short. */
	do
		got = getrandom(bytes, len, 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)len;
}

bool cart_id_make(struct cart_id *id, enum cart_id_kind kind, int64_t wall_ms)
{
	if (!cart_id_random(id->bytes, sizeof(id->bytes)))
		return false;
	if (kind == CART_ID_V7) {
		uint64_t ms = (uint64_t)wall_ms;

		for (int i = 0; i < 6; i++)
			id->bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
	}
	id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | ((unsigned)kind << 4));
	id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | 0x80);
	return true;
}

static bool cart_id_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

bool cart_id_parse(struct cart_id *id, const char *text, size_t len)
{
	struct cart_id parsed;
	size_t n = 0;

	if (len != CART_ID_TEXT)
		return false;
	for (size_t i = 0; i < CART_ID_TEXT;) {
		if (cart_id_dash_at(i)) {
			if (text[i++] != '-')
				return false;
			continue;
		}
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		parsed.bytes[n++] = (uint8_t)(high << 4 | low);
		i += 2;
	}
	*id = parsed;
	return true;
}

void cart_id_format(const struct cart_id *id, char text[CART_ID_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < CART_ID_TEXT;) {
		if (cart_id_dash_at(i)) {
			text[i++] = '-';
			continue;
		}
		text[i++] = digits[id->bytes[n] >> 4];
		text[i++] = digits[id->bytes[n++] & 15];
	}
	text[CART_ID_TEXT] = '\0';
}

int cart_id_compare(const struct cart_id *a, const struct cart_id *b)
{
	return memcmp(a->bytes, b->bytes, CART_ID_BYTES);
}

bool cart_id_find(const struct cart_id *first, size_t size, size_t count, const struct cart_id *id,
		  size_t *at)
{
	const unsigned char *bytes = (const unsigned char *)first;
	size_t low = 0, high = count;
	bool found = false;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(bytes + middle * size, id->bytes, CART_ID_BYTES);

		found = found || order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return found;
}

bool cart_id_is_nil(const struct cart_id *id)
{
	static const struct cart_id nil;

	return memcmp(id->bytes, nil.bytes, CART_ID_BYTES) == 0;
}
