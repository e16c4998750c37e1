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

/* The setting cart.id_type, one for the whole process. */
enum shop_id_type {
	SHOP_ID_INTEGER, /* 1 ... SHOP_ID_NUMBER_MAX */
	SHOP_ID_STRING	 /* 1 to 64 visible ASCII characters, 0x21 to 0x7e */
};

enum shop_id_type shop_id_type(void);
/* "integer" or "string": as the setting says it, and as databases remember it. */
const char *shop_id_type_name(enum shop_id_type type);
/* The values of the setting, by enum shop_id_type; NULL-terminated. */
extern const char *const shop_id_types[];

/* Whoever keeps carts takes the type before there are threads that read ids, and releases it in the
 * end. False: others have taken the other type. Without a taker the last one counts, at first
 * integers. */
CART_MUST_CHECK bool shop_id_type_take(enum shop_id_type type);
void shop_id_type_release(void);

/* A zeroed struct is no id. text ends with a NUL. Copy it by assignment. */
struct shop_id {
	uint8_t size; /* bytes of text; 0: no id */
	char text[SHOP_ID_MAX + 1];
};

/* The id of an integer, which must be 1 ... SHOP_ID_NUMBER_MAX. Where ids are strings: its digits
 * with zeros before them, so that such ids are in the order of their numbers. */
struct shop_id shop_id_of_number(int64_t number);

/* Takes size bytes of text that need no NUL. False: not an id of the type in force; *id is then as
 * it was. */
CART_MUST_CHECK bool shop_id_parse(struct shop_id *id, const char *text, size_t size);

/* True: shop_id_parse() could have made it. Whatever a request holds is checked by this once. */
bool shop_id_is_valid(const struct shop_id *id);

/* What an id of the type in force is, for messages: "an integer of 1 to 9007199254740991". */
const char *shop_id_rule(void);

/* The number of an id that shop_id_of_number() made; 0 of another one. For cartbench, whose
 * workload counts products and customers. */
int64_t shop_id_number(const struct shop_id *id);

/* Writes the text of an id as the inside of a JSON string, and returns where it ends; no NUL. */
#define SHOP_ID_ESCAPED (2 * SHOP_ID_MAX)
char *shop_id_escape(char *to, const struct shop_id *id);

/*
 * Integers by value, strings by their bytes. Negative, 0, positive. Lines of a cart are held in
 * this order.
 */
int shop_id_compare(const struct shop_id *a, const struct shop_id *b);

#endif
