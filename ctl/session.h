/* A store with a loop of its own, for a program that does one op after the other. */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include "core/cart_store.h"

struct ctl_session;

/* Starts the backend and opens a store on it. NULL: error says why. */
struct ctl_session *ctl_session_open(const struct settings *settings,
				     const struct cart_backend *backend,
				     enum cart_provision provision, struct cart_error *error);
/* Does an op and waits for it, up to request.deadline. The result is in the op. */
void ctl_session_run(struct ctl_session *session, struct cart_op *op);
/* Takes NULL; sets it. */
void ctl_session_close(struct ctl_session **session);

/* What the setting "provision" asks of those who only look: nothing is made. */
enum cart_provision ctl_session_provision(const struct settings *settings);

#endif
