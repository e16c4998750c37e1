/* The whole of cartd, once its settings are known: backend, loops, signals, and how it ends. */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "core/base/error.h"
#include "core/settings/settings.h"

/*
 * Runs until a signal ends it: SIGTERM or SIGINT drains, a second one ends it at once, SIGHUP opens
 * the log again and reads secrets anew. Returns the exit status: 0 after a clean drain, 1 when
 * requests had to be cut. -1: it could not start, and error says why.
 */
int service_run(struct settings *settings, struct cart_error *error);

#endif
