/*
 * What a table has beside its keys and indexes: TTL, point-in-time recovery, protection against
 * deletion, tags and a KMS key. The first three are switched on where they are off, and never off;
 * tags and key are set when the table is created, and then only compared.
 *
 * What cannot be had is a warning, or, if the table's config is strict, an error that names all of
 * it: the server lacks it, the account has no right to it, or a check found it missing.
 */
#ifndef BACKENDS_DYNAMODB_TABLE_FEATURES_H
#define BACKENDS_DYNAMODB_TABLE_FEATURES_H

#include "backends/dynamodb/table/work.h"

/* Adds to the members of CreateTable what can only, or best, be set there. */
void table_add_features(const struct table_work *work, json_t *members);
/* Layout rows: refuses a server that has no TransactWriteItems, or an account that may not use it.
 */
CART_MUST_CHECK enum ddb_table_state table_check_transactions(struct table_work *work);
/* Of a table that can be used; table is its description. */
CART_MUST_CHECK enum ddb_table_state table_ensure_features(struct table_work *work,
							   const json_t *table);

#endif
