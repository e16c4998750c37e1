#include "server/api/problem.h"

#include "tests/lib/cmocka.h"

#include <jansson.h>
#include <string.h>

static void every_result_has_a_status_and_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = CART_OK + 1; i < CART_RESULTS; i++) {
		struct problem problem = problem_of_result((enum cart_result)i);

		assert_true(problem.status >= 400 && problem.status < 600);
		for (int j = CART_OK + 1; j < i; j++)
			if ((j != CART_BUSY || i != CART_CANCELED) &&
			    (j != CART_DAMAGED || i != CART_FAILED) &&
			    (j != CART_CURSOR_GONE || i != CART_CURSOR_FOREIGN))
				assert_string_not_equal(
					problem.error,
					problem_of_result((enum cart_result)j).error);
	}
}

static void only_uncertain_says_that_the_outcome_is_unknown(void **state)
{
	(void)state;
	for (int i = CART_OK + 1; i < CART_RESULTS; i++)
		assert_int_equal(strcmp(problem_of_result((enum cart_result)i).error,
					"OUTCOME_UNKNOWN") == 0,
				 i == CART_UNCERTAIN);
}

static void a_problem_is_json_with_the_members_twice(void **state)
{
	struct buf out = {0};
	json_t *json;

	(void)state;
	problem_write(&out, problem_of_result(CART_MISMATCH), "it is \"4\"\n");
	json = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_int_equal(json_object_size(json), 6);
	assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
	assert_string_equal(json_string_value(json_object_get(json, "title")),
			    "Precondition Failed");
	assert_int_equal(json_integer_value(json_object_get(json, "status")), 412);
	assert_string_equal(json_string_value(json_object_get(json, "error")), "VERSION_MISMATCH");
	assert_string_equal(json_string_value(json_object_get(json, "detail")), "it is \"4\"\n");
	assert_true(json_equal(json_object_get(json, "detail"), json_object_get(json, "message")));
	json_decref(json);
	buf_free(&out);
}

static void a_refusal_keeps_its_status(void **state)
{
	static const int statuses[] = {400, 408, 413, 414, 417, 421, 431, 500, 501, 503, 505};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		assert_int_equal(problem_of_refusal(statuses[i]).status, statuses[i]);
	assert_string_equal(problem_of_refusal(431).error, "BAD_REQUEST");
	assert_string_equal(problem_of_refusal(413).error, "TOO_LARGE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_has_a_status_and_a_name_of_its_own),
		cmocka_unit_test(only_uncertain_says_that_the_outcome_is_unknown),
		cmocka_unit_test(a_problem_is_json_with_the_members_twice),
		cmocka_unit_test(a_refusal_keeps_its_status),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
