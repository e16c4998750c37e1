#include "backends/dynamodb/wire/transfer.h"

#include <stdio.h>

#define SERIES_HALF_UNITS_MAX 1e9

enum { SERIES_2XX, SERIES_CONDITION, SERIES_THROTTLED, SERIES_4XX, SERIES_5XX, SERIES_NONE };

const char *ddb_operation_name(enum ddb_operation operation)
{
	static const char *const names[DDB_OPERATIONS] = {
		[DDB_GET_ITEM] = "GetItem",
		[DDB_BATCH_GET_ITEM] = "BatchGetItem",
		[DDB_QUERY] = "Query",
		[DDB_PUT_ITEM] = "PutItem",
		[DDB_UPDATE_ITEM] = "UpdateItem",
		[DDB_DELETE_ITEM] = "DeleteItem",
		[DDB_DESCRIBE_TABLE] = "DescribeTable",
		[DDB_CREATE_TABLE] = "CreateTable",
		[DDB_UPDATE_TABLE] = "UpdateTable",
		[DDB_DESCRIBE_TIME_TO_LIVE] = "DescribeTimeToLive",
		[DDB_UPDATE_TIME_TO_LIVE] = "UpdateTimeToLive",
		[DDB_DESCRIBE_CONTINUOUS_BACKUPS] = "DescribeContinuousBackups",
		[DDB_UPDATE_CONTINUOUS_BACKUPS] = "UpdateContinuousBackups",
	};

	return names[operation];
}

/* Those of the data: what provisioning calls is not counted. */
static bool series_counts(enum ddb_operation operation)
{
	return operation <= DDB_DELETE_ITEM;
}

static bool series_writes(enum ddb_operation operation)
{
	return operation >= DDB_PUT_ITEM && operation <= DDB_DELETE_ITEM;
}

static void series_register_operation(struct ddb_call_series *series, struct metrics *metrics,
				      enum ddb_operation operation)
{
	static const char *const statuses[] = {
		[SERIES_2XX] = "2xx",
		[SERIES_CONDITION] = "condition",
		[SERIES_THROTTLED] = "throttled",
		[SERIES_4XX] = "4xx",
		[SERIES_5XX] = "5xx",
		[SERIES_NONE] = "none",
	};
	const char *name = ddb_operation_name(operation);
	char labels[80];

	for (int i = 0; i <= SERIES_NONE; i++) {
		snprintf(labels, sizeof(labels), "operation=\"%s\",status=\"%s\"", name,
			 statuses[i]);
		series->calls[operation][i] = metrics_counter(
			metrics, "cart_dynamodb_calls_total",
			"Calls tried, by what was answered; none: no answer", labels);
	}
	snprintf(labels, sizeof(labels), "operation=\"%s\"", name);
	series->seconds[operation] = metrics_histogram(metrics, "cart_dynamodb_call_seconds",
						       "How long a try took", labels);
	if (series_writes(operation))
		series->half_write_units[operation] =
			metrics_counter(metrics, "cart_dynamodb_half_write_units_total",
					"Write units consumed, counted in halves of one", labels);
	else
		series->half_read_units[operation] =
			metrics_counter(metrics, "cart_dynamodb_half_read_units_total",
					"Read units consumed, counted in halves of one", labels);
}

void ddb_call_series_register(struct ddb_call_series *series, struct metrics *metrics)
{
	static const char *const causes[DDB_RETRIES] = {
		[DDB_RETRY_THROTTLED] = "throttled",	 [DDB_RETRY_SERVER] = "server",
		[DDB_RETRY_CONNECTION] = "connection",	 [DDB_RETRY_TIMEOUT] = "timeout",
		[DDB_RETRY_ANSWER] = "answer",		 [DDB_RETRY_SKEW] = "skew",
		[DDB_RETRY_CREDENTIALS] = "credentials", [DDB_RETRY_CONFLICT] = "conflict",
	};
	char labels[64];

	for (int i = 0; series_counts((enum ddb_operation)i); i++)
		series_register_operation(series, metrics, (enum ddb_operation)i);
	for (int i = 0; i < DDB_RETRIES; i++) {
		snprintf(labels, sizeof(labels), "cause=\"%s\"", causes[i]);
		series->retries[i] = metrics_counter(metrics, "cart_dynamodb_retries_total",
						     "Calls tried again, by cause", labels);
	}
	series->budget_empty =
		metrics_counter(metrics, "cart_dynamodb_retries_denied_total",
				"Calls not tried again because the retry budget was spent", NULL);
	series->in_flight =
		metrics_gauge(metrics, "cart_dynamodb_calls_in_flight", "Calls under way", NULL);
	series->connections = metrics_counter(metrics, "cart_dynamodb_connections_opened_total",
					      "Connections opened for calls", NULL);
}

static int series_status(enum ddb_try outcome, enum ddb_retry why, long status)
{
	if (outcome == DDB_TRY_DONE)
		return SERIES_2XX;
	if (outcome == DDB_TRY_CONDITION)
		return SERIES_CONDITION;
	if (outcome == DDB_TRY_REFUSED && why == DDB_RETRY_THROTTLED)
		return SERIES_THROTTLED;
	if (status == 0)
		return SERIES_NONE;
	return status >= 500 ? SERIES_5XX : SERIES_4XX;
}

static int64_t series_half_units(const json_t *consumed)
{
	double halves = 2 * json_number_value(json_object_get(consumed, "CapacityUnits"));

	/* Multiples of a half, as doubles have them exactly; and nothing that no call can cost. */
	return halves > 0 && halves < SERIES_HALF_UNITS_MAX ? (int64_t)halves : 0;
}

static void series_count_units(const struct ddb_client *client, const struct ddb_call *call)
{
	const struct ddb_call_series *series = client->config.series;
	const json_t *consumed = json_object_get(call->json, "ConsumedCapacity"), *table;
	int64_t halves = series_half_units(consumed);
	size_t i;

	json_array_foreach(consumed, i, table)
	{
		halves += series_half_units(table);
	}
	if (halves > 0)
		metrics_add(client->config.shard,
			    series_writes(call->operation)
				    ? series->half_write_units[call->operation]
				    : series->half_read_units[call->operation],
			    halves);
}

void ddb_series_count(const struct ddb_client *client, const struct ddb_call *call,
		      enum ddb_try outcome, enum ddb_retry why, long status)
{
	const struct ddb_call_series *series = client->config.series;
	struct metrics_shard *shard = client->config.shard;
	long connects = 0;

	if (shard == NULL || !series_counts(call->operation))
		return;
	metrics_add(shard, series->calls[call->operation][series_status(outcome, why, status)], 1);
	metrics_observe(shard, series->seconds[call->operation],
			clock_monotonic_ns(client->config.clock) - call->transfer->since_ns);
	curl_easy_getinfo(call->transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (connects > 0)
		metrics_add(shard, series->connections, connects);
	series_count_units(client, call);
}
