/* JSON Web Tokens: the examples of the RFCs, and every way in which one is not good. */
#include "server/access/jwt.h"

#include "core/base/base64url.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/jwt_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define ALL    (JWT_RS256 | JWT_ES256 | JWT_EDDSA | JWT_HS256)
#define NOW_MS INT64_C(1300819000000) /* before the exp of RFC 7515's examples */
#define CLAIMS                                                                                     \
	"\"iss\":\"joe\",\"aud\":\"cart\",\"exp\":1300819380,\"sub\":\"ann\",\"customer_id\":7,"   \
	"\"scope\":\"openid read write\""

static const struct jwt_rules rules = {.issuer = "joe",
				       .audience = "cart",
				       .leeway_ms = 30000,
				       .customer_claim = "customer_id",
				       .scope_claim = "scope",
				       .scopes = ACCESS_READ};
static EVP_PKEY *rsa, *ec, *ed, *other;
static struct jwt_keys keys; /* of rsa, ec and ed, by these names */
static struct jwt_claims claims;
static struct cart_error error;
static char token[JWT_FIXTURE_TEXT];

static const char *verify_with(const struct jwt_keys *set, const char *text)
{
	return jwt_verify(set, &rules, text, strlen(text), NOW_MS, &claims);
}

/* why: what is wrong; NULL: nothing. */
static void expect(const char *text, const char *why)
{
	const char *got = verify_with(&keys, text);

	if ((why == NULL) != (got == NULL) || (why != NULL && strstr(got, why) == NULL))
		fail_msg("\"%s\", not \"%s\"", got != NULL ? got : "good",
			 why != NULL ? why : "good");
}

/* Signs a payload with the EC key. */
static void expect_payload(const char *payload, const char *why)
{
	jwt_fixture_sign(ec, NULL, "{\"alg\":\"ES256\",\"kid\":\"ec\"}", payload, token);
	expect(token, why);
}

static void expect_header(const char *header, const char *why)
{
	jwt_fixture_sign(ec, NULL, header, "{" CLAIMS "}", token);
	expect(token, why);
}

/* A token of an RFC is good, but for another audience, or no JSON; and changed it is not. */
static void expect_example(const char *jwk, const char *text, const char *why)
{
	char set[1024], changed[1024];
	struct jwt_keys example;
	const char *got;

	snprintf(set, sizeof(set), "{\"keys\":[%s]}", jwk);
	if (jwt_keys_parse(&example, ALL, set, strlen(set), &error) != 0)
		fail_msg("%s", error.text);
	got = verify_with(&example, text);
	assert_non_null(got);
	assert_string_equal(got, why);
	strcpy(changed, text);
	changed[strcspn(changed, ".") + 6] ^= 1;
	got = verify_with(&example, changed);
	assert_string_equal(got, "the token's signature is not good");
	jwt_keys_clear(&example);
}

#define JOE                                                                                        \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
	"cnVlfQ"

static void the_examples_of_the_rfcs_are_verified(void **state)
{
	(void)state;
	/* RFC 7515, A.1, A.2 and A.3 */
	expect_example("{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
		       "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
		       "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE
		       ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		       "the token is for another audience");
	expect_example(
		"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPd"
		"dxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690"
		"r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2"
		"CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9i"
		"aGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}",
		"eyJhbGciOiJSUzI1NiJ9." JOE
		".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF"
		"5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5"
		"h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZ"
		"ESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0i"
		"gcN_IoypGlUPQGe77Rw",
		"the token is for another audience");
	expect_example("{\"kty\":\"EC\",\"crv\":\"P-256\","
		       "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		       "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
		       "eyJhbGciOiJFUzI1NiJ9." JOE
		       ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJ"
		       "qPP3-Kg6NU1Q",
		       "the token is for another audience");
	/* RFC 8037, A.4, whose payload is a sentence */
	expect_example(
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
		"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnL"
		"WG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
		"the token is not well formed");
	/* RFC 7519, 6.1: unsecured; A.1: encrypted */
	expect("eyJhbGciOiJub25lIn0." JOE ".", "algorithm is not accepted");
	expect("eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.QR1Owv2ug2WyPBnbQrRARTeEk9k"
	       ".AxY8DCtDaGlsbGljb3RoZQ.MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72.fiK51VwhsxJ-si"
	       "BMR-YFiA",
	       "not well formed");
}

static void a_good_token_names_its_caller(void **state)
{
	static const struct {
		EVP_PKEY **key;
		const char *header;
	} ways[] = {
		{&rsa, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}"},
		{&ec, "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"at+jwt\"}"},
		{&ed, "{\"alg\":\"EdDSA\",\"kid\":\"ed\",\"typ\":\"application/at+jwt\"}"},
		{&ec, "{\"alg\":\"ES256\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		jwt_fixture_sign(*ways[i].key, NULL, ways[i].header, "{" CLAIMS "}", token);
		expect(token, NULL);
		assert_string_equal(claims.caller.name, "jwt:ann");
		assert_int_equal(claims.caller.scopes, ACCESS_READ | ACCESS_WRITE);
		assert_true(claims.caller.bound);
		assert_string_equal(claims.caller.customer.text, "7");
		assert_int_equal(claims.until_ms, INT64_C(1300819380000) + 30000);
	}
}

static void the_algorithm_is_the_keys_and_not_the_tokens_choice(void **state)
{
	char pem[1024];
	BIO *out = BIO_new(BIO_s_mem());
	struct jwt_keys narrow;
	char set[JWT_FIXTURE_TEXT], jwk[JWT_FIXTURE_TEXT];
	int len;

	(void)state;
	/* Signed by HMAC with what everybody knows. */
	PEM_write_bio_PUBKEY(out, rsa);
	len = BIO_read(out, pem, sizeof(pem) - 1);
	assert_true(len > 0);
	pem[len] = '\0';
	BIO_free(out);
	jwt_fixture_sign(NULL, pem, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", "{" CLAIMS "}", token);
	expect(token, "key is not known");
	/* With another key's algorithm, or none of ours. */
	expect_header("{\"alg\":\"RS256\",\"kid\":\"ec\"}", "key is not known");
	expect_header("{\"alg\":\"EdDSA\",\"kid\":\"ec\"}", "key is not known");
	expect_header("{\"alg\":\"ES384\"}", "algorithm");
	expect_header("{\"alg\":\"none\"}", "algorithm");
	expect_header("{\"alg\":\"None\"}", "algorithm");
	expect_header("{\"alg\":\"\"}", "algorithm");
	expect_header("{\"alg\":null}", "algorithm");
	expect_header("{\"alg\":[\"ES256\"]}", "algorithm");
	expect_header("{}", "algorithm");
	/* Without a signature. */
	jwt_fixture_sign(ec, NULL, "{\"alg\":\"ES256\"}", "{" CLAIMS "}", token);
	*(strrchr(token, '.') + 1) = '\0';
	expect(token, "signature");
	/* What is not configured is no key. */
	jwt_fixture_jwk(ec, NULL, jwk);
	snprintf(set, sizeof(set), "{\"keys\":[%.3000s]}", jwk);
	assert_int_equal(jwt_keys_parse(&narrow, JWT_RS256 | JWT_HS256, set, strlen(set), &error),
			 -1);
	assert_non_null(strstr(error.text, "no key for one of"));
}

static void the_kid_selects_among_keys(void **state)
{
	char mine[JWT_FIXTURE_TEXT], theirs[JWT_FIXTURE_TEXT], set[3 * JWT_FIXTURE_TEXT];
	struct jwt_keys two;

	(void)state;
	jwt_fixture_jwk(ec, "new", mine);
	jwt_fixture_jwk(other, "old", theirs);
	snprintf(set, sizeof(set), "{\"keys\":[%s,%s]}", theirs, mine);
	assert_int_equal(jwt_keys_parse(&two, ALL, set, strlen(set), &error), 0);
	jwt_fixture_sign(ec, NULL, "{\"alg\":\"ES256\",\"kid\":\"new\"}", "{" CLAIMS "}", token);
	assert_null(verify_with(&two, token));
	jwt_fixture_sign(ec, NULL, "{\"alg\":\"ES256\",\"kid\":\"old\"}", "{" CLAIMS "}", token);
	assert_string_equal(verify_with(&two, token), "the token's signature is not good");
	jwt_fixture_sign(ec, NULL, "{\"alg\":\"ES256\",\"kid\":\"none\"}", "{" CLAIMS "}", token);
	assert_string_equal(verify_with(&two, token), "the token's key is not known");
	jwt_fixture_sign(ec, NULL, "{\"alg\":\"ES256\"}", "{" CLAIMS "}", token);
	assert_null(verify_with(&two, token));
	jwt_keys_clear(&two);
	expect_header("{\"alg\":\"ES256\",\"kid\":7}", "key is not known");
	expect_header("{\"alg\":\"ES256\",\"kid\":\"\"}", "key is not known");
	/* A stranger's key is no key, whatever the token says about it. */
	jwt_fixture_sign(other, NULL,
			 "{\"alg\":\"ES256\",\"kid\":\"ec\",\"jku\":\"http://127.0.0.1/\"}",
			 "{" CLAIMS "}", token);
	expect(token, "signature");
}

static void extensions_and_other_types_are_refused(void **state)
{
	(void)state;
	expect_header("{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", "extension");
	expect_header("{\"alg\":\"ES256\",\"crit\":[]}", "extension");
	expect_header("{\"alg\":\"ES256\",\"crit\":null}", "extension");
	expect_header("{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", "extension");
	expect_header("{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}", "type");
	expect_header("{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}", "type");
	expect_header("{\"alg\":\"ES256\",\"typ\":1}", "type");
	expect_header("{\"alg\":\"ES256\",\"alg\":\"ES256\"}", "not well formed");
	expect_header("[\"ES256\"]", "not well formed");
	expect_header("{\"alg\":\"ES256\"} x", "not well formed");
}

#define WITH(claim_, rest_) "{" claim_ "," rest_ "}"
#define AUD		    "\"aud\":\"cart\",\"iss\":\"joe\""

static void times_are_checked_with_a_leeway(void **state)
{
	(void)state;
	/* It is 1300819000. */
	expect_payload(WITH("\"exp\":1300819001", AUD), NULL);
	expect_payload(WITH("\"exp\":1300818971", AUD), NULL);
	expect_payload(WITH("\"exp\":1300818970", AUD), "expired");
	expect_payload(WITH("\"exp\":1300818970.5", AUD), NULL);
	expect_payload(WITH("\"exp\":0", AUD), "expired");
	expect_payload(WITH("\"exp\":-1e300", AUD), "expired");
	expect_payload(WITH("\"exp\":1e300", AUD), NULL);
	expect_payload(WITH("\"exp\":9223372036854775807", AUD), NULL);
	expect_payload("{" AUD "}", "when it expires");
	expect_payload(WITH("\"exp\":\"1300819001\"", AUD), "when it expires");
	expect_payload(WITH("\"exp\":null", AUD), "when it expires");
	expect_payload(WITH("\"exp\":1300819001,\"nbf\":1300819030", AUD), NULL);
	expect_payload(WITH("\"exp\":1300819001,\"nbf\":1300819031", AUD), "not valid yet");
	expect_payload(WITH("\"exp\":1300819001,\"nbf\":1e300", AUD), "not valid yet");
	expect_payload(WITH("\"exp\":1300819001,\"nbf\":\"1\"", AUD), "not well formed");
}

#define EXP "\"exp\":1300819001"

static void issuer_and_audience_are_ours(void **state)
{
	(void)state;
	expect_payload(WITH(EXP, "\"aud\":[\"shop\",\"cart\"],\"iss\":\"joe\""), NULL);
	expect_payload(WITH(EXP, "\"aud\":[\"shop\"],\"iss\":\"joe\""), "audience");
	expect_payload(WITH(EXP, "\"aud\":[],\"iss\":\"joe\""), "audience");
	expect_payload(WITH(EXP, "\"aud\":[[\"cart\"]],\"iss\":\"joe\""), "audience");
	expect_payload(WITH(EXP, "\"aud\":{\"cart\":1},\"iss\":\"joe\""), "audience");
	expect_payload(WITH(EXP, "\"aud\":\"carts\",\"iss\":\"joe\""), "audience");
	expect_payload(WITH(EXP, "\"iss\":\"joe\""), "audience");
	expect_payload(WITH(EXP, "\"aud\":\"cart\",\"iss\":\"Joe\""), "issuer");
	expect_payload(WITH(EXP, "\"aud\":\"cart\",\"iss\":[\"joe\"]"), "issuer");
	expect_payload(WITH(EXP, "\"aud\":\"cart\""), "issuer");
	expect_payload(WITH(EXP, "\"aud\":\"cart\",\"iss\":\"joe\",\"iss\":\"joe\""),
		       "well formed");
}

static void claims_say_who_calls_and_what_it_may(void **state)
{
	(void)state;
	expect_payload(WITH(EXP, AUD), NULL);
	assert_string_equal(claims.caller.name, "jwt:");
	assert_true(claims.caller.bound);
	assert_int_equal(claims.caller.customer.size, 0);
	assert_int_equal(claims.caller.scopes, ACCESS_READ);
	expect_payload(WITH(EXP, AUD ",\"scope\":[\"write\",\"email\",7],\"customer_id\":\"12\""),
		       NULL);
	assert_int_equal(claims.caller.scopes, ACCESS_WRITE);
	assert_string_equal(claims.caller.customer.text, "12");
	expect_payload(WITH(EXP, AUD ",\"scope\":\"\",\"customer_id\":null"), NULL);
	assert_int_equal(claims.caller.scopes, 0);
	expect_payload(WITH(EXP, AUD ",\"scope\":\"  reads  xread admin \""), NULL);
	assert_int_equal(claims.caller.scopes, ACCESS_ADMIN);
	expect_payload(WITH(EXP, AUD ",\"scope\":7"), "scopes");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":0"), "customer");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":-1"), "customer");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":7.0"), "customer");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":9007199254740992"), "customer");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":\"\""), "customer");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":true"), "customer");
	expect_payload(
		WITH(EXP,
		     AUD ",\"sub\":\""
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			 "\""),
		NULL);
	assert_int_equal(strlen(claims.caller.name), ACCESS_NAME_MAX);
}

/* A number would be another customer's id than the string of its digits. */
static void a_customer_is_a_string_where_ids_are(void **state)
{
	(void)state;
	assert_true(shop_id_type_take(SHOP_ID_STRING));
	expect_payload(WITH(EXP, AUD ",\"customer_id\":\"a@b.example\""), NULL);
	assert_string_equal(claims.caller.customer.text, "a@b.example");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":12"), "customer");
	expect_payload(WITH(EXP, AUD ",\"customer_id\":\"a b\""), "customer");
	shop_id_type_release();
	assert_true(shop_id_type_take(SHOP_ID_INTEGER));
	shop_id_type_release();
}

/* Every cut, and a flip of every character: none is good, and none harms. */
static void what_was_changed_is_not_good(void **state)
{
	char changed[JWT_FIXTURE_TEXT];
	size_t len;

	(void)state;
	jwt_fixture_sign(ed, NULL, "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", "{" CLAIMS "}", token);
	expect(token, NULL);
	len = strlen(token);
	for (size_t i = 0; i < len; i++) {
		memcpy(changed, token, i);
		changed[i] = '\0';
		assert_non_null(verify_with(&keys, changed));
		strcpy(changed, token);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_non_null(verify_with(&keys, changed));
	}
	strcat(token, "A");
	assert_non_null(verify_with(&keys, token));
	expect("", "well formed");
	expect(".", "well formed");
	expect("..", "well formed");
	expect("...", "well formed");
	expect("a.b.c", "well formed");
}

static void huge_tokens_are_refused(void **state)
{
	static char huge[1 << 20];
	static const size_t dots[][2] = {{10, 20}, {10, sizeof(huge) - 10}, {8000, 8100}};

	(void)state;
	for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++) {
		memset(huge, 'A', sizeof(huge));
		huge[dots[i][0]] = huge[dots[i][1]] = '.';
		assert_non_null(jwt_verify(&keys, &rules, huge, sizeof(huge), NOW_MS, &claims));
		assert_non_null(jwt_verify(&keys, &rules, huge, 8192, NOW_MS, &claims));
	}
}

static int start(void **state)
{
	char jwk[3][JWT_FIXTURE_TEXT], set[4 * JWT_FIXTURE_TEXT];

	(void)state;
	rsa = jwt_fixture_key("RSA");
	ec = jwt_fixture_key("P-256");
	ed = jwt_fixture_key("Ed25519");
	other = jwt_fixture_key("P-256");
	jwt_fixture_jwk(rsa, "rsa", jwk[0]);
	jwt_fixture_jwk(ec, "ec", jwk[1]);
	jwt_fixture_jwk(ed, "ed", jwk[2]);
	snprintf(set, sizeof(set), "{\"keys\":[%s,%s,%s]}", jwk[0], jwk[1], jwk[2]);
	if (jwt_keys_parse(&keys, ALL, set, strlen(set), &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(keys.count, 3);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	jwt_keys_clear(&keys);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfcs_are_verified),
		cmocka_unit_test(a_good_token_names_its_caller),
		cmocka_unit_test(the_algorithm_is_the_keys_and_not_the_tokens_choice),
		cmocka_unit_test(the_kid_selects_among_keys),
		cmocka_unit_test(extensions_and_other_types_are_refused),
		cmocka_unit_test(times_are_checked_with_a_leeway),
		cmocka_unit_test(issuer_and_audience_are_ours),
		cmocka_unit_test(claims_say_who_calls_and_what_it_may),
		cmocka_unit_test(a_customer_is_a_string_where_ids_are),
		cmocka_unit_test(what_was_changed_is_not_good),
		cmocka_unit_test(huge_tokens_are_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, stop);
}
