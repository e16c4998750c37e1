/*
 * The id of a customer or of a product, as the shop has it: 1 to 64 bytes of text. An integer is
 * held as its decimal digits, without sign and leading zeros, so that every backend has one
 * representation whatever the deployment's type.
 */
#ifndef CORE_SHOP_ID_H
#define CORE_SHOP_ID_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHOP_ID_MAX 64
/* The largest integer: 2^53-1, what a JSON number carries exactly everywhere. The least is 1. */
#define SHOP_ID_NUMBER_MAX ((INT64_C(1) << 53) - 1)

/* A zeroed struct is no id. text ends with a NUL. Copy it by assignment. */
struct shop_id {
	uint8_t size; /* bytes of text; 0: no id */
	char text[SHOP_ID_MAX + 1];
};

/* The id of an integer, which must be 1 ... SHOP_ID_NUMBER_MAX. */
struct shop_id shop_id_of_number(int64_t number);

/* Takes size bytes of text that need no NUL. False: not the decimal of an integer that is an id;
 * *id is then as it was. */
CART_MUST_CHECK bool shop_id_parse(struct shop_id *id, const char *text, size_t size);

/* True: shop_id_parse() could have made it. Whatever a request holds is checked by this once, so
 * that a backend may write the text into a query. */
bool shop_id_is_valid(const struct shop_id *id);

/* The integer of a valid id: for cartbench, whose workload counts products and customers. */
int64_t shop_id_number(const struct shop_id *id);

/*
 * Shorter ids first, those of one length by their bytes: integers by value. Negative, 0, positive.
 * Lines of a cart are held in this order.
 */
int shop_id_compare(const struct shop_id *a, const struct shop_id *b);

#endif
