/*
 * The floor of the SQLite backend: the loop that anyone would write first. One connection, WAL,
 * synchronous=FULL, two tables; an add upserts the line and raises the cart's version, and is
 * committed, and so flushed, before the next begins. With BATCH above 1 that many adds share a
 * commit, which shows what group commit could reach at most on this disk.
 *
 * Prints one JSON object: adds a second, and the median and 99th percentile of a commit's time.
 */
#include "bench/perf/floor/floor.h"
#include "core/base/clock.h"
#include "core/base/random.h"

#include <sqlite3.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLOOR_SCHEMA                                                                               \
	"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"                                        \
	"CREATE TABLE carts (id BLOB PRIMARY KEY, customer_id INTEGER NOT NULL,"                   \
	" version INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;"                   \
	"CREATE TABLE cart_items (cart_id BLOB NOT NULL, product_id INTEGER NOT NULL,"             \
	" quantity INTEGER NOT NULL, updated_ms INTEGER NOT NULL,"                                 \
	" PRIMARY KEY (cart_id, product_id)) WITHOUT ROWID;"
/*
 * Three lines a cart: products 1, 2, 3. The log is left at the size that filling gave it: a commit
 * that lengthens a file waits for the file system's journal too, which a store that has run for a
 * while does not.
 */
#define FLOOR_FILL                                                                                 \
	"BEGIN;"                                                                                   \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"             \
	" INSERT INTO carts SELECT randomblob(16), i, 4, 0 FROM n;"                                \
	"INSERT INTO cart_items SELECT id, column1, 1, 0 FROM carts, (VALUES (1), (2), (3));"      \
	"COMMIT; PRAGMA wal_checkpoint(RESTART);"
#define FLOOR_UPSERT                                                                               \
	"INSERT INTO cart_items VALUES (?1, ?2, ?3, ?4) ON CONFLICT (cart_id, product_id)"         \
	" DO UPDATE SET quantity = quantity + excluded.quantity, updated_ms = excluded.updated_ms"
#define FLOOR_BUMP "UPDATE carts SET version = version + 1, updated_ms = ?2 WHERE id = ?1"

struct floor {
	sqlite3 *db;
	sqlite3_stmt *begin, *upsert, *bump, *commit;
	uint8_t (*ids)[16];
	size_t id_count;
	struct random random; /* not seeded: the same carts in every run */
};

static void floor_exec(struct floor *floor, const char *sql)
{
	if (sqlite3_exec(floor->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		floor_die("exec", sqlite3_errmsg(floor->db));
}

static sqlite3_stmt *floor_prepare(struct floor *floor, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v3(floor->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
	    SQLITE_OK)
		floor_die("prepare", sqlite3_errmsg(floor->db));
	return statement;
}

static void floor_step(struct floor *floor, sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
		floor_die("step", sqlite3_errmsg(floor->db));
}

static void floor_open(struct floor *floor, const char *path, int carts)
{
	char *fill = sqlite3_mprintf(FLOOR_FILL, carts);
	sqlite3_stmt *list;

	if (sqlite3_open(path, &floor->db) != SQLITE_OK)
		floor_die(path, sqlite3_errmsg(floor->db));
	floor_exec(floor, FLOOR_SCHEMA);
	floor_exec(floor, fill);
	sqlite3_free(fill);
	floor->ids = floor_alloc(NULL, (size_t)carts, sizeof(*floor->ids));
	list = floor_prepare(floor, "SELECT id FROM carts");
	while (sqlite3_step(list) == SQLITE_ROW)
		memcpy(floor->ids[floor->id_count++], sqlite3_column_blob(list, 0), 16);
	sqlite3_finalize(list);
	floor->begin = floor_prepare(floor, "BEGIN IMMEDIATE");
	floor->upsert = floor_prepare(floor, FLOOR_UPSERT);
	floor->bump = floor_prepare(floor, FLOOR_BUMP);
	floor->commit = floor_prepare(floor, "COMMIT");
}

static void floor_close(struct floor *floor)
{
	sqlite3_finalize(floor->begin);
	sqlite3_finalize(floor->upsert);
	sqlite3_finalize(floor->bump);
	sqlite3_finalize(floor->commit);
	sqlite3_close(floor->db);
	free(floor->ids);
}

static void floor_add(struct floor *floor)
{
	const uint8_t *id = floor->ids[random_next(&floor->random) % floor->id_count];
	int64_t now_ms = clock_wall_ms(&cart_clock_system);

	sqlite3_bind_blob(floor->upsert, 1, id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(floor->upsert, 2, (int64_t)(random_next(&floor->random) % 3) + 1);
	sqlite3_bind_int64(floor->upsert, 3, 1);
	sqlite3_bind_int64(floor->upsert, 4, now_ms);
	floor_step(floor, floor->upsert);
	sqlite3_bind_blob(floor->bump, 1, id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(floor->bump, 2, now_ms);
	floor_step(floor, floor->bump);
}

/* Commits for that long; returns the seconds that it took. */
static double floor_run(struct floor *floor, int ms, int batch, struct floor_times *times)
{
	int64_t first = floor_now_ns(), now = first, end = first + ms * CLOCK_NS_PER_MS;

	while (now < end) {
		int64_t began = now;

		floor_step(floor, floor->begin);
		for (int i = 0; i < batch; i++)
			floor_add(floor);
		floor_step(floor, floor->commit);
		now = floor_now_ns();
		floor_took(times, now - began);
	}
	return (double)(now - first) / 1e9;
}

int main(int argc, char **argv)
{
	struct floor floor = {.random = {1}};
	struct floor_times times = {0};
	int carts, ms, batch;

	if (argc != 5) {
		fprintf(stderr,
			"usage: sqlite_floor NEW-DATABASE CARTS MILLISECONDS BATCH\n"
			"Adds to random carts, BATCH adds a durable commit, for that long.\n"
			"example: sqlite_floor floor.db 100000 2000 1\n");
		return 2;
	}
	carts = floor_number(argv[2], "CARTS", 1, 10000000);
	ms = floor_number(argv[3], "MILLISECONDS", 1, 600000);
	batch = floor_number(argv[4], "BATCH", 1, 10000);
	if (access(argv[1], F_OK) == 0)
		floor_die(argv[1], "is there already");
	floor_open(&floor, argv[1], carts);
	floor_print(&times, floor_run(&floor, ms, batch, &times), (size_t)batch);
	floor_close(&floor);
	return 0;
}
