/*
 * Who calls: reads the Authorization header (RFC 6750) and finds its caller. One for each loop, so
 * that a check takes no lock. Files are read again after SIGHUP, and when they have changed, which
 * is looked at once a second at most; a file that cannot be read leaves the callers as they were.
 */
#ifndef SERVER_ACCESS_ACCESS_H
#define SERVER_ACCESS_ACCESS_H

#include "core/base/clock.h"
#include "core/settings/settings.h"
#include "server/access/caller.h"

#include <stdatomic.h>

struct access;

enum access_status {
	ACCESS_GRANTED,
	ACCESS_ANONYMOUS, /* no credentials */
	ACCESS_REJECTED	  /* credentials that are not good, or not any more */
};

/* Reads the files. NULL in *access: callers are not checked. The settings have been checked
 * (policy.h); reloads changes with each SIGHUP; both outlive the struct. -1: error says why. */
CART_MUST_CHECK int access_open(struct access **access, const struct settings *settings,
				const struct cart_clock *clock, const atomic_uint *reloads,
				struct cart_error *error);
/* Takes NULL; sets it. */
void access_close(struct access **access);

/* authorization: the value of the header, or NULL. *caller is filled only when granted. *why: for
 * the client and the log, when rejected; a literal without quotes. */
enum access_status access_check(struct access *access, const char *authorization,
				struct access_caller *caller, const char **why);

#endif
