/*
 * The DynamoDB backend: credentials that a thread keeps fresh, an HTTP client and lanes for each
 * loop (store.c), and a table that is created or checked at start. If the service cannot be reached
 * at start, or creating the table takes long, core/provisioner.h goes on trying.
 */
#include "backends/dynamodb/item/bill.h"
#include "backends/dynamodb/item/largest.h"
#include "backends/dynamodb/table/table.h"
#include "backends/dynamodb/store/store.h"

#include <stdio.h>
#include <stdlib.h>

/* Time to find credentials at start; a metadata service may be slow. */
#define DYNAMODB_CREDENTIALS_MS 10000

static void dynamodb_stop(struct cart_db *base)
{
	struct ddb_db *db = (struct ddb_db *)base;

	aws_credentials_free(&db->credentials);
	ddb_stream_free(&db->stream);
	free(db);
}

static double dynamodb_read_budget(void *user)
{
	const struct ddb_db *db = user;

	return (double)atomic_load(&db->shared.budget.tokens);
}

static double dynamodb_read_atomic(void *user)
{
	return (double)atomic_load((_Atomic int64_t *)user);
}

static void dynamodb_register_info(const struct ddb_db *db, struct metrics *metrics)
{
	char labels[AWS_ENDPOINT_ROOM + 32];

	snprintf(labels, sizeof(labels), "endpoint=\"%s\",aws=\"%s\"", db->options.endpoint.url,
		 aws_endpoint_is_aws(db->options.endpoint.url) ? "true" : "false");
	metrics_info(metrics, "cart_dynamodb_endpoint_info",
		     "Where DynamoDB is; aws=\"false\": a server that stands in for it", labels);
}

static void dynamodb_register(struct ddb_db *db, struct metrics *metrics)
{
	struct ddb_series *series = &db->series;

	dynamodb_register_info(db, metrics);
	ddb_call_series_register(&series->calls, metrics);
	metrics_sizes_register(&series->batches, DDB_BATCH_SIZES, metrics,
			       "cart_dynamodb_reads_total",
			       "Calls that read carts, by how many they asked for", "carts");
	series->read_modify_writes =
		metrics_counter(metrics, "cart_dynamodb_read_modify_writes_total",
				"Changes that were decided after a look at the item", NULL);
	series->conflicts =
		metrics_counter(metrics, "cart_dynamodb_conflicts_total",
				"Writes not made because another had changed the item", NULL);
	series->unprocessed = metrics_counter(metrics, "cart_dynamodb_unprocessed_total",
					      "Carts that a BatchGetItem left out for now", NULL);
	series->trims =
		metrics_counter(metrics, "cart_dynamodb_key_trims_total",
				"Calls that removed old idempotency keys from an item", NULL);
	pool_series_register(&series->pool, metrics, "dynamodb");
	metrics_callback(metrics, "cart_dynamodb_credential_refreshes",
			 "Times that credentials were fetched, since the start",
			 dynamodb_read_atomic, &db->credentials->refreshes);
	metrics_callback(metrics, "cart_dynamodb_credential_failures",
			 "Times that a source of credentials failed, since the start",
			 dynamodb_read_atomic, &db->credentials->failures);
	metrics_callback(metrics, "cart_dynamodb_retry_budget",
			 "Tokens left for retries, of 500; a retry takes 5 or 10",
			 dynamodb_read_budget, db);
	metrics_callback(
		metrics, "cart_dynamodb_clock_skew_seconds",
		"How far the service's clock is ahead of ours, if that had to be found out",
		dynamodb_read_atomic, &db->shared.skew_s);
}

/* A change there is several items, and those that it leaves alone are in no record of the stream.
 */
static int dynamodb_check_feed(const struct ddb_options *options, const struct cart_rules *rules,
			       struct cart_error *error)
{
	if (!rules->feed || options->layout != DDB_LAYOUT_ROWS)
		return 0;
	return cart_error_set(error,
			      "feed=on cannot be had with dynamodb.layout=rows, where a table's "
			      "stream does not have whole carts: set dynamodb.layout=map or list, "
			      "and another table, or feed=off");
}

static int dynamodb_start_feed(struct ddb_db *db, const struct cart_env *env,
			       const struct aws_credentials_config *credentials,
			       struct cart_error *error)
{
	const char *setting = settings_string(env->settings, "dynamodb.endpoint");

	if (ddb_stream_locate(db->stream_endpoint, &db->options.endpoint, credentials, setting,
			      error) != 0)
		return -1;
	db->stream = ddb_stream_new(env->clock, db->options.feed_poll_ns, env->metrics);
	return db->stream != NULL ? 0 : cart_error_set(error, "out of memory");
}

static int dynamodb_start(struct cart_db **out, const struct cart_env *env,
			  struct cart_error *error)
{
	struct aws_credentials_config credentials = {
		.service = &aws_dynamodb,
		.clock = env->clock,
		.profile = settings_string(env->settings, "dynamodb.profile"),
	};
	struct ddb_db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return cart_error_set(error, "out of memory");
	ddb_shared_init(&db->shared);
	ddb_shared_init(&db->stream_shared);
	if (ddb_options_read(&db->options, env->settings, &credentials, error) != 0 ||
	    ddb_check_limits(db->options.layout, &env->rules, error) != 0 ||
	    dynamodb_check_feed(&db->options, &env->rules, error) != 0)
		goto failed;
	pool_lanes_init(&db->lanes, db->options.connections, env->loops);
	credentials.region = db->options.endpoint.region;
	if (aws_credentials_new(&db->credentials, &credentials, error) != 0 ||
	    aws_credentials_wait(db->credentials, DYNAMODB_CREDENTIALS_MS, error) != 0)
		goto failed;
	dynamodb_register(db, env->metrics);
	if (env->rules.feed && dynamodb_start_feed(db, env, &credentials, error) != 0)
		goto failed;
	*out = &db->db;
	return 0;
failed:
	dynamodb_stop(&db->db);
	return -1;
}

static enum cart_provisioned dynamodb_provision(struct cart_db *base,
						const struct cart_provision_try *attempt,
						struct cart_error *error)
{
	struct ddb_db *db = (struct ddb_db *)base;
	const struct ddb_table_config table = {
		.name = db->options.table,
		.rows = db->options.layout == DDB_LAYOUT_ROWS,
		.project_all = db->options.project_all,
		.stream = base->env.rules.feed,
		.point_in_time_recovery = db->options.point_in_time_recovery,
		.deletion_protection = db->options.deletion_protection,
		.tags = db->options.tags,
		.kms_key = db->options.kms_key,
		.strict = base->env.provision_strict,
	};
	const struct ddb_client_config client = ddb_db_client(db);

	switch (ddb_table_provision(&table, &client, attempt->how, attempt->until_ns, attempt->stop,
				    error)) {
	case DDB_TABLE_READY:
		return CART_PROVISIONED;
	case DDB_TABLE_UNREACHED:
		return CART_PROVISION_UNREACHED;
	case DDB_TABLE_REFUSED:
		break;
	}
	return CART_PROVISION_REFUSED;
}

extern const struct cart_backend dynamodb_backend;
const struct cart_backend dynamodb_backend = {
	.name = "dynamodb",
	.summary = "on DynamoDB or a compatible server, durable, for any number of instances",
	.heading = "DynamoDB backend",
	.caps = CART_CAP_DURABLE | CART_CAP_EVENTUAL_READS | CART_CAP_FEED,
	.settings = ddb_settings,
	.connections = "dynamodb.connections",
	.strong_reads = "dynamodb.consistent_read",
	.start = dynamodb_start,
	.provision = dynamodb_provision,
	.stop = dynamodb_stop,
	.open = ddb_store_open,
	.close = ddb_store_close,
	.submit = ddb_store_submit,
	.expire = ddb_store_expire,
	.bill = ddb_bill,
};
