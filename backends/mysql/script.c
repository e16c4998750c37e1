#include "backends/mysql/script.h"

#include <string.h>

/* The last byte of a quoted string or name that begins here; of the text if it does not end. */
static const char *script_quoted(const char *at)
{
	char quote = *at;

	for (at++; *at != '\0'; at++) {
		if (*at == '\\' && quote != '`' && at[1] != '\0')
			at++;
		else if (*at == quote && at[1] == quote)
			at++;
		else if (*at == quote)
			return at;
	}
	return at - 1;
}

static bool script_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Two hyphens begin a comment only before a space; or else 5--1 would be one. */
static bool script_is_line_comment(const char *at)
{
	return *at == '#' ||
	       (at[0] == '-' && at[1] == '-' && (at[2] == '\0' || script_is_space(at[2])));
}

static bool script_is_block_comment(const char *at)
{
	return at[0] == '/' && at[1] == '*';
}

/* MySQL executes what is in these, or MariaDB does. */
static bool script_is_executed(const char *at)
{
	return at[2] == '!' || (at[2] == 'M' && at[3] == '!');
}

/* The last byte of the comment that begins here; NULL: none does. */
static const char *script_comment(const char *at)
{
	const char *end;

	if (script_is_line_comment(at)) {
		end = at + strcspn(at, "\n");
		return *end == '\0' ? end - 1 : end;
	}
	if (!script_is_block_comment(at))
		return NULL;
	end = strstr(at + 2, "*/");
	return end != NULL ? end + 1 : at + strlen(at) - 1;
}

static const char *script_skip(const char *at)
{
	for (;; at++) {
		const char *comment = script_comment(at);

		if (comment != NULL && !(script_is_block_comment(at) && script_is_executed(at)))
			at = comment;
		else if (!script_is_space(*at) && *at != ';')
			return at;
	}
}

bool sql_script_next(const char **rest, const char **statement, size_t *len)
{
	const char *at = script_skip(*rest);

	*statement = at;
	for (; *at != '\0' && *at != ';'; at++) {
		const char *comment = script_comment(at);

		if (comment != NULL)
			at = comment;
		else if (*at == '\'' || *at == '"' || *at == '`')
			at = script_quoted(at);
	}
	*len = (size_t)(at - *statement);
	*rest = at;
	return *len > 0;
}
