/* Callers with JSON Web Tokens, beside those with tokens of the file. */
#include "core/base/clock.h"
#include "tests/lib/api_client.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/jwt_fixture.h"
#include "tests/lib/patience.h"
#include "tests/lib/token_file.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOBODY "00000000-0000-4000-8000-000000000001"
#define READS  "/shopping-carts/" NOBODY

static struct api_server server;
static struct api_client client;
static struct token_file file;
static char folder[256], keys_path[300];
static EVP_PKEY *key, *next_key;
static const char *reader;

static int call(const char *method, const char *path, const char *headers, const char *body)
{
	return api_call(&client, method, path, headers, body);
}

static void expect(int status, const char *error, const char *says)
{
	api_expect(&client, status, error, says);
}

static void write_keys(EVP_PKEY *first, const char *kid)
{
	char jwk[JWT_FIXTURE_TEXT], beside[320];
	FILE *out;

	jwt_fixture_jwk(first, kid, jwk);
	snprintf(beside, sizeof(beside), "%s.new", keys_path);
	out = fopen(beside, "w");
	assert_non_null(out);
	fprintf(out, "{\"keys\":[%s]}", jwk);
	fclose(out);
	assert_int_equal(rename(beside, keys_path), 0);
}

/* The header line with a token that lasts so long; claims: further ones. */
static const char *token_of(EVP_PKEY *signer, const char *kid, int64_t seconds, const char *claims)
{
	static char line[JWT_FIXTURE_TEXT + 64];
	char header[128], payload[512], token[JWT_FIXTURE_TEXT];
	int64_t now_s = clock_wall_ms(&cart_clock_system) / 1000;

	snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid);
	snprintf(payload, sizeof(payload),
		 "{\"iss\":\"https://login.shop\",\"aud\":[\"shop\",\"cart\"],\"exp\":%" PRId64
		 "%s}",
		 now_s + seconds, claims);
	jwt_fixture_sign(signer, NULL, header, payload, token);
	snprintf(line, sizeof(line), "Authorization: Bearer %s\r\n", token);
	return line;
}

/* further: one more setting, or NULL. */
static void start_server(struct api_server *started, const char *further)
{
	char token_setting[320], keys_setting[320];
	const char *settings[] = {"auth=token,jwt",
				  token_setting,
				  keys_setting,
				  "auth.jwt_issuer=https://login.shop",
				  "auth.jwt_audience=cart",
				  "auth.customer_claim=cart_customer",
				  "auth.jwt_scopes=read",
				  further,
				  NULL};

	snprintf(token_setting, sizeof(token_setting), "auth.token_file=%s", file.path);
	snprintf(keys_setting, sizeof(keys_setting), "auth.jwt_keys=%s", keys_path);
	api_server_start(started, settings);
}

#define ANN ",\"sub\":\"ann\",\"cart_customer\":1,\"scope\":\"openid read write\""

static void a_customer_lives_a_life(void **state)
{
	char id[API_ID_TEXT + 1];

	(void)state;
	assert_int_equal(call("POST", "/shopping-carts", token_of(key, "one", 60, ANN),
			      "{\"customer_id\":1}"),
			 201);
	strcpy(id, api_string(&client, "shopping_cart_id"));
	assert_int_equal(api_call_cart(&client, "POST", id, "/items", token_of(key, "one", 60, ANN),
				       "{\"product_id\":7,\"quantity\":2}"),
			 204);
	assert_int_equal(api_call_cart(&client, "GET", id, "", token_of(key, "one", 60, ANN), NULL),
			 200);
	assert_int_equal(
		api_call_cart(&client, "GET", id, "",
			      token_of(key, "one", 60,
				       ",\"sub\":\"bob\",\"cart_customer\":2,\"scope\":\"read\""),
			      NULL),
		404);
	/* Somebody without a customer reaches the carts of guests alone. */
	assert_int_equal(api_call_cart(&client, "GET", id, "",
				       token_of(key, "one", 60, ",\"scope\":\"read\""), NULL),
			 404);
	assert_int_equal(call("POST", "/shopping-carts",
			      token_of(key, "one", 60, ",\"scope\":\"write\""),
			      "{\"customer_id\":1}"),
			 403);
	/* The claim of scopes is missing: auth.jwt_scopes. */
	assert_int_equal(api_call_cart(&client, "GET", id, "",
				       token_of(key, "one", 60, ",\"cart_customer\":1"), NULL),
			 200);
	assert_int_equal(api_call_cart(&client, "DELETE", id, "",
				       token_of(key, "one", 60, ",\"cart_customer\":1"), NULL),
			 403);
	assert_int_equal(api_call_cart(&client, "POST", id, "/checkout",
				       token_of(key, "one", 60, ANN), NULL),
			 200);
}

static void what_is_no_good_token_is_401(void **state)
{
	char forged[JWT_FIXTURE_TEXT + 64];

	(void)state;
	call("GET", READS, token_of(key, "one", -31, ANN), NULL);
	expect(401, "UNAUTHORIZED", "expired");
	assert_non_null(strstr(api_header(&client, "WWW-Authenticate"), "error=\"invalid_token\""));
	call("GET", READS, token_of(next_key, "one", 60, ANN), NULL);
	expect(401, "UNAUTHORIZED", "signature");
	call("GET", READS, token_of(key, "other", 60, ANN), NULL);
	expect(401, "UNAUTHORIZED", "key");
	call("GET", READS, token_of(key, "one", 60, ",\"nbf\":99999999999"), NULL);
	expect(401, "UNAUTHORIZED", "not valid yet");
	call("GET", READS, "Authorization: Bearer a.b.c\r\n", NULL);
	expect(401, "UNAUTHORIZED", "well formed");
	strcpy(forged, token_of(key, "one", 60, ANN));
	assert_int_equal(call("GET", READS, forged, NULL), 404);
	forged[strlen(forged) - 20] ^= 1;
	call("GET", READS, forged, NULL);
	expect(401, "UNAUTHORIZED", NULL);
}

static void tokens_of_the_file_are_good_beside(void **state)
{
	(void)state;
	assert_int_equal(call("GET", READS, reader, NULL), 404);
	assert_int_equal(call("DELETE", READS, reader, NULL), 403);
}

static void pause_ms(int ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000L};

	nanosleep(&pause, NULL);
}

static void await_status(const char *header, int status)
{
	int64_t end_ms = patience_ms() + 10000;

	while (call("GET", READS, header, NULL) != status) {
		if (patience_ms() > end_ms)
			fail_msg("%d did not come", status);
		pause_ms(10);
	}
}

/* Its signature is not checked again, but its time is. */
static void a_token_that_was_seen_expires_all_the_same(void **state)
{
	char line[JWT_FIXTURE_TEXT + 64];

	(void)state;
	strcpy(line, token_of(key, "one", -29, ANN));
	for (int i = 0; i < 3; i++)
		if (call("GET", READS, line, NULL) == 401)
			break;
	await_status(line, 401);
	expect(401, "UNAUTHORIZED", "expired");
}

/* The issuer changes its key: the new one counts without a restart, and the old one not any more,
 * also for tokens that were seen. */
static void keys_are_read_again(void **state)
{
	char old[JWT_FIXTURE_TEXT + 64], fresh[JWT_FIXTURE_TEXT + 64];

	(void)state;
	strcpy(old, token_of(key, "one", 60, ANN));
	strcpy(fresh, token_of(next_key, "two", 60, ANN));
	assert_int_equal(call("GET", READS, old, NULL), 404);
	assert_int_equal(call("GET", READS, fresh, NULL), 401);
	write_keys(next_key, "two");
	cartd_signal(&server.cartd, SIGHUP);
	await_status(fresh, 404);
	assert_int_equal(call("GET", READS, old, NULL), 401);
	write_keys(key, "one");
	await_status(old, 404);
	assert_int_equal(call("GET", READS, fresh, NULL), 401);
}

#define ASKERS	 4
#define REWRITES 40

/* Somebody who asks all the time, with one token. */
struct asker {
	pthread_t thread;
	const char *header;
	atomic_bool *stop;
	int port, answers, refused;
};

static void *asker_run(void *user)
{
	struct asker *asker = user;
	struct http_response response = {0};
	struct http_client http;

	http_client_open(&http, asker->port);
	while (!atomic_load(asker->stop)) {
		http_client_call(&http, &response, "GET", READS, asker->header, NULL);
		asker->answers++;
		asker->refused += response.status != 404;
	}
	http_response_clear(&response);
	http_client_close(&http);
	return NULL;
}

/* Every loop reads the files by itself, also while others look up callers: who stays in them is
 * never refused. */
static void callers_are_found_while_the_files_change(void **state)
{
	char jwt[JWT_FIXTURE_TEXT + 64];
	struct asker askers[ASKERS] = {0};
	struct token_file changing = file;
	struct api_server busy;
	atomic_bool stop = false;

	(void)state;
	strcpy(jwt, token_of(key, "one", 3600, ANN));
	start_server(&busy, "threads=2");
	for (int i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.header = i % 2 == 0 ? reader : jwt,
					   .port = busy.cartd.port,
					   .stop = &stop};
		assert_int_equal(pthread_create(&askers[i].thread, NULL, asker_run, &askers[i]), 0);
	}
	for (int i = 0; i < REWRITES; i++) {
		changing.count = file.count;
		if (i % 2 == 0)
			token_file_add(&changing, "visitor", "\"read\"", "");
		token_file_write(&changing);
		write_keys(key, "one");
		cartd_signal(&busy.cartd, SIGHUP);
		pause_ms(10);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < ASKERS; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_true(askers[i].answers > 0);
		assert_int_equal(askers[i].refused, 0);
	}
	api_server_stop(&busy);
	token_file_write(&file);
}

static void no_start_without_keys_issuer_and_audience(void **state)
{
	static const char *const words[][3] = {
		{"--auth.jwt_issuer=a", "--auth.jwt_audience=b", "auth=jwt needs auth.jwt_keys"},
		{"--auth.jwt_keys=k", "--auth.jwt_audience=b", "auth=jwt needs auth.jwt_issuer"},
		{"--auth.jwt_keys=k", "--auth.jwt_issuer=a", "auth=jwt needs auth.jwt_audience"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *argv[] = {"cartd-test", "--backend=memory", "--auth=jwt",
				      words[i][0],  words[i][1],	NULL};
		char *output;

		assert_int_equal(cartd_run_program(argv, &output, 20000), 1);
		assert_non_null(strstr(output, words[i][2]));
		free(output);
	}
}

static int start(void **state)
{
	(void)state;
	cartd_make_directory(folder);
	snprintf(file.path, sizeof(file.path), "%s/tokens.json", folder);
	snprintf(keys_path, sizeof(keys_path), "%s/keys.json", folder);
	reader = token_file_add(&file, "reader", "\"read\"", "");
	token_file_write(&file);
	key = jwt_fixture_key("P-256");
	next_key = jwt_fixture_key("P-256");
	write_keys(key, "one");
	start_server(&server, NULL);
	api_open(&client, &server);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	api_close(&client);
	api_server_stop(&server);
	cartd_remove_directory(folder);
	EVP_PKEY_free(key);
	EVP_PKEY_free(next_key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_customer_lives_a_life),
		cmocka_unit_test(what_is_no_good_token_is_401),
		cmocka_unit_test(tokens_of_the_file_are_good_beside),
		cmocka_unit_test(a_token_that_was_seen_expires_all_the_same),
		cmocka_unit_test(keys_are_read_again),
		cmocka_unit_test(callers_are_found_while_the_files_change),
		cmocka_unit_test(no_start_without_keys_issuer_and_audience),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
