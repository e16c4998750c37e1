/*
 * Any bytes as AWS's shared files, the first of them telling which profile is looked for in which:
 * they are taken or refused by one line that quotes nothing of them, and a profile that was not
 * found has no values.
 */
#include "aws/cred.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_ddb_profile: not true: %s\n", #condition);           \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* "file:12: " and one of a few phrases. */
static void fuzz_check_error(const char *text)
{
	static const char *const said[] = {"a section without its ]",
					   "text after a section's ]",
					   "neither \"key = value\" nor [section]",
					   "the line is longer than",
					   "a NUL byte",
					   "an endpoint_url that is not read"};
	const char *why = strstr(text, ": ");
	bool known = false;

	FUZZ_CHECK(strncmp(text, "file:", 5) == 0 && why != NULL);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		known |= strncmp(why + 2, said[i], strlen(said[i])) == 0;
	FUZZ_CHECK(known);
	FUZZ_CHECK(strpbrk(text, "\r\n") == NULL);
}

static void fuzz_check_section(const struct cred_section *section)
{
	for (int key = 0; key < CRED_KEYS; key++) {
		const char *value = section->values[key];

		FUZZ_CHECK(value == NULL || section->found);
		if (value == NULL)
			continue;
		FUZZ_CHECK(strchr(value, '\n') == NULL);
		FUZZ_CHECK(*value == '\0' || strchr(" \t\r", *value) == NULL);
		FUZZ_CHECK(*value == '\0' || strchr(" \t\r", value[strlen(value) - 1]) == NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cred_section section = {0};
	struct cart_error error = {""};
	const struct cred_section_of of = {
		.name = size > 0 && (data[0] & 2) != 0 ? "x" : "default",
		.service = size > 0 && (data[0] & 4) != 0 ? "dynamodb" : NULL,
		.is_config = size > 0 && (data[0] & 1) != 0,
	};

	if (size > 0) {
		struct cred_text text;

		FUZZ_CHECK(cred_text_new(&text, size - 1, &error) == 0);
		FUZZ_CHECK(cred_text_add(&text, data + 1, size - 1));
		if (cred_section_read(&section, &text, &of, "file", &error) != 0)
			fuzz_check_error(error.text);
		cred_text_free(&text);
	}
	fuzz_check_section(&section);
	cred_section_free(&section);
	return 0;
}
