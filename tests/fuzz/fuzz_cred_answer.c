/*
 * Any bytes as an answer with AWS credentials: JSON of a container, of instance metadata and of a
 * process, XML of STS. What is taken is fit for a header; what is refused is refused by one line,
 * which quotes no secret.
 */
#include "aws/cred.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_cred_answer: not true: %s\n", #condition);           \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define SECRET "hush-0123456789abcdef"

static bool fuzz_is_for_header(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x21 || *text > 0x7e)
			return false;
	return true;
}

static void fuzz_check(int result, const struct aws_credentials *got,
		       const struct cart_error *error)
{
	if (result != 0) {
		FUZZ_CHECK(error->text[0] != '\0' && strpbrk(error->text, "\r\n") == NULL);
		FUZZ_CHECK(strstr(error->text, "hush-0123456789a") == NULL);
		return;
	}
	FUZZ_CHECK(got->access_key_id[0] != '\0' && fuzz_is_for_header(got->access_key_id));
	FUZZ_CHECK(got->secret_access_key[0] != '\0' && fuzz_is_for_header(got->secret_access_key));
	FUZZ_CHECK(fuzz_is_for_header(got->session_token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cred_json_form forms[] = {
		{.what = "the answer", .token_name = "Token"},
		{.what = "its output", .token_name = "SessionToken"},
	};
	struct cart_error error = {""};
	struct aws_credentials got = {0};
	struct cred_text text;

	FUZZ_CHECK(cred_text_new(&text, size, &error) == 0);
	FUZZ_CHECK(cred_text_add(&text, data, size));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		fuzz_check(cred_json_read(&text, &forms[i], &got, &error), &got, &error);
	fuzz_check(cred_sts_read(&text, SECRET, &got, &error), &got, &error);
	cred_text_free(&text);
	return 0;
}
