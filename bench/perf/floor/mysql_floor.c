/*
 * The floor of the MySQL backend: what a service with blocking connections does, each change a
 * transaction of its own, over the schema in schemas/mysql. Threads with a connection each take
 * random carts of a file of ids and work on them:
 *
 *   add1    one more of a product, in a single round trip: several statements in one text
 *   add4    the same in four round trips, as most services have it
 *   get     the cart and its lines, by one JOIN
 *   insert  new carts with lines, some a transaction
 *
 * An add holds the conditions that cartd's holds: the cart is there, open and not expired. One that
 * they turn down changes nothing and is counted as refused.
 *
 * The server is where CART_MYSQL_HOST, _PORT, _USER, _PASSWORD and _DATABASE say, as
 * tools/with-mariadb sets them. Prints one JSON object: operations (of insert: transactions) a
 * second, the median and the 99th percentile of the time that one takes.
 */
#include "bench/perf/floor/mysql_form.h"
#include "core/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR_THREADS_MAX 256
#define FLOOR_BATCH_MAX	  1000
#define FLOOR_LINES_MAX	  10
/* A cart's expiry, and the steps of its index, with the default cart.ttl. */
#define FLOOR_TTL_MS   (INT64_C(30) * 86400000)
#define FLOOR_SWEEP_MS INT64_C(86400000)

/* What all threads share. */
struct floor {
	const struct form *form; /* NULL: insert */
	struct cart_id *ids;
	size_t id_count;
	int ms;		     /* of measuring */
	size_t lines, batch; /* of insert */
	_Atomic size_t inserted;
	pthread_barrier_t ready;
};

struct floor_thread {
	pthread_t handle;
	struct floor *floor;
	struct form_connection connection;
	uint64_t random;
	int64_t *times; /* of each operation, in ns */
	size_t time_count, time_room, refused;
	int64_t began_ns, ended_ns;
};

static void *floor_alloc(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count, size);

	if (new == NULL)
		form_die("memory", strerror(errno));
	return new;
}

/* splitmix64: the same carts in every run. */
static uint64_t floor_random(struct floor_thread *thread)
{
	uint64_t z = thread->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void floor_times(struct form_params *params)
{
	params->now_ms = clock_wall_ms(&cart_clock_system);
	params->expires_ms = params->now_ms + FLOOR_TTL_MS;
	params->sweep_ms =
		(params->expires_ms + FLOOR_SWEEP_MS - 1) / FLOOR_SWEEP_MS * FLOOR_SWEEP_MS;
}

static void floor_draw(struct floor_thread *thread)
{
	struct form_params *params = &thread->connection.params;

	floor_times(params);
	params->id = thread->floor->ids[floor_random(thread) % thread->floor->id_count];
	params->product = (int64_t)(floor_random(thread) % 3) + 1;
	params->op = (int64_t)(floor_random(thread) >> 1);
}

static void floor_took(struct floor_thread *thread, int64_t ns)
{
	if (thread->time_count == thread->time_room) {
		thread->time_room = 2 * thread->time_room + 65536;
		thread->times =
			floor_alloc(thread->times, thread->time_room, sizeof(*thread->times));
	}
	thread->times[thread->time_count++] = ns;
}

static void floor_measure(struct floor_thread *thread)
{
	int64_t now = thread->began_ns, end = now + thread->floor->ms * CLOCK_NS_PER_MS;

	while (now < end) {
		int64_t began = now;

		floor_draw(thread);
		thread->refused += !form_operate(&thread->connection);
		now = clock_monotonic_ns(&cart_clock_system);
		floor_took(thread, now - began);
	}
}

/* One transaction of carts, as cartd would have made each and added its lines: version 2. */
static void floor_insert(struct floor_thread *thread, size_t first, size_t last)
{
	const struct floor *floor = thread->floor;
	struct buf *text = &thread->connection.text;
	struct form_params *params = &thread->connection.params;
	uint64_t rows;

	floor_times(params);
	buf_reset(text);
	buf_add_string(text,
		       "START TRANSACTION; INSERT INTO carts (id, customer_id, state, version,"
		       " created_ms, updated_ms, expires_ms, sweep_ms, lines_bound, op)"
		       " VALUES");
	for (size_t i = first; i < last; i++) {
		buf_add_string(text, i == first ? " (" : ", (");
		form_add_id(text, &floor->ids[i]);
		buf_printf(text, ", %zu, 0, %d, %lld, %lld, %lld, %lld, %zu, %lld)", i + 1,
			   floor->lines > 0 ? 2 : 1, (long long)params->now_ms,
			   (long long)params->now_ms, (long long)params->expires_ms,
			   (long long)params->sweep_ms, floor->lines,
			   (long long)(floor_random(thread) >> 1));
	}
	if (floor->lines > 0)
		buf_add_string(text,
			       "; INSERT INTO cart_items (cart_id, product_id, quantity, added_ms,"
			       " updated_ms) VALUES");
	for (size_t i = first; i < last; i++)
		for (size_t product = 1; product <= floor->lines; product++) {
			buf_add_string(text, i == first && product == 1 ? " (" : ", (");
			form_add_id(text, &floor->ids[i]);
			buf_printf(text, ", %zu, 1, %lld, %lld)", product,
				   (long long)params->now_ms, (long long)params->now_ms);
		}
	buf_add_string(text, "; COMMIT");
	thread->refused += !form_send(&thread->connection, &rows);
}

static void floor_insert_all(struct floor_thread *thread)
{
	struct floor *floor = thread->floor;
	size_t first;

	while ((first = atomic_fetch_add(&floor->inserted, floor->batch)) < floor->id_count) {
		size_t left = floor->id_count - first;
		int64_t began = clock_monotonic_ns(&cart_clock_system);

		floor_insert(thread, first, first + (left < floor->batch ? left : floor->batch));
		floor_took(thread, clock_monotonic_ns(&cart_clock_system) - began);
	}
}

static void *floor_main(void *user)
{
	struct floor_thread *thread = user;

	mysql_thread_init();
	form_open(&thread->connection, thread->floor->form);
	pthread_barrier_wait(&thread->floor->ready);
	thread->began_ns = clock_monotonic_ns(&cart_clock_system);
	if (thread->floor->form != NULL)
		floor_measure(thread);
	else
		floor_insert_all(thread);
	thread->ended_ns = clock_monotonic_ns(&cart_clock_system);
	form_close(&thread->connection);
	mysql_thread_end();
	return NULL;
}

static int floor_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Takes the times of all threads together into the first one's. */
static void floor_print(struct floor_thread *threads, size_t count, const char *work,
			const char *name)
{
	struct floor_thread all = {.began_ns = INT64_MAX};
	double seconds;

	for (size_t i = 0; i < count; i++) {
		struct floor_thread *thread = &threads[i];

		for (size_t j = 0; j < thread->time_count; j++)
			floor_took(&all, thread->times[j]);
		all.refused += thread->refused;
		all.began_ns = thread->began_ns < all.began_ns ? thread->began_ns : all.began_ns;
		all.ended_ns = thread->ended_ns > all.ended_ns ? thread->ended_ns : all.ended_ns;
		free(thread->times);
	}
	if (all.time_count == 0)
		form_die(work, "nothing was done in time");
	qsort(all.times, all.time_count, sizeof(*all.times), floor_compare);
	seconds = (double)(all.ended_ns - all.began_ns) / 1e9;
	printf("{\"work\": \"%s\", \"form\": \"%s\", \"connections\": %zu, \"operations\": %zu,"
	       " \"refused\": %zu, \"seconds\": %.6f, \"per_s\": %.1f, \"p50_us\": %.1f,"
	       " \"p99_us\": %.1f}\n",
	       work, name, count, all.time_count, all.refused, seconds,
	       (double)all.time_count / seconds, (double)all.times[all.time_count / 2] / 1e3,
	       (double)all.times[all.time_count * 99 / 100] / 1e3);
	free(all.times);
}

static void floor_run(struct floor *floor, size_t count, const char *work, const char *name)
{
	struct floor_thread *threads = floor_alloc(NULL, count, sizeof(*threads));
	int failed;

	memset(threads, 0, count * sizeof(*threads));
	pthread_barrier_init(&floor->ready, NULL, (unsigned)count);
	for (size_t i = 0; i < count; i++) {
		threads[i].floor = floor;
		threads[i].random = i << 32;
		failed = pthread_create(&threads[i].handle, NULL, floor_main, &threads[i]);
		if (failed != 0)
			form_die("thread", strerror(failed));
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i].handle, NULL);
	pthread_barrier_destroy(&floor->ready);
	floor_print(threads, count, work, name);
	free(threads);
}

static void floor_read_ids(struct floor *floor, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[CART_ID_TEXT + 2];
	size_t room = 0;

	if (file == NULL)
		form_die(path, strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL) {
		if (line[0] == '\n')
			continue;
		if (floor->id_count == room) {
			room = 2 * room + 1024;
			floor->ids = floor_alloc(floor->ids, room, sizeof(*floor->ids));
		}
		if (!cart_id_parse(&floor->ids[floor->id_count++], line, strcspn(line, "\n")))
			form_die(path, "not an id a line");
	}
	fclose(file);
	if (floor->id_count == 0)
		form_die(path, "no ids");
}

/* Of carts as twenty a millisecond make them. */
static void floor_make_ids(struct floor *floor, enum cart_id_kind kind, const char *path)
{
	int64_t now_ms = clock_wall_ms(&cart_clock_system);
	FILE *file = fopen(path, "w");
	char text[CART_ID_TEXT + 1];

	if (file == NULL)
		form_die(path, strerror(errno));
	floor->ids = floor_alloc(NULL, floor->id_count, sizeof(*floor->ids));
	for (size_t i = 0; i < floor->id_count; i++) {
		if (!cart_id_make(&floor->ids[i], kind, now_ms + (int64_t)(i / 20)))
			form_die("random", strerror(errno));
		cart_id_format(&floor->ids[i], text);
		fprintf(file, "%s\n", text);
	}
	if (fclose(file) != 0)
		form_die(path, strerror(errno));
}

/* Up to max, or a message and an end. */
static int floor_number(const char *text, const char *what, int min, int max)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < min || value > max) {
		fprintf(stderr, "mysql_floor: %s is %s, not %d to %d\n", what, text, min, max);
		exit(2);
	}
	return (int)value;
}

static int floor_usage(void)
{
	fprintf(stderr,
		"usage: mysql_floor WORK FORM IDS CONNECTIONS MILLISECONDS\n"
		"       mysql_floor insert v4|v7 IDS CONNECTIONS CARTS LINES BATCH\n"
		"IDS is a file with a cart's id a line; insert writes it. WORK and FORM:\n");
	form_list(stderr);
	fprintf(stderr, "example: tools/with-mariadb sh -c 'cartctl provision --backend mysql &&\n"
			"           mysql_floor insert v4 carts.ids 4 100000 3 100 &&\n"
			"           mysql_floor add1 guarded carts.ids 16 2000'\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct floor floor = {.lines = 0};
	bool insert = argc == 8 && strcmp(argv[1], "insert") == 0;
	int connections;

	if (!insert && argc != 6)
		return floor_usage();
	connections = floor_number(argv[4], "CONNECTIONS", 1, FLOOR_THREADS_MAX);
	if (insert) {
		floor.id_count = (size_t)floor_number(argv[5], "CARTS", 1, 100000000);
		floor.lines = (size_t)floor_number(argv[6], "LINES", 0, FLOOR_LINES_MAX);
		floor.batch = (size_t)floor_number(argv[7], "BATCH", 1, FLOOR_BATCH_MAX);
		if (strcmp(argv[2], "v4") != 0 && strcmp(argv[2], "v7") != 0)
			return floor_usage();
		floor_make_ids(&floor, argv[2][1] == '4' ? CART_ID_V4 : CART_ID_V7, argv[3]);
	} else {
		floor.form = form_find(argv[1], argv[2]);
		if (floor.form == NULL)
			return floor_usage();
		floor_read_ids(&floor, argv[3]);
		floor.ms = floor_number(argv[5], "MILLISECONDS", 1, 600000);
	}
	mysql_library_init(0, NULL, NULL);
	floor_run(&floor, (size_t)connections, argv[1], argv[2]);
	mysql_library_end();
	free(floor.ids);
	return 0;
}
