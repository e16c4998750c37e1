#include "server/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const unsigned char address_v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool address_is_v4(const struct address *address)
{
	return memcmp(address->bytes, address_v4_prefix, sizeof(address_v4_prefix)) == 0;
}

void address_from_v4(struct address *address, const unsigned char bytes[4])
{
	memcpy(address->bytes, address_v4_prefix, sizeof(address_v4_prefix));
	memcpy(address->bytes + sizeof(address_v4_prefix), bytes, 4);
}

void address_from_v6(struct address *address, const unsigned char bytes[16])
{
	memcpy(address->bytes, bytes, 16);
}

bool address_parse(struct address *address, const char *text, size_t len)
{
	char copy[ADDRESS_TEXT];
	unsigned char v4[4];

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* inet_pton() would take what stands before a NUL. */
	if (strlen(copy) != len)
		return false;
	if (inet_pton(AF_INET6, copy, address->bytes) == 1)
		return true;
	if (inet_pton(AF_INET, copy, v4) != 1)
		return false;
	address_from_v4(address, v4);
	return true;
}

bool address_of_socket(struct address *address, int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
		return false;
	if (peer.ss_family == AF_INET6)
		address_from_v6(address, ((const struct sockaddr_in6 *)&peer)->sin6_addr.s6_addr);
	else if (peer.ss_family == AF_INET)
		address_from_v4(
			address,
			(const unsigned char *)&((const struct sockaddr_in *)&peer)->sin_addr);
	return peer.ss_family == AF_INET6 || peer.ss_family == AF_INET;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT])
{
	const unsigned char *v4 = address->bytes + sizeof(address_v4_prefix);
	bool is_v4 = address_is_v4(address);

	/* The room suffices for every address. */
	(void)inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? v4 : address->bytes, text,
			ADDRESS_TEXT);
}

static bool network_parse(struct network *network, const char *text)
{
	size_t len = strcspn(text, "/");
	const char *digits = text[len] == '/' ? text + len + 1 : NULL;
	unsigned int most;
	char *end;
	long bits;

	if (!address_parse(&network->address, text, len))
		return false;
	most = memchr(text, ':', len) != NULL ? 128 : 32;
	network->bits = 128;
	if (digits == NULL)
		return true;
	if (*digits < '0' || *digits > '9')
		return false;
	bits = strtol(digits, &end, 10);
	network->bits = (unsigned int)bits + 128 - most;
	return *end == '\0' && end - digits <= 3 && bits <= (long)most;
}

/* Whether the first bits of two addresses are the same. */
static bool address_starts_as(const struct address *address, const struct address *other,
			      unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;
	unsigned int mask = rest == 0 ? 0 : 0xffU << (8 - rest) & 0xffU;

	return memcmp(address->bytes, other->bytes, whole) == 0 &&
	       (rest == 0 || ((address->bytes[whole] ^ other->bytes[whole]) & mask) == 0);
}

int networks_parse(struct networks *networks, const char *const *texts, size_t count,
		   struct cart_error *error)
{
	*networks = (struct networks){.list = calloc(count + 1, sizeof(struct network))};
	if (networks->list == NULL)
		return cart_error_set(error, "no memory for networks");
	for (; networks->count < count; networks->count++) {
		struct network *network = &networks->list[networks->count];

		if (!network_parse(network, texts[networks->count])) {
			cart_error_set(error,
				       "\"%s\" is no address or network, such as 10.0.0.0/8 or ::1",
				       texts[networks->count]);
			networks_free(networks);
			return -1;
		}
	}
	return 0;
}

bool networks_hold(const struct networks *networks, const struct address *address)
{
	for (size_t i = 0; i < networks->count; i++)
		if (address_starts_as(address, &networks->list[i].address, networks->list[i].bits))
			return true;
	return false;
}

void networks_free(struct networks *networks)
{
	free(networks->list);
	*networks = (struct networks){0};
}
