/* Internet addresses of peers, and networks of them. Pure but for address_of_socket(). */
#ifndef SERVER_HTTP_ADDRESS_H
#define SERVER_HTTP_ADDRESS_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_TEXT 46

/* IPv4 as the IPv6 address that stands for it (::ffff:a.b.c.d), so that both are one kind. */
struct address {
	unsigned char bytes[16];
};

struct network {
	struct address address;
	unsigned int bits; /* of the address that count, of 128 */
};

struct networks {
	struct network *list;
	size_t count;
};

/* "192.0.2.1" or "2001:db8::1", and nothing else. */
CART_MUST_CHECK bool address_parse(struct address *address, const char *text, size_t len);
/* From the 4 or the 16 bytes of a packet. */
void address_from_v4(struct address *address, const unsigned char bytes[4]);
void address_from_v6(struct address *address, const unsigned char bytes[16]);
/* Whoever the socket is connected to. False: nobody, or not over the Internet protocol. */
CART_MUST_CHECK bool address_of_socket(struct address *address, int fd);
void address_format(const struct address *address, char text[ADDRESS_TEXT]);

/* Addresses, or networks as "10.0.0.0/8". -1: error names the one that is none. For
 * networks_free(). */
CART_MUST_CHECK int networks_parse(struct networks *networks, const char *const *texts,
				   size_t count, struct cart_error *error);
bool networks_hold(const struct networks *networks, const struct address *address);
void networks_free(struct networks *networks);

#endif
