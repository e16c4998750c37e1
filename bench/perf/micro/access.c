/*
 * What it costs to know a caller: access_check() with the files that cartd reads, alone on one
 *core. No network, no request.
 *
 *	bench/perf/micro/access
 *
 * Prints the median, over batches of calls, of one call in nanoseconds. The keys and tokens are an
 *issuer's that exists nowhere; its private keys were thrown away.
 */
#include "core/settings/settings.h"
#include "server/access/access.h"
#include "server/access/policy.h"
#include "server/access/tokens_edit.h"
#include "server/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCHES	   301
#define OF_FILE	   1000 /* tokens in the file */
#define HEADER_MAX 1200

static const char jwks[] =
	"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rs256\",\"use\":\"sig\",\"n\":\"vqzcHq"
	"YEqDKU-iiLaDTsUwRwc1dzkCoGKjiiB3od9FCgHmT6-4ptFbZ7gTE-xMj0b3JR0wmcjoImWzeyuW"
	"EcUPn4Ebi7T5Am9RmFkDw6CXKwAW2o_STIx_HSnhpivmg0vyu1frVY4djXyWVdw-xix7r482z9hK"
	"PdDlxP1asA_eReJDFM5_f1WImoEXmztnzA8pmc7JXK2pndFJ6VhiD5XbEfJKnnibUFBxY3TNMULI"
	"ZuTV0ocE6RxCDnJ2XBOs-BMJFIqU9uk_HQylRcsQQXsrKxKJlB1FiqxxCjlH1lMWQ-vQMTMp_91M"
	"dFWLv0aGnX5FlFcC0JABQ33BTG9mD41w\",\"e\":\"AQAB\"},{\"kty\":\"EC\",\"crv\":"
	"\"P-256\",\"kid\":\"es256\",\"use\":\"sig\",\"x\":\"7jATXH44eRXdN-q4aIfxRN_c"
	"rm5xou9_m3JOEi0tJcE\",\"y\":\"rcklkZFFRaxbr9ArZoDmWox9Ywxr79h1DHrwEY641WM\"}"
	",{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"eddsa\",\"use\":\"sig\",\"x"
	"\":\"CAEAnyBHItQ-oj5srZQUt7z2Dsp1jR2negrSS7FgLc8\"}]}";

static const struct {
	const char *name, *header;
} jwts[] = {{"RS256", "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzMjU2In0.eyJpc3MiOiJod"
		      "HRwczovL2xvZ2luLnNob3AuZXhhbXBsZSIsImF1ZCI6WyJzaG9wIiwiY2FydCJdLCJzdWIiOiI1Y"
		      "jFmMGE3Yy00MmY4LTRjOWUtOWQwYS0wZDRhMWMwYTdlNTUiLCJleHAiOjI1MzQwMjMwMDc5OSwib"
		      "mJmIjoxNzAwMDAwMDAwLCJpYXQiOjE3MDAwMDAwMDAsImN1c3RvbWVyX2lkIjoxMjMsInNjb3BlI"
		      "joib3BlbmlkIHByb2ZpbGUgZW1haWwgcmVhZCB3cml0ZSJ9.tDcr6foUXUEYTkkZ9dlnezoRJnzs"
		      "E0-Vjy3OzT5sxjmhuiGBPlg4cAAvkXB9dYeFVh7YjhrhskuQKdyhXNXjCTRNZ2QhL-eU8xOneF5g"
		      "4-CrXQJ0leEfVREwQh9KtLKzyBX33pCuQ5hlxB3H44sQIsP1MhiqXC4DMbgK-pX6aYmAcwsVxuU5"
		      "gFfx8CLAfCsUoe0bIPc-J0toG141POqN-XdjGb8qbVjx18yX896niiTa_2F1fazcGoqjjPXkCKgO"
		      "XRlfzKkm-HK944B2vWd2MyZZyGczECWe1znQLMAY6J1gnKTxHVRcM7dI6XX7ubeAzsM0Z-vJWSCo"
		      "ELsXJkcrmA"},
	    {"ES256", "Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVzMjU2In0.eyJpc3MiOiJod"
		      "HRwczovL2xvZ2luLnNob3AuZXhhbXBsZSIsImF1ZCI6WyJzaG9wIiwiY2FydCJdLCJzdWIiOiI1Y"
		      "jFmMGE3Yy00MmY4LTRjOWUtOWQwYS0wZDRhMWMwYTdlNTUiLCJleHAiOjI1MzQwMjMwMDc5OSwib"
		      "mJmIjoxNzAwMDAwMDAwLCJpYXQiOjE3MDAwMDAwMDAsImN1c3RvbWVyX2lkIjoxMjMsInNjb3BlI"
		      "joib3BlbmlkIHByb2ZpbGUgZW1haWwgcmVhZCB3cml0ZSJ9.zaXO6KTnYIaaeJS4paA6g2Mhsjt6"
		      "BnXEhAh7j1OmsdB-tAicTQ822OsSh5eUODC-TItOM72PxxOv76vv1D7d4Q"},
	    {"EdDSA", "Bearer eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkZHNhIn0.eyJpc3MiOiJod"
		      "HRwczovL2xvZ2luLnNob3AuZXhhbXBsZSIsImF1ZCI6WyJzaG9wIiwiY2FydCJdLCJzdWIiOiI1Y"
		      "jFmMGE3Yy00MmY4LTRjOWUtOWQwYS0wZDRhMWMwYTdlNTUiLCJleHAiOjI1MzQwMjMwMDc5OSwib"
		      "mJmIjoxNzAwMDAwMDAwLCJpYXQiOjE3MDAwMDAwMDAsImN1c3RvbWVyX2lkIjoxMjMsInNjb3BlI"
		      "joib3BlbmlkIHByb2ZpbGUgZW1haWwgcmVhZCB3cml0ZSJ9.V5FyiRhSLxSsK5btHJG15xWYjsu1"
		      "iq4c4t8sUzPbHoMO1UXxiptzPHDNxloNeOxzPGyuFw3iHwOiseOqK5oKAA"}};

static char token_path[64], keys_path[64];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "access: %s: %s\n", what, why);
	exit(2);
}

/* Makes the file of tokens, and the header of one of them. */
static void write_tokens(char header[HEADER_MAX])
{
	struct tokens_edit edit;
	struct cart_error error;
	char text[TOKEN_TEXT + 1];

	if (tokens_edit_open(&edit, token_path, &error) != 0)
		die(token_path, error.text);
	for (int i = 0; i < OF_FILE; i++) {
		struct token token = {.caller = {.scopes = ACCESS_READ}, .created_ms = 1};

		snprintf(token.caller.name, sizeof(token.caller.name), "token-%d", i);
		if (!token_make(text, token.hash) || !tokens_edit_add(&edit, &token))
			die("token", "out of memory");
	}
	if (tokens_edit_save(&edit, &error) != 0)
		die(token_path, error.text);
	tokens_edit_close(&edit);
	snprintf(header, HEADER_MAX, "Bearer %s", text);
}

static void write_keys(void)
{
	FILE *out = fopen(keys_path, "w");

	if (out == NULL || fputs(jwks, out) < 0 || fclose(out) != 0)
		die(keys_path, "cannot be written");
}

static struct access *open_access(struct settings *settings)
{
	static atomic_uint reloads;
	const char *const set[][2] = {{"auth", "token,jwt"},
				      {"auth.token_file", token_path},
				      {"auth.jwt_keys", keys_path},
				      {"auth.jwt_issuer", "https://login.shop.example"},
				      {"auth.jwt_audience", "cart"}};
	struct cart_error error;
	struct access *access;

	server_settings_add_all(settings);
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		if (settings_set(settings, set[i][0], set[i][1], SETTING_FLAG, &error) != 0)
			die(set[i][0], error.text);
	if (access_check_settings(settings, &error) != 0 ||
	    access_open(&access, settings, &cart_clock_system, &reloads, &error) != 0)
		die("settings", error.text);
	return access;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

static void measure(struct access *access, const char *what, const char *header, int calls,
		    enum access_status wanted)
{
	int64_t times[BATCHES];
	struct access_caller caller;
	const char *why;

	for (int batch = 0; batch < BATCHES; batch++) {
		int64_t start_ns = clock_monotonic_ns(&cart_clock_system);

		for (int i = 0; i < calls; i++)
			if (access_check(access, header, &caller, &why) != wanted)
				die(what, "another answer than was due");
		times[batch] = (clock_monotonic_ns(&cart_clock_system) - start_ns) / calls;
	}
	qsort(times, BATCHES, sizeof(times[0]), compare);
	printf("%-44s %8" PRId64 " ns\n", what, times[BATCHES / 2]);
}

/* A token whose signature is checked: changed, it is not remembered. */
static void measure_signature(struct access *access, const char *name, const char *header)
{
	char changed[HEADER_MAX], what[64];

	strcpy(changed, header);
	changed[strlen(changed) - 30] ^= 1;
	snprintf(what, sizeof(what), "JWT, %s, checked", name);
	measure(access, what, changed, 10, ACCESS_REJECTED);
}

int main(void)
{
	char folder[] = "/tmp/cart-access-XXXXXX", token[HEADER_MAX];
	struct settings *settings = settings_new();
	struct access *access;

	if (settings == NULL || mkdtemp(folder) == NULL)
		die(folder, "cannot be made");
	snprintf(token_path, sizeof(token_path), "%s/tokens", folder);
	snprintf(keys_path, sizeof(keys_path), "%s/keys", folder);
	write_tokens(token);
	write_keys();
	access = open_access(settings);
	measure(access, "no credentials", NULL, 1000, ACCESS_ANONYMOUS);
	measure(access, "token, one of 1,000", token, 1000, ACCESS_GRANTED);
	token[strlen(token) - 1] ^= 1;
	measure(access, "token that is not known", token, 1000, ACCESS_REJECTED);
	for (size_t i = 0; i < sizeof(jwts) / sizeof(jwts[0]); i++) {
		char what[64];

		snprintf(what, sizeof(what), "JWT, %s, seen before (%zu bytes)", jwts[i].name,
			 strlen(jwts[i].header) - strlen("Bearer "));
		measure(access, what, jwts[i].header, 1000, ACCESS_GRANTED);
		measure_signature(access, jwts[i].name, jwts[i].header);
	}
	access_close(&access);
	settings_free(&settings);
	unlink(token_path);
	unlink(keys_path);
	return rmdir(folder);
}
