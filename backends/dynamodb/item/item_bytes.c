#include "backends/dynamodb/item/item_bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BYTES_NESTED 3 /* of a map or list, and 1 for each of its elements */

/* Two significant digits take a byte, and the number one more. Digits are paired from the decimal
 * point on, and pairs of zeros at either end are not counted. */
static size_t bytes_of_number(const char *text)
{
	bool negative = *text == '-';
	size_t len, pairs;

	text += negative;
	text += strspn(text, "0");
	len = strlen(text);
	pairs = (len + 1) / 2;
	for (; len >= 2 && text[len - 1] == '0' && text[len - 2] == '0'; len -= 2)
		pairs--;
	return 1 + pairs + negative;
}

static size_t bytes_of_value(const json_t *value)
{
	const json_t *map = json_object_get(value, "M"), *list = json_object_get(value, "L");
	const char *number = json_string_value(json_object_get(value, "N"));
	const char *string = json_string_value(json_object_get(value, "S"));
	size_t bytes = BYTES_NESTED + json_array_size(list) + json_object_size(map), i;
	const json_t *each;

	if (number != NULL)
		return bytes_of_number(number);
	if (string != NULL)
		return strlen(string);
	json_array_foreach(list, i, each) bytes += bytes_of_value(each);
	return bytes + ddb_item_bytes(map);
}

size_t ddb_item_bytes(const json_t *attributes)
{
	size_t bytes = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)attributes, name, value) bytes +=
		strlen(name) + bytes_of_value(value);
	return bytes;
}
