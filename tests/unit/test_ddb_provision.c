/* The table: made, awaited, completed, refused; on servers that lack a call, that fail, or that
 * cannot be reached yet. */
#include "backends/dynamodb/table/table.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/ddb_fixture.h"
#include "tests/lib/ddb_rig.h"

#include <stdio.h>
#include <string.h>

#define RULE(...)    ddb_stub_add(&f.stub, (struct ddb_stub_rule){__VA_ARGS__})
#define PATIENCE_NS  (60 * CLOCK_NS_PER_S)
#define NO_TTL_LINE  "expired carts are not removed by the server: TTL is not on"
#define NO_PITR_LINE "point-in-time recovery is not on"

static struct ddb_fixture f;
static struct ddb_table_config table;
static struct cart_error error;
static atomic_bool stop;

static int setup(void **state)
{
	(void)state;
	captured_log_start();
	ddb_fixture_start(&f);
	table = (struct ddb_table_config){.name = "carts"};
	error.text[0] = '\0';
	atomic_store(&stop, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ddb_fixture_stop(&f);
	captured_log_stop();
	return 0;
}

static enum ddb_table_state provision_within(enum cart_provision how, int64_t ns)
{
	return ddb_table_provision(&table, &f.config, how,
				   clock_monotonic_ns(&cart_clock_system) + ns, &stop, &error);
}

static void assert_ready(enum cart_provision how)
{
	if (provision_within(how, PATIENCE_NS) != DDB_TABLE_READY)
		fail_msg("%s", error.text);
}

static void assert_refused(enum cart_provision how, const char *why)
{
	assert_int_equal(provision_within(how, PATIENCE_NS), DDB_TABLE_REFUSED);
	assert_string_equal(error.text, why);
}

static int asked(const char *operation)
{
	return ddb_stub_count(&f.stub, operation);
}

static int changes(void)
{
	return asked("CreateTable") + asked("UpdateTable") + asked("UpdateTimeToLive") +
	       asked("UpdateContinuousBackups");
}

static json_t *body_of(const char *operation, int n)
{
	json_t *body = json_loads(ddb_stub_request(&f.stub, operation, n)->body, 0, NULL);

	assert_non_null(body);
	assert_string_equal(json_string_value(json_object_get(body, "TableName")), "carts");
	return body;
}

/* Of the server's table, or of a body: the n-th index. */
static json_t *index_at(const json_t *of, size_t n)
{
	return json_array_get(json_object_get(of, "GlobalSecondaryIndexes"), n);
}

static const char *projection(const json_t *of, size_t n)
{
	return json_string_value(
		json_object_get(json_object_get(index_at(of, n), "Projection"), "ProjectionType"));
}

static void no_table(void)
{
	json_decref(f.stub.shelf.table);
	f.stub.shelf.table = NULL;
	f.stub.shelf.ttl = false;
	json_object_clear(f.stub.shelf.items);
}

static void a_table_that_is_there_is_left_as_it_is(void **state)
{
	(void)state;
	table.point_in_time_recovery = table.deletion_protection = true;
	f.stub.shelf.recovery = true;
	json_object_set_new(f.stub.shelf.table, "DeletionProtectionEnabled", json_true());
	assert_ready(CART_PROVISION_AUTO);
	assert_ready(CART_PROVISION_CHECK);
	assert_int_equal(changes(), 0);
	assert_int_equal(captured_log_count("WARN"), 0);
}

static void a_table_is_made_and_awaited(void **state)
{
	json_t *body;

	(void)state;
	no_table();
	f.stub.shelf.making = 3;
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("CreateTable"), 1);
	/* None, three times CREATING, ACTIVE. */
	assert_int_equal(asked("DescribeTable"), 5);
	body = body_of("CreateTable", 0);
	assert_string_equal(json_string_value(json_object_get(body, "BillingMode")),
			    "PAY_PER_REQUEST");
	assert_int_equal(json_array_size(json_object_get(body, "GlobalSecondaryIndexes")), 2);
	assert_string_equal(projection(body, 0), "KEYS_ONLY");
	assert_string_equal(projection(body, 1), "KEYS_ONLY");
	assert_null(json_object_get(body, "DeletionProtectionEnabled"));
	json_decref(body);
	body = body_of("UpdateTimeToLive", 0);
	assert_non_null(strstr(ddb_stub_request(&f.stub, "UpdateTimeToLive", 0)->body,
			       "\"AttributeName\":\"expires_at\""));
	json_decref(body);
	assert_int_equal(asked("UpdateContinuousBackups"), 0);
	assert_int_equal(asked("DescribeContinuousBackups"), 0);
	assert_int_equal(captured_log_count("WARN"), 0);
	assert_int_equal(captured_log_count("table made table=carts"), 1);
}

static void the_settings_say_what_is_projected_protected_and_recovered(void **state)
{
	json_t *body;

	(void)state;
	no_table();
	table.project_all = table.point_in_time_recovery = table.deletion_protection = true;
	assert_ready(CART_PROVISION_AUTO);
	body = body_of("CreateTable", 0);
	assert_string_equal(projection(body, 0), "ALL");
	assert_string_equal(projection(body, 1), "KEYS_ONLY");
	assert_true(json_is_true(json_object_get(body, "DeletionProtectionEnabled")));
	json_decref(body);
	assert_true(f.stub.shelf.recovery);
	assert_int_equal(asked("UpdateContinuousBackups"), 1);
	/* Of a table that is there likewise, each by a call. */
	f.stub.shelf.recovery = false;
	json_object_del(f.stub.shelf.table, "DeletionProtectionEnabled");
	ddb_stub_clear(&f.stub);
	assert_ready(CART_PROVISION_AUTO);
	assert_true(f.stub.shelf.recovery);
	assert_true(json_is_true(json_object_get(f.stub.shelf.table, "DeletionProtectionEnabled")));
	assert_int_equal(changes(), 2);
}

static void what_is_on_is_never_switched_off(void **state)
{
	(void)state;
	f.stub.shelf.recovery = true;
	json_object_set_new(f.stub.shelf.table, "DeletionProtectionEnabled", json_true());
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(changes(), 0);
}

static void missing_indexes_are_added_one_at_a_time_and_awaited(void **state)
{
	json_t *body;

	(void)state;
	json_array_clear(json_object_get(f.stub.shelf.table, "GlobalSecondaryIndexes"));
	f.stub.shelf.making = 2;
	table.project_all = true;
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 2);
	/* ACTIVE; and after each index twice CREATING, then ACTIVE. */
	assert_int_equal(asked("DescribeTable"), 7);
	for (int i = 0; i < 2; i++) {
		body = body_of("UpdateTable", i);
		assert_int_equal(
			json_array_size(json_object_get(body, "GlobalSecondaryIndexUpdates")), 1);
		assert_non_null(json_object_get(body, "AttributeDefinitions"));
		json_decref(body);
	}
	assert_string_equal(projection(f.stub.shelf.table, 0), "ALL");
	assert_string_equal(projection(f.stub.shelf.table, 1), "KEYS_ONLY");
	assert_int_equal(captured_log_count("adding an index to the table table=carts"), 2);
}

static void what_another_makes_at_the_same_time_is_awaited(void **state)
{
	(void)state;
	/* It is not there, then another process was quicker. */
	RULE(.operation = "DescribeTable", .error = "ResourceNotFoundException", .times = 1);
	f.stub.shelf.made_in = 2;
	json_object_set_new(f.stub.shelf.table, "TableStatus", json_string("CREATING"));
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("CreateTable"), 1);
	assert_int_equal(captured_log_count("table made"), 0);
	/* An index that cannot be added now, for another one is being made. */
	ddb_stub_clear(&f.stub);
	json_array_remove(json_object_get(f.stub.shelf.table, "GlobalSecondaryIndexes"), 1);
	RULE(.operation = "UpdateTable", .error = "ResourceInUseException", .times = 1);
	RULE(.operation = "UpdateTable", .error = "LimitExceededException", .times = 1);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 3);
}

/* DynamoDB does so for some seconds after it has made a table. */
static void recovery_that_is_not_to_be_had_yet_is_asked_for_again(void **state)
{
	(void)state;
	table.point_in_time_recovery = true;
	RULE(.operation = "UpdateContinuousBackups",
	     .error = "ContinuousBackupsUnavailableException", .times = 3);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateContinuousBackups"), 4);
	assert_true(f.stub.shelf.recovery);
	assert_int_equal(captured_log_count(NO_PITR_LINE), 0);
}

static void time_to_live_by_another_attribute_is_warned_of(void **state)
{
	(void)state;
	RULE(.operation = "DescribeTimeToLive",
	     .body = "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\","
		     "\"AttributeName\":\"ttl\"}}");
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(captured_log_count(NO_TTL_LINE), 1);
	assert_int_equal(captured_log_count("it uses the attribute ttl"), 1);
	assert_int_equal(asked("UpdateTimeToLive"), 0);
}

static void a_table_of_something_else_is_refused_in_a_line(void **state)
{
	json_t *key = json_array_get(json_object_get(f.stub.shelf.table, "KeySchema"), 0);
	json_t *types = json_object_get(f.stub.shelf.table, "AttributeDefinitions");
	static const char line[] =
		"table carts: its key is not cart_id (a string): it belongs to something else";

	(void)state;
	json_object_set_new(key, "AttributeName", json_string("id"));
	assert_refused(CART_PROVISION_AUTO, line);
	assert_refused(CART_PROVISION_CHECK, line);
	/* The same name, another type. */
	json_object_set_new(key, "AttributeName", json_string("cart_id"));
	json_object_set_new(json_array_get(types, 0), "AttributeType", json_string("N"));
	assert_refused(CART_PROVISION_AUTO, line);
	json_object_set_new(json_array_get(types, 0), "AttributeType", json_string("S"));
	/* A sort key beside it. */
	json_array_append_new(json_object_get(f.stub.shelf.table, "KeySchema"),
			      json_pack("{s:s,s:s}", "AttributeName", "at", "KeyType", "RANGE"));
	assert_refused(CART_PROVISION_AUTO, line);
	json_array_remove(json_object_get(f.stub.shelf.table, "KeySchema"), 1);
	json_object_set_new(
		json_array_get(json_object_get(index_at(f.stub.shelf.table, 0), "KeySchema"), 1),
		"AttributeName", json_string("created_at"));
	assert_refused(CART_PROVISION_AUTO, "table carts: the keys of its index customer-index are "
					    "not customer_id and created_key");
	assert_int_equal(changes(), 0);
}

static void give_the_table_a_sort_key(void)
{
	json_array_append_new(json_object_get(f.stub.shelf.table, "KeySchema"),
			      json_pack("{s:s,s:s}", "AttributeName", "row", "KeyType", "RANGE"));
	json_array_append_new(json_object_get(f.stub.shelf.table, "AttributeDefinitions"),
			      json_pack("{s:s,s:s}", "AttributeName", "row", "AttributeType", "S"));
}

static void a_table_of_another_layout_is_refused_by_name(void **state)
{
	(void)state;
	table.rows = true;
	RULE(.operation = "TransactWriteItems");
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: its key is not cart_id and row (a string): it belongs to "
		       "something else, as to dynamodb.layout=map or list");
	give_the_table_a_sort_key();
	assert_ready(CART_PROVISION_AUTO);
	table.rows = false;
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: its key is not cart_id (a string): it belongs to something "
		       "else, as to dynamodb.layout=rows");
}

/* Before a table is made, and whatever the table says of the transaction. */
static void rows_need_a_server_with_transactions(void **state)
{
	static const char *const has_them[] = {"ResourceNotFoundException", "ValidationException",
					       "ConditionalCheckFailedException",
					       "TransactionCanceledException"};

	(void)state;
	table.rows = true;
	no_table();
	RULE(.operation = "TransactWriteItems", .error = "UnknownOperationException", .times = 2);
	for (int how = CART_PROVISION_AUTO; how <= CART_PROVISION_CHECK; how++)
		assert_refused((enum cart_provision)how,
			       "table carts: dynamodb.layout=rows needs transactions, and there "
			       "are none (UnknownOperationException: so it says (HTTP 400)): set "
			       "dynamodb.layout=map, and another table");
	assert_int_equal(changes(), 0);
	RULE(.operation = "TransactWriteItems", .error = "AccessDeniedException", .times = 1);
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_REFUSED);
	for (size_t i = 0; i < sizeof(has_them) / sizeof(has_them[0]); i++) {
		RULE(.operation = "TransactWriteItems", .error = has_them[i], .times = 1);
		assert_ready(CART_PROVISION_AUTO);
	}
	assert_int_equal(asked("CreateTable"), 1);
	assert_non_null(strstr(ddb_stub_request(&f.stub, "CreateTable", 0)->body,
			       "{\"AttributeName\":\"row\",\"KeyType\":\"RANGE\"}"));
	assert_non_null(
		strstr(ddb_stub_request(&f.stub, "PutItem", 0)->body, "\"row\":{\"S\":\"CART\"}"));
}

static void the_type_of_ids_is_remembered(void **state)
{
	(void)state;
	assert_ready(CART_PROVISION_AUTO);
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	for (int how = CART_PROVISION_AUTO; how <= CART_PROVISION_CHECK; how++)
		assert_refused((enum cart_provision)how,
			       "table carts: it holds ids of cart.id_type=integer, not string; set "
			       "cart.id_type=integer, or name another table in dynamodb.table");
	assert_int_equal(asked("PutItem"), 0);
	json_object_clear(f.stub.shelf.items);
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: it does not say its cart.id_type yet; cartctl provision "
		       "records it, or cartd with provision=auto");
	assert_int_equal(asked("PutItem"), 0);
	/* It is written, and the answer lost: the next finds it. */
	RULE(.operation = "PutItem", .error = "InternalServerError", .status = 500, .apply = true,
	     .times = 1);
	assert_ready(CART_PROVISION_AUTO);
	assert_ready(CART_PROVISION_CHECK);
	shop_id_type_release();
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: it holds ids of cart.id_type=string, not integer; set "
		       "cart.id_type=string, or name another table in dynamodb.table");
	shop_id_type_release();
}

/* Both have found no item: the condition lets only one of them write it. */
static void of_two_that_provision_at_once_one_says_the_type(void **state)
{
	(void)state;
	RULE(.operation = "GetItem", .body = "{}", .times = 1);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("PutItem"), 1);
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	RULE(.operation = "GetItem", .body = "{}", .times = 1);
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_REFUSED);
	assert_int_equal(asked("PutItem"), 2);
	shop_id_type_release();
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	shop_id_type_release();
}

static void a_check_makes_nothing(void **state)
{
	(void)state;
	table.point_in_time_recovery = table.deletion_protection = true;
	f.stub.shelf.ttl = false;
	assert_ready(CART_PROVISION_CHECK);
	assert_int_equal(captured_log_count("WARN"), 3);
	assert_int_equal(captured_log_count(NO_TTL_LINE), 1);
	assert_int_equal(captured_log_count(NO_PITR_LINE), 1);
	assert_int_equal(captured_log_count("the table is not protected against deletion"), 1);
	json_array_remove(json_object_get(f.stub.shelf.table, "GlobalSecondaryIndexes"), 1);
	assert_refused(CART_PROVISION_CHECK, "table carts: it has no index idle-index");
	no_table();
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: there is none (provision=auto would make it)");
	assert_int_equal(changes(), 0);
}

static void calls_that_a_server_lacks_are_done_without_and_warned_of_once(void **state)
{
	(void)state;
	table.point_in_time_recovery = true;
	RULE(.operation = "DescribeTimeToLive", .error = "UnknownOperationException");
	RULE(.operation = "UpdateTimeToLive", .error = "UnknownOperationException");
	RULE(.operation = "DescribeContinuousBackups", .error = "UnknownOperationException");
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(captured_log_count("WARN"), 2);
	assert_int_equal(captured_log_count(NO_TTL_LINE " table=carts why=\"DescribeTimeToLive: "),
			 1);
	assert_int_equal(
		captured_log_count(NO_PITR_LINE " table=carts why=\"DescribeContinuousBackups: "),
		1);
	assert_int_equal(asked("DescribeTimeToLive"), 1);
	assert_int_equal(asked("DescribeContinuousBackups"), 1);
	assert_int_equal(changes(), 0);
}

static void of_a_server_that_tells_but_does_not_change_it_is_warned_once(void **state)
{
	(void)state;
	table.point_in_time_recovery = table.deletion_protection = true;
	f.stub.shelf.ttl = false;
	RULE(.operation = "UpdateTimeToLive", .error = "UnknownOperationException");
	RULE(.operation = "UpdateContinuousBackups", .error = "AccessDeniedException");
	RULE(.operation = "UpdateTable", .error = "ValidationException");
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(captured_log_count("WARN"), 3);
	assert_int_equal(captured_log_count("UpdateTimeToLive: UnknownOperationException"), 1);
	assert_int_equal(captured_log_count("UpdateContinuousBackups: AccessDeniedException"), 1);
	assert_int_equal(captured_log_count("UpdateTable: ValidationException"), 1);
}

/* For a person who provisions, what was asked for and is not there is no success. */
static void what_is_asked_for_and_refused_is_an_error_where_it_is_strict(void **state)
{
	(void)state;
	table.strict = table.point_in_time_recovery = table.deletion_protection = true;
	f.stub.shelf.ttl = false;
	RULE(.operation = "UpdateTimeToLive", .error = "AccessDeniedException");
	RULE(.operation = "UpdateContinuousBackups", .error = "AccessDeniedException");
	RULE(.operation = "UpdateTable", .error = "ValidationException");
	assert_refused(
		CART_PROVISION_AUTO,
		"table carts: " NO_TTL_LINE
		" (UpdateTimeToLive: AccessDeniedException: so it says (HTTP 400)); " NO_PITR_LINE
		" (UpdateContinuousBackups: AccessDeniedException: so it says (HTTP 400)); "
		"the table is not protected against deletion (UpdateTable: "
		"ValidationException: so it says (HTTP 400))");
	assert_int_equal(captured_log_count("WARN"), 0);
	ddb_stub_clear(&f.stub);
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: " NO_TTL_LINE " (it is off); " NO_PITR_LINE
		       " (it is off); the table is not protected against deletion (it is off)");
	assert_int_equal(changes(), 0);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(changes(), 3);
	assert_ready(CART_PROVISION_CHECK);
	/* TTL that clears another attribute. */
	RULE(.operation = "DescribeTimeToLive",
	     .body = "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\","
		     "\"AttributeName\":\"ttl\"}}");
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: " NO_TTL_LINE " (it uses the attribute ttl, not expires_at)");
}

/* Of the server's table; "": it has none. */
static const char *stream_of_table(void)
{
	const char *view = "";

	json_unpack(f.stub.shelf.table, "{s:{s:s}}", "StreamSpecification", "StreamViewType",
		    &view);
	return view;
}

static void give_the_table_a_stream(bool enabled, const char *view)
{
	json_object_set_new(
		f.stub.shelf.table, "StreamSpecification",
		json_pack("{s:b,s:s}", "StreamEnabled", enabled, "StreamViewType", view));
}

static void with_the_feed_a_table_is_made_with_its_stream(void **state)
{
	(void)state;
	no_table();
	table.stream = true;
	assert_ready(CART_PROVISION_AUTO);
	assert_string_equal(stream_of_table(), "NEW_AND_OLD_IMAGES");
	assert_int_equal(asked("CreateTable"), 1);
	assert_int_equal(asked("UpdateTable"), 0);
	assert_ready(CART_PROVISION_CHECK);
	/* It stays when the feed is off. */
	table.stream = false;
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 0);
}

static void with_the_feed_a_table_gets_its_stream(void **state)
{
	(void)state;
	table.stream = true;
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: feed=on needs its stream, and it has none (cartctl provision "
		       "switches it on)");
	assert_int_equal(changes(), 0);
	assert_ready(CART_PROVISION_AUTO);
	assert_string_equal(stream_of_table(), "NEW_AND_OLD_IMAGES");
	assert_int_equal(captured_log_count("switched on the table's stream table=carts"), 1);
	assert_ready(CART_PROVISION_CHECK);
	/* One that was switched off is none. */
	give_the_table_a_stream(false, "NEW_AND_OLD_IMAGES");
	assert_int_equal(provision_within(CART_PROVISION_CHECK, PATIENCE_NS), DDB_TABLE_REFUSED);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 2);
}

static void a_stream_of_somebody_else_is_refused_and_left_alone(void **state)
{
	(void)state;
	table.stream = true;
	give_the_table_a_stream(true, "NEW_IMAGE");
	for (int how = CART_PROVISION_AUTO; how <= CART_PROVISION_CHECK; how++)
		assert_refused((enum cart_provision)how,
			       "table carts: feed=on needs a stream of NEW_AND_OLD_IMAGES, and its "
			       "stream is of NEW_IMAGE: when nobody reads that any more, switch it "
			       "off (aws dynamodb update-table --stream-specification "
			       "StreamEnabled=false), then cartctl provision makes the right one");
	assert_int_equal(changes(), 0);
}

/* While an index is made; and by another process at the same moment. */
static void a_stream_is_asked_for_until_the_table_takes_it(void **state)
{
	(void)state;
	table.stream = true;
	RULE(.operation = "UpdateTable", .error = "ResourceInUseException", .times = 2);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 3);
	json_object_del(f.stub.shelf.table, "StreamSpecification");
	RULE(.operation = "UpdateTable", .error = "ValidationException", .apply = true, .times = 1);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 4);
	/* Longer than there is time: later it may be had. */
	json_object_del(f.stub.shelf.table, "StreamSpecification");
	RULE(.operation = "UpdateTable", .error = "ResourceInUseException");
	assert_int_equal(provision_within(CART_PROVISION_AUTO, CLOCK_NS_PER_S / 5),
			 DDB_TABLE_UNREACHED);
	assert_non_null(strstr(error.text, "UpdateTable: ResourceInUseException"));
}

static void a_stream_that_cannot_be_had_stops_the_start(void **state)
{
	(void)state;
	table.stream = true;
	RULE(.operation = "UpdateTable", .error = "AccessDeniedException", .times = 1);
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: feed=on needs its stream, and it has none (UpdateTable: "
		       "AccessDeniedException: so it says (HTTP 400)); where the server has no "
		       "streams, set feed=off");
	RULE(.operation = "UpdateTable", .body = "{\"TableDescription\":{}}", .times = 1);
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: feed=on needs its stream, and it has none "
		       "(the server took UpdateTable and made none); where the "
		       "server has no streams, set feed=off");
	assert_string_equal(stream_of_table(), "");
}

/* Nobody can switch on what a server that stands in for DynamoDB does not have. */
static void a_server_without_ttl_is_warned_of_where_it_is_strict(void **state)
{
	(void)state;
	table.strict = true;
	RULE(.operation = "DescribeTimeToLive", .error = "UnknownOperationException");
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(captured_log_count(NO_TTL_LINE), 1);
	table.point_in_time_recovery = true;
	RULE(.operation = "DescribeContinuousBackups", .error = "UnknownOperationException");
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: " NO_PITR_LINE " (DescribeContinuousBackups: "
		       "UnknownOperationException: so it says (HTTP 400))");
}

/* Some compatible servers answer 200 to a change that they ignore. */
static void protection_that_a_server_only_seems_to_switch_on_is_told(void **state)
{
	(void)state;
	table.strict = table.deletion_protection = true;
	RULE(.operation = "UpdateTable", .body = "{\"TableDescription\":{}}");
	assert_refused(CART_PROVISION_AUTO,
		       "table carts: the table is not protected against deletion (the server took "
		       "UpdateTable and did not switch it on)");
}

static void a_table_that_is_updating_is_used(void **state)
{
	(void)state;
	f.stub.shelf.made_in = 1000000;
	json_object_set_new(f.stub.shelf.table, "TableStatus", json_string("UPDATING"));
	json_object_set_new(index_at(f.stub.shelf.table, 0), "IndexStatus",
			    json_string("UPDATING"));
	json_array_append_new(
		json_object_get(f.stub.shelf.table, "GlobalSecondaryIndexes"),
		json_pack("{s:s,s:s}", "IndexName", "theirs", "IndexStatus", "CREATING"));
	assert_ready(CART_PROVISION_AUTO);
	assert_ready(CART_PROVISION_CHECK);
	assert_int_equal(asked("DescribeTable"), 2);
	/* What it refuses meanwhile is asked for again. */
	table.strict = table.deletion_protection = true;
	RULE(.operation = "UpdateTable", .error = "ResourceInUseException", .times = 2);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("UpdateTable"), 3);
}

static void messages_name_the_status(void **state)
{
	static const char *const hopeless[] = {"ARCHIVED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"};
	char line[128];

	(void)state;
	f.stub.shelf.made_in = 1000000;
	json_object_set_new(index_at(f.stub.shelf.table, 1), "IndexStatus",
			    json_string("CREATING"));
	assert_int_equal(provision_within(CART_PROVISION_AUTO, 100 * CLOCK_NS_PER_MS),
			 DDB_TABLE_UNREACHED);
	assert_string_equal(error.text,
			    "table carts is not ACTIVE: its index idle-index is CREATING");
	/* No use to wait for these: a person has to act. */
	for (int i = 0; i < 2; i++) {
		json_object_set_new(f.stub.shelf.table, "TableStatus", json_string(hopeless[i]));
		ddb_stub_clear(&f.stub);
		assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS),
				 DDB_TABLE_UNREACHED);
		snprintf(line, sizeof(line), "table carts is not ACTIVE: it is %s", hopeless[i]);
		assert_string_equal(error.text, line);
		assert_int_equal(asked("DescribeTable"), 1);
	}
}

/* Entries that hold a part of a cart can be read neither as carts nor as keys. */
static void an_index_that_projects_parts_is_refused(void **state)
{
	static const char *const indexes[] = {"customer-index", "idle-index"};
	char line[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_t *part = json_pack("{s:s,s:[s]}", "ProjectionType", "INCLUDE",
					 "NonKeyAttributes", "version");
		json_t *whole = json_pack("{s:s}", "ProjectionType", "ALL");

		snprintf(line, sizeof(line),
			 "table carts: its index %s projects INCLUDE: lists need KEYS_ONLY or ALL; "
			 "delete that index, then cartctl provision makes it",
			 indexes[i]);
		json_object_set_new(index_at(f.stub.shelf.table, i), "Projection", part);
		assert_refused(CART_PROVISION_CHECK, line);
		assert_refused(CART_PROVISION_AUTO, line);
		json_object_set_new(index_at(f.stub.shelf.table, i), "Projection", whole);
		assert_ready(CART_PROVISION_CHECK);
	}
	assert_int_equal(changes(), 0);
}

static void a_table_is_made_with_tags_and_key(void **state)
{
	static const char *const tags[] = {"team=shop", "cost=a=b", "empty=", NULL};
	json_t *body, *wanted;

	(void)state;
	no_table();
	table.tags = tags;
	table.kms_key = "1234abcd";
	table.strict = true;
	assert_ready(CART_PROVISION_AUTO);
	body = body_of("CreateTable", 0);
	wanted = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "Key", "team", "Value", "shop", "Key",
			   "cost", "Value", "a=b", "Key", "empty", "Value", "");
	assert_true(json_equal(json_object_get(body, "Tags"), wanted));
	json_decref(wanted);
	wanted = json_pack("{s:b,s:s,s:s}", "Enabled", 1, "SSEType", "KMS", "KMSMasterKeyId",
			   "1234abcd");
	assert_true(json_equal(json_object_get(body, "SSESpecification"), wanted));
	json_decref(wanted);
	json_decref(body);
	assert_ready(CART_PROVISION_CHECK);
	table.kms_key = DDB_SHELF_KEY "1234abcd";
	assert_ready(CART_PROVISION_CHECK);
	/* Pages of one tag, read twice by the check after it was made. */
	assert_int_equal(asked("ListTagsOfResource"), 9);
}

static void a_table_with_other_tags_or_another_key_fails_the_check(void **state)
{
	static const char *const tags[] = {"team=shop", "stage=live", NULL};
	char line[CART_ERROR_MAX];

	(void)state;
	table.tags = tags;
	table.kms_key = "1234abcd";
	assert_ready(CART_PROVISION_CHECK);
	assert_int_equal(captured_log_count("WARN"), 3);
	table.strict = true;
	json_object_set_new(f.stub.shelf.table, "Tags",
			    json_pack("[{s:s,s:s}]", "Key", "team", "Value", "toys"));
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: the table does not have the tags of dynamodb.tags (team is "
		       "toys, not shop); the table does not have the tags of dynamodb.tags "
		       "(stage=live is missing: aws dynamodb tag-resource adds it); the table is "
		       "not encrypted with dynamodb.kms_key (its key is AWS's own: aws dynamodb "
		       "update-table --sse-specification changes it)");
	/* Only a person may change these: making the table is over. */
	snprintf(line, sizeof(line), "%s", error.text);
	assert_refused(CART_PROVISION_AUTO, line);
	RULE(.operation = "ListTagsOfResource", .error = "AccessDeniedException");
	table.kms_key = "";
	assert_refused(CART_PROVISION_CHECK,
		       "table carts: the table does not have the tags of dynamodb.tags "
		       "(ListTagsOfResource: AccessDeniedException: so it says (HTTP 400))");
	assert_int_equal(changes(), 0);
}

static void calls_are_made_again_where_that_helps(void **state)
{
	(void)state;
	no_table();
	RULE(.operation = "DescribeTable", .error = "ThrottlingException",
	     .headers = "x-amz-retry-after: 1\r\n", .times = 1);
	RULE(.operation = "DescribeTable", .manner = DDB_STUB_HALF, .apply = true, .times = 1);
	/* Applied, and the answer lost: the next says that it is there. */
	RULE(.operation = "CreateTable", .error = "InternalServerError", .status = 500,
	     .apply = true, .times = 1);
	assert_ready(CART_PROVISION_AUTO);
	assert_int_equal(asked("CreateTable"), 2);
	assert_int_equal(captured_log_count("WARN"), 0);
}

static void a_server_that_fails_is_one_not_reached(void **state)
{
	(void)state;
	RULE(.error = "InternalServerError", .status = 500);
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_UNREACHED);
	assert_string_equal(error.text, "DescribeTable of table carts: InternalServerError: so it "
					"says (HTTP 500)");
	ddb_stub_clear(&f.stub);
	RULE(.error = "AccessDeniedException");
	assert_refused(CART_PROVISION_AUTO, "DescribeTable of table carts: AccessDeniedException: "
					    "so it says (HTTP 400)");
}

/* AWS changes a number of tables at a time, and makes no more until some of them are ready. */
static void a_limit_of_the_account_is_tried_again(void **state)
{
	(void)state;
	no_table();
	RULE(.operation = "CreateTable", .error = "LimitExceededException", .times = 2);
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_UNREACHED);
	assert_string_equal(error.text, "CreateTable of table carts: LimitExceededException: so it "
					"says (HTTP 400)");
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_UNREACHED);
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_READY);
	assert_int_equal(asked("CreateTable"), 3);
}

static void waiting_ends_with_the_time_or_the_service(void **state)
{
	(void)state;
	f.stub.shelf.made_in = 1000000;
	json_object_set_new(f.stub.shelf.table, "TableStatus", json_string("CREATING"));
	assert_int_equal(provision_within(CART_PROVISION_AUTO, 200 * CLOCK_NS_PER_MS),
			 DDB_TABLE_UNREACHED);
	assert_string_equal(error.text, "table carts is not ACTIVE: it is CREATING");
	ddb_stub_clear(&f.stub);
	atomic_store(&stop, true);
	assert_int_equal(provision_within(CART_PROVISION_AUTO, PATIENCE_NS), DDB_TABLE_UNREACHED);
	assert_int_equal(asked("DescribeTable"), 1);
}

static void a_service_starts_without_its_server_and_is_there_once_that_is(void **state)
{
	struct ddb_rig r;
	struct cart_id id;

	(void)state;
	captured_log_start();
	ddb_rig_start_stub(&r);
	ddb_stub_add(&r.stub, (struct ddb_stub_rule){.operation = "DescribeTable",
						     .error = "InternalServerError",
						     .status = 500,
						     .times = DDB_TRIES});
	json_decref(r.stub.shelf.table);
	r.stub.shelf.table = NULL;
	ddb_rig_start(&r, 1, NULL);
	captured_log_await("WARN  cannot provision the database; not ready until that succeeds", 1);
	captured_log_await("INFO  the database is provisioned", 1);
	id = rig_cart(r.rig);
	assert_int_equal(ddb_shelf_number(&r.stub.shelf, &id, "version"), 1);
	ddb_rig_stop(&r);
	captured_log_stop();
}

/* DynamoDB takes seconds to make a table, and hours to make an index of a large one. */
static void a_service_does_not_wait_for_long_until_a_table_is_made(void **state)
{
	struct ddb_rig r;
	struct cart_id id;

	(void)state;
	captured_log_start();
	ddb_rig_start_stub(&r);
	json_decref(r.stub.shelf.table);
	r.stub.shelf.table = NULL;
	r.stub.shelf.making = 10;
	ddb_rig_start(&r, 1, NULL);
	captured_log_await("not ready until that succeeds", 1);
	captured_log_await("is not ACTIVE: it is CREATING", 1);
	captured_log_await("INFO  the database is provisioned", 1);
	id = rig_cart(r.rig);
	assert_int_equal(ddb_shelf_number(&r.stub.shelf, &id, "version"), 1);
	ddb_rig_stop(&r);
	captured_log_stop();
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_that_is_there_is_left_as_it_is),
		TEST(a_table_is_made_and_awaited),
		TEST(the_settings_say_what_is_projected_protected_and_recovered),
		TEST(what_is_on_is_never_switched_off),
		TEST(missing_indexes_are_added_one_at_a_time_and_awaited),
		TEST(what_another_makes_at_the_same_time_is_awaited),
		TEST(recovery_that_is_not_to_be_had_yet_is_asked_for_again),
		TEST(time_to_live_by_another_attribute_is_warned_of),
		TEST(a_table_of_something_else_is_refused_in_a_line),
		TEST(a_table_of_another_layout_is_refused_by_name),
		TEST(rows_need_a_server_with_transactions),
		TEST(the_type_of_ids_is_remembered),
		TEST(of_two_that_provision_at_once_one_says_the_type),
		TEST(a_check_makes_nothing),
		TEST(calls_that_a_server_lacks_are_done_without_and_warned_of_once),
		TEST(of_a_server_that_tells_but_does_not_change_it_is_warned_once),
		TEST(what_is_asked_for_and_refused_is_an_error_where_it_is_strict),
		TEST(with_the_feed_a_table_is_made_with_its_stream),
		TEST(with_the_feed_a_table_gets_its_stream),
		TEST(a_stream_of_somebody_else_is_refused_and_left_alone),
		TEST(a_stream_is_asked_for_until_the_table_takes_it),
		TEST(a_stream_that_cannot_be_had_stops_the_start),
		TEST(a_server_without_ttl_is_warned_of_where_it_is_strict),
		TEST(protection_that_a_server_only_seems_to_switch_on_is_told),
		TEST(a_table_that_is_updating_is_used),
		TEST(messages_name_the_status),
		TEST(an_index_that_projects_parts_is_refused),
		TEST(a_table_is_made_with_tags_and_key),
		TEST(a_table_with_other_tags_or_another_key_fails_the_check),
		TEST(calls_are_made_again_where_that_helps),
		TEST(a_server_that_fails_is_one_not_reached),
		TEST(a_limit_of_the_account_is_tried_again),
		TEST(waiting_ends_with_the_time_or_the_service),
		cmocka_unit_test(a_service_does_not_wait_for_long_until_a_table_is_made),
		cmocka_unit_test(a_service_starts_without_its_server_and_is_there_once_that_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
