#include "core/base/random.h"

#include "tests/lib/cmocka.h"

static void generators_that_are_seeded_differ(void **state)
{
	struct random first, second;

	(void)state;
	random_seed(&first);
	random_seed(&second);
	assert_true(random_next(&first) != random_next(&second));
}

/* The reference values of SplitMix64 for the seed 1234567. */
static void the_sequence_is_that_of_splitmix64(void **state)
{
	static const uint64_t expected[] = {UINT64_C(6457827717110365317),
					    UINT64_C(3203168211198807973),
					    UINT64_C(9817491932198370423)};
	struct random random = {1234567};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_true(random_next(&random) == expected[i]);
}

/* Each of the 64 bits is set in about half of the draws. */
static void every_bit_is_random(void **state)
{
	struct random random = {1};
	int set[64] = {0};

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t draw = random_next(&random);

		for (int bit = 0; bit < 64; bit++)
			set[bit] += (int)(draw >> bit & 1);
	}
	for (int bit = 0; bit < 64; bit++)
		assert_in_range(set[bit], 4700, 5300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generators_that_are_seeded_differ),
		cmocka_unit_test(the_sequence_is_that_of_splitmix64),
		cmocka_unit_test(every_bit_is_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
