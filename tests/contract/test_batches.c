/*
 * Ops for different carts that are submitted in one turn of a loop, which a backend may do in one
 * transaction: each is answered as if it were alone. On the backend that CART_BACKEND names.
 * CART_SEED=N repeats the random ones.
 */
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/model.h"
#include "tests/lib/probe.h"
#include "tests/lib/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX    8
#define QUANTITY_MAX 20
#define WINDOW_MS    10000

static int start(void **state)
{
	static const char *const settings[] = {"cart.ttl",
					       "60s",
					       "idempotency.window",
					       "10s",
					       "limits.lines",
					       "8",
					       "limits.quantity",
					       "20",
					       NULL};

	*state = rig_start(&(struct rig_config){.set = settings});
	return 0;
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

/* Ops of one turn. */
struct turn {
	struct probe *probes;
	size_t count;
};

static void turn_submit_here(void *user)
{
	struct turn *turn = user;

	for (size_t i = 0; i < turn->count; i++)
		probe_submit_here(&turn->probes[i]);
}

/* Submits all of them in one turn of the loop, and waits for their answers. */
static void turn_run(struct rig *f, struct probe *probes, size_t count)
{
	struct turn turn = {.probes = probes, .count = count};

	rig_call(f, 0, turn_submit_here, &turn);
	for (size_t i = 0; i < count; i++)
		probe_await(&probes[i]);
}

static void expect(const struct probe *probe, enum cart_result want)
{
	assert_string_equal(cart_result_name(probe->result), cart_result_name(want));
}

static void expect_lines(struct rig *f, const struct cart_id *id, size_t want)
{
	struct cart cart = rig_get(f, id);

	assert_int_equal(cart.line_count, want);
	cart_clear(&cart);
}

#define REQUEST(type_, ...) (&(const struct cart_op){.type = CART_OP_##type_, __VA_ARGS__})

static void a_replayed_create_takes_nothing_from_the_changes_beside_it(void **state)
{
	enum { ADDS = 6, OPS = ADDS + 2 };
	const struct cart_change add = ADD(1, 1);
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_id full = rig_cart(f), made = rig_id(f), ids[ADDS];
	struct probe probes[OPS];

	ask(f, CART_OK, CHANGE, .id = full, CHANGES(ADD(1, QUANTITY_MAX)));
	ask(f, CART_OK, CREATE, .id = made, .customer_id = customer, .key = "k");
	for (size_t i = 0; i < ADDS; i++) {
		ids[i] = rig_cart(f);
		probe_init(&probes[i], f, 0,
			   REQUEST(CHANGE, .id = ids[i], .changes = &add, .change_count = 1), 0);
	}
	probe_init(&probes[ADDS], f, 0, REQUEST(CHANGE, .id = full, CHANGES(ADD(1, 1))), 0);
	probe_init(&probes[ADDS + 1], f, 0,
		   REQUEST(CREATE, .id = rig_id(f), .customer_id = customer, .key = "k"), 0);
	turn_run(f, probes, OPS);
	for (size_t i = 0; i < ADDS; i++) {
		expect(&probes[i], CART_OK);
		assert_int_equal(rig_quantity(f, &ids[i], 1), 1);
	}
	expect(&probes[ADDS], CART_LIMIT);
	expect(&probes[ADDS + 1], CART_OK);
	assert_true(probes[ADDS + 1].op.replayed);
	assert_int_equal(cart_id_compare(&probes[ADDS + 1].op.cart.id, &made), 0);
	for (size_t i = 0; i < OPS; i++)
		probe_check(&probes[i]);
}

/* The key's first window has passed, and it is still stored. */
static void two_creates_of_one_turn_under_an_old_key_make_one_cart(void **state)
{
	enum { OPS = 3 };
	struct rig *f = *state;
	struct shop_id customer = rig_customer(f);
	struct cart_id full = rig_cart(f);
	struct probe probes[OPS];

	ask(f, CART_OK, CHANGE, .id = full, CHANGES(ADD(1, QUANTITY_MAX)));
	ask(f, CART_OK, CREATE, .id = rig_id(f), .customer_id = customer, .key = "k");
	clock_fake_advance(&f->clock, WINDOW_MS);
	for (size_t i = 0; i < 2; i++)
		probe_init(&probes[i], f, 0,
			   REQUEST(CREATE, .id = rig_id(f), .customer_id = customer, .key = "k"),
			   0);
	probe_init(&probes[2], f, 0, REQUEST(CHANGE, .id = full, CHANGES(ADD(1, 1))), 0);
	turn_run(f, probes, OPS);
	expect(&probes[0], CART_OK);
	expect(&probes[1], CART_OK);
	expect(&probes[2], CART_LIMIT);
	assert_true(probes[0].op.replayed != probes[1].op.replayed);
	assert_int_equal(cart_id_compare(&probes[0].op.cart.id, &probes[1].op.cart.id), 0);
	for (size_t i = 0; i < OPS; i++)
		probe_check(&probes[i]);
}

/* More changes, but of fewer products, than the add beside it. */
static void adds_of_one_turn_are_limited_by_their_own_lines(void **state)
{
	struct rig *f = *state;
	struct cart_id ids[2] = {rig_cart(f), rig_cart(f)};
	struct probe probes[2];
	int low = cart_id_compare(&ids[0], &ids[1]) < 0 ? 0 : 1;

	ask(f, CART_OK, CHANGE, .id = ids[low],
	    CHANGES(ADD(1, 1), ADD(2, 1), ADD(3, 1), ADD(4, 1)));
	probe_init(&probes[0], f, 0,
		   REQUEST(CHANGE, .id = ids[low],
			   CHANGES(ADD(11, 1), ADD(12, 1), ADD(13, 1), ADD(14, 1), ADD(15, 1))),
		   0);
	probe_init(
		&probes[1], f, 0,
		REQUEST(CHANGE, .id = ids[1 - low],
			CHANGES(ADD(1, 1), ADD(1, 1), ADD(1, 1), ADD(1, 1), ADD(1, 1), ADD(2, 1))),
		0);
	turn_run(f, probes, 2);
	expect(&probes[0], CART_LIMIT);
	expect(&probes[1], CART_OK);
	expect_lines(f, &ids[low], 4);
	expect_lines(f, &ids[1 - low], 2);
	probe_check(&probes[0]);
	probe_check(&probes[1]);
}

/* Random turns. Every cart has a customer of its own, and was made under the key "create". */

#define CARTS	 40
#define TURNS	 150
#define OPS_MAX	 24
#define KEYS	 3
#define PRODUCTS 12

struct request {
	struct cart_op op;
	struct cart_change changes[MODEL_CHANGES_MAX];
	char key[16];
};

struct turns {
	struct rig *f;
	struct rng rng;
	uint64_t seed;
	struct model *model;
	struct cart_id ids[CARTS];
	struct shop_id customers[CARTS];
	struct request requests[OPS_MAX];
	struct probe probes[OPS_MAX];
	size_t carts[OPS_MAX]; /* that the requests are about */
	size_t count;
	int counts[CART_RESULTS];
	int replays;
	struct model_answer want;
};

static bool chance(struct turns *t, int percent)
{
	return rng_below(&t->rng, 100) < (uint64_t)percent;
}

static int64_t version_of(const struct turns *t, size_t cart)
{
	const struct cart *made;

	for (size_t i = 0; (made = model_cart_at(t->model, i)) != NULL; i++)
		if (cart_id_compare(&made->id, &t->ids[cart]) == 0)
			return made->version;
	return 1;
}

static void choose_changes(struct turns *t, struct request *r)
{
	static const char *const texts[] = {"", "{\"a\":1}", "{\"a\":2}"};
	bool adds = chance(t, 75), replaces = chance(t, 5);

	r->op.change_count = chance(t, 50) ? 1 : 1 + rng_below(&t->rng, MODEL_CHANGES_MAX);
	for (size_t i = 0; i < r->op.change_count; i++) {
		struct cart_change *change = &r->changes[i];
		int64_t product = rng_between(&t->rng, 1, PRODUCTS);
		uint64_t dice = adds ? 0 : rng_below(&t->rng, 10);

		if (replaces)
			*change = (struct cart_change)REPLACE(product, rng_between(&t->rng, 0, 5));
		else if (dice < 4)
			*change = (struct cart_change)ADD(product, rng_between(&t->rng, 1, 6));
		else if (dice < 7)
			*change = (struct cart_change)SET(product, rng_between(&t->rng, 0, 5));
		else if (dice < 9)
			*change = (struct cart_change)REMOVE(product);
		else
			*change = (struct cart_change)CLEAR;
		if ((replaces || dice < 7) && chance(t, 20))
			change->attributes = texts[rng_below(&t->rng, 3)];
	}
	if (chance(t, 4)) {
		r->changes[0] = (struct cart_change)REOPEN;
		r->op.change_count = 1;
	}
	r->op.changes = r->changes;
	if (chance(t, 20))
		r->op.flags |= CART_WANT_CART;
}

static void choose_request(struct turns *t, struct request *r, size_t cart)
{
	uint64_t dice = rng_below(&t->rng, 100);

	memset(r, 0, sizeof(*r));
	if (dice < 72)
		r->op.type = CART_OP_CHANGE;
	else if (dice < 78)
		r->op.type = CART_OP_CHECKOUT;
	else if (dice < 82)
		r->op.type = CART_OP_DELETE;
	else
		r->op.type = CART_OP_CREATE;
	r->op.id = t->ids[cart];
	r->op.order_id = rng_id(&t->rng);
	if (r->op.type == CART_OP_CREATE) {
		r->op.customer_id = t->customers[cart];
		r->op.id = rng_id(&t->rng);
		r->op.key = chance(t, 80) ? "create" : NULL;
		return;
	}
	if (r->op.type == CART_OP_CHANGE && chance(t, 5))
		r->op.customer_id = t->customers[chance(t, 50) ? cart : (cart + 1) % CARTS];
	else if (r->op.type == CART_OP_CHANGE)
		choose_changes(t, r);
	if (chance(t, 10))
		r->op.if_version = version_of(t, cart) + (chance(t, 50) ? 0 : 1);
	if (r->op.type != CART_OP_DELETE && chance(t, 35)) {
		snprintf(r->key, sizeof(r->key), "key-%d", (int)rng_below(&t->rng, KEYS));
		r->op.key = r->key;
	}
}

/* Different carts, in random order; now and then a request of the turn before is repeated. */
static void choose_turn(struct turns *t)
{
	size_t order[CARTS], kept = 0;
	bool taken[CARTS] = {false};

	for (size_t i = 0; i < t->count; i++) {
		if (t->requests[i].op.key == NULL || !chance(t, 30))
			continue;
		t->requests[kept] = t->requests[i];
		t->carts[kept] = t->carts[i];
		if (t->requests[kept].op.type == CART_OP_CREATE)
			t->requests[kept].op.id = rng_id(&t->rng);
		else
			t->requests[kept].op.key = t->requests[kept].key;
		if (t->requests[kept].op.changes != NULL)
			t->requests[kept].op.changes = t->requests[kept].changes;
		taken[t->carts[kept++]] = true;
	}
	t->count = kept + rng_below(&t->rng, OPS_MAX - kept) + 1;
	for (size_t i = 0; i < CARTS; i++) {
		size_t at = rng_below(&t->rng, i + 1);

		order[i] = order[at];
		order[at] = i;
	}
	for (size_t i = 0; kept < t->count && i < CARTS; i++) {
		if (taken[order[i]])
			continue;
		t->carts[kept] = order[i];
		choose_request(t, &t->requests[kept++], order[i]);
	}
	t->count = kept;
}

static void compare(struct turns *t, int turn, struct cart_op *op)
{
	char id[CART_ID_TEXT + 1];

	model_run(t->model, op, &t->want);
	t->counts[op->result]++;
	t->replays += op->replayed;
	if (model_agrees(&t->want, op))
		return;
	cart_id_format(&op->id, id);
	print_error("turn %d of CART_SEED=%llu: %s %s of %zu changes, key %s: got %s%s, version "
		    "%lld: %s; ",
		    turn, (unsigned long long)t->seed, cart_op_type_name(op->type), id,
		    op->change_count, op->key != NULL ? op->key : "none",
		    cart_result_name(op->result), op->replayed ? " replayed" : "",
		    (long long)op->version, rig_describe(&op->cart));
	print_error("wanted %s%s, version %lld: %s\n", cart_result_name(t->want.result),
		    t->want.replayed ? " replayed" : "", (long long)t->want.version,
		    t->want.has_cart ? rig_describe(&t->want.cart) : "no cart");
	fail();
}

static void take_turn(struct turns *t, int turn)
{
	if (chance(t, 30))
		clock_fake_advance(&t->f->clock, rng_between(&t->rng, 1, 15000));
	choose_turn(t);
	for (size_t i = 0; i < t->count; i++)
		probe_init(&t->probes[i], t->f, 0, &t->requests[i].op, 0);
	turn_run(t->f, t->probes, t->count);
	for (size_t i = 0; i < t->count; i++) {
		struct cart_op *op = &t->probes[i].op;

		compare(t, turn, op);
		if (op->type == CART_OP_CREATE && op->result == CART_OK && !op->replayed)
			t->ids[t->carts[i]] = op->id;
		probe_check(&t->probes[i]);
	}
}

/* What is left, to the last line. */
static void compare_all(struct turns *t)
{
	for (size_t i = 0; i < CARTS; i++) {
		struct cart_op op = {
			.type = CART_OP_GET, .flags = CART_READ_STRONG, .id = t->ids[i]};

		rig_run(t->f, 0, &op, NULL);
		compare(t, TURNS, &op);
		cart_op_clear(&op);
	}
}

static void turns_of_many_ops_are_answered_as_the_model_does(void **state)
{
	struct turns *t = calloc(1, sizeof(*t));

	t->f = *state;
	t->seed = rng_seed();
	t->rng.state = t->seed;
	t->model = model_new(&t->f->rules);
	print_message("CART_SEED=%llu\n", (unsigned long long)t->seed);
	for (size_t i = 0; i < CARTS; i++) {
		t->ids[i] = rng_id(&t->rng);
		t->customers[i] = rig_customer(t->f);
	}
	for (int turn = 0; turn < TURNS; turn++)
		take_turn(t, turn);
	compare_all(t);
	/* Turns that meet none of it prove nothing. */
	for (int i = CART_OK; i <= CART_KEY_REUSED; i++) {
		print_message("%s %d  ", cart_result_name((enum cart_result)i), t->counts[i]);
		assert_true(t->counts[i] > 0);
	}
	print_message("replayed %d\n", t->replays);
	assert_true(t->replays > 0);
	model_free(&t->model);
	free(t);
}

#define ON(test_) cmocka_unit_test_setup_teardown(test_, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(a_replayed_create_takes_nothing_from_the_changes_beside_it),
		ON(two_creates_of_one_turn_under_an_old_key_make_one_cart),
		ON(adds_of_one_turn_are_limited_by_their_own_lines),
		ON(turns_of_many_ops_are_answered_as_the_model_does),
	};

	return cmocka_run_group_tests_name(rig_title("batches"), tests, NULL, NULL);
}
