#include "bench/h2h/judge_open.h"

#include "bench/stats/alloc.h"
#include "bench/stats/describe.h"
#include "core/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Few and long: a slice is to have its share of what comes once a second, else slices with it and
 * without it differ so much that nothing is decided. */
#define SLICES_MAX 15

/* Answers that were due in a part of the time. */
struct judge_slice {
	const struct h2h_open_side *side;
	int64_t from_ns, to_ns;
	double *scratch;
};

/* The p99 of so many times what was waited and how late it was asked. False: there are too few. */
static bool judge_p99(const struct judge_slice *slice, int64_t ns, int64_t late_ns, double *p99)
{
	size_t count = 0;

	for (size_t i = 0; i < slice->side->count; i++) {
		const struct h2h_open_answer *answer = &slice->side->answers[i];

		if (answer->due_ns >= slice->from_ns && answer->due_ns < slice->to_ns)
			slice->scratch[count++] =
				(double)(ns * answer->ns + late_ns * answer->late_ns);
	}
	if ((int64_t)count < h2h_pairs_for(H2H_OPEN_QUANTILE))
		return false;
	stats_sort(slice->scratch, count);
	*p99 = stats_quantile(slice->scratch, count, H2H_OPEN_QUANTILE);
	return true;
}

/* Where cartbench was late, a side may have had its own share of that in two ways: what is asked
 * late is answered late, and what is asked at once, because it is late, waits for each other. So
 * the slower side's least is compared with the other's most; 0 where that does not say which is
 * slower. */
static double judge_slice_ratio(const struct judge_slice slices[H2H_SIDES],
				const double most[H2H_SIDES], bool late)
{
	double least[H2H_SIDES] = {0}, lag;

	if (!late)
		return log(most[1] / most[0]);
	for (int side = 0; side < H2H_SIDES; side++)
		if (judge_p99(&slices[side], 1, -1, &least[side]) &&
		    judge_p99(&slices[side], 0, 1, &lag))
			least[side] -= lag;
	if (least[1] > most[0])
		return log(least[1] / most[0]);
	return least[0] > most[1] ? log(most[1] / least[0]) : 0;
}

static void judge_slices(struct h2h_row *row, const struct h2h_open *open, size_t count)
{
	const struct h2h_open_side *sides = open->sides;
	int64_t slice_ns = open->duration_ms * CLOCK_NS_PER_MS / (int64_t)count;
	double *scratch = bench_alloc(sides[0].count + sides[1].count, sizeof(*scratch));

	for (int64_t i = 0; i < (int64_t)count; i++) {
		struct judge_slice slices[H2H_SIDES];
		double most[H2H_SIDES];
		int found = 0;

		for (int side = 0; side < H2H_SIDES; side++) {
			int64_t from_ns = sides[side].first_ns + i * slice_ns;

			slices[side] = (struct judge_slice){&sides[side], from_ns,
							    from_ns + slice_ns, scratch};
			found += judge_p99(&slices[side], 1, 0, &most[side]);
		}
		if (found == H2H_SIDES)
			row->log_ratios[row->block_count++] =
				judge_slice_ratio(slices, most, open->why[0] != '\0');
	}
	free(scratch);
}

void h2h_judge_open(struct h2h_judgement *judgement, const struct h2h_open *open)
{
	struct h2h_row *row = &judgement->rows[judgement->count];
	size_t fewer, slices;

	if (!open->made)
		return;
	judgement->count++;
	fewer = open->sides[open->sides[1].count < open->sides[0].count].count;
	/* Arrivals are random: a tenth more than what is needed. */
	slices = fewer / (size_t)(1.1 * (double)h2h_pairs_for(H2H_OPEN_QUANTILE));
	slices = slices > SLICES_MAX ? SLICES_MAX : slices;
	*row = (struct h2h_row){.operation = H2H_OPEN, .quantile = H2H_OPEN_QUANTILE};
	row->log_ratios = bench_alloc(slices + 1, sizeof(*row->log_ratios));
	for (int side = 0; side < H2H_SIDES; side++)
		row->ns[side] = (double)bench_hdr_quantile(open->sides[side].tally.response,
							   H2H_OPEN_QUANTILE);
	if (slices > 0)
		judge_slices(row, open, slices);
}

/* Where cartbench was late, only a difference beyond the margin is known. */
static void judge_late(struct h2h_row *row, double margin)
{
	enum stats_verdict verdict = row->comparison.verdict;

	if (!row->judged || (verdict == STATS_A_WINS && row->low > margin) ||
	    (verdict == STATS_B_WINS && row->high < -margin))
		return;
	row->judged = false;
	row->trending = false;
	row->block_count = 0;
	row->pairs_needed = 0;
	row->comparison.verdict = STATS_INCONCLUSIVE;
}

void h2h_judge_explain_open(struct h2h_judgement *judgement, const struct h2h_open *open,
			    const struct h2h_question *question)
{
	struct h2h_row *row = &judgement->rows[judgement->count - 1];
	int side = h2h_open_stalled(open);
	enum stats_verdict verdict = side == 0		 ? STATS_B_WINS
				     : side == H2H_SIDES ? STATS_NOT_COMPARABLE
							 : STATS_A_WINS;

	if (open->made && open->why[0] != '\0')
		judge_late(row, question->margin);
	if (open->made && !row->judged && open->why[0] != '\0')
		snprintf(row->why, sizeof(row->why), "%.150s", open->why);
	else if (open->made && !row->judged)
		snprintf(row->why, sizeof(row->why),
			 "not measured: at %.0f a second --duration %.0fs is needed", open->rate,
			 ceil(1.2 * (H2H_BLOCKS_MIN + 1) *
			      (double)h2h_pairs_for(H2H_OPEN_QUANTILE) / open->rate));
	for (size_t i = 0; i < judgement->count && side >= 0; i++) {
		row = &judgement->rows[i];
		row->comparison.verdict = verdict;
		row->pairs_needed = 0;
		h2h_open_explain(open, side, question->names, row->why, sizeof(row->why));
	}
}
