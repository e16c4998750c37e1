/*
 * What a caller may reach. The routes do not decide it: call.c asks for every op that a handler
 * submits, so a handler cannot forget it.
 */
#ifndef SERVER_ACCESS_PERMIT_H
#define SERVER_ACCESS_PERMIT_H

#include "core/cart_op.h"
#include "server/access/caller.h"

/* On whose behalf the caller's ops are; NULL: anybody's. An administrator is bound to nobody. */
const struct shop_id *permit_owner(const struct access_caller *caller);

/* Why the caller may not submit the op, which has its owner; NULL: it may. *as_admin: because it
 * has the scope admin. What a cart's customer decides is left to the store. */
const char *permit_refusal(const struct access_caller *caller, const struct cart_op *op,
			   bool *as_admin);

#endif
