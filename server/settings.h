/* The settings of cartd that belong to no backend. cartctl knows them too, so that both take one
 * file. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "core/settings/settings.h"

/* listen, threads, backend, provision, cart.ids, http.*, request.*, drain.* */
extern const struct setting server_settings[];

/* All that cartd knows: the above, the carts', the log's and every backend's. */
void server_settings_add_all(struct settings *settings);

/* Whether the values fit together, once all are loaded. -1: error names both settings and says why.
 */
CART_MUST_CHECK int server_settings_check(const struct settings *settings,
					  struct cart_error *error);

#endif
