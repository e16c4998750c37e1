#include "core/cart_diff.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"

#include <stdio.h>

#define TEXT_MAX 256

/* "+3 ~5 -9 ": what the diff says, with the product of each line. */
static const char *differences(const struct cart *before, const struct cart *after)
{
	static char text[TEXT_MAX];
	struct cart_diff diff;
	size_t len = 0;

	text[0] = '\0';
	cart_diff_begin(&diff, before, after);
	while (cart_diff_next(&diff)) {
		const struct cart_line *line = diff.after != NULL ? diff.after : diff.before;

		assert_true((diff.before == NULL) == (diff.change == CART_DIFF_ADDED));
		assert_true((diff.after == NULL) == (diff.change == CART_DIFF_REMOVED));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%c%s ", "+~-"[diff.change],
					line -> product_id.text);
	}
	return text;
}

static struct cart_line line_of(int64_t product, int64_t quantity)
{
	return (struct cart_line){
		.product_id = id_of(product), .quantity = quantity, .added_ms = 1, .updated_ms = 2};
}

static void lines_are_added_changed_and_removed(void **state)
{
	struct cart_line was[] = {line_of(2, 1), line_of(4, 1), line_of(6, 1), line_of(8, 1)};
	struct cart_line is[] = {line_of(1, 1), line_of(4, 7), line_of(6, 1), line_of(9, 1)};
	const struct cart before = {.lines = was, .line_count = 4};
	const struct cart after = {.lines = is, .line_count = 4};

	(void)state;
	assert_string_equal(differences(&before, &after), "+1 -2 ~4 -8 +9 ");
	assert_string_equal(differences(&after, &before), "-1 +2 ~4 +8 -9 ");
}

static void what_is_the_same_does_not_differ(void **state)
{
	struct cart_line lines[] = {line_of(2, 1), line_of(4, 1)};
	const struct cart cart = {.lines = lines, .line_count = 2};
	const struct cart empty = {0};

	(void)state;
	assert_string_equal(differences(&cart, &cart), "");
	assert_string_equal(differences(&empty, &empty), "");
	assert_string_equal(differences(&empty, &cart), "+2 +4 ");
	assert_string_equal(differences(&cart, &empty), "-2 -4 ");
}

static void a_line_differs_by_any_of_its_members(void **state)
{
	struct cart_line was = line_of(2, 1), is;
	const struct cart before = {.lines = &was, .line_count = 1};
	const struct cart after = {.lines = &is, .line_count = 1};

	(void)state;
	is = was;
	is.quantity++;
	assert_string_equal(differences(&before, &after), "~2 ");
	is = was;
	is.added_ms++;
	assert_string_equal(differences(&before, &after), "~2 ");
	is = was;
	is.updated_ms++;
	assert_string_equal(differences(&before, &after), "~2 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_added_changed_and_removed),
		cmocka_unit_test(what_is_the_same_does_not_differ),
		cmocka_unit_test(a_line_differs_by_any_of_its_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
