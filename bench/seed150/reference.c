#include "bench/seed150/reference.h"

#include <jansson.h>

const char *const seed_reference_rows[SEED_REFERENCE_ROWS] = {"create_cart", "add_items",
							      "get_cart", "overall"};

static const char *const reference_databases[SEED_REFERENCE_DATABASES] = {"mysql", "dynamodb"};

static int reference_read(struct seed_reference *reference, const json_t *all, const char *database)
{
	json_t *of = json_object_get(all, database);

	reference->database = database;
	for (size_t i = 0; i < SEED_REFERENCE_ROWS; i++) {
		struct seed_times *times = &reference->rows[i];

		*times = (struct seed_times){-1, -1, -1};
		if (json_unpack(json_object_get(of, seed_reference_rows[i]), "{s:F, s?F, s?F}",
				"avg", &times->avg, "min", &times->min, "max", &times->max) != 0)
			return -1;
	}
	return json_unpack(of, "{s:i}", "success", &reference->success);
}

int seed_reference_load(struct seed_reference references[SEED_REFERENCE_DATABASES])
{
	json_t *all = json_loadb(embed_seed_results_json, embed_seed_results_json_len,
				 JSON_REJECT_DUPLICATES, NULL);
	int failed = 0;

	for (size_t i = 0; i < SEED_REFERENCE_DATABASES && failed == 0; i++)
		failed = reference_read(&references[i], all, reference_databases[i]);
	json_decref(all);
	return failed;
}
