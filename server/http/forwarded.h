/*
 * Whom a chain of proxies speaks for, by Forwarded (RFC 7239) or X-Forwarded-For. Each proxy adds
 * the address of whom it was asked by at the end; what is before that of a proxy that is not
 * trusted may be invented. Pure.
 */
#ifndef SERVER_HTTP_FORWARDED_H
#define SERVER_HTTP_FORWARDED_H

#include "server/http/address.h"

enum forwarded_by { FORWARDED_OFF, FORWARDED_STANDARD, FORWARDED_X };

/* Of longer chains the last so many count. */
#define FORWARDED_HOPS_MAX 16

/* Zeroed: empty. */
struct forwarded {
	struct {
		bool known; /* false: hidden, "unknown", or malformed */
		struct address address;
	} hops[FORWARDED_HOPS_MAX]; /* a ring */
	size_t count;		    /* of all hops that were added */
};

/* Adds the hops of one header's value, in the order of the headers. */
void forwarded_add(struct forwarded *forwarded, enum forwarded_by by, const char *value,
		   size_t len);
/* The client, where peer is at the other end of the connection, and trusted: the last hop that is
 * not trusted, or the first of all that are. Hops before one that is not known are not looked at.
 */
struct address forwarded_client(const struct forwarded *forwarded, const struct address *peer,
				const struct networks *trusted);

#endif
