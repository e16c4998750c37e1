/* What the settings say about callers. */
#ifndef SERVER_ACCESS_POLICY_H
#define SERVER_ACCESS_POLICY_H

#include "core/settings/settings.h"
#include "server/access/jwt.h"

/* Whether callers are checked at all. */
bool access_is_on(const struct settings *settings);
/* Whether auth names "token" or "jwt". */
bool access_has_way(const struct settings *settings, const char *name);
/* -1: the settings contradict each other, or let anybody in from outside; error says what to do. */
CART_MUST_CHECK int access_check_settings(const struct settings *settings,
					  struct cart_error *error);

/* auth.jwt_*, once they are checked. The strings are the settings'. */
struct jwt_rules access_jwt_rules(const struct settings *settings);
unsigned access_jwt_algorithms(const struct settings *settings);

#endif
