/* The table itself: made, described, changed. */
#include "core/embed.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_shelf.h"
#include "tests/lib/stream_model.h"

#include <stdlib.h>
#include <string.h>

json_t *ddb_shelf_error(const char *type)
{
	return json_pack("{s:s+,s:s}", "__type", "com.amazonaws.dynamodb.v20120810#", type,
			 "message", "so it says");
}

/* Table and indexes have that status from now on. */
static void shelf_set_status(json_t *table, const char *status)
{
	json_t *index;
	size_t i;

	json_object_set_new(table, "TableStatus", json_string(status));
	json_array_foreach(json_object_get(table, "GlobalSecondaryIndexes"), i, index)
	{
		json_object_set_new(index, "IndexStatus", json_string(status));
	}
}

json_t *ddb_shelf_table(void)
{
	json_t *definition = json_loads(embed_dynamodb_tables[0].text, 0, NULL);
	json_t *table = json_deep_copy(json_object_get(definition, "CreateTable"));

	json_decref(definition);
	assert_non_null(table);
	json_object_set_new(table, "TableArn", json_string(DDB_SHELF_ARN));
	shelf_set_status(table, "ACTIVE");
	return table;
}

static json_t *shelf_describe(struct ddb_shelf *shelf)
{
	json_t *answer;

	if (shelf->made_in == 0)
		shelf_set_status(shelf->table, "ACTIVE");
	answer = json_pack("{s:o}", "Table", json_deep_copy(shelf->table));
	if (shelf->stream != NULL)
		json_object_update_new(json_object_get(answer, "Table"),
				       json_pack("{s:s,s:{s:b,s:s}}", "LatestStreamArn",
						 shelf->stream->arn, "StreamSpecification",
						 "StreamEnabled", shelf->stream->enabled,
						 "StreamViewType", "NEW_AND_OLD_IMAGES"));
	if (shelf->made_in > 0)
		shelf->made_in--;
	return answer;
}

static json_t *shelf_create(struct ddb_shelf *shelf, const json_t *body, int *status)
{
	if (shelf->table != NULL) {
		*status = 400;
		return ddb_shelf_error("ResourceInUseException");
	}
	const json_t *key =
		json_object_get(json_object_get(body, "SSESpecification"), "KMSMasterKeyId");

	shelf->table = json_deep_copy(body);
	json_object_set_new(shelf->table, "TableArn", json_string(DDB_SHELF_ARN));
	if (key != NULL)
		json_object_set_new(
			shelf->table, "SSEDescription",
			json_pack("{s:s,s:o}", "Status", "ENABLED", "KMSMasterKeyArn",
				  json_sprintf(DDB_SHELF_KEY "%s", json_string_value(key))));
	shelf->made_in = shelf->making;
	shelf_set_status(shelf->table, "CREATING");
	return json_pack("{s:o}", "TableDescription", json_deep_copy(shelf->table));
}

static json_t *shelf_update(struct ddb_shelf *shelf, const json_t *body)
{
	json_t *indexes = json_object_get(shelf->table, "GlobalSecondaryIndexes"), *update;
	const json_t *protection = json_object_get(body, "DeletionProtectionEnabled");
	const json_t *stream = json_object_get(body, "StreamSpecification");
	size_t i;

	json_array_foreach(json_object_get(body, "GlobalSecondaryIndexUpdates"), i, update)
	{
		json_t *index = json_deep_copy(json_object_get(update, "Create"));

		json_object_set_new(index, "IndexStatus", json_string("CREATING"));
		json_array_append_new(indexes, index);
		json_object_set_new(shelf->table, "TableStatus", json_string("UPDATING"));
		shelf->made_in = shelf->making;
	}
	if (stream != NULL)
		json_object_set(shelf->table, "StreamSpecification", (json_t *)(uintptr_t)stream);
	if (protection != NULL)
		json_object_set_new(shelf->table, "DeletionProtectionEnabled",
				    json_boolean(json_is_true(protection)));
	return json_pack("{s:O}", "TableDescription", shelf->table);
}

static json_t *shelf_backups(const struct ddb_shelf *shelf)
{
	return json_pack("{s:{s:s,s:{s:s}}}", "ContinuousBackupsDescription",
			 "ContinuousBackupsStatus", "ENABLED", "PointInTimeRecoveryDescription",
			 "PointInTimeRecoveryStatus", shelf->recovery ? "ENABLED" : "DISABLED");
}

/* One tag a page, as few as a server may give. */
static json_t *shelf_tags(const struct ddb_shelf *shelf, const json_t *body)
{
	const json_t *tags = json_object_get(shelf->table, "Tags");
	const char *token = json_string_value(json_object_get(body, "NextToken"));
	size_t at = token != NULL ? strtoul(token, NULL, 10) : 0;
	const char *arn = json_string_value(json_object_get(body, "ResourceArn"));

	assert_string_equal(arn, DDB_SHELF_ARN);
	return json_pack("{s:[O*],s:o*}", "Tags", json_array_get(tags, at), "NextToken",
			 at + 1 < json_array_size(tags) ? json_sprintf("%zu", at + 1) : NULL);
}

json_t *ddb_shelf_do_table(struct ddb_shelf *shelf, const char *operation, const json_t *body,
			   int *status)
{
	if (strcmp(operation, "CreateTable") == 0)
		return shelf_create(shelf, body, status);
	if (strcmp(operation, "DeleteTable") == 0)
		return json_object();
	if (shelf->table == NULL) {
		*status = 400;
		return ddb_shelf_error("ResourceNotFoundException");
	}
	if (strcmp(operation, "DescribeTable") == 0)
		return shelf_describe(shelf);
	if (strcmp(operation, "ListTagsOfResource") == 0)
		return shelf_tags(shelf, body);
	if (strcmp(operation, "UpdateTable") == 0)
		return shelf_update(shelf, body);
	if (strcmp(operation, "DescribeTimeToLive") == 0)
		return json_pack("{s:{s:s}}", "TimeToLiveDescription", "TimeToLiveStatus",
				 shelf->ttl ? "ENABLED" : "DISABLED");
	if (strcmp(operation, "UpdateTimeToLive") == 0) {
		shelf->ttl = true;
		return json_object();
	}
	if (strcmp(operation, "UpdateContinuousBackups") == 0)
		shelf->recovery = true;
	else if (strcmp(operation, "DescribeContinuousBackups") != 0)
		return NULL;
	return shelf_backups(shelf);
}
