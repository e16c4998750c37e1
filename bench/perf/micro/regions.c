/*
 * What the last writer wins of carts that are written in two regions, by the simulation that
 * backends/memory/regions is, on a clock of its own: the figures are the same on every machine.
 *
 *	bench/perf/micro/regions [CARTS]
 *
 * Clients wait a random time (exponential) between two requests. An add is lost if it was
 * acknowledged and its line is in neither copy of the cart once all writes have arrived. A key is
 * applied twice if its repeat was answered as a first request.
 */
#include "backends/memory/regions/world.h"
#include "bench/stats/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CARTS_DEFAULT 2000
#define ADDS	      20 /* of each cart, each of a product of its own */
#define SEED	      20260101
#define START_MS      INT64_C(1767225600000)
#define CLIENTS_MAX   2

static const int64_t lags_ms[] = {10, 100, 1000};
#define LAGS (sizeof(lags_ms) / sizeof(lags_ms[0]))

/* Who writes to a cart. */
struct kind {
	const char *name;
	size_t clients; /* the second one's region is the other one */
	double changes; /* a client is in the other region before the next add, by this chance */
	bool home;
};

static const struct kind kinds[] = {
	{"one client, always in one region", 1, 0, false},
	{"two clients, each always in its region", 2, 0, false},
	{"one client, one add in ten from the other region than before", 1, 0.1, false},
	{"one client, every second add from the other region than before", 1, 0.5, false},
	{"two clients that change region likewise, and the cart has a home", 2, 0.5, true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct sim {
	struct cart_clock clock; /* first */
	int64_t now_ns;
	struct regions_world *world;
	struct regions_rules rules;
	struct bench_rng rng;
	uint64_t keys;
};

static int64_t sim_monotonic_ns(const struct cart_clock *clock)
{
	return ((const struct sim *)(const void *)clock)->now_ns;
}

static int64_t sim_wall_ms(const struct cart_clock *clock)
{
	return START_MS + sim_monotonic_ns(clock) / CLOCK_NS_PER_MS;
}

static void sim_fail(const char *what, const struct cart_op *op)
{
	fprintf(stderr, "regions: %s: %s\n", what, cart_result_name(op->result));
	exit(2);
}

/* The op has succeeded, and holds its result. */
static void sim_run(struct sim *sim, size_t region, struct cart_op *op)
{
	op->now_ms = sim_wall_ms(&sim->clock);
	regions_world_run(sim->world, &sim->rules, region, op);
	if (op->result != CART_OK)
		sim_fail(cart_op_type_name(op->type), op);
}

/* All writes arrive. */
static void sim_settle(struct sim *sim)
{
	sim->now_ns += 2 * sim->rules.lag_ns + CLOCK_NS_PER_MS;
}

static struct cart_id sim_new_cart(struct sim *sim, int64_t customer)
{
	struct cart_op op;
	struct cart_id id;

	cart_op_init(&op, CART_OP_CREATE);
	op.customer_id = shop_id_of_number(customer);
	if (!cart_id_make(&op.id, CART_ID_V4, sim_wall_ms(&sim->clock)))
		sim_fail("an id", &op);
	sim_run(sim, 0, &op);
	id = op.cart.id;
	cart_op_clear(&op);
	sim_settle(sim);
	return id;
}

/* key 0: none. Whether it was answered as a repeat. */
static bool sim_add(struct sim *sim, size_t region, const struct cart_id *id, int64_t product,
		    uint64_t key)
{
	struct cart_change change = {.type = CART_CHANGE_ADD, .quantity = 1};
	struct cart_op op;
	bool replayed;

	change.product_id = shop_id_of_number(product);
	cart_op_init(&op, CART_OP_CHANGE);
	op.id = *id;
	op.changes = &change;
	op.change_count = 1;
	if (key != 0) {
		op.key = "key";
		memcpy(op.key_hash, &key, sizeof(key));
	}
	sim_run(sim, region, &op);
	replayed = op.replayed;
	cart_op_clear(&op);
	return replayed;
}

static size_t sim_lines(struct sim *sim, size_t region, const struct cart_id *id)
{
	struct cart_op op;
	size_t lines;

	cart_op_init(&op, CART_OP_GET);
	op.id = *id;
	sim_run(sim, region, &op);
	lines = op.cart.line_count;
	cart_op_clear(&op);
	return lines;
}

static int64_t sim_gap_ns(struct sim *sim, int64_t mean_ms)
{
	return (int64_t)(bench_rng_exponential(&sim->rng, (double)mean_ms) *
			 (double)CLOCK_NS_PER_MS);
}

/* Adds to a new cart; how many of ADDS are lost. */
static size_t lose(struct sim *sim, const struct kind *kind, int64_t gap_ms, int64_t customer)
{
	struct cart_id id = sim_new_cart(sim, customer);
	size_t region[CLIENTS_MAX] = {0, 1}, lines;
	int64_t next[CLIENTS_MAX];

	for (size_t i = 0; i < kind->clients; i++)
		next[i] = sim->now_ns + sim_gap_ns(sim, gap_ms);
	for (int64_t product = 1; product <= ADDS; product++) {
		size_t who = kind->clients > 1 && next[1] < next[0];

		sim->now_ns = next[who];
		if (bench_rng_unit(&sim->rng) < kind->changes)
			region[who] = 1 - region[who];
		sim_add(sim, region[who], &id, product, 0);
		next[who] += sim_gap_ns(sim, gap_ms);
	}
	sim_settle(sim);
	lines = sim_lines(sim, 0, &id);
	if (lines != sim_lines(sim, 1, &id)) {
		fprintf(stderr, "regions: the copies of a cart differ\n");
		exit(2);
	}
	return ADDS - lines;
}

static void begin(struct sim *sim, const struct cart_rules *rules, int64_t lag_ms, bool home)
{
	*sim = (struct sim){
		.clock = {.monotonic_ns = sim_monotonic_ns, .wall_ms = sim_wall_ms},
		.now_ns = CLOCK_NS_PER_S,
		.rules = {.lag_ns = lag_ms * CLOCK_NS_PER_MS, .home = home},
	};
	bench_rng_init(&sim->rng, SEED, 0);
	sim->world = regions_world_join(&sim->clock, rules);
	if (sim->world == NULL) {
		fprintf(stderr, "regions: out of memory\n");
		exit(2);
	}
}

static double share_lost(const struct cart_rules *rules, const struct kind *kind, int64_t gap_ms,
			 int64_t lag_ms, size_t carts)
{
	struct sim sim;
	size_t lost = 0;

	begin(&sim, rules, lag_ms, kind->home);
	for (size_t i = 0; i < carts; i++)
		lost += lose(&sim, kind, gap_ms, 1 + (int64_t)i);
	regions_world_leave(&sim.world);
	return 100.0 * (double)lost / (double)(carts * ADDS);
}

/* Adds under a key that are repeated, as after a lost answer, from the same region or the other. */
static double share_twice(const struct cart_rules *rules, int64_t after_ms, int64_t lag_ms,
			  bool other, bool home, size_t carts)
{
	struct sim sim;
	size_t twice = 0;

	begin(&sim, rules, lag_ms, home);
	for (size_t i = 0; i < carts; i++) {
		struct cart_id id = sim_new_cart(&sim, 1 + (int64_t)i);

		for (int n = 0; n < ADDS; n++) {
			uint64_t key = ++sim.keys;

			sim_add(&sim, 0, &id, 1, key);
			sim.now_ns += sim_gap_ns(&sim, after_ms);
			twice += !sim_add(&sim, other, &id, 1, key);
			sim_settle(&sim);
		}
	}
	regions_world_leave(&sim.world);
	return 100.0 * (double)twice / (double)(carts * ADDS);
}

static void print_head(const char *first, const char *second)
{
	printf("| %s | %s |", first, second);
	for (size_t i = 0; i < LAGS; i++)
		printf(" lag %lld ms |", (long long)lags_ms[i]);
	printf("\n|---|---|---|---|---|\n");
}

static void print_lost(const struct cart_rules *rules, size_t carts)
{
	static const int64_t gaps_ms[] = {1000, 10000};

	print_head("Who adds to a cart", "every");
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t g = 0; g < sizeof(gaps_ms) / sizeof(gaps_ms[0]); g++) {
			printf("| %s | %lld s |", kinds[k].name, (long long)gaps_ms[g] / 1000);
			for (size_t i = 0; i < LAGS; i++)
				printf(" %.2f %% |",
				       share_lost(rules, &kinds[k], gaps_ms[g], lags_ms[i], carts));
			printf("\n");
		}
	}
}

static void print_twice(const struct cart_rules *rules, size_t carts)
{
	static const int64_t after_ms[] = {100, 1000, 5000};

	print_head("The repeat under the same key comes from", "after about");
	for (size_t a = 0; a < sizeof(after_ms) / sizeof(after_ms[0]); a++) {
		for (int where = 0; where < 3; where++) {
			printf("| %s | %.1f s |",
			       where == 0   ? "the same region"
			       : where == 1 ? "the other region"
					    : "the other region, and the cart has a home",
			       (double)after_ms[a] / 1000);
			for (size_t i = 0; i < LAGS; i++)
				printf(" %.2f %% |", share_twice(rules, after_ms[a], lags_ms[i],
								 where > 0, where > 1, carts));
			printf("\n");
		}
	}
}

int main(int argc, char **argv)
{
	const struct cart_rules rules = {.lines_max = 200,
					 .quantity_max = CART_QUANTITY_MAX,
					 .idempotency_window_ms = INT64_C(86400000)};
	long carts = argc > 1 ? strtol(argv[1], NULL, 10) : CARTS_DEFAULT;

	if (argc > 2 || carts < 1) {
		fprintf(stderr, "usage: regions [CARTS]\n");
		return 2;
	}
	print_lost(&rules, (size_t)carts);
	printf("\n");
	print_twice(&rules, (size_t)carts);
	return 0;
}
