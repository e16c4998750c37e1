#include "backends/dynamodb/table/definition.h"

#include "core/embed.h"

json_t *ddb_table_indexes(const json_t *definition)
{
	return json_object_get(json_object_get(definition, "CreateTable"),
			       "GlobalSecondaryIndexes");
}

/* The files in schemas/dynamodb, by name. */
enum { DEFINITION_CARTS, DEFINITION_ROWS };

json_t *ddb_table_definition(bool rows, bool project_all)
{
	json_t *definition = json_loads(
		embed_dynamodb_tables[rows ? DEFINITION_ROWS : DEFINITION_CARTS].text, 0, NULL);
	json_t *index = json_array_get(ddb_table_indexes(definition), 0);

	if (json_object_set_new(
		    index, "Projection",
		    json_pack("{s:s}", "ProjectionType", project_all ? "ALL" : "KEYS_ONLY")) == 0)
		return definition;
	json_decref(definition);
	return NULL;
}
