/*
 * The data of the memory backend: carts and idempotency keys in hash tables under striped locks,
 * one table in a process. Any thread may call; locks are held only inside a call.
 */
#ifndef BACKENDS_MEMORY_TABLE_H
#define BACKENDS_MEMORY_TABLE_H

#include "core/cart_op.h"
#include "core/cart_rules.h"

struct memory_table;

/* NULL: no memory. memory_table_free() takes NULL and sets the pointer to it. */
struct memory_table *memory_table_new(const struct cart_rules *rules);
void memory_table_free(struct memory_table **table);

/* Runs one op and fills its result. CART_BUSY: no memory, nothing was changed. */
enum cart_result memory_table_run(struct memory_table *table, struct cart_op *op);

#endif
