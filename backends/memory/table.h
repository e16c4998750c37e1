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

/*
 * What a table has under an id, to be put into another one: a cart with the keys of its changes, or
 * the key of a create, or nothing. For the simulation of regions; nobody else copies raw items.
 */
struct memory_item;

/* The item of a cart. NULL: no memory. */
struct memory_item *memory_table_copy_cart(struct memory_table *table, const struct cart_id *id);
/* The item of the key of a create. NULL: no memory. */
struct memory_item *memory_table_copy_create(struct memory_table *table, const uint8_t *key_hash);
/* Puts the item in place of what the table has there. Frees it and sets it to NULL. */
void memory_table_replace(struct memory_table *table, struct memory_item **item);
/* Takes NULL; sets it. */
void memory_item_free(struct memory_item **item);

#endif
