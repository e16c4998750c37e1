/*
 * Any bytes as http.cors_origins and as a URL: what is taken for an origin is one that a browser
 * can send, so that it matches by its bytes; a URL of a target has a host.
 */
#include "bench/target/url.h"
#include "aws/endpoint.h"
#include "server/api/cors.h"
#include "core/settings/settings.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_url: not true: %s\n", #condition);                   \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The whole table of cartd would take most of the time. */
static const struct setting fuzz_table[] = {
	{.key = "http.cors_origins", .type = SETTING_LIST, .fallback = "", .help = "Help"},
	{0},
};

/* Scheme, host and port alone, in lower case. */
static void fuzz_check_origin(const char *origin)
{
	const char *authority = strstr(origin, "://");

	FUZZ_CHECK(authority != NULL && authority > origin && authority[3] != '\0');
	FUZZ_CHECK(strpbrk(authority + 3, "/?#@ \t\r\n,\\\"'*") == NULL);
	for (const char *c = origin; *c != '\0'; c++)
		FUZZ_CHECK(isprint((unsigned char)*c) && !isupper((unsigned char)*c));
}

static void fuzz_origins(const char *text)
{
	struct settings *settings = settings_new();
	struct cart_error error = {""};
	struct cors cors;

	FUZZ_CHECK(settings != NULL);
	settings_add(settings, "HTTP", fuzz_table);
	if (settings_set(settings, "http.cors_origins", text, SETTING_FLAG, &error) == 0 &&
	    cors_read(&cors, settings, &error) == 0) {
		for (size_t i = 0; !cors.any && i < cors.count; i++)
			fuzz_check_origin(cors.origins[i]);
	} else {
		FUZZ_CHECK(error.text[0] != '\0');
	}
	settings_free(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct cart_error error = {""};
	struct bench_url url = {0};

	FUZZ_CHECK(text != NULL);
	fuzz_origins(text);
	if (bench_url_parse(&url, text, &error) != 0)
		FUZZ_CHECK(error.text[0] != '\0');
	if (aws_endpoint_check(text, &error) == 0) {
		FUZZ_CHECK(strncmp(text, "http", 4) == 0);
		(void)aws_endpoint_is_aws(text);
	}
	free(text);
	return 0;
}
