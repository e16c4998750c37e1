/*
 * The lock of an archive in a bucket: the object _lock, which one cartctl at a time has. It is made
 * if it is absent (If-None-Match: *) and is written again every third of the lease (If-Match: its
 * ETag), so that it changes while its owner lives. Whoever finds it watches it by its own clock: if
 * it changes, it is in use; if it stays the same for a whole lease, its owner was killed, and it is
 * taken over (If-Match again, so that one of two has it). Clocks of machines are not compared.
 *
 * Two that work at once remove carts under the versions that are in whole files alone. Both may
 * have written the same file, though, so who removes a file asks for the lock before that.
 */
#ifndef CTL_ARCHIVE_LEASE_H
#define CTL_ARCHIVE_LEASE_H

#include "aws/s3/client.h"
#include "core/base/attr.h"
#include "core/base/error.h"

struct lease;

/* Where a lock is, and how long it lives. The client and the strings outlive the lease. */
struct lease_config {
	struct s3_client *client;
	const char *key;
	const char *where; /* for people: "s3://BUCKET/PREFIX" */
	int64_t ms;
};

/* May wait for a lease. warn() is told of that, and of a server without conditions, where who has
 * written the lock waits whether another one writes it too. NULL: it is in use, or error says why.
 */
struct lease *lease_take(const struct lease_config *config, void (*warn)(const char *text),
			 struct cart_error *error);
/* Before each change: that the lock is ours still. -1: error says whose it is. Any thread. */
CART_MUST_CHECK int lease_check(struct lease *lease, struct cart_error *error);
/* The same, as the server says at this moment. */
CART_MUST_CHECK int lease_confirm(struct lease *lease, struct cart_error *error);
/* Removes the lock, but where a put may still be carried out: it then expires. Takes NULL; sets
 * it. */
void lease_give(struct lease **lease);

#endif
