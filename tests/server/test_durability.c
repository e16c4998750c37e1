/*
 * What an acknowledged change is worth: cartd over SQLite is killed under load, has a full disk,
 * shares its file with a second one. Each client repeats what it got no answer to, with the same
 * Idempotency-Key; in the end every line holds exactly what its client had acknowledged.
 */
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/patience.h"

#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define CLIENTS 32
#define CARTS	8
#define KILLS	20
/* Answers that a round sees before its kill. */
#define ROUND_ANSWERS 300

struct writer {
	pthread_t thread;
	int port;
	int number;   /* its product is number + 1 */
	char group;   /* clients of one number in two groups have keys of their own */
	unsigned seq; /* of its last key */
	bool pending; /* the last request got no answer */
	int64_t acknowledged[CARTS];
	char trouble[128]; /* "": none */
};

static char directory[256];
static char carts[CARTS][API_ID_TEXT + 1];
static atomic_int answers;
static atomic_bool enough;

static void start_on(struct cartd *cartd, const char *folder)
{
	char path[300];
	const char *settings[] = {"backend=sqlite", path, "threads=2", NULL};

	snprintf(path, sizeof(path), "sqlite.path=%s/cart.db", folder);
	cartd_start(cartd, settings);
}

static void make_carts(int port)
{
	struct http_client http;
	struct http_response response = {0};

	http_client_open(&http, port);
	for (int i = 0; i < CARTS; i++) {
		json_t *json;

		http_client_call(&http, &response, "POST", "/shopping-carts", NULL,
				 "{\"customer_id\":1}");
		assert_int_equal(response.status, 201);
		json = json_loads(response.body, 0, NULL);
		snprintf(carts[i], sizeof(carts[i]), "%s",
			 json_string_value(json_object_get(json, "shopping_cart_id")));
		json_decref(json);
		http_response_clear(&response);
	}
	http_client_close(&http);
}

/* The status, or 0: the connection broke before the answer. Asserts nothing: it runs in threads. */
static int send_add(struct http_client *http, const struct writer *writer)
{
	struct http_response response = {0};
	char body[64], request[512];
	int status = 0;

	snprintf(body, sizeof(body), "{\"product_id\":%d,\"quantity\":1}", writer->number + 1);
	snprintf(request, sizeof(request),
		 "POST /shopping-carts/%s/items HTTP/1.1\r\nHost: t\r\n"
		 "Content-Type: application/json\r\nContent-Length: %zu\r\n"
		 "Idempotency-Key: %c%d-%u\r\n\r\n%s",
		 carts[writer->seq % CARTS], strlen(body), writer->group, writer->number,
		 writer->seq, body);
	if (http_client_send_text(http, request) &&
	    http_client_read(http, &response, false, 20000) == HTTP_READ_ANSWER)
		status = response.status;
	http_response_clear(&response);
	return status;
}

/* One add: a new one, or the last again when it got no answer. False: stop. */
static bool write_once(struct writer *writer, struct http_client *http)
{
	int status;

	if (!writer->pending)
		writer->seq++;
	writer->pending = true;
	status = send_add(http, writer);
	if (status == 0)
		return false;
	/* The service says itself that the outcome is open: asked again next time. */
	if (status == 504)
		return true;
	if (status != 204 && status != 503) {
		snprintf(writer->trouble, sizeof(writer->trouble), "client %d: status %d",
			 writer->number, status);
		return false;
	}
	writer->pending = false;
	if (status == 204)
		writer->acknowledged[writer->seq % CARTS]++;
	else
		writer->seq--; /* refused, nothing changed: the key is free again */
	atomic_fetch_add(&answers, 1);
	return status == 204;
}

static void *write_until_enough(void *user)
{
	struct writer *writer = user;
	struct http_client http;

	if (!http_client_try_open(&http, writer->port))
		return NULL;
	while (!atomic_load(&enough) && write_once(writer, &http))
		;
	http_client_close(&http);
	return NULL;
}

static void start_writers(struct writer *writers, char group, int port)
{
	atomic_store(&enough, false);
	for (int i = 0; i < CLIENTS; i++) {
		writers[i].port = port;
		writers[i].number = i;
		writers[i].group = group;
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_until_enough, &writers[i]),
			0);
	}
}

static void join_writers(struct writer *writers)
{
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
	for (int i = 0; i < CLIENTS; i++)
		if (writers[i].trouble[0] != '\0')
			fail_msg("%s", writers[i].trouble);
}

static void await_answers(int count)
{
	int64_t end = patience_ms() + 20000;

	while (atomic_load(&answers) < count) {
		if (patience_ms() > end)
			fail_msg("%d answers of %d in 20 s", atomic_load(&answers), count);
		usleep(1000);
	}
}

/* Every request without an answer is repeated until it has one. */
static void settle(struct writer *writers, int port)
{
	for (int i = 0; i < CLIENTS; i++) {
		struct http_client http;

		http_client_open(&http, port);
		for (int tries = 0; writers[i].pending && tries < 10; tries++)
			write_once(&writers[i], &http);
		assert_false(writers[i].pending);
		http_client_close(&http);
	}
}

/* Every line holds what its client had acknowledged: nothing less, nothing twice. */
static void assert_all_there(const struct writer *writers, int port)
{
	struct http_client http;
	struct http_response response = {0};
	char path[512];

	http_client_open(&http, port);
	for (int cart = 0; cart < CARTS; cart++) {
		int64_t quantities[CLIENTS] = {0};
		json_t *json, *items, *item;
		size_t at;

		snprintf(path, sizeof(path), "/shopping-carts/%s", carts[cart]);
		http_client_call(&http, &response, "GET", path, NULL, NULL);
		assert_int_equal(response.status, 200);
		json = json_loads(response.body, 0, NULL);
		items = json_object_get(json, "items");
		json_array_foreach(items, at, item)
		{
			json_int_t product =
				json_integer_value(json_object_get(item, "product_id"));

			assert_in_range(product, 1, CLIENTS);
			quantities[product - 1] =
				json_integer_value(json_object_get(item, "quantity"));
		}
		for (int i = 0; i < CLIENTS; i++)
			assert_int_equal(quantities[i], writers[i].acknowledged[cart]);
		json_decref(json);
		http_response_clear(&response);
	}
	http_client_close(&http);
}

static void assert_file_is_sound(const char *folder)
{
	char path[300];
	sqlite3 *db;
	sqlite3_stmt *stmt;

	snprintf(path, sizeof(path), "%s/cart.db", folder);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void killed_under_load_twenty_times_nothing_acknowledged_is_lost_or_doubled(void **state)
{
	static struct writer writers[CLIENTS];
	struct cartd cartd;

	(void)state;
	start_on(&cartd, directory);
	make_carts(cartd.port);
	for (int kill = 0; kill < KILLS; kill++) {
		atomic_store(&answers, 0);
		start_writers(writers, 'a', cartd.port);
		/* A little later each time, so that the kills fall on different moments. */
		await_answers(ROUND_ANSWERS + kill);
		cartd_kill(&cartd);
		join_writers(writers);
		start_on(&cartd, directory);
	}
	settle(writers, cartd.port);
	assert_all_there(writers, cartd.port);
	cartd_stop(&cartd);
	assert_file_is_sound(directory);
}

static void two_services_share_one_file(void **state)
{
	static struct writer one[CLIENTS], two[CLIENTS];
	struct cartd first, second;

	(void)state;
	start_on(&first, directory);
	start_on(&second, directory);
	make_carts(first.port);
	atomic_store(&answers, 0);
	start_writers(one, 'a', first.port);
	start_writers(two, 'b', second.port);
	await_answers(2000);
	atomic_store(&enough, true);
	join_writers(one);
	join_writers(two);
	settle(one, first.port);
	settle(two, second.port);
	for (int i = 0; i < CLIENTS; i++)
		for (int cart = 0; cart < CARTS; cart++)
			one[i].acknowledged[cart] += two[i].acknowledged[cart];
	assert_all_there(one, second.port);
	cartd_stop(&first);
	cartd_stop(&second);
	assert_file_is_sound(directory);
}

/* A small disk of our own, which nobody else sees. False: this machine does not let us. */
static bool make_small_disk(const char *folder)
{
	if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return mount("tmpfs", folder, "tmpfs", 0, "size=2m") == 0;
}

static void fill(const char *path, size_t size)
{
	char block[4096] = {0};
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	for (size_t i = 0; i < size; i += sizeof(block))
		assert_int_equal(fwrite(block, sizeof(block), 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

static void a_full_disk_is_503_and_service_goes_on_once_there_is_room(void **state)
{
	static struct writer writers[CLIENTS];
	struct http_client http;
	struct http_response response = {0};
	struct cartd cartd;
	char ballast[300];

	(void)state;
	if (!make_small_disk(directory)) {
		print_message("not tested: a full disk, because no tmpfs can be mounted here\n");
		skip();
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", directory);
	fill(ballast, 1024 * 1024);
	start_on(&cartd, directory);
	make_carts(cartd.port);
	atomic_store(&answers, 0);
	start_writers(writers, 'a', cartd.port);
	/* Each stops at its first 503. */
	join_writers(writers);

	/* Writing the log back may have made room for a few more. */
	http_client_open(&http, cartd.port);
	for (int tries = 0; response.status != 503; tries++) {
		assert_in_range(tries, 0, 20000);
		http_response_clear(&response);
		http_client_call(&http, &response, "POST", "/shopping-carts", NULL,
				 "{\"customer_id\":2}");
	}
	assert_non_null(strstr(response.body, "\"UNAVAILABLE\""));
	assert_non_null(http_response_header(&response, "Retry-After"));
	http_response_clear(&response);
	assert_all_there(writers, cartd.port);

	assert_int_equal(unlink(ballast), 0);
	http_client_call(&http, &response, "POST", "/shopping-carts", NULL, "{\"customer_id\":2}");
	assert_int_equal(response.status, 201);
	http_response_clear(&response);
	http_client_close(&http);
	settle(writers, cartd.port);
	assert_all_there(writers, cartd.port);
	cartd_stop(&cartd);
	assert_file_is_sound(directory);
	assert_int_equal(umount(directory), 0);
}

static int make_directory(void **state)
{
	(void)state;
	cartd_make_directory(directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	cartd_remove_directory(directory);
	return 0;
}

int main(void)
{
#define DURABILITY_TEST(test)                                                                      \
	cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		DURABILITY_TEST(
			killed_under_load_twenty_times_nothing_acknowledged_is_lost_or_doubled),
		DURABILITY_TEST(two_services_share_one_file),
		DURABILITY_TEST(a_full_disk_is_503_and_service_goes_on_once_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
