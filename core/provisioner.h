/*
 * A thread that provisions a database which could not be reached when the service started: it tries
 * again until that succeeds. Part of the store layer; backends ask cart_db_is_provisioned().
 */
#ifndef CORE_PROVISIONER_H
#define CORE_PROVISIONER_H

#include "core/cart_backend.h"

struct cart_provisioner;

/* db outlives it. NULL: no memory or no thread. */
struct cart_provisioner *provisioner_new(struct cart_db *db, enum cart_provision how);
/* Any thread. */
bool provisioner_is_done(const struct cart_provisioner *provisioner);
/* Ends the thread, within the time of a connect or a call. Takes NULL; sets it. */
void provisioner_free(struct cart_provisioner **provisioner);

#endif
