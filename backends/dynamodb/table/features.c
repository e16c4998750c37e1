#include "backends/dynamodb/table/features.h"

#include "aws/endpoint.h"
#include "backends/dynamodb/table/id_type.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define FEATURES_TRIES	   40 /* over a minute; AWS may take as long after a table was made */
#define FEATURES_TAG_PAGES 10

static const char features_no_ttl[] = "expired carts are not removed by the server: TTL is not on";
static const char features_no_recovery[] = "point-in-time recovery is not on";
static const char features_no_protection[] = "the table is not protected against deletion";
static const char features_no_tag[] = "the table does not have the tags of dynamodb.tags";
static const char features_no_key[] = "the table is not encrypted with dynamodb.kms_key";

/* What the strict one lacks, in one line: "A (why); B (why)". */
struct features {
	struct table_work *work;
	char lacks[CART_ERROR_MAX];
};

/* Servers that stand in for DynamoDB may have no TTL at all: there nobody can switch it on. */
static bool features_can_go_without(const struct table_work *work, const char *what)
{
	return what == features_no_ttl && table_is_error(work, "UnknownOperationException") &&
	       !aws_endpoint_is_aws(work->endpoint);
}

static void features_lack(struct features *features, const char *what, const char *why)
{
	const struct table_work *work = features->work;
	size_t len = strlen(features->lacks);

	if (work->table->strict && !features_can_go_without(work, what))
		snprintf(features->lacks + len, sizeof(features->lacks) - len, "%s%s (%.190s)",
			 len > 0 ? "; " : "", what, why);
	else
		log_event(LOG_WARN, what, LOG_STR("table", work->table->name), LOG_STR("why", why));
}

/* A call for it failed: the server lacks it, or the account has no right to it. */
static void features_lack_call(struct features *features, const char *what)
{
	const struct ddb_call *call = &features->work->call;
	char why[sizeof(call->message) + 64];

	snprintf(why, sizeof(why), "%s: %s", ddb_operation_name(call->operation), call->message);
	features_lack(features, what, why);
}

/* Switches a feature on by that call. members is consumed. A new table refuses point-in-time
 * recovery for some seconds, and one that is UPDATING refuses all changes. True: the answer is in
 * the work's call. */
static bool features_switch_on(struct features *features, enum ddb_operation operation,
			       json_t *members, const char *without)
{
	struct table_work *work = features->work;
	int64_t ms = TABLE_POLL_MIN_MS;
	bool done = false, again = work->how != CART_PROVISION_CHECK;

	if (!again)
		features_lack(features, without, "it is off");
	for (int tries = 1; again; tries++) {
		done = table_call(work, operation, table_body(work, json_incref(members)));
		again = !done &&
			(table_is_error(work, "ContinuousBackupsUnavailableException") ||
			 table_is_error(work, "ResourceInUseException")) &&
			tries < FEATURES_TRIES && !table_is_over(work);
		if (again)
			ms = table_pause(work, ms);
		else if (!done)
			features_lack_call(features, without);
	}
	json_decref(members);
	return done;
}

/* TTL is on. DynamoDB changes its attribute only by switching TTL off first, which we never do. */
static void features_check_ttl(struct features *features, const char *found)
{
	const char *wanted =
		table_text(json_object_get(features->work->wanted, "TimeToLive"), "AttributeName");
	char why[96];

	if (*found == '\0' || strcmp(found, wanted) == 0)
		return;
	snprintf(why, sizeof(why), "it uses the attribute %.30s, not %s", found, wanted);
	features_lack(features, features_no_ttl, why);
}

static void features_ensure_ttl(struct features *features)
{
	struct table_work *work = features->work;
	const json_t *answer;

	if (table_call(work, DDB_DESCRIBE_TIME_TO_LIVE, table_body(work, NULL))) {
		answer = json_object_get(work->call.json, "TimeToLiveDescription");
		if (strncmp(table_text(answer, "TimeToLiveStatus"), "ENABL", 5) == 0)
			features_check_ttl(features, table_text(answer, "AttributeName"));
		else
			features_switch_on(features, DDB_UPDATE_TIME_TO_LIVE,
					   json_pack("{s:O}", "TimeToLiveSpecification",
						     json_object_get(work->wanted, "TimeToLive")),
					   features_no_ttl);
	} else {
		features_lack_call(features, features_no_ttl);
	}
}

static void features_ensure_recovery(struct features *features)
{
	struct table_work *work = features->work;
	const json_t *answer;

	if (!work->table->point_in_time_recovery)
		return;
	if (!table_call(work, DDB_DESCRIBE_CONTINUOUS_BACKUPS, table_body(work, NULL))) {
		features_lack_call(features, features_no_recovery);
		return;
	}
	answer = json_object_get(work->call.json, "ContinuousBackupsDescription");
	answer = json_object_get(answer, "PointInTimeRecoveryDescription");
	if (strcmp(table_text(answer, "PointInTimeRecoveryStatus"), "ENABLED") != 0)
		features_switch_on(features, DDB_UPDATE_CONTINUOUS_BACKUPS,
				   json_pack("{s:{s:b}}", "PointInTimeRecoverySpecification",
					     "PointInTimeRecoveryEnabled", 1),
				   features_no_recovery);
}

static void features_ensure_protection(struct features *features, const json_t *table)
{
	static const char name[] = "DeletionProtectionEnabled";
	struct table_work *work = features->work;

	if (!work->table->deletion_protection || json_is_true(json_object_get(table, name)))
		return;
	if (!features_switch_on(features, DDB_UPDATE_TABLE, json_pack("{s:b}", name, 1),
				features_no_protection))
		return;
	/* Some compatible servers take the call and do nothing. */
	table = json_object_get(work->call.json, "TableDescription");
	if (!json_is_true(json_object_get(table, name)))
		features_lack(features, features_no_protection,
			      "the server took UpdateTable and did not switch it on");
}

/* The tags of the table as an array. NULL: a call failed, or there is no memory. */
static json_t *features_read_tags(struct table_work *work, const char *arn)
{
	json_t *tags = json_array(), *next = NULL;

	for (int page = 0; page < FEATURES_TAG_PAGES; page++) {
		json_t *body = json_pack("{s:s,s:O*}", "ResourceArn", arn, "NextToken", next);

		if (!table_call(work, DDB_LIST_TAGS, body)) {
			json_decref(tags);
			return NULL;
		}
		json_array_extend(tags, json_object_get(work->call.json, "Tags"));
		next = json_object_get(work->call.json, "NextToken");
		if (!json_is_string(next))
			break;
	}
	return tags;
}

/* wanted is "KEY=VALUE". */
static void features_check_tag(struct features *features, const json_t *tags, const char *wanted)
{
	char key[160], why[400];
	const char *value = strchr(wanted, '=') + 1;
	const json_t *tag;

	snprintf(key, sizeof(key), "%.*s", (int)(value - 1 - wanted), wanted);
	tag = table_named(tags, "Key", key);
	if (tag != NULL && strcmp(table_text(tag, "Value"), value) == 0)
		return;
	if (tag == NULL)
		snprintf(why, sizeof(why), "%.150s is missing: aws dynamodb tag-resource adds it",
			 wanted);
	else
		snprintf(why, sizeof(why), "%.60s is %.60s, not %.60s", key,
			 table_text(tag, "Value"), value);
	features_lack(features, features_no_tag, why);
}

static void features_check_tags(struct features *features, const json_t *table)
{
	const char *const *wanted = features->work->table->tags;
	json_t *tags;

	if (wanted == NULL || wanted[0] == NULL)
		return;
	tags = features_read_tags(features->work, table_text(table, "TableArn"));
	if (tags == NULL)
		features_lack_call(features, features_no_tag);
	for (size_t i = 0; tags != NULL && wanted[i] != NULL; i++)
		features_check_tag(features, tags, wanted[i]);
	json_decref(tags);
}

/* The key is an ARN, "arn:aws:kms:REGION:ACCOUNT:key/ID", or the id at its end. */
static void features_check_key(struct features *features, const json_t *table)
{
	const char *wanted = features->work->table->kms_key;
	const char *found = table_text(json_object_get(table, "SSEDescription"), "KMSMasterKeyArn");
	const char *id = strrchr(found, '/');
	char why[200];

	if (wanted == NULL || *wanted == '\0' || strcmp(found, wanted) == 0 ||
	    (id != NULL && strcmp(id + 1, wanted) == 0))
		return;
	snprintf(why, sizeof(why),
		 "its key is %.100s: aws dynamodb update-table --sse-specification changes it",
		 *found != '\0' ? found : "AWS's own");
	features_lack(features, features_no_key, why);
}

void table_add_features(const struct table_work *work, json_t *members)
{
	const struct ddb_table_config *table = work->table;
	json_t *tags = json_array();

	for (size_t i = 0; table->tags != NULL && table->tags[i] != NULL; i++) {
		size_t len = strcspn(table->tags[i], "=");

		json_array_append_new(tags, json_pack("{s:s%,s:s}", "Key", table->tags[i], len,
						      "Value", table->tags[i] + len + 1));
	}
	if (json_array_size(tags) > 0)
		json_object_set(members, "Tags", tags);
	json_decref(tags);
	if (table->deletion_protection)
		json_object_set_new(members, "DeletionProtectionEnabled", json_true());
	if (table->kms_key != NULL && *table->kms_key != '\0')
		json_object_set_new(members, "SSESpecification",
				    json_pack("{s:b,s:s,s:s}", "Enabled", 1, "SSEType", "KMS",
					      "KMSMasterKeyId", table->kms_key));
}

/* A transaction that changes nothing. What it says of the table, which may not be there yet, or
 * have another key, does not matter: a server without transactions does not come to that. */
enum ddb_table_state table_check_transactions(struct table_work *work)
{
	json_t *check = json_pack("{s:s,s:o,s:s}", "TableName", work->table->name, "Key",
				  table_settings_key(work), "ConditionExpression",
				  "attribute_exists(cart_id)");
	enum ddb_outcome outcome;
	char what[sizeof(work->call.message) + 160];

	if (table_call(work, DDB_TRANSACT_WRITE_ITEMS,
		       json_pack("{s:[{s:o}]}", "TransactItems", "ConditionCheck", check)))
		return DDB_TABLE_READY;
	outcome = work->call.outcome;
	if (outcome == DDB_CONDITION || table_is_error(work, "ResourceNotFoundException") ||
	    table_is_error(work, "ValidationException") ||
	    table_is_error(work, "TransactionCanceledException"))
		return DDB_TABLE_READY;
	if (outcome != DDB_REJECTED)
		return table_failed(work);
	snprintf(what, sizeof(what),
		 "dynamodb.layout=rows needs transactions, and there are none (%s): set "
		 "dynamodb.layout=map, and another table",
		 work->call.message);
	return table_refuse(work, what);
}

enum ddb_table_state table_ensure_features(struct table_work *work, const json_t *table)
{
	struct features features = {.work = work};

	features_ensure_ttl(&features);
	features_ensure_recovery(&features);
	features_ensure_protection(&features, table);
	features_check_tags(&features, table);
	features_check_key(&features, table);
	return features.lacks[0] == '\0' ? DDB_TABLE_READY : table_refuse(work, features.lacks);
}
