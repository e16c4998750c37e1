/* Reading an item's attributes: what the files that do so share. */
#ifndef BACKENDS_DYNAMODB_ITEM_ITEM_READER_H
#define BACKENDS_DYNAMODB_ITEM_ITEM_READER_H

#include "core/shop_id.h"

#include <jansson.h>

/* What is being read, and what went wrong first. */
struct item_reader {
	const json_t *attributes;
	bool has_keys;	   /* the item was read with them */
	const char *wrong; /* an attribute's name */
	bool no_memory;
};

/* The value of a type ("N", "S", "M", "L") of an attribute value, or NULL. */
const json_t *item_typed(const json_t *value, const char *type);
/* Each of these is false where it is no number, or no id of the type in force. */
bool item_number(const json_t *value, int64_t *number);
bool item_shop_id(const char *text, struct shop_id *id);
void item_is_wrong(struct item_reader *reader, const char *name);
/* 0 where it is not there. */
int64_t item_optional(struct item_reader *reader, const char *name);
int64_t item_required(struct item_reader *reader, const char *name, int64_t min, int64_t max);
/* NULL where it is not there. */
const char *item_text(struct item_reader *reader, const char *name);

#endif
