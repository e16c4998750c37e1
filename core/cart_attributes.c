#include "core/cart_attributes.h"

#include <string.h>

/* An object of more members is left to a parser of JSON. */
#define ATTRIBUTES_PLAIN 16

/* Digits of CART_ATTRIBUTES_INTEGER_MAX. */
#define ATTRIBUTES_DIGITS 16

struct attributes_member {
	const char *name; /* with its quotes */
	size_t name_len;
	const char *value;
	size_t value_len;
};

bool cart_attributes_equal(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* The bytes of a character beyond ASCII, RFC 3629; 0: it is none. */
static size_t attributes_utf8(const unsigned char *at, size_t len)
{
	unsigned char second_min = 0x80, second_max = 0xbf;
	size_t size = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

	if (at[0] < 0xc2 || at[0] > 0xf4 || len < size)
		return 0;
	if (at[0] == 0xe0)
		second_min = 0xa0; /* overlong */
	else if (at[0] == 0xed)
		second_max = 0x9f; /* a surrogate */
	else if (at[0] == 0xf0)
		second_min = 0x90;
	else if (at[0] == 0xf4)
		second_max = 0x8f; /* above U+10FFFF */
	if (at[1] < second_min || at[1] > second_max)
		return 0;
	for (size_t i = 2; i < size; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return size;
}

/* The bytes of an escape that canonical text has, at the backslash; 0: it is none. */
static size_t attributes_escape(const char *at, size_t len)
{
	if (len >= 2 && at[1] != '\0' && strchr("\"\\bfnrt", at[1]) != NULL)
		return 2;
	/* The control characters that have no short one. */
	if (len < 6 || memcmp(at, "\\u00", 4) != 0 || (at[4] != '0' && at[4] != '1') ||
	    at[5] == '\0' || strchr("0123456789ABCDEF", at[5]) == NULL ||
	    (at[4] == '0' && strchr("089ACD", at[5]) != NULL))
		return 0;
	return 6;
}

/* ASCII that stands for itself. */
static bool attributes_is_plain(char c)
{
	return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

#define ATTRIBUTES_EACH(byte_) (UINT64_C(0x0101010101010101) * (byte_))

/* The highest bits of the bytes of a word that are 0, or above such a one. */
static uint64_t attributes_zeros(uint64_t word)
{
	return (word - ATTRIBUTES_EACH(1)) & ~word;
}

/* Past the plain bytes, eight at once while all of them are. */
static const char *attributes_skip_plain(const char *at, const char *end)
{
	for (uint64_t word; end - at >= (ptrdiff_t)sizeof(word); at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		if (((word | (word - ATTRIBUTES_EACH(0x20)) |
		      attributes_zeros(word ^ ATTRIBUTES_EACH('"')) |
		      attributes_zeros(word ^ ATTRIBUTES_EACH('\\'))) &
		     ATTRIBUTES_EACH(0x80)) != 0)
			break;
	}
	while (at < end && attributes_is_plain(*at))
		at++;
	return at;
}

/* Past a string in canonical text, with its quotes; NULL: there is none. */
static const char *attributes_string(const char *at, const char *end)
{
	if (at == end || *at++ != '"')
		return NULL;
	for (;;) {
		size_t size = 0;

		at = attributes_skip_plain(at, end);
		if (at == end)
			return NULL;
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
			size = attributes_escape(at, (size_t)(end - at));
		else if ((unsigned char)*at >= 0x80)
			size = attributes_utf8((const unsigned char *)at, (size_t)(end - at));
		if (size == 0)
			return NULL;
		at += size;
	}
}

static const char *attributes_integer(const char *at, const char *end)
{
	const char *first = at += at < end && *at == '-';
	int64_t value = 0;

	for (; at < end && *at >= '0' && *at <= '9' && at - first < ATTRIBUTES_DIGITS; at++)
		value = value * 10 + (*at - '0');
	/* No digits, a leading zero or -0, more digits, a fraction, an exponent. */
	if (at == first || (*first == '0' && (at - first > 1 || first[-1] == '-')) ||
	    value > CART_ATTRIBUTES_INTEGER_MAX ||
	    (at < end && ((*at >= '0' && *at <= '9') || *at == '.' || *at == 'e' || *at == 'E')))
		return NULL;
	return at;
}

static const char *attributes_word(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

static const char *attributes_value(const char *at, const char *end)
{
	if (at == end)
		return NULL;
	switch (*at) {
	case '"':
		return attributes_string(at, end);
	case 't':
		return attributes_word(at, end, "true");
	case 'f':
		return attributes_word(at, end, "false");
	default:
		return attributes_integer(at, end);
	}
}

size_t cart_attributes_length(const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	if (len == 0 || *at != '{')
		return 0;
	do {
		at = attributes_string(at + 1, end);
		if (at == NULL || at == end || *at != ':')
			return 0;
		at = attributes_value(at + 1, end);
	} while (at != NULL && at < end && *at == ',');
	return at != NULL && at < end && *at == '}' ? (size_t)(at + 1 - text) : 0;
}

bool cart_attributes_are_sound(const char *text, size_t len)
{
	return len > 0 && cart_attributes_length(text, len) == len;
}

static const char *attributes_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Past one "name": value and the space after it. */
static const char *attributes_member(const char *at, const char *end,
				     struct attributes_member *member)
{
	member->name = attributes_space(at, end);
	at = attributes_string(member->name, end);
	if (at == NULL)
		return NULL;
	member->name_len = (size_t)(at - member->name);
	/* Names are in the order of what they say, not of what is written. */
	if (memchr(member->name, '\\', member->name_len) != NULL)
		return NULL;
	at = attributes_space(at, end);
	if (at == end || *at != ':')
		return NULL;
	member->value = attributes_space(at + 1, end);
	at = attributes_value(member->value, end);
	if (at == NULL)
		return NULL;
	member->value_len = (size_t)(at - member->value);
	return attributes_space(at, end);
}

/* By the bytes within the quotes. */
static int attributes_compare(const struct attributes_member *a, const struct attributes_member *b)
{
	size_t a_len = a->name_len - 2, b_len = b->name_len - 2;
	int order = memcmp(a->name + 1, b->name + 1, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* False: a member has that name. */
static bool attributes_insert(struct attributes_member *members, size_t count,
			      const struct attributes_member *member)
{
	size_t at = count;

	for (; at > 0 && attributes_compare(&members[at - 1], member) > 0; at--)
		members[at] = members[at - 1];
	members[at] = *member;
	return at == 0 || attributes_compare(&members[at - 1], member) != 0;
}

static char *attributes_put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

static char *attributes_write(char *to, const struct attributes_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		*to++ = i == 0 ? '{' : ',';
		to = attributes_put(to, members[i].name, members[i].name_len);
		*to++ = ':';
		to = attributes_put(to, members[i].value, members[i].value_len);
	}
	if (count > 0)
		*to++ = '}';
	*to++ = '\0';
	return to;
}

const char *cart_attributes_read(const char *at, const char *end, char **to)
{
	struct attributes_member members[ATTRIBUTES_PLAIN], member;
	size_t count = 0;

	if (at == end || *at != '{')
		return NULL;
	at = attributes_space(at + 1, end);
	while (at < end && *at != '}') {
		if (count > 0 && *at++ != ',')
			return NULL;
		at = attributes_member(at, end, &member);
		if (at == NULL || count == ATTRIBUTES_PLAIN ||
		    !attributes_insert(members, count++, &member))
			return NULL;
	}
	if (at == end)
		return NULL;
	*to = attributes_write(*to, members, count);
	return at + 1;
}
