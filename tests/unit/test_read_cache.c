/* The read cache alone, over a database that the test plays: which copies it may give. */
#include "server/api/read_cache.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/rng.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MS	 CLOCK_NS_PER_MS
#define WALL_MS	 INT64_C(1000000)
#define AGE_MS	 100
#define LINES	 200
#define NO_LIMIT ((size_t)1 << 30)

struct bench {
	struct clock_fake clock;
	struct clock_skew skew;
	struct cart_env env;
	struct metrics *metrics;
	struct metrics_shard *shard;
	struct read_cache *cache;
	metric_t hits, misses, carts, bytes;
};

static void bench_open(struct bench *b, size_t carts, size_t bytes, bool strong_by_default)
{
	*b = (struct bench){.metrics = metrics_new()};
	clock_fake_init(&b->clock, WALL_MS);
	clock_fake_hold_monotonic(&b->clock, 1000 * MS);
	clock_skew_init(&b->skew, &b->clock.clock, 0);
	b->env = (struct cart_env){
		.clock = &b->clock.clock, .metrics = b->metrics, .skew = &b->skew};
	b->cache =
		read_cache_new(&(struct read_cache_config){.env = &b->env,
							   .carts = carts,
							   .bytes = bytes,
							   .max_age_ms = AGE_MS,
							   .strong_by_default = strong_by_default});
	b->hits = metrics_counter(b->metrics, "cart_cache_reads_total", "", "result=\"hit\"");
	b->misses = metrics_counter(b->metrics, "cart_cache_reads_total", "", "result=\"miss\"");
	b->carts = metrics_gauge(b->metrics, "cart_cache_carts", "", NULL);
	b->bytes = metrics_gauge(b->metrics, "cart_cache_bytes", "", NULL);
	b->shard = metrics_shard_new(b->metrics);
}

static void bench_close(struct bench *b)
{
	read_cache_free(&b->cache);
	metrics_free(&b->metrics);
}

static int64_t now(const struct bench *b)
{
	return clock_monotonic_ns(&b->clock.clock);
}

static void pass(struct bench *b, int64_t ns)
{
	clock_fake_hold_monotonic(&b->clock, now(b) + ns);
}

static struct cart_id id_of(uint32_t n)
{
	struct cart_id id = {{1}};

	memcpy(id.bytes + CART_ID_BYTES - sizeof(n), &n, sizeof(n));
	return id;
}

/* An op that was submitted then, and completes now with this version of the cart; 0: none. */
static void finish(struct bench *b, struct cart_op *op, int64_t submitted_ns,
		   enum cart_result result, int64_t version, size_t lines)
{
	op->submitted_ns = submitted_ns;
	op->result = result;
	if (version > 0) {
		op->cart = (struct cart){.id = op->id, .version = version};
		assert_true(cart_reserve_lines(&op->cart, lines + 1));
		memset(op->cart.lines, 0, (lines + 1) * sizeof(*op->cart.lines));
		op->cart.line_count = lines;
	}
	read_cache_learn(b->cache, b->shard, op);
	cart_op_clear(op);
}

/* The same, of an op that takes no time. */
static void learn(struct bench *b, enum cart_op_type type, uint32_t cart, enum cart_result result,
		  int64_t version)
{
	struct cart_op op = {.type = type, .id = id_of(cart)};

	pass(b, 1);
	finish(b, &op, now(b), result, version, 1);
	pass(b, 1);
}

static int64_t find_with(struct bench *b, uint32_t cart, unsigned flags, int64_t if_version)
{
	struct cart_op op = {
		.type = CART_OP_GET, .id = id_of(cart), .flags = flags, .if_version = if_version};
	int64_t version = 0;

	if (read_cache_find(b->cache, b->shard, &op)) {
		assert_int_equal(op.result, CART_OK);
		assert_memory_equal(&op.cart.id, &op.id, sizeof(op.id));
		version = op.cart.version;
	}
	cart_op_clear(&op);
	return version;
}

/* The version that an eventual read gets; 0: the database is asked. */
static int64_t find(struct bench *b, uint32_t cart)
{
	return find_with(b, cart, CART_READ_EVENTUAL, 0);
}

static void only_reads_that_may_be_stale_are_answered(void **state)
{
	struct bench b;

	(void)state;
	for (int strong = 0; strong < 2; strong++) {
		bench_open(&b, 10, NO_LIMIT, strong);
		learn(&b, CART_OP_GET, 1, CART_OK, 3);
		assert_int_equal(find(&b, 1), 3);
		assert_int_equal(find_with(&b, 1, CART_READ_STRONG, 0), 0);
		assert_int_equal(find_with(&b, 1, 0, 0), strong ? 0 : 3);
		assert_int_equal(find_with(&b, 1, CART_READ_WRITABLE, 0), 0);
		/* If-Match is about the cart as it is now. */
		assert_int_equal(find_with(&b, 1, CART_READ_EVENTUAL, 3), 0);
		bench_close(&b);
	}
}

static void a_copy_is_given_to_its_owner_alone(void **state)
{
	const struct shop_id ann = {1, "1"}, bob = {1, "2"};
	struct cart_op op = {.type = CART_OP_GET, .id = id_of(1)};
	struct bench b;

	(void)state;
	bench_open(&b, 10, NO_LIMIT, false);
	op.cart = (struct cart){.id = op.id, .customer_id = ann, .version = 3};
	op.submitted_ns = now(&b);
	read_cache_learn(b.cache, b.shard, &op);
	op.cart = (struct cart){0};
	op.owner = &bob;
	assert_false(read_cache_find(b.cache, b.shard, &op));
	op.flags = 0;
	op.owner = &ann;
	assert_true(read_cache_find(b.cache, b.shard, &op));
	cart_op_clear(&op);
	bench_close(&b);
}

static void a_read_that_misses_becomes_a_strong_one(void **state)
{
	struct cart_op eventual = {.type = CART_OP_GET, .flags = CART_READ_EVENTUAL};
	struct cart_op plain = {.type = CART_OP_GET};
	struct bench b;

	(void)state;
	bench_open(&b, 10, NO_LIMIT, true);
	assert_false(read_cache_find(b.cache, b.shard, &eventual));
	assert_int_equal(eventual.flags, CART_READ_STRONG);
	assert_false(read_cache_find(b.cache, b.shard, &plain));
	assert_int_equal(plain.flags, 0);
	assert_int_equal(metrics_value(b.metrics, b.misses), 1);
	bench_close(&b);
}

static void a_copy_is_given_until_it_is_too_old(void **state)
{
	struct cart_op op = {.type = CART_OP_GET, .id = id_of(1)};
	struct bench b;

	(void)state;
	bench_open(&b, 10, NO_LIMIT, true);
	/* Its age counts from the submit, since the database may have read it then. */
	pass(&b, 40 * MS);
	finish(&b, &op, now(&b) - 40 * MS, CART_OK, 3, 1);
	pass(&b, 60 * MS - 1);
	assert_int_equal(find(&b, 1), 3);
	pass(&b, 1);
	assert_int_equal(find(&b, 1), 0);
	/* Read again and unchanged: as good as new. */
	learn(&b, CART_OP_GET, 1, CART_OK, 3);
	pass(&b, AGE_MS * MS / 2);
	assert_int_equal(find(&b, 1), 3);
	bench_close(&b);
}

static void an_expired_cart_is_not_given(void **state)
{
	struct bench b;
	struct cart cart = {.id = id_of(1), .version = 1, .expires_ms = WALL_MS + 50};
	struct cart_op op = {.type = CART_OP_GET, .cart = cart};

	(void)state;
	bench_open(&b, 10, NO_LIMIT, true);
	op.submitted_ns = now(&b);
	read_cache_learn(b.cache, b.shard, &op);
	clock_fake_advance(&b.clock, 49);
	assert_int_equal(find(&b, 1), 1);
	clock_fake_advance(&b.clock, 1);
	assert_int_equal(find(&b, 1), 0);
	bench_close(&b);
}

static void what_refutes_a_copy_drops_it(void **state)
{
	static const struct {
		enum cart_op_type type;
		enum cart_result result;
		bool kept;
	} ends[] = {
		{CART_OP_DELETE, CART_OK, false},	  {CART_OP_CHANGE, CART_OK, false},
		{CART_OP_CHANGE, CART_UNCERTAIN, false},  {CART_OP_CHANGE, CART_MISMATCH, false},
		{CART_OP_CHANGE, CART_NOT_FOUND, false},  {CART_OP_CHANGE, CART_NO_ITEM, false},
		{CART_OP_CHANGE, CART_KEY_REUSED, false}, {CART_OP_CHECKOUT, CART_CLOSED, false},
		{CART_OP_GET, CART_NOT_FOUND, false},	  {CART_OP_GET, CART_DAMAGED, false},
		{CART_OP_CHANGE, CART_BUSY, true},	  {CART_OP_CHANGE, CART_TIMEOUT, true},
		{CART_OP_GET, CART_TIMEOUT, true},	  {CART_OP_GET, CART_CANCELED, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct bench b;

		bench_open(&b, 10, NO_LIMIT, true);
		learn(&b, CART_OP_GET, 1, CART_OK, 3);
		learn(&b, ends[i].type, 1, ends[i].result, 0);
		if ((find(&b, 1) != 0) != ends[i].kept)
			fail_msg("row %zu: %s", i, ends[i].kept ? "dropped" : "kept");
		bench_close(&b);
	}
}

static void a_replay_shows_the_cart_as_nobody_knows_when(void **state)
{
	struct cart_op op = {.type = CART_OP_CHANGE, .id = id_of(1), .replayed = true};
	struct bench b;

	(void)state;
	bench_open(&b, 10, NO_LIMIT, true);
	learn(&b, CART_OP_GET, 1, CART_OK, 3);
	finish(&b, &op, now(&b), CART_OK, 4, 1);
	assert_int_equal(find(&b, 1), 0);
	bench_close(&b);
}

/* A list may be stale: it proves that a copy is too old, and no more. */
static void a_list_drops_an_older_copy_and_keeps_none_itself(void **state)
{
	struct cart carts[3] = {{.id = id_of(1), .version = 4},
				{.id = id_of(2), .version = 2},
				{.id = id_of(3), .version = 1}};
	struct cart_op list = {.type = CART_OP_LIST, .carts = carts, .cart_count = 3};
	struct bench b;

	(void)state;
	bench_open(&b, 10, NO_LIMIT, true);
	learn(&b, CART_OP_GET, 1, CART_OK, 3);
	learn(&b, CART_OP_GET, 2, CART_OK, 3);
	read_cache_learn(b.cache, b.shard, &list);
	assert_int_equal(find(&b, 1), 0);
	assert_int_equal(find(&b, 2), 3);
	assert_int_equal(find(&b, 3), 0);
	bench_close(&b);
}

/* A read that began before and completes after: by each way in which the newer knowledge left. */
static void a_late_read_does_not_bring_back_what_was(void **state)
{
	enum { SUPERSEDED, DELETED, CHANGED, LISTED, EVICTED, WAYS };

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		struct cart listed = {.id = id_of(1), .version = 4};
		struct cart_op late = {.type = CART_OP_GET, .id = id_of(1)};
		struct cart_op list = {.type = CART_OP_LIST, .carts = &listed, .cart_count = 1};
		struct bench b;
		int64_t begun_ns;

		bench_open(&b, 1, NO_LIMIT, true);
		learn(&b, CART_OP_GET, 1, CART_OK, 3);
		begun_ns = now(&b);
		pass(&b, 1);
		if (way == DELETED)
			learn(&b, CART_OP_DELETE, 1, CART_OK, 0);
		else if (way == CHANGED)
			learn(&b, CART_OP_CHANGE, 1, CART_OK, 0);
		else if (way == LISTED)
			read_cache_learn(b.cache, b.shard, &list);
		else
			learn(&b, CART_OP_CHANGE, 1, CART_OK, 4);
		if (way == EVICTED)
			learn(&b, CART_OP_GET, 2, CART_OK, 1);
		finish(&b, &late, begun_ns, CART_OK, 3, 1);
		assert_int_equal(find(&b, 1), way == SUPERSEDED ? 4 : 0);
		/* One that began afterwards is taken. */
		pass(&b, 1);
		learn(&b, CART_OP_GET, 1, CART_OK, 4);
		assert_int_equal(find(&b, 1), 4);
		bench_close(&b);
	}
}

static void neither_carts_nor_memory_pass_their_bounds(void **state)
{
	static const struct {
		size_t carts, bytes, lines;
	} bounds[] = {{10, NO_LIMIT, 1},
		      {1000, NO_LIMIT, 3},
		      {100000, (size_t)1 << 20, LINES},
		      {100000, (size_t)8 << 20, LINES}};

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		struct bench b;
		int64_t least = (int64_t)(bounds[i].lines * sizeof(struct cart_line));
		int64_t carts = 0, bytes = 0;

		bench_open(&b, bounds[i].carts, bounds[i].bytes, true);
		for (uint32_t cart = 1; cart <= 3000; cart++) {
			struct cart_op op = {.type = CART_OP_GET, .id = id_of(cart)};

			finish(&b, &op, now(&b), CART_OK, 1, bounds[i].lines);
			pass(&b, 1);
			carts = metrics_value(b.metrics, b.carts);
			bytes = metrics_value(b.metrics, b.bytes);
			assert_true(carts > 0 && carts <= (int64_t)bounds[i].carts);
			assert_true(bytes >= carts * least && bytes <= (int64_t)bounds[i].bytes);
			assert_int_equal(find(&b, cart), 1);
		}
		/* And they are used: one of the two is nearly full. */
		assert_true(carts * 10 > (int64_t)bounds[i].carts * 9 ||
			    bytes * 10 > (int64_t)bounds[i].bytes * 9);
		bench_close(&b);
	}
}

static void a_cart_larger_than_all_of_it_is_not_kept(void **state)
{
	struct cart_op op = {.type = CART_OP_GET, .id = id_of(1)};
	struct bench b;

	(void)state;
	bench_open(&b, 10, LINES * sizeof(struct cart_line), true);
	learn(&b, CART_OP_GET, 1, CART_OK, 1);
	assert_int_equal(find(&b, 1), 1);
	finish(&b, &op, now(&b), CART_OK, 2, LINES);
	assert_int_equal(find(&b, 1), 0);
	assert_int_equal(metrics_value(b.metrics, b.bytes), 0);
	bench_close(&b);
}

static void the_one_that_was_not_read_for_longest_makes_room(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 2, NO_LIMIT, true);
	learn(&b, CART_OP_GET, 1, CART_OK, 1);
	learn(&b, CART_OP_GET, 2, CART_OK, 1);
	assert_int_equal(find(&b, 1), 1);
	learn(&b, CART_OP_GET, 3, CART_OK, 1);
	assert_int_equal(find(&b, 1), 1);
	assert_int_equal(find(&b, 2), 0);
	assert_int_equal(find(&b, 3), 1);
	bench_close(&b);
}

/*
 * The promise, by random interleavings: clients read and change carts through this process, and
 * another process changes them, too. Every op has three moments, its submit, its effect in the
 * database and its completion, and anything may happen between them.
 */
#define CARTS	 6
#define CLIENTS	 5
#define VERSIONS 4096
#define STEPS	 60000

struct world_cart {
	uint32_t id;
	int64_t version;	    /* 0: deleted */
	int64_t ended_ns[VERSIONS]; /* when a version was replaced; 0: it is there */
	int64_t told;		    /* the newest that an answer has shown or acknowledged */
	bool told_gone;
};

enum world_does { READS, CHANGES, CHANGES_BLINDLY, DELETES, LISTS, IN_DOUBT, DOINGS };

struct world_client {
	struct cart_op op;
	enum world_does does;
	bool begun, effective;
	size_t cart;
	int64_t submitted_ns, version;
	uint32_t id; /* of the cart when it was submitted */
};

struct world {
	struct bench b;
	struct rng rng;
	struct world_cart carts[CARTS];
	struct world_client clients[CLIENTS];
	uint32_t ids;
	size_t hits, late;
};

static void world_new_cart(struct world *w, size_t at)
{
	memset(&w->carts[at], 0, sizeof(w->carts[at]));
	w->carts[at].id = ++w->ids;
	w->carts[at].version = 1;
}

static void world_change(struct world *w, size_t at)
{
	struct world_cart *cart = &w->carts[at];

	if (cart->version == 0)
		return;
	assert_true(cart->version < VERSIONS - 1);
	cart->ended_ns[cart->version++] = now(&w->b);
}

static void world_check_hit(struct world *w, size_t at, int64_t version)
{
	const struct world_cart *cart = &w->carts[at];
	int64_t ended_ns = cart->ended_ns[version];

	assert_true(version >= cart->told);
	assert_false(cart->told_gone);
	assert_true(ended_ns == 0 || now(&w->b) - ended_ns < AGE_MS * MS);
	w->hits++;
}

static void world_begin(struct world *w, struct world_client *client)
{
	int64_t dice = rng_between(&w->rng, 0, 99);
	struct cart_op *op = &client->op;

	client->cart = (size_t)rng_between(&w->rng, 0, CARTS - 1);
	if (w->carts[client->cart].told_gone ||
	    w->carts[client->cart].version > VERSIONS - 2 * CLIENTS)
		world_new_cart(w, client->cart);
	client->does = dice < 60   ? READS
		       : dice < 75 ? CHANGES
		       : dice < 84 ? CHANGES_BLINDLY
		       : dice < 92 ? LISTS
		       : dice < 96 ? IN_DOUBT
				   : DELETES;
	*op = (struct cart_op){.type = client->does == READS	 ? CART_OP_GET
				       : client->does == LISTS	 ? CART_OP_LIST
				       : client->does == DELETES ? CART_OP_DELETE
								 : CART_OP_CHANGE,
			       .id = id_of(w->carts[client->cart].id),
			       .flags = dice < 50 ? CART_READ_EVENTUAL : 0};
	if (read_cache_find(w->b.cache, w->b.shard, op)) {
		world_check_hit(w, client->cart, op->cart.version);
		cart_op_clear(op);
		return;
	}
	client->begun = true;
	client->effective = false;
	client->id = w->carts[client->cart].id;
	client->submitted_ns = now(&w->b);
}

/* What the database does. A list is of an index that may lag. */
static void world_take_effect(struct world *w, struct world_client *client)
{
	struct world_cart *cart = &w->carts[client->cart];

	client->effective = true;
	client->version = 0;
	if (client->id != cart->id || cart->version == 0)
		return;
	if (client->does == DELETES) {
		cart->ended_ns[cart->version] = now(&w->b);
		cart->version = 0;
		return;
	}
	if (client->does == CHANGES || client->does == CHANGES_BLINDLY || client->does == IN_DOUBT)
		world_change(w, client->cart);
	client->version = cart->version;
	if (client->does == LISTS && cart->version > 1)
		client->version -= rng_between(&w->rng, 0, 1);
}

static void world_complete(struct world *w, struct world_client *client)
{
	struct world_cart *cart = &w->carts[client->cart];
	bool same = client->id == cart->id, shows = client->version > 0;
	enum cart_result result = shows || client->does == DELETES ? CART_OK : CART_NOT_FOUND;

	client->begun = false;
	if (client->does == LISTS) {
		struct cart listed = {.id = client->op.id, .version = client->version};

		client->op.carts = &listed;
		client->op.cart_count = shows;
		read_cache_learn(w->b.cache, w->b.shard, &client->op);
		client->op.carts = NULL;
		client->op.cart_count = 0;
	} else if (client->does == IN_DOUBT) {
		finish(&w->b, &client->op, client->submitted_ns, CART_UNCERTAIN, 0, 0);
		return;
	} else {
		finish(&w->b, &client->op, client->submitted_ns, result,
		       client->does == CHANGES_BLINDLY || client->does == DELETES ? 0
										  : client->version,
		       (size_t)rng_between(&w->rng, 0, 3));
	}
	if (!same)
		return;
	w->late += shows && client->version < cart->told;
	if (client->version > cart->told)
		cart->told = client->version;
	cart->told_gone = cart->told_gone || (client->does != LISTS && !shows);
}

static void world_step(struct world *w)
{
	struct world_client *client = &w->clients[rng_between(&w->rng, 0, CLIENTS - 1)];

	pass(&w->b, rng_between(&w->rng, 1, 2 * MS));
	if (rng_between(&w->rng, 0, 19) == 0)
		world_change(w, (size_t)rng_between(&w->rng, 0, CARTS - 1));
	if (!client->begun)
		world_begin(w, client);
	else if (!client->effective)
		world_take_effect(w, client);
	else
		world_complete(w, client);
}

static void no_interleaving_shows_a_client_an_older_cart(void **state)
{
	static const size_t rooms[] = {2, 4, 100};
	uint64_t seed = rng_seed();

	(void)state;
	print_message("CART_SEED=%" PRIu64 "\n", seed);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct world *w = calloc(1, sizeof(*w));

		assert_non_null(w);
		bench_open(&w->b, rooms[i], NO_LIMIT, true);
		w->rng.state = seed + i;
		for (size_t at = 0; at < CARTS; at++)
			world_new_cart(w, at);
		for (int step = 0; step < STEPS; step++)
			world_step(w);
		/* Else nothing was tried. */
		assert_true(w->hits > STEPS / 100);
		assert_true(w->late > STEPS / 1000);
		bench_close(&w->b);
		free(w);
	}
}

/* Threads: for the sanitizers, and each sees what it has acknowledged itself. */
#define THREADS 4
#define TURNS	20000

struct crowd {
	struct bench b;
	_Atomic int64_t versions[CARTS]; /* the database */
	atomic_int wrong;
	struct crowd_member {
		struct crowd *crowd;
		struct metrics_shard *shard;
		struct rng rng;
		pthread_t thread;
	} members[THREADS];
};

static void *crowd_run(void *user)
{
	struct crowd_member *member = user;
	struct crowd *crowd = member->crowd;
	struct metrics_shard *shard = member->shard;
	int64_t told[CARTS] = {0};
	struct rng rng = member->rng;

	for (int turn = 0; turn < TURNS; turn++) {
		uint32_t at = (uint32_t)rng_between(&rng, 0, CARTS - 1);
		struct cart_op op = {
			.type = CART_OP_GET, .id = id_of(at), .flags = CART_READ_EVENTUAL};
		bool changes = rng_between(&rng, 0, 9) == 0;

		if (changes)
			op.type = CART_OP_CHANGE;
		if (!read_cache_find(crowd->b.cache, shard, &op)) {
			op.submitted_ns = clock_monotonic_ns(&crowd->b.clock.clock);
			op.cart = (struct cart){
				.id = op.id,
				.version = changes ? atomic_fetch_add(&crowd->versions[at], 1) + 1
						   : atomic_load(&crowd->versions[at])};
			read_cache_learn(crowd->b.cache, shard, &op);
		}
		if (op.cart.version < told[at])
			atomic_fetch_add(&crowd->wrong, 1);
		told[at] = op.cart.version;
		cart_op_clear(&op);
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));

	(void)state;
	assert_non_null(crowd);
	bench_open(&crowd->b, CARTS - 1, NO_LIMIT, true);
	clock_fake_hold_monotonic(&crowd->b.clock, 0);
	for (size_t at = 0; at < CARTS; at++)
		crowd->versions[at] = 1;
	for (size_t i = 0; i < THREADS; i++)
		crowd->members[i] =
			(struct crowd_member){.crowd = crowd,
					      .shard = metrics_shard_new(crowd->b.metrics),
					      .rng.state = rng_seed() + i};
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&crowd->members[i].thread, NULL, crowd_run,
						&crowd->members[i]),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(crowd->members[i].thread, NULL), 0);
	assert_int_equal(crowd->wrong, 0);
	assert_true(metrics_value(crowd->b.metrics, crowd->b.hits) > 0);
	bench_close(&crowd->b);
	free(crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_reads_that_may_be_stale_are_answered),
		cmocka_unit_test(a_copy_is_given_to_its_owner_alone),
		cmocka_unit_test(a_read_that_misses_becomes_a_strong_one),
		cmocka_unit_test(a_copy_is_given_until_it_is_too_old),
		cmocka_unit_test(an_expired_cart_is_not_given),
		cmocka_unit_test(what_refutes_a_copy_drops_it),
		cmocka_unit_test(a_replay_shows_the_cart_as_nobody_knows_when),
		cmocka_unit_test(a_list_drops_an_older_copy_and_keeps_none_itself),
		cmocka_unit_test(a_late_read_does_not_bring_back_what_was),
		cmocka_unit_test(neither_carts_nor_memory_pass_their_bounds),
		cmocka_unit_test(a_cart_larger_than_all_of_it_is_not_kept),
		cmocka_unit_test(the_one_that_was_not_read_for_longest_makes_room),
		cmocka_unit_test(no_interleaving_shows_a_client_an_older_cart),
		cmocka_unit_test(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
