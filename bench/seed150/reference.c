#include "bench/seed150/reference.h"

#include <jansson.h>

const char *const seed_reference_rows[SEED_REFERENCE_ROWS] = {"create_cart", "add_items",
							      "get_cart", "overall"};

static const char *const reference_databases[SEED_REFERENCE_DATABASES] = {"mysql", "dynamodb"};

static double reference_time(const json_t *times, const char *name)
{
	const json_t *value = json_object_get(times, name);

	return json_is_number(value) ? json_number_value(value) : -1;
}

static int reference_read(struct seed_reference *reference, const json_t *all, const char *database)
{
	const json_t *of = json_object_get(all, database);
	const json_t *success = json_object_get(of, "success");
	size_t i;

	reference->database = database;
	reference->success = (int)json_integer_value(success);
	for (i = 0; i < SEED_REFERENCE_ROWS; i++) {
		const json_t *times = json_object_get(of, seed_reference_rows[i]);

		reference->rows[i] = (struct seed_times){
			.avg = reference_time(times, "avg"),
			.min = reference_time(times, "min"),
			.max = reference_time(times, "max"),
		};
		if (reference->rows[i].avg < 0)
			return -1;
	}
	return json_is_integer(success) ? 0 : -1;
}

int seed_reference_load(struct seed_reference references[SEED_REFERENCE_DATABASES])
{
	json_t *all = json_loadb(embed_seed_results_json, embed_seed_results_json_len,
				 JSON_REJECT_DUPLICATES, NULL);
	int failed = 0;
	size_t i;

	for (i = 0; i < SEED_REFERENCE_DATABASES && failed == 0; i++)
		failed = reference_read(&references[i], all, reference_databases[i]);
	json_decref(all);
	return failed;
}
