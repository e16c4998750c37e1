/* Files of keys: which keys are taken, and which files are refused. */
#include "server/access/keys.h"

#include "tests/lib/cmocka.h"
#include "tests/lib/jwt_fixture.h"
#include "tests/lib/scratch.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALL	   (JWT_RS256 | JWT_ES256 | JWT_EDDSA | JWT_HS256)
#define PUBLIC	   (JWT_RS256 | JWT_ES256 | JWT_EDDSA)
#define SECRET	   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 32 bytes */
#define OCT(rest_) "{\"kty\":\"oct\",\"k\":\"" SECRET "\"" rest_ "}"
#define ED	   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OKP(rest_) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED "\"" rest_ "}"
#define SET(list_) "{\"keys\":[" list_ "]}"
#define X	   "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y	   "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC(x_, y_) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x_ "\",\"y\":\"" y_ "\"}"

static struct jwt_keys keys;
static struct cart_error error;

static void expect_keys(const char *text, unsigned algorithms, size_t count)
{
	if (jwt_keys_parse(&keys, algorithms, text, strlen(text), &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(keys.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(keys.all[i].algorithm & ~algorithms, 0);
	jwt_keys_clear(&keys);
}

static void expect_wrong(const char *text, const char *says)
{
	assert_int_equal(jwt_keys_parse(&keys, ALL, text, strlen(text), &error), -1);
	assert_null(keys.all);
	if (strstr(error.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.text, says);
}

static void keys_for_other_work_are_left_out(void **state)
{
	(void)state;
	expect_keys(SET(OKP("") "," OCT("") "," EC(X, Y)), ALL, 3);
	expect_keys(SET(OKP("") "," OCT("") "," EC(X, Y)), PUBLIC, 2);
	expect_keys(SET(OKP("") "," OCT("") "," EC(X, Y)), JWT_ES256, 1);
	expect_keys(SET(OKP(",\"use\":\"enc\"") "," OKP(",\"use\":\"sig\"")), ALL, 1);
	expect_keys(SET(OKP(",\"key_ops\":[\"sign\"]") "," OKP(",\"key_ops\":[\"x\",\"verify\"]")),
		    ALL, 1);
	expect_keys(SET(OKP(",\"alg\":\"HS256\"") "," OKP(",\"alg\":\"EdDSA\"")), ALL, 1);
	expect_keys(SET("{\"kty\":\"EC\",\"crv\":\"P-384\"},{\"kty\":\"new\"},{}," OKP("")), ALL,
		    1);
	expect_wrong(SET(""), "no key for one of");
	expect_wrong(SET(OKP(",\"use\":\"enc\"")), "no key for one of");
}

static void a_key_that_is_broken_or_private_refuses_the_file(void **state)
{
	(void)state;
	expect_wrong("", "no key for one of");
	expect_wrong("nonsense", "no key for one of");
	expect_wrong("{", "not JSON");
	expect_wrong("{\"keys\":{}}", "not a JWK set");
	expect_wrong("{}", "not a JWK set");
	expect_wrong(SET("1"), "key 1 is broken");
	expect_wrong(SET(OKP(",\"d\":\"" ED "\"")), "key 1 is broken, private");
	expect_wrong(SET(OKP("") "," OKP(",\"kid\":7")), "key 2 is broken");
	expect_wrong(SET(OKP(",\"kid\":\"\"")), "key 1 is broken");
	expect_wrong(SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}"), "key 1");
	expect_wrong(SET("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"), "key 1");
	/* Not a point of the curve; not of 32 bytes; not base64url. */
	expect_wrong(SET(EC(X, X)), "key 1");
	expect_wrong(SET(EC(X, "AAAA")), "key 1");
	expect_wrong(SET(EC(X, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0=")), "key 1");
	/* A secret that can be guessed. */
	expect_wrong(SET("{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}"), "too short");
	expect_wrong(SET("{\"kty\":\"oct\",\"k\":\"\"}"), "key 1");
	expect_wrong(SET("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"), "too short");
	expect_wrong(SET("{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}"), "key 1");
}

static void an_rsa_key_has_at_least_2048_bits(void **state)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	char jwk[JWT_FIXTURE_TEXT], set[JWT_FIXTURE_TEXT + 32];

	(void)state;
	jwt_fixture_jwk(weak, NULL, jwk);
	EVP_PKEY_free(weak);
	snprintf(set, sizeof(set), "{\"keys\":[%s]}", jwk);
	expect_wrong(set, "too short");
}

static void too_many_keys_are_refused(void **state)
{
	char set[8192] = "{\"keys\":[{}";

	(void)state;
	for (size_t i = 1; i < JWT_KEYS_MAX; i++)
		strcat(set, ",{}");
	strcat(set, "]}");
	expect_wrong(set, "no key for one of");
	set[strlen(set) - 2] = '\0';
	strcat(set, ",{}]}");
	expect_wrong(set, "at most");
}

/* The text of PEM that a key writes. */
static void pem_of(EVP_PKEY *key, bool whole, char *text, size_t room)
{
	BIO *out = BIO_new(BIO_s_mem());
	int len;

	if (whole)
		PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_bio_PUBKEY(out, key);
	len = BIO_read(out, text, (int)room - 1);
	assert_true(len > 0);
	text[len] = '\0';
	BIO_free(out);
}

static void public_keys_are_read_as_pem(void **state)
{
	EVP_PKEY *rsa = jwt_fixture_key("RSA"), *ec = jwt_fixture_key("P-256");
	EVP_PKEY *large = EVP_EC_gen("P-384");
	char text[4096], one[2048];

	(void)state;
	pem_of(rsa, false, text, sizeof(text));
	pem_of(ec, false, one, sizeof(one));
	strcat(text, one);
	pem_of(large, false, one, sizeof(one));
	strcat(text, one);
	expect_keys(text, ALL, 2);
	expect_keys(text, JWT_ES256, 1);
	pem_of(ec, true, one, sizeof(one));
	strcat(text, one);
	expect_wrong(text, "key 4 is broken");
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(large);
}

static void a_file_with_a_secret_is_its_owners_alone(void **state)
{
	static const char set[] = SET(OCT(""));
	char path[SCRATCH_PATH_MAX];
	int fd = scratch_make_file(path, "keys");

	(void)state;
	assert_int_equal(write(fd, set, sizeof(set) - 1), sizeof(set) - 1);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(jwt_keys_load(&keys, ALL, path, &error), -1);
	assert_non_null(strstr(error.text, "others may read it"));
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(jwt_keys_load(&keys, ALL, path, &error), 0);
	jwt_keys_clear(&keys);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_for_other_work_are_left_out),
		cmocka_unit_test(a_key_that_is_broken_or_private_refuses_the_file),
		cmocka_unit_test(an_rsa_key_has_at_least_2048_bits),
		cmocka_unit_test(too_many_keys_are_refused),
		cmocka_unit_test(public_keys_are_read_as_pem),
		cmocka_unit_test(a_file_with_a_secret_is_its_owners_alone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
