#include "backends/dynamodb/item/largest.h"

#include <inttypes.h>
#include <string.h>

/* Everything but lines and keys, and the decisions of merges. */
#define LARGEST_REST	 800
#define LARGEST_DECISION 64

/* Numbers, in pairs of digits and one byte: a quantity, a time, a version. */
#define LARGEST_QUANTITY 6
#define LARGEST_TIME	 9
#define LARGEST_VERSION	 9

#define LARGEST_ID_DIGITS 16 /* of SHOP_ID_NUMBER_MAX */
#define LARGEST_RECORD	  38 /* ddb_record_write() */

/* An element of a map, whose name has so many bytes. */
static int64_t largest_element(int64_t name, int64_t value)
{
	return 1 + name + value;
}

static int64_t largest_member(const char *name, int64_t value)
{
	return largest_element((int64_t)strlen(name), value);
}

static int64_t largest_map_line(int64_t id, int64_t attributes)
{
	int64_t sum = largest_element(id, LARGEST_QUANTITY) + 2 * largest_element(id, LARGEST_TIME);

	return attributes > 0 ? sum + largest_element(1 + id, attributes) : sum;
}

/* An element of a list, which is a map. */
static int64_t largest_list_line(int64_t id, int64_t attributes)
{
	int64_t sum = 1 + 3 + largest_member("product_id", id) +
		      largest_member("quantity", LARGEST_QUANTITY) +
		      largest_member("added_at", LARGEST_TIME) +
		      largest_member("updated_at", LARGEST_TIME);

	return attributes > 0 ? sum + largest_member("attributes", attributes) : sum;
}

int64_t ddb_largest_item(enum ddb_layout layout, int64_t lines, int64_t attributes)
{
	int64_t id = shop_id_type() == SHOP_ID_STRING ? SHOP_ID_MAX : LARGEST_ID_DIGITS;
	/* In layout rows a cart may be packed, as layout map has it. */
	int64_t line = layout == DDB_LAYOUT_LIST ? largest_list_line(id, attributes)
						 : largest_map_line(id, attributes);
	int64_t key = largest_element(DDB_KEY_NAME_ROOM - 1, LARGEST_VERSION) +
		      largest_element(DDB_KEY_NAME_ROOM - 1, LARGEST_RECORD);

	return LARGEST_REST + DDB_DECISIONS_MAX * LARGEST_DECISION + lines * line +
	       DDB_KEYS_MAX * key;
}

/* The greatest value of one of the two that fits with the other as it is. */
static int64_t largest_that_fits(enum ddb_layout layout, const struct cart_rules *rules, bool lines)
{
	int64_t value = lines ? rules->lines_max : rules->attributes_max;

	while (value > 0 && ddb_largest_item(layout, lines ? value : rules->lines_max,
					     lines ? rules->attributes_max : value) > DDB_ITEM_MAX)
		value--;
	return value;
}

int ddb_check_limits(enum ddb_layout layout, const struct cart_rules *rules,
		     struct cart_error *error)
{
	int64_t bytes = ddb_largest_item(layout, rules->lines_max, rules->attributes_max);

	if (bytes <= DDB_ITEM_MAX)
		return 0;
	return cart_error_set(error,
			      "limits.lines=%" PRId64 " and limits.attributes=%" PRId64
			      " together allow carts of %" PRId64
			      " bytes, and an item of DynamoDB has at most %" PRId64
			      ": set limits.attributes to %" PRId64
			      " or less, or limits.lines to %" PRId64 " or less",
			      rules->lines_max, rules->attributes_max, bytes, DDB_ITEM_MAX,
			      largest_that_fits(layout, rules, false),
			      largest_that_fits(layout, rules, true));
}
