/*
 * Random histories of all types of op on the backend that CART_BACKEND names, each answer
 * compared with the model's. One op at a time, each on another loop's handle, so that there is one
 * right answer. CART_SEED=N repeats a run; the seed is printed.
 */
#include "core/cart_backend.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/model.h"
#include "tests/lib/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS 50 /* cart.idle_step */
/* Under a sanitizer a history is a quarter as long: it looks for errors of memory, and the same
 * code runs in each part of a history. What is answered is compared in the plain build. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS(count_) ((count_) / 4)
#else
#define STEPS(count_) (count_)
#endif

/* How large the world is in which a history takes place. */
struct world {
	int steps;
	size_t carts; /* that ops are about: the latest so many */
	int64_t customers;
	int64_t products;
	int keys; /* a scope */
};

/* A request with what it points to. */
struct request {
	struct cart_op op;
	struct cart_change changes[MODEL_CHANGES_MAX];
	struct shop_id owner;
	char key[16];
};

struct history {
	struct rig *f;
	const struct world *world;
	uint64_t seed;
	struct rng rng;
	struct model *model;
	size_t made; /* carts */
	int64_t customer_base;
	int64_t start_ms;
	struct request request;
	struct request last_keyed;
	bool has_keyed;
	int counts[CART_RESULTS];
	int replays;
};

static bool chance(struct history *h, int percent)
{
	return rng_below(&h->rng, 100) < (uint64_t)percent;
}

/* One of the carts in play, if any was made, or one that never was. */
static struct cart_id some_id(struct history *h)
{
	size_t in_play = h->made < h->world->carts ? h->made : h->world->carts;

	if (in_play == 0 || chance(h, 1))
		return rng_id(&h->rng);
	return model_cart_at(h->model, h->made - 1 - rng_below(&h->rng, in_play))->id;
}

/* Another one than that of the op. */
static void choose_merge(struct history *h)
{
	struct cart_op *op = &h->request.op;

	op->strategy = (enum cart_merge_strategy)rng_below(&h->rng, CART_MERGE_STRATEGIES);
	op->from = some_id(h);
	if (cart_id_compare(&op->from, &op->id) == 0)
		op->from = rng_id(&h->rng);
}

static const struct cart *find_made(const struct history *h, const struct cart_id *id)
{
	for (size_t i = h->made; i-- > 0;)
		if (cart_id_compare(&model_cart_at(h->model, i)->id, id) == 0)
			return model_cart_at(h->model, i);
	return NULL;
}

static struct shop_id some_customer(struct history *h)
{
	return id_of(h->customer_base + rng_between(&h->rng, 1, h->world->customers));
}

/* A guest's cart gets a customer. */
static void choose_claim(struct history *h)
{
	h->request.op.customer_id = some_customer(h);
	if (chance(h, 20))
		h->request.op.flags |= CART_WANT_CART;
}

/* Most changes leave them; "" removes them, and the last ones are above the limit. */
static const char *some_attributes(struct history *h)
{
	static const char *const texts[] = {
		"",
		"{\"a\":1}",
		"{\"a\":2}",
		"{\"name\":\"\xc3\xa4'\\\"\"}",
		"{\"a\":\"a text beyond the limit\"}",
	};

	if (chance(h, 70))
		return NULL;
	return texts[rng_below(&h->rng, chance(h, 90) ? 4 : 5)];
}

/* Of a guest or of a customer, and with what is in it at first. */
static void choose_create(struct history *h)
{
	struct request *r = &h->request;

	if (chance(h, 70))
		r->op.customer_id = some_customer(h);
	r->op.change_count = chance(h, 60) ? 0 : 1 + rng_below(&h->rng, 6);
	for (size_t i = 0; i < r->op.change_count; i++)
		r->changes[i] = (struct cart_change)ADD(rng_between(&h->rng, 1, h->world->products),
							rng_between(&h->rng, 1, 9));
	for (size_t i = 0; i < r->op.change_count; i++)
		r->changes[i].attributes = some_attributes(h);
}

static void choose_changes(struct history *h)
{
	struct request *r = &h->request;
	size_t count = chance(h, 60) ? 1 : 1 + rng_below(&h->rng, MODEL_CHANGES_MAX);
	bool replaces = chance(h, 10);

	for (size_t i = 0; i < count; i++) {
		struct cart_change *change = &r->changes[i];
		uint64_t dice = rng_below(&h->rng, 20);
		int64_t product = rng_between(&h->rng, 1, h->world->products);

		if (replaces)
			*change = (struct cart_change)REPLACE(product, rng_between(&h->rng, 0, 9));
		else if (dice < 11)
			*change = (struct cart_change)ADD(product, rng_between(&h->rng, 1, 9));
		else if (dice < 16)
			*change = (struct cart_change)SET(product, rng_between(&h->rng, 0, 5));
		else if (dice < 19)
			*change = (struct cart_change)REMOVE(product);
		else
			*change = (struct cart_change)CLEAR;
		if (replaces || dice < 16)
			change->attributes = some_attributes(h);
	}
	if (chance(h, 6)) {
		r->changes[0] = (struct cart_change)REOPEN;
		count = 1;
	}
	r->op.change_count = count;
	if (chance(h, 20))
		r->op.flags |= CART_WANT_CART;
}

static void choose_list(struct history *h)
{
	struct cart_list *list = &h->request.op.list;
	struct cart_id id = some_id(h);
	const struct cart *after = find_made(h, &id);

	list->kind = chance(h, 60) ? CART_LIST_CUSTOMER : CART_LIST_IDLE;
	list->limit = (int)(chance(h, 50) ? rng_between(&h->rng, 1, 4)
					  : rng_between(&h->rng, 1, CART_LIST_MAX));
	if (chance(h, 40) && after != NULL) {
		list->has_after = true;
		list->after_id = id;
		list->after_ms =
			list->kind == CART_LIST_IDLE ? after->updated_ms : after->created_ms;
	}
	if (list->kind == CART_LIST_CUSTOMER) {
		list->customer_id = some_customer(h);
		list->state = (enum cart_list_state)rng_below(&h->rng, 4);
		return;
	}
	list->idle_before_ms = clock_fake_now(&h->f->clock) - rng_between(&h->rng, -10, 2000);
	if (!list->has_after) {
		/* A shared database holds carts of others. */
		list->has_after = true;
		list->after_ms = h->start_ms - h->start_ms % STEP_MS - 1;
		memset(&list->after_id, 0xff, sizeof(list->after_id));
	}
}

static void choose_type(struct history *h)
{
	static const struct {
		enum cart_op_type type;
		uint64_t weight;
	} types[] = {
		{CART_OP_CHANGE, 52}, {CART_OP_GET, 12},   {CART_OP_LIST, 13},
		{CART_OP_CREATE, 11}, {CART_OP_DELETE, 3}, {CART_OP_CHECKOUT, 5},
		{CART_OP_MERGE, 4},
	};
	uint64_t dice = rng_below(&h->rng, 100);
	size_t i = 0;

	for (; dice >= types[i].weight; i++)
		dice -= types[i].weight;
	cart_op_init(&h->request.op, h->made > 0 ? types[i].type : CART_OP_CREATE);
}

static void choose_conditions(struct history *h)
{
	struct request *r = &h->request;
	const struct cart *cart = find_made(h, &r->op.id);

	if (r->op.type != CART_OP_CREATE && cart != NULL && chance(h, 20))
		r->op.if_version = cart->version + (chance(h, 70) ? 0 : rng_between(&h->rng, 1, 3));
	if (r->op.type != CART_OP_DELETE && chance(h, 40)) {
		snprintf(r->key, sizeof(r->key), "key-%d",
			 (int)rng_below(&h->rng, (uint64_t)h->world->keys));
		r->op.key = r->key;
	}
}

/* What points into the request points into this one. */
static void request_bind(struct request *r)
{
	r->op.changes = r->op.change_count > 0 ? r->changes : NULL;
	r->op.key = r->op.key != NULL ? r->key : NULL;
	r->op.owner = r->op.owner != NULL ? &r->owner : NULL;
}

/* Most often the cart's own customer. */
static void choose_owner(struct history *h)
{
	struct request *r = &h->request;
	const struct cart *cart = find_made(h, &r->op.id);

	r->owner = cart != NULL && chance(h, 60) ? cart->customer_id : some_customer(h);
	r->op.owner = &r->owner;
	/* It claims for itself alone. */
	if (r->op.customer_id.size > 0 && r->owner.size > 0)
		r->op.customer_id = r->owner;
	else if (r->op.customer_id.size > 0)
		r->op.owner = NULL;
}

static void choose_request(struct history *h)
{
	struct request *r = &h->request;

	if (h->has_keyed && chance(h, 12)) {
		/* The client did not hear the answer. */
		*r = h->last_keyed;
		request_bind(r);
		r->op.order_id = rng_id(&h->rng);
		if (r->op.type == CART_OP_CREATE)
			r->op.id = rng_id(&h->rng);
		return;
	}
	memset(r, 0, sizeof(*r));
	choose_type(h);
	r->op.id = r->op.type == CART_OP_CREATE ? rng_id(&h->rng) : some_id(h);
	r->op.order_id = rng_id(&h->rng);
	if (r->op.type == CART_OP_CREATE)
		choose_create(h);
	if (r->op.type == CART_OP_CHANGE && chance(h, 8))
		choose_claim(h);
	else if (r->op.type == CART_OP_CHANGE)
		choose_changes(h);
	if (r->op.type == CART_OP_MERGE)
		choose_merge(h);
	if (r->op.type == CART_OP_LIST)
		choose_list(h);
	if (r->op.type == CART_OP_DELETE && chance(h, 30))
		r->op.flags = CART_ERASE;
	if (r->op.type == CART_OP_GET && (h->f->caps & CART_CAP_EVENTUAL_READS) == 0)
		r->op.flags = (unsigned)rng_below(&h->rng, 3) *
			      CART_READ_STRONG; /* 0, strong, eventual */
	if (r->op.type == CART_OP_GET && (h->f->caps & CART_CAP_EVENTUAL_READS) != 0)
		r->op.flags = CART_READ_STRONG;
	if (cart_op_is_write(&r->op))
		choose_conditions(h);
	if (r->op.type != CART_OP_CREATE && r->op.type != CART_OP_LIST && chance(h, 20))
		choose_owner(h);
	request_bind(r);
	if (r->op.key != NULL) {
		h->last_keyed = *r;
		h->has_keyed = true;
	}
}

/* The next op is another instance's, whose clock is behind. */
static void step_back(struct history *h)
{
	int64_t ms = rng_between(&h->rng, 1, 400);
	int64_t most_ms = clock_fake_now(&h->f->clock) - model_last_expiry_ms(h->model);

	clock_fake_advance(&h->f->clock, -(ms < most_ms ? ms : most_ms));
}

static void pass_time(struct history *h)
{
	uint64_t dice = rng_below(&h->rng, 1000);

	if (dice < 300)
		clock_fake_advance(&h->f->clock, rng_between(&h->rng, 1, 40));
	else if (dice < 310)
		clock_fake_advance(&h->f->clock, rng_between(&h->rng, 500, 2500));
	else if (dice < 350)
		step_back(h);
	else if (dice == 350)
		clock_fake_advance(&h->f->clock, 6000); /* everything open expires */
}

static void print_request(const struct cart_op *op)
{
	static const char *const names[] = {"add", "set", "remove", "clear", "replace", "reopen"};
	char id[CART_ID_TEXT + 1], from[CART_ID_TEXT + 1];

	cart_id_format(&op->id, id);
	cart_id_format(&op->from, from);
	print_error("%s %s customer %s from %s strategy %d at %lld, if_version %lld, key %s, owner "
		    "%s, flags %u\n",
		    cart_op_type_name(op->type), id, op->customer_id.text, from, op->strategy,
		    (long long)op->now_ms, (long long)op->if_version,
		    op->key != NULL ? op->key : "none", op->owner != NULL ? op->owner->text : "any",
		    op->flags);
	for (size_t i = 0; i < op->change_count; i++)
		print_error("  %s %s x %lld %s\n", names[op->changes[i].type],
			    op->changes[i].product_id.text, (long long)op->changes[i].quantity,
			    op->changes[i].attributes != NULL ? op->changes[i].attributes
							      : "(as is)");
	if (op->type == CART_OP_LIST)
		print_error("  kind %d, customer %s, state %d, before %lld, limit %d, after %lld "
			    "(%d)\n",
			    op->list.kind, op->list.customer_id.text, op->list.state,
			    (long long)op->list.idle_before_ms, op->list.limit,
			    (long long)op->list.after_ms, op->list.has_after);
}

static void print_answer(const char *who, enum cart_result result, bool replayed, int64_t version,
			 const struct cart *cart, const struct cart *carts, size_t count, bool more)
{
	print_error("%s %s%s, version %lld, %zu carts%s\n", who, cart_result_name(result),
		    replayed ? ", replayed" : "", (long long)version, count,
		    more ? " and more" : "");
	if (cart != NULL)
		print_error("  %s\n", rig_describe(cart));
	for (size_t i = 0; i < count; i++)
		print_error("  %s\n", rig_describe(&carts[i]));
}

static void wrong(const struct history *h, int step, struct cart_op *op,
		  const struct model_answer *want)
{
	print_error("step %d of CART_SEED=%llu:\n", step, (unsigned long long)h->seed);
	print_request(op);
	print_answer("got", op->result, op->replayed, op->version, &op->cart, op->carts,
		     op->cart_count, op->more);
	print_answer("wanted", want->result, want->replayed, want->version,
		     want->has_cart ? &want->cart : NULL, want->carts, want->cart_count,
		     want->more);
	cart_op_clear(op);
	fail();
}

/* Runs the op, a list again until it is right if lists are eventual. The clock stands still. */
static void run_and_compare(struct history *h, int step, struct model_answer *want)
{
	bool eventual =
		h->request.op.type == CART_OP_LIST && (h->f->caps & CART_CAP_STRONG_LISTS) == 0;
	int64_t until = clock_monotonic_ns(&cart_clock_system) + RIG_EVENTUAL_S * CLOCK_NS_PER_S;
	size_t loop = rng_below(&h->rng, h->f->loop_count);
	struct cart_op op;

	for (;;) {
		op = h->request.op;
		rig_run(h->f, loop, &op, NULL);
		if (model_agrees(want, &op))
			break;
		if (!eventual || clock_monotonic_ns(&cart_clock_system) > until)
			wrong(h, step, &op, want);
		cart_op_clear(&op);
	}
	h->counts[op.result]++;
	h->replays += op.replayed;
	cart_op_clear(&op);
}

static void take_step(struct history *h, int step, struct model_answer *want)
{
	pass_time(h);
	choose_request(h);
	h->request.op.now_ms = clock_fake_now(&h->f->clock);
	model_run(h->model, &h->request.op, want);
	while (model_cart_at(h->model, h->made) != NULL)
		h->made++;
	run_and_compare(h, step, want);
}

/* Whatever is left, to the last line. */
static void compare_all(struct history *h, int step, struct model_answer *want)
{
	for (size_t i = 0; i < h->made; i++) {
		memset(&h->request, 0, sizeof(h->request));
		h->request.op = (struct cart_op){.type = CART_OP_GET,
						 .flags = CART_READ_STRONG,
						 .id = model_cart_at(h->model, i)->id,
						 .now_ms = clock_fake_now(&h->f->clock)};
		model_run(h->model, &h->request.op, want);
		run_and_compare(h, step, want);
	}
}

static void tell_history(struct rig *f, const struct world *world)
{
	struct history *h = calloc(1, sizeof(*h));
	struct model_answer *want = calloc(1, sizeof(*want));

	*h = (struct history){
		.f = f,
		.world = world,
		.seed = rng_seed(),
		.model = model_new(&f->rules),
		.customer_base = rng_between(&f->rng, 1, SHOP_ID_NUMBER_MAX / 2),
		.start_ms = clock_fake_now(&f->clock),
	};
	h->rng.state = h->seed;
	print_message("CART_SEED=%llu\n", (unsigned long long)h->seed);
	for (int step = 0; step < world->steps; step++)
		take_step(h, step, want);
	compare_all(h, world->steps, want);
	for (int i = 0; i < CART_RESULTS; i++)
		if (h->counts[i] > 0)
			print_message("%s %d  ", cart_result_name((enum cart_result)i),
				      h->counts[i]);
	print_message("replayed %d\n", h->replays);
	/* A history that meets none of it proves nothing. */
	assert_true(h->counts[CART_OK] > world->steps / 4);
	for (int i = CART_NOT_FOUND; i <= CART_KEY_REUSED; i++)
		assert_true(h->counts[i] > 0);
	assert_true(h->replays > 0);
	model_free(&h->model);
	free(want);
	free(h);
}

static int start_with_ttl(void **state, const char *ttl)
{
	const char *const settings[] = {"cart.ttl",
					ttl,
					"cart.idle_step",
					"50ms",
					"idempotency.window",
					"2s",
					"limits.lines",
					"4",
					"limits.quantity",
					"25",
					"limits.attributes",
					"20",
					NULL};

	*state = rig_start(&(struct rig_config){.loops = 3, .set = settings});
	return 0;
}

static int start(void **state)
{
	return start_with_ttl(state, "5s");
}

/* Many carts are changed less often each, and should live all the same. */
static int start_long(void **state)
{
	return start_with_ttl(state, "40s");
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static void a_history_of_few_carts_is_answered_as_the_model_does(void **state)
{
	static const struct world world = {
		.steps = STEPS(6000), .carts = 4, .customers = 2, .products = 6, .keys = 4};

	tell_history(*state, &world);
}

static void a_history_of_many_carts_is_answered_as_the_model_does(void **state)
{
	static const struct world world = {
		.steps = STEPS(4000), .carts = 100, .customers = 10, .products = 6, .keys = 3};

	tell_history(*state, &world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_history_of_few_carts_is_answered_as_the_model_does, start, stop),
		cmocka_unit_test_setup_teardown(
			a_history_of_many_carts_is_answered_as_the_model_does, start_long, stop),
	};

	return cmocka_run_group_tests_name(rig_title("random histories"), tests, NULL, NULL);
}
