/*
 * Most bodies are one small object of integers, ids and attributes. To build jansson's tree for it
 * costs more than the rest of the request, so these are read here. Every body that is not plainly
 * such an object goes to jansson and the functions of body.c, so that they alone decide what is
 * wrong and report it.
 */
#ifndef SERVER_API_PLAIN_H
#define SERVER_API_PLAIN_H

#include "core/cart_op.h"

/* The changes of lines that a body asks for. Zeroed it holds none; changes_clear() it. */
struct changes {
	struct cart_change one;	 /* what all points to when it is the only one */
	struct cart_change *all; /* NULL: none */
	size_t count;
	char *attributes; /* of all changes, each ended by a NUL; NULL: none has any */
	char *attributes_end;
};

void changes_clear(struct changes *changes);

/* Makes room, once, for the attributes of a body of so many bytes: their canonical text takes no
 * more. Returns the end of what is there, which the caller moves; NULL: no memory. */
char **changes_attributes(struct changes *changes, size_t body_len);

struct plain_member {
	const char *name;
	struct shop_id *id; /* where the value is put if it is an id */
	/* Or it is the attributes of a line, or null, and may be missing: the text, which value
	 * points to, is put there. Neither: an integer. */
	struct changes *changes;
	int64_t min, max;
	int64_t value;
	const char *attributes; /* as in struct cart_change */
	bool found;
};

/* True: the body is one object of exactly these members, each with an id, attributes, or an integer
 * within its range. False: an id may have been written. */
CART_MUST_CHECK bool plain_read(const char *text, size_t len, struct plain_member *members,
				size_t count);

#endif
