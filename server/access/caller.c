#include "server/access/caller.h"

#include <string.h>

static const char *const access_scope_names[ACCESS_SCOPES] = {"read", "write", "admin"};

const char *access_scope_name(unsigned scope)
{
	for (unsigned i = 0; i < ACCESS_SCOPES; i++)
		if (scope == 1u << i)
			return access_scope_names[i];
	return "none";
}

unsigned access_scope_find(const char *name, size_t len)
{
	for (unsigned i = 0; i < ACCESS_SCOPES; i++)
		if (strlen(access_scope_names[i]) == len &&
		    memcmp(access_scope_names[i], name, len) == 0)
			return 1u << i;
	return 0;
}

unsigned access_scopes_parse(const char *text, char separator)
{
	unsigned scopes = 0;

	for (;;) {
		const char *end = strchr(text, separator);
		unsigned scope =
			access_scope_find(text, end != NULL ? (size_t)(end - text) : strlen(text));

		if (scope == 0)
			return 0;
		scopes |= scope;
		if (end == NULL)
			return scopes;
		text = end + 1;
	}
}

const char *access_scopes_format(unsigned scopes, char text[ACCESS_SCOPES_TEXT])
{
	char *end = text;

	*end = '\0';
	for (unsigned i = 0; i < ACCESS_SCOPES; i++)
		if ((scopes & 1u << i) != 0) {
			if (end > text)
				*end++ = ',';
			end = stpcpy(end, access_scope_names[i]);
		}
	return text;
}
