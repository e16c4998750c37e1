/*
 * The happy path: DescribeTable says that the table and its indexes are ACTIVE, and TTL is on. What
 * is missing is created step by step. It is no error if another process creates the same at the
 * same moment: both wait for the result.
 */
#include "backends/dynamodb/table/table.h"

#include "core/embed.h"
#include "core/base/log.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_CALL_NS	     (5 * CLOCK_NS_PER_S)
#define TABLE_POLL_MIN_MS    50
#define TABLE_POLL_MAX_MS    2000
#define TABLE_RECOVERY_TRIES 12

struct table_work {
	const struct ddb_table_config *table;
	enum cart_provision how;
	const struct cart_clock *clock;
	const char *endpoint;
	int64_t deadline_ns;
	const atomic_bool *stop;
	struct event_base *base;
	struct ddb_client *client;
	struct ddb_call call;
	json_t *wanted; /* of schemas/dynamodb/carts.json */
	struct cart_error *error;
};

static enum ddb_table_state table_refuse(struct table_work *work, const char *what)
{
	cart_error_set(work->error, "table %s: %s", work->table->name, what);
	return DDB_TABLE_REFUSED;
}

/* A call failed. */
static enum ddb_table_state table_failed(struct table_work *work)
{
	const struct ddb_call *call = &work->call;

	cart_error_set(work->error, "%s of table %s: %s", ddb_operation_name(call->operation),
		       work->table->name, call->message);
	return call->outcome == DDB_REJECTED ? DDB_TABLE_REFUSED : DDB_TABLE_UNREACHED;
}

static bool table_is_error(const struct table_work *work, const char *type)
{
	return work->call.outcome == DDB_REJECTED && strcmp(work->call.error, type) == 0;
}

/* Makes a call with that body, which is consumed; NULL: no memory. True: the answer is 200. */
static bool table_call(struct table_work *work, enum ddb_operation operation, json_t *body)
{
	struct ddb_call *call = &work->call;
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	buf_reset(&call->body);
	if (text != NULL)
		buf_add_string(&call->body, text);
	free(text);
	call->operation = operation;
	call->deadline_ns = clock_monotonic_ns(work->clock) + TABLE_CALL_NS;
	if (text == NULL || call->body.failed ||
	    ddb_call_wait(work->client, work->base, call) != 0) {
		call->outcome = DDB_BUSY;
		snprintf(call->message, sizeof(call->message), "out of memory");
		return false;
	}
	return call->outcome == DDB_OK;
}

/* A body with the table's name and these members, which are consumed; NULL: none. */
static json_t *table_body(const struct table_work *work, json_t *members)
{
	json_t *body = json_pack("{s:s}", "TableName", work->table->name);

	if (body == NULL || (members != NULL && json_object_update(body, members) != 0)) {
		json_decref(body);
		body = NULL;
	}
	json_decref(members);
	return body;
}

static bool table_is_over(const struct table_work *work)
{
	return atomic_load(work->stop) || clock_monotonic_ns(work->clock) >= work->deadline_ns;
}

static void table_woken(evutil_socket_t fd, short what, void *user)
{
	(void)fd;
	(void)what;
	(void)user;
}

/* Returns how long the next pause should be. */
static int64_t table_pause(struct table_work *work, int64_t ms)
{
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	struct event *timer = evtimer_new(work->base, table_woken, NULL);

	if (timer != NULL) {
		evtimer_add(timer, &delay);
		event_base_loop(work->base, EVLOOP_ONCE);
		event_free(timer);
	}
	return ms * 2 < TABLE_POLL_MAX_MS ? ms * 2 : TABLE_POLL_MAX_MS;
}

static bool table_is_active(const json_t *table)
{
	const json_t *indexes = json_object_get(table, "GlobalSecondaryIndexes"), *index;
	const char *status = json_string_value(json_object_get(table, "TableStatus"));
	size_t i;

	if (status == NULL || strcmp(status, "ACTIVE") != 0)
		return false;
	json_array_foreach(indexes, i, index)
	{
		/* Some compatible servers have no status of an index. */
		status = json_string_value(json_object_get(index, "IndexStatus"));
		if (status != NULL && strcmp(status, "ACTIVE") != 0)
			return false;
	}
	return true;
}

/* Waits until nothing of the table is being created. READY: *table is its description, borrowed
 * from the call, or NULL if there is no table. */
static enum ddb_table_state table_await(struct table_work *work, const json_t **table)
{
	int64_t ms = TABLE_POLL_MIN_MS;

	for (;;) {
		*table = NULL;
		if (!table_call(work, DDB_DESCRIBE_TABLE, table_body(work, NULL)))
			return table_is_error(work, "ResourceNotFoundException")
				       ? DDB_TABLE_READY
				       : table_failed(work);
		*table = json_object_get(work->call.json, "Table");
		if (table_is_active(*table))
			return DDB_TABLE_READY;
		if (table_is_over(work)) {
			cart_error_set(work->error, "table %s is not ACTIVE yet",
				       work->table->name);
			return DDB_TABLE_UNREACHED;
		}
		ms = table_pause(work, ms);
	}
}

static const char *table_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static const json_t *table_named(const json_t *list, const char *member, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (strcmp(table_text(entry, member), name) == 0)
			return entry;
	}
	return NULL;
}

/* Both have the same attributes as keys, of the same types. */
static bool table_same_keys(const json_t *wanted, const json_t *wanted_types, const json_t *found,
			    const json_t *found_types)
{
	const json_t *key;
	size_t i;

	if (json_array_size(wanted) != json_array_size(found))
		return false;
	json_array_foreach(wanted, i, key)
	{
		const char *name = table_text(key, "AttributeName");
		const json_t *other = table_named(found, "AttributeName", name);

		if (other == NULL ||
		    strcmp(table_text(key, "KeyType"), table_text(other, "KeyType")) != 0 ||
		    strcmp(table_text(table_named(wanted_types, "AttributeName", name),
				      "AttributeType"),
			   table_text(table_named(found_types, "AttributeName", name),
				      "AttributeType")) != 0)
			return false;
	}
	return true;
}

/* "cart_id", "customer_id and created_key": the keys wanted, for messages. */
static void table_keys_text(const json_t *keys, char *text, size_t room)
{
	const json_t *key;
	size_t i, len = 0;

	*text = '\0';
	json_array_foreach(keys, i, key)
	{
		int added = snprintf(text + len, room - len, "%s%s", i > 0 ? " and " : "",
				     table_text(key, "AttributeName"));

		len += added > 0 && (size_t)added < room - len ? (size_t)added : 0;
	}
}

static enum ddb_table_state table_check_keys(struct table_work *work, const json_t *table)
{
	const json_t *wanted = json_object_get(work->wanted, "CreateTable");
	const json_t *keys = json_object_get(wanted, "KeySchema");
	const json_t *types = json_object_get(wanted, "AttributeDefinitions");
	const json_t *found_types = json_object_get(table, "AttributeDefinitions");
	const json_t *indexes = json_object_get(wanted, "GlobalSecondaryIndexes"), *index;
	const json_t *found = json_object_get(table, "GlobalSecondaryIndexes");
	char need[128], what[256];
	size_t i;

	table_keys_text(keys, need, sizeof(need));
	if (!table_same_keys(keys, types, json_object_get(table, "KeySchema"), found_types)) {
		snprintf(what, sizeof(what),
			 "its key is not %s (a string): it belongs to something else", need);
		return table_refuse(work, what);
	}
	json_array_foreach(indexes, i, index)
	{
		const char *name = table_text(index, "IndexName");
		const json_t *other = table_named(found, "IndexName", name);

		keys = json_object_get(index, "KeySchema");
		if (other == NULL ||
		    table_same_keys(keys, types, json_object_get(other, "KeySchema"), found_types))
			continue;
		table_keys_text(keys, need, sizeof(need));
		snprintf(what, sizeof(what), "the keys of its index %s are not %s", name, need);
		return table_refuse(work, what);
	}
	return DDB_TABLE_READY;
}

/* Sets the projection of the index of customers' carts as configured. */
static int table_set_projection(struct table_work *work)
{
	json_t *indexes = json_object_get(json_object_get(work->wanted, "CreateTable"),
					  "GlobalSecondaryIndexes");
	json_t *index = (json_t *)table_named(indexes, "IndexName", "customer-index");

	return json_object_set_new(index, "Projection",
				   json_pack("{s:s}", "ProjectionType",
					     work->table->project_all ? "ALL" : "KEYS_ONLY"));
}

static enum ddb_table_state table_make(struct table_work *work)
{
	json_t *members = json_deep_copy(json_object_get(work->wanted, "CreateTable"));

	if (work->table->deletion_protection)
		json_object_set_new(members, "DeletionProtectionEnabled", json_true());
	if (table_call(work, DDB_CREATE_TABLE, table_body(work, members)))
		log_event(LOG_INFO, "table made", LOG_STR("table", work->table->name),
			  LOG_STR("endpoint", work->endpoint));
	else if (!table_is_error(work, "ResourceInUseException")) /* another process was quicker */
		return table_failed(work);
	return DDB_TABLE_READY;
}

/* The throughput of a new index: a table with provisioned throughput requires it, one that is paid
 * by request refuses it. NULL: the latter. */
static json_t *table_throughput(const json_t *table)
{
	const json_t *billing = json_object_get(table, "BillingModeSummary");
	const json_t *bought = json_object_get(table, "ProvisionedThroughput");
	const json_t *reads = json_object_get(bought, "ReadCapacityUnits");
	const json_t *writes = json_object_get(bought, "WriteCapacityUnits");

	if (strcmp(table_text(billing, "BillingMode"), "PAY_PER_REQUEST") == 0 ||
	    json_number_value(reads) <= 0 || json_number_value(writes) <= 0)
		return NULL;
	return json_pack("{s:O,s:O}", "ReadCapacityUnits", reads, "WriteCapacityUnits", writes);
}

static json_t *table_index_body(const struct table_work *work, const json_t *table,
				const json_t *index)
{
	return json_pack("{s:O,s:[{s:{s:O,s:O,s:O,s:o*}}]}", "AttributeDefinitions",
			 json_object_get(json_object_get(work->wanted, "CreateTable"),
					 "AttributeDefinitions"),
			 "GlobalSecondaryIndexUpdates", "Create", "IndexName",
			 json_object_get(index, "IndexName"), "KeySchema",
			 json_object_get(index, "KeySchema"), "Projection",
			 json_object_get(index, "Projection"), "ProvisionedThroughput",
			 table_throughput(table));
}

/* Adds the first index that is missing. READY with *added false: none is missing. */
static enum ddb_table_state table_add_index(struct table_work *work, const json_t *table,
					    bool *added)
{
	const json_t *indexes = json_object_get(json_object_get(work->wanted, "CreateTable"),
						"GlobalSecondaryIndexes");
	const json_t *found = json_object_get(table, "GlobalSecondaryIndexes"), *index;
	size_t i;

	*added = false;
	json_array_foreach(indexes, i, index)
	{
		const char *name = table_text(index, "IndexName");
		char what[128];

		if (table_named(found, "IndexName", name) != NULL)
			continue;
		if (work->how == CART_PROVISION_CHECK) {
			snprintf(what, sizeof(what), "it has no index %s", name);
			return table_refuse(work, what);
		}
		*added = true;
		if (table_call(work, DDB_UPDATE_TABLE,
			       table_body(work, table_index_body(work, table, index))))
			log_event(LOG_INFO, "adding an index to the table",
				  LOG_STR("table", work->table->name), LOG_STR("index", name));
		else if (!table_is_error(work, "ResourceInUseException") &&
			 !table_is_error(work, "LimitExceededException"))
			return table_failed(work);
		return DDB_TABLE_READY;
	}
	return DDB_TABLE_READY;
}

/* Creates or checks the table with its keys and indexes, until all is ACTIVE. *table as in
 * table_await(). */
static enum ddb_table_state table_ensure(struct table_work *work, const json_t **table)
{
	bool again = true;

	while (again) {
		enum ddb_table_state state = table_await(work, table);

		if (state != DDB_TABLE_READY)
			return state;
		if (*table == NULL && work->how == CART_PROVISION_CHECK)
			return table_refuse(work, "there is none (provision=auto would make it)");
		if (*table == NULL) {
			state = table_make(work);
		} else {
			state = table_check_keys(work, *table);
			if (state == DDB_TABLE_READY)
				state = table_add_index(work, *table, &again);
		}
		if (state != DDB_TABLE_READY)
			return state;
		if (again && table_is_over(work)) {
			cart_error_set(work->error, "table %s is not ready yet", work->table->name);
			return DDB_TABLE_UNREACHED;
		}
		if (again) /* what was just begun may not be visible yet */
			table_pause(work, TABLE_POLL_MIN_MS);
	}
	return DDB_TABLE_READY;
}

/* An optional call failed: the server lacks it, or the account has no right to it. */
static void table_warn_without(const struct table_work *work, const char *then)
{
	log_event(LOG_WARN, then, LOG_STR("table", work->table->name),
		  LOG_STR("call", ddb_operation_name(work->call.operation)),
		  LOG_STR("why", work->call.message));
}

/* Switches a feature on by that call, or warns that it is off. members is consumed. A new table
 * refuses point-in-time recovery for some seconds. */
static void table_switch_on(struct table_work *work, bool is_on, enum ddb_operation operation,
			    json_t *members, const char *without)
{
	int64_t ms = TABLE_POLL_MIN_MS;
	bool asks = !is_on && work->how != CART_PROVISION_CHECK;

	if (!is_on && !asks)
		log_event(LOG_WARN, without, LOG_STR("table", work->table->name));
	for (int tries = 1; asks; tries++) {
		if (table_call(work, operation, table_body(work, json_incref(members))))
			break;
		asks = table_is_error(work, "ContinuousBackupsUnavailableException") &&
		       tries < TABLE_RECOVERY_TRIES && !table_is_over(work);
		if (asks)
			ms = table_pause(work, ms);
		else
			table_warn_without(work, without);
	}
	json_decref(members);
}

/* TTL is on. DynamoDB changes its attribute only by switching TTL off first, which we never do. */
static void table_check_ttl(const struct table_work *work, const char *found, const char *without)
{
	const char *wanted =
		table_text(json_object_get(work->wanted, "TimeToLive"), "AttributeName");
	char why[96];

	if (*found == '\0' || strcmp(found, wanted) == 0)
		return;
	snprintf(why, sizeof(why), "it uses the attribute %.30s, not %s", found, wanted);
	log_event(LOG_WARN, without, LOG_STR("table", work->table->name), LOG_STR("why", why));
}

static void table_ensure_ttl(struct table_work *work)
{
	static const char without[] = "expired carts are not removed by the server: TTL is not on";
	const json_t *told;
	bool is_on;

	if (!table_call(work, DDB_DESCRIBE_TIME_TO_LIVE, table_body(work, NULL))) {
		table_warn_without(work, without);
		return;
	}
	told = json_object_get(work->call.json, "TimeToLiveDescription");
	is_on = strncmp(table_text(told, "TimeToLiveStatus"), "ENABL", 5) == 0;
	if (is_on)
		table_check_ttl(work, table_text(told, "AttributeName"), without);
	table_switch_on(work, is_on, DDB_UPDATE_TIME_TO_LIVE,
			json_pack("{s:O}", "TimeToLiveSpecification",
				  json_object_get(work->wanted, "TimeToLive")),
			without);
}

static void table_ensure_recovery(struct table_work *work)
{
	static const char without[] = "point-in-time recovery is not on";
	const json_t *status;

	if (!work->table->point_in_time_recovery)
		return;
	if (!table_call(work, DDB_DESCRIBE_CONTINUOUS_BACKUPS, table_body(work, NULL))) {
		table_warn_without(work, without);
		return;
	}
	status = json_object_get(
		json_object_get(json_object_get(work->call.json, "ContinuousBackupsDescription"),
				"PointInTimeRecoveryDescription"),
		"PointInTimeRecoveryStatus");
	table_switch_on(work,
			json_is_string(status) && strcmp(json_string_value(status), "ENABLED") == 0,
			DDB_UPDATE_CONTINUOUS_BACKUPS,
			json_pack("{s:{s:b}}", "PointInTimeRecoverySpecification",
				  "PointInTimeRecoveryEnabled", 1),
			without);
}

static enum ddb_table_state table_run(struct table_work *work)
{
	const json_t *table;
	enum ddb_table_state state = table_ensure(work, &table);
	bool is_protected;

	if (state != DDB_TABLE_READY)
		return state;
	is_protected = json_is_true(json_object_get(table, "DeletionProtectionEnabled"));
	table_ensure_ttl(work);
	table_ensure_recovery(work);
	if (work->table->deletion_protection)
		table_switch_on(work, is_protected, DDB_UPDATE_TABLE,
				json_pack("{s:b}", "DeletionProtectionEnabled", 1),
				"the table is not protected against deletion");
	return DDB_TABLE_READY;
}

enum ddb_table_state ddb_table_provision(const struct ddb_table_config *table,
					 const struct ddb_client_config *client,
					 enum cart_provision how, int64_t deadline_ns,
					 const atomic_bool *stop, struct cart_error *error)
{
	struct event_config *config = event_config_new();
	struct table_work work = {
		.table = table,
		.how = how,
		.clock = client->clock,
		.endpoint = client->endpoint,
		.deadline_ns = deadline_ns,
		.stop = stop,
		.wanted = json_loads(embed_dynamodb_tables[0].text, 0, NULL),
		.error = error,
	};
	enum ddb_table_state state = DDB_TABLE_UNREACHED;

	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		work.base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (work.base != NULL)
		work.client = ddb_client_new(work.base, client);
	if (work.client == NULL || work.wanted == NULL || table_set_projection(&work) != 0)
		cart_error_set(error, "out of memory");
	else
		state = table_run(&work);
	ddb_call_clear(&work.call);
	buf_free(&work.call.body);
	ddb_client_free(&work.client);
	if (work.base != NULL)
		event_base_free(work.base);
	json_decref(work.wanted);
	return state;
}
