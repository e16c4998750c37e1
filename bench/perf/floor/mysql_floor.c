/*
 * The floor of the MySQL backend: what a service with blocking connections does, each change a
 * transaction of its own, over the schema in schemas/mysql. Threads with a connection each take
 * random carts of a file of ids and work on them:
 *
 *   add1    one more of a product, in a single round trip: several statements in one text
 *   add4    the same in four round trips, as most services have it
 *   get     the cart and its lines, by one JOIN
 *   insert  new carts of three lines, 32 a transaction
 *
 * An add holds the conditions that cartd's holds: the cart is there, open and not expired. One that
 * they turn down changes nothing and is counted as refused.
 *
 * The server is where CART_MYSQL_HOST, _PORT, _USER, _PASSWORD and _DATABASE say, as
 * tools/with-mariadb sets them. Prints one JSON object: operations (of insert: transactions) a
 * second, the median and the 99th percentile of the time that one takes.
 */
#include "bench/perf/floor/floor.h"
#include "bench/perf/floor/mysql_form.h"
#include "core/base/clock.h"
#include "core/base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR_THREADS_MAX 256
#define FLOOR_BATCH	  32
#define FLOOR_LINES	  3
/* A cart's expiry, and the steps of its index, with the default cart.ttl. */
#define FLOOR_TTL_MS	   (INT64_C(30) * 86400000)
#define FLOOR_SWEEP_MS	   INT64_C(86400000)
#define FLOOR_IDLE_STEP_MS INT64_C(3600000)

/* What all threads share. */
struct floor {
	const struct form *form; /* NULL: insert */
	struct floor_ids ids;
	int ms; /* of measuring */
	_Atomic size_t inserted;
	pthread_barrier_t ready;
};

struct floor_thread {
	pthread_t handle;
	struct floor *floor;
	struct form_connection connection;
	struct random random;	  /* not seeded: the same carts in every run */
	struct floor_times times; /* of each operation */
	int64_t began_ns, ended_ns;
};

static void floor_set_times(struct form_params *params)
{
	params->now_ms = clock_wall_ms(&cart_clock_system);
	params->expires_ms = params->now_ms + FLOOR_TTL_MS;
	params->sweep_ms =
		(params->expires_ms + FLOOR_SWEEP_MS - 1) / FLOOR_SWEEP_MS * FLOOR_SWEEP_MS;
}

static void floor_draw(struct floor_thread *thread)
{
	struct form_params *params = &thread->connection.params;

	floor_set_times(params);
	params->id =
		thread->floor->ids.ids[random_next(&thread->random) % thread->floor->ids.count];
	params->product = (int64_t)(random_next(&thread->random) % 3) + 1;
	params->op = (int64_t)(random_next(&thread->random) >> 1);
}

static void floor_measure(struct floor_thread *thread)
{
	int64_t now = thread->began_ns, end = now + thread->floor->ms * CLOCK_NS_PER_MS;

	while (now < end) {
		int64_t began = now;

		floor_draw(thread);
		thread->times.refused += !form_operate(&thread->connection);
		now = floor_now_ns();
		floor_took(&thread->times, now - began);
	}
}

/* One transaction of carts, as cartd would have made each and added its lines: version 2. */
static void floor_insert(struct floor_thread *thread, size_t first, size_t last)
{
	const struct floor *floor = thread->floor;
	struct buf *text = &thread->connection.text;
	struct form_params *params = &thread->connection.params;
	uint64_t rows;

	floor_set_times(params);
	buf_reset(text);
	buf_add_string(text,
		       "START TRANSACTION; INSERT INTO carts (id, customer_id, state, version,"
		       " created_ms, updated_ms, idle_ms, expires_ms, sweep_ms, lines_bound, op)"
		       " VALUES");
	for (size_t i = first; i < last; i++) {
		buf_add_string(text, i == first ? " (" : ", (");
		form_add_id(text, &floor->ids.ids[i]);
		buf_printf(text, ", %zu, 0, 2, %lld, %lld, %lld, %lld, %lld, %d, %lld)", i + 1,
			   (long long)params->now_ms, (long long)params->now_ms,
			   (long long)(params->now_ms - params->now_ms % FLOOR_IDLE_STEP_MS),
			   (long long)params->expires_ms, (long long)params->sweep_ms, FLOOR_LINES,
			   (long long)(random_next(&thread->random) >> 1));
	}
	buf_add_string(text, "; INSERT INTO cart_items (cart_id, product_id, quantity, added_ms,"
			     " updated_ms) VALUES");
	for (size_t i = first; i < last; i++)
		for (int product = 1; product <= FLOOR_LINES; product++) {
			buf_add_string(text, i == first && product == 1 ? " (" : ", (");
			form_add_id(text, &floor->ids.ids[i]);
			buf_printf(text, ", %d, 1, %lld, %lld)", product, (long long)params->now_ms,
				   (long long)params->now_ms);
		}
	buf_add_string(text, "; COMMIT");
	thread->times.refused += !form_send(&thread->connection, &rows);
}

static void floor_insert_all(struct floor_thread *thread)
{
	struct floor *floor = thread->floor;
	size_t first;

	while ((first = atomic_fetch_add(&floor->inserted, FLOOR_BATCH)) < floor->ids.count) {
		size_t left = floor->ids.count - first;
		int64_t began = floor_now_ns();

		floor_insert(thread, first, first + (left < FLOOR_BATCH ? left : FLOOR_BATCH));
		floor_took(&thread->times, floor_now_ns() - began);
	}
}

static void *floor_main(void *user)
{
	struct floor_thread *thread = user;

	mysql_thread_init();
	form_open(&thread->connection, thread->floor->form);
	pthread_barrier_wait(&thread->floor->ready);
	thread->began_ns = floor_now_ns();
	if (thread->floor->form != NULL)
		floor_measure(thread);
	else
		floor_insert_all(thread);
	thread->ended_ns = floor_now_ns();
	form_close(&thread->connection);
	mysql_thread_end();
	return NULL;
}

/* Prints the times of all threads together. */
static void floor_print_all(struct floor_thread *threads, size_t count)
{
	struct floor_times all = {0};
	int64_t began_ns = threads[0].began_ns, ended_ns = threads[0].ended_ns;

	for (size_t i = 0; i < count; i++) {
		struct floor_thread *thread = &threads[i];

		for (size_t j = 0; j < thread->times.count; j++)
			floor_took(&all, thread->times.ns[j]);
		all.refused += thread->times.refused;
		began_ns = thread->began_ns < began_ns ? thread->began_ns : began_ns;
		ended_ns = thread->ended_ns > ended_ns ? thread->ended_ns : ended_ns;
		free(thread->times.ns);
	}
	floor_print(&all, (double)(ended_ns - began_ns) / 1e9, 1);
}

static void floor_run(struct floor *floor, size_t count)
{
	struct floor_thread *threads = floor_alloc(NULL, count, sizeof(*threads));
	int failed;

	pthread_barrier_init(&floor->ready, NULL, (unsigned)count);
	for (size_t i = 0; i < count; i++) {
		threads[i].floor = floor;
		threads[i].random.state = i << 32;
		failed = pthread_create(&threads[i].handle, NULL, floor_main, &threads[i]);
		if (failed != 0)
			floor_die("thread", strerror(failed));
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i].handle, NULL);
	pthread_barrier_destroy(&floor->ready);
	floor_print_all(threads, count);
	free(threads);
}

/* Of carts as twenty a millisecond make them. */
static void floor_make_ids(struct floor *floor, enum cart_id_kind kind, const char *path)
{
	int64_t now_ms = clock_wall_ms(&cart_clock_system);
	FILE *file = fopen(path, "w");
	char text[CART_ID_TEXT + 1];

	if (file == NULL)
		floor_die(path, strerror(errno));
	floor->ids.ids = floor_alloc(NULL, floor->ids.count, sizeof(*floor->ids.ids));
	for (size_t i = 0; i < floor->ids.count; i++) {
		if (!cart_id_make(&floor->ids.ids[i], kind, now_ms + (int64_t)(i / 20)))
			floor_die("random", strerror(errno));
		cart_id_format(&floor->ids.ids[i], text);
		fprintf(file, "%s\n", text);
	}
	if (fclose(file) != 0)
		floor_die(path, strerror(errno));
}

static int floor_usage(void)
{
	fprintf(stderr,
		"usage: mysql_floor WORK FORM IDS CONNECTIONS MILLISECONDS\n"
		"       mysql_floor insert v4|v7 IDS CONNECTIONS CARTS\n"
		"IDS is a file with a cart's id a line; insert writes it. WORK and FORM:\n");
	form_list(stderr);
	fprintf(stderr, "example: tools/with-mariadb sh -c 'cartctl provision --backend mysql &&\n"
			"           mysql_floor insert v4 carts.ids 4 100000 &&\n"
			"           mysql_floor add1 guarded carts.ids 16 2000'\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct floor floor = {0};
	bool insert = argc == 6 && strcmp(argv[1], "insert") == 0;
	int connections;

	if (argc != 6)
		return floor_usage();
	connections = floor_number(argv[4], "CONNECTIONS", 1, FLOOR_THREADS_MAX);
	if (insert) {
		floor.ids.count = (size_t)floor_number(argv[5], "CARTS", 1, 100000000);
		if (strcmp(argv[2], "v4") != 0 && strcmp(argv[2], "v7") != 0)
			return floor_usage();
		floor_make_ids(&floor, argv[2][1] == '4' ? CART_ID_V4 : CART_ID_V7, argv[3]);
	} else {
		floor.form = form_find(argv[1], argv[2]);
		if (floor.form == NULL)
			return floor_usage();
		floor_read_ids(&floor.ids, argv[3]);
		floor.ms = floor_number(argv[5], "MILLISECONDS", 1, 600000);
	}
	mysql_library_init(0, NULL, NULL);
	floor_run(&floor, (size_t)connections);
	mysql_library_end();
	free(floor.ids.ids);
	return 0;
}
