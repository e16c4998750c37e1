/*
 * Merges of two carts, on the backend that CART_BACKEND names: both carts change or none, once,
 * whoever else changes them at the same time.
 */
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

#define TTL_MS	  60000
#define WINDOW_MS 10000
#define LINES_MAX 6
#define QUANTITY  1000
#define RACERS	  6
#define ROUNDS	  12

static int start(void **state)
{
	static const char *const settings[] = {"cart.ttl",
					       "60s",
					       "limits.lines",
					       "6",
					       "limits.quantity",
					       "1000",
					       "idempotency.window",
					       "10s",
					       NULL};
	struct rig *f = rig_start(&(struct rig_config){.loops = 4, .set = settings});

	*state = f;
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* A cart of that customer (NULL: a guest's) with those lines. */
#define cart_with(f_, customer_, ...)                                                              \
	make_cart(f_, customer_,                                                                   \
		  &(const struct cart_op){.type = CART_OP_CREATE, CHANGES(__VA_ARGS__)})
static struct cart_id make_cart(struct rig *f, const struct shop_id *customer,
				const struct cart_op *request)
{
	struct cart_op op = *request;

	op.id = rig_id(f);
	if (customer != NULL)
		op.customer_id = *customer;
	assert_int_equal(rig_run(f, 0, &op, NULL), CART_OK);
	cart_op_clear(&op);
	return op.id;
}

static struct cart_id guest(struct rig *f)
{
	return cart_with(f, NULL, ADD(7, 2), ADD(8, 3));
}

/* Both carts, as they are. */
struct pair {
	struct cart to, from;
};

static struct pair look(struct rig *f, const struct cart_id *to, const struct cart_id *from)
{
	return (struct pair){rig_get(f, to), rig_get(f, from)};
}

static void forget(struct pair *pair)
{
	cart_clear(&pair->to);
	cart_clear(&pair->from);
}

static void expect_same(struct rig *f, struct pair *before)
{
	struct pair after = look(f, &before->to.id, &before->from.id);

	if (!rig_same_cart(&before->to, &after.to, false))
		fail_msg("%s\nwas %s", rig_describe(&after.to), rig_describe(&before->to));
	if (!rig_same_cart(&before->from, &after.from, false))
		fail_msg("%s\nwas %s", rig_describe(&after.from), rig_describe(&before->from));
	forget(&after);
	forget(before);
}

/* The merge is refused with that result about that cart, and nothing changes. */
#define refused(f_, want_, of_from_, ...)                                                          \
	expect_refused(f_, want_, of_from_,                                                        \
		       &(const struct cart_op){.type = CART_OP_MERGE, __VA_ARGS__})
static void expect_refused(struct rig *f, enum cart_result want, bool of_from,
			   const struct cart_op *request)
{
	struct pair before = look(f, &request->id, &request->from);
	struct cart_op op = *request;

	assert_string_equal(cart_result_name(rig_run(f, 0, &op, NULL)), cart_result_name(want));
	assert_int_equal(op.of_from, of_from);
	if (want == CART_CLOSED)
		assert_int_equal(op.merged,
				 (of_from ? &before.from : &before.to)->state == CART_MERGED);
	assert_int_equal(op.cart.line_count, 0);
	cart_op_clear(&op);
	expect_same(f, &before);
}

static void the_lines_are_in_the_cart_and_the_other_is_closed(void **state)
{
	static const struct {
		enum cart_merge_strategy strategy;
		int64_t quantity[5]; /* of the products 1 to 4 */
		int64_t version;
	} cases[] = {
		{CART_MERGE_ADD, {0, 6, 9, 5, 4}, 2},
		{CART_MERGE_MAX, {0, 6, 6, 3, 4}, 2},
		{CART_MERGE_KEEP, {0, 6, 3, 3, 4}, 2},
	};
	struct rig *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shop_id customer = rig_customer(f);
		struct cart_id to = cart_with(f, &customer, ADD(1, 6), ADD(2, 3), ADD(3, 3));
		struct cart_id from = cart_with(f, NULL, ADD(2, 6), ADD(3, 2), ADD(4, 4));
		struct pair before = look(f, &to, &from), after;
		struct cart_op op;

		clock_fake_advance(&f->clock, 5);
		op = ask_for(f, CART_OK, MERGE, .id = to, .from = from,
			     .strategy = cases[i].strategy);
		after = look(f, &to, &from);
		assert_true(rig_same_cart(&op.cart, &after.to, false));
		assert_int_equal(op.version, cases[i].version);
		assert_false(op.replayed);
		for (int64_t p = 1; p <= 4; p++)
			assert_int_equal(find_line(&after.to, p)->quantity, cases[i].quantity[p]);
		assert_int_equal(after.to.version, cases[i].version);
		assert_int_equal(after.to.state, CART_OPEN);
		assert_int_equal(after.to.updated_ms, before.to.updated_ms + 5);
		assert_int_equal(after.to.expires_ms, after.to.updated_ms + TTL_MS);
		/* A line that is new, one that was changed or not, one that is left alone. */
		assert_int_equal(find_line(&after.to, 4)->added_ms, after.to.updated_ms);
		assert_int_equal(find_line(&after.to, 2)->added_ms, before.to.updated_ms);
		assert_int_equal(find_line(&after.to, 2)->updated_ms,
				 before.to.updated_ms +
					 (cases[i].strategy == CART_MERGE_KEEP ? 0 : 5));
		assert_int_equal(find_line(&after.to, 1)->updated_ms, before.to.updated_ms);
		/* from has its lines, its customer and its expiry. */
		assert_true(same_lines(&before.from, &after.from));
		assert_int_equal(after.from.state, CART_MERGED);
		assert_true(cart_id_compare(&after.from.merged_into, &to) == 0);
		assert_int_equal(after.from.version, 2);
		assert_int_equal(after.from.customer_id.size, 0);
		assert_int_equal(after.from.updated_ms, before.from.updated_ms + 5);
		assert_int_equal(after.from.expires_ms, before.from.expires_ms);
		cart_op_clear(&op);
		forget(&before);
		forget(&after);
	}
}

static void check_attributes(const struct cart *cart, int64_t product, const char *want)
{
	const char *attributes = find_line(cart, product)->attributes;

	assert_string_equal(attributes != NULL ? attributes : "none", want);
}

/* The cart's line keeps its own, and takes those of from where it has none. */
static void lines_without_attributes_take_those_of_from(void **state)
{
	struct rig *f = *state;

	for (int i = 0; i < CART_MERGE_STRATEGIES; i++) {
		struct cart_id to = cart_with(f, NULL, LINE(ADD, 1, 5, "{\"a\":1}"), ADD(2, 5),
					      LINE(ADD, 3, 5, "{\"a\":3}"), ADD(4, 5));
		struct cart_id from = cart_with(f, NULL, LINE(ADD, 1, 1, "{\"b\":1}"),
						LINE(ADD, 2, 1, "{\"b\":2}"), ADD(3, 1), ADD(4, 1),
						LINE(ADD, 5, 1, "{\"b\":5}"));
		struct pair before = look(f, &to, &from), after;

		clock_fake_advance(&f->clock, 5);
		assert_int_equal(ask(f, CART_OK, MERGE, .id = to, .from = from,
				     .strategy = (enum cart_merge_strategy)i),
				 2);
		after = look(f, &to, &from);
		check_attributes(&after.to, 1, "{\"a\":1}");
		check_attributes(&after.to, 2, "{\"b\":2}");
		check_attributes(&after.to, 3, "{\"a\":3}");
		check_attributes(&after.to, 4, "none");
		check_attributes(&after.to, 5, "{\"b\":5}");
		assert_int_equal(find_line(&after.to, 2)->quantity, i == CART_MERGE_ADD ? 6 : 5);
		assert_int_equal(find_line(&after.to, 2)->updated_ms, after.to.updated_ms);
		assert_int_equal(find_line(&after.to, 4)->updated_ms,
				 before.to.updated_ms + (i == CART_MERGE_ADD ? 5 : 0));
		assert_true(same_lines(&before.from, &after.from));
		forget(&before);
		forget(&after);
		/* Where only attributes differ, they are a change. */
		to = cart_with(f, NULL, ADD(1, 5));
		from = cart_with(f, NULL, LINE(ADD, 1, 5, "{\"b\":1}"));
		assert_int_equal(ask(f, CART_OK, MERGE, .id = to, .from = from,
				     .strategy = (enum cart_merge_strategy)i),
				 2);
	}
}

static void a_merge_that_changes_no_line_leaves_the_version(void **state)
{
	struct rig *f = *state;
	struct cart_id to, from;
	struct pair before, after;

	to = cart_with(f, NULL, ADD(7, 5));
	for (int i = 0; i < 3; i++) {
		if (i == 0)
			from = cart_with(f, NULL, ADD(7, 5));
		else if (i == 1)
			from = cart_with(f, NULL, ADD(7, 900));
		else
			from = rig_cart(f); /* without lines */
		if (i == 2)
			ask(f, CART_OK, CHANGE, .id = to,
			    .customer_id = rig_get(f, &from).customer_id);
		before = look(f, &to, &from);
		clock_fake_advance(&f->clock, 5);
		assert_int_equal(ask(f, CART_OK, MERGE, .id = to, .from = from,
				     .strategy = i == 0	  ? CART_MERGE_MAX
						 : i == 1 ? CART_MERGE_KEEP
							  : CART_MERGE_ADD),
				 before.to.version);
		after = look(f, &to, &from);
		assert_true(rig_same_cart(&before.to, &after.to, false));
		assert_int_equal(after.from.state, CART_MERGED);
		assert_int_equal(after.from.version, before.from.version + 1);
		forget(&before);
		forget(&after);
	}
	/* Into a cart without lines. */
	to = rig_id(f);
	ask(f, CART_OK, CREATE, .id = to);
	from = guest(f);
	assert_int_equal(ask(f, CART_OK, MERGE, .id = to, .from = from), 2);
	assert_int_equal(rig_quantity(f, &to, 8), 3);
}

/* Whatever became of the cart since, and however late. */
static void the_same_merge_again_answers_the_cart_as_it_is(void **state)
{
	struct rig *f = *state;
	struct cart_id to, from;
	struct pair before;

	to = guest(f);
	from = guest(f);
	ask(f, CART_OK, MERGE, .id = to, .from = from);
	for (int i = 0; i < 4; i++) {
		struct cart_op op;

		if (i == 1)
			clock_fake_advance(&f->clock, 3 * WINDOW_MS);
		if (i == 2)
			ask(f, CART_OK, CHANGE, .id = to, CHANGES(SET(7, 1)));
		if (i == 3)
			ask(f, CART_OK, CHECKOUT, .id = to, .order_id = rig_id(f));
		before = look(f, &to, &from);
		/* Another strategy, or a version that was, is nothing that is left to be done. */
		op = ask_for(f, CART_OK, MERGE, .id = to, .from = from, .if_version = i,
			     .strategy = (enum cart_merge_strategy)(i % 3));
		assert_int_equal(op.version, before.to.version);
		assert_false(op.replayed);
		assert_true(rig_same_cart(&op.cart, &before.to, false));
		cart_op_clear(&op);
		expect_same(f, &before);
	}
	/* from expires as it would have; then there is nothing to tell that it was merged. */
	clock_fake_advance(&f->clock, TTL_MS - 3 * WINDOW_MS);
	ask(f, CART_NOT_FOUND, GET, .id = from);
	ask(f, CART_NOT_FOUND, MERGE, .id = to, .from = from);
}

static void a_merge_under_a_key_is_applied_once(void **state)
{
	struct rig *f = *state;
	struct cart_id to, from, other;
	struct cart_op op;

	to = guest(f);
	from = guest(f);
	other = guest(f);
	assert_int_equal(ask(f, CART_OK, MERGE, .id = to, .from = from, .key = "k"), 2);
	ask(f, CART_OK, CHANGE, .id = to, CHANGES(ADD(9, 1)));
	op = ask_for(f, CART_OK, MERGE, .id = to, .from = from, .key = "k");
	assert_true(op.replayed);
	assert_int_equal(op.version, 2);
	assert_int_equal(op.cart.version, 3);
	cart_op_clear(&op);
	refused(f, CART_KEY_REUSED, false, .id = to, .from = other, .key = "k");
	refused(f, CART_KEY_REUSED, false, .id = to, .from = from, .key = "k",
		.strategy = CART_MERGE_MAX);
	refused(f, CART_KEY_REUSED, false, .id = to, .from = from, .key = "k", .if_version = 2);
	ask(f, CART_KEY_REUSED, CHANGE, .id = to, .key = "k", CHANGES(ADD(7, 1)));
	ask(f, CART_OK, CHANGE, .id = to, .key = "c", CHANGES(ADD(7, 1)));
	refused(f, CART_KEY_REUSED, false, .id = to, .from = other, .key = "c");
	/* A key says nothing about a cart that is not there. */
	refused(f, CART_CLOSED, true, .id = other, .from = from, .key = "k");
	/* After the window the carts themselves say that it was done. */
	clock_fake_advance(&f->clock, WINDOW_MS);
	op = ask_for(f, CART_OK, MERGE, .id = to, .from = from, .key = "k");
	assert_false(op.replayed);
	assert_int_equal(op.version, 4);
	cart_op_clear(&op);
	assert_int_equal(rig_quantity(f, &to, 8), 6);
}

static void what_cannot_be_merged_stays_as_it_was(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), other = rig_customer(f);
	struct cart_id to, from, closed, nobody = rig_id(f);

	to = cart_with(f, &mine, ADD(7, 1), ADD(9, 999));
	from = guest(f);
	closed = guest(f);
	ask(f, CART_OK, CHECKOUT, .id = closed, .order_id = rig_id(f));
	refused(f, CART_CLOSED, true, .id = to, .from = closed);
	refused(f, CART_CLOSED, false, .id = closed, .from = from);
	refused(f, CART_CLOSED, true, .id = to, .from = closed, .if_version = 99);
	refused(f, CART_MISMATCH, false, .id = to, .from = from, .if_version = 99);
	closed = cart_with(f, &other, ADD(7, 1));
	refused(f, CART_MISMATCH, false, .id = to, .from = closed, .if_version = 99);
	refused(f, CART_OWNED, true, .id = to, .from = closed);
	/* A customer's cart does not become a guest's. */
	refused(f, CART_OWNED, true, .id = from, .from = closed);
	refused(f, CART_LIMIT, false, .id = to,
		.from = cart_with(f, NULL, ADD(1, 1), ADD(2, 1), ADD(3, 1), ADD(4, 1), ADD(5, 1)));
	refused(f, CART_LIMIT, false, .id = to, .from = cart_with(f, NULL, ADD(9, 2)));
	ask(f, CART_OK, MERGE, .id = to, .from = cart_with(f, NULL, ADD(9, 2)),
	    .strategy = CART_MERGE_MAX);
	ask(f, CART_OK, MERGE, .id = to, .from = cart_with(f, NULL, ADD(9, 1)));
	assert_int_equal(rig_quantity(f, &to, 9), QUANTITY);
	ask(f, CART_NOT_FOUND, MERGE, .id = nobody, .from = from);
	ask(f, CART_NOT_FOUND, MERGE, .id = nobody, .from = to);
	assert_int_equal(rig_quantity(f, &from, 8), 3);
}

static void a_cart_that_is_not_there_is_named(void **state)
{
	struct rig *f = *state;
	struct cart_id to = guest(f), from = guest(f), nobody = rig_id(f);
	struct cart_op op;

	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = nobody, .from = from);
	assert_false(op.of_from);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = to, .from = nobody);
	assert_true(op.of_from);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = to, .from = nobody, .key = "k");
	assert_true(op.of_from);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = nobody, .from = rig_id(f));
	assert_false(op.of_from);
	/* What was tried in vain does not use up a key. */
	ask(f, CART_OK, MERGE, .id = to, .from = from, .key = "k");
	clock_fake_advance(&f->clock, TTL_MS / 2);
	ask(f, CART_OK, CHANGE, .id = to, CHANGES(ADD(7, 1)));
	from = guest(f);
	clock_fake_advance(&f->clock, TTL_MS / 2);
	nobody = guest(f);
	ask(f, CART_OK, CHANGE, .id = nobody, CHANGES(ADD(7, 1)));
	clock_fake_advance(&f->clock, TTL_MS / 2);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = nobody, .from = from);
	assert_true(op.of_from);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = from, .from = nobody);
	assert_false(op.of_from);
}

static void a_merged_cart_takes_no_change(void **state)
{
	struct rig *f = *state;
	struct cart_id to, from, other;
	struct pair before;

	to = guest(f);
	from = guest(f);
	other = guest(f);
	ask(f, CART_OK, MERGE, .id = to, .from = from);
	before = look(f, &to, &from);
	assert_true(ask_for(f, CART_CLOSED, CHANGE, .id = from, CHANGES(ADD(7, 1))).merged);
	ask(f, CART_CLOSED, CHANGE, .id = from, CHANGES(ADD(7, 1)), .key = "k");
	assert_true(ask_for(f, CART_CLOSED, CHANGE, .id = from, CHANGES(SET(7, 1), REMOVE(8)),
			    .if_version = 99)
			    .merged);
	ask(f, CART_CLOSED, CHANGE, .id = from, CHANGES(CLEAR));
	ask(f, CART_CLOSED, CHANGE, .id = from, CHANGES(REPLACE(7, 1)));
	ask(f, CART_CLOSED, CHANGE, .id = from, CHANGES(REOPEN));
	ask(f, CART_CLOSED, CHANGE, .id = from, .customer_id = rig_customer(f));
	ask(f, CART_CLOSED, CHECKOUT, .id = from, .order_id = rig_id(f));
	ask(f, CART_CLOSED, CHECKOUT, .id = from, .order_id = rig_id(f), .key = "c");
	ask(f, CART_CLOSED, DELETE, .id = from);
	refused(f, CART_CLOSED, true, .id = other, .from = from);
	refused(f, CART_CLOSED, false, .id = from, .from = other);
	refused(f, CART_CLOSED, false, .id = from, .from = to);
	expect_same(f, &before);
	/* Merged carts are merged with what they have taken. */
	ask(f, CART_OK, MERGE, .id = other, .from = to);
	assert_int_equal(rig_quantity(f, &other, 8), 9);
	ask(f, CART_OK, MERGE, .id = to, .from = from);
	ask(f, CART_OK, DELETE, .id = from, .flags = CART_ERASE);
	ask(f, CART_NOT_FOUND, GET, .id = from);
	ask(f, CART_NOT_FOUND, MERGE, .id = to, .from = from);
}

static void both_carts_are_the_owners_or_not_there(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f), other = rig_customer(f);
	struct cart_id to, from, guests;
	struct cart_op op;

	to = cart_with(f, &mine, ADD(7, 1));
	from = cart_with(f, &mine, ADD(7, 1));
	guests = guest(f);
	refused(f, CART_NOT_FOUND, false, .id = to, .from = from, .owner = &other);
	refused(f, CART_NOT_FOUND, false, .id = to, .from = guests, .owner = &other);
	refused(f, CART_NOT_FOUND, true, .id = guests, .from = from, .owner = &other);
	refused(f, CART_NOT_FOUND, true, .id = guests, .from = from, .owner = &other,
		.if_version = 99, .key = "k");
	refused(f, CART_OWNED, true, .id = guests, .from = from, .owner = &mine);
	ask(f, CART_OK, MERGE, .id = to, .from = from, .owner = &mine, .key = "k");
	ask(f, CART_OK, MERGE, .id = to, .from = guests, .owner = &mine);
	assert_int_equal(rig_quantity(f, &to, 7), 4);
	/* Neither a repeat nor a key says anything to another. */
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = to, .from = from, .owner = &other, .key = "k");
	assert_false(op.of_from);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = to, .from = guests, .owner = &other);
	assert_false(op.of_from);
	/* Claimed in the meantime. */
	guests = guest(f);
	ask(f, CART_OK, CHANGE, .id = guests, .customer_id = other);
	op = ask_for(f, CART_NOT_FOUND, MERGE, .id = to, .from = guests, .owner = &mine);
	assert_true(op.of_from);
}

static void lists_know_merged_carts(void **state)
{
	struct rig *f = *state;
	struct shop_id mine = rig_customer(f);
	struct cart_list list = {
		.kind = CART_LIST_CUSTOMER, .customer_id = mine, .limit = CART_LIST_MAX};
	int64_t now_ms = clock_fake_now(&f->clock);
	struct cart_list idle = {.kind = CART_LIST_IDLE,
				 .idle_before_ms = now_ms + 1000,
				 .limit = CART_LIST_MAX,
				 .has_after = true,
				 .after_ms = cart_idle_ms(&f->rules, now_ms) - 1};
	struct cart_id to, from;

	memset(&idle.after_id, 0xff, sizeof(idle.after_id));
	to = cart_with(f, &mine, ADD(7, 1));
	from = cart_with(f, &mine, ADD(7, 1));
	rig_expect_listed(f, &idle, &from, true);
	ask(f, CART_OK, MERGE, .id = to, .from = from);
	rig_expect_listed(f, &idle, &from, false);
	rig_expect_listed(f, &idle, &to, true);
	for (int of = CART_LIST_ANY; of <= CART_LIST_MERGED; of++) {
		list.state = (enum cart_list_state)of;
		rig_expect_listed(f, &list, &from, of == CART_LIST_ANY || of == CART_LIST_MERGED);
		rig_expect_listed(f, &list, &to, of == CART_LIST_ANY || of == CART_LIST_OPEN);
	}
	list.state = CART_LIST_ANY;
	clock_fake_advance(&f->clock, TTL_MS / 2);
	ask(f, CART_OK, CHANGE, .id = to, CHANGES(ADD(7, 1)));
	clock_fake_advance(&f->clock, TTL_MS / 2);
	rig_expect_listed(f, &list, &from, false);
	rig_expect_listed(f, &list, &to, true);
}

/* What is about the two or three carts of a race at the same time, each on a loop. */
struct race {
	struct rig *f;
	struct cart_op ops[RACERS];
	struct cart_change add;
	struct rig_task tasks[RACERS];
	struct racer {
		struct race *race;
		size_t at;
	} racers[RACERS];
	size_t count;
	_Atomic int done;
};

static void race_submit(void *user);

/* What the others had locked for too long changed nothing, and is tried again. */
static void race_done(struct cart_op *op, void *user)
{
	struct racer *racer = user;

	if (op->result == CART_BUSY) {
		cart_op_clear(op);
		race_submit(racer);
		return;
	}
	atomic_fetch_add(&racer->race->done, 1);
}

static void race_submit(void *user)
{
	struct racer *racer = user;
	struct race *race = racer->race;
	struct cart_op *op = &race->ops[racer->at];

	op->deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
	op->done = race_done;
	op->user = racer;
	if (cart_store_submit(race->f->loops[racer->at % race->f->loop_count].store, op) != CART_OK)
		abort();
}

static void race_run(struct race *race)
{
	race->done = 0;
	for (size_t i = 0; i < race->count; i++) {
		race->racers[i] = (struct racer){race, i};
		race->tasks[i] = (struct rig_task){.run = race_submit, .user = &race->racers[i]};
		rig_post(race->f, i % race->f->loop_count, &race->tasks[i]);
	}
	rig_await(&race->done, (int)race->count, "the answers of a race");
}

static size_t race_count(const struct race *race, enum cart_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < race->count; i++)
		count += race->ops[i].result == result;
	return count;
}

/* As many of each as there must be. */
static void race_expect(const struct race *race, size_t ok, size_t closed)
{
	if (race_count(race, CART_OK) == ok && race_count(race, CART_CLOSED) == closed)
		return;
	for (size_t i = 0; i < race->count; i++)
		print_error("%s %s\n", cart_result_name(race->ops[i].result), race->ops[i].reason);
	fail();
}

static void race_clear(struct race *race)
{
	for (size_t i = 0; i < race->count; i++)
		cart_op_clear(&race->ops[i]);
	memset(race->ops, 0, sizeof(race->ops));
}

static void of_two_merges_of_one_cart_exactly_one_wins(void **state)
{
	struct race race = {.f = *state, .count = RACERS};

	for (int round = 0; round < ROUNDS; round++) {
		struct cart_id from = guest(race.f), to[2] = {guest(race.f), guest(race.f)};
		int64_t sum = 0;
		struct cart cart;

		/* Three times the same into each of two. */
		for (size_t i = 0; i < race.count; i++)
			race.ops[i] = (struct cart_op){
				.type = CART_OP_MERGE, .id = to[i % 2], .from = from};
		race_run(&race);
		race_expect(&race, RACERS / 2, RACERS / 2);
		cart = rig_get(race.f, &from);
		assert_int_equal(cart.state, CART_MERGED);
		assert_int_equal(cart.version, 2);
		for (size_t i = 0; i < race.count; i++)
			if (race.ops[i].result == CART_OK)
				assert_true(cart_id_compare(&cart.merged_into, &race.ops[i].id) ==
					    0);
		for (size_t i = 0; i < 2; i++)
			sum += rig_quantity(race.f, &to[i], 8);
		assert_int_equal(sum, 9);
		cart_clear(&cart);
		race_clear(&race);
	}
}

static void of_merges_in_both_directions_exactly_one_wins(void **state)
{
	struct race race = {.f = *state, .count = RACERS};

	for (int round = 0; round < ROUNDS; round++) {
		struct cart_id carts[2] = {guest(race.f), guest(race.f)};
		struct cart a, b;

		for (size_t i = 0; i < race.count; i++)
			race.ops[i] = (struct cart_op){.type = CART_OP_MERGE,
						       .id = carts[i % 2],
						       .from = carts[(i + 1) % 2]};
		race_run(&race);
		race_expect(&race, RACERS / 2, RACERS / 2);
		a = rig_get(race.f, &carts[0]);
		b = rig_get(race.f, &carts[1]);
		assert_true((a.state == CART_MERGED) != (b.state == CART_MERGED));
		assert_int_equal((a.state == CART_MERGED ? &b : &a)->lines[1].quantity, 6);
		assert_int_equal((a.state == CART_MERGED ? &a : &b)->lines[1].quantity, 3);
		cart_clear(&a);
		cart_clear(&b);
		race_clear(&race);
	}
}

/* Whatever was acknowledged is in the cart that is open, once. */
static void no_add_beside_a_merge_is_lost_or_doubled(void **state)
{
	struct race race = {.f = *state, .count = RACERS, .add = ADD(8, 1)};

	for (int round = 0; round < ROUNDS; round++) {
		struct cart_id to = guest(race.f), from = guest(race.f);
		int64_t in_to = 3, in_from = 3;

		for (size_t i = 0; i < race.count; i++)
			race.ops[i] = (struct cart_op){.type = CART_OP_CHANGE,
						       .id = i % 2 == 0 ? to : from,
						       .changes = &race.add,
						       .change_count = 1};
		race.ops[round % RACERS] =
			(struct cart_op){.type = CART_OP_MERGE, .id = to, .from = from};
		race_run(&race);
		assert_int_equal(race.ops[round % RACERS].result, CART_OK);
		for (size_t i = 0; i < race.count; i++) {
			bool done = race.ops[i].result == CART_OK;

			if (race.ops[i].type == CART_OP_MERGE)
				continue;
			assert_true(done || (race.ops[i].result == CART_CLOSED && i % 2 == 1));
			in_to += done && i % 2 == 0;
			in_from += done && i % 2 == 1;
		}
		assert_int_equal(rig_quantity(race.f, &to, 8), in_to + in_from);
		assert_int_equal(rig_quantity(race.f, &from, 8), in_from);
		race_clear(&race);
	}
}

/* Either was first, and the other is told so. */
static void a_merge_beside_another_end_of_either_cart_is_before_or_after_it(void **state)
{
	struct race race = {.f = *state, .count = 2};

	for (int round = 0; round < 3 * ROUNDS; round++) {
		struct cart_id to = guest(race.f), from = guest(race.f);
		struct cart_id *about = round % 2 == 0 ? &to : &from;
		struct cart_op *merge = &race.ops[round / 2 % 2];
		struct cart_op *other = &race.ops[1 - round / 2 % 2];

		*merge = (struct cart_op){.type = CART_OP_MERGE, .id = to, .from = from};
		*other = (struct cart_op){.id = *about};
		other->type = round % 3 == 0   ? CART_OP_CHECKOUT
			      : round % 3 == 1 ? CART_OP_DELETE
					       : CART_OP_CHANGE;
		if (other->type == CART_OP_CHECKOUT)
			other->order_id = rig_id(race.f);
		if (other->type == CART_OP_CHANGE)
			other->customer_id = rig_customer(race.f);
		race_run(&race);
		if (merge->result == CART_OK) {
			assert_int_equal(merge->cart.lines[1].quantity, 6);
			assert_true(other->result == (about == &from ? CART_CLOSED : CART_OK) ||
				    (other->type == CART_OP_CHANGE && other->result == CART_OK &&
				     about == &to));
		} else {
			assert_int_equal(other->result, CART_OK);
			assert_int_equal(merge->of_from, about == &from);
			assert_int_equal(merge->result,
					 other->type == CART_OP_CHECKOUT ? CART_CLOSED
					 : other->type == CART_OP_DELETE ? CART_NOT_FOUND
									 : CART_OWNED);
			if (about == &to)
				assert_int_equal(rig_quantity(race.f, &from, 8), 3);
			else
				assert_int_equal(rig_quantity(race.f, &to, 8), 3);
		}
		race_clear(&race);
	}
}

#define MERGE_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MERGE_TEST(the_lines_are_in_the_cart_and_the_other_is_closed),
		MERGE_TEST(lines_without_attributes_take_those_of_from),
		MERGE_TEST(a_merge_that_changes_no_line_leaves_the_version),
		MERGE_TEST(the_same_merge_again_answers_the_cart_as_it_is),
		MERGE_TEST(a_merge_under_a_key_is_applied_once),
		MERGE_TEST(what_cannot_be_merged_stays_as_it_was),
		MERGE_TEST(a_cart_that_is_not_there_is_named),
		MERGE_TEST(a_merged_cart_takes_no_change),
		MERGE_TEST(both_carts_are_the_owners_or_not_there),
		MERGE_TEST(lists_know_merged_carts),
		MERGE_TEST(of_two_merges_of_one_cart_exactly_one_wins),
		MERGE_TEST(of_merges_in_both_directions_exactly_one_wins),
		MERGE_TEST(no_add_beside_a_merge_is_lost_or_doubled),
		MERGE_TEST(a_merge_beside_another_end_of_either_cart_is_before_or_after_it),
	};

	return cmocka_run_group_tests_name(rig_title("merge"), tests, NULL, NULL);
}
