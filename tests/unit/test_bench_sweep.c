#include "bench/load/sweep.h"
#include "tests/lib/cmocka.h"

#include <string.h>

#define POINT(at_, throughput_, p50_)                                                              \
	{                                                                                          \
		.at = (at_), .throughput = (throughput_), .p50_ms = (p50_), .valid = true          \
	}
#define COUNT(points_) (sizeof(points_) / sizeof(*(points_)))

static void the_knee_is_where_latency_begins_to_rise_faster(void **state)
{
	/* A server of one at a time with 1 ms of network: 2, 4, 8 clients help, 16 wait. */
	const struct sweep_point points[] = {
		POINT(1, 900, 1.1),   POINT(2, 1800, 1.1),  POINT(4, 3500, 1.15),
		POINT(8, 6500, 1.25), POINT(16, 8000, 2.0), POINT(32, 8200, 3.9),
	};

	(void)state;
	assert_int_equal(sweep_knee(points, 6), 3);
	/* Not before two points have shown that it was the knee. */
	assert_int_equal(sweep_knee(points, 5), -1);
	assert_int_equal(sweep_knee(points, 0), -1);
}

static void a_target_that_gains_nothing_has_its_knee_at_the_first_point(void **state)
{
	const struct sweep_point points[] = {POINT(1, 500, 2), POINT(2, 510, 4), POINT(4, 500, 8)};

	(void)state;
	assert_int_equal(sweep_knee(points, COUNT(points)), 0);
}

static void a_sweep_goes_on_while_more_is_to_be_had(void **state)
{
	/* Waiting requests share a flush: latency is lost at once, throughput is won for long. */
	const struct sweep_point points[] = {
		POINT(1, 1000, 1),  POINT(2, 1150, 2),	POINT(4, 1300, 4),  POINT(8, 3000, 3),
		POINT(16, 6000, 3), POINT(32, 9000, 4), POINT(64, 9300, 8), POINT(128, 9400, 15),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++)
		assert_false(sweep_is_over(points, i));
	assert_true(sweep_is_over(points, COUNT(points)));
}

static void points_that_are_not_valid_do_not_count(void **state)
{
	struct sweep_point points[] = {
		POINT(1, 1000, 1), POINT(2, 9000, 1),	POINT(4, 1400, 2),
		POINT(8, 1400, 5), POINT(16, 1400, 10),
	};

	(void)state;
	points[1].valid = false;
	strcpy(points[1].why, "cartbench was late");
	points[3].valid = false;
	assert_int_equal(sweep_knee(points, 4), -1);
	assert_int_equal(sweep_knee(points, 5), 0);
	for (size_t i = 0; i < COUNT(points); i++)
		points[i].valid = false;
	assert_int_equal(sweep_knee(points, 5), -1);
}

static void the_document_names_the_knee_and_why_a_point_is_invalid(void **state)
{
	struct sweep_point points[] = {POINT(1, 500, 2), POINT(2, 510, 4), POINT(4, 500, 8)};
	json_t *json, *point;

	(void)state;
	points[2].valid = false;
	strcpy(points[2].why, "late");
	json = sweep_json(points, 3, "A", "clients");
	assert_true(json_is_null(json_object_get(json, "knee")));
	point = json_array_get(json_object_get(json, "points"), 2);
	assert_string_equal(json_string_value(json_object_get(point, "why")), "late");
	assert_int_equal(json_integer_value(json_object_get(point, "clients")), 4);
	json_decref(json);
	points[2].valid = true;
	json = sweep_json(points, 3, "A", "rate");
	assert_int_equal(json_integer_value(json_object_get(json, "knee")), 0);
	assert_true(json_is_real(
		json_object_get(json_array_get(json_object_get(json, "points"), 0), "rate")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_knee_is_where_latency_begins_to_rise_faster),
		cmocka_unit_test(a_target_that_gains_nothing_has_its_knee_at_the_first_point),
		cmocka_unit_test(a_sweep_goes_on_while_more_is_to_be_had),
		cmocka_unit_test(points_that_are_not_valid_do_not_count),
		cmocka_unit_test(the_document_names_the_knee_and_why_a_point_is_invalid),
	};

	return cmocka_run_group_tests_name("the knee", tests, NULL, NULL);
}
