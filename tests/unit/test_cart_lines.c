#include "core/cart_lines.h"
#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static enum cart_result read_items(struct cart *cart, const char *text)
{
	*cart = (struct cart){0};
	return cart_lines_read(cart, text, strlen(text));
}

static void what_is_written_is_read_back(void **state)
{
	struct cart_line lines[300];
	struct cart cart = {.lines = lines}, back;
	struct buf out = {0};

	(void)state;
	for (size_t count = 0; count <= 300; count += 50) {
		cart.line_count = count;
		for (size_t i = 0; i < count; i++)
			lines[i] = (struct cart_line){
				.product_id = id_of(SHOP_ID_NUMBER_MAX - 300 + (int64_t)i),
				.quantity = 1 + (int64_t)i,
				.added_ms = INT64_C(253402300799999),
				.updated_ms = 0,
			};
		buf_reset(&out);
		cart_lines_write(&out, &cart);
		assert_int_equal(read_items(&back, buf_string(&out)), CART_OK);
		assert_true(same_lines(&back, &cart));
		cart_clear(&back);
	}
	buf_free(&out);
}

static void the_text_is_json_as_the_schema_says(void **state)
{
	struct cart_line lines[] = {{id_of(1), 2, 3, 4, NULL}, {id_of(5), 6, 7, 8, NULL}};
	struct cart cart = {.lines = lines, .line_count = 2};
	struct buf out = {0};

	(void)state;
	cart_lines_write(&out, &cart);
	assert_string_equal(buf_string(&out), "[[\"1\",2,3,4],[\"5\",6,7,8]]");
	cart.line_count = 0;
	buf_reset(&out);
	cart_lines_write(&out, &cart);
	assert_string_equal(buf_string(&out), "[]");
	buf_free(&out);
}

/* What ids of shops may hold, and JSON does not take as it is. */
static void an_id_of_any_visible_ascii_comes_back(void **state)
{
	struct cart_line lines[] = {{{SHOP_ID_MAX, ""}, 1, 2, 3, NULL},
				    {{SHOP_ID_MAX, ""}, 4, 5, 6, NULL}};
	struct cart cart = {.lines = lines, .line_count = 2}, back;
	struct buf out = {0};

	(void)state;
	memset(lines[0].product_id.text, '"', SHOP_ID_MAX);
	for (int i = 0; i < SHOP_ID_MAX; i++)
		lines[1].product_id.text[i] = (char)(i < 33 ? '\\' : 33 + i);
	cart_lines_write(&out, &cart);
	assert_int_equal(read_items(&back, buf_string(&out)), CART_OK);
	assert_true(same_lines(&back, &cart));
	cart_clear(&back);
	buf_free(&out);
}

static void attributes_are_a_fifth_element(void **state)
{
	char texts[2][40] = {"{\"},]\":\"[{\\\"}]\"}", "{\"a\":1,\"b\":true}"};
	struct cart_line lines[] = {{id_of(1), 2, 3, 4, texts[0]},
				    {id_of(5), 6, 7, 8, NULL},
				    {id_of(6), 6, 7, 8, texts[1]}};
	struct cart cart = {.lines = lines, .line_count = 3}, back;
	struct buf out = {0};

	(void)state;
	cart_lines_write(&out, &cart);
	assert_string_equal(buf_string(&out), "[[\"1\",2,3,4,{\"},]\":\"[{\\\"}]\"}],[\"5\",6,7,8],"
					      "[\"6\",6,7,8,{\"a\":1,\"b\":true}]]");
	assert_int_equal(read_items(&back, buf_string(&out)), CART_OK);
	assert_true(same_lines(&back, &cart));
	cart_clear(&back);
	buf_free(&out);
}

static void anything_else_is_a_damaged_file(void **state)
{
	static const char *const damaged[] = {
		"",
		"[",
		"[[\"1\",2,3,4]",
		"[[\"1\",2,3,4],]",
		"[[\"1\",2,3]]",
		"[[\"1\",2,3,4,5]]",
		"[[\"1\",2,3,4][\"5\",6,7,8]]",
		"[[\"5\",6,7,8],[\"1\",2,3,4]]",
		"[[\"1\",2,3,4],[\"1\",2,3,4]]",
		"[[\"1\",2,3,4]] ",
		"[[\"1\",-2,3,4]]",
		"[[\"1\",2.5,3,4]]",
		"[[\"1\",2,3,\"4\"]]",
		"[[\"1\",9999999999999999999,3,4]]",
		"[[1,2,3,4]]",
		"[[\"\",2,3,4]]",
		"[[\"1,2,3,4]]",
		"[[\"1\\",
		"[[\"01234567890123456789012345678901234567890123456789012345678901234\",2,3,4]]",
		"{}",
		"null",
		",,,,,,,,,,,,,,,,",
		"[[\"1\",2,3,4,{\"a\":1}",
		"[[\"1\",2,3,4,{\"a\":1}]",
		"[[\"1\",2,3,4,{\"a\":1},5]]",
		"[[\"1\",2,3,4,{}]]",
		"[[\"1\",2,3,4,{\"a\":\"}]]",
		"[[\"1\",2,3,4,{\"a\":\"\\",
		"[[\"1\",2,3,4,{\"a\":1.5}]]",
		"[[\"1\",2,3,4,{\"a\":{\"b\":1}}]]",
		"[[\"1\",2,3,4,{\"a\":\"\xff\"}]]",
		"[[\"1\",2,3,4,null]]",
		"[[\"1\",2,3,4,\"a\"]]",
		"[[\"1\",2,3,4,{\"a\":1}],[\"1\",2,3,4,{\"a\":1}]]",
	};
	struct cart cart;

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		assert_int_equal(read_items(&cart, damaged[i]), CART_DAMAGED);
		assert_int_equal(cart.line_count, 0);
		cart_clear(&cart);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(the_text_is_json_as_the_schema_says),
		cmocka_unit_test(an_id_of_any_visible_ascii_comes_back),
		cmocka_unit_test(attributes_are_a_fifth_element),
		cmocka_unit_test(anything_else_is_a_damaged_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
