/*
 * The SQLite backend in a folder of its own, with a loop, a clock that stands still unless moved,
 * and calls that wait for their answer.
 */
#ifndef TESTS_LIB_SQLITE_FIXTURE_H
#define TESTS_LIB_SQLITE_FIXTURE_H

#include "backends/sqlite/conn.h"
#include "backends/sqlite/sweep.h"
#include "core/cart_store.h"
#include "tests/lib/scratch.h"

#include <sqlite3.h>

struct fixture_clock {
	struct cart_clock clock; /* first; monotonic is the kernel's */
	int64_t wall_ms;
};

struct fixture {
	char folder[SCRATCH_PATH_MAX];
	char path[SCRATCH_PATH_MAX + 32];
	struct settings *settings;
	struct metrics *metrics;
	struct fixture_clock clock;
	bool provision_later;	 /* the test's: as a service does */
	struct clock_skew *skew; /* the test's; NULL: nobody asks for it */
	struct event_base *base;
	struct cart_db *db;
	struct cart_store *store;
	struct sqlite_conn conn; /* of fixture_start_sweeping() */
	struct cart_rules rules; /* likewise */
};

#define FIXTURE_WALL_MS INT64_C(1762039800000)

/* Makes the folder; starts nothing. */
void fixture_init(struct fixture *f);
void fixture_set(struct fixture *f, const char *key, const char *value);
/* Starts the backend and opens a handle. -1: error says why. */
CART_MUST_CHECK int fixture_start(struct fixture *f, enum cart_provision provision,
				  struct cart_error *error);
/* Starts with a connection by which the test takes the sweeper's steps: fixture_sweep() and
 * fixture_sweep_all(). The writer's own sweeping is as the test has set it. */
void fixture_start_sweeping(struct fixture *f);
struct sqlite_swept fixture_sweep(struct fixture *f);
void fixture_sweep_all(struct fixture *f);
void fixture_move_clock(struct fixture *f, int64_t ms);
/* Closes the handle and stops the backend; it can be started again. */
void fixture_stop(struct fixture *f);
/* Stops, and removes the folder. */
void fixture_free(struct fixture *f);

/* Submits and runs the loop until the answer is there. Returns the result. */
enum cart_result fixture_run(struct fixture *f, struct cart_op *op);
/* Submits; done is counted in *op->user (an int). deadline_ms from now. */
enum cart_result fixture_submit(struct fixture *f, struct cart_op *op, int *done,
				int64_t deadline_ms);
/* Runs the loop until *done reaches count; fails the test after ten seconds. */
void fixture_wait(struct fixture *f, const int *done, int count);
/* One turn of the loop, without waiting: hands over what was submitted. */
void fixture_turn(struct fixture *f);
/* A drained callback that counts in *user, an int. */
void fixture_count(void *user);

/* Shorthands. The id's first byte is n, so that ids are told apart and known. */
struct cart_id fixture_id(uint8_t n);
enum cart_result fixture_create(struct fixture *f, uint8_t n, int64_t customer_id);
enum cart_result fixture_add(struct fixture *f, uint8_t n, int64_t product_id, int64_t quantity);
/* The quantity of a line; 0: none; -1: no cart. */
int64_t fixture_quantity(struct fixture *f, uint8_t n, int64_t product_id);

/* A connection of somebody else to the same file. */
sqlite3 *fixture_outsider(const struct fixture *f);
int64_t fixture_number(sqlite3 *db, const char *sql);
/* Runs SQL over the file while the backend is stopped. */
void fixture_exec(const struct fixture *f, const char *sql);
/* The value of a counter without labels. */
int64_t fixture_metric(const struct fixture *f, const char *name);

#endif
