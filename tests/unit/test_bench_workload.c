#include "bench/load/workload.h"
#include "core/base/clock.h"
#include "tests/lib/cmocka.h"

#include <math.h>
#include <string.h>

#define DRAWS 20000

static struct cart_id id_of(uint64_t n)
{
	struct cart_id id = {{0}};

	memcpy(id.bytes, &n, sizeof(n));
	return id;
}

static uint64_t number_of(const struct cart_id *id)
{
	uint64_t n;

	memcpy(&n, id->bytes, sizeof(n));
	return n;
}

static void start(struct workload *workload, const char *mix, const char *keys, size_t carts)
{
	struct workload_config config = {.seed = 7, .carts = carts, .products = 10};
	struct cart_error error;

	if (workload_parse_mix(&config, mix, &error) != 0 ||
	    workload_parse_keys(&config, keys, &error) != 0)
		fail_msg("%s", error.text);
	workload_init(workload, &config);
	for (size_t i = 0; i < carts; i++)
		workload->carts[i] = id_of(i);
}

/* A target that does all that it is asked; ids of carts it makes are above a million. */
struct shop_cart {
	int64_t lines;
	bool closed;
};

struct shop {
	uint64_t made;
	struct shop_cart carts[DRAWS];
};
#define SHOP_FIRST 1000000u

static void shop_do(struct shop *shop, struct bench_op *op)
{
	uint64_t n = number_of(&op->id);
	bool own = n >= SHOP_FIRST && op->type != BENCH_CREATE;

	op->outcome = BENCH_OK;
	op->status = 200;
	if (op->type == BENCH_CREATE) {
		op->id = id_of(SHOP_FIRST + shop->made);
		shop->carts[shop->made] = (struct shop_cart){0};
		shop->made++;
		return;
	}
	if (!own) {
		/* Nothing that uses a cart up goes to one that all share. */
		assert_true(op->type == BENCH_ADD || op->type == BENCH_SET ||
			    op->type == BENCH_GET || op->type == BENCH_LIST);
		return;
	}
	n -= SHOP_FIRST;
	assert_true(n < shop->made);
	assert_false(shop->carts[n].closed);
	switch (op->type) {
	case BENCH_ADD:
		shop->carts[n].lines++;
		break;
	case BENCH_REMOVE:
		assert_int_equal(op->product_id, shop->carts[n].lines);
		assert_true(shop->carts[n].lines-- > 0);
		break;
	case BENCH_CHECKOUT:
		assert_true(shop->carts[n].lines > 0);
		shop->carts[n].closed = true;
		break;
	case BENCH_DELETE:
		shop->carts[n].closed = true;
		break;
	default:
		break;
	}
}

static void a_mix_is_drawn_by_its_weights(void **state)
{
	struct workload_client client;
	struct workload workload;
	size_t counts[BENCH_OP_TYPES] = {0};

	(void)state;
	start(&workload, "get=3,add=1", "uniform", 10);
	workload_client_init(&client, &workload, 0);
	for (int i = 0; i < DRAWS; i++) {
		struct bench_op op = {0};

		workload_next(&client, &op);
		assert_true(number_of(&op.id) < 10);
		assert_true(op.product_id >= 1 && op.product_id <= 10);
		assert_true(op.quantity >= 1 && op.quantity <= WORKLOAD_QUANTITY_MAX);
		counts[op.type]++;
		workload_learn(&client, &op);
	}
	assert_int_equal(counts[BENCH_GET] + counts[BENCH_ADD], DRAWS);
	/* Five standard deviations are 306. */
	assert_true(labs((long)counts[BENCH_GET] - DRAWS * 3 / 4) < 306);
	workload_free(&workload);
}

static void nothing_fails_that_the_target_does_right(void **state)
{
	static struct shop shop;
	static const char *const mixes[] = {
		"create=1,add=4,get=4,checkout=1",
		"checkout=1",
		"delete=1",
		"remove=1",
		"create=1,add=1,set=1,remove=1,get=1,checkout=1,delete=1,list=1",
	};

	(void)state;
	for (size_t m = 0; m < sizeof(mixes) / sizeof(*mixes); m++) {
		struct workload_client client;
		struct workload workload;
		size_t counts[BENCH_OP_TYPES] = {0};

		shop.made = 0;
		start(&workload, mixes[m], "uniform", 10);
		workload_client_init(&client, &workload, 0);
		for (int i = 0; i < DRAWS; i++) {
			struct bench_op op = {0};

			workload_next(&client, &op);
			shop_do(&shop, &op);
			counts[op.type]++;
			workload_learn(&client, &op);
		}
		for (int type = 0; type < BENCH_OP_TYPES; type++)
			if (workload.config.weights[type] > 0)
				assert_true(counts[type] > DRAWS / 40);
		/* What must come before a checkout has been drawn, so none is replaced by it. */
		if (m == 0)
			assert_true(counts[BENCH_CHECKOUT] > DRAWS / 10 * 9 / 10);
		workload_free(&workload);
	}
}

static bool is_same(const struct bench_op *a, const struct bench_op *b)
{
	return a->type == b->type && cart_id_compare(&a->id, &b->id) == 0 &&
	       a->customer_id == b->customer_id && a->product_id == b->product_id &&
	       a->quantity == b->quantity;
}

static void the_same_seed_asks_the_same(void **state)
{
	struct workload_client a, b, other;
	struct workload workload;
	int same = 0;

	(void)state;
	start(&workload, "get=1,add=1,create=1", "zipfian", 1000);
	workload_client_init(&a, &workload, 3);
	workload_client_init(&b, &workload, 3);
	workload_client_init(&other, &workload, 4);
	for (int i = 0; i < 1000; i++) {
		struct bench_op one = {0}, two = {0}, three = {0};

		workload_next(&a, &one);
		workload_next(&b, &two);
		workload_next(&other, &three);
		assert_true(is_same(&one, &two));
		same += is_same(&one, &three);
	}
	assert_true(same < 100);
	workload_free(&workload);
}

/* How often the cart that comes most often comes. */
static double share_of_first(const char *keys)
{
	struct workload_client client;
	struct workload workload;
	double first = 0;

	start(&workload, "get=1", keys, 1000);
	workload_client_init(&client, &workload, 0);
	for (int i = 0; i < DRAWS; i++) {
		struct bench_op op = {0};

		workload_next(&client, &op);
		assert_int_equal(op.customer_id, number_of(&op.id) + 1);
		first += number_of(&op.id) == 0;
	}
	workload_free(&workload);
	return first / DRAWS;
}

static void keys_are_as_skewed_as_they_say(void **state)
{
	double sum = 0;

	(void)state;
	for (int k = 1; k <= 1000; k++)
		sum += 1 / pow(k, 0.99);
	assert_true(share_of_first("uniform") < 0.003);
	assert_true(fabs(share_of_first("zipfian") - 1 / sum) < 0.012);
	assert_true(share_of_first("zipfian:2") > 0.55);
	assert_true(share_of_first("hot") == 1);
}

static void sessions_create_add_read_and_some_check_out(void **state)
{
	struct workload_config config = {.seed = 1,
					 .sessions = true,
					 .adds = 3,
					 .gets = 2,
					 .checkouts = 0.3,
					 .products = 10};
	struct workload_client client;
	size_t counts[BENCH_OP_TYPES] = {0};
	static struct shop shop;
	struct workload workload;
	enum bench_op_type last = BENCH_OP_TYPES;
	double sessions;

	(void)state;
	shop.made = 0;
	workload_init(&workload, &config);
	workload_client_init(&client, &workload, 0);
	for (int i = 0; i < DRAWS; i++) {
		struct bench_op op = {0};

		workload_next(&client, &op);
		if (last == BENCH_CREATE)
			assert_int_equal(op.type, BENCH_ADD);
		if (last == BENCH_GET)
			assert_int_not_equal(op.type, BENCH_ADD);
		if (last == BENCH_CHECKOUT)
			assert_int_equal(op.type, BENCH_CREATE);
		last = op.type;
		counts[op.type]++;
		shop_do(&shop, &op);
		workload_learn(&client, &op);
	}
	sessions = (double)counts[BENCH_CREATE];
	assert_true(fabs((double)counts[BENCH_ADD] / sessions - 3) < 0.2);
	assert_true(fabs((double)counts[BENCH_GET] / sessions - 2) < 0.2);
	assert_true(fabs((double)counts[BENCH_CHECKOUT] / sessions - 0.3) < 0.05);
	workload_free(&workload);
}

static void a_session_that_failed_to_begin_begins_again(void **state)
{
	struct workload_config config = {.sessions = true, .adds = 1, .products = 1};
	struct workload_client client;
	struct workload workload;
	struct bench_op op = {0};

	(void)state;
	workload_init(&workload, &config);
	workload_client_init(&client, &workload, 0);
	for (int i = 0; i < 3; i++) {
		workload_next(&client, &op);
		assert_int_equal(op.type, BENCH_CREATE);
		op.outcome = BENCH_REFUSED;
		op.status = 503;
		workload_learn(&client, &op);
	}
	workload_next(&client, &op);
	op.outcome = BENCH_OK;
	workload_learn(&client, &op);
	workload_next(&client, &op);
	assert_int_equal(op.type, BENCH_ADD);
	op.outcome = BENCH_REFUSED;
	op.status = 404;
	workload_learn(&client, &op);
	workload_next(&client, &op);
	assert_int_equal(op.type, BENCH_CREATE);
	workload_free(&workload);
}

static void thinking_takes_as_long_as_it_says_on_average(void **state)
{
	struct workload_config config = {
		.sessions = true, .adds = 1, .products = 1, .think_ms = 50};
	struct workload_client client;
	struct workload workload;
	double sum = 0;

	(void)state;
	workload_init(&workload, &config);
	workload_client_init(&client, &workload, 0);
	for (int i = 0; i < DRAWS; i++)
		sum += (double)workload_think_ns(&client);
	assert_true(fabs(sum / DRAWS / CLOCK_NS_PER_MS - 50) < 2);
	workload_free(&workload);
}

static void assert_mix_refused(const char *text, const char *why)
{
	struct workload_config config = {0};
	struct cart_error error;

	assert_int_equal(workload_parse_mix(&config, text, &error), -1);
	assert_string_equal(error.text, why);
}

static void what_is_no_mix_or_key_is_said(void **state)
{
	struct workload_config config = {0};
	struct cart_error error;

	(void)state;
	assert_mix_refused("", "no operation has a weight");
	assert_mix_refused("get=0", "no operation has a weight");
	assert_mix_refused("fetch=1", "no operation is called \"fetch\"");
	assert_mix_refused("get", "get wants a weight, as get=4");
	assert_mix_refused("get=,add=1", "get wants a weight, as get=4");
	assert_mix_refused("get=-1", "get wants a weight, as get=4");
	assert_int_equal(workload_parse_keys(&config, "zipf", &error), -1);
	assert_int_equal(workload_parse_keys(&config, "zipfian:x", &error), -1);
	assert_string_equal(error.text, "zipfian:S takes 0 to 10, not \"x\"");
	assert_int_equal(workload_parse_keys(&config, "zipfian:", &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mix_is_drawn_by_its_weights),
		cmocka_unit_test(nothing_fails_that_the_target_does_right),
		cmocka_unit_test(the_same_seed_asks_the_same),
		cmocka_unit_test(keys_are_as_skewed_as_they_say),
		cmocka_unit_test(sessions_create_add_read_and_some_check_out),
		cmocka_unit_test(a_session_that_failed_to_begin_begins_again),
		cmocka_unit_test(thinking_takes_as_long_as_it_says_on_average),
		cmocka_unit_test(what_is_no_mix_or_key_is_said),
	};

	return cmocka_run_group_tests_name("what clients do", tests, NULL, NULL);
}
