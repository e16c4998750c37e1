/*
 * A store for a test: a db of the backend that CART_BACKEND names (memory without it), its files in
 * a folder of its own that goes with it, a fake wall clock, and N loops in threads with a handle
 * each.
 *
 * A backend that needs a server takes where it is from CART_MYSQL_* or CART_DYNAMODB_* and AWS_*,
 * as cartd does and as tools/with-mariadb and tools/with-dynalite set them; it has a database or a
 * table of its own there (tests/lib/own_database.h), which goes with it. Not every store can be had
 * empty, so ids and customers come from rig_id() and rig_customer(), and the clock of each rig
 * starts at an instant of its own. CART_TEST_SETTINGS ("mysql.batch=4 mysql.pool=1") sets what a
 * run is to differ in, and CART_ID_TYPE the setting cart.id_type.
 *
 * Assertions are made on the test's thread alone: cmocka leaves a failed test by longjmp.
 */
#ifndef TESTS_LIB_RIG_H
#define TESTS_LIB_RIG_H

#include "core/cart_store.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/own_database.h"
#include "tests/lib/ids.h"
#include "tests/lib/rng.h"

#include <event2/event.h>
#include <pthread.h>

#define RIG_LOOPS_MAX	8
#define RIG_PATH_MAX	256
#define RIG_EVENTUAL_S	10
#define RIG_DEADLINE_NS (120 * CLOCK_NS_PER_S) /* of ops that set none */

struct rig_config {
	size_t loops;		/* 0: one */
	bool fault;		/* the fault backend over the chosen one */
	bool feed;		/* feed=on, if the backend has one */
	bool skew;		/* clock.skew counts, and the clock starts at the real time */
	int64_t ahead_ms;	/* or so much later */
	const char *backend;	/* instead of CART_BACKEND's */
	const char *const *set; /* key, value, key, value, ..., NULL */
};

typedef void rig_fn(void *user);

/* A function on its way to a loop. */
struct rig_task {
	struct rig_task *next;
	rig_fn *run;
	void *user;
};

struct rig_loop {
	struct rig *rig;
	struct event_base *base;
	struct cart_store *store; /* the loop's alone; NULL once closed */
	pthread_t thread;
	struct event *wake;
	int wake_fd;
	pthread_mutex_t lock; /* the next two */
	struct rig_task *first;
	struct rig_task *last;
};

struct rig {
	const struct cart_backend *backend; /* what is tested; under the fault backend, if any */
	unsigned caps;			    /* its own */
	struct clock_fake clock;
	struct clock_skew skew;
	struct settings *settings;
	struct metrics *metrics;
	struct cart_rules rules;
	struct cart_db *db;
	struct rig_loop loops[RIG_LOOPS_MAX];
	size_t loop_count;
	struct rng rng;
	char folder[RIG_PATH_MAX];
	struct own_database database; /* on a backend with a server */
};

/* The backend that the environment asks for. */
const char *rig_backend_name(void);
/* "TITLE on BACKEND", for the name of a group of tests; in a static buffer. */
const char *rig_title(const char *title);

/* Aborts with a line if it cannot: a test that cannot start has failed. */
struct rig *rig_start(const struct rig_config *config);
/* Closes what is open, stops, removes the folder. Takes NULL; sets it. */
void rig_stop(struct rig **rig);

struct cart_id rig_id(struct rig *rig);
struct shop_id rig_customer(struct rig *rig);

/* Runs a function on a loop and waits until it has returned. */
void rig_call(struct rig *rig, size_t loop, rig_fn *run, void *user);
/* Without waiting. The task is the caller's and must live until it has run. */
void rig_post(struct rig *rig, size_t loop, struct rig_task *task);

/*
 * Submits the op on a loop and waits for its callback; deadline, done and user are set here (a
 * deadline of 0: far away). Returns its result. *refused (may be NULL) tells an answer from a
 * refusal. Aborts if the callback does not come.
 */
enum cart_result rig_run(struct rig *rig, size_t loop, struct cart_op *op, bool *refused);

/* Waits until *count reaches wanted; aborts with what when it has not grown for 30 seconds of
 * patience.h. */
void rig_await(const _Atomic int *count, int wanted, const char *what);

/*
 * For short tests: runs an op on loop 0 and asserts its result. ask() forgets the answer and
 * returns its version; ask_for() returns it in an op that the caller clears.
 *
 *	ask(f, CART_OK, CHANGE, .id = id, CHANGES(ADD(7, 2)), .key = "k");
 */
#define ask_for(rig_, want_, type_, ...)                                                           \
	rig_ask(rig_, 0, want_, &(struct cart_op){.type = CART_OP_##type_, __VA_ARGS__}, __FILE__, \
		__LINE__)
#define ask(rig_, want_, type_, ...) ask_on(rig_, 0, want_, type_, __VA_ARGS__)
#define ask_on(rig_, loop_, want_, type_, ...)                                                     \
	rig_forget(rig_ask(rig_, loop_, want_,                                                     \
			   &(struct cart_op){.type = CART_OP_##type_, __VA_ARGS__}, __FILE__,      \
			   __LINE__))
struct cart_op rig_ask(struct rig *rig, size_t loop, enum cart_result want,
		       const struct cart_op *request, const char *file, int line);
int64_t rig_forget(struct cart_op op);

#define CHANGES(...)                                                                               \
	.changes = (const struct cart_change[]){__VA_ARGS__},                                      \
	.change_count =                                                                            \
		sizeof((const struct cart_change[]){__VA_ARGS__}) / sizeof(struct cart_change)
#define ADD(product_, quantity_)                                                                   \
	{                                                                                          \
		.type = CART_CHANGE_ADD, .product_id = id_of(product_), .quantity = quantity_      \
	}
#define SET(product_, quantity_)                                                                   \
	{                                                                                          \
		.type = CART_CHANGE_SET, .product_id = id_of(product_), .quantity = quantity_      \
	}
#define REMOVE(product_)                                                                           \
	{                                                                                          \
		.type = CART_CHANGE_REMOVE, .product_id = id_of(product_)                          \
	}
#define REPLACE(product_, quantity_)                                                               \
	{                                                                                          \
		.type = CART_CHANGE_REPLACE, .product_id = id_of(product_), .quantity = quantity_  \
	}
#define REOPEN                                                                                     \
	{                                                                                          \
		.type = CART_CHANGE_REOPEN                                                         \
	}
#define CLEAR                                                                                      \
	{                                                                                          \
		.type = CART_CHANGE_CLEAR                                                          \
	}
/* ADD, SET or REPLACE with attributes. */
#define LINE(type_, product_, quantity_, attributes_)                                              \
	{                                                                                          \
		CART_CHANGE_##type_, id_of(product_), quantity_, attributes_                       \
	}

/* A new cart of a new customer. */
struct cart_id rig_cart(struct rig *rig);
/* The cart by a strong read; the test fails unless it is there. cart_clear() it. */
struct cart rig_get(struct rig *rig, const struct cart_id *id);
/* What a line holds, by a strong read; 0 without the line. */
int64_t rig_quantity(struct rig *rig, const struct cart_id *id, int64_t product_id);

/* The page of the list has the cart, or has it not: at once, or where the backend's lists are
 * eventual within RIG_EVENTUAL_S. The test fails otherwise. */
void rig_expect_listed(struct rig *rig, const struct cart_list *list, const struct cart_id *id,
		       bool there);

/* True when both hold the same, lines and all; ids are compared unless ignored. */
bool rig_same_cart(const struct cart *a, const struct cart *b, bool ignore_id);
/* One line for messages, in a static buffer a thread. */
const char *rig_describe(const struct cart *cart);

#endif
