/* Who calls, by files that change: what counts when, with a clock of the test's. */
#include "server/access/access.h"

#include "server/settings.h"
#include "tests/lib/captured_log.h"
#include "tests/lib/clock_fake.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/jwt_fixture.h"
#include "tests/lib/scratch.h"
#include "tests/lib/token_file.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOW_MS INT64_C(1762039800000)

struct bench {
	struct clock_fake clock;
	struct settings *settings;
	atomic_uint reloads;
	struct access *access;
	char folder[SCRATCH_PATH_MAX], keys_path[SCRATCH_PATH_MAX + 16];
	struct token_file file;
	EVP_PKEY *key;
};

static void write_keys(const struct bench *b)
{
	char jwk[JWT_FIXTURE_TEXT];
	FILE *out = fopen(b->keys_path, "w");

	jwt_fixture_jwk(b->key, NULL, jwk);
	assert_non_null(out);
	fprintf(out, "{\"keys\":[%s]}", jwk);
	fclose(out);
}

static void set(struct bench *b, const char *key, const char *value)
{
	struct cart_error error;

	if (settings_set(b->settings, key, value, SETTING_FLAG, &error) != 0)
		fail_msg("%s", error.text);
}

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct cart_error error;

	*state = b;
	clock_fake_init(&b->clock, NOW_MS);
	clock_fake_hold_monotonic(&b->clock, CLOCK_NS_PER_S);
	scratch_make_folder(b->folder, "access");
	snprintf(b->file.path, sizeof(b->file.path), "%s/tokens", b->folder);
	snprintf(b->keys_path, sizeof(b->keys_path), "%s/keys", b->folder);
	token_file_add(&b->file, "first", "\"read\"", "");
	token_file_write(&b->file);
	b->key = jwt_fixture_key("P-256");
	write_keys(b);
	b->settings = settings_new();
	server_settings_add_all(b->settings);
	set(b, "auth", "token,jwt");
	set(b, "auth.token_file", b->file.path);
	set(b, "auth.jwt_keys", b->keys_path);
	set(b, "auth.jwt_issuer", "i");
	set(b, "auth.jwt_audience", "a");
	set(b, "auth.jwt_leeway", "0");
	if (access_open(&b->access, b->settings, &b->clock.clock, &b->reloads, &error) != 0)
		fail_msg("%s", error.text);
	captured_log_start();
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	captured_log_stop();
	access_close(&b->access);
	settings_free(&b->settings);
	EVP_PKEY_free(b->key);
	unlink(b->file.path);
	unlink(b->keys_path);
	rmdir(b->folder);
	free(b);
	return 0;
}

static enum access_status check(struct bench *b, const char *header, const char **why)
{
	struct access_caller caller;
	const char *value = header + strlen("Authorization: ");
	char text[JWT_FIXTURE_TEXT];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, "\r"), value);
	return access_check(b->access, text, &caller, why);
}

static bool granted(struct bench *b, const char *header)
{
	const char *why;

	return check(b, header, &why) == ACCESS_GRANTED;
}

static void pass_ms(struct bench *b, int64_t ms)
{
	clock_fake_advance(&b->clock, ms);
	clock_fake_hold_monotonic(&b->clock,
				  clock_monotonic_ns(&b->clock.clock) + ms * CLOCK_NS_PER_MS);
}

static void a_change_is_seen_once_a_second_at_most_or_at_a_hangup(void **state)
{
	struct bench *b = *state;
	const char *second = token_file_add(&b->file, "second", "\"read\"", "");
	const char *third;

	token_file_write(&b->file);
	pass_ms(b, 999);
	assert_false(granted(b, second));
	pass_ms(b, 1);
	assert_true(granted(b, second));
	third = token_file_add(&b->file, "third", "\"read\"", "");
	token_file_write(&b->file);
	assert_false(granted(b, third));
	b->reloads++;
	assert_true(granted(b, third));
	/* Revoked. */
	b->file.count = 1;
	token_file_write(&b->file);
	b->reloads++;
	assert_false(granted(b, second));
	assert_true(granted(b, b->file.entries[0].header));
}

/* Nobody needs to touch the file again when the reason has gone. */
static void what_could_not_be_read_for_a_moment_is_read_later(void **state)
{
	struct bench *b = *state;
	const char *second = token_file_add(&b->file, "second", "\"read\"", "");
	struct rlimit limit, none;

	token_file_write(&b->file);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	b->reloads++;
	assert_false(granted(b, second));
	assert_true(granted(b, b->file.entries[0].header));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pass_ms(b, 1000);
	assert_true(granted(b, second));
}

static void a_token_expires_by_the_wall_clock(void **state)
{
	struct bench *b = *state;
	const char *brief = token_file_add(&b->file, "brief", "\"read\"",
					   ",\"expires\":\"2025-11-01T23:30:01.000Z\"");
	const char *why;

	token_file_write(&b->file);
	b->reloads++;
	assert_true(granted(b, brief));
	pass_ms(b, 999);
	assert_true(granted(b, brief));
	pass_ms(b, 1);
	assert_int_equal(check(b, brief, &why), ACCESS_REJECTED);
	assert_string_equal(why, "the token has expired");
}

/* Its signature is not checked again, but its times are, and new keys end it. */
static void a_jwt_that_was_seen_is_good_as_long_as_it_says(void **state)
{
	struct bench *b = *state;
	char payload[128], token[JWT_FIXTURE_TEXT], header[JWT_FIXTURE_TEXT + 64];
	const char *why;
	EVP_PKEY *old = b->key;

	snprintf(payload, sizeof(payload),
		 "{\"iss\":\"i\",\"aud\":\"a\",\"nbf\":%" PRId64 ",\"exp\":%" PRId64 "}",
		 NOW_MS / 1000 + 2, NOW_MS / 1000 + 10);
	jwt_fixture_sign(b->key, NULL, "{\"alg\":\"ES256\"}", payload, token);
	snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", token);
	assert_int_equal(check(b, header, &why), ACCESS_REJECTED);
	assert_string_equal(why, "the token is not valid yet");
	pass_ms(b, 2000);
	assert_true(granted(b, header));
	assert_true(granted(b, header));
	clock_fake_advance(&b->clock, -1);
	assert_int_equal(check(b, header, &why), ACCESS_REJECTED);
	assert_string_equal(why, "the token is not valid yet");
	pass_ms(b, 8000);
	assert_true(granted(b, header));
	pass_ms(b, 1);
	assert_int_equal(check(b, header, &why), ACCESS_REJECTED);
	assert_string_equal(why, "the token has expired");
	pass_ms(b, -1000);
	assert_true(granted(b, header));
	b->key = jwt_fixture_key("P-256");
	EVP_PKEY_free(old);
	write_keys(b);
	b->reloads++;
	assert_int_equal(check(b, header, &why), ACCESS_REJECTED);
	assert_string_equal(why, "the token's signature is not good");
}

/* More tokens than are remembered, each twice. */
static void many_jwts_are_good_though_few_are_remembered(void **state)
{
	struct bench *b = *state;
	char payload[128], token[JWT_FIXTURE_TEXT], header[JWT_FIXTURE_TEXT + 64];

	for (int i = 0; i < 1100; i++) {
		snprintf(payload, sizeof(payload),
			 "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":%" PRId64 ",\"jti\":%d}",
			 NOW_MS / 1000 + 10, i);
		jwt_fixture_sign(b->key, NULL, "{\"alg\":\"ES256\"}", payload, token);
		snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", token);
		assert_true(granted(b, header));
		assert_true(granted(b, header));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_change_is_seen_once_a_second_at_most_or_at_a_hangup, start, stop),
		cmocka_unit_test_setup_teardown(what_could_not_be_read_for_a_moment_is_read_later,
						start, stop),
		cmocka_unit_test_setup_teardown(a_token_expires_by_the_wall_clock, start, stop),
		cmocka_unit_test_setup_teardown(a_jwt_that_was_seen_is_good_as_long_as_it_says,
						start, stop),
		cmocka_unit_test_setup_teardown(many_jwts_are_good_though_few_are_remembered, start,
						stop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
