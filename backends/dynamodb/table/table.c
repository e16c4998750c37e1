/*
 * The happy path: DescribeTable says that the table and its indexes are ACTIVE, and TTL is on. What
 * is missing is created step by step. It is no error if another process creates the same at the
 * same moment: both wait for the result.
 */
#include "backends/dynamodb/table/table.h"

#include "backends/dynamodb/table/definition.h"
#include "backends/dynamodb/table/features.h"
#include "backends/dynamodb/table/id_type.h"
#include "backends/dynamodb/table/stream.h"
#include "core/base/log.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

/* UPDATING serves all calls: something beside our indexes changes, or one of them its throughput.
 */
static bool table_is_usable(const char *status)
{
	/* Some compatible servers have no status of an index. */
	return *status == '\0' || strcmp(status, "ACTIVE") == 0 || strcmp(status, "UPDATING") == 0;
}

/* False: what says which part of it cannot be used, and its status. Indexes that are not ours do
 * not count. */
static bool table_is_ready(const struct table_work *work, const json_t *table, char *what,
			   size_t room)
{
	const json_t *wanted = ddb_table_indexes(work->wanted);
	const json_t *indexes = json_object_get(table, "GlobalSecondaryIndexes"), *index;
	const char *status = table_text(table, "TableStatus");
	size_t i;

	snprintf(what, room, "it is %.60s", status);
	if (*status == '\0' || !table_is_usable(status))
		return false;
	json_array_foreach(indexes, i, index)
	{
		const char *name = table_text(index, "IndexName");

		status = table_text(index, "IndexStatus");
		snprintf(what, room, "its index %.60s is %.60s", name, status);
		if (!table_is_usable(status) && table_named(wanted, "IndexName", name) != NULL)
			return false;
	}
	return true;
}

/* Only time can help, and not a person. */
static bool table_is_changing(const json_t *table)
{
	const char *status = table_text(table, "TableStatus");

	return table_is_usable(status) || strcmp(status, "CREATING") == 0 ||
	       strcmp(status, "DELETING") == 0;
}

/* Waits until table and indexes can be used. READY: *table is its description, borrowed
 * from the call, or NULL if there is no table. */
static enum ddb_table_state table_await(struct table_work *work, const json_t **table)
{
	int64_t ms = TABLE_POLL_MIN_MS;
	char what[160];

	for (;;) {
		*table = NULL;
		if (!table_call(work, DDB_DESCRIBE_TABLE, table_body(work, NULL)))
			return table_is_error(work, "ResourceNotFoundException")
				       ? DDB_TABLE_READY
				       : table_failed(work);
		*table = json_object_get(work->call.json, "Table");
		if (table_is_ready(work, *table, what, sizeof(what)))
			return DDB_TABLE_READY;
		if (table_is_over(work) || !table_is_changing(*table)) {
			cart_error_set(work->error, "table %s is not ACTIVE: %s", work->table->name,
				       what);
			return DDB_TABLE_UNREACHED;
		}
		ms = table_pause(work, ms);
	}
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

/* An entry of an index is read as a whole cart, or as keys by which the cart is fetched. */
static enum ddb_table_state table_check_projection(struct table_work *work, const json_t *index)
{
	const char *type = table_text(json_object_get(index, "Projection"), "ProjectionType");
	char what[256];

	if (*type == '\0' || strcmp(type, "ALL") == 0 || strcmp(type, "KEYS_ONLY") == 0)
		return DDB_TABLE_READY;
	snprintf(what, sizeof(what),
		 "its index %.60s projects %.30s: lists need KEYS_ONLY or ALL; delete that index, "
		 "then "
		 "cartctl provision makes it",
		 table_text(index, "IndexName"), type);
	return table_refuse(work, what);
}

/* A table of carts, but of the other kind of layout. */
static const char *table_other_layout(const struct table_work *work, const json_t *table)
{
	const json_t *keys = json_object_get(table, "KeySchema");
	bool rows = table_named(keys, "AttributeName", DDB_ROW) != NULL;

	if (table_named(keys, "AttributeName", "cart_id") == NULL ||
	    json_array_size(keys) != (rows ? 2 : 1) || rows == work->table->rows)
		return "";
	return rows ? ", as to dynamodb.layout=rows" : ", as to dynamodb.layout=map or list";
}

static enum ddb_table_state table_check_keys(struct table_work *work, const json_t *table)
{
	const json_t *wanted = json_object_get(work->wanted, "CreateTable");
	const json_t *keys = json_object_get(wanted, "KeySchema");
	const json_t *types = json_object_get(wanted, "AttributeDefinitions");
	const json_t *found_types = json_object_get(table, "AttributeDefinitions");
	const json_t *indexes = json_object_get(wanted, "GlobalSecondaryIndexes"), *index;
	const json_t *found = json_object_get(table, "GlobalSecondaryIndexes");
	char need[128], what[320];
	size_t i;

	table_keys_text(keys, need, sizeof(need));
	if (!table_same_keys(keys, types, json_object_get(table, "KeySchema"), found_types)) {
		snprintf(what, sizeof(what),
			 "its key is not %s (a string): it belongs to something else%s", need,
			 table_other_layout(work, table));
		return table_refuse(work, what);
	}
	json_array_foreach(indexes, i, index)
	{
		const char *name = table_text(index, "IndexName");
		const json_t *other = table_named(found, "IndexName", name);

		keys = json_object_get(index, "KeySchema");
		if (other == NULL)
			continue;
		if (table_same_keys(keys, types, json_object_get(other, "KeySchema"),
				    found_types)) {
			if (table_check_projection(work, other) != DDB_TABLE_READY)
				return DDB_TABLE_REFUSED;
			continue;
		}
		table_keys_text(keys, need, sizeof(need));
		snprintf(what, sizeof(what), "the keys of its index %s are not %s", name, need);
		return table_refuse(work, what);
	}
	return DDB_TABLE_READY;
}

static enum ddb_table_state table_make(struct table_work *work)
{
	json_t *members = json_deep_copy(json_object_get(work->wanted, "CreateTable"));

	table_add_features(work, members);
	table_add_stream(work, members);
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
	int64_t ms = TABLE_POLL_MIN_MS;
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
			ms = table_pause(work, ms);
	}
	return DDB_TABLE_READY;
}

static enum ddb_table_state table_run(struct table_work *work)
{
	enum ddb_table_state state =
		work->table->rows ? table_check_transactions(work) : DDB_TABLE_READY;
	const json_t *table;
	json_t *kept;

	if (state != DDB_TABLE_READY)
		return state;
	state = table_ensure(work, &table);
	/* It belongs to the last call, and others follow. */
	kept = json_incref((json_t *)(uintptr_t)table);
	if (state == DDB_TABLE_READY)
		state = table_settle_id_type(work);
	if (state == DDB_TABLE_READY)
		state = table_ensure_stream(work, kept);
	if (state == DDB_TABLE_READY)
		state = table_ensure_features(work, kept);
	json_decref(kept);
	return state;
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
		.wanted = ddb_table_definition(table->rows, table->project_all),
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
	if (work.client == NULL || work.wanted == NULL)
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
