/* The rules at the head of core/cart_store.h, on the backend that CART_BACKEND names. */
#include "backends/fault/fault.h"
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

/* How late a timer may be on a busy machine under a sanitizer. */
#define LATE_NS (1500 * CLOCK_NS_PER_MS)

static int start(void **state)
{
	*state = rig_start(&(struct rig_config){.loops = 3, .feed = true});
	return 0;
}

static int start_fault(void **state)
{
	*state = rig_start(&(struct rig_config){.loops = 2, .fault = true, .feed = true});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* One valid request of each type, for a cart that is there. */
static void requests(struct rig *f, struct cart_op ops[CART_OP_TYPES])
{
	static const struct cart_change add = {CART_CHANGE_ADD, {1, "1"}, 1, NULL};
	static struct cart whole;
	struct cart_id id = rig_cart(f);

	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(5, 1)));
	for (int type = 0; type < CART_OP_TYPES; type++)
		ops[type] = (struct cart_op){
			.type = (enum cart_op_type)type,
			.id = id,
			.order_id = rig_id(f),
			.list = {.customer_id = rig_customer(f), .limit = 10},
		};
	ops[CART_OP_CREATE].id = rig_id(f);
	ops[CART_OP_CREATE].customer_id = rig_customer(f);
	ops[CART_OP_CHANGE].changes = &add;
	ops[CART_OP_CHANGE].change_count = 1;
	/* The cart is checked out by the type before. */
	ops[CART_OP_DELETE].id = rig_cart(f);
	ops[CART_OP_MERGE].id = rig_cart(f);
	ops[CART_OP_MERGE].from = rig_id(f);
	ask(f, CART_OK, CREATE, .id = ops[CART_OP_MERGE].from, CHANGES(ADD(5, 1)));
	whole = (struct cart){.id = rig_id(f), .version = 1, .created_ms = 1, .updated_ms = 1};
	ops[CART_OP_IMPORT].id = whole.id;
	ops[CART_OP_IMPORT].whole = &whole;
	ops[CART_OP_FEED].feed = (struct cart_feed){.limit = 10};
	if (!f->rules.feed) /* the backend has none */
		ops[CART_OP_FEED] = ops[CART_OP_GET];
}

/* Tests of other files ask less of a backend that promises less. */
static void it_promises_what_the_documents_say(void **state)
{
	static const struct {
		const char *name;
		unsigned caps;
	} promises[] = {
		{"memory", CART_CAP_STRONG_LISTS},
		{"sqlite", CART_CAP_DURABLE | CART_CAP_STRONG_LISTS | CART_CAP_FEED},
		{"mysql", CART_CAP_DURABLE | CART_CAP_EVENTUAL_READS | CART_CAP_STRONG_LISTS |
				  CART_CAP_FEED},
		{"dynamodb", CART_CAP_DURABLE | CART_CAP_EVENTUAL_READS | CART_CAP_FEED},
	};
	struct rig *f = *state;

	for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++)
		if (strcmp(promises[i].name, f->backend->name) == 0)
			assert_int_equal(f->caps, promises[i].caps);
}

/* Whatever was under way on the loop has been seen to. */
static void settle(struct rig *f, size_t loop)
{
	ask_on(f, loop, CART_NOT_FOUND, GET, .id = rig_id(f));
}

static void an_op_of_each_type_completes_once_on_its_loop_and_not_inside_submit(void **state)
{
	struct rig *f = *state;

	for (size_t loop = 0; loop < f->loop_count; loop++) {
		struct cart_op ops[CART_OP_TYPES];
		struct probe probe;

		requests(f, ops);
		for (int type = 0; type < CART_OP_TYPES; type++) {
			probe_init(&probe, f, loop, &ops[type], 0);
			probe_submit(&probe);
			probe_await(&probe);
			settle(f, loop);
			assert_int_equal(probe.result, CART_OK);
			probe_check(&probe);
		}
	}
}

static void an_op_that_finds_nothing_completes_once_too(void **state)
{
	struct rig *f = *state;
	struct cart_op ops[CART_OP_TYPES];
	struct probe probe;

	requests(f, ops);
	for (int type = CART_OP_GET; type <= CART_OP_DELETE; type++) {
		ops[type].id = rig_id(f);
		probe_init(&probe, f, 0, &ops[type], 0);
		probe_submit(&probe);
		probe_await(&probe);
		settle(f, 0);
		assert_int_equal(probe.result, CART_NOT_FOUND);
		probe_check(&probe);
	}
}

static void expect_refusal(struct rig *f, const struct cart_op *op, const char *what)
{
	struct probe probe;

	probe_init(&probe, f, 0, op, 0);
	probe_submit(&probe);
	settle(f, 0);
	if (probe.submitted != CART_FAILED || probe.op.reason[0] == '\0' ||
	    atomic_load(&probe.count) != 0)
		fail_msg("%s: submit gave %s, reason \"%s\", callbacks: %d", what,
			 cart_result_name(probe.submitted), probe.op.reason,
			 atomic_load(&probe.count));
	assert_null(probe.op.held.store);
}

#define REFUSED(f_, what_, type_, ...)                                                             \
	expect_refusal(f_, &(struct cart_op){.type = CART_OP_##type_, __VA_ARGS__}, what_)

/* An id with this text where ids are integers, and with the other where they are strings. */
static struct shop_id wrong_id(const char *integer, const char *string)
{
	const char *text = shop_id_type() == SHOP_ID_INTEGER ? integer : string;
	struct shop_id id = {.size = (uint8_t)strlen(text)};

	memcpy(id.text, text, id.size);
	return id;
}

static void an_invalid_op_is_refused_with_a_reason_and_never_completes(void **state)
{
	static const struct shop_id no_id = {.size = 1, .text = " "};
	const struct {
		const char *what;
		struct cart_change change;
	} changes[] = {
		{"add of 0", ADD(1, 0)},
		{"add of less", ADD(1, -1)},
		{"add of too many", ADD(1, CART_ADD_MAX + 1)},
		{"add to product 0", ADD(0, 1)},
		{"add to product -1", ADD(-1, 1)},
		{"add to product 2^53", ADD(SHOP_ID_NUMBER_MAX + 1, 1)},
		{"set to less than 0", SET(1, -1)},
		{"set to above the limit", SET(1, 1000001)},
		{"set of product 0", SET(0, 1)},
		{"removal of product 0", REMOVE(0)},
		{"add to no product", {CART_CHANGE_ADD, {0}, 1, NULL}},
		{"add to product 01", {CART_CHANGE_ADD, wrong_id("01", "\t1"), 1, NULL}},
		{"add to a product in words",
		 {CART_CHANGE_ADD, wrong_id("one", "two words"), 1, NULL}},
		{"add to a product that ends early", {CART_CHANGE_ADD, {3, "1"}, 1, NULL}},
		{"an unknown change", {(enum cart_change_type)9, id_of(1), 1, NULL}},
	};
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	char long_key[CART_KEY_MAX + 2];

	memset(long_key, 'k', sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		REFUSED(f, changes[i].what, CHANGE, .id = id, .changes = &changes[i].change,
			.change_count = 1);
	REFUSED(f, "a change of nothing", CHANGE, .id = id);
	REFUSED(f, "a good line and a bad one", CHANGE, .id = id, CHANGES(ADD(1, 1), ADD(1, 0)));
	REFUSED(f, "an empty key", CHANGE, .id = id, .key = "", CHANGES(ADD(1, 1)));
	REFUSED(f, "a long key", CHANGE, .id = id, .key = long_key, CHANGES(ADD(1, 1)));
	REFUSED(f, "a key with a space", CHANGE, .id = id, .key = "a b", CHANGES(ADD(1, 1)));
	REFUSED(f, "a key in UTF-8", CHANGE, .id = id, .key = "\xc3\xa9", CHANGES(ADD(1, 1)));
	REFUSED(f, "a key on a delete", DELETE, .id = id, .key = "k");
	REFUSED(f, "a key on a read", GET, .id = id, .key = "k");
	REFUSED(f, "a new cart with a set", CREATE, .id = id, CHANGES(SET(1, 1)));
	REFUSED(f, "a new cart with a bad line", CREATE, .id = id, CHANGES(ADD(1, 1), ADD(1, 0)));
	REFUSED(f, "lines and a customer", CHANGE, .id = id, .customer_id = id_of(1),
		CHANGES(ADD(1, 1)));
	REFUSED(f, "a claim for no id", CHANGE, .id = id, .customer_id = no_id);
	REFUSED(f, "a customer that is no id", CREATE, .id = id, .customer_id = no_id);
	REFUSED(f, "no order id", CHECKOUT, .id = id);
	REFUSED(f, "a cart into itself", MERGE, .id = id, .from = id);
	REFUSED(f, "an unknown strategy", MERGE, .id = id, .from = rig_id(f),
		.strategy = CART_MERGE_STRATEGIES);
	REFUSED(f, "limit 0", LIST, .list = {.customer_id = id_of(1)});
	REFUSED(f, "limit 101", LIST,
		.list = {.customer_id = id_of(1), .limit = CART_LIST_MAX + 1});
	REFUSED(f, "a list of nobody's", LIST, .list = {.limit = 1});
	REFUSED(f, "an unknown list", LIST,
		.list = {.kind = (enum cart_list_kind)7, .customer_id = id_of(1), .limit = 1});
	REFUSED(f, "an unknown state", LIST,
		.list = {.customer_id = id_of(1), .limit = 1, .state = (enum cart_list_state)7});
	expect_refusal(f, &(struct cart_op){.type = CART_OP_TYPES, .id = id}, "an unknown type");
	assert_int_equal(rig_quantity(f, &id, 1), 0);
}

static void the_longest_key_and_the_largest_numbers_are_accepted(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_id(f);
	char key[CART_KEY_MAX + 1];

	memset(key, '~', CART_KEY_MAX);
	key[CART_KEY_MAX] = '\0';
	key[0] = '!';
	ask(f, CART_OK, CREATE, .id = id, .customer_id = id_of(SHOP_ID_NUMBER_MAX));
	ask(f, CART_OK, CHANGE, .id = id, .key = key,
	    CHANGES(ADD(SHOP_ID_NUMBER_MAX, CART_ADD_MAX), SET(1, 1000000)));
	assert_int_equal(rig_quantity(f, &id, SHOP_ID_NUMBER_MAX), CART_ADD_MAX);
	assert_int_equal(rig_quantity(f, &id, 1), 1000000);
}

/* An op that is gone, poisoned and freed, once its callback has begun. */
struct doomed {
	struct cart_op op;
	_Atomic int *gone;
	struct cart_change change;
	char key[32];
};

static void doomed_done(struct cart_op *op, void *user)
{
	struct doomed *doomed = user;
	_Atomic int *gone = doomed->gone;

	cart_op_clear(op);
	memset(doomed, 0xa5, sizeof(*doomed));
	free(doomed);
	atomic_fetch_add(gone, 1);
}

struct doomed_batch {
	struct rig_loop *loop;
	struct cart_op ops[CART_OP_TYPES];
	int count;
	_Atomic int gone;
};

static void doomed_submit(void *user)
{
	struct doomed_batch *batch = user;

	for (int i = 0; i < batch->count; i++) {
		struct doomed *doomed = calloc(1, sizeof(*doomed));

		doomed->op = batch->ops[i % CART_OP_TYPES];
		doomed->gone = &batch->gone;
		doomed->change = (struct cart_change)ADD(1 + i % 3, 1);
		snprintf(doomed->key, sizeof(doomed->key), "doomed-%d", i);
		if (doomed->op.type == CART_OP_CHANGE) {
			doomed->op.changes = &doomed->change;
			doomed->op.key = doomed->key;
		}
		doomed->op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
		doomed->op.done = doomed_done;
		doomed->op.user = doomed;
		if (cart_store_submit(batch->loop->store, &doomed->op) != CART_OK) {
			free(doomed);
			atomic_fetch_add(&batch->gone, 1);
		}
	}
}

static void nothing_of_an_op_is_touched_once_its_callback_has_begun(void **state)
{
	struct rig *f = *state;
	struct doomed_batch batch = {.loop = &f->loops[0], .count = 20 * CART_OP_TYPES};

	requests(f, batch.ops);
	rig_call(f, 0, doomed_submit, &batch);
	rig_await(&batch.gone, batch.count, "the end of every op");
	settle(f, 0);
	assert_int_equal(atomic_load(&batch.gone), batch.count);
}

/* Each callback submits the op again, and with it a second one now and then. */
struct chain {
	struct rig_loop *loop;
	struct cart_op op;
	struct cart_change change;
	bool inside;
	bool came_inside;
	bool refused;
	_Atomic int links; /* done */
};

#define LINKS 100

static void chain_submit(void *user)
{
	struct chain *chain = user;

	chain->inside = true;
	if (cart_store_submit(chain->loop->store, &chain->op) != CART_OK) {
		chain->refused = true;
		atomic_store(&chain->links, LINKS);
	}
	chain->inside = false;
}

static void chain_done(struct cart_op *op, void *user)
{
	struct chain *chain = user;

	chain->came_inside = chain->came_inside || chain->inside;
	if (op->result != CART_OK)
		chain->refused = true;
	cart_op_clear(op);
	if (atomic_fetch_add(&chain->links, 1) + 1 < LINKS)
		chain_submit(chain);
}

static void a_callback_may_submit_the_op_again(void **state)
{
	enum { CHAINS = 4 };
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct chain chains[CHAINS];

	for (int i = 0; i < CHAINS; i++) {
		struct chain *chain = &chains[i];

		*chain = (struct chain){.loop = &f->loops[0], .change = ADD(1 + i, 1)};
		cart_op_init(&chain->op, CART_OP_CHANGE);
		chain->op.id = id;
		chain->op.changes = &chain->change;
		chain->op.change_count = 1;
		chain->op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
		chain->op.done = chain_done;
		chain->op.user = chain;
	}
	for (int i = 0; i < CHAINS; i++)
		rig_call(f, 0, chain_submit, &chains[i]);
	for (int i = 0; i < CHAINS; i++) {
		rig_await(&chains[i].links, LINKS, "the end of a chain of ops");
		assert_false(chains[i].refused);
		assert_false(chains[i].came_inside);
		assert_int_equal(rig_quantity(f, &id, 1 + i), LINKS);
	}
}

static void the_times_of_an_op_are_in_order(void **state)
{
	struct rig *f = *state;
	struct cart_op ops[CART_OP_TYPES];

	requests(f, ops);
	for (int type = 0; type < CART_OP_TYPES; type++) {
		int64_t before = clock_monotonic_ns(&cart_clock_system);
		struct cart_op *op = &ops[type];

		assert_int_equal(rig_run(f, 0, op, NULL), CART_OK);
		assert_true(before <= op->submitted_ns);
		assert_true(op->submitted_ns <= op->started_ns);
		assert_true(op->started_ns <= op->finished_ns);
		assert_true(op->finished_ns <= clock_monotonic_ns(&cart_clock_system));
		cart_op_clear(op);
	}
}

static void a_result_other_than_ok_carries_nothing(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_op op = ask_for(f, CART_NO_ITEM, CHANGE, .id = id, .flags = CART_WANT_CART,
				    CHANGES(ADD(1, 1), REMOVE(2)));

	assert_null(op.cart.lines);
	assert_int_equal(op.cart.version, 0);
	assert_int_equal(op.version, 0);
	assert_false(op.replayed);
	cart_op_clear(&op);
}

static void instants_are_those_of_our_clock_at_submit(void **state)
{
	struct rig *f = *state;
	struct cart_op op =
		ask_for(f, CART_OK, CREATE, .id = rig_id(f), .customer_id = rig_customer(f));

	assert_int_equal(op.now_ms, clock_fake_now(&f->clock));
	assert_int_equal(op.cart.created_ms, clock_fake_now(&f->clock));
	cart_op_clear(&op);
}

/* Deadlines. */

static void expect_by_deadline(struct rig *f, const struct cart_op *request, enum cart_result want)
{
	struct probe probe;

	probe_init(&probe, f, 0, request, 30);
	probe_submit(&probe);
	probe_await(&probe);
	assert_string_equal(cart_result_name(probe.result), cart_result_name(want));
	assert_true(probe.done_ns >= probe.op.deadline_ns);
	assert_true(probe.done_ns <= probe.op.deadline_ns + patience_at_most_ns(LATE_NS));
	settle(f, 0);
	probe_check(&probe);
}

static void ops_that_are_never_answered_end_by_their_deadline(void **state)
{
	struct rig *f = *state;
	struct cart_op ops[CART_OP_TYPES];

	requests(f, ops);
	for (int type = 0; type < CART_OP_TYPES; type++) {
		fault_arm(f->db, FAULT_HANG, 1, 0);
		expect_by_deadline(f, &ops[type],
				   cart_op_is_write(&ops[type]) ? CART_UNCERTAIN : CART_TIMEOUT);
	}
}

static void ops_that_are_answered_too_late_end_by_their_deadline(void **state)
{
	struct rig *f = *state;
	struct cart_op ops[CART_OP_TYPES];

	requests(f, ops);
	for (int type = 0; type < CART_OP_TYPES; type++) {
		struct probe probe;

		fault_delay(f->db, 60000);
		probe_init(&probe, f, 0, &ops[type], 30);
		probe_submit(&probe);
		fault_delay(f->db, 0);
		probe_await(&probe);
		/* Too late to know whether it landed, or in time to know that it did not. */
		if (probe.result == CART_UNCERTAIN)
			assert_true(cart_op_is_write(&ops[type]));
		else
			assert_int_equal(probe.result, CART_TIMEOUT);
		assert_true(probe.done_ns <= probe.op.deadline_ns + patience_at_most_ns(LATE_NS));
		settle(f, 0);
		probe_check(&probe);
	}
}

static void a_change_that_is_answered_too_late_is_uncertain_because_it_landed(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct cart_change add = ADD(1, 3);
	struct cart_op op = {.type = CART_OP_CHANGE, .id = id, .changes = &add, .change_count = 1};
	struct probe probe;

	fault_delay(f->db, 60000);
	/* Far more than the inner store takes. */
	probe_init(&probe, f, 0, &op, 400);
	probe_submit(&probe);
	fault_delay(f->db, 0);
	probe_await(&probe);
	assert_int_equal(probe.result, CART_UNCERTAIN);
	assert_int_equal(rig_quantity(f, &id, 1), 3);
	probe_check(&probe);
}

static void each_of_many_ops_has_its_own_deadline(void **state)
{
	enum { MANY = 100 };
	struct rig *f = *state;
	struct probe *probes = calloc(MANY, sizeof(*probes));
	struct cart_op get = {.type = CART_OP_GET, .id = rig_cart(f)};

	fault_arm(f->db, FAULT_HANG, 0, 1);
	for (int i = 0; i < MANY; i++) {
		/* Not in the order in which they are submitted. */
		probe_init(&probes[i], f, 0, &get, 20 + (i * 37) % MANY);
		probe_submit(&probes[i]);
	}
	for (int i = 0; i < MANY; i++) {
		probe_await(&probes[i]);
		assert_int_equal(probes[i].result, CART_TIMEOUT);
		assert_true(probes[i].done_ns >= probes[i].op.deadline_ns);
		assert_true(probes[i].done_ns <=
			    probes[i].op.deadline_ns + patience_at_most_ns(LATE_NS));
		probe_check(&probes[i]);
	}
	free(probes);
}

/* The answer to a change fits what is stored. */
static void expect_consistent(struct rig *f, const struct cart_id *id, int64_t product_id,
			      enum cart_result result)
{
	int64_t quantity = rig_quantity(f, id, product_id);

	switch (result) {
	case CART_OK:
		assert_int_equal(quantity, 1);
		break;
	case CART_UNCERTAIN:
		break;
	case CART_TIMEOUT:
	case CART_CANCELED:
	case CART_BUSY:
		assert_int_equal(quantity, 0);
		break;
	default:
		fail_msg("an unexpected %s", cart_result_name(result));
	}
}

static void a_deadline_that_has_passed_is_answered_at_once_and_truly(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	for (int64_t i = 1; i <= 20; i++) {
		struct cart_change add = ADD(i, 1);
		struct cart_op op = {
			.type = CART_OP_CHANGE, .id = id, .changes = &add, .change_count = 1};
		struct probe probe;

		/* Before now, and from about now to a little later. */
		probe_init(&probe, f, 0, &op, 0);
		probe.op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + (i - 5) * 50000;
		probe_submit(&probe);
		probe_await(&probe);
		settle(f, 0);
		assert_true(probe.done_ns <= probe.op.deadline_ns + patience_at_most_ns(LATE_NS));
		expect_consistent(f, &id, i, probe.result);
		probe_check(&probe);
	}
}

/* Cancel. */

static void a_read_that_hangs_can_be_canceled(void **state)
{
	struct rig *f = *state;
	struct cart_op get = {.type = CART_OP_GET, .id = rig_cart(f)};
	struct probe probe;

	fault_arm(f->db, FAULT_HANG, 1, 0);
	probe_init(&probe, f, 0, &get, 0);
	probe_submit(&probe);
	settle(f, 0);
	assert_int_equal(atomic_load(&probe.count), 0);
	probe_cancel(&probe);
	probe_cancel(&probe);
	probe_await(&probe);
	settle(f, 0);
	assert_int_equal(probe.result, CART_CANCELED);
	probe_check(&probe);
}

static void a_change_that_hangs_is_uncertain_when_canceled(void **state)
{
	struct rig *f = *state;
	struct cart_change add = ADD(1, 1);
	struct cart_op op = {
		.type = CART_OP_CHANGE, .id = rig_cart(f), .changes = &add, .change_count = 1};
	struct probe probe;

	fault_arm(f->db, FAULT_HANG, 1, 0);
	probe_init(&probe, f, 0, &op, 0);
	probe_submit(&probe);
	probe_cancel(&probe);
	probe_await(&probe);
	settle(f, 0);
	assert_int_equal(probe.result, CART_UNCERTAIN);
	probe_check(&probe);
}

static void submit_and_cancel(void *user)
{
	probe_submit_here(user);
	if (((struct probe *)user)->submitted == CART_OK)
		probe_cancel_here(user);
}

static void a_cancel_meets_an_op_anywhere_and_its_answer_is_true(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);

	for (int64_t i = 1; i <= 100; i++) {
		struct cart_change add = ADD(i, 1);
		struct cart_op op = {
			.type = CART_OP_CHANGE, .id = id, .changes = &add, .change_count = 1};
		struct probe probe;

		probe_init(&probe, f, 0, &op, 0);
		if (i % 2 == 0) {
			rig_call(f, 0, submit_and_cancel, &probe);
		} else {
			probe_submit(&probe);
			probe_cancel(&probe);
		}
		probe_await(&probe);
		settle(f, 0);
		expect_consistent(f, &id, i, probe.result);
		probe_check(&probe);
	}
}

/* Close. */

struct closing {
	struct rig_loop *loop;
	struct cart_store *handle; /* kept to see that it refuses */
	_Atomic int drained;
	bool inside;
	bool came_inside;
	bool too_early;
	struct probe *probes;
	int count;
	enum cart_result late; /* what a submit after closing returned */
	struct cart_op late_op;
};

static void closing_drained(void *user)
{
	struct closing *closing = user;

	closing->came_inside = closing->came_inside || closing->inside;
	for (int i = 0; i < closing->count; i++)
		if (atomic_load(&closing->probes[i].count) != 1)
			closing->too_early = true;
	atomic_fetch_add(&closing->drained, 1);
}

static void closing_close(struct closing *closing)
{
	closing->inside = true;
	cart_store_close(&closing->loop->store, closing_drained, closing);
	closing->inside = false;
}

static void closing_never_done(struct cart_op *op, void *user)
{
	struct closing *closing = user;

	(void)op;
	closing->too_early = true;
}

/* Submits all probes, closes, and tries one more. */
static void closing_run(void *user)
{
	struct closing *closing = user;

	for (int i = 0; i < closing->count; i++)
		probe_submit_here(&closing->probes[i]);
	closing->handle = closing->loop->store;
	closing_close(closing);
	closing->late_op = closing->probes[0].op;
	memset(&closing->late_op.held, 0, sizeof(closing->late_op.held));
	closing->late_op.done = closing_never_done;
	closing->late_op.user = closing;
	closing->late = cart_store_submit(closing->handle, &closing->late_op);
}

static void close_drains_what_is_pending_refuses_more_and_reports_once(void **state)
{
	enum { COUNT = 60 };
	struct rig *f = *state;
	struct closing closing = {.loop = &f->loops[0], .count = COUNT};
	struct cart_id id = rig_cart(f);
	struct cart_change add = ADD(1, 1);
	struct cart_op op = {.type = CART_OP_CHANGE, .id = id, .changes = &add, .change_count = 1};

	closing.probes = calloc(COUNT, sizeof(*closing.probes));
	for (int i = 0; i < COUNT; i++)
		probe_init(&closing.probes[i], f, 0, &op, 0);
	rig_call(f, 0, closing_run, &closing);
	assert_null(f->loops[0].store);
	assert_int_equal(closing.late, CART_BUSY);
	assert_string_not_equal(closing.late_op.reason, "");
	rig_await(&closing.drained, 1, "the end of closing");
	assert_false(closing.came_inside);
	assert_false(closing.too_early);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(closing.probes[i].result, CART_OK);
		probe_check(&closing.probes[i]);
	}
	/* The other loops' handles go on. */
	settle(f, 1);
	assert_int_equal(atomic_load(&closing.drained), 1);
	free(closing.probes);
}

static void closing_close_here(void *user)
{
	closing_close(user);
}

static void close_of_an_idle_handle_reports_once_and_not_inside_the_call(void **state)
{
	struct rig *f = *state;
	struct closing closing = {.loop = &f->loops[1]};

	rig_call(f, 1, closing_close_here, &closing);
	rig_await(&closing.drained, 1, "the end of closing");
	assert_false(closing.came_inside);
	settle(f, 0);
	assert_int_equal(atomic_load(&closing.drained), 1);
}

static void close_takes_null(void **state)
{
	struct cart_store *none = NULL;

	(void)state;
	cart_store_close(&none, NULL, NULL);
	assert_null(none);
}

static void closing_in_callback(struct cart_op *op, void *user)
{
	struct closing *closing = user;

	cart_op_clear(op);
	closing_close(closing);
	closing->late = cart_store_submit(closing->handle, op);
}

static void closing_submit(void *user)
{
	struct closing *closing = user;

	closing->handle = closing->loop->store;
	if (cart_store_submit(closing->loop->store, &closing->late_op) != CART_OK)
		abort();
	for (int i = 0; i < closing->count; i++)
		probe_submit_here(&closing->probes[i]);
}

static void a_callback_may_close_the_handle(void **state)
{
	enum { COUNT = 10 };
	struct rig *f = *state;

	for (int count = 0; count <= COUNT; count += COUNT) {
		size_t at = count > 0 ? 1 : 2;
		struct closing closing = {.loop = &f->loops[at], .count = count};
		struct cart_op get = {.type = CART_OP_GET, .id = rig_cart(f)};

		closing.probes = calloc(COUNT, sizeof(*closing.probes));
		for (int i = 0; i < count; i++)
			probe_init(&closing.probes[i], f, at, &get, 0);
		closing.late_op = get;
		closing.late_op.done = closing_in_callback;
		closing.late_op.user = &closing;
		closing.late_op.deadline_ns =
			clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
		rig_call(f, at, closing_submit, &closing);
		rig_await(&closing.drained, 1, "the end of closing");
		assert_false(closing.came_inside);
		assert_false(closing.too_early);
		assert_int_equal(closing.late, CART_BUSY);
		for (int i = 0; i < count; i++)
			probe_check(&closing.probes[i]);
		free(closing.probes);
	}
}

static void close_waits_for_the_deadline_of_what_hangs(void **state)
{
	struct rig *f = *state;
	struct probe probe;
	struct closing closing = {.loop = &f->loops[0], .probes = &probe, .count = 1};
	struct cart_op get = {.type = CART_OP_GET, .id = rig_cart(f)};

	fault_arm(f->db, FAULT_HANG, 0, 1);
	probe_init(&probe, f, 0, &get, 50);
	rig_call(f, 0, closing_run, &closing);
	rig_await(&closing.drained, 1, "the end of closing");
	assert_false(closing.too_early);
	assert_int_equal(probe.result, CART_TIMEOUT);
	assert_true(probe.done_ns >= probe.op.deadline_ns);
	probe_check(&probe);
}

static void open_again(void *user)
{
	struct rig_loop *loop = user;
	struct cart_error error;

	if (cart_store_open(&loop->store, loop->rig->db, loop->base,
			    metrics_shard_new(loop->rig->metrics), &error) != 0)
		abort();
}

static void a_handle_can_be_opened_again(void **state)
{
	struct rig *f = *state;
	struct cart_id id = rig_cart(f);
	struct closing closing = {.loop = &f->loops[0]};

	rig_call(f, 0, closing_close_here, &closing);
	rig_await(&closing.drained, 1, "the end of closing");
	rig_call(f, 0, open_again, &f->loops[0]);
	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(1, 2)));
	assert_int_equal(rig_quantity(f, &id, 1), 2);
}

#define ON(test_)    cmocka_unit_test_setup_teardown(test_, start, stop)
#define FAULT(test_) cmocka_unit_test_setup_teardown(test_, start_fault, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(it_promises_what_the_documents_say),
		ON(an_op_of_each_type_completes_once_on_its_loop_and_not_inside_submit),
		ON(an_op_that_finds_nothing_completes_once_too),
		ON(an_invalid_op_is_refused_with_a_reason_and_never_completes),
		ON(the_longest_key_and_the_largest_numbers_are_accepted),
		ON(nothing_of_an_op_is_touched_once_its_callback_has_begun),
		ON(a_callback_may_submit_the_op_again),
		ON(the_times_of_an_op_are_in_order),
		ON(a_result_other_than_ok_carries_nothing),
		ON(instants_are_those_of_our_clock_at_submit),
		FAULT(ops_that_are_never_answered_end_by_their_deadline),
		FAULT(ops_that_are_answered_too_late_end_by_their_deadline),
		FAULT(a_change_that_is_answered_too_late_is_uncertain_because_it_landed),
		FAULT(each_of_many_ops_has_its_own_deadline),
		ON(a_deadline_that_has_passed_is_answered_at_once_and_truly),
		FAULT(a_read_that_hangs_can_be_canceled),
		FAULT(a_change_that_hangs_is_uncertain_when_canceled),
		ON(a_cancel_meets_an_op_anywhere_and_its_answer_is_true),
		ON(close_drains_what_is_pending_refuses_more_and_reports_once),
		ON(close_of_an_idle_handle_reports_once_and_not_inside_the_call),
		ON(close_takes_null),
		ON(a_callback_may_close_the_handle),
		FAULT(close_waits_for_the_deadline_of_what_hangs),
		ON(a_handle_can_be_opened_again),
	};

	return cmocka_run_group_tests_name(rig_title("the interface of a store"), tests, NULL,
					   NULL);
}
