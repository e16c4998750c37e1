/*
 * What AWS's shared files say about a profile. They are not quite INI: a line that is indented
 * deeper than the key before it belongs to that key ("s3 =", then "  max_concurrent_requests =
 * 20") and is not ours. Not by libinih: its options are variables of the whole process, which the
 * settings file sets for itself, and lines are longer here.
 *
 * Source: "Shared config and credentials files" (AWS SDKs and tools reference guide).
 */
#include "backends/dynamodb/aws/cred.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CRED_LINE_MAX 16384

const char *const cred_key_names[CRED_KEYS] = {
	[CRED_KEY_ID] = "aws_access_key_id",
	[CRED_KEY_SECRET] = "aws_secret_access_key",
	[CRED_KEY_TOKEN] = "aws_session_token",
	[CRED_KEY_REGION] = "region",
	[CRED_KEY_PROCESS] = "credential_process",
	[CRED_KEY_ROLE] = "role_arn",
	[CRED_KEY_WEB_TOKEN] = "web_identity_token_file",
	[CRED_KEY_SSO_SESSION] = "sso_session",
	[CRED_KEY_SSO_URL] = "sso_start_url",
};

/* A piece of the file. */
struct cred_span {
	const char *at;
	size_t len;
};

struct cred_reader {
	struct cred_section *section;
	const char *profile;
	bool is_config;
	const char *path;
	unsigned line;
	bool ours;     /* the section */
	size_t indent; /* of the last key in this section; SIZE_MAX: there is none yet */
	struct cart_error *error;
};

static bool cred_span_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct cred_span cred_span_trim(struct cred_span span)
{
	while (span.len > 0 && cred_span_space(span.at[0])) {
		span.at++;
		span.len--;
	}
	while (span.len > 0 && cred_span_space(span.at[span.len - 1]))
		span.len--;
	return span;
}

static bool cred_span_is(struct cred_span span, const char *text)
{
	return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

/* Up to " #" or " ;", or one that it begins with. */
static struct cred_span cred_span_uncomment(struct cred_span span)
{
	for (size_t i = 0; i < span.len; i++)
		if ((span.at[i] == '#' || span.at[i] == ';') &&
		    (i == 0 || cred_span_space(span.at[i - 1]))) {
			span.len = i;
			break;
		}
	return cred_span_trim(span);
}

/* [default], [profile NAME] or [profile "NAME"] in the config file; [NAME] in the other. */
static bool cred_reader_is_ours(const struct cred_reader *reader, struct cred_span name)
{
	static const char word[] = "profile";
	size_t len = sizeof(word) - 1;

	if (!reader->is_config || cred_span_is(name, "default"))
		return cred_span_is(name, reader->profile);
	if (name.len <= len || memcmp(name.at, word, len) != 0 || !cred_span_space(name.at[len]))
		return false;
	name = cred_span_trim((struct cred_span){name.at + len, name.len - len});
	if (name.len >= 2 && (name.at[0] == '"' || name.at[0] == '\'') &&
	    name.at[name.len - 1] == name.at[0])
		name = (struct cred_span){name.at + 1, name.len - 2};
	return cred_span_is(name, reader->profile);
}

static int cred_reader_section(struct cred_reader *reader, struct cred_span line)
{
	const char *end = memchr(line.at, ']', line.len);
	struct cred_span rest;

	if (end == NULL)
		return cart_error_set(reader->error, "%s:%u: a section without its ]", reader->path,
				      reader->line);
	rest = (struct cred_span){end + 1, (size_t)(line.at + line.len - end - 1)};
	if (cred_span_uncomment(cred_span_trim(rest)).len > 0)
		return cart_error_set(reader->error, "%s:%u: text after a section's ]",
				      reader->path, reader->line);
	reader->ours = cred_reader_is_ours(
		reader,
		cred_span_trim((struct cred_span){line.at + 1, (size_t)(end - line.at - 1)}));
	reader->section->found |= reader->ours;
	reader->indent = SIZE_MAX;
	return 0;
}

static void cred_secret_free(char *value)
{
	if (value != NULL)
		explicit_bzero(value, strlen(value));
	free(value);
}

/* The last one counts. */
static int cred_reader_set(struct cred_reader *reader, enum cred_key key, struct cred_span value)
{
	char *copy;

	/* In a command, " ;" and " #" are the shell's. */
	if (key != CRED_KEY_PROCESS)
		value = cred_span_uncomment(value);
	copy = malloc(value.len + 1);
	if (copy == NULL)
		return cart_error_set(reader->error, "out of memory");
	memcpy(copy, value.at, value.len);
	copy[value.len] = '\0';
	cred_secret_free(reader->section->values[key]);
	reader->section->values[key] = copy;
	return 0;
}

static int cred_reader_key(struct cred_reader *reader, struct cred_span line)
{
	const char *equals = memchr(line.at, '=', line.len);
	struct cred_span name, value;

	if (!reader->ours)
		return 0;
	if (equals == NULL)
		return cart_error_set(reader->error, "%s:%u: neither \"key = value\" nor [section]",
				      reader->path, reader->line);
	name = cred_span_trim((struct cred_span){line.at, (size_t)(equals - line.at)});
	value = cred_span_trim(
		(struct cred_span){equals + 1, (size_t)(line.at + line.len - equals - 1)});
	for (int key = 0; key < CRED_KEYS; key++)
		if (name.len == strlen(cred_key_names[key]) &&
		    strncasecmp(name.at, cred_key_names[key], name.len) == 0)
			return cred_reader_set(reader, (enum cred_key)key, value);
	return 0;
}

static int cred_reader_line(struct cred_reader *reader, struct cred_span whole)
{
	struct cred_span line = cred_span_trim(whole);
	size_t indent = (size_t)(line.at - whole.at);

	reader->line++;
	if (whole.len > CRED_LINE_MAX)
		return cart_error_set(reader->error, "%s:%u: the line is longer than %d bytes",
				      reader->path, reader->line, CRED_LINE_MAX);
	if (memchr(whole.at, '\0', whole.len) != NULL)
		return cart_error_set(reader->error, "%s:%u: a NUL byte: this is not a text file",
				      reader->path, reader->line);
	if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
		return 0;
	if (indent > reader->indent)
		return 0;
	if (line.at[0] == '[')
		return cred_reader_section(reader, line);
	reader->indent = indent;
	return cred_reader_key(reader, line);
}

int cred_section_read(struct cred_section *section, const char *text, size_t len,
		      const char *profile, bool is_config, const char *path,
		      struct cart_error *error)
{
	struct cred_reader reader = {
		.section = section,
		.profile = profile,
		.is_config = is_config,
		.path = path,
		.indent = SIZE_MAX,
		.error = error,
	};
	struct cred_span rest = {text, len};

	if (rest.len >= 3 && memcmp(rest.at, "\xef\xbb\xbf", 3) == 0)
		rest = (struct cred_span){text + 3, len - 3};
	while (rest.len > 0) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t line = end != NULL ? (size_t)(end - rest.at) : rest.len;

		if (cred_reader_line(&reader, (struct cred_span){rest.at, line}) != 0)
			return -1;
		line += end != NULL;
		rest = (struct cred_span){rest.at + line, rest.len - line};
	}
	return 0;
}

void cred_section_free(struct cred_section *section)
{
	for (int key = 0; key < CRED_KEYS; key++)
		cred_secret_free(section->values[key]);
	*section = (struct cred_section){0};
}
