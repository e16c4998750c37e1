/*
 * Any bytes as the settings file: they are taken or refused by one line, and what was taken is
 * printed as a file that says the same.
 */
#include "core/settings/settings.h"
#include "server/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Types that no setting of the service has yet, and a secret. */
static const struct setting fuzz_table[] = {
	{.key = "fuzz.string", .type = SETTING_STRING, .fallback = "", .help = "Help"},
	{.key = "fuzz.list", .type = SETTING_LIST, .fallback = "", .help = "Help"},
	{.key = "fuzz.bool", .type = SETTING_BOOL, .fallback = "no", .help = "Help"},
	{.key = "fuzz.secret", .type = SETTING_SECRET, .fallback = "", .help = "Help"},
	{0},
};

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_settings: not true: %s\n", #condition);              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct settings *fuzz_settings_new(void)
{
	struct settings *settings = settings_new();

	FUZZ_CHECK(settings != NULL);
	server_settings_add_all(settings);
	settings_add(settings, "Fuzz", fuzz_table);
	return settings;
}

static int fuzz_load(struct settings *settings, const void *data, size_t size,
		     struct cart_error *error)
{
	int fd = memfd_create("cartd.ini", MFD_CLOEXEC);
	char path[64];
	int rc;

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = settings_load_file(settings, path, error);
	close(fd);
	return rc;
}

/* The effective settings without comments, which say where values come from. */
static char *fuzz_print(const struct settings *settings)
{
	char *text = NULL, *to;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out != NULL);
	settings_print(settings, out);
	FUZZ_CHECK(fclose(out) == 0);
	to = text;
	for (char *line = text; *line != '\0';) {
		size_t line_len = strcspn(line, "\n") + 1;

		if (*line != '#') {
			memmove(to, line, line_len);
			to += line_len;
		}
		line += line_len;
	}
	*to = '\0';
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings *settings = fuzz_settings_new();
	struct cart_error error = {""};

	if (fuzz_load(settings, data, size, &error) != 0) {
		FUZZ_CHECK(error.text[0] != '\0');
		FUZZ_CHECK(strpbrk(error.text, "\r\n") == NULL);
	} else {
		struct settings *again = fuzz_settings_new();
		char *first = fuzz_print(settings), *second;

		FUZZ_CHECK(fuzz_load(again, first, strlen(first), &error) == 0);
		second = fuzz_print(again);
		FUZZ_CHECK(strcmp(first, second) == 0);
		free(first);
		free(second);
		settings_free(&again);
	}
	settings_free(&settings);
	return 0;
}
