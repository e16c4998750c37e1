/* The dated list of prices: bench/report/prices.json, or a file of the same shape. */
#include "bench/report/report.h"

#include <math.h>
#include <string.h>

/* The Makefile makes its definition of bench/report/prices.json. */
extern const char embed_bench_prices_json[];
extern const size_t embed_bench_prices_json_len;

static bool prices_good(double price)
{
	return isfinite(price) && price >= 0;
}

int report_prices_read(struct report_prices *prices, const char *path, struct cart_error *error)
{
	const json_t *dynamodb, *instance;
	json_error_t problem;
	json_t *json;

	json = path != NULL ? bench_json_read(path, error)
			    : json_loadb(embed_bench_prices_json, embed_bench_prices_json_len,
					 JSON_REJECT_DUPLICATES, &problem);
	if (json == NULL)
		return path != NULL ? -1 : cart_error_set(error, "not JSON: %s", problem.text);
	dynamodb = json_object_get(json, "dynamodb");
	instance = json_object_get(json, "instance");
	*prices = (struct report_prices){
		.json = json,
		.as_of = member_text(json, "as_of"),
		.currency = member_text(json, "currency"),
		.region = member_text(dynamodb, "region"),
		.capacity = member_text(dynamodb, "capacity"),
		.source = member_text(dynamodb, "source"),
		.write_million = member_number(dynamodb, "write_units_million"),
		.read_million = member_number(dynamodb, "read_units_million"),
		.instance = member_text(instance, "name"),
		.instance_source = member_text(instance, "source"),
		.instance_hour = member_number(instance, "hour"),
	};
	if (strcmp(member_text(json, "format"), "cartbench-prices") == 0 &&
	    member_number(json, "format_version") == 1 && prices_good(prices->write_million) &&
	    prices_good(prices->read_million) && prices_good(prices->instance_hour) &&
	    *prices->as_of != '\0')
		return 0;
	report_prices_free(prices);
	return cart_error_set(error, "not a list of prices (see bench/report/prices.json)");
}

void report_prices_free(struct report_prices *prices)
{
	json_decref(prices->json);
	prices->json = NULL;
}
