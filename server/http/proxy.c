#include "server/http/proxy.h"

#include <string.h>

enum { PROXY_LOCAL = 0x20, PROXY_FOR_CLIENT = 0x21 };
enum { PROXY_UNKNOWN = 0x00, PROXY_TCP4 = 0x11, PROXY_TCP6 = 0x21, PROXY_UNIX = 0x31 };

static const unsigned char proxy_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
						  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

size_t proxy_wants(const struct proxy *proxy)
{
	return (proxy->size == 0 ? PROXY_HEAD_LEN : proxy->size) - proxy->len;
}

/* What the addresses of a family take at least. */
static size_t proxy_addresses_len(unsigned char family)
{
	switch (family) {
	case PROXY_TCP4:
		return 12;
	case PROXY_TCP6:
		return 36;
	case PROXY_UNIX:
		return 216;
	default:
		return 0;
	}
}

static bool proxy_check_head(struct proxy *proxy)
{
	const unsigned char *bytes = proxy->bytes;
	unsigned char command = bytes[12], family = bytes[13];
	size_t follows = (size_t)bytes[14] << 8 | bytes[15];

	proxy->size = PROXY_HEAD_LEN + follows;
	if ((command != PROXY_LOCAL && command != PROXY_FOR_CLIENT) || follows > PROXY_LENGTH_MAX)
		return false;
	/* Of a health check of the proxy's own, the addresses mean nothing. */
	if (command == PROXY_LOCAL)
		return true;
	return (family == PROXY_UNKNOWN || family == PROXY_TCP4 || family == PROXY_TCP6 ||
		family == PROXY_UNIX) &&
	       follows >= proxy_addresses_len(family);
}

static void proxy_read_client(struct proxy *proxy)
{
	const unsigned char *source = proxy->bytes + PROXY_HEAD_LEN;

	if (proxy->bytes[12] != PROXY_FOR_CLIENT)
		return;
	if (proxy->bytes[13] == PROXY_TCP4)
		address_from_v4(&proxy->client, source);
	else if (proxy->bytes[13] == PROXY_TCP6)
		address_from_v6(&proxy->client, source);
	else
		return;
	proxy->has_client = true;
}

/* The part of the signature that is here must be right: what is no header is known at once. */
static bool proxy_starts_well(const struct proxy *proxy)
{
	size_t len = proxy->len < sizeof(proxy_signature) ? proxy->len : sizeof(proxy_signature);

	return memcmp(proxy->bytes, proxy_signature, len) == 0;
}

enum proxy_state proxy_feed(struct proxy *proxy, const unsigned char *bytes, size_t len)
{
	size_t room = proxy->len < sizeof(proxy->bytes) ? sizeof(proxy->bytes) - proxy->len : 0;

	if (proxy->state != PROXY_READING)
		return proxy->state;
	memcpy(proxy->bytes + (sizeof(proxy->bytes) - room), bytes, len < room ? len : room);
	proxy->len += len;
	if (!proxy_starts_well(proxy) ||
	    (proxy->size == 0 && proxy->len == PROXY_HEAD_LEN && !proxy_check_head(proxy)))
		proxy->state = PROXY_BAD;
	else if (proxy->size > 0 && proxy->len == proxy->size)
		proxy->state = PROXY_WHOLE;
	if (proxy->state == PROXY_WHOLE)
		proxy_read_client(proxy);
	return proxy->state;
}
