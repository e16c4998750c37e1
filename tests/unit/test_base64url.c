#include "core/base/base64url.h"

#include "tests/lib/cmocka.h"

#include <string.h>

static void expect(const char *bytes, const char *text)
{
	char encoded[64];
	uint8_t decoded[64];
	size_t size, len = strlen(bytes);

	assert_ptr_equal(base64url_encode(encoded, (const uint8_t *)bytes, len),
			 encoded + BASE64URL_TEXT(len));
	assert_string_equal(encoded, text);
	assert_true(base64url_decode(decoded, &size, text, strlen(text)));
	assert_int_equal(size, len);
	assert_true(size <= BASE64URL_BYTES(strlen(text)));
	assert_memory_equal(decoded, bytes, len);
}

/* RFC 4648, section 10, and RFC 7515, appendix C. */
static void bytes_are_written_and_read(void **state)
{
	(void)state;
	expect("", "");
	expect("f", "Zg");
	expect("fo", "Zm8");
	expect("foo", "Zm9v");
	expect("foob", "Zm9vYg");
	expect("fooba", "Zm9vYmE");
	expect("foobar", "Zm9vYmFy");
	expect("\x03\xec\xff\xe0\xc1", "A-z_4ME");
}

static void what_is_not_the_one_text_of_some_bytes_is_refused(void **state)
{
	static const char *const wrong[] = {"A",  "Zg==", "Zm9vY", "Zh",  "Zm9",
					    "Z+", "Z/",	  "Z g",   "Zg\n"};
	uint8_t decoded[64];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(base64url_decode(decoded, &size, wrong[i], strlen(wrong[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_written_and_read),
		cmocka_unit_test(what_is_not_the_one_text_of_some_bytes_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
