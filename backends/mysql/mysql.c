/*
 * The MySQL backend: a connector that opens and closes connections (connector.c), for each loop a
 * few lanes to run batches on (store.c, work.c, lane.c), a thread that sweeps (sweep.c). Starting
 * connects to nothing; provisioning and the loops do.
 */
#include "backends/mysql/schema.h"
#include "backends/mysql/store.h"
#include "backends/mysql/sweep.h"
#include "core/embed.h"

#include <stdio.h>
#include <stdlib.h>

static void mysql_stop(struct cart_db *base)
{
	struct sql_db *db = (struct sql_db *)base;

	sql_sweeper_free(&db->sweeper);
	sql_connector_free(&db->setup.connector);
	sql_options_clear(&db->options);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

static metric_t mysql_connections(struct metrics *metrics, const char *labels)
{
	return metrics_gauge(metrics, "cart_mysql_connections",
			     "Connections to the database: with a statement under way, and idle",
			     labels);
}

static void mysql_register_counters(struct sql_series *series, struct metrics *metrics)
{
	static const char *const discards[SQL_DISCARDS] = {
		[SQL_DISCARD_BROKEN] = "broken",
		[SQL_DISCARD_STUCK] = "stuck",
		[SQL_DISCARD_AGE] = "age",
		[SQL_DISCARD_HOST] = "host",
	};
	char labels[64];

	for (int i = 0; i < SQL_STATEMENTS; i++) {
		snprintf(labels, sizeof(labels), "kind=\"%s\"",
			 sql_statement_name((enum sql_statement_kind)i));
		series->statements[i] = metrics_counter(metrics, "cart_mysql_statements_total",
							"Statements sent, by kind", labels);
	}
	for (int i = SQL_FAULT_DEADLOCK; i < SQL_FAULTS; i++) {
		snprintf(labels, sizeof(labels), "cause=\"%s\"", sql_fault_name((enum sql_fault)i));
		series->retries[i] = metrics_counter(metrics, "cart_mysql_retries_total",
						     "Operations tried again, by cause", labels);
	}
	for (int i = 0; i < SQL_DISCARDS; i++) {
		snprintf(labels, sizeof(labels), "cause=\"%s\"", discards[i]);
		series->discards[i] =
			metrics_counter(metrics, "cart_mysql_connections_closed_total",
					"Connections given up and replaced, by cause", labels);
	}
	series->opened = metrics_counter(metrics, "cart_mysql_connections_opened_total",
					 "Connections opened for a loop", NULL);
	series->given =
		metrics_counter(metrics, "cart_mysql_connections_handed_over_total",
				"Connections that a loop handed over to another, because the"
				" server has no room for more",
				NULL);
	series->pings = metrics_counter(metrics, "cart_mysql_pings_total",
					"Pings of connections that were idle for long", NULL);
	series->read_modify =
		metrics_counter(metrics, "cart_mysql_read_modify_writes_total",
				"Writes that read their carts first, in two round trips", NULL);
}

static double mysql_read_breakers(void *user)
{
	struct sql_db *db = user;

	return (double)sql_connector_open_breakers(db->setup.connector);
}

static double mysql_read_failures(void *user)
{
	const struct sql_db *db = user;

	return (double)sql_connector_failures(db->setup.connector);
}

static double mysql_read_version(void *user)
{
	struct sql_db *db = user;
	char text[64];
	int major = 0, minor = 0, patch = 0;

	sql_connector_version(db->setup.connector, text, sizeof(text));
	if (sscanf(text, "%d.%d.%d", &major, &minor, &patch) < 2)
		return 0;
	return major * 10000 + minor * 100 + patch;
}

static double mysql_read_flush_log(void *user)
{
	return (double)sql_connector_durability(((struct sql_db *)user)->setup.connector).flush_log;
}

static double mysql_read_sync_binlog(void *user)
{
	return (double)sql_connector_durability(((struct sql_db *)user)->setup.connector)
		.sync_binlog;
}

static double mysql_read_log_bin(void *user)
{
	return (double)sql_connector_durability(((struct sql_db *)user)->setup.connector).log_bin;
}

/* Rows that the sweeper has removed; it starts with the first loop. */
static double mysql_read_swept(struct sql_db *db, uint64_t (*read)(const struct sql_sweeper *))
{
	double rows;

	pthread_mutex_lock(&db->lock);
	rows = db->sweeper != NULL ? (double)read(db->sweeper) : 0;
	pthread_mutex_unlock(&db->lock);
	return rows;
}

static double mysql_read_swept_carts(void *user)
{
	return mysql_read_swept(user, sql_sweeper_carts);
}

static double mysql_read_swept_keys(void *user)
{
	return mysql_read_swept(user, sql_sweeper_keys);
}

static double mysql_read_swept_events(void *user)
{
	return mysql_read_swept(user, sql_sweeper_events);
}

static void mysql_register(struct sql_db *db, struct metrics *metrics)
{
	struct sql_series *series = &db->setup.series;

	series->in_use = mysql_connections(metrics, "state=\"in_use\"");
	series->idle = mysql_connections(metrics, "state=\"idle\"");
	pool_series_register(&series->pool, metrics, "mysql");
	for (int writes = 0; writes < 2; writes++)
		metrics_sizes_register(&series->batches[writes], METRICS_SIZES_MAX, metrics,
				       "cart_mysql_batches_total",
				       "Round trips with operations, by how many they carried",
				       writes ? "kind=\"write\",ops" : "kind=\"read\",ops");
	mysql_register_counters(series, metrics);
	metrics_callback(metrics, "cart_mysql_breakers_open",
			 "Hosts that are not tried for a while", mysql_read_breakers, db);
	metrics_callback(metrics, "cart_mysql_connect_failures",
			 "Attempts to connect that failed, since the start", mysql_read_failures,
			 db);
	metrics_callback(metrics, "cart_mysql_swept_carts",
			 "Expired carts that this process has removed", mysql_read_swept_carts, db);
	metrics_callback(metrics, "cart_mysql_swept_keys",
			 "Old idempotency keys that this process has removed",
			 mysql_read_swept_keys, db);
	metrics_callback(metrics, "cart_mysql_swept_events",
			 "Rows of old events that this process has removed",
			 mysql_read_swept_events, db);
	metrics_callback(metrics, "cart_mysql_server_version",
			 "The server's version: 10.11.6 is 101106; 0: not connected yet",
			 mysql_read_version, db);
	metrics_callback(metrics, "cart_mysql_innodb_flush_log_at_trx_commit",
			 "The server's variable; -1: not known", mysql_read_flush_log, db);
	metrics_callback(metrics, "cart_mysql_sync_binlog", "The server's variable; -1: not known",
			 mysql_read_sync_binlog, db);
	metrics_callback(metrics, "cart_mysql_log_bin",
			 "1: the server writes a binary log; 0: it does not; -1: not known",
			 mysql_read_log_bin, db);
}

/* Ops of a batch in a tool: a commit is then a small part of its cost. MariaDB makes a join of an
 * IN with 1000 values, which may walk the table. */
#define SQL_BULK_BATCH 500

static int mysql_start(struct cart_db **out, const struct cart_env *env, struct cart_error *error)
{
	const struct settings *settings = env->settings;
	struct sql_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return cart_error_set(error, "out of memory");
	pthread_mutex_init(&db->lock, NULL);
	pool_lanes_init(&db->lanes, (size_t)settings_integer(settings, "mysql.pool"), env->loops);
	db->setup.batch_max = (size_t)settings_integer(settings, "mysql.batch");
	if (env->bulk && db->setup.batch_max < SQL_BULK_BATCH)
		db->setup.batch_max = SQL_BULK_BATCH;
	db->setup.queue_max = (size_t)settings_integer(settings, "mysql.queue");
	db->setup.delay_ns = env->queue_delay_ns;
	db->setup.acquire_ns =
		settings_integer(settings, "mysql.acquire_timeout") * CLOCK_NS_PER_MS;
	db->setup.timeout_ns = settings_integer(settings, "mysql.timeout") * CLOCK_NS_PER_MS;
	db->setup.lock_ns = settings_integer(settings, "mysql.lock_timeout") * CLOCK_NS_PER_MS;
	db->setup.ping_ns = settings_integer(settings, "mysql.ping_after") * CLOCK_NS_PER_MS;
	db->sweep_interval_ms = settings_integer(settings, "mysql.sweep_interval");
	if (sql_options_read(&db->options, settings, error) != 0)
		goto failed;
	db->setup.down = db->down;
	db->setup.several_hosts = db->options.host_count > 1;
	db->options.feed = env->rules.feed;
	db->options.skew = env->skew;
	db->options.db = &db->db;
	db->setup.connector = sql_connector_new(&db->options, env->clock, error);
	if (db->setup.connector == NULL)
		goto failed;
	mysql_register(db, env->metrics);
	*out = &db->db;
	return 0;
failed:
	mysql_stop(&db->db);
	return -1;
}

static enum cart_provisioned mysql_provision(struct cart_db *base,
					     const struct cart_provision_try *attempt,
					     struct cart_error *error)
{
	struct sql_db *db = (struct sql_db *)base;
	struct sql_link link;
	enum cart_provisioned result;

	switch (sql_connect(db->setup.connector, SQL_WRITER, &link, error)) {
	case SQL_OUTCOME_GOOD:
		break;
	case SQL_OUTCOME_REFUSED:
		return CART_PROVISION_REFUSED;
	default:
		return CART_PROVISION_UNREACHED;
	}
	result = sql_schema_provision(link.mysql, attempt->how, embed_mysql_migrations, error);
	mysql_close(link.mysql);
	return result;
}

extern const struct cart_backend mysql_backend;
const struct cart_backend mysql_backend = {
	.name = "mysql",
	.summary = "on MySQL or MariaDB, durable, for several instances",
	.heading = "MySQL backend",
	.caps = CART_CAP_DURABLE | CART_CAP_EVENTUAL_READS | CART_CAP_STRONG_LISTS | CART_CAP_FEED,
	.settings = sql_settings,
	.connections = "mysql.pool",
	.start = mysql_start,
	.provision = mysql_provision,
	.stop = mysql_stop,
	.open = sql_store_open,
	.close = sql_store_close,
	.submit = sql_store_submit,
	.expire = sql_store_expire,
};
