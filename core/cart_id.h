/* Ids of carts and orders: UUIDs (RFC 9562), 16 bytes in memory and in every database. */
#ifndef CORE_CART_ID_H
#define CORE_CART_ID_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CART_ID_BYTES 16
#define CART_ID_TEXT  36 /* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, without the NUL */

struct cart_id {
	uint8_t bytes[CART_ID_BYTES];
};

/* Which UUIDs are made. v4 is random; v7 starts with the wall clock, so that new ids sort together.
 */
enum cart_id_kind { CART_ID_V4 = 4, CART_ID_V7 = 7 };

/*
 * Makes an id from the kernel's random generator (getrandom). wall_ms, milliseconds since 1970, is
 * used by v7 alone. Returns false when the generator failed; *id is then undefined.
 */
CART_MUST_CHECK bool cart_id_make(struct cart_id *id, enum cart_id_kind kind, int64_t wall_ms);

/*
 * Reads the 36 characters of a UUID of any version, in any case; braces, urn: and other lengths are
 * refused. Returns false and leaves *id alone when text is not one.
 */
CART_MUST_CHECK bool cart_id_parse(struct cart_id *id, const char *text, size_t len);

/* Writes the id in lower case and a NUL. */
void cart_id_format(const struct cart_id *id, char text[CART_ID_TEXT + 1]);

/* Byte order, as memcmp: negative, 0, positive. Every backend sorts ids so. */
int cart_id_compare(const struct cart_id *a, const struct cart_id *b);

/*
 * Binary search for an id among count elements that are sorted by id; ids may repeat. first is the
 * id inside the first element and size the size of an element, so that an array of ids, ops or rows
 * can be searched. *at is the first element whose id is not below id: where id is, or where it
 * would be inserted. True: it is there.
 */
bool cart_id_find(const struct cart_id *first, size_t size, size_t count, const struct cart_id *id,
		  size_t *at);

/* True for the id of all zeros, which stands for "no order yet". */
bool cart_id_is_nil(const struct cart_id *id);

#endif
