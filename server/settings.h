/* The settings of cartd that belong to no backend. cartctl knows them too, so that both take one
 * file. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "core/settings/settings.h"

/* listen, threads, backend, provision, cart.ids, http.*, request.*, drain.* */
extern const struct setting server_settings[];

/* All that cartd knows: the above, the carts', the log's and every backend's. */
void server_settings_add_all(struct settings *settings);

#endif
