/*
 * Attributes of a line: what the shop keeps with it, such as a unit price, a name or an option. The
 * service gives them back and never computes with them.
 *
 * They are a flat JSON object of strings, integers, true and false, held as canonical text: compact
 * UTF-8, members sorted by the bytes of their names, no escape that JSON does not ask for, ended by
 * a NUL. So texts that are equal are the same attributes. No attributes: NULL.
 */
#ifndef CORE_CART_ATTRIBUTES_H
#define CORE_CART_ATTRIBUTES_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The greatest value that the setting limits.attributes may have: 200 lines with as much fit into
 * an item of DynamoDB, which holds 400 KB, beside the keys of their changes. */
#define CART_ATTRIBUTES_MAX 1024
/* The largest integer, and with a minus the least: what a JSON number carries exactly everywhere.
 */
#define CART_ATTRIBUTES_INTEGER_MAX ((INT64_C(1) << 53) - 1)

/* What a change of a line says, in place of NULL, which leaves what is there: no attributes. */
#define CART_ATTRIBUTES_REMOVE ""

/* True: both are the same attributes; NULL and CART_ATTRIBUTES_REMOVE are none. */
bool cart_attributes_equal(const char *a, const char *b);

/* The bytes of the attributes that a text begins with, whatever order their members have: as a part
 * of an answer they are JSON. 0: it begins with none. */
size_t cart_attributes_length(const char *text, size_t len);
/* True: the text is nothing but that. Whatever a request or a database holds is checked by one of
 * the two once. */
bool cart_attributes_are_sound(const char *text, size_t len);

/*
 * Reads an object that begins at the brace *at: any space, any order. Writes its canonical text
 * with the NUL, which takes no more room than the object and one byte, or CART_ATTRIBUTES_REMOVE
 * for an object without members, and moves *to behind it. Returns where the object ends. NULL: it
 * is not plainly such an object, and a parser of JSON must say what it is; what to points to may
 * have been written.
 */
const char *cart_attributes_read(const char *at, const char *end, char **to);

#endif
