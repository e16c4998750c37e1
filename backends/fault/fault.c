/*
 * The fault backend: a store over another store that misbehaves on purpose. For debugging, in test
 * builds only.
 *
 * The happy path: a copy of the op goes to the inner store. Its result is moved into the caller's
 * op, which completes at once or, with a delay, when its timer fires. A fault replaces the inner
 * store (nothing is applied), the answer, or both.
 *
 * With lanes the op waits for one first, in a queue such as other backends have (core/batch.h).
 *
 * Delays are kept to some microseconds, because benchmarks compare what clients measure with them:
 * each has a timerfd of its own, as a loop's timers are only right to some milliseconds.
 *
 * The deadline passes, or the caller cancels: an op that the inner store still holds is expired
 * there, and gets that answer. A change that was answered and waits for its delay may have landed;
 * so may one that hangs, as far as a client can know.
 *
 * A mutant (mutant.h) may change the copy, and may submit one more request after its answer, unless
 * the op has expired meanwhile.
 *
 * The copy is freed at its completion, so a backend that touches an op too late uses freed memory,
 * which AddressSanitizer reports.
 */
#include "backends/fault/fault.h"
#include "backends/fault/delays.h"
#include "backends/fault/mutant.h"
#include "core/batch.h"
#include "core/cart_backend.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

extern const struct cart_backend fault_backend;

struct fault_db {
	struct cart_db db; /* first */
	struct cart_db *inner;
	struct metrics *metrics; /* the inner store's: it counts the ops once more */
	struct fault_plan plan;
	struct fault_mutant mutant;
	_Atomic int64_t delay_ms;
	struct fault_delays delays;
	struct fault_stalls stalls;
	int64_t work_ns, drift_ns, burn_ns, clock_ns, leak_bytes;
	atomic_uint_least64_t answered;
	struct queue_limit_series series;
};

struct fault_store {
	struct cart_store store; /* first */
	struct cart_store *inner;
	struct batch *batch; /* NULL: no lanes */
	struct queue_limit_shown shown;
};

/* An op that has been submitted and not completed. */
struct fault_call {
	struct fault_store *store;
	struct cart_op *op;    /* the caller's */
	struct cart_op *inner; /* the copy, while the inner store has it */
	const struct fault_behaviour *behaviour;
	struct fault_mutation mutation;
	struct event answer;
	int timer; /* a timerfd, or -1 */
	size_t lane;
	int64_t delay_ns;
	bool expiring; /* the next answer of the inner store is the last one */
	bool applied;  /* a change has landed, or may have, and its answer waits for the delay */
};

static struct fault_db *fault_db_of(struct cart_store *store)
{
	return (struct fault_db *)store->db;
}

static int fault_start_inner(struct fault_db *db, const struct cart_env *env,
			     struct cart_error *error)
{
	const char *name = settings_string(env->settings, "fault.over");
	const struct cart_backend *backend = cart_backend_find(name);
	struct cart_env inner = *env;

	if (backend == NULL || backend->start == fault_backend.start)
		return cart_error_set(error, "fault.over: %s is not a backend that it can use",
				      name);
	db->metrics = metrics_new();
	inner.metrics = db->metrics;
	/* fault_provision() creates its schema. */
	if (cart_db_start(&db->inner, backend, &inner, CART_PROVISION_OFF, error) == 0)
		return 0;
	metrics_free(&db->metrics);
	return -1;
}

static int fault_start(struct cart_db **out, const struct cart_env *env, struct cart_error *error)
{
	struct fault_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return cart_error_set(error, "out of memory");
	if (fault_delays_init(&db->delays, &db->stalls, env->settings, error) != 0)
		goto no_delays;
	if (fault_plan_init(&db->plan, env->settings, error) != 0)
		goto no_plan;
	/* The store layer fills in db.env after start(), and before the first op. */
	if (fault_mutant_init(&db->mutant, env->settings, &db->db.env.rules, env->clock, error) !=
	    0)
		goto no_mutant;
	atomic_init(&db->delay_ms, settings_integer(env->settings, "fault.delay"));
	atomic_init(&db->answered, 0);
	db->work_ns = settings_integer(env->settings, "fault.work");
	db->drift_ns = settings_integer(env->settings, "fault.drift");
	db->burn_ns = settings_integer(env->settings, "fault.burn");
	db->clock_ns = settings_integer(env->settings, "fault.clock");
	db->leak_bytes = settings_integer(env->settings, "fault.leak");
	queue_limit_register(&db->series, env->metrics, "fault");
	if (fault_start_inner(db, env, error) != 0)
		goto no_inner;
	*out = &db->db;
	return 0;
no_inner:
	fault_mutant_destroy(&db->mutant);
no_mutant:
	fault_plan_destroy(&db->plan);
no_plan:
	fault_delays_destroy(&db->delays);
no_delays:
	free(db);
	return -1;
}

static enum cart_provisioned fault_provision(struct cart_db *base,
					     const struct cart_provision_try *attempt,
					     struct cart_error *error)
{
	struct cart_db *inner = ((struct fault_db *)base)->inner;

	return inner->backend->provision != NULL ? inner->backend->provision(inner, attempt, error)
						 : CART_PROVISIONED;
}

static void fault_stop(struct cart_db *base)
{
	struct fault_db *db = (struct fault_db *)base;

	cart_db_stop(&db->inner);
	metrics_free(&db->metrics);
	fault_mutant_destroy(&db->mutant);
	fault_plan_destroy(&db->plan);
	fault_delays_destroy(&db->delays);
	free(db);
}

static void fault_reload(struct cart_db *base)
{
	cart_db_reload(((struct fault_db *)base)->inner);
}

static void fault_close(struct cart_store *base)
{
	struct fault_store *store = (struct fault_store *)base;

	cart_store_close_idle(&store->inner);
	batch_free(&store->batch);
	free(store);
}

static batch_start_fn fault_take;

static int fault_open_lanes(struct fault_store *store, struct cart_db *db, struct event_base *loop)
{
	const struct batch_config config = {
		.lanes = (size_t)settings_integer(db->env.settings, "fault.lanes"),
		.ops_max = 1,
		.queue_max = SIZE_MAX,
		.delay_ns = db->env.queue_delay_ns,
		.classes = 1,
		.start = fault_take,
		.user = store,
		.clock = &cart_clock_system,
	};

	if (config.lanes == 0)
		return 0;
	store->batch = batch_new(loop, &config);
	for (size_t i = 0; store->batch != NULL && i < config.lanes; i++)
		batch_lane_free(store->batch, i);
	return store->batch != NULL ? 0 : -1;
}

static int fault_open(struct cart_store **out, struct cart_db *base, struct event_base *loop,
		      struct metrics_shard *shard, struct cart_error *error)
{
	struct fault_db *db = (struct fault_db *)base;
	struct fault_store *store = calloc(1, sizeof(*store));

	(void)shard;
	if (store == NULL)
		return cart_error_set(error, "out of memory");
	if (cart_store_open(&store->inner, db->inner, loop, metrics_shard_new(db->metrics),
			    error) != 0) {
		free(store);
		return -1;
	}
	if (fault_open_lanes(store, base, loop) != 0) {
		fault_close(&store->store);
		return cart_error_set(error, "out of memory");
	}
	*out = &store->store;
	return 0;
}

static void fault_spin(int64_t ns)
{
	int64_t until_ns = clock_monotonic_ns(&cart_clock_system) + ns;

	while (ns > 0 && clock_monotonic_ns(&cart_clock_system) < until_ns)
		;
}

static void fault_leak(int64_t bytes)
{
	/* A compiler takes away memory that nobody can see. */
	static void *volatile newest;
	void *lost = bytes > 0 ? malloc((size_t)bytes) : NULL;

	if (lost != NULL)
		newest = memset(lost, 1, (size_t)bytes);
	(void)newest;
}

/* Says that the database took another time than it did. */
static void fault_lie_about_time(const struct fault_db *db, struct cart_op *op)
{
	if (db->clock_ns == 0)
		return;
	if (op->finished_ns == 0)
		op->finished_ns = clock_monotonic_ns(&cart_clock_system);
	op->finished_ns += db->clock_ns;
}

static void fault_complete(struct fault_call *call, enum cart_result result)
{
	struct fault_db *db = fault_db_of(&call->store->store);
	int64_t answered = (int64_t)atomic_fetch_add(&db->answered, 1);
	struct cart_op *op = call->op;

	event_del(&call->answer);
	if (call->timer >= 0)
		close(call->timer);
	if (call->store->batch != NULL)
		batch_lane_free(call->store->batch, call->lane);
	fault_mutation_clear(&call->mutation);
	free(call);
	fault_spin(db->work_ns + answered / 1000 * db->drift_ns);
	fault_lie_about_time(db, op);
	fault_leak(db->leak_bytes);
	cart_store_complete(op, result);
	fault_spin(db->burn_ns);
}

/* A read cannot have landed: it gets TIMEOUT where a change is uncertain. */
static enum cart_result fault_result(const struct fault_call *call, enum cart_result result)
{
	return result == CART_UNCERTAIN && !cart_op_is_write(call->op) ? CART_TIMEOUT : result;
}

static void fault_answer(evutil_socket_t fd, short what, void *user)
{
	struct fault_call *call = user;

	(void)fd;
	(void)what;
	fault_complete(call, call->op->result);
}

static bool fault_wait(struct fault_call *call, int64_t due_ns)
{
	const struct itimerspec due = {.it_value = {.tv_sec = due_ns / CLOCK_NS_PER_S,
						    .tv_nsec = due_ns % CLOCK_NS_PER_S}};

	call->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (call->timer < 0)
		return false;
	event_assign(&call->answer, call->store->store.base, call->timer, EV_READ, fault_answer,
		     call);
	return timerfd_settime(call->timer, TFD_TIMER_ABSTIME, &due, NULL) == 0 &&
	       event_add(&call->answer, NULL) == 0;
}

/* When an answer of the inner store that came at now_ns is passed on. */
static int64_t fault_due_ns(const struct fault_call *call, int64_t now_ns)
{
	struct fault_db *db = fault_db_of(&call->store->store);

	return fault_delays_due(&db->delays, &db->stalls, now_ns, call->delay_ns);
}

/* op->result is what the answer will be. False: no timer can be had. */
static bool fault_answer_later(struct fault_call *call)
{
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system),
		due_ns = fault_due_ns(call, now_ns);

	if (due_ns > now_ns)
		return fault_wait(call, due_ns);
	event_active(&call->answer, 0, 0);
	return true;
}

/* Removes the answer of the inner store from the op. */
static void fault_drop_result(struct cart_op *op)
{
	int64_t submitted_ns = op->submitted_ns;

	cart_op_clear(op);
	op->submitted_ns = submitted_ns;
}

/* Replaces what the op holds by the fault's answer. */
static void fault_spoil(struct fault_call *call)
{
	const struct fault_behaviour *behaviour = call->behaviour;

	fault_drop_result(call->op);
	call->op->result = fault_result(call, behaviour->result);
	cart_op_set_reason(call->op, "fault: %s", behaviour->name);
}

static cart_op_done_fn fault_inner_done;

/* Submits copy to the inner store, or frees it. */
static enum cart_result fault_hand_in(struct fault_call *call, struct cart_op *copy)
{
	enum cart_result result;

	copy->done = fault_inner_done;
	copy->user = call;
	call->inner = copy;
	result = cart_store_submit(call->store->inner, copy);
	if (result == CART_OK)
		return CART_OK;
	call->inner = NULL;
	free(copy);
	return result;
}

/* True: the mutant has submitted one more request, and the answer is still to come. */
static bool fault_goes_on(struct fault_call *call, struct cart_op *answer)
{
	struct fault_mutant *mutant = &fault_db_of(&call->store->store)->mutant;
	struct cart_op *next;

	if (call->expiring)
		return false;
	next = fault_mutant_out(mutant, &call->mutation, call->op, answer);
	return next != NULL && fault_hand_in(call, next) == CART_OK;
}

static void fault_inner_done(struct cart_op *copy, void *user)
{
	struct fault_call *call = user;
	struct cart_op *kept = call->mutation.kept;
	bool goes_on, at_once;
	int64_t now_ns;

	call->inner = NULL;
	goes_on = fault_goes_on(call, copy);
	if (!goes_on)
		cart_op_move_result(call->op,
				    copy->result != CART_OK && kept != NULL ? kept : copy);
	cart_op_clear(copy);
	free(copy);
	if (goes_on)
		return;
	now_ns = clock_monotonic_ns(&cart_clock_system);
	at_once = call->expiring || fault_stalls_due(&fault_db_of(&call->store->store)->stalls,
						     now_ns, call->delay_ns) == now_ns;
	/* The delay counts as time in the database. */
	if (!at_once)
		call->op->finished_ns = 0;
	call->applied = cart_op_is_write(call->op) &&
			(call->op->result == CART_OK || call->op->result == CART_UNCERTAIN);
	if (call->behaviour->answers)
		fault_spoil(call);
	if (at_once || !fault_answer_later(call))
		fault_complete(call, call->op->result);
}

static enum cart_result fault_pass_on(struct fault_call *call)
{
	struct cart_op *copy = cart_op_copy_request(call->op);

	if (copy == NULL)
		return CART_BUSY;
	fault_mutant_in(&fault_db_of(&call->store->store)->mutant, call->op, copy);
	return fault_hand_in(call, copy);
}

static enum cart_result fault_begin(struct fault_call *call)
{
	if (call->behaviour->applies)
		return fault_pass_on(call);
	if (!call->behaviour->answers)
		return CART_OK;
	fault_spoil(call);
	return fault_answer_later(call) ? CART_OK : CART_BUSY;
}

static enum cart_result fault_call(struct cart_store *base, struct cart_op *op, size_t lane)
{
	struct fault_db *db = fault_db_of(base);
	enum fault_type type = fault_plan_next(&db->plan, op->type);
	struct fault_call *call;
	enum cart_result result;

	if (type == FAULT_REFUSE)
		return CART_BUSY;
	call = calloc(1, sizeof(*call));
	if (call == NULL)
		return CART_BUSY;
	call->store = (struct fault_store *)base;
	call->op = op;
	call->behaviour = fault_behaviour_of(type);
	call->timer = -1;
	call->lane = lane;
	call->delay_ns =
		atomic_load(&db->delay_ms) * CLOCK_NS_PER_MS + fault_delays_draw(&db->delays);
	event_assign(&call->answer, base->base, -1, 0, fault_answer, call);
	result = fault_begin(call);
	if (result == CART_OK)
		op->held.backend = call;
	else
		free(call);
	return result;
}

/* A batch_start_fn. */
static void fault_take(void *user, size_t lane, struct cart_op **ops, size_t count)
{
	struct fault_store *store = user;
	struct cart_op *op = ops[0];

	(void)count;
	if (fault_call(&store->store, op, lane) == CART_OK)
		return;
	batch_lane_free(store->batch, lane);
	cart_store_complete(op, CART_BUSY);
}

static enum cart_result fault_submit(struct cart_store *base, struct cart_op *op)
{
	struct fault_store *store = (struct fault_store *)base;

	enum cart_result result;

	if (store->batch == NULL)
		return fault_call(base, op, 0);
	result = batch_push(store->batch, op, 0);
	queue_limit_show(batch_limit(store->batch), &fault_db_of(base)->series, &store->shown,
			 base->shard);
	return result;
}

static void fault_expire(struct cart_store *base, struct cart_op *op, enum cart_result why)
{
	struct fault_call *call = op->held.backend;
	struct fault_store *store = (struct fault_store *)base;
	struct cart_store *inner = store->inner;
	bool may_have_landed;

	if (store->batch != NULL && batch_remove(store->batch, op)) {
		cart_store_complete(op, why);
		return;
	}
	if (call->inner != NULL) {
		/* expire() completes the copy before it returns, and so the op, without delay. */
		call->expiring = true;
		inner->db->backend->expire(inner, call->inner, why);
		return;
	}
	may_have_landed = call->applied || (cart_op_is_write(op) && !call->behaviour->applies &&
					    !call->behaviour->answers);
	fault_drop_result(op);
	fault_complete(call, may_have_landed ? CART_UNCERTAIN : why);
}

void fault_arm(struct cart_db *db, enum fault_type type, uint64_t nth, uint64_t every)
{
	fault_plan_arm(&((struct fault_db *)db)->plan, type, nth, every);
}

uint64_t fault_hits(struct cart_db *db)
{
	return fault_plan_hits(&((struct fault_db *)db)->plan);
}

void fault_delay(struct cart_db *db, int64_t delay_ms)
{
	atomic_store(&((struct fault_db *)db)->delay_ms, delay_ms);
}

const struct cart_backend fault_backend = {
	.name = "fault",
	.summary = "misbehaves on purpose over another backend; for debugging",
	.heading = "Fault backend",
	/* A store that breaks promises makes none, whatever the inner store promises. */
	.caps = CART_CAP_FEED, /* if the store below has it */
	.settings = fault_settings,
	.start = fault_start,
	.provision = fault_provision,
	.stop = fault_stop,
	.reload = fault_reload,
	.open = fault_open,
	.close = fault_close,
	.submit = fault_submit,
	.expire = fault_expire,
};
