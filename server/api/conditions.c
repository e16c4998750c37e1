#include "server/api/conditions.h"

#include "core/cart_op.h"
#include "server/http/text.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool conditions_is_tag_char(char c)
{
	return c == 0x21 || (unsigned char)c >= 0x80 || (c >= 0x23 && c <= 0x7e);
}

static const char *conditions_skip(const char *at)
{
	return at + strspn(at, " \t");
}

/* Reads one entity-tag. Returns what follows it, NULL when there is none. */
static const char *conditions_read_tag(const char *at, bool *weak, int64_t *version)
{
	const char *opaque;

	*weak = strncmp(at, "W/", 2) == 0;
	if (*weak)
		at += 2;
	if (*at++ != '"')
		return NULL;
	opaque = at;
	while (conditions_is_tag_char(*at))
		at++;
	if (*at != '"')
		return NULL;
	if (!text_integer(opaque, (size_t)(at - opaque), 1, INT64_MAX, version))
		*version = CONDITIONS_NO_VERSION;
	return at + 1;
}

/* True for "*" alone. */
static bool conditions_is_star(const char *value)
{
	value = conditions_skip(value);
	return *value == '*' && *conditions_skip(value + 1) == '\0';
}

bool conditions_if_match(const char *value, int64_t *version)
{
	bool weak;

	if (conditions_is_star(value)) {
		*version = 0;
		return true;
	}
	value = conditions_read_tag(conditions_skip(value), &weak, version);
	return value != NULL && *conditions_skip(value) == '\0';
}

bool conditions_if_none_match(const char *value, int64_t version, bool *matches)
{
	size_t count = 0;
	bool weak;
	int64_t listed;

	*matches = conditions_is_star(value);
	if (*matches)
		return true;
	/* Empty elements of a list are allowed (RFC 9110, section 5.6.1.2). */
	for (;;) {
		value = conditions_skip(value);
		if (*value == ',') {
			value++;
			continue;
		}
		if (*value == '\0')
			return count > 0;
		value = conditions_read_tag(value, &weak, &listed);
		if (value == NULL)
			return false;
		count++;
		if (listed == version)
			*matches = true;
		value = conditions_skip(value);
		if (*value != ',' && *value != '\0')
			return false;
	}
}

bool conditions_key_is_valid(const char *value)
{
	size_t len = 0;

	while (value[len] != '\0') {
		if (len == CART_KEY_MAX || value[len] < 0x21 || value[len] > 0x7e)
			return false;
		len++;
	}
	return len > 0;
}

/* Length up to any of the stops, blanks at the end not counted. */
static size_t conditions_trimmed(const char *at, const char *stops)
{
	size_t len = strcspn(at, stops);

	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	return len;
}

static bool conditions_same(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(at, word, len) == 0;
}

/* Where the element of a list that starts here ends: at a comma outside of quotes. */
static const char *conditions_element_end(const char *at)
{
	bool quoted = false;

	for (; *at != '\0' && (quoted || *at != ','); at++) {
		if (*at == '\\' && quoted && at[1] != '\0')
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return at;
}

bool conditions_read_return(const char *prefer, bool *representation)
{
	while (*prefer != '\0') {
		const char *name = conditions_skip(prefer);
		size_t len = conditions_trimmed(name, "=;,");

		if (conditions_same(name, len, "return")) {
			const char *value = conditions_skip(name + len);

			*representation = false;
			if (*value != '=')
				return true;
			value = conditions_skip(value + 1);
			len = conditions_trimmed(value, ";,");
			*representation = conditions_same(value, len, "representation") ||
					  conditions_same(value, len, "\"representation\"");
			return true;
		}
		prefer = conditions_element_end(prefer);
		prefer += *prefer == ',';
	}
	return false;
}

bool conditions_is_json(const char *content_type)
{
	const char *type = conditions_skip(content_type);

	return conditions_same(type, conditions_trimmed(type, ";"), "application/json");
}

void conditions_format_tag(char text[CONDITIONS_TAG_MAX], int64_t version)
{
	char *end;

	text[0] = '"';
	end = text_put_integer(text + 1, version);
	end[0] = '"';
	end[1] = '\0';
}
