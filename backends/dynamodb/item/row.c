#include "backends/dynamodb/item/row.h"

#include "backends/dynamodb/table/definition.h"

#include <stdio.h>
#include <string.h>

#define ROW_FNV_BASIS UINT64_C(14695981039346656037)
#define ROW_FNV_PRIME UINT64_C(1099511628211)

/* FNV-1a over a text and the NUL at its end. */
static uint64_t row_hash(uint64_t hash, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * ROW_FNV_PRIME;
	return hash * ROW_FNV_PRIME;
}

static uint64_t row_hash_number(uint64_t hash, int64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)number);

	return row_hash(hash, text, (size_t)len);
}

/* The digest is the sum over the lines, so their order is of no account. */
static uint64_t row_hash_line(const struct cart_line *line)
{
	uint64_t hash = row_hash(ROW_FNV_BASIS, line->product_id.text, line->product_id.size);

	hash = row_hash_number(hash, line->quantity);
	hash = row_hash_number(hash, line->added_ms);
	hash = row_hash_number(hash, line->updated_ms);
	return line->attributes != NULL ? row_hash(hash, line->attributes, strlen(line->attributes))
					: hash;
}

static const char *row_text(const json_t *row, const char *name, const char *type)
{
	return json_string_value(json_object_get(json_object_get(row, name), type));
}

static uint64_t row_hash_row(const json_t *row, const char *product)
{
	static const char *const numbers[] = {"quantity", "added_at", "updated_at"};
	const char *attributes = row_text(row, "attributes", "S");
	uint64_t hash = row_hash(ROW_FNV_BASIS, product, strlen(product));

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const char *number = row_text(row, numbers[i], "N");

		hash = row_hash(hash, number != NULL ? number : "",
				number != NULL ? strlen(number) : 0);
	}
	return attributes != NULL ? row_hash(hash, attributes, strlen(attributes)) : hash;
}

static void row_digest_text(uint64_t sum, char text[DDB_DIGEST_ROOM])
{
	snprintf(text, DDB_DIGEST_ROOM, "%016llx", (unsigned long long)sum);
}

const char *ddb_row_product(const json_t *row)
{
	const char *name = row_text(row, DDB_ROW, "S");
	size_t len = strlen(DDB_ROW_ITEM);

	return name != NULL && strncmp(name, DDB_ROW_ITEM, len) == 0 ? name + len : NULL;
}

bool ddb_rows_match(const json_t *attributes)
{
	const char *gen = row_text(attributes, "gen", "N"), *digest, *product;
	const json_t *row;
	char text[DDB_DIGEST_ROOM];
	uint64_t sum = 0;
	size_t i;

	if (gen == NULL || json_object_get(attributes, "qty") != NULL ||
	    json_is_true(json_object_get(attributes, DDB_ONE_ROW)))
		return true;
	json_array_foreach(json_object_get(attributes, DDB_ROWS), i, row)
	{
		const char *of = row_text(row, "gen", "N");

		product = ddb_row_product(row);
		if (product != NULL && of != NULL && strcmp(of, gen) == 0)
			sum += row_hash_row(row, product);
	}
	row_digest_text(sum, text);
	digest = row_text(attributes, "digest", "S");
	return digest != NULL && strcmp(digest, text) == 0;
}

void ddb_rows_digest(const struct cart *cart, char text[DDB_DIGEST_ROOM])
{
	uint64_t sum = 0;

	for (size_t i = 0; i < cart->line_count; i++)
		sum += row_hash_line(&cart->lines[i]);
	row_digest_text(sum, text);
}
