#include "bench/result/member.h"

#include "bench/stats/describe.h"
#include "core/base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMBER_CONFIDENCE 0.95

double member_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

size_t member_count(const json_t *object, const char *key)
{
	double value = member_number(object, key), most = 9007199254740992.0;

	/* NAN is neither; what a size_t cannot hold must not be made one. */
	if (!(value > 0))
		return 0;
	return (size_t)(value < most ? value : most);
}

const char *member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

bool member_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const json_t *member_item(const json_t *object, const char *key, size_t i)
{
	return json_array_get(json_object_get(object, key), i);
}

json_t *member_real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

const char *const bench_hist_quantiles[BENCH_HIST_QUANTILES] = {"0.5",	 "0.9",	   "0.95",   "0.99",
								"0.999", "0.9999", "0.99999"};

json_t *bench_result_hist(const struct bench_hdr *hdr)
{
	json_t *quantiles = json_object(), *hist;
	struct buf buckets = {0};

	for (size_t i = 0; i < BENCH_HIST_QUANTILES; i++) {
		double quantile = strtod(bench_hist_quantiles[i], NULL);

		if (bench_hdr_quantile_holds(hdr, quantile))
			json_object_set_new(quantiles, bench_hist_quantiles[i],
					    json_integer(bench_hdr_quantile(hdr, quantile)));
	}
	bench_hdr_encode(hdr, &buckets);
	hist = json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:s, s:o}", "unit", "ns", "count",
			 (json_int_t)hdr->count, "min", (json_int_t)hdr->min, "max",
			 (json_int_t)hdr->max, "mean", bench_hdr_mean(hdr), "stddev",
			 bench_hdr_stddev(hdr), "buckets", buf_string(&buckets), "quantiles",
			 quantiles);
	buf_free(&buckets);
	return hist;
}

struct bench_hdr *bench_result_parse_hist(const json_t *hist)
{
	const char *text = member_text(hist, "buckets");
	struct bench_hdr *hdr;
	struct cart_error error;

	if (*text == '\0')
		return NULL;
	hdr = bench_hdr_parse(text, &error);
	if (hdr != NULL && hdr->count == 0)
		bench_hdr_free(&hdr);
	return hdr;
}

/* From the histogram where there is one, else what the writer has put beside it. */
double bench_result_quantile(const json_t *hist, double quantile)
{
	struct bench_hdr *hdr = bench_result_parse_hist(hist);
	double count = member_number(hist, "count"), value = NAN;
	char key[32];

	if (hdr != NULL) {
		if (bench_hdr_quantile_holds(hdr, quantile))
			value = (double)bench_hdr_quantile(hdr, quantile);
		bench_hdr_free(&hdr);
		return value;
	}
	snprintf(key, sizeof(key), "%g", quantile);
	if (count * (1 - quantile) < BENCH_HDR_BEYOND_MIN - 1e-6)
		return NAN;
	return member_number(json_object_get(hist, "quantiles"), key);
}

json_t *bench_result_success(uint64_t ok, uint64_t tried)
{
	struct stats_proportion share;

	if (tried == 0)
		return json_pack("{s:n, s:n, s:n}", "share", "low", "high");
	share = stats_wilson(ok, tried, MEMBER_CONFIDENCE);
	return json_pack("{s:f, s:f, s:f}", "share", share.seen, "low", share.low, "high",
			 share.high);
}
