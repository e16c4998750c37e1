/* The fault backend from inside a test: what its settings say at start can be changed while it
 * runs. */
#ifndef BACKENDS_FAULT_FAULT_H
#define BACKENDS_FAULT_FAULT_H

#include "backends/fault/plan.h"
#include "core/cart_store.h"

/*
 * db is one that the fault backend started. From the next op on, this type of fault strikes the
 * n-th op (1: the next) and every so many; 0 and 0 take it away. Any thread.
 */
void fault_arm(struct cart_db *db, enum fault_type type, uint64_t nth, uint64_t every);
/* Ops spoilt since start. */
uint64_t fault_hits(struct cart_db *db);
/* Added before every answer to an op submitted from now on; starts as fault.delay says. */
void fault_delay(struct cart_db *db, int64_t delay_ms);

#endif
