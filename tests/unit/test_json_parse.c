/* JSON is read whole or not at all, whichever allocation fails. */
#include "core/base/json_parse.h"
#include "server/api/body.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <stdlib.h>
#include <string.h>

#define MEMBER "{\"a_name_that_is_longer_than_the_first_buffer\":[9007199254740991,\"text\"]}"
#define BODY   "{\"product_id\":9007199254740991,\"quantity\":2}"

/* What jansson calls, with the n-th call failing. */
static long calls, fails_at;
static json_malloc_t take;
static json_free_t give;

/* A sanitizer takes a size that nobody has for a mistake. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void *take_unless_due(size_t size)
{
	return ++calls == fails_at ? take(0x7fffffffffffffff) : take(size);
}

static int setup(void **state)
{
	json_t *json = json_parse("{}", 2, 0, NULL, NULL);

	(void)state;
	/* From now on it has its own functions, which ours stand in front of. */
	assert_non_null(json);
	json_decref(json);
	json_get_alloc_funcs(&take, &give);
	json_set_alloc_funcs(take_unless_due, give);
	calls = fails_at = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_set_alloc_funcs(take, give);
	return 0;
}

static void test_the_nth_allocation_fails_and_nothing_is_read_wrong(void **state)
{
	long nth = 0;

	(void)state;
	do {
		bool no_memory;
		json_t *json;
		char *text;

		fails_at = ++nth;
		calls = 0;
		json = json_parse(MEMBER, strlen(MEMBER), 0, NULL, &no_memory);
		fails_at = 0;
		assert_true(no_memory == (json == NULL));
		assert_true(no_memory == (calls >= nth));
		if (json == NULL)
			continue;
		text = json_dumps(json, JSON_COMPACT);
		assert_string_equal(text, MEMBER);
		give(text);
		json_decref(json);
		return;
	} while (nth < 1000);
	fail_msg("it never has enough");
}

static void test_what_is_no_json_is_not_for_want_of_memory(void **state)
{
	json_error_t error;
	bool no_memory;

	(void)state;
	assert_null(json_parse("{\"a\":", 5, 0, &error, &no_memory));
	assert_false(no_memory);
	assert_int_equal(json_error_code(&error), json_error_premature_end_of_input);
}

/* A product that lost a digit would be another product. */
static void test_a_body_is_refused_rather_than_read_wrong(void **state)
{
	(void)state;
	for (long nth = 1; nth < 1000; nth++) {
		const struct cart_rules rules = {.attributes_max = 256};
		struct changes changes = {0};
		char detail[BODY_DETAIL_MAX];
		enum body_result result;

		fails_at = nth;
		calls = 0;
		result = body_read_items(BODY, strlen(BODY), &rules, &changes, detail);
		if (result == BODY_OK) {
			assert_true(calls < nth);
			assert_id_equal(changes.all[0].product_id, INT64_C(9007199254740991));
			changes_clear(&changes);
			return;
		}
		changes_clear(&changes);
		assert_int_equal(result, BODY_NO_MEMORY);
	}
	fail_msg("it never has enough");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_nth_allocation_fails_and_nothing_is_read_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_json_is_not_for_want_of_memory,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_body_is_refused_rather_than_read_wrong,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
