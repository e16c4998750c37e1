#include "server/api/plain.h"

#include "core/cart_attributes.h"

#include <stdlib.h>
#include <string.h>

void changes_clear(struct changes *changes)
{
	if (changes->all != &changes->one)
		free(changes->all);
	if (changes->attributes != NULL)
		free(changes->attributes);
	changes->all = NULL;
	changes->attributes = NULL;
	changes->count = 0;
}

char **changes_attributes(struct changes *changes, size_t body_len)
{
	if (changes->attributes == NULL)
		changes->attributes = changes->attributes_end = malloc(body_len);
	return changes->attributes != NULL ? &changes->attributes_end : NULL;
}

/* Any number of so many digits fits into an int64_t. */
#define PLAIN_DIGITS 18

static const char *plain_skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Past a character that may have space before it; NULL: another stands there, or at is NULL. */
static const char *plain_skip_char(const char *at, const char *end, char c)
{
	if (at == NULL)
		return NULL;
	at = plain_skip_space(at, end);
	return at < end && *at == c ? at + 1 : NULL;
}

/* Past digits without a sign, a leading zero, a fraction or an exponent. */
static const char *plain_integer(const char *at, const char *end, int64_t *value)
{
	const char *first = at;

	*value = 0;
	for (; at < end && *at >= '0' && *at <= '9' && at - first < PLAIN_DIGITS; at++)
		*value = *value * 10 + (*at - '0');
	if (at == first || at == end || (*first == '0' && at - first > 1))
		return NULL;
	return at;
}

/* Past a string without escapes that is an id. */
static const char *plain_string(const char *at, const char *end, struct shop_id *id)
{
	const char *quote;

	if (at == end || *at++ != '"')
		return NULL;
	quote = memchr(at, '"', (size_t)(end - at));
	if (quote == NULL || memchr(at, '\\', (size_t)(quote - at)) != NULL ||
	    !shop_id_parse(id, at, (size_t)(quote - at)))
		return NULL;
	return quote + 1;
}

static const char *plain_id(const char *at, const char *end, struct shop_id *id)
{
	int64_t number;

	if (shop_id_type() == SHOP_ID_STRING)
		return plain_string(at, end, id);
	at = plain_integer(at, end, &number);
	if (at == NULL || number < 1 || number > SHOP_ID_NUMBER_MAX)
		return NULL;
	*id = shop_id_of_number(number);
	return at;
}

/* Past attributes or null. size is that of the whole body. */
static const char *plain_attributes(const char *at, const char *end, struct plain_member *member,
				    size_t size)
{
	char **room, *to;

	if (end - at >= 4 && memcmp(at, "null", 4) == 0) {
		member->attributes = CART_ATTRIBUTES_REMOVE;
		return at + 4;
	}
	if (at == end || *at != '{' || (room = changes_attributes(member->changes, size)) == NULL)
		return NULL;
	to = *room; /* not moved: there are no others, unless jansson reads them all again */
	member->attributes = to;
	return cart_attributes_read(at, end, &to);
}

static const char *plain_value(const char *at, const char *end, struct plain_member *member,
			       size_t size)
{
	if (member->id != NULL)
		return plain_id(at, end, member->id);
	if (member->changes != NULL)
		return plain_attributes(at, end, member, size);
	return plain_integer(at, end, &member->value);
}

/* Past one "name":value of a member that has not been found yet. */
static const char *plain_one(const char *at, const char *end, struct plain_member *members,
			     size_t count, size_t size)
{
	const char *name = plain_skip_char(at, end, '"'), *quote;

	if (name == NULL || (quote = memchr(name, '"', (size_t)(end - name))) == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct plain_member *member = &members[i];
		size_t len = (size_t)(quote - name);

		if (member->found || strlen(member->name) != len ||
		    memcmp(member->name, name, len) != 0)
			continue;
		at = plain_skip_char(quote + 1, end, ':');
		if (at == NULL)
			return NULL;
		member->found = true;
		return plain_value(plain_skip_space(at, end), end, member, size);
	}
	return NULL;
}

static bool plain_is_complete(const struct plain_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((!members[i].found && members[i].changes == NULL) ||
		    members[i].value < members[i].min || members[i].value > members[i].max)
			return false;
	return true;
}

bool plain_read(const char *text, size_t len, struct plain_member *members, size_t count)
{
	const char *end = text + len, *at = plain_skip_char(text, end, '{'), *next = at;

	while (next != NULL) {
		at = plain_one(next, end, members, count, len);
		next = plain_skip_char(at, end, ',');
	}
	at = plain_skip_char(at, end, '}');
	return at != NULL && plain_skip_space(at, end) == end && plain_is_complete(members, count);
}
