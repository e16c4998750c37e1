/* The dated list of prices: bench/report/prices.json, or a file of the same shape. */
#include "bench/page/report.h"

#include <math.h>
#include <string.h>

/* The Makefile makes its definition of bench/report/prices.json. */
extern const char embed_bench_prices_json[];
extern const size_t embed_bench_prices_json_len;

int report_prices_read(struct report_prices *prices, const char *path, struct cart_error *error)
{
	const char *format = "";
	int version = 0;

	*prices =
		(struct report_prices){.currency = "", .region = "", .capacity = "", .source = ""};
	prices->instance = prices->instance_source = prices->instance_io = "";
	prices->files = prices->files_source = "";
	prices->stream_read_million = prices->files_gb_month = prices->files_put_million = NAN;
	prices->json = path != NULL ? bench_json_read(path, error)
				    : json_loadb(embed_bench_prices_json,
						 embed_bench_prices_json_len, 0, NULL);
	if (prices->json == NULL)
		return -1;
	if (json_unpack(prices->json,
			"{s:s, s:i, s:s, s?s, s:{s?s, s?s, s?s, s:F, s:F, s:F, s?F}, s:{s?s, s?s, "
			"s:F, s:F, s:F, s?s}, s?{s?s, s?s, s:F, s:F}}",
			"format", &format, "format_version", &version, "as_of", &prices->as_of,
			"currency", &prices->currency, "dynamodb", "region", &prices->region,
			"capacity", &prices->capacity, "source", &prices->source,
			"write_units_million", &prices->write_million, "read_units_million",
			&prices->read_million, "storage_gb_month", &prices->storage_gb_month,
			"stream_read_units_million", &prices->stream_read_million, "instance",
			"name", &prices->instance, "source", &prices->instance_source, "hour",
			&prices->instance_hour, "storage_gb", &prices->instance_gb,
			"storage_gb_month", &prices->instance_gb_month, "io", &prices->instance_io,
			"files", "name", &prices->files, "source", &prices->files_source,
			"storage_gb_month", &prices->files_gb_month, "put_million",
			&prices->files_put_million) == 0 &&
	    strcmp(format, "cartbench-prices") == 0 && version == 1 && *prices->as_of != '\0' &&
	    prices->write_million >= 0 && prices->read_million >= 0 && prices->instance_hour >= 0 &&
	    prices->storage_gb_month >= 0 && prices->instance_gb >= 0 &&
	    prices->instance_gb_month >= 0 && !(prices->stream_read_million < 0) &&
	    !(prices->files_gb_month < 0) && !(prices->files_put_million < 0))
		return 0;
	report_prices_free(prices);
	return cart_error_set(error, "not a list of prices (see bench/report/prices.json)");
}

void report_prices_free(struct report_prices *prices)
{
	json_decref(prices->json);
	prices->json = NULL;
}
