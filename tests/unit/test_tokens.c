/* The file of bearer tokens, and how one is found. */
#include "server/access/tokens.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HASH_B "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e20"
#define TOKEN(name_, hash_, rest_)                                                                 \
	"{\"name\":\"" name_ "\",\"sha256\":\"" hash_                                              \
	"\",\"created\":\"2025-11-01T23:30:00Z\"" rest_ "}"
#define READ	       ",\"scopes\":[\"read\"]"
#define FILE_OF(list_) "{\"tokens\":[" list_ "]}"

static struct tokens tokens;
static struct cart_error error;

static void expect_wrong(const char *text, const char *says)
{
	assert_int_equal(tokens_parse(&tokens, text, strlen(text), &error), -1);
	assert_null(tokens.all);
	assert_int_equal(tokens.count, 0);
	if (strstr(error.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void a_file_says_who_may_do_what(void **state)
{
	static const char text[] =
		FILE_OF(TOKEN("shop", HASH_B, ",\"scopes\":[\"read\",\"write\"]") "," TOKEN(
			"ann", HASH_A,
			READ ",\"customer\":\"123\",\"expires\":\"2025-12-01T00:00:00Z\""));
	const struct token *ann, *shop;

	(void)state;
	assert_int_equal(tokens_parse(&tokens, text, sizeof(text) - 1, &error), 0);
	assert_int_equal(tokens.count, 2);
	shop = tokens_named(&tokens, "shop");
	ann = tokens_named(&tokens, "ann");
	assert_non_null(ann);
	assert_int_equal(ann->caller.scopes, ACCESS_READ);
	assert_true(ann->caller.bound);
	assert_string_equal(ann->caller.customer.text, "123");
	assert_true(ann->expires_ms > ann->created_ms);
	assert_int_equal(shop->caller.scopes, ACCESS_READ | ACCESS_WRITE);
	assert_false(shop->caller.bound);
	assert_int_equal(shop->expires_ms, 0);
	assert_null(tokens_named(&tokens, "an"));
	tokens_clear(&tokens);
}

/* The hashes differ in their last byte, so that what is found first is not enough. */
static void a_token_is_found_by_its_whole_hash(void **state)
{
	static const char text[] = FILE_OF(TOKEN("b", HASH_B, READ) "," TOKEN("a", HASH_A, READ));
	uint8_t hash[TOKEN_HASH_BYTES];

	(void)state;
	assert_int_equal(tokens_parse(&tokens, text, sizeof(text) - 1, &error), 0);
	for (uint8_t i = 0; i < TOKEN_HASH_BYTES; i++)
		hash[i] = i;
	assert_string_equal(tokens_find(&tokens, hash)->caller.name, "a");
	hash[31] = 0x20;
	assert_string_equal(tokens_find(&tokens, hash)->caller.name, "b");
	hash[31] = 0x21;
	assert_null(tokens_find(&tokens, hash));
	hash[0] = 1;
	assert_null(tokens_find(&tokens, hash));
	hash[0] = 0;
	hash[7] = 0;
	assert_null(tokens_find(&tokens, hash));
	tokens_clear(&tokens);
	assert_null(tokens_find(&tokens, hash));
}

static void a_file_with_a_mistake_is_refused_whole(void **state)
{
	(void)state;
	expect_wrong("", "not JSON");
	expect_wrong("{\"tokens\":[]", "not JSON");
	expect_wrong("[]", "it is not");
	expect_wrong("{\"tokens\":{}}", "it is not");
	expect_wrong("{\"tokens\":[],\"more\":1}", "it is not");
	expect_wrong(FILE_OF("1"), "token 1: name");
	expect_wrong(FILE_OF(TOKEN("", HASH_A, READ)), "token 1: name");
	expect_wrong(FILE_OF(TOKEN("a b", HASH_A, READ)), "token 1: name");
	expect_wrong(FILE_OF(TOKEN("a\\u0000", HASH_A, READ)), "not JSON");
	expect_wrong(FILE_OF(TOKEN("a", "00", READ)), "token 1: sha256");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A "00", READ)), "token 1: sha256");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, "")), "token 1: scopes");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, ",\"scopes\":[]")), "token 1: scopes");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, ",\"scopes\":[\"root\"]")), "token 1: scopes");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, ",\"scopes\":\"read\"")), "token 1: scopes");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ ",\"customer\":\"\"")), "customer");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ ",\"customer\":7")), "customer");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ ",\"expires\":\"soon\"")), "expires");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ ",\"expires\":null")), "expires");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ ",\"only_from\":\"::1\"")), "not known");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ) "," TOKEN("a", HASH_B, READ)),
		     "two tokens have the name \"a\"");
	expect_wrong(FILE_OF(TOKEN("a", HASH_A, READ) "," TOKEN("b", HASH_A, READ)),
		     "the same token");
}

static void a_file_that_others_may_write_to_is_refused(void **state)
{
	char path[SCRATCH_PATH_MAX];
	int fd = scratch_make_file(path, "tokens");
	static const char text[] = FILE_OF(TOKEN("a", HASH_A, READ));

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(fchmod(fd, 0620), 0);
	assert_int_equal(tokens_load(&tokens, path, &error), -1);
	assert_non_null(strstr(error.text, "chmod 600"));
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(tokens_load(&tokens, path, &error), 0);
	tokens_clear(&tokens);
	close(fd);
	unlink(path);
	assert_int_equal(tokens_load(&tokens, path, &error), -1);
	assert_non_null(strstr(error.text, "No such file"));
	assert_int_equal(tokens_load(&tokens, "/dev/zero", &error), -1);
}

static void tokens_that_are_made_differ_and_fit_their_hash(void **state)
{
	char first[TOKEN_TEXT + 1], second[TOKEN_TEXT + 1];
	uint8_t hash[TOKEN_HASH_BYTES], other[TOKEN_HASH_BYTES];

	(void)state;
	assert_true(token_make(first, hash));
	assert_true(token_make(second, other));
	assert_int_equal(strlen(first), TOKEN_TEXT);
	assert_memory_equal(first, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
	assert_string_not_equal(first, second);
	assert_memory_not_equal(hash, other, sizeof(hash));
}

static void scopes_are_read_and_written(void **state)
{
	char text[ACCESS_SCOPES_TEXT];

	(void)state;
	assert_int_equal(access_scopes_parse("read", ','), ACCESS_READ);
	assert_int_equal(access_scopes_parse("admin,read,write", ','),
			 ACCESS_READ | ACCESS_WRITE | ACCESS_ADMIN);
	assert_int_equal(access_scopes_parse("", ','), 0);
	assert_int_equal(access_scopes_parse("read,", ','), 0);
	assert_int_equal(access_scopes_parse("read,root", ','), 0);
	assert_int_equal(access_scopes_parse("Read", ','), 0);
	assert_string_equal(access_scopes_format(7, text), "read,write,admin");
	assert_string_equal(access_scopes_format(0, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_says_who_may_do_what),
		cmocka_unit_test(a_token_is_found_by_its_whole_hash),
		cmocka_unit_test(a_file_with_a_mistake_is_refused_whole),
		cmocka_unit_test(a_file_that_others_may_write_to_is_refused),
		cmocka_unit_test(tokens_that_are_made_differ_and_fit_their_hash),
		cmocka_unit_test(scopes_are_read_and_written),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
