/*
 * Any bytes as the values of Forwarded or X-Forwarded-For, a line each, and as an address and a
 * network: the client is whom the last proxy that is trusted names, whatever clients have written
 * before it.
 */
#include "server/http/forwarded.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "fuzz_forwarded: not true: %s\n", #condition);             \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static struct networks trusted;
static struct address proxy, client;

static struct address fuzz_address(const char *text)
{
	struct address address;

	FUZZ_CHECK(address_parse(&address, text, strlen(text)));
	return address;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const networks[] = {"10.0.0.0/8", "fd00::/8"};
	struct cart_error error;

	(void)argc;
	(void)argv;
	FUZZ_CHECK(networks_parse(&trusted, networks, 2, &error) == 0);
	proxy = fuzz_address("10.0.0.1");
	client = fuzz_address("203.0.113.7");
	return 0;
}

static bool fuzz_same(const struct address *address, const struct address *other)
{
	return memcmp(address->bytes, other->bytes, sizeof(address->bytes)) == 0;
}

/* What is written parses, as itself. */
static void fuzz_address_text(const char *text, size_t len)
{
	struct address address, again;
	struct networks one;
	struct cart_error error;
	char written[ADDRESS_TEXT];
	char *copy = strndup(text, len);

	if (address_parse(&address, text, len)) {
		address_format(&address, written);
		FUZZ_CHECK(address_parse(&again, written, strlen(written)));
		FUZZ_CHECK(fuzz_same(&address, &again));
	}
	if (networks_parse(&one, (const char *const *)&copy, 1, &error) == 0) {
		FUZZ_CHECK(networks_hold(&one, &one.list[0].address));
		networks_free(&one);
	} else {
		FUZZ_CHECK(error.text[0] != '\0');
	}
	free(copy);
}

static struct address fuzz_client(enum forwarded_by by, const char *text, size_t len,
				  const char *last, const struct address *peer)
{
	struct forwarded forwarded = {0};

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end == NULL ? len : (size_t)(end - text);

		forwarded_add(&forwarded, by, text, line);
		line += end != NULL;
		text += line;
		len -= line;
	}
	if (last != NULL)
		forwarded_add(&forwarded, by, last, strlen(last));
	return forwarded_client(&forwarded, peer, &trusted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct address found;

	fuzz_address_text(text, size);
	/* Nobody believes a peer who is no proxy. */
	found = fuzz_client(FORWARDED_X, text, size, NULL, &client);
	FUZZ_CHECK(fuzz_same(&found, &client));
	(void)fuzz_client(FORWARDED_X, text, size, NULL, &proxy);
	(void)fuzz_client(FORWARDED_STANDARD, text, size, NULL, &proxy);
	/* What a proxy adds at the end counts, whatever came before. */
	found = fuzz_client(FORWARDED_X, text, size, "203.0.113.7", &proxy);
	FUZZ_CHECK(fuzz_same(&found, &client));
	found = fuzz_client(FORWARDED_STANDARD, text, size, "for=203.0.113.7", &proxy);
	FUZZ_CHECK(fuzz_same(&found, &client));
	return 0;
}
