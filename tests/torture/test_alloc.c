/*
 * For every n: the n-th allocation while a fixed history of ops runs fails, once or from then on,
 * whoever asked for it: the store layer, the backend, the database library, libevent. No op may
 * crash or hang, what was acknowledged must be there, what failed must have changed nothing.
 *
 * Where each telling of the history takes a server's time, n goes over places instead: the stacks
 * of calls from which an op of the history allocates, each once. An answer of JSON is hundreds of
 * allocations from a few places.
 *
 * Only what is allocated while an op is under way counts: at start a lack of memory may abort.
 * malloc and its kin are defined here, in front of libc's or the sanitizer's.
 */
#include "tests/lib/cmocka.h"
#include "tests/lib/model.h"
#include "tests/lib/rig.h"

#include <curl/curl.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALLOC_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(ALLOC_SANITIZED)
#define ALLOC_REAL(name_) __interceptor_##name_
#else
#define ALLOC_REAL(name_) __libc_##name_
#endif

extern void *ALLOC_REAL(malloc)(size_t size);
extern void *ALLOC_REAL(calloc)(size_t count, size_t size);
extern void *ALLOC_REAL(realloc)(void *memory, size_t size);

/* These run before a sanitizer has made its shadow, so they must not look at it. */
#define ALLOC_PLAIN __attribute__((no_sanitize("address", "thread", "undefined")))

#define ALLOC_FRAMES 32
#define ALLOC_PLACES (1 << 14) /* a table of hashes, never near full */

static struct {
	_Atomic bool counting;
	_Atomic long seen; /* while counting: allocations, or new places */
	_Atomic long nth;
	_Atomic bool lasting; /* the later ones fail too */
	_Atomic bool on_loop; /* those of other threads neither count nor fail */
	_Atomic bool by_place;
	_Atomic long op;	       /* of the history */
	uint64_t places[ALLOC_PLACES]; /* the loop's, 0: free */
} alloc;

static _Thread_local bool alloc_is_loop;

/* A value of JSON within another is read by the same calls as that one. */
ALLOC_PLAIN static bool alloc_is_recursion(void *const *frames, int at)
{
	for (int i = 0; i < at; i++)
		if (frames[i] == frames[at])
			return true;
	return false;
}

/* Adds the place from which this op is allocating now. False: it was there. */
ALLOC_PLAIN static bool alloc_is_new_place(void)
{
	void *frames[ALLOC_FRAMES];
	int depth = backtrace(frames, ALLOC_FRAMES);
	uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)atomic_load(&alloc.op);
	size_t at;

	for (int i = 0; i < depth; i++)
		if (!alloc_is_recursion(frames, i))
			hash = (hash ^ (uint64_t)(uintptr_t)frames[i]) * UINT64_C(1099511628211);
	hash |= 1;
	for (at = hash >> 16; alloc.places[at % ALLOC_PLACES] != 0; at++)
		if (alloc.places[at % ALLOC_PLACES] == hash)
			return false;
	alloc.places[at % ALLOC_PLACES] = hash;
	return true;
}

ALLOC_PLAIN static bool alloc_fails(void)
{
	long seen, nth;

	if (!atomic_load(&alloc.counting) || (atomic_load(&alloc.on_loop) && !alloc_is_loop))
		return false;
	nth = atomic_load(&alloc.nth);
	/* By places nth is 1: what was new in this telling fails, and none that is new after it. */
	if (atomic_load(&alloc.by_place) && atomic_load(&alloc.seen) < nth && !alloc_is_new_place())
		return false;
	seen = atomic_fetch_add(&alloc.seen, 1) + 1;
	if (seen != nth && !(atomic_load(&alloc.lasting) && seen > nth))
		return false;
	errno = ENOMEM;
	return true;
}

ALLOC_PLAIN void *malloc(size_t size)
{
	return alloc_fails() ? NULL : ALLOC_REAL(malloc)(size);
}

ALLOC_PLAIN void *calloc(size_t count, size_t size)
{
	return alloc_fails() ? NULL : ALLOC_REAL(calloc)(count, size);
}

ALLOC_PLAIN void *realloc(void *memory, size_t size)
{
	return alloc_fails() ? NULL : ALLOC_REAL(realloc)(memory, size);
}

ALLOC_PLAIN void *reallocarray(void *memory, size_t count, size_t size)
{
	size_t whole;

	if (__builtin_mul_overflow(count, size, &whole)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(memory, whole);
}

/* One telling of the history. */
struct run {
	struct rig *f;
	struct model *model;
	struct model_answer *want;
	struct cart_id ids[3];
	struct shop_id customer;
	long nth;
	bool lasting;
	int *failed; /* ops, of all runs */
};

/* It connects again when memory has run out, which takes time, and backs off between its tries. */
static bool has_server(const struct rig *f)
{
	return f->database.setting != NULL;
}

/* What waits for a connection that cannot be had is given little time. */
static bool is_short(const struct run *run)
{
	return run->lasting && has_server(run->f);
}

static bool is_failure(const struct run *run, enum cart_result result)
{
	return result == CART_BUSY || result == CART_FAILED || result == CART_UNCERTAIN ||
	       (result == CART_TIMEOUT && is_short(run));
}

static void wrong(const struct run *run, const struct cart_op *op)
{
	fail_msg("allocation %ld: %s on the cart gave %s (%s), version %lld%s; wanted %s, "
		 "version %lld%s",
		 run->nth, cart_op_type_name(op->type), cart_result_name(op->result), op->reason,
		 (long long)op->version, op->replayed ? ", replayed" : "",
		 cart_result_name(run->want->result), (long long)run->want->version,
		 run->want->replayed ? ", replayed" : "");
}

/* With memory again: what a store that has to connect anew refuses for a while is asked once more.
 */
static enum cart_result ask_until_answered(struct run *run, struct cart_op *op)
{
	int64_t until = clock_monotonic_ns(&cart_clock_system) + 10 * CLOCK_NS_PER_S;

	for (;;) {
		cart_op_clear(op);
		op->deadline_ns = 0;
		if (rig_run(run->f, 0, op, NULL) != CART_BUSY ||
		    clock_monotonic_ns(&cart_clock_system) > until)
			return op->result;
	}
}

/*
 * What may have been applied, or may still be, is asked for again, with memory to spare: under its
 * key; without one it is a create, whose id is not made twice, or a delete, and once that is
 * answered the cart is there, or is gone, whoever did it.
 */
static void settle(struct run *run, struct cart_op *op)
{
	enum cart_result result = ask_until_answered(run, op);

	model_run(run->model, op, run->want);
	if (op->key == NULL) {
		assert_true(result == CART_OK ||
			    result == (op->type == CART_OP_CREATE ? CART_FAILED : CART_NOT_FOUND));
		return;
	}
	run->want->replayed = op->replayed; /* either may be */
	if (!model_agrees(run->want, op))
		wrong(run, op);
}

/* Runs an op while allocations fail, and compares the answer with the model's unless it failed. */
static void torture_send(struct run *run, const struct cart_op *request)
{
	struct cart_op op = *request;

	/* Of two changes under one key at one instant a store need not know which was first. */
	if (op.type != CART_OP_CREATE)
		clock_fake_advance(&run->f->clock, 1);
	op.now_ms = clock_fake_now(&run->f->clock);
	atomic_fetch_add(&alloc.op, 1);
	/* An op that was forgotten is found by its deadline. */
	op.deadline_ns = clock_monotonic_ns(&cart_clock_system) +
			 (is_short(run) ? CLOCK_NS_PER_S / 4 : 5 * CLOCK_NS_PER_S);
	atomic_store(&alloc.counting, true);
	rig_run(run->f, 0, &op, NULL);
	atomic_store(&alloc.counting, false);
	/* Without memory there is no connection, and nothing more of interest to be seen. */
	if (has_server(run->f) && atomic_load(&alloc.seen) >= run->nth)
		atomic_store(&alloc.lasting, false);
	*run->failed += is_failure(run, op.result);
	if (op.result == CART_UNCERTAIN) {
		assert_true(cart_op_is_write(&op));
		settle(run, &op);
	} else if (!is_failure(run, op.result)) {
		/* The id may be the one of a try under the same key that stopped halfway. */
		if (op.type == CART_OP_CREATE && op.key != NULL && op.result == CART_OK &&
		    !op.replayed)
			op.id = op.cart.id;
		model_run(run->model, &op, run->want);
		if (!model_agrees(run->want, &op))
			wrong(run, &op);
	}
	cart_op_clear(&op);
}

#define SEND(run_, type_, ...)                                                                     \
	torture_send(run_, &(struct cart_op){.type = CART_OP_##type_, __VA_ARGS__})

static void tell_history(struct run *r)
{
	const struct cart_id *id = r->ids;

	SEND(r, CREATE, .id = id[0], .customer_id = r->customer, .key = "c0");
	SEND(r, CREATE, .id = id[1], .customer_id = r->customer);
	SEND(r, CREATE, .id = rig_id(r->f), .customer_id = r->customer, .key = "c0");
	SEND(r, CHANGE, .id = id[0], .key = "a", CHANGES(ADD(1, 2), ADD(2, 2)));
	SEND(r, CHANGE, .id = id[0], .key = "a", CHANGES(ADD(1, 2), ADD(2, 2)));
	SEND(r, CHANGE, .id = id[0], .flags = CART_WANT_CART, .key = "b",
	     CHANGES(SET(1, 5), REMOVE(2), ADD(3, 1), ADD(4, 1)));
	SEND(r, CHANGE, .id = id[0], .key = "r", CHANGES(ADD(1, 1), REMOVE(99)));
	SEND(r, GET, .id = id[0], .flags = CART_READ_STRONG);
	SEND(r, CHANGE, .id = id[1], .key = "d", CHANGES(ADD(8, 1)));
	SEND(r, CHANGE, .id = id[1], .key = "e", .if_version = 2, CHANGES(CLEAR));
	SEND(r, LIST, .list = {.customer_id = r->customer, .limit = 10});
	SEND(r, LIST, .list = {.customer_id = r->customer, .limit = 1});
	SEND(r, CHECKOUT, .id = id[0], .key = "f", .order_id = rig_id(r->f));
	SEND(r, CHECKOUT, .id = id[0], .key = "f", .order_id = rig_id(r->f));
	SEND(r, CHANGE, .id = id[0], .key = "g", CHANGES(REOPEN));
	SEND(r, CHANGE, .id = id[0], .key = "h", CHANGES(REPLACE(1, 9), REPLACE(5, 1)));
	SEND(r, DELETE, .id = id[1]);
	SEND(r, CREATE, .id = id[2], .customer_id = r->customer, .key = "c2");
	SEND(r, CHANGE, .id = id[2], .key = "a", CHANGES(ADD(7, 7)));
}

/* With memory again: each cart is what the model says, and nothing else is listed. */
static void expect_as_modelled(struct run *run)
{
	struct cart_op ops[4] = {
		{.type = CART_OP_GET, .id = run->ids[0], .flags = CART_READ_STRONG},
		{.type = CART_OP_GET, .id = run->ids[1], .flags = CART_READ_STRONG},
		{.type = CART_OP_GET, .id = run->ids[2], .flags = CART_READ_STRONG},
		{.type = CART_OP_LIST, .list = {.customer_id = run->customer, .limit = 10}},
	};

	for (size_t i = 0; i < 4; i++) {
		ask_until_answered(run, &ops[i]);
		model_run(run->model, &ops[i], run->want);
		if (!model_agrees(run->want, &ops[i]))
			wrong(run, &ops[i]);
		cart_op_clear(&ops[i]);
	}
}

/* A run begins with a store that can write again. */
static void await_recovery(struct run *run)
{
	struct cart_op op = {.type = CART_OP_DELETE, .id = rig_id(run->f)};

	assert_int_equal(ask_until_answered(run, &op), CART_NOT_FOUND);
	cart_op_clear(&op);
}

/* True: the n-th allocation was reached. */
static bool run_with(struct rig *f, long nth, bool lasting, int *failed)
{
	struct run run = {.f = f,
			  .model = model_new(&f->rules),
			  .want = calloc(1, sizeof(struct model_answer)),
			  .customer = rig_customer(f),
			  .nth = nth,
			  .lasting = lasting,
			  .failed = failed};

	for (size_t i = 0; i < 3; i++)
		run.ids[i] = rig_id(f);
	await_recovery(&run);
	atomic_store(&alloc.nth, nth);
	atomic_store(&alloc.lasting, lasting);
	atomic_store(&alloc.seen, 0);
	atomic_store(&alloc.op, 0);
	tell_history(&run);
	expect_as_modelled(&run);
	model_free(&run.model);
	free(run.want);
	return atomic_load(&alloc.seen) >= nth;
}

/* MariaDB's client library crashes itself where memory for a login is missing, which happens in
 * threads of the backend; on the loop it only talks. */
static void spare_logins(const struct rig *f)
{
	atomic_store(&alloc.on_loop, has_server(f));
	if (has_server(f))
		print_message("not tried: memory that runs out where a thread connects, which the "
			      "client library does not survive, or for longer than an op, since "
			      "each would wait for its deadline\n");
}

/* A telling over a server takes tens of milliseconds. */
static void choose_by_place(const struct rig *f)
{
	void *frame;

	backtrace(&frame, 1); /* the first time it loads a library */
	memset(alloc.places, 0, sizeof(alloc.places));
	atomic_store(&alloc.by_place, has_server(f));
}

static void for_every_n(struct rig *f, bool lasting)
{
	long tried = 0;
	int failed = 0, before = 0;
	struct cart_id id = rig_cart(f);

	/* Every thread is up by now, under a sanitizer too, which allocates for them. */
	ask(f, CART_OK, GET, .id = id);
	spare_logins(f);
	choose_by_place(f);
	while (run_with(f, has_server(f) ? 1 : tried + 1, lasting, &failed)) {
		tried++;
		before = failed;
	}
	print_message("%ld %s failed, and %d ops\n", tried,
		      has_server(f) ? "places of allocation" : "allocations", failed);
	/* Otherwise nothing stands between the callers and libc. */
	assert_true(tried > 10);
	assert_true(failed > 10);
	/* The last run was whole. */
	assert_int_equal(failed, before);
}

/* Valgrind puts its own malloc in front of ours. */
static bool alloc_is_ours(void)
{
	void *volatile memory;

	atomic_store(&alloc.on_loop, false);
	atomic_store(&alloc.seen, 0);
	atomic_store(&alloc.nth, 0);
	atomic_store(&alloc.counting, true);
	memory = malloc(1);
	atomic_store(&alloc.counting, false);
	free(memory);
	return atomic_load(&alloc.seen) > 0;
}

static void skip_unless_ours(void)
{
	if (alloc_is_ours())
		return;
	print_message("failing allocations not tested: malloc is not ours here\n");
	skip();
}

static void the_nth_allocation_fails(void **state)
{
	skip_unless_ours();
	for_every_n(*state, false);
}

static void memory_runs_out_at_the_nth_allocation(void **state)
{
	skip_unless_ours();
	for_every_n(*state, true);
}

static void be_the_loop(void *user)
{
	(void)user;
	alloc_is_loop = true;
}

static int start_with(void **state, const char *const *set)
{
	struct rig *f = rig_start(&(struct rig_config){.set = set});

	rig_call(f, 0, be_the_loop, NULL);
	*state = f;
	return 0;
}

static int start(void **state)
{
	return start_with(state, NULL);
}

/* Of what waits for a connection that needs memory. */
static int start_impatient(void **state)
{
	static const char *const mysql[] = {"mysql.acquire_timeout", "50ms", NULL};
	static const char *const dynamodb[] = {"dynamodb.acquire_timeout", "50ms", NULL};
	const char *name = rig_backend_name();

	if (strcmp(name, "mysql") == 0)
		return start_with(state, mysql);
	return start_with(state, strcmp(name, "dynamodb") == 0 ? dynamodb : NULL);
}

static int stop(void **state)
{
	rig_stop((struct rig **)state);
	return 0;
}

static char *curl_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = ALLOC_REAL(malloc)(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* libcurl 7.88 crashes, or waits for ever, when its own allocations fail: they do not. */
static void spare_curl(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, ALLOC_REAL(malloc), free, ALLOC_REAL(realloc),
				 curl_strdup, ALLOC_REAL(calloc)) != CURLE_OK)
		abort();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_nth_allocation_fails, start, stop),
		cmocka_unit_test_setup_teardown(memory_runs_out_at_the_nth_allocation,
						start_impatient, stop),
	};

	spare_curl();
	return cmocka_run_group_tests_name(rig_title("memory runs out"), tests, NULL, NULL);
}
