#include "bench/h2h/json.h"

#include "bench/result/table.h"
#include "bench/result/result.h"
#include "bench/result/member.h"

static const char *const h2h_side_names[H2H_SIDES] = {"A", "B"};

/* How often it succeeded, with what the tally says of failures. */
static json_t *h2h_success(const struct tally *tally, enum h2h_operation operation)
{
	static const char *const members[] = {"tried", "ok", "refused", "unknown", "errors"};
	json_t *all = tally_json(tally, h2h_op_type(operation));
	json_t *success = json_incref(json_object_get(all, "success"));

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set(success, members[i], json_object_get(all, members[i]));
	json_decref(all);
	return success;
}

static json_t *h2h_row_json(const struct h2h_row *row)
{
	json_t *ratios = json_array();

	for (size_t i = 0; i < row->block_count; i++)
		json_array_append_new(ratios, json_real(row->log_ratios[i]));
	return json_pack(
		"{s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:o}", "q",
		row->quantile, "a_ns", row->ns[0], "b_ns", row->ns[1], "log_ratios", ratios,
		"effect", row->judged ? member_real(row->effect) : json_null(), "low",
		row->judged ? member_real(row->low) : json_null(), "high",
		row->judged ? member_real(row->high) : json_null(), "effective_blocks",
		row->effective_blocks, "p_difference", row->comparison.p_difference, "p_wilcoxon",
		row->p_wilcoxon, "p_equivalence", row->comparison.p_equivalence, "holm_difference",
		row->comparison.holm_difference, "holm_equivalence",
		row->comparison.holm_equivalence, "verdict",
		stats_verdict_name(row->comparison.verdict), "pairs_needed",
		row->pairs_needed > 0 ? json_integer((json_int_t)row->pairs_needed) : json_null());
}

/* Pairs that count, of the blocks that were judged. */
static json_int_t h2h_pairs(const struct h2h *h2h, const struct h2h_cell *cell)
{
	json_int_t pairs = 0;

	for (int64_t i = 0; i < h2h->blocks_done * h2h->config.pairs; i++)
		pairs += cell->ns[0][i] != 0;
	return pairs;
}

static json_t *h2h_operation_json(const struct h2h *h2h, enum h2h_operation operation,
				  const struct h2h_judgement *judgement)
{
	const struct h2h_cell *cell = &h2h->cells[operation];
	json_t *quantiles = json_array(), *success = json_array(), *service = json_array();
	json_t *split = json_array();

	for (int side = 0; side < H2H_SIDES; side++) {
		const struct tally *arm = &cell->arms[side];

		json_array_append_new(success, h2h_success(arm, operation));
		json_array_append_new(service, bench_result_hist(arm->service));
		json_array_append_new(split, bench_split_json(&arm->split));
	}
	for (size_t i = 0; i < judgement->count; i++)
		if (judgement->rows[i].operation == operation)
			json_array_append_new(quantiles, h2h_row_json(&judgement->rows[i]));
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "operation",
			 h2h_operation_name(operation), "pairs", h2h_pairs(h2h, cell), "success",
			 success, "service", service, "split", split, "quantiles", quantiles);
}

static json_t *h2h_second_json(const struct h2h_second *second, int at)
{
	const struct bench_hdr *a = second->service[0], *b = second->service[1];

	return json_pack(
		"{s:i, s:o, s:o, s:I, s:I}", "at_s", at, "a_p50_ms",
		a != NULL ? json_real((double)bench_hdr_quantile(a, 0.5) / 1e6) : json_null(),
		"b_p50_ms",
		b != NULL ? json_real((double)bench_hdr_quantile(b, 0.5) / 1e6) : json_null(),
		"a_ok", a != NULL ? (json_int_t)a->count : 0, "b_ok",
		b != NULL ? (json_int_t)b->count : 0);
}

static json_t *h2h_seconds_json(const struct h2h *h2h)
{
	json_t *seconds = json_array();

	for (int at = 0; at < H2H_SECONDS_MAX; at++)
		if (h2h->seconds[at].service[0] != NULL || h2h->seconds[at].service[1] != NULL)
			json_array_append_new(seconds, h2h_second_json(&h2h->seconds[at], at));
	return seconds;
}

static json_t *h2h_calls_json(struct bench_calls (*calls)[H2H_SIDES])
{
	json_t *all = json_array();

	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct bench_calls *of = &calls[i][side];

			if (!of->counted)
				continue;
			json_array_append_new(
				all,
				json_pack("{s:s, s:s, s:f, s:o, s:o, s:o}", "operation",
					  h2h_operation_name((enum h2h_operation)i), "side",
					  h2h_side_names[side], "calls_per_op", of->calls,
					  "statements_per_op",
					  of->statements > 0 ? json_real(of->statements)
							     : json_null(),
					  "read_units",
					  of->has_units ? json_real(of->read_units) : json_null(),
					  "write_units",
					  of->has_units ? json_real(of->write_units)
							: json_null()));
		}
	}
	return all;
}

json_t *h2h_json(const struct h2h *h2h, const struct h2h_question *question,
		 const struct h2h_judgement *judgement, struct bench_calls (*calls)[H2H_SIDES],
		 bool cold)
{
	json_t *operations = json_array(), *results;

	for (int i = 0; i < H2H_OPERATIONS; i++)
		json_array_append_new(operations,
				      h2h_operation_json(h2h, (enum h2h_operation)i, judgement));
	results =
		json_pack("{s:I, s:I, s:I, s:f, s:f, s:b, s:f, s:o, s:o}", "blocks",
			  (json_int_t)h2h->blocks_done, "pairs_per_block",
			  (json_int_t)h2h->config.pairs, "clients", (json_int_t)h2h->config.clients,
			  "margin", question->margin, "confidence", question->confidence, "cold",
			  (int)cold, "duration_s", (double)h2h->took_ns / 1e9, "operations",
			  operations, "seconds", h2h_seconds_json(h2h));
	if (results != NULL && calls != NULL)
		json_object_set_new(results, "calls", h2h_calls_json(calls));
	return results;
}
