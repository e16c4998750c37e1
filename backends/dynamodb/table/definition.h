/* The table and its indexes as they are to be: schemas/dynamodb/carts.json (compiled in), or of
 * layout rows rows.json, with the projection as configured. */
#ifndef BACKENDS_DYNAMODB_TABLE_DEFINITION_H
#define BACKENDS_DYNAMODB_TABLE_DEFINITION_H

#include <jansson.h>
#include <stdbool.h>

/* Layout rows has a sort key. CART is that of all items but the lines'. */
#define DDB_ROW	     "row"
#define DDB_ROW_CART "CART"
#define DDB_ROW_ITEM "ITEM#" /* before a line's product */

/* project_all: dynamodb.projection, which is of customer-index alone. The caller's; NULL: no
 * memory. */
json_t *ddb_table_definition(bool rows, bool project_all);
/* A list, as CreateTable takes it; customer-index is the first. */
json_t *ddb_table_indexes(const json_t *definition);

#endif
