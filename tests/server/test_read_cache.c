/* The read cache over HTTP: who may be answered from it, and what he then sees. */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"

#include <stdio.h>
#include <string.h>

#define EVENTUAL "?consistency=eventual"

/* Two services on one database; the first has the cache. */
struct pair {
	char folder[256], path[300];
	struct api_server with, without;
	struct api_client client, second, other;
};

static void pair_start(struct pair *p, const char *max_age)
{
	char age[64];
	const char *cached[] = {"backend=sqlite",    p->path, "threads=2", "cache.carts=100",
				"cache.memory=1MiB", age,     NULL};
	const char *plain[] = {"backend=sqlite", p->path, NULL};

	*p = (struct pair){0};
	cartd_make_directory(p->folder);
	snprintf(p->path, sizeof(p->path), "sqlite.path=%s/cart.db", p->folder);
	snprintf(age, sizeof(age), "cache.max_age=%s", max_age);
	cartd_start(&p->with.cartd, cached);
	cartd_start(&p->without.cartd, plain);
	api_open(&p->client, &p->with);
	api_open(&p->second, &p->with);
	api_open(&p->other, &p->without);
}

static void pair_stop(struct pair *p)
{
	api_close(&p->client);
	api_close(&p->second);
	api_close(&p->other);
	cartd_stop(&p->with.cartd);
	cartd_stop(&p->without.cartd);
	cartd_remove_directory(p->folder);
}

static bool is_hit(struct api_client *client)
{
	return strstr(api_header(client, "Server-Timing"), "cache;desc=hit") != NULL;
}

static int64_t read_version(struct api_client *client, const char *id, const char *query)
{
	assert_int_equal(api_call_cart(client, "GET", id, query, NULL, NULL), 200);
	return api_version(client);
}

static void eventual_reads_hit_and_others_do_not(void **state)
{
	char id[API_ID_TEXT + 1];
	struct pair p;

	(void)state;
	pair_start(&p, "1h");
	api_make_cart(&p.client, 1, id);
	assert_int_equal(read_version(&p.second, id, EVENTUAL), 1);
	assert_true(is_hit(&p.second));
	assert_int_equal(api_integer(&p.second, "customer_id"), 1);
	read_version(&p.second, id, "");
	assert_false(is_hit(&p.second));
	read_version(&p.second, id, "?consistency=strong");
	assert_false(is_hit(&p.second));
	assert_int_equal(api_call_cart(&p.second, "GET", id, EVENTUAL, "If-Match: \"1\"\r\n", NULL),
			 200);
	assert_false(is_hit(&p.second));
	read_version(&p.other, id, EVENTUAL);
	assert_false(is_hit(&p.other));
	assert_true(cartd_metric(&p.with.cartd, "cart_cache_reads_total{result=\"hit\"}") == 1);
	assert_true(cartd_metric(&p.with.cartd, "cart_cache_carts") == 1);
	pair_stop(&p);
}

/* Through other connections, which the kernel gives to any loop. */
static void what_was_acknowledged_is_seen_at_once(void **state)
{
	char id[API_ID_TEXT + 1], body[64];
	struct pair p;

	(void)state;
	pair_start(&p, "1h");
	api_make_cart(&p.client, 1, id);
	for (int64_t product = 1; product <= 20; product++) {
		int64_t version = api_add(&p.client, id, product, 1);

		assert_int_equal(read_version(&p.second, id, EVENTUAL), version);
		assert_true(is_hit(&p.second));
		assert_int_equal(json_array_size(json_object_get(p.second.json, "items")), product);
	}
	snprintf(body, sizeof(body), "{\"quantity\":%d,\"attributes\":{\"a\":1}}", 7);
	assert_int_equal(api_call_cart(&p.client, "PUT", id, "/items/3", NULL, body), 204);
	assert_int_equal(read_version(&p.second, id, EVENTUAL), 22);
	assert_true(is_hit(&p.second));
	assert_int_equal(
		json_object_size(json_object_get(
			json_array_get(json_object_get(p.second.json, "items"), 2), "attributes")),
		1);
	assert_int_equal(api_call_cart(&p.client, "POST", id, "/checkout", NULL, NULL), 200);
	assert_int_equal(read_version(&p.second, id, EVENTUAL), 23);
	assert_string_equal(api_string(&p.second, "status"), "checked_out");
	api_make_cart(&p.client, 1, id);
	assert_int_equal(api_call_cart(&p.client, "DELETE", id, "", NULL, NULL), 204);
	assert_int_equal(api_call_cart(&p.second, "GET", id, EVENTUAL, NULL, NULL), 404);
	pair_stop(&p);
}

/* Of both carts, though the answer has one. */
static void a_merge_is_seen_at_once(void **state)
{
	char to[API_ID_TEXT + 1], from[API_ID_TEXT + 1], body[128];
	struct pair p;

	(void)state;
	pair_start(&p, "1h");
	api_make_cart(&p.client, 1, to);
	api_make_cart(&p.client, 1, from);
	api_add(&p.client, to, 1, 1);
	api_add(&p.client, from, 1, 1);
	assert_int_equal(read_version(&p.second, from, EVENTUAL), 2);
	assert_true(is_hit(&p.second));
	snprintf(body, sizeof(body), "{\"from\":\"%s\",\"strategy\":\"add\"}", from);
	assert_int_equal(api_call_cart(&p.client, "POST", to, "/merge", NULL, body), 200);
	assert_int_equal(read_version(&p.second, from, EVENTUAL), 3);
	assert_string_equal(api_string(&p.second, "status"), "merged");
	assert_int_equal(read_version(&p.second, to, EVENTUAL), 3);
	assert_true(is_hit(&p.second));
	/* One that another service has made is seen when it is met. */
	api_make_cart(&p.client, 1, from);
	assert_int_equal(read_version(&p.second, from, EVENTUAL), 1);
	snprintf(body, sizeof(body), "{\"from\":\"%s\",\"strategy\":\"add\"}", from);
	assert_int_equal(api_call_cart(&p.other, "POST", to, "/merge", NULL, body), 200);
	assert_int_equal(api_call_cart(&p.client, "POST", to, "/merge", NULL, body), 200);
	assert_int_equal(read_version(&p.second, from, EVENTUAL), 2);
	pair_stop(&p);
}

static void a_change_by_another_service_is_seen_by_who_looks(void **state)
{
	char id[API_ID_TEXT + 1];
	struct pair p;

	(void)state;
	pair_start(&p, "1h");
	api_make_cart(&p.client, 1, id);
	api_add(&p.other, id, 1, 1);
	assert_int_equal(read_version(&p.client, id, EVENTUAL), 1);
	/* A copy is no answer to one who may have a newer cart. */
	assert_int_equal(
		api_call_cart(&p.client, "GET", id, EVENTUAL, "If-None-Match: \"1\"\r\n", NULL),
		304);
	assert_true(is_hit(&p.client));
	assert_int_equal(
		api_call_cart(&p.client, "GET", id, EVENTUAL, "If-None-Match: \"2\"\r\n", NULL),
		304);
	assert_int_equal(read_version(&p.client, id, EVENTUAL), 2);
	/* A strong read shows it, and so do eventual ones from then on. */
	api_add(&p.other, id, 1, 1);
	assert_int_equal(read_version(&p.client, id, ""), 3);
	assert_int_equal(read_version(&p.second, id, EVENTUAL), 3);
	/* A change that fails for it does, too. */
	api_add(&p.other, id, 1, 1);
	assert_int_equal(api_call_cart(&p.client, "DELETE", id, "", "If-Match: \"3\"\r\n", NULL),
			 412);
	assert_int_equal(read_version(&p.second, id, EVENTUAL), 4);
	pair_stop(&p);
}

static void a_change_by_another_service_is_seen_after_max_age(void **state)
{
	char id[API_ID_TEXT + 1];
	struct pair p;

	(void)state;
	pair_start(&p, "200ms");
	api_make_cart(&p.client, 1, id);
	for (int64_t version = 2; version < 5; version++) {
		int64_t changed_ms, asked_ms, seen = 0;

		assert_int_equal(api_add(&p.other, id, 1, 1), version);
		changed_ms = cartd_now_ms();
		do {
			asked_ms = cartd_now_ms();
			seen = read_version(&p.client, id, EVENTUAL);
		} while (seen < version && asked_ms - changed_ms <= 200);
		assert_int_equal(seen, version);
	}
	pair_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eventual_reads_hit_and_others_do_not),
		cmocka_unit_test(what_was_acknowledged_is_seen_at_once),
		cmocka_unit_test(a_merge_is_seen_at_once),
		cmocka_unit_test(a_change_by_another_service_is_seen_by_who_looks),
		cmocka_unit_test(a_change_by_another_service_is_seen_after_max_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
