/* What request headers ask for: versions (RFC 9110, section 13), keys, preferences (RFC 7240). */
#ifndef SERVER_API_CONDITIONS_H
#define SERVER_API_CONDITIONS_H

#include "core/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* A version that no cart ever has: for an entity-tag that is not ours. */
#define CONDITIONS_NO_VERSION (-1)

/*
 * If-Match: one entity-tag or "*". *version gets the version asked for, by a weak tag too; 0 for
 * "*", which any cart meets; CONDITIONS_NO_VERSION for a tag that never was a version. False: it is
 * a list or no entity-tag.
 */
CART_MUST_CHECK bool conditions_if_match(const char *value, int64_t *version);

/*
 * If-None-Match: a list of entity-tags or "*", compared weakly. *matches: the version is in it;
 * version 0 is in "*" alone. False: it is no such list.
 */
CART_MUST_CHECK bool conditions_if_none_match(const char *value, int64_t version, bool *matches);

/* Idempotency-Key: 1 to 255 visible ASCII characters. */
CART_MUST_CHECK bool conditions_key_is_valid(const char *value);

/*
 * Prefer: whether the list has a "return"; the first of them counts, and *representation says
 * whether that is what it asks for. False: *representation is left alone.
 */
bool conditions_read_return(const char *prefer, bool *representation);

/* Content-Type: application/json, with or without parameters. */
bool conditions_is_json(const char *content_type);

/* The entity-tag of a version, with its quotes. */
#define CONDITIONS_TAG_MAX 24
void conditions_format_tag(char text[CONDITIONS_TAG_MAX], int64_t version);

#endif
