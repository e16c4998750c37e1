/*
 * The SQLite backend: one file, one thread that writes (writer.c), and for each loop one connection
 * that reads (store.c). start opens nothing: the schema is made first (schema.c), and the writer is
 * started with the first loop.
 */
#include "backends/sqlite/db.h"
#include "backends/sqlite/store.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A read that waits for a lock blocks its loop, and with it all other requests of the loop. */
#define SQLITE_READ_BUSY_MS 50

static const struct setting sqlite_settings[] = {
	{.key = "sqlite.path",
	 .type = SETTING_STRING,
	 .fallback = "cart.db",
	 .help = "The database file; its folder must exist and stay on a local disk"},
	{.key = "sqlite.batch",
	 .type = SETTING_INTEGER,
	 .fallback = "256",
	 .min = 1,
	 .max = 4096,
	 .help = "Writes that one transaction may hold"},
	{.key = "sqlite.queue",
	 .type = SETTING_INTEGER,
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .help = "Carts whose writes may wait for the writer, and writes of one cart that may "
		 "wait; beyond it they are refused with 503"},
	{.key = "sqlite.busy_timeout",
	 .type = SETTING_DURATION,
	 .fallback = "1s",
	 .min = 0,
	 .max = 60 * 1000,
	 .help = "How long the writer waits for another process's lock on the file"},
	{.key = "sqlite.cache",
	 .type = SETTING_SIZE,
	 .fallback = "16MiB",
	 .min = 64 << 10,
	 .max = INT64_C(64) << 30,
	 .help = "Pages kept in memory by the writer, and by each loop at most a quarter of it"},
	{.key = "sqlite.mmap",
	 .type = SETTING_SIZE,
	 .fallback = "1GiB",
	 .min = 0,
	 .max = INT64_C(1) << 40,
	 .help = "How much of the file reads may map into memory; 0: none, see the backend's page"},
	{.key = "sqlite.checkpoint",
	 .type = SETTING_SIZE,
	 .fallback = "32MiB",
	 .min = 64 << 10,
	 .max = INT64_C(4) << 30,
	 .help = "Size of the write-ahead log at which it is written back into the file"},
	{.key = "sqlite.sweep_interval",
	 .type = SETTING_DURATION,
	 .fallback = "1m",
	 .min = 0,
	 .max = INT64_C(24) * 3600 * 1000,
	 .help = "How often expired carts, old idempotency keys and old events are removed; 0: "
		 "never"},
	{0},
};

/* Makes the folder absolute, so that neither a change of directory nor a name such as ":memory:"
 * has an effect. */
static char *sqlite_absolute(const char *path, struct cart_error *error)
{
	char *copy = strdup(path);
	char *folder = NULL;
	char *whole = NULL;
	const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;

	if (copy != NULL)
		folder = realpath(dirname(copy), NULL);
	if (folder == NULL)
		cart_error_set(error, "sqlite.path: the folder of %s: %s", path, strerror(errno));
	else if (*base == '\0')
		cart_error_set(error, "sqlite.path must name a file, not \"%s\"", path);
	else if (asprintf(&whole, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, base) < 0)
		whole = NULL;
	free(folder);
	free(copy);
	return whole;
}

/* Checks by access(2) what SQLite would report less clearly. */
static int sqlite_check_path(const char *path, struct cart_error *error)
{
	struct stat st;
	char *copy = strdup(path);
	const char *folder = copy != NULL ? dirname(copy) : "/";
	int result = 0;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		result = cart_error_set(error, "sqlite.path: %s is not a file", path);
	else if (access(path, F_OK) == 0 && access(path, R_OK | W_OK) != 0)
		result =
			cart_error_set(error, "sqlite.path: %s is not readable and writable", path);
	else if (access(folder, W_OK | X_OK) != 0)
		result = cart_error_set(error,
					"sqlite.path: the folder %s is not writable, and SQLite "
					"writes its log there",
					folder);
	free(copy);
	return result;
}

static void sqlite_configure(struct sqlite_db *db, const struct cart_env *env)
{
	const struct settings *settings = env->settings;
	struct sqlite_writer_config *config = &db->config;
	int64_t busy_ms = settings_integer(settings, "sqlite.busy_timeout");

	config->env = *env;
	config->conn = (struct sqlite_conn_options){
		.path = db->path,
		.writer = true,
		.busy_timeout_ms = busy_ms,
		.cache_bytes = settings_integer(settings, "sqlite.cache"),
	};
	config->batch_max = (size_t)settings_integer(settings, "sqlite.batch");
	config->queue_max = (size_t)settings_integer(settings, "sqlite.queue");
	config->checkpoint_bytes = settings_integer(settings, "sqlite.checkpoint");
	config->sweep_interval_ms = settings_integer(settings, "sqlite.sweep_interval");
	db->read_mmap_bytes = settings_integer(settings, "sqlite.mmap");
	db->read_busy_ms = busy_ms < SQLITE_READ_BUSY_MS ? busy_ms : SQLITE_READ_BUSY_MS;
}

static void sqlite_stop(struct cart_db *base)
{
	struct sqlite_db *db = (struct sqlite_db *)base;

	/* Closing the last connection writes the WAL back and removes it. */
	sqlite_writer_stop(&db->writer);
	pthread_mutex_destroy(&db->lock);
	free(db->path);
	free(db);
}

static int sqlite_start(struct cart_db **out, const struct cart_env *env, struct cart_error *error)
{
	struct sqlite_db *db;

	/* SQLite counts its memory under one mutex for all threads; this switches that off. It is
	 * refused once SQLite is in use. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_libversion_number() < 3037000)
		return cart_error_set(error, "SQLite %s is too old: 3.37 is needed",
				      sqlite3_libversion());
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return cart_error_set(error, "out of memory");
	pthread_mutex_init(&db->lock, NULL);
	cart_error_set(error, "out of memory");
	db->path = sqlite_absolute(settings_string(env->settings, "sqlite.path"), error);
	if (db->path == NULL || sqlite_check_path(db->path, error) != 0) {
		sqlite_stop(&db->db);
		return -1;
	}
	sqlite_configure(db, env);
	clock_skew_set_local(env->skew);
	sqlite_metrics_register(&db->config.series, env->metrics);
	*out = &db->db;
	return 0;
}

extern const struct cart_backend sqlite_backend;
const struct cart_backend sqlite_backend = {
	.name = "sqlite",
	.summary = "in one file, durable, nothing to install",
	.heading = "SQLite backend",
	.caps = CART_CAP_DURABLE | CART_CAP_STRONG_LISTS | CART_CAP_FEED,
	.settings = sqlite_settings,
	.start = sqlite_start,
	.provision = sqlite_db_provision,
	.stop = sqlite_stop,
	.open = sqlite_store_open,
	.close = sqlite_store_close,
	.submit = sqlite_store_submit,
	.expire = sqlite_store_expire,
};
