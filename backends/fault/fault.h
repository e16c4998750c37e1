/* The fault backend for tests: what its settings say at start can be changed while it runs. */
#ifndef BACKENDS_FAULT_FAULT_H
#define BACKENDS_FAULT_FAULT_H

#include "backends/fault/plan.h"
#include "core/cart_store.h"

/*
 * db is one that the fault backend started. From now on, this type of fault strikes the nth op (1
 * is the next one) and every every-th op; 0: none. Any thread.
 */
void fault_arm(struct cart_db *db, enum fault_type type, uint64_t nth, uint64_t every);
/* Ops spoilt since start. */
uint64_t fault_hits(struct cart_db *db);
/* Delays every answer to an op that is submitted from now on; fault.delay at first. */
void fault_delay(struct cart_db *db, int64_t delay_ms);

#endif
