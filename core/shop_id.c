#include "core/shop_id.h"

#include <assert.h>
#include <string.h>

/* Decimal digits of SHOP_ID_NUMBER_MAX. */
#define SHOP_ID_DIGITS 16

struct shop_id shop_id_of_number(int64_t number)
{
	struct shop_id id = {0};
	char digits[SHOP_ID_DIGITS];
	size_t first = sizeof(digits);

	assert(number >= 1 && number <= SHOP_ID_NUMBER_MAX);
	for (; number > 0; number /= 10)
		digits[--first] = (char)('0' + number % 10);
	id.size = (uint8_t)(sizeof(digits) - first);
	memcpy(id.text, digits + first, id.size);
	return id;
}

/* 0: not the decimal of an integer that is an id. */
static int64_t shop_id_read(const char *text, size_t size)
{
	int64_t number = 0;

	if (size == 0 || size > SHOP_ID_DIGITS || text[0] == '0')
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		number = 10 * number + (text[i] - '0');
	}
	return number <= SHOP_ID_NUMBER_MAX ? number : 0;
}

bool shop_id_parse(struct shop_id *id, const char *text, size_t size)
{
	if (shop_id_read(text, size) == 0)
		return false;
	*id = (struct shop_id){.size = (uint8_t)size};
	memcpy(id->text, text, size);
	return true;
}

bool shop_id_is_valid(const struct shop_id *id)
{
	return shop_id_read(id->text, id->size) != 0;
}

int64_t shop_id_number(const struct shop_id *id)
{
	return shop_id_read(id->text, id->size);
}

int shop_id_compare(const struct shop_id *a, const struct shop_id *b)
{
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->text, b->text, a->size);
}
