#include "core/cart_op.h"
#include "core/cart_rules.h"

#include "tests/lib/ids.h"
#include "tests/lib/cmocka.h"

#include <string.h>

static const struct cart_rules rules = {
	.ttl_ms = 1000, .lines_max = 3, .quantity_max = 100, .idempotency_window_ms = 600};

static struct cart cart;

static int make_cart(void **state)
{
	struct cart_op op = {.type = CART_OP_CREATE, .customer_id = id_of(7), .now_ms = 5000};

	(void)state;
	op.id.bytes[0] = 1;
	return cart_create(&cart, &op, &rules) == CART_OK ? 0 : -1;
}

static int clear_cart(void **state)
{
	(void)state;
	cart_clear(&cart);
	return 0;
}

static enum cart_result change_all(const struct cart_change *changes, size_t count, int64_t now_ms)
{
	struct cart_op op = {.type = CART_OP_CHANGE,
			     .changes = changes,
			     .change_count = count,
			     .now_ms = now_ms};

	return cart_apply(&cart, &op, &rules);
}

static enum cart_result change(enum cart_change_type type, int64_t product, int64_t quantity,
			       int64_t now_ms)
{
	return change_all(&(struct cart_change){type, id_of(product), quantity, NULL}, 1, now_ms);
}

static enum cart_result checkout(int64_t now_ms, uint8_t order)
{
	struct cart_op op = {.type = CART_OP_CHECKOUT, .now_ms = now_ms};

	op.order_id.bytes[15] = order;
	return cart_apply(&cart, &op, &rules);
}

static int64_t quantity_of(int64_t product)
{
	const struct cart_line *line = find_line(&cart, product);

	return line != NULL ? line->quantity : 0;
}

static void a_new_cart_is_open_at_version_1_and_expires(void **state)
{
	(void)state;
	assert_int_equal(cart.state, CART_OPEN);
	assert_int_equal(cart.version, 1);
	assert_int_equal(cart.created_ms, 5000);
	assert_int_equal(cart.expires_ms, 6000);
	assert_true(cart_id_is_nil(&cart.order_id));
}

static void lines_are_kept_in_order_of_product(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 30, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 10, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 20, 1, 5100), CART_OK);
	assert_id_equal(cart.lines[0].product_id, 10);
	assert_id_equal(cart.lines[1].product_id, 20);
	assert_id_equal(cart.lines[2].product_id, 30);
}

static void an_add_to_a_line_raises_it_and_keeps_when_it_was_added(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 2, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 1, 3, 5200), CART_OK);
	assert_int_equal(cart.line_count, 1);
	assert_int_equal(cart.lines[0].quantity, 5);
	assert_int_equal(cart.lines[0].added_ms, 5100);
	assert_int_equal(cart.lines[0].updated_ms, 5200);
	assert_int_equal(cart.version, 3);
}

static void a_change_slides_the_expiry(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 2, 5900), CART_OK);
	assert_int_equal(cart.expires_ms, 6900);
	assert_false(cart_is_expired(&cart, 6899));
	assert_true(cart_is_expired(&cart, 6900));
}

static void without_a_ttl_nothing_expires(void **state)
{
	const struct cart_rules forever = {.lines_max = 3, .quantity_max = 100};
	struct cart_op op = {.type = CART_OP_CREATE, .now_ms = 5000};
	struct cart made;

	(void)state;
	assert_int_equal(cart_create(&made, &op, &forever), CART_OK);
	assert_int_equal(made.expires_ms, 0);
	assert_false(cart_is_expired(&made, INT64_MAX));
}

static void a_cart_begins_with_lines_within_the_limits(void **state)
{
	const struct cart_change lines[] = {{CART_CHANGE_ADD, id_of(2), 60, NULL},
					    {CART_CHANGE_ADD, id_of(1), 3, NULL},
					    {CART_CHANGE_ADD, id_of(2), 40, NULL},
					    {CART_CHANGE_ADD, id_of(2), 1, NULL}};
	struct cart_op op = {
		.type = CART_OP_CREATE, .changes = lines, .change_count = 3, .now_ms = 5000};
	struct cart made;

	(void)state;
	assert_int_equal(cart_create(&made, &op, &rules), CART_OK);
	assert_int_equal(made.version, 1);
	assert_int_equal(made.updated_ms, 5000);
	assert_int_equal(made.expires_ms, 6000);
	assert_int_equal(made.line_count, 2);
	assert_id_equal(made.lines[0].product_id, 1);
	assert_int_equal(made.lines[1].quantity, 100);
	assert_int_equal(made.lines[1].added_ms, 5000);
	cart_clear(&made);
	op.change_count = 4;
	assert_int_equal(cart_create(&made, &op, &rules), CART_LIMIT);
	assert_int_equal(made.version, 0);
	assert_null(made.lines);
}

static void a_guests_cart_is_claimed_once(void **state)
{
	struct cart_op claim = {.type = CART_OP_CHANGE, .customer_id = id_of(7), .now_ms = 5100};

	(void)state;
	cart.customer_id = (struct shop_id){0};
	assert_int_equal(cart_apply(&cart, &claim, &rules), CART_OK);
	assert_id_equal(cart.customer_id, 7);
	assert_int_equal(cart.version, 2);
	assert_int_equal(cart.updated_ms, 5100);
	assert_int_equal(cart.expires_ms, 6100);
	claim.now_ms = 5200;
	assert_int_equal(cart_apply(&cart, &claim, &rules), CART_OK);
	assert_int_equal(cart.version, 2);
	claim.customer_id = id_of(8);
	assert_int_equal(cart_apply(&cart, &claim, &rules), CART_OWNED);
	claim.if_version = 1;
	assert_int_equal(cart_apply(&cart, &claim, &rules), CART_MISMATCH);
	assert_id_equal(cart.customer_id, 7);
	assert_int_equal(cart.updated_ms, 5100);
}

static void many_changes_are_one_version(void **state)
{
	const struct cart_change changes[] = {{CART_CHANGE_ADD, id_of(1), 2, NULL},
					      {CART_CHANGE_ADD, id_of(2), 1, NULL},
					      {CART_CHANGE_ADD, id_of(1), 4, NULL}};

	(void)state;
	assert_int_equal(change_all(changes, 3, 5100), CART_OK);
	assert_int_equal(cart.version, 2);
	assert_int_equal(quantity_of(1), 6);
	assert_int_equal(quantity_of(2), 1);
}

static void changes_that_fail_in_the_middle_change_nothing(void **state)
{
	const struct cart_change changes[] = {{CART_CHANGE_ADD, id_of(1), 2, NULL},
					      {CART_CHANGE_REMOVE, id_of(9), 0, NULL}};

	(void)state;
	assert_int_equal(change_all(changes, 2, 5100), CART_NO_ITEM);
	assert_int_equal(cart.line_count, 0);
	assert_int_equal(cart.version, 1);
	assert_int_equal(cart.updated_ms, 5000);
}

static void what_changes_nothing_keeps_the_version_and_the_times(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_SET, 1, 5, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_SET, 1, 5, 5500), CART_OK);
	assert_int_equal(change(CART_CHANGE_SET, 2, 0, 5500), CART_OK);
	assert_int_equal(cart.version, 2);
	assert_int_equal(cart.updated_ms, 5100);
	assert_int_equal(cart.expires_ms, 6100);
	assert_int_equal(change(CART_CHANGE_CLEAR, 0, 0, 5200), CART_OK);
	assert_int_equal(change(CART_CHANGE_CLEAR, 0, 0, 5600), CART_OK);
	assert_int_equal(cart.version, 3);
	assert_int_equal(cart.updated_ms, 5200);
}

static void set_to_zero_and_remove_take_the_line_away(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 2, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_SET, 1, 0, 5100), CART_OK);
	assert_null(find_line(&cart, 1));
	assert_int_equal(change(CART_CHANGE_REMOVE, 2, 0, 5100), CART_OK);
	assert_int_equal(cart.line_count, 0);
	assert_int_equal(change(CART_CHANGE_REMOVE, 2, 0, 5100), CART_NO_ITEM);
}

#define REPLACED(...)                                                                              \
	(const struct cart_change[]){__VA_ARGS__},                                                 \
		sizeof((const struct cart_change[]){__VA_ARGS__}) / sizeof(struct cart_change)
#define TO(product_, quantity_)                                                                    \
	{                                                                                          \
		CART_CHANGE_REPLACE, id_of(product_), quantity_, NULL                              \
	}

static void a_replacement_keeps_what_stays(void **state)
{
	(void)state;
	change(CART_CHANGE_ADD, 1, 5, 5100);
	change(CART_CHANGE_ADD, 2, 5, 5100);
	change(CART_CHANGE_ADD, 3, 5, 5100);
	assert_int_equal(change_all(REPLACED(TO(4, 1), TO(2, 7), TO(1, 2), TO(1, 3)), 5200),
			 CART_OK);
	assert_int_equal(cart.version, 5);
	assert_int_equal(cart.line_count, 3);
	assert_int_equal(quantity_of(1), 5);
	assert_int_equal(find_line(&cart, 1)->updated_ms, 5100);
	assert_int_equal(quantity_of(2), 7);
	assert_int_equal(find_line(&cart, 2)->added_ms, 5100);
	assert_int_equal(find_line(&cart, 2)->updated_ms, 5200);
	assert_int_equal(find_line(&cart, 4)->added_ms, 5200);
	assert_int_equal(cart.expires_ms, 6200);
	/* The same again, in another order. */
	assert_int_equal(change_all(REPLACED(TO(1, 5), TO(2, 7), TO(4, 1), TO(9, 0)), 5300),
			 CART_OK);
	assert_int_equal(cart.version, 5);
	assert_int_equal(cart.updated_ms, 5200);
}

static void a_replacement_may_leave_no_line_and_never_too_many(void **state)
{
	(void)state;
	change(CART_CHANGE_ADD, 1, 5, 5100);
	assert_int_equal(change_all(REPLACED(TO(1, 60), TO(1, 41)), 5200), CART_LIMIT);
	assert_int_equal(change_all(REPLACED(TO(1, 1), TO(2, 1), TO(3, 1), TO(4, 1)), 5200),
			 CART_LIMIT);
	assert_int_equal(cart.version, 2);
	assert_int_equal(quantity_of(1), 5);
	assert_int_equal(change_all(REPLACED(TO(2, 100), TO(3, 1), TO(4, 1)), 5200), CART_OK);
	assert_int_equal(cart.line_count, 3);
	assert_int_equal(change_all(&(struct cart_change){.type = CART_CHANGE_REPLACE}, 1, 5300),
			 CART_OK);
	assert_int_equal(cart.line_count, 0);
	assert_int_equal(cart.version, 4);
}

static void limits_hold_for_lines_and_for_quantity(void **state)
{
	(void)state;
	for (int64_t product = 1; product <= 3; product++)
		assert_int_equal(change(CART_CHANGE_ADD, product, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 4, 1, 5100), CART_LIMIT);
	assert_int_equal(change(CART_CHANGE_ADD, 1, 99, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_LIMIT);
	assert_int_equal(quantity_of(1), 100);
	assert_int_equal(cart.version, 5);
}

static void a_limit_counts_where_the_op_ends(void **state)
{
	const struct cart_change swap[] = {{CART_CHANGE_ADD, id_of(4), 1, NULL},
					   {CART_CHANGE_REMOVE, id_of(1), 0, NULL}};

	(void)state;
	for (int64_t product = 1; product <= 3; product++)
		assert_int_equal(change(CART_CHANGE_ADD, product, 1, 5100), CART_OK);
	assert_int_equal(change_all(swap, 2, 5200), CART_OK);
	assert_int_equal(cart.line_count, 3);
}

static void a_lowered_limit_does_not_hold_up_a_change_that_changes_nothing(void **state)
{
	const struct cart_rules tight = {.ttl_ms = 1000, .lines_max = 1, .quantity_max = 100};
	const struct cart_change same = {CART_CHANGE_SET, id_of(1), 1, NULL};
	struct cart_op op = {.type = CART_OP_CHANGE, .changes = &same, .change_count = 1};

	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 2, 1, 5100), CART_OK);
	assert_int_equal(cart_apply(&cart, &op, &tight), CART_OK);
}

static void a_cart_over_a_lowered_limit_can_be_brought_down_but_not_up(void **state)
{
	const struct cart_rules tight = {.ttl_ms = 1000, .lines_max = 1, .quantity_max = 10};
	const struct {
		struct cart_change change;
		enum cart_result result;
	} steps[] = {
		{{CART_CHANGE_ADD, id_of(4), 1, NULL}, CART_LIMIT},
		{{CART_CHANGE_ADD, id_of(1), 1, NULL}, CART_LIMIT},
		{{CART_CHANGE_REMOVE, id_of(3), 0, NULL}, CART_OK},
		{{CART_CHANGE_SET, id_of(1), 50, NULL}, CART_OK},
		{{CART_CHANGE_ADD, id_of(2), 1, NULL}, CART_OK},
		{{CART_CHANGE_REMOVE, id_of(1), 0, NULL}, CART_OK},
		{{CART_CHANGE_ADD, id_of(4), 1, NULL}, CART_LIMIT},
	};

	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 90, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 2, 1, 5100), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 3, 1, 5100), CART_OK);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct cart_op op = {.type = CART_OP_CHANGE,
				     .changes = &steps[i].change,
				     .change_count = 1,
				     .now_ms = 5200};

		assert_int_equal(cart_apply(&cart, &op, &tight), steps[i].result);
	}
}

static void checkout_closes_and_stops_the_clock(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_OK);
	assert_int_equal(checkout(5200, 9), CART_OK);
	assert_int_equal(cart.state, CART_CHECKED_OUT);
	assert_int_equal(cart.version, 3);
	assert_int_equal(cart.expires_ms, 0);
	assert_int_equal(cart.order_id.bytes[15], 9);
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5300), CART_CLOSED);
}

static void a_second_checkout_keeps_the_first_order(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_OK);
	assert_int_equal(checkout(5200, 9), CART_OK);
	assert_int_equal(checkout(5300, 8), CART_OK);
	assert_int_equal(cart.order_id.bytes[15], 9);
	assert_int_equal(cart.version, 3);
	assert_int_equal(cart.updated_ms, 5200);
}

static enum cart_result reopen(int64_t now_ms)
{
	return change(CART_CHANGE_REOPEN, 1, 0, now_ms);
}

static void a_cart_that_is_opened_again_is_as_after_a_change(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_OK);
	assert_int_equal(reopen(5150), CART_NOT_CLOSED);
	assert_int_equal(cart.version, 2);
	assert_int_equal(checkout(5200, 9), CART_OK);
	assert_int_equal(reopen(5300), CART_OK);
	assert_int_equal(cart.state, CART_OPEN);
	assert_true(cart_id_is_nil(&cart.order_id));
	assert_int_equal(cart.version, 4);
	assert_int_equal(cart.updated_ms, 5300);
	assert_int_equal(cart.expires_ms, 6300);
	assert_int_equal(quantity_of(1), 1);
	assert_int_equal(reopen(5400), CART_NOT_CLOSED);
	assert_int_equal(checkout(5500, 8), CART_OK);
	assert_int_equal(cart.order_id.bytes[15], 8);
	/* Always later than the checkout. */
	assert_int_equal(reopen(5400), CART_OK);
	assert_int_equal(cart.updated_ms, 5501);
	assert_int_equal(cart.expires_ms, 6501);
}

static void times_never_go_back(void **state)
{
	(void)state;
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5400), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5300), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 2, 1, 5200), CART_OK);
	assert_int_equal(cart.version, 4);
	assert_int_equal(cart.updated_ms, 5400);
	assert_int_equal(cart.expires_ms, 6400);
	assert_int_equal(cart.lines[0].updated_ms, 5400);
	assert_int_equal(cart.lines[1].updated_ms, 5200);
	assert_int_equal(change(CART_CHANGE_SET, 2, 3, 5300), CART_OK);
	assert_int_equal(cart.lines[1].updated_ms, 5300);
	assert_int_equal(checkout(5100, 9), CART_OK);
	assert_int_equal(cart.updated_ms, 5400);
	assert_int_equal(cart.expires_ms, 0);
}

static void an_empty_cart_is_not_checked_out(void **state)
{
	(void)state;
	assert_int_equal(checkout(5200, 9), CART_EMPTY);
	assert_int_equal(cart.state, CART_OPEN);
	assert_int_equal(cart.version, 1);
}

static void another_version_is_a_mismatch_for_every_write(void **state)
{
	const struct cart_change add = {CART_CHANGE_ADD, id_of(1), 1, NULL};

	(void)state;
	for (int type = CART_OP_CHANGE; type <= CART_OP_DELETE; type++) {
		struct cart_op op = {.type = (enum cart_op_type)type,
				     .if_version = 2,
				     .changes = &add,
				     .change_count = 1,
				     .now_ms = 5100};

		assert_int_equal(cart_apply(&cart, &op, &rules), CART_MISMATCH);
	}
	assert_int_equal(cart.version, 1);
}

static void a_checked_out_cart_is_not_deleted(void **state)
{
	struct cart_op op = {.type = CART_OP_DELETE, .now_ms = 5300};

	(void)state;
	assert_int_equal(cart_apply(&cart, &op, &rules), CART_OK);
	assert_int_equal(change(CART_CHANGE_ADD, 1, 1, 5100), CART_OK);
	assert_int_equal(checkout(5200, 9), CART_OK);
	assert_int_equal(cart_apply(&cart, &op, &rules), CART_CLOSED);
}

static void an_erasure_deletes_a_checked_out_cart(void **state)
{
	struct cart_op op = {.type = CART_OP_DELETE, .flags = CART_ERASE, .if_version = 2};

	(void)state;
	change(CART_CHANGE_ADD, 1, 1, 5100);
	assert_int_equal(checkout(5200, 9), CART_OK);
	assert_int_equal(cart_apply(&cart, &op, &rules), CART_MISMATCH);
	op.if_version = 3;
	assert_int_equal(cart_apply(&cart, &op, &rules), CART_OK);
}

static void idle_carts_stand_in_steps(void **state)
{
	const struct cart_rules hourly = {.idle_step_ms = 3600000};
	const struct cart_rules exact = {.idle_step_ms = 1};

	(void)state;
	assert_int_equal(cart_idle_ms(&hourly, 7199999), 3600000);
	assert_int_equal(cart_idle_ms(&hourly, 7200000), 7200000);
	assert_int_equal(cart_idle_ms(&exact, 7199999), 7199999);
}

static void a_key_counts_within_its_window_for_the_same_request(void **state)
{
	uint8_t stored[CART_FINGERPRINT_BYTES] = {1, 2, 3};
	struct cart_op op = {.fingerprint = {1, 2, 3}, .now_ms = 1599};

	(void)state;
	assert_int_equal(cart_replay_check(stored, 1000, &op, &rules), CART_REPLAY_SAME);
	op.fingerprint[0] = 9;
	assert_int_equal(cart_replay_check(stored, 1000, &op, &rules), CART_REPLAY_OTHER);
	op.now_ms = 1600;
	assert_int_equal(cart_replay_check(stored, 1000, &op, &rules), CART_REPLAY_NEW);
}

static void fingerprint_of(struct cart_op *op, uint8_t out[CART_FINGERPRINT_BYTES])
{
	assert_true(cart_op_digest(op));
	memcpy(out, op->fingerprint, CART_FINGERPRINT_BYTES);
}

static void fingerprints_tell_requests_apart(void **state)
{
	const struct cart_change one = {CART_CHANGE_ADD, id_of(1), 1, NULL},
				 two = {CART_CHANGE_ADD, id_of(1), 2, NULL};
	struct cart_op op = {
		.type = CART_OP_CHANGE, .changes = &one, .change_count = 1, .key = "k"};
	uint8_t first[CART_FINGERPRINT_BYTES], other[CART_FINGERPRINT_BYTES];

	(void)state;
	fingerprint_of(&op, first);
	op.flags = CART_WANT_CART;
	op.now_ms = 77;
	fingerprint_of(&op, other);
	assert_memory_equal(first, other, sizeof(first));
	op.if_version = 1;
	fingerprint_of(&op, other);
	assert_memory_not_equal(first, other, sizeof(first));
	op.if_version = 0;
	op.changes = &two;
	fingerprint_of(&op, other);
	assert_memory_not_equal(first, other, sizeof(first));
	op.changes = &one;
	op.type = CART_OP_CHECKOUT;
	fingerprint_of(&op, other);
	assert_memory_not_equal(first, other, sizeof(first));
}

static void a_key_is_hashed_with_the_customer_where_it_is_a_creates(void **state)
{
	/* The start of what sha256sum prints for "k". */
	static const uint8_t k[CART_KEY_HASH_BYTES] = {0x82, 0x54, 0xc3, 0x29, 0xa9, 0x28,
						       0x50, 0xf6, 0xd5, 0x39, 0xdd, 0x37,
						       0x6f, 0x48, 0x16, 0xee};
	struct cart_op op = {.type = CART_OP_CHECKOUT, .customer_id = id_of(1), .key = "k"};
	struct cart_op other;

	(void)state;
	assert_true(cart_op_digest(&op));
	assert_memory_equal(op.key_hash, k, sizeof(k));
	op.type = CART_OP_CREATE;
	assert_true(cart_op_digest(&op));
	assert_memory_not_equal(op.key_hash, k, sizeof(k));
	other = op;
	/* Not the same text, cut at another place. */
	other.customer_id = id_of(11);
	op.key = "1k";
	assert_true(cart_op_digest(&op) && cart_op_digest(&other));
	assert_memory_not_equal(op.key_hash, other.key_hash, sizeof(k));
}

static void a_copied_request_stands_on_its_own(void **state)
{
	struct cart_change changes[] = {{CART_CHANGE_ADD, id_of(1), 2, NULL},
					{CART_CHANGE_SET, id_of(3), 4, NULL}};
	char key[] = "k-1";
	struct cart_op op = {.type = CART_OP_CHANGE,
			     .changes = changes,
			     .change_count = 2,
			     .key = key,
			     .now_ms = 9};
	struct cart_op *copy = cart_op_copy_request(&op);

	(void)state;
	assert_non_null(copy);
	memset(changes, 0, sizeof(changes));
	memset(key, 'x', 3);
	assert_string_equal(copy->key, "k-1");
	assert_id_equal(copy->changes[1].product_id, 3);
	assert_int_equal(copy->changes[1].quantity, 4);
	assert_int_equal(copy->now_ms, 9);
	cart_op_clear(copy);
	free(copy);
}

int main(void)
{
#define CART_TEST(test) cmocka_unit_test_setup_teardown(test, make_cart, clear_cart)
	const struct CMUnitTest tests[] = {
		CART_TEST(a_new_cart_is_open_at_version_1_and_expires),
		CART_TEST(lines_are_kept_in_order_of_product),
		CART_TEST(an_add_to_a_line_raises_it_and_keeps_when_it_was_added),
		CART_TEST(a_change_slides_the_expiry),
		CART_TEST(without_a_ttl_nothing_expires),
		CART_TEST(a_cart_begins_with_lines_within_the_limits),
		CART_TEST(a_guests_cart_is_claimed_once),
		CART_TEST(many_changes_are_one_version),
		CART_TEST(changes_that_fail_in_the_middle_change_nothing),
		CART_TEST(what_changes_nothing_keeps_the_version_and_the_times),
		CART_TEST(set_to_zero_and_remove_take_the_line_away),
		CART_TEST(a_replacement_keeps_what_stays),
		CART_TEST(a_replacement_may_leave_no_line_and_never_too_many),
		CART_TEST(limits_hold_for_lines_and_for_quantity),
		CART_TEST(a_limit_counts_where_the_op_ends),
		CART_TEST(a_lowered_limit_does_not_hold_up_a_change_that_changes_nothing),
		CART_TEST(a_cart_over_a_lowered_limit_can_be_brought_down_but_not_up),
		CART_TEST(checkout_closes_and_stops_the_clock),
		CART_TEST(a_second_checkout_keeps_the_first_order),
		CART_TEST(a_cart_that_is_opened_again_is_as_after_a_change),
		CART_TEST(times_never_go_back),
		CART_TEST(an_empty_cart_is_not_checked_out),
		CART_TEST(another_version_is_a_mismatch_for_every_write),
		CART_TEST(a_checked_out_cart_is_not_deleted),
		CART_TEST(an_erasure_deletes_a_checked_out_cart),
		CART_TEST(idle_carts_stand_in_steps),
		CART_TEST(a_key_counts_within_its_window_for_the_same_request),
		CART_TEST(fingerprints_tell_requests_apart),
		CART_TEST(a_key_is_hashed_with_the_customer_where_it_is_a_creates),
		CART_TEST(a_copied_request_stands_on_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
