#include "backends/dynamodb/item/item_reader.h"

#include <string.h>

const json_t *item_typed(const json_t *value, const char *type)
{
	return json_object_size(value) == 1 ? json_object_get(value, type) : NULL;
}

/* A whole number without a sign, as DynamoDB writes those that we store. */
static bool item_parse(const char *text, int64_t *number)
{
	int64_t sum = 0;
	size_t len = 0;

	if (text == NULL || *text == '\0' || (*text == '0' && text[1] != '\0'))
		return false;
	for (; text[len] != '\0'; len++) {
		if (text[len] < '0' || text[len] > '9' || len >= 18)
			return false;
		sum = sum * 10 + (text[len] - '0');
	}
	*number = sum;
	return true;
}

bool item_number(const json_t *value, int64_t *number)
{
	return item_parse(json_string_value(item_typed(value, "N")), number);
}

bool item_shop_id(const char *text, struct shop_id *id)
{
	return text != NULL && shop_id_parse(id, text, strlen(text));
}

void item_is_wrong(struct item_reader *reader, const char *name)
{
	if (reader->wrong == NULL)
		reader->wrong = name;
}

int64_t item_optional(struct item_reader *reader, const char *name)
{
	const json_t *value = json_object_get(reader->attributes, name);
	int64_t number = 0;

	if (value != NULL && !item_number(value, &number))
		item_is_wrong(reader, name);
	return number;
}

int64_t item_required(struct item_reader *reader, const char *name, int64_t min, int64_t max)
{
	int64_t number = item_optional(reader, name);

	if (number < min || number > max)
		item_is_wrong(reader, name);
	return number;
}

const char *item_text(struct item_reader *reader, const char *name)
{
	const json_t *value = json_object_get(reader->attributes, name);
	const char *text = json_string_value(item_typed(value, "S"));

	if (value != NULL && text == NULL)
		item_is_wrong(reader, name);
	return text;
}
