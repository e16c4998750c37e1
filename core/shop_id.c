#include "core/shop_id.h"

#include <assert.h>
#include <string.h>

/* Decimal digits of SHOP_ID_NUMBER_MAX. */
#define SHOP_ID_DIGITS 16

const char *const shop_id_types[] = {"integer", "string", NULL};

/* Written while there are no other threads that read ids. */
static enum shop_id_type id_type;
static size_t id_type_takers;

enum shop_id_type shop_id_type(void)
{
	return id_type;
}

const char *shop_id_type_name(enum shop_id_type type)
{
	return shop_id_types[type];
}

bool shop_id_type_take(enum shop_id_type type)
{
	if (type != id_type && id_type_takers > 0)
		return false;
	id_type_takers++;
	if (type != id_type)
		id_type = type;
	return true;
}

void shop_id_type_release(void)
{
	assert(id_type_takers > 0);
	id_type_takers--;
}

const char *shop_id_rule(void)
{
	return id_type == SHOP_ID_STRING ? "1 to 64 visible ASCII characters"
					 : "an integer of 1 to 9007199254740991";
}

struct shop_id shop_id_of_number(int64_t number)
{
	struct shop_id id = {0};
	char digits[SHOP_ID_DIGITS];
	size_t first = sizeof(digits);

	assert(number >= 1 && number <= SHOP_ID_NUMBER_MAX);
	for (; number > 0; number /= 10)
		digits[--first] = (char)('0' + number % 10);
	while (id_type == SHOP_ID_STRING && first > 0)
		digits[--first] = '0';
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

static bool shop_id_is_text(const char *text, size_t size)
{
	if (size == 0 || size > SHOP_ID_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] < 0x21 || text[i] > 0x7e)
			return false;
	return true;
}

static bool shop_id_is_of_type(const char *text, size_t size)
{
	return id_type == SHOP_ID_STRING ? shop_id_is_text(text, size)
					 : shop_id_read(text, size) != 0;
}

bool shop_id_parse(struct shop_id *id, const char *text, size_t size)
{
	if (!shop_id_is_of_type(text, size))
		return false;
	*id = (struct shop_id){.size = (uint8_t)size};
	memcpy(id->text, text, size);
	return true;
}

bool shop_id_is_valid(const struct shop_id *id)
{
	return shop_id_is_of_type(id->text, id->size);
}

int64_t shop_id_number(const struct shop_id *id)
{
	size_t zeros = 0;

	while (id_type == SHOP_ID_STRING && zeros < id->size && id->text[zeros] == '0')
		zeros++;
	return shop_id_read(id->text + zeros, id->size - zeros);
}

char *shop_id_escape(char *to, const struct shop_id *id)
{
	for (size_t i = 0; i < id->size; i++) {
		if (id->text[i] == '"' || id->text[i] == '\\')
			*to++ = '\\';
		*to++ = id->text[i];
	}
	return to;
}

int shop_id_compare(const struct shop_id *a, const struct shop_id *b)
{
	if (id_type == SHOP_ID_STRING)
		return strcmp(a->text, b->text);
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->text, b->text, a->size);
}
