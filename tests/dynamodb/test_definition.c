/* schemas/dynamodb/carts.json as a server takes it; and the tests' own means, which make and delete
 * tables by it. */
#include "core/embed.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/dynalite_fixture.h"
#include "tests/lib/own_database.h"
#include "tests/lib/raw_dynamodb.h"

#include <stdlib.h>
#include <string.h>

static struct dynalite_fixture server;

static json_t *read_definition(void)
{
	json_t *definition;

	assert_string_equal(embed_dynamodb_tables[0].name, "carts.json");
	assert_string_equal(embed_dynamodb_tables[1].name, "rows.json");
	assert_null(embed_dynamodb_tables[2].name);
	definition = json_loadb(embed_dynamodb_tables[0].text, embed_dynamodb_tables[0].len,
				JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(definition);
	return definition;
}

static void make_table(const char *name)
{
	json_t *definition = read_definition();
	json_t *create = json_object_get(definition, "CreateTable");
	char *body;

	assert_int_equal(json_object_set_new(create, "TableName", json_string(name)), 0);
	body = json_dumps(create, 0);
	json_decref(dynalite_fixture_call(&server, "CreateTable", body));
	free(body);
	json_decref(definition);
}

static json_t *describe(const char *name, long *status)
{
	char body[OWN_DATABASE_MAX + 32];

	snprintf(body, sizeof(body), "{\"TableName\":\"%s\"}", name);
	return raw_dynamodb_call(server.endpoint, "DescribeTable", body, status);
}

/* The index of that name, to be found in a table's description. */
static const json_t *index_of(const json_t *table, const char *name)
{
	const json_t *index;
	size_t i;

	json_array_foreach(json_object_get(table, "GlobalSecondaryIndexes"), i, index)
	{
		if (strcmp(json_string_value(json_object_get(index, "IndexName")), name) == 0)
			return index;
	}
	fail_msg("no index %s", name);
	return NULL;
}

static void expect_key(const json_t *of, size_t at, const char *name, const char *type)
{
	const json_t *key = json_array_get(json_object_get(of, "KeySchema"), at);

	assert_string_equal(json_string_value(json_object_get(key, "AttributeName")), name);
	assert_string_equal(json_string_value(json_object_get(key, "KeyType")), type);
}

static void a_server_makes_the_table_with_its_indexes(void **state)
{
	struct own_database own;
	json_t *answer;
	const json_t *table;
	long status;

	(void)state;
	dynalite_fixture_need(&server);
	setenv("CART_DYNAMODB_ENDPOINT", server.endpoint, 1);
	own_database_make(&own, "dynamodb");
	make_table(own.name);
	answer = describe(own.name, &status);
	assert_int_equal(status, 200);
	table = json_object_get(answer, "Table");
	expect_key(table, 0, "cart_id", "HASH");
	expect_key(index_of(table, "customer-index"), 0, "customer_id", "HASH");
	expect_key(index_of(table, "customer-index"), 1, "created_key", "RANGE");
	expect_key(index_of(table, "idle-index"), 0, "idle_shard", "HASH");
	expect_key(index_of(table, "idle-index"), 1, "idle_key", "RANGE");
	assert_int_equal(json_array_size(json_object_get(table, "GlobalSecondaryIndexes")), 2);
	json_decref(answer);
	own_database_drop(&own);
}

static void what_may_go_is_told_by_time_to_live(void **state)
{
	json_t *definition = read_definition();
	const json_t *ttl = json_object_get(definition, "TimeToLive");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(ttl, "AttributeName")), "expires_at");
	assert_true(json_is_true(json_object_get(ttl, "Enabled")));
	json_decref(definition);
}

static void a_table_of_a_tests_own_is_gone_after_it(void **state)
{
	struct own_database own, other;
	json_t *answer;
	long status;

	(void)state;
	dynalite_fixture_need(&server);
	own_database_make(&own, "dynamodb");
	own_database_make(&other, "dynamodb");
	assert_string_equal(own.setting, "dynamodb.table");
	assert_string_not_equal(own.name, other.name);
	setenv("CART_DYNAMODB_ENDPOINT", server.endpoint, 1);
	make_table(own.name);
	own_database_drop(&own);
	/* One that the backend never came to make. */
	own_database_drop(&other);
	do {
		answer = describe(own.name, &status);
		if (status == 200)
			json_decref(answer);
	} while (status == 200);
	assert_string_equal(raw_dynamodb_error(answer), "ResourceNotFoundException");
	json_decref(answer);
}

static int stop_server(void **state)
{
	(void)state;
	dynalite_fixture_free(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_makes_the_table_with_its_indexes),
		cmocka_unit_test(what_may_go_is_told_by_time_to_live),
		cmocka_unit_test(a_table_of_a_tests_own_is_gone_after_it),
	};

	dynalite_fixture_start_if_any(&server, 1);
	return cmocka_run_group_tests(tests, NULL, stop_server);
}
