/*
 * Many writers at once, from several loops, on few carts; on the backend that CART_BACKEND names.
 *
 * What was acknowledged is recorded with its version and checked afterwards: the versions of a
 * cart's changes are dense, and its changes in that order, done again by cart_apply(), give every
 * cart that anyone was shown on the way, and the one that is left. The wall clock stands still, so
 * that times are equal too. CART_SEED=N repeats the choice of ops, not their order.
 */
#include "tests/lib/cmocka.h"
#include "tests/lib/rig.h"

#include <stdlib.h>
#include <string.h>

#define LOOPS	    4
#define WRITERS	    6  /* a loop, one op under way each */
#define OPS	    80 /* a writer */
#define CHANGES_MAX 3
#define CARTS	    3
#define PRODUCTS    4
#define READ_SHARE  3 /* one op in so many is a read */
#define RECORDS_MAX ((size_t)LOOPS * WRITERS * OPS)

/* What one op asked and was told. */
struct record {
	struct cart_op op; /* its result too: version, cart */
	struct cart_change changes[CHANGES_MAX];
	char key[24];
	struct record *next; /* of its cart */
};

struct contest;

/* One op after the other on one loop. */
struct writer {
	struct contest *contest;
	struct rig_loop *loop;
	struct rig_task task;
	struct rng rng;
	struct record *records;
	int number;
	int at; /* records used */
	int ops;
};

typedef void choose_fn(struct writer *writer, struct record *record);

struct contest {
	struct rig *f;
	choose_fn *choose;
	struct cart_id carts[CARTS];
	struct shop_id customer;
	struct writer writers[LOOPS * WRITERS];
	size_t writer_count;
	_Atomic int answered; /* but for what is tried again */
	_Atomic int ended;
	_Atomic int odd; /* answers that nothing here explains */
	struct record *of_cart[CARTS];
};

static void writer_go_on(struct writer *writer);

static bool is_expected(enum cart_result result)
{
	return result == CART_OK || result == CART_NO_ITEM || result == CART_MISMATCH ||
	       result == CART_CLOSED || result == CART_EMPTY;
}

static void writer_submit(struct writer *writer, struct record *record)
{
	record->op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
	if (cart_store_submit(writer->loop->store, &record->op) != CART_OK) {
		atomic_fetch_add(&writer->contest->odd, 1);
		atomic_fetch_add(&writer->contest->ended, 1);
	}
}

static void writer_done(struct cart_op *op, void *user)
{
	struct writer *writer = user;

	if (op->result == CART_BUSY) {
		cart_op_clear(op);
		writer_submit(writer, &writer->records[writer->at]);
		return;
	}
	if (!is_expected(op->result))
		atomic_fetch_add(&writer->contest->odd, 1);
	atomic_fetch_add(&writer->contest->answered, 1);
	writer->at++;
	writer_go_on(writer);
}

static void writer_go_on(struct writer *writer)
{
	struct record *record;

	if (writer->at == writer->ops) {
		atomic_fetch_add(&writer->contest->ended, 1);
		return;
	}
	record = &writer->records[writer->at];
	writer->contest->choose(writer, record);
	record->op.done = writer_done;
	record->op.user = writer;
	writer_submit(writer, record);
}

static void writer_start(void *user)
{
	writer_go_on(user);
}

/* Runs the writers to their end and sorts their records by cart. */
static void contest_run(struct contest *contest, struct rig *f, choose_fn *choose, int ops)
{
	uint64_t seed = rng_seed();

	print_message("CART_SEED=%llu\n", (unsigned long long)seed);
	contest->f = f;
	contest->choose = choose;
	contest->writer_count = f->loop_count * WRITERS;
	for (size_t i = 0; i < contest->writer_count; i++)
		contest->writers[i] = (struct writer){
			.contest = contest,
			.loop = &f->loops[i % f->loop_count],
			.task = {.run = writer_start, .user = &contest->writers[i]},
			.rng = {.state = seed + i},
			.records = calloc((size_t)ops, sizeof(struct record)),
			.number = (int)i,
			.ops = ops,
		};
	for (size_t i = 0; i < contest->writer_count; i++)
		rig_post(f, i % f->loop_count, &contest->writers[i].task);
	rig_await(&contest->answered, (int)contest->writer_count * ops,
		  "the answers to all writers");
	rig_await(&contest->ended, (int)contest->writer_count, "the end of all writers");
	assert_int_equal(atomic_load(&contest->odd), 0);
	for (size_t i = 0; i < contest->writer_count; i++)
		for (int at = 0; at < ops; at++) {
			struct record *record = &contest->writers[i].records[at];

			for (size_t c = 0; c < CARTS; c++)
				if (cart_id_compare(&record->op.id, &contest->carts[c]) == 0) {
					record->next = contest->of_cart[c];
					contest->of_cart[c] = record;
				}
		}
}

static void contest_free(struct contest *contest)
{
	for (size_t i = 0; i < contest->writer_count; i++) {
		for (int at = 0; at < contest->writers[i].ops; at++)
			cart_op_clear(&contest->writers[i].records[at].op);
		free(contest->writers[i].records);
	}
	free(contest);
}

static struct contest *contest_new(struct rig *f)
{
	struct contest *contest = calloc(1, sizeof(*contest));

	for (size_t i = 0; i < CARTS; i++)
		contest->carts[i] = rig_cart(f);
	contest->customer = rig_customer(f);
	return contest;
}

/* Choosing. */

static void choose_add(struct writer *writer, struct record *record)
{
	record->op.type = CART_OP_CHANGE;
	record->op.id = writer->contest->carts[rng_below(&writer->rng, CARTS)];
	record->changes[0] = (struct cart_change)ADD(rng_between(&writer->rng, 1, PRODUCTS),
						     rng_between(&writer->rng, 1, 9));
	record->op.changes = record->changes;
	record->op.change_count = 1;
}

static void choose_change(struct writer *writer, struct cart_change *change)
{
	uint64_t dice = rng_below(&writer->rng, 10);
	int64_t product = rng_between(&writer->rng, 1, PRODUCTS);

	if (dice < 5)
		*change = (struct cart_change)ADD(product, rng_between(&writer->rng, 1, 9));
	else if (dice < 8)
		*change = (struct cart_change)SET(product, rng_between(&writer->rng, 0, 3));
	else if (dice < 9)
		*change = (struct cart_change)REMOVE(product);
	else
		*change = (struct cart_change)CLEAR;
}

static void choose_anything(struct writer *writer, struct record *record)
{
	choose_add(writer, record);
	if (rng_below(&writer->rng, READ_SHARE) == 0) {
		record->op.type = CART_OP_GET;
		record->op.flags = CART_READ_STRONG;
		return;
	}
	record->op.change_count = 1 + rng_below(&writer->rng, CHANGES_MAX);
	for (size_t i = 0; i < record->op.change_count; i++)
		choose_change(writer, &record->changes[i]);
	if (rng_below(&writer->rng, 2) == 0)
		record->op.flags = CART_WANT_CART;
	/* What was true a moment ago, sometimes. */
	if (writer->at > 0 && rng_below(&writer->rng, 4) == 0)
		record->op.if_version = writer->records[writer->at - 1].op.version;
}

/* Adds, and now and then a checkout: what comes after it must be refused. */
static void choose_towards_checkout(struct writer *writer, struct record *record)
{
	choose_add(writer, record);
	record->op.flags = CART_WANT_CART;
	if (writer->at > 3 && rng_below(&writer->rng, 20) == 0) {
		record->op.type = CART_OP_CHECKOUT;
		record->op.order_id = rng_id(&writer->rng);
	}
}

/* The adds of all writers have the same keys in the same order, and so the same product each. */
static void choose_keyed(struct writer *writer, struct record *record)
{
	record->op.type = CART_OP_CHANGE;
	record->op.id = writer->contest->carts[writer->at % CARTS];
	record->changes[0] = (struct cart_change)ADD(1 + writer->at % PRODUCTS, 1);
	record->op.changes = record->changes;
	record->op.change_count = 1;
	snprintf(record->key, sizeof(record->key), "key-%d", writer->at);
	record->op.key = record->key;
}

/* All writers create the same carts in the same order. */
static void choose_create(struct writer *writer, struct record *record)
{
	record->op.type = CART_OP_CREATE;
	record->op.id = rng_id(&writer->rng);
	record->op.customer_id = writer->contest->customer;
	snprintf(record->key, sizeof(record->key), "key-%d", writer->at);
	record->op.key = record->key;
}

/* Checking. */

/* All that was acknowledged of a cart, by version. */
struct history {
	struct rig *f;
	const struct record *first; /* reads and refusals too */
	struct record **records;
	size_t count;
};

static int by_version(const void *a, const void *b)
{
	const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;

	return x->op.version < y->op.version ? -1 : x->op.version > y->op.version;
}

static struct history history_of(struct rig *f, struct record *first)
{
	struct history history = {.f = f, .first = first};

	history.records = calloc(RECORDS_MAX, sizeof(struct record *));
	for (struct record *r = first; r != NULL; r = r->next)
		if (r->op.result == CART_OK && cart_op_is_write(&r->op))
			history.records[history.count++] = r;
	qsort(history.records, history.count, sizeof(struct record *), by_version);
	return history;
}

/* Does the record's op to a copy of the cart. True: it was allowed and gave this version. */
static bool leads_to(const struct history *h, const struct cart *cart, const struct record *record,
		     struct cart *after)
{
	struct cart_op op = record->op;

	if (!cart_copy(after, cart))
		abort();
	if (cart_apply(after, &op, &h->f->rules) == CART_OK && after->version == record->op.version)
		return true;
	cart_clear(after);
	return false;
}

/* Of several acknowledged with the same version one made it, and the others changed nothing. */
static bool all_change_nothing(const struct history *h, const struct cart *cart, size_t from,
			       size_t to, size_t but)
{
	struct cart same;
	bool right = true;

	for (size_t i = from; i < to && right; i++) {
		if (i == but)
			continue;
		right = leads_to(h, cart, h->records[i], &same);
		cart_clear(&same);
	}
	return right;
}

/* Every cart that was shown with this version is this one; *other is one that is not. */
static bool is_as_shown(const struct history *h, const struct cart *cart, const struct cart **other)
{
	for (const struct record *r = h->first; r != NULL; r = r->next)
		if (r->op.result == CART_OK && r->op.cart.version == cart->version &&
		    !rig_same_cart(&r->op.cart, cart, false)) {
			*other = &r->op.cart;
			return false;
		}
	return true;
}

/* Moves *cart to the version of records from ... to - 1. Of two that could have made it, such as
 * checkouts with an order id each, it was the one that fits what was shown. */
static bool step_version(const struct history *h, struct cart *cart, size_t from, size_t to,
			 const struct cart **other)
{
	struct cart after;

	for (size_t i = from; i < to; i++) {
		if (!leads_to(h, cart, h->records[i], &after))
			continue;
		if (all_change_nothing(h, &after, from, to, i) && is_as_shown(h, &after, other)) {
			cart_clear(cart);
			*cart = after;
			return true;
		}
		cart_clear(&after);
	}
	return false;
}

/* The history of a cart from its creation to what is left. */
static void expect_linear(struct rig *f, const struct cart_id *id, struct record *first)
{
	struct history h = history_of(f, first);
	struct cart left = rig_get(f, id);
	struct cart cart = {.id = *id,
			    .customer_id = left.customer_id,
			    .version = 1,
			    .created_ms = left.created_ms,
			    .updated_ms = left.created_ms,
			    .expires_ms = left.created_ms + f->rules.ttl_ms};
	const struct cart *other = NULL;
	size_t from = 0, to;

	while (from < h.count && h.records[from]->op.version == 1)
		from++; /* changed nothing of the empty cart */
	assert_true(all_change_nothing(&h, &cart, 0, from, SIZE_MAX));
	assert_true(is_as_shown(&h, &cart, &other));
	for (; from < h.count; from = to) {
		int64_t version = h.records[from]->op.version;

		for (to = from; to < h.count && h.records[to]->op.version == version;)
			to++;
		if (version != cart.version + 1 || !step_version(&h, &cart, from, to, &other))
			fail_msg("no order of what was acknowledged gives version %lld after %s\n"
				 "shown was %s",
				 (long long)version, rig_describe(&cart),
				 other != NULL ? rig_describe(other) : "nothing");
	}
	if (!rig_same_cart(&cart, &left, false))
		fail_msg("%s\nis left, and not %s", rig_describe(&left), rig_describe(&cart));
	cart_clear(&cart);
	cart_clear(&left);
	free(h.records);
}

static int64_t sum_acknowledged(const struct record *first, int64_t product_id)
{
	int64_t sum = 0;

	for (const struct record *r = first; r != NULL; r = r->next)
		if (r->op.type == CART_OP_CHANGE && r->op.result == CART_OK && !r->op.replayed &&
		    id_is(&r->changes[0].product_id, product_id))
			sum += r->changes[0].quantity;
	return sum;
}

static void expect_sums(struct rig *f, const struct contest *contest)
{
	for (size_t c = 0; c < CARTS; c++)
		for (int64_t product = 1; product <= PRODUCTS; product++)
			assert_int_equal(rig_quantity(f, &contest->carts[c], product),
					 sum_acknowledged(contest->of_cart[c], product));
}

/* Tests. */

static void every_acknowledged_add_counts(void **state)
{
	struct rig *f = *state;
	struct contest *contest = contest_new(f);

	contest_run(contest, f, choose_add, OPS);
	expect_sums(f, contest);
	for (size_t c = 0; c < CARTS; c++) {
		struct history h = history_of(f, contest->of_cart[c]);

		/* Each add changes something, so each has a version of its own. */
		for (size_t i = 0; i < h.count; i++)
			assert_int_equal(h.records[i]->op.version, i + 2);
		free(h.records);
		expect_linear(f, &contest->carts[c], contest->of_cart[c]);
	}
	contest_free(contest);
}

static void changes_of_all_kinds_happen_in_the_order_of_their_versions(void **state)
{
	struct rig *f = *state;
	struct contest *contest = contest_new(f);

	contest_run(contest, f, choose_anything, OPS);
	for (size_t c = 0; c < CARTS; c++)
		expect_linear(f, &contest->carts[c], contest->of_cart[c]);
	contest_free(contest);
}

static void a_checkout_keeps_every_acknowledged_add_and_nothing_comes_after(void **state)
{
	enum { ROUNDS = 5 };
	struct rig *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		struct contest *contest = contest_new(f);

		contest_run(contest, f, choose_towards_checkout, OPS / 4);
		expect_sums(f, contest);
		for (size_t c = 0; c < CARTS; c++) {
			const struct cart *order = NULL;

			expect_linear(f, &contest->carts[c], contest->of_cart[c]);
			for (const struct record *r = contest->of_cart[c]; r != NULL; r = r->next) {
				if (r->op.type != CART_OP_CHECKOUT || r->op.result != CART_OK)
					continue;
				if (order == NULL)
					order = &r->op.cart;
				assert_true(rig_same_cart(order, &r->op.cart, false));
			}
		}
		contest_free(contest);
	}
}

/* The n-th ops of all writers were one op. */
static void expect_one(const struct contest *contest, int n)
{
	const struct cart_op *first = &contest->writers[0].records[n].op;
	int first_times = 0;

	for (size_t i = 0; i < contest->writer_count; i++) {
		const struct cart_op *op = &contest->writers[i].records[n].op;

		assert_int_equal(op->result, CART_OK);
		assert_int_equal(op->version, first->version);
		assert_int_equal(cart_id_compare(&op->cart.id, &first->cart.id), 0);
		first_times += !op->replayed;
	}
	assert_int_equal(first_times, 1);
}

static void a_change_sent_by_all_at_once_is_applied_once(void **state)
{
	struct rig *f = *state;
	struct contest *contest = contest_new(f);

	contest_run(contest, f, choose_keyed, OPS);
	expect_sums(f, contest);
	for (int at = 0; at < OPS; at++)
		expect_one(contest, at);
	contest_free(contest);
}

static void a_create_sent_by_all_at_once_makes_one_cart(void **state)
{
	struct rig *f = *state;
	struct contest *contest = contest_new(f);
	struct cart_op list;

	contest_run(contest, f, choose_create, CART_LIST_MAX - 1);
	for (int at = 0; at < CART_LIST_MAX - 1; at++)
		expect_one(contest, at);
	list = ask_for(f, CART_OK, LIST,
		       .list = {.customer_id = contest->customer, .limit = CART_LIST_MAX});
	/* Where lists are late, they may show fewer, never more. */
	assert_true(list.cart_count <= CART_LIST_MAX - 1);
	assert_false(list.more);
	cart_op_clear(&list);
	contest_free(contest);
}

/* One writer a loop: writes by its own handle, and the next loop reads what was acknowledged. */
struct relay {
	struct rig *f;
	struct cart_id id;
	struct rig_task tasks[LOOPS];
	struct cart_op op;
	struct cart_change change;
	size_t loop;
	int64_t version;
	bool reading;
	bool stale;
	_Atomic int legs; /* done */
};

#define LEGS 150

static void relay_run(void *user);

static void relay_pass_on(struct relay *relay)
{
	relay->loop = (relay->loop + 1) % relay->f->loop_count;
	rig_post(relay->f, relay->loop, &relay->tasks[relay->loop]);
}

static void relay_done(struct cart_op *op, void *user)
{
	struct relay *relay = user;
	int64_t version = relay->reading ? op->cart.version : op->version;

	if (op->result != CART_OK || version < relay->version)
		relay->stale = true;
	relay->version = version;
	cart_op_clear(op);
	relay->reading = !relay->reading;
	if (relay->stale)
		atomic_store(&relay->legs, LEGS);
	else if (atomic_fetch_add(&relay->legs, 1) + 1 < LEGS)
		relay_pass_on(relay);
}

static void relay_run(void *user)
{
	struct relay *relay = user;

	cart_op_init(&relay->op, relay->reading ? CART_OP_GET : CART_OP_CHANGE);
	relay->op.id = relay->id;
	relay->op.flags = relay->reading ? CART_READ_STRONG : 0;
	relay->op.changes = &relay->change;
	relay->op.change_count = 1;
	relay->op.deadline_ns = clock_monotonic_ns(&cart_clock_system) + RIG_DEADLINE_NS;
	relay->op.done = relay_done;
	relay->op.user = relay;
	if (cart_store_submit(relay->f->loops[relay->loop].store, &relay->op) != CART_OK)
		abort();
}

static void a_strong_read_sees_what_another_loop_was_just_told(void **state)
{
	enum { RELAYS = 6 };
	struct rig *f = *state;
	struct relay relays[RELAYS];
	struct cart_id shared = rig_cart(f);

	for (size_t i = 0; i < RELAYS; i++) {
		relays[i] = (struct relay){.f = f,
					   .id = i < 2 ? shared : rig_cart(f),
					   .change = ADD((int64_t)i + 1, 1),
					   .loop = i % f->loop_count};
		for (size_t loop = 0; loop < LOOPS; loop++)
			relays[i].tasks[loop] =
				(struct rig_task){.run = relay_run, .user = &relays[i]};
	}
	for (size_t i = 0; i < RELAYS; i++)
		rig_post(f, relays[i].loop, &relays[i].tasks[relays[i].loop]);
	for (size_t i = 0; i < RELAYS; i++) {
		rig_await(&relays[i].legs, LEGS, "the end of a relay");
		assert_false(relays[i].stale);
	}
}

static int start(void **state)
{
	*state = rig_start(&(struct rig_config){.loops = LOOPS});
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
		ON(every_acknowledged_add_counts),
		ON(changes_of_all_kinds_happen_in_the_order_of_their_versions),
		ON(a_checkout_keeps_every_acknowledged_add_and_nothing_comes_after),
		ON(a_change_sent_by_all_at_once_is_applied_once),
		ON(a_create_sent_by_all_at_once_makes_one_cart),
		ON(a_strong_read_sees_what_another_loop_was_just_told),
	};

	return cmocka_run_group_tests_name(rig_title("many writers"), tests, NULL, NULL);
}
