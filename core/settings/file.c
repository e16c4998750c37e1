/*
 * Settings out of an INI file. libinih splits the lines; we hand them to it one by one, so as to
 * know their numbers and to refuse what it would take silently: a line cut at its buffer's end,
 * a NUL, text after a section's bracket.
 */
#include "core/settings/internal.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS_LINE_MAX 4096

struct settings_file {
	struct settings *settings;
	const char *path;
	FILE *stream;
	unsigned line;
	bool failed; /* error says why */
	struct cart_error *error;
};

CART_PRINTF(2, 3)
static void settings_file_fail(struct settings_file *file, const char *format, ...)
{
	char text[CART_ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cart_error_set(file->error, "%s:%u: %s", file->path, file->line, text);
	file->failed = true;
}

/* libinih ends a section at its first bracket and takes what follows for a comment. */
static void settings_file_check_section(struct settings_file *file, const char *line)
{
	const char *start = line + strspn(line, " \t");
	size_t len = strlen(start);

	if (*start != '[')
		return;
	while (len > 0 && strchr(" \t\r\n", start[len - 1]) != NULL)
		len--;
	if (strcspn(start, "]") != len - 1) {
		char text[SETTINGS_QUOTED_TEXT], quoted[SETTINGS_QUOTED_TEXT];

		snprintf(text, sizeof(text), "%.*s", (int)len, start);
		settings_file_fail(file, "%s is not a section such as [http]",
				   settings_quote(text, quoted));
	}
}

/* Fills a line, as fgets() does. NULL: the end, or an error. */
static char *settings_file_read(char *line, int room, void *stream)
{
	struct settings_file *file = stream;
	int c, n = 0;

	if (file->failed)
		return NULL;
	file->line++;
	while ((c = getc_unlocked(file->stream)) != EOF) {
		if (n >= room - 1 || n >= SETTINGS_LINE_MAX) {
			settings_file_fail(file, "the line is longer than %d bytes",
					   SETTINGS_LINE_MAX);
			return NULL;
		}
		if (c == '\0') {
			settings_file_fail(file, "a NUL byte: this is not a text file");
			return NULL;
		}
		line[n++] = (char)c;
		if (c == '\n')
			break;
	}
	if (n == 0 || ferror(file->stream))
		return NULL;
	line[n] = '\0';
	settings_file_check_section(file, line);
	return file->failed ? NULL : line;
}

/* Quotes around a whole value are not part of it. They keep spaces at its ends. */
static char *settings_file_unquote(const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
		return strndup(value + 1, len - 2);
	return strdup(value);
}

/* 1: go on. 0: stop, as libinih wants it. */
static int settings_file_value(void *user, const char *section, const char *name,
			       const char *quoted)
{
	struct settings_file *file = user;
	struct settings_entry *entry;
	struct cart_error error;
	char key[SETTINGS_QUOTED_TEXT];
	char *value;

	snprintf(key, sizeof(key), "%s%s%s", section, *section == '\0' ? "" : ".", name);
	entry = settings_require(file->settings, key, &error);
	if (entry == NULL) {
		settings_file_fail(file, "%s", error.text);
		return 0;
	}
	if (entry->line != 0 && entry->type != SETTING_LIST) {
		settings_file_fail(file, "%s is already set in line %u", key, entry->line);
		return 0;
	}
	value = settings_file_unquote(quoted);
	if (value == NULL)
		settings_file_fail(file, "out of memory");
	else if (settings_assign(entry, key, value, SETTING_FILE, &error) != 0)
		settings_file_fail(file, "%s", error.text);
	settings_secret_free(value);
	entry->line = file->line;
	return !file->failed;
}

/*
 * libinih's options are variables of the library. A line that starts with a space is a line like
 * others, not more of the value before; a value may hold a semicolon (passwords do).
 */
static void settings_file_configure(void)
{
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_stop_on_first_error = true;
	ini_use_stack = false;
	ini_initial_alloc = ini_max_line = SETTINGS_LINE_MAX + 3;
}

static void settings_file_parse(struct settings_file *file)
{
	int rc = ini_parse_stream(settings_file_read, file, settings_file_value, file);

	if (file->failed)
		return;
	if (ferror(file->stream)) {
		cart_error_set(file->error, "cannot read %s: %s", file->path, strerror(errno));
		file->failed = true;
	} else if (rc > 0) {
		settings_file_fail(file, "neither \"key = value\" nor [section] nor a comment");
	} else if (rc < 0) {
		settings_file_fail(file, "out of memory");
	}
}

int settings_load_file(struct settings *settings, const char *path, struct cart_error *error)
{
	struct settings_file file = {
		.settings = settings,
		.path = path,
		.error = error,
		.stream = fopen(path, "re"),
	};

	if (file.stream == NULL)
		return cart_error_set(error, "cannot open %s: %s", path, strerror(errno));
	for (size_t i = 0; i < settings->count; i++)
		settings->entries[i]->line = 0;
	settings_file_configure();
	settings_file_parse(&file);
	fclose(file.stream);
	return file.failed ? -1 : 0;
}
