/*
 * The regions backend: a region of two that have copies of the same carts (world.h). For tests and
 * measurements of what becomes of a cart that is written in two regions, in test builds and in
 * cartbench only: two dbs in one process, each of its region, are two services far from each other.
 *
 * An op is run inside submit, and an event answers it: at once, or a round trip later where its
 * home is the other region.
 */
#include "backends/memory/regions/world.h"
#include "core/base/random.h"
#include "core/cart_backend.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct regions_db {
	struct cart_db db; /* first */
	struct regions_world *world;
	struct regions_rules rules;
	int64_t region; /* 0: either, drawn for each op */
	int64_t round_trip_ms;
};

struct regions_store {
	struct cart_store store; /* first */
	struct random random;
};

/* An op that has been run and not answered. */
struct regions_call {
	struct cart_op *op;
	struct event answer;
};

static const struct setting regions_settings[] = {
	{.key = "regions.region",
	 .type = SETTING_INTEGER,
	 .fallback = "1",
	 .max = REGIONS,
	 .help = "The region where operations arrive, 1 or 2; 0: in either, by chance"},
	{.key = "regions.lag",
	 .type = SETTING_DURATION,
	 .fallback = "100ms",
	 .max = 3600000,
	 .help = "How long a write is on its way to the other region"},
	{.key = "regions.home",
	 .type = SETTING_BOOL,
	 .fallback = "false",
	 .help = "Operations are run in the home region of their cart"},
	{.key = "regions.round_trip",
	 .type = SETTING_DURATION,
	 .fallback = "0",
	 .max = 60000,
	 .help = "What an operation takes longer whose home is the other region"},
	{0},
};

static int regions_start(struct cart_db **out, const struct cart_env *env, struct cart_error *error)
{
	struct regions_db *db = calloc(1, sizeof(*db));

	if (db != NULL)
		db->world = regions_world_join(env->clock, &env->rules);
	if (db == NULL || db->world == NULL) {
		free(db);
		return cart_error_set(error, "out of memory");
	}
	db->region = settings_integer(env->settings, "regions.region");
	db->rules.lag_ns = settings_integer(env->settings, "regions.lag") * CLOCK_NS_PER_MS;
	db->rules.home = settings_bool(env->settings, "regions.home");
	db->round_trip_ms = settings_integer(env->settings, "regions.round_trip");
	clock_skew_set_local(env->skew);
	*out = &db->db;
	return 0;
}

static void regions_stop(struct cart_db *base)
{
	struct regions_db *db = (struct regions_db *)base;

	regions_world_leave(&db->world);
	free(db);
}

static int regions_open(struct cart_store **out, struct cart_db *db, struct event_base *base,
			struct metrics_shard *shard, struct cart_error *error)
{
	struct regions_store *store = calloc(1, sizeof(*store));

	(void)db;
	(void)base;
	(void)shard;
	if (store == NULL)
		return cart_error_set(error, "out of memory");
	random_seed(&store->random);
	*out = &store->store;
	return 0;
}

static void regions_close(struct cart_store *store)
{
	free(store);
}

static void regions_complete(struct regions_call *call, enum cart_result result)
{
	struct cart_op *op = call->op;

	event_del(&call->answer);
	free(call);
	cart_store_complete(op, result);
}

static void regions_answer(evutil_socket_t fd, short what, void *user)
{
	struct regions_call *call = user;

	(void)fd;
	(void)what;
	regions_complete(call, call->op->result);
}

static enum cart_result regions_submit(struct cart_store *store, struct cart_op *op)
{
	struct regions_db *db = (struct regions_db *)store->db;
	struct random *random = &((struct regions_store *)store)->random;
	struct regions_call *call = calloc(1, sizeof(*call));
	size_t region, at;

	if (call == NULL)
		return CART_BUSY;
	region = db->region > 0 ? (size_t)db->region - 1 : random_next(random) % REGIONS;
	call->op = op;
	op->held.backend = call;
	op->started_ns = cart_store_now_ns(store);
	evtimer_assign(&call->answer, store->base, regions_answer, call);
	at = regions_world_run(db->world, &db->rules, region, op);
	if (at == region || db->round_trip_ms == 0) {
		event_active(&call->answer, 0, 0);
	} else {
		const struct timeval wait = {.tv_sec = db->round_trip_ms / 1000,
					     .tv_usec = db->round_trip_ms % 1000 * 1000};

		evtimer_add(&call->answer, &wait);
	}
	return CART_OK;
}

/* The op has been run; who waited for its answer cannot know. */
static void regions_expire(struct cart_store *store, struct cart_op *op, enum cart_result why)
{
	bool may_have_landed = cart_op_is_write(op) && op->result == CART_OK;

	(void)store;
	regions_complete(op->held.backend, may_have_landed ? CART_UNCERTAIN : why);
}

extern const struct cart_backend regions_backend;
const struct cart_backend regions_backend = {
	.name = "regions",
	.summary = "one of two regions whose copies lag, simulated in memory; for measurements",
	.heading = "Regions backend",
	.settings = regions_settings,
	.start = regions_start,
	.stop = regions_stop,
	.open = regions_open,
	.close = regions_close,
	.submit = regions_submit,
	.expire = regions_expire,
};
