/*
 * What a peer may say of whom it speaks for. The first byte chooses: a PROXY header, whose result
 * is the same however its bytes are cut and which takes no byte beyond its end, or the headers of
 * HTTP, whose client is one that they name.
 */
#include "server/http/forwarded.h"
#include "server/http/proxy.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static size_t fuzz_read(struct proxy *proxy, const uint8_t *data, size_t size, size_t most)
{
	size_t at = 0;

	*proxy = (struct proxy){0};
	while (proxy->state == PROXY_READING && at < size) {
		size_t wants = proxy_wants(proxy);
		size_t piece = wants < most ? wants : most;

		if (wants == 0 || wants > PROXY_HEAD_LEN + PROXY_LENGTH_MAX)
			abort();
		piece = piece < size - at ? piece : size - at;
		proxy_feed(proxy, data + at, piece);
		at += piece;
	}
	return at;
}

static void fuzz_proxy(const uint8_t *data, size_t size)
{
	struct proxy whole, cut;
	size_t took = fuzz_read(&whole, data, size, SIZE_MAX);
	size_t took_cut = fuzz_read(&cut, data, size, 1);

	/* What is wrong may be known earlier. */
	if (whole.state != cut.state || took_cut > took ||
	    (whole.state != PROXY_BAD && took_cut != took) || whole.has_client != cut.has_client ||
	    memcmp(&whole.client, &cut.client, sizeof(whole.client)) != 0)
		abort();
	if (whole.state == PROXY_WHOLE &&
	    took != PROXY_HEAD_LEN + ((size_t)data[14] << 8 | data[15]))
		abort();
}

static void fuzz_forwarded(enum forwarded_by by, const char *value, size_t size)
{
	struct network inside = {.bits = 104};
	const struct networks trusted = {.list = &inside, .count = 1};
	struct forwarded forwarded = {0};
	struct address peer, client, again;
	char text[ADDRESS_TEXT];

	if (!address_parse(&inside.address, "10.0.0.0", 8) || !address_parse(&peer, "10.1.1.1", 8))
		abort();
	forwarded_add(&forwarded, by, value, size / 2);
	forwarded_add(&forwarded, by, value + size / 2, size - size / 2);
	client = forwarded_client(&forwarded, &peer, &trusted);
	address_format(&client, text);
	if (!address_parse(&again, text, strlen(text)) ||
	    memcmp(&again, &client, sizeof(client)) != 0)
		abort();
	/* Somebody who is not trusted is believed nothing. */
	if (!address_parse(&peer, "192.0.2.1", 9))
		abort();
	client = forwarded_client(&forwarded, &peer, &trusted);
	if (memcmp(&client, &peer, sizeof(client)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		fuzz_proxy(data + 1, size - 1);
	else
		fuzz_forwarded(data[0] % 3 == 1 ? FORWARDED_STANDARD : FORWARDED_X,
			       (const char *)data + 1, size - 1);
	return 0;
}
