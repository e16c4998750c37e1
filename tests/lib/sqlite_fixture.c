#include "tests/lib/ids.h"
#include "tests/lib/sqlite_fixture.h"

#include "core/base/buf.h"
#include "core/base/log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t fixture_monotonic_ns(const struct cart_clock *clock)
{
	(void)clock;
	return clock_monotonic_ns(&cart_clock_system);
}

static int64_t fixture_wall_ms(const struct cart_clock *clock)
{
	return __atomic_load_n(&((const struct fixture_clock *)clock)->wall_ms, __ATOMIC_RELAXED);
}

void fixture_init(struct fixture *f)
{
	struct cart_error error;

	*f = (struct fixture){
		.clock = {.clock = {fixture_monotonic_ns, fixture_wall_ms},
			  .wall_ms = FIXTURE_WALL_MS},
	};
	scratch_make_folder(f->folder, "cart-sqlite");
	snprintf(f->path, sizeof(f->path), "%s/cart.db", f->folder);
	f->settings = settings_new();
	assert_non_null(f->settings);
	settings_add(f->settings, "Carts", cart_settings);
	settings_add(f->settings, "Log", log_settings);
	cart_backends_add_settings(f->settings);
	fixture_set(f, "sqlite.path", f->path);
	/* What a test provokes would bury what it reports. */
	fixture_set(f, "log.file", "/dev/null");
	if (log_open(f->settings, &error) != 0)
		fail_msg("%s", error.text);
}

void fixture_set(struct fixture *f, const char *key, const char *value)
{
	struct cart_error error;

	if (settings_set(f->settings, key, value, SETTING_FLAG, &error) != 0)
		fail_msg("%s", error.text);
}

int fixture_start(struct fixture *f, enum cart_provision provision, struct cart_error *error)
{
	struct event_config *config = event_config_new();
	struct cart_env env = {
		.clock = &f->clock.clock,
		.settings = f->settings,
		.rules = cart_rules_from(f->settings),
		.skew = f->skew,
		.provision_later = f->provision_later,
	};

	f->metrics = env.metrics = metrics_new();
	event_config_set_flag(config,
			      EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	f->base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(f->base);
	if (cart_db_start(&f->db, cart_backend_find("sqlite"), &env, provision, error) == 0) {
		struct metrics_shard *shard = metrics_shard_new(f->metrics);

		if (cart_store_open(&f->store, f->db, f->base, shard, error) == 0)
			return 0;
	}
	fixture_stop(f);
	return -1;
}

void fixture_start_sweeping(struct fixture *f)
{
	const struct sqlite_conn_options options = {
		.path = f->path, .writer = true, .busy_timeout_ms = 1000, .cache_bytes = 1 << 20};
	struct cart_error error;

	f->rules = cart_rules_from(f->settings);
	if (fixture_start(f, CART_PROVISION_AUTO, &error) != 0 ||
	    sqlite_conn_open(&f->conn, &options, &error) != 0)
		fail_msg("%s", error.text);
}

struct sqlite_swept fixture_sweep(struct fixture *f)
{
	struct sqlite_swept swept;

	assert_int_equal(sqlite_sweep(&f->conn, &f->rules, f->clock.wall_ms, &swept), SQLITE_OK);
	return swept;
}

void fixture_sweep_all(struct fixture *f)
{
	while (fixture_sweep(f).more)
		continue;
}

void fixture_move_clock(struct fixture *f, int64_t ms)
{
	__atomic_add_fetch(&f->clock.wall_ms, ms, __ATOMIC_RELAXED);
}

void fixture_count(void *user)
{
	++*(int *)user;
}

void fixture_stop(struct fixture *f)
{
	int drained = f->store == NULL;

	cart_store_close(&f->store, fixture_count, &drained);
	if (!drained)
		fixture_wait(f, &drained, 1);
	cart_db_stop(&f->db);
	if (f->base != NULL)
		event_base_free(f->base);
	f->base = NULL;
	metrics_free(&f->metrics);
}

void fixture_free(struct fixture *f)
{
	DIR *folder;
	const struct dirent *entry;

	sqlite_conn_close(&f->conn);
	fixture_stop(f);
	log_close();
	settings_free(&f->settings);
	folder = opendir(f->folder);
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder != NULL)
		closedir(folder);
	rmdir(f->folder);
}

static void fixture_done(struct cart_op *op, void *user)
{
	(void)op;
	++*(int *)user;
}

enum cart_result fixture_submit(struct fixture *f, struct cart_op *op, int *done,
				int64_t deadline_ms)
{
	op->done = fixture_done;
	op->user = done;
	op->deadline_ns = clock_monotonic_ns(&cart_clock_system) + deadline_ms * CLOCK_NS_PER_MS;
	return cart_store_submit(f->store, op);
}

static void fixture_tick(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

void fixture_wait(struct fixture *f, const int *done, int count)
{
	static const struct timeval tick = {.tv_usec = 50000};
	int64_t end = patience_ns() + 10 * CLOCK_NS_PER_S;
	struct event *timer = event_new(f->base, -1, EV_PERSIST, fixture_tick, NULL);

	event_add(timer, &tick);
	while (*done < count && patience_ns() < end)
		event_base_loop(f->base, EVLOOP_ONCE);
	event_free(timer);
	assert_int_equal(*done, count);
}

void fixture_turn(struct fixture *f)
{
	event_base_loop(f->base, EVLOOP_NONBLOCK);
}

enum cart_result fixture_run(struct fixture *f, struct cart_op *op)
{
	int done = 0;
	enum cart_result result = fixture_submit(f, op, &done, 5000);

	if (result != CART_OK)
		return result;
	fixture_wait(f, &done, 1);
	return op->result;
}

struct cart_id fixture_id(uint8_t n)
{
	return (struct cart_id){{n, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15}};
}

enum cart_result fixture_create(struct fixture *f, uint8_t n, int64_t customer_id)
{
	struct cart_op op = {
		.type = CART_OP_CREATE, .id = fixture_id(n), .customer_id = id_of(customer_id)};
	enum cart_result result = fixture_run(f, &op);

	cart_op_clear(&op);
	return result;
}

enum cart_result fixture_add(struct fixture *f, uint8_t n, int64_t product_id, int64_t quantity)
{
	struct cart_change change = {CART_CHANGE_ADD, id_of(product_id), quantity, NULL};
	struct cart_op op = {
		.type = CART_OP_CHANGE, .id = fixture_id(n), .changes = &change, .change_count = 1};
	enum cart_result result = fixture_run(f, &op);

	cart_op_clear(&op);
	return result;
}

int64_t fixture_quantity(struct fixture *f, uint8_t n, int64_t product_id)
{
	struct cart_op op = {.type = CART_OP_GET, .id = fixture_id(n)};
	int64_t quantity = -1;

	if (fixture_run(f, &op) == CART_OK) {
		const struct cart_line *line = find_line(&op.cart, product_id);

		quantity = line != NULL ? line->quantity : 0;
	}
	cart_op_clear(&op);
	return quantity;
}

sqlite3 *fixture_outsider(const struct fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

int64_t fixture_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t number = INT64_MIN;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return number;
}

void fixture_exec(const struct fixture *f, const char *sql)
{
	sqlite3 *db = fixture_outsider(f);

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int64_t fixture_metric(const struct fixture *f, const char *name)
{
	struct buf text = {0};
	int64_t value = -1;
	const char *at;
	size_t len = strlen(name);

	metrics_print(f->metrics, &text);
	for (at = buf_string(&text); at != NULL && value < 0; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, len) == 0 && at[len] == ' ')
			value = strtoll(at + len, NULL, 10);
	}
	buf_free(&text);
	return value;
}
