/* Parts of a results document. Readers expect any of them to be missing or of another type. */
#ifndef BENCH_RESULT_MEMBER_H
#define BENCH_RESULT_MEMBER_H

#include "bench/stats/hdr.h"

#include <jansson.h>

/* NAN, "", false: there is no such member. */

double member_number(const json_t *object, const char *key);
/* How many; 0: no such number, or below 0. At most 2^53, which a double holds exactly. */
size_t member_count(const json_t *object, const char *key);
const char *member_text(const json_t *object, const char *key);
bool member_true(const json_t *object, const char *key);
/* The i-th of a member that is an array; NULL: there is none. */
const json_t *member_item(const json_t *object, const char *key, size_t i);
/* Before a statement that is done for each entry of a list: at_ is its place. */
#define member_each(at_, entry_, list_)                                                            \
	for (size_t at_ = 0; ((entry_) = json_array_get(list_, at_)) != NULL; at_++)
/* What cannot be measured is null: JSON has no infinities. */
json_t *member_real(double value);

/* Those that a HIST has, where they hold. */
#define BENCH_HIST_QUANTILES 7
extern const char *const bench_hist_quantiles[BENCH_HIST_QUANTILES]; /* "0.5", ... */

/* HIST: {"unit": "ns", "count", ..., "buckets", "quantiles"}, the quantiles that hold. */
json_t *bench_result_hist(const struct bench_hdr *hdr);

/* A HIST's histogram, the caller's; NULL: it has none, or an empty one. */
struct bench_hdr *bench_result_parse_hist(const json_t *hist);
/* A HIST's quantile in nanoseconds; NAN when fewer than ten samples lie beyond it. */
double bench_result_quantile(const json_t *hist, double quantile);

/* {"share", "low", "high"}: Wilson's interval at 95 %; nulls when nothing was tried. */
json_t *bench_result_success(uint64_t ok, uint64_t tried);

#endif
