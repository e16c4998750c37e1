/* The certificate of the listeners, from the settings to the warning that it expires. Main thread.
 */
#ifndef SERVER_CERTIFICATE_H
#define SERVER_CERTIFICATE_H

#include "core/base/attr.h"
#include "core/base/error.h"

#include <stdint.h>

struct metrics;
struct settings;
struct tls;

/* Reads what http.tls_* name; *tls is NULL where there is to be no TLS. For tls_free(). -1: error
 * names setting and file. */
CART_MUST_CHECK int certificate_open(struct tls **tls, const struct settings *settings,
				     struct metrics *metrics, struct cart_error *error);
/* Reads the files again and says so in the log; on failure what was in force stays. Takes NULL. */
void certificate_reload(struct tls *tls);
/* Warns once a day from two weeks before the certificate expires. To be called when it returns: so
 * many ms later; -1: never. Takes NULL. */
int certificate_watch(const struct tls *tls);

#endif
