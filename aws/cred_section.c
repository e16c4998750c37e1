/*
 * Reads a section of AWS's shared files. They are not quite INI: a line that is indented deeper
 * than the key before it belongs to that key ("dynamodb =", then "  endpoint_url = http://…"). In a
 * profile such lines are skipped; in a section of services they are what is read. libinih is not
 * used: its options are variables of the whole process, which the settings file sets for itself,
 * and lines are longer here.
 *
 * Source: "Shared config and credentials files" (AWS SDKs and tools reference guide).
 */
#include "aws/cred.h"

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
	[CRED_KEY_ENDPOINT] = "endpoint_url",
	[CRED_KEY_SERVICES] = "services",
	[CRED_KEY_IGNORE_ENDPOINTS] = "ignore_configured_endpoint_urls",
	[CRED_KEY_FIPS] = "use_fips_endpoint",
	[CRED_KEY_DUAL_STACK] = "use_dualstack_endpoint",
	[CRED_KEY_ACCOUNT_MODE] = "account_id_endpoint_mode",
	[CRED_KEY_CA] = "ca_bundle",
	[CRED_KEY_ROLE] = "role_arn",
	[CRED_KEY_WEB_TOKEN] = "web_identity_token_file",
	[CRED_KEY_SSO_SESSION] = "sso_session",
	[CRED_KEY_SSO_URL] = "sso_start_url",
	[CRED_KEY_LOGIN] = "login_session",
};

/* What the lines are that are indented deeper than the last key. */
enum cred_below {
	CRED_BELOW_OTHERS,   /* of another service */
	CRED_BELOW_OURS,     /* of the service that is looked for */
	CRED_BELOW_MISPLACED /* of a key that has no such lines: an endpoint_url is a mistake */
};

struct cred_reader {
	struct cred_section *section;
	const struct cred_section_of *of;
	const char *path;
	unsigned line;
	bool ours; /* the section */
	enum cred_below below;
	size_t indent; /* of the last key in this section; SIZE_MAX: there is none yet */
	struct cart_error *error;
};

static bool cred_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends. */
static char *cred_trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && cred_is_blank(end[-1]))
		*--end = '\0';
	while (cred_is_blank(*text))
		text++;
	return text;
}

/* Cuts a comment: from a # or ; that is the first character or follows a blank. */
static char *cred_uncomment(char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if ((*at == '#' || *at == ';') && (at == text || cred_is_blank(at[-1]))) {
			*at = '\0';
			break;
		}
	return cred_trim(text);
}

/* The word before the name in the config file: [default], [profile NAME], [services "NAME"]. The
 * other file has [NAME]. */
static bool cred_reader_is_ours(const struct cred_reader *reader, char *name)
{
	const char *word = reader->of->service != NULL ? "services" : "profile";
	size_t len = strlen(word);

	if (reader->of->service == NULL && (!reader->of->is_config || strcmp(name, "default") == 0))
		return strcmp(name, reader->of->name) == 0;
	if (strncmp(name, word, len) != 0 || !cred_is_blank(name[len]))
		return false;
	name = cred_trim(name + len);
	len = strlen(name);
	if (len >= 2 && (name[0] == '"' || name[0] == '\'') && name[len - 1] == name[0]) {
		name[len - 1] = '\0';
		name++;
	}
	return strcmp(name, reader->of->name) == 0;
}

static int cred_reader_section(struct cred_reader *reader, char *line)
{
	char *end = strchr(line, ']');

	if (end == NULL)
		return cart_error_set(reader->error, "%s:%u: a section without its ]", reader->path,
				      reader->line);
	if (*cred_uncomment(cred_trim(end + 1)) != '\0')
		return cart_error_set(reader->error, "%s:%u: text after a section's ]",
				      reader->path, reader->line);
	*end = '\0';
	reader->ours = cred_reader_is_ours(reader, cred_trim(line + 1));
	reader->section->found |= reader->ours;
	reader->below = CRED_BELOW_OTHERS;
	reader->indent = SIZE_MAX;
	return 0;
}

static void cred_secret_free(char *value)
{
	if (value != NULL)
		explicit_bzero(value, strlen(value));
	free(value);
}

static int cred_reader_take(struct cred_reader *reader, const char *name, char *value)
{
	int key = 0;
	char *copy;

	while (key < CRED_KEYS && strcasecmp(name, cred_key_names[key]) != 0)
		key++;
	if (key == CRED_KEYS)
		return 0;
	value = cred_trim(value);
	/* In a command, " ;" and " #" are the shell's. */
	copy = strdup(key != CRED_KEY_PROCESS ? cred_uncomment(value) : value);
	if (copy == NULL)
		return cart_error_set(reader->error, "out of memory");
	/* The last value of a key counts. */
	cred_secret_free(reader->section->values[key]);
	reader->section->values[key] = copy;
	return 0;
}

/* What SDKs skip without a word too; but then a test would reach the real AWS. */
static int cred_reader_misplaced(const struct cred_reader *reader)
{
	return cart_error_set(reader->error,
			      "%s:%u: an endpoint_url that is not read: it belongs in the profile, "
			      "not indented, or in [services NAME], indented below \"dynamodb =\"",
			      reader->path, reader->line);
}

/* A key that stands by itself: decides what the lines below it are. */
static int cred_reader_top_key(struct cred_reader *reader, const char *name, char *value)
{
	const char *service = reader->of->service;
	bool empty = *cred_trim(value) == '\0';

	if (service == NULL) {
		reader->below = empty && strcasecmp(name, "dynamodb") != 0 ? CRED_BELOW_OTHERS
									   : CRED_BELOW_MISPLACED;
		return cred_reader_take(reader, name, value);
	}
	reader->below = strcasecmp(name, service) == 0 ? CRED_BELOW_OURS : CRED_BELOW_OTHERS;
	if ((reader->below == CRED_BELOW_OURS && !empty) ||
	    strcasecmp(name, cred_key_names[CRED_KEY_ENDPOINT]) == 0)
		return cred_reader_misplaced(reader);
	return 0;
}

/* nested: the line belongs to the key before. */
static int cred_reader_key(struct cred_reader *reader, char *line, bool nested)
{
	char *value = strchr(line, '=');

	if (!reader->ours || (nested && reader->below == CRED_BELOW_OTHERS))
		return 0;
	if (value == NULL && nested && reader->below == CRED_BELOW_MISPLACED)
		return 0;
	if (value == NULL)
		return cart_error_set(reader->error, "%s:%u: neither \"key = value\" nor [section]",
				      reader->path, reader->line);
	*value++ = '\0';
	line = cred_trim(line);
	if (!nested)
		return cred_reader_top_key(reader, line, value);
	if (reader->below == CRED_BELOW_OURS)
		return cred_reader_take(reader, line, value);
	return strcasecmp(line, cred_key_names[CRED_KEY_ENDPOINT]) == 0
		       ? cred_reader_misplaced(reader)
		       : 0;
}

static int cred_reader_line(struct cred_reader *reader, char *whole, size_t len)
{
	char *line;
	size_t indent;
	bool nested;

	reader->line++;
	if (len > CRED_LINE_MAX)
		return cart_error_set(reader->error, "%s:%u: the line is longer than %d bytes",
				      reader->path, reader->line, CRED_LINE_MAX);
	if (strlen(whole) != len)
		return cart_error_set(reader->error, "%s:%u: a NUL byte: this is not a text file",
				      reader->path, reader->line);
	line = cred_trim(whole);
	indent = (size_t)(line - whole);
	nested = indent > reader->indent;
	if (*line == '\0' || *line == '#' || *line == ';')
		return 0;
	if (*line == '[' && !nested)
		return cred_reader_section(reader, line);
	if (!nested)
		reader->indent = indent;
	return cred_reader_key(reader, line, nested);
}

int cred_section_read(struct cred_section *section, struct cred_text *text,
		      const struct cred_section_of *of, const char *path, struct cart_error *error)
{
	struct cred_reader reader = {
		.section = section,
		.of = of,
		.path = path,
		.indent = SIZE_MAX,
		.error = error,
	};
	char *line = text->data, *end = text->data + text->len;

	if (text->len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	while (line < end) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		char *next = newline != NULL ? newline : end;

		*next = '\0';
		if (cred_reader_line(&reader, line, (size_t)(next - line)) != 0)
			return -1;
		line = next + 1;
	}
	return 0;
}

void cred_section_free(struct cred_section *section)
{
	for (int key = 0; key < CRED_KEYS; key++)
		cred_secret_free(section->values[key]);
	*section = (struct cred_section){0};
}
