/* The table and its indexes as they are to be: schemas/dynamodb/carts.json (compiled in), with the
 * projection as configured. */
#ifndef BACKENDS_DYNAMODB_TABLE_DEFINITION_H
#define BACKENDS_DYNAMODB_TABLE_DEFINITION_H

#include <jansson.h>
#include <stdbool.h>

/* project_all: dynamodb.projection, which is of customer-index alone. The caller's; NULL: no
 * memory. */
json_t *ddb_table_definition(bool project_all);
/* A list, as CreateTable takes it; customer-index is the first. */
json_t *ddb_table_indexes(const json_t *definition);

#endif
