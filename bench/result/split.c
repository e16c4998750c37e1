#include "bench/result/split.h"

#include <stdlib.h>

static const char *const split_names[BENCH_SPLIT_PARTS] = {
	[SPLIT_CLIENT] = "client",
	[SPLIT_QUEUE] = "queue",
	[SPLIT_DB] = "db",
	[SPLIT_SERVICE] = "service",
};

const char *bench_split_part_name(enum bench_split_part part)
{
	return split_names[part];
}

void bench_split_init(struct bench_split *split, int64_t highest)
{
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		split->parts[i] = bench_hdr_new(highest);
}

void bench_split_free(struct bench_split *split)
{
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		bench_hdr_free(&split->parts[i]);
}

/* The service rounds its figures, so a difference can come out a little below nothing. */
static int64_t split_rest(int64_t ns)
{
	return ns > 0 ? ns : 0;
}

void bench_split_record(struct bench_split *split, const struct bench_op *op)
{
	if (op->total_ns < 0 || op->queue_ns < 0 || op->db_ns < 0)
		return;
	bench_hdr_record(split->parts[SPLIT_CLIENT],
			 split_rest(op->done_ns - op->sent_ns - op->total_ns));
	bench_hdr_record(split->parts[SPLIT_QUEUE], op->queue_ns);
	bench_hdr_record(split->parts[SPLIT_DB], op->db_ns);
	bench_hdr_record(split->parts[SPLIT_SERVICE],
			 split_rest(op->total_ns - op->queue_ns - op->db_ns));
}

void bench_split_merge(struct bench_split *split, const struct bench_split *from)
{
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++)
		if (bench_hdr_merge(split->parts[i], from->parts[i]) != 0)
			abort(); /* made differently: a bug */
}

json_t *bench_split_json(const struct bench_split *split)
{
	json_t *mean = json_object(), *median = json_object();

	if (split->parts[0] == NULL || split->parts[0]->count == 0) {
		json_decref(mean);
		json_decref(median);
		return json_null();
	}
	for (int i = 0; i < BENCH_SPLIT_PARTS; i++) {
		const struct bench_hdr *hdr = split->parts[i];

		json_object_set_new(mean, split_names[i], json_real(bench_hdr_mean(hdr)));
		json_object_set_new(median, split_names[i],
				    json_integer(bench_hdr_quantile(hdr, 0.5)));
	}
	return json_pack("{s:o, s:o}", "mean", mean, "median", median);
}
