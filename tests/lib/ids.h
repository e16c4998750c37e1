/* Ids of customers and products as tests write them: by number, whatever the type in force. */
#ifndef TESTS_LIB_IDS_H
#define TESTS_LIB_IDS_H

#include "core/cart.h"
#include "core/shop_id.h"
#include "tests/lib/cmocka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The id of a number, also where that is no id, such as 0 or -1. Strings have the numbers' order,
 * and after the digits what a backend might take for something else: quotes, escapes, wildcards,
 * placeholders, separators, up to the longest id; and a shorter id may come after a longer one.
 */
static inline struct shop_id id_of(int64_t number)
{
	static const char *const tails[] = {
		"",
		"'\"\\",
		"\\",
		".#:",
		"/../%2F%00?x=1&y#",
		"--;/*",
		"$1{}[]",
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMN~",
	};
	struct shop_id id = {0};

	if (shop_id_type() == SHOP_ID_INTEGER)
		id.size = (uint8_t)snprintf(id.text, sizeof(id.text), "%" PRId64, number);
	else if (number >= 1 && number <= SHOP_ID_NUMBER_MAX)
		id.size = (uint8_t)snprintf(id.text, sizeof(id.text), "%017" PRId64 "%s", number,
					    tails[number % 8]);
	return id;
}

/* The line of a product, or NULL. */
static inline struct cart_line *find_line(const struct cart *cart, int64_t product_id)
{
	const struct shop_id product = id_of(product_id);

	return cart_find_line(cart, &product);
}

static inline bool id_is(const struct shop_id *id, int64_t number)
{
	const struct shop_id wanted = id_of(number);

	return shop_id_compare(id, &wanted) == 0;
}

/* "" without any. */
static inline const char *attributes_of(const struct cart_line *line)
{
	return line != NULL && line->attributes != NULL ? line->attributes : "";
}

/* Member by member: structs have padding. */
static inline bool same_lines(const struct cart *a, const struct cart *b)
{
	bool same = a->line_count == b->line_count;

	for (size_t i = 0; same && i < a->line_count; i++)
		same = shop_id_compare(&a->lines[i].product_id, &b->lines[i].product_id) == 0 &&
		       a->lines[i].quantity == b->lines[i].quantity &&
		       a->lines[i].added_ms == b->lines[i].added_ms &&
		       a->lines[i].updated_ms == b->lines[i].updated_ms &&
		       strcmp(attributes_of(&a->lines[i]), attributes_of(&b->lines[i])) == 0;
	return same;
}

#define assert_id_equal(id_, number_)                                                              \
	do {                                                                                       \
		const struct shop_id got_ = (id_);                                                 \
                                                                                                   \
		if (!id_is(&got_, number_))                                                        \
			fail_msg("\"%s\" is not %" PRId64, got_.text, (int64_t)(number_));         \
	} while (0)

#endif
