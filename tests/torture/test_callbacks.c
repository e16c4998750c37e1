/*
 * For every n: the n-th answer of the store is a failure, the client does as the contract says
 * (the same again, under the same key), and at the end all is as if nothing had happened. Each kind
 * of fault, over the backend that CART_BACKEND names.
 */
#include "backends/fault/fault.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <string.h>

#define TRIES_MAX 8
#define HANG_NS	  (100 * CLOCK_NS_PER_MS) /* for the first try, and double that for each next one */

/* The carts of one run: their ids differ from run to run, nothing else. */
struct run {
	struct rig *f;
	struct cart_id first, second, third, order;
	struct shop_id customer;
	bool hangs;  /* an answer may never come: do not wait for it for long */
	int answers; /* that the store gave or should have given */
};

static bool is_failure(enum cart_result result)
{
	return result == CART_BUSY || result == CART_UNCERTAIN || result == CART_TIMEOUT ||
	       result == CART_FAILED || result == CART_CANCELED;
}

/* A client: sends the request until it is answered. A delete has no key; gone is gone. */
static void client(struct run *run, const struct cart_op *request, enum cart_result want)
{
	bool uncertain = false;
	struct cart_op op;

	for (int i = 0;; i++) {
		op = *request;
		if (run->hangs)
			op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + (HANG_NS << i);
		run->answers++;
		rig_run(run->f, 0, &op, NULL);
		if (!is_failure(op.result) || i == TRIES_MAX - 1)
			break;
		uncertain = uncertain || op.result == CART_UNCERTAIN;
		cart_op_clear(&op);
	}
	if (op.type == CART_OP_DELETE && uncertain && op.result == CART_NOT_FOUND)
		op.result = CART_OK;
	assert_string_equal(cart_result_name(op.result), cart_result_name(want));
	cart_op_clear(&op);
}

#define SEND(run_, want_, type_, ...)                                                              \
	client(run_, &(struct cart_op){.type = CART_OP_##type_, __VA_ARGS__}, want_)

static void tell_history(struct run *r)
{
	SEND(r, CART_OK, CREATE, .id = r->first, .customer_id = r->customer, .key = "c1");
	SEND(r, CART_OK, CREATE, .id = r->second, .customer_id = r->customer, .key = "c2");
	SEND(r, CART_OK, CREATE, .id = r->third, .customer_id = r->customer, .key = "c3");
	SEND(r, CART_OK, CHANGE, .id = r->first, .key = "a", CHANGES(ADD(1, 2)));
	SEND(r, CART_OK, CHANGE, .id = r->first, .key = "b", CHANGES(ADD(1, 3), ADD(2, 1)));
	SEND(r, CART_OK, GET, .id = r->first);
	SEND(r, CART_OK, CHANGE, .id = r->first, .key = "c", .if_version = 3, CHANGES(SET(3, 7)));
	SEND(r, CART_OK, CHANGE, .id = r->first, .key = "d", CHANGES(REMOVE(2)));
	SEND(r, CART_OK, CHANGE, .id = r->second, .key = "a", CHANGES(ADD(9, 9)));
	SEND(r, CART_NO_ITEM, CHANGE, .id = r->second, .key = "b", CHANGES(REMOVE(1)));
	SEND(r, CART_OK, LIST, .list = {.customer_id = r->customer, .limit = 10});
	SEND(r, CART_OK, CHANGE, .id = r->third, .key = "a", .flags = CART_WANT_CART,
	     CHANGES(CLEAR, ADD(4, 4)));
	SEND(r, CART_OK, CHECKOUT, .id = r->first, .key = "e", .order_id = r->order);
	SEND(r, CART_CLOSED, CHANGE, .id = r->first, .key = "f", CHANGES(ADD(1, 1)));
	SEND(r, CART_OK, DELETE, .id = r->third);
	SEND(r, CART_OK, CHANGE, .id = r->second, .key = "c", CHANGES(CLEAR));
}

static struct run run_new(struct rig *f, const struct cart_id *order)
{
	return (struct run){.f = f,
			    .first = rig_id(f),
			    .second = rig_id(f),
			    .third = rig_id(f),
			    .order = *order,
			    .customer = rig_customer(f)};
}

static void expect_same(struct rig *f, const struct cart_id *a, const struct cart_id *b)
{
	struct cart x = rig_get(f, a), y = rig_get(f, b);

	if (!rig_same_cart(&x, &y, true))
		fail_msg("%s\nis left, and without the fault it was\n%s", rig_describe(&y),
			 rig_describe(&x));
	cart_clear(&x);
	cart_clear(&y);
}

/* Runs the history for every n with this fault. */
static void expect_as_if_nothing(void **state, enum fault_type type)
{
	struct rig *f = *state;
	struct cart_id order = rig_id(f);
	struct run calm = run_new(f, &order);

	tell_history(&calm);
	for (uint64_t n = 1;; n++) {
		struct run run = run_new(f, &order);
		uint64_t hits = fault_hits(f->db);

		run.hangs = type == FAULT_HANG;
		fault_arm(f->db, type, n, 0);
		tell_history(&run);
		fault_arm(f->db, type, 0, 0);
		expect_same(f, &calm.first, &run.first);
		expect_same(f, &calm.second, &run.second);
		ask(f, CART_NOT_FOUND, GET, .id = run.third);
		if (fault_hits(f->db) == hits) {
			/* Past the last one, and not before. */
			assert_true(n > (uint64_t)calm.answers);
			return;
		}
		assert_true(run.answers > calm.answers);
	}
}

static void the_nth_submit_is_refused(void **state)
{
	expect_as_if_nothing(state, FAULT_REFUSE);
}

static void the_nth_answer_is_busy(void **state)
{
	expect_as_if_nothing(state, FAULT_BUSY);
}

static void the_nth_answer_is_a_failure(void **state)
{
	expect_as_if_nothing(state, FAULT_FAIL);
}

static void the_nth_answer_is_a_timeout(void **state)
{
	expect_as_if_nothing(state, FAULT_TIMEOUT);
}

static void the_nth_answer_is_uncertain_and_it_was_not_applied(void **state)
{
	expect_as_if_nothing(state, FAULT_UNCERTAIN);
}

static void the_nth_answer_is_uncertain_and_it_was_applied(void **state)
{
	expect_as_if_nothing(state, FAULT_DROP);
}

static void the_nth_answer_never_comes(void **state)
{
	expect_as_if_nothing(state, FAULT_HANG);
}

static int start(void **state)
{
	*state = rig_start(&(struct rig_config){.fault = true});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(the_nth_submit_is_refused),
		ON(the_nth_answer_is_busy),
		ON(the_nth_answer_is_a_failure),
		ON(the_nth_answer_is_a_timeout),
		ON(the_nth_answer_is_uncertain_and_it_was_not_applied),
		ON(the_nth_answer_is_uncertain_and_it_was_applied),
		ON(the_nth_answer_never_comes),
	};

	return cmocka_run_group_tests_name(rig_title("the n-th callback fails"), tests, NULL, NULL);
}
