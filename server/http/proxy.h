/*
 * The header of the PROXY protocol, version 2 (HAProxy's specification, section 2.2): binary, at
 * the very start of a connection, before TLS. It says whom a proxy speaks for.
 *
 * Pure. The reader asks how many bytes may be taken from the socket, so that not one of what
 * follows is: those are TLS's or HTTP's.
 */
#ifndef SERVER_HTTP_PROXY_H
#define SERVER_HTTP_PROXY_H

#include "server/http/address.h"

#define PROXY_HEAD_LEN 16
/* Addresses and ports of IPv6, the longest that are kept. */
#define PROXY_ADDRESSES_MAX 36
/* What may follow the first 16 bytes: addresses and extensions, which are skipped. */
#define PROXY_LENGTH_MAX 4096

enum proxy_state { PROXY_READING, PROXY_WHOLE, PROXY_BAD };

/* Zeroed: ready. */
struct proxy {
	enum proxy_state state;
	bool has_client; /* WHOLE: it speaks for client; else for itself */
	struct address client;
	unsigned char bytes[PROXY_HEAD_LEN + PROXY_ADDRESSES_MAX];
	size_t len;  /* read so far, those beyond bytes too */
	size_t size; /* of all of it; 0: not known yet */
};

/* How many bytes may be read now, at least 1; only while READING. */
size_t proxy_wants(const struct proxy *proxy);
/* Takes bytes, as many as it wants at most. */
enum proxy_state proxy_feed(struct proxy *proxy, const unsigned char *bytes, size_t len);

#endif
