/* Lines of the archive: what is written is read without a tree of JSON, and as it is with one. */
#include "core/cart_rules.h"
#include "ctl/archive/line.h"
#include "ctl/archive/scan.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/ids.h"

#include <stdlib.h>
#include <string.h>

/* A cart of so many lines; every second one has attributes. */
static struct cart cart_of(size_t lines, const char *attributes)
{
	struct cart cart = {.state = CART_CHECKED_OUT,
			    .version = 7,
			    .created_ms = 1764000000000,
			    .updated_ms = 1764000001000,
			    .customer_id = id_of(42)};

	cart.id.bytes[3] = 0xab;
	cart.order_id.bytes[15] = 9;
	assert_true(cart_reserve_lines(&cart, lines));
	for (size_t i = 0; i < lines; i++)
		cart.lines[cart.line_count++] = (struct cart_line){
			.product_id = id_of((int64_t)(100 + i)),
			.quantity = (int64_t)(1 + i),
			.added_ms = 1764000000000,
			.updated_ms = 1764000000001,
			.attributes = i % 2 == 0 ? strdup(attributes) : NULL,
		};
	return cart;
}

static struct buf written(const struct cart *cart)
{
	struct buf line = {0};

	archive_line_write(&line, cart);
	assert_false(line.failed);
	line.len--; /* its newline */
	return line;
}

/* The line with a space in it, which only the tree of JSON reads. False: it is no cart's. */
static bool read_as_json(struct cart *cart, const struct buf *line)
{
	struct buf spaced = {0};
	struct cart_error why;
	bool is_cart;

	buf_add_char(&spaced, ' ');
	buf_add(&spaced, line->data, line->len);
	assert_false(archive_line_scan(cart, spaced.data, spaced.len));
	is_cart = archive_line_read(cart, spaced.data, spaced.len, &why) == 0;
	buf_free(&spaced);
	return is_cart;
}

static void check_both(const struct cart *cart, bool scans)
{
	struct buf line = written(cart);
	struct cart scanned, parsed;

	assert_int_equal(archive_line_scan(&scanned, line.data, line.len), scans);
	assert_true(read_as_json(&parsed, &line));
	assert_true(cart_equal(&parsed, cart));
	if (scans)
		assert_true(cart_equal(&scanned, cart));
	cart_clear(&scanned);
	cart_clear(&parsed);
	buf_free(&line);
}

static void a_line_is_read_as_it_was_written(void **state)
{
	static const char *const attributes[] = {"{\"a\":1}", "{\"name\":\"a \\\"b\\\"\"}",
						 "{\"path\":\"a\\\\b\\\\\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		for (size_t lines = 0; lines < 20; lines += 1 + lines / 2) {
			struct cart cart = cart_of(lines, attributes[i]);

			check_both(&cart, true);
			cart.customer_id = (struct shop_id){0};
			check_both(&cart, true);
			cart.expires_ms = 1764900001000;
			cart.version = CART_VERSION_MAX;
			check_both(&cart, true);
			cart_clear(&cart);
		}
	}
}

static void what_it_does_not_scan_is_read_as_json(void **state)
{
	static const char *const attributes[] = {"{\"name\":\"\xc3\xa4\"}", "{\"name\":\"\x7f\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		struct cart cart = cart_of(3, attributes[i]);

		check_both(&cart, false);
		cart_clear(&cart);
	}
}

/* Whatever is wrong with a line, what is scanned is what the tree of JSON says. */
static void no_other_line_is_scanned(void **state)
{
	static const char other[] = "\"\\,:{}[]0-9an\x01\x7f\xff ";
	struct cart cart = cart_of(3, "{\"name\":\"a \\\"b\\\"\"}"), scanned, parsed;
	struct buf line = written(&cart);

	(void)state;
	for (size_t at = 0; at < line.len; at++) {
		char before = line.data[at];

		assert_false(archive_line_scan(&scanned, line.data, at));
		for (size_t i = 0; i < sizeof(other); i++) {
			line.data[at] = other[i];
			if (!archive_line_scan(&scanned, line.data, line.len))
				continue;
			if (cart_is_sound_whole(&scanned)) {
				assert_true(read_as_json(&parsed, &line));
				assert_true(cart_equal(&parsed, &scanned));
				cart_clear(&parsed);
			} else {
				assert_false(read_as_json(&parsed, &line));
			}
			cart_clear(&scanned);
		}
		line.data[at] = before;
	}
	buf_free(&line);
	cart_clear(&cart);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_read_as_it_was_written),
		cmocka_unit_test(what_it_does_not_scan_is_read_as_json),
		cmocka_unit_test(no_other_line_is_scanned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
