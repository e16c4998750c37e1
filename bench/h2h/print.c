#include "bench/h2h/print.h"

#include "core/base/buf.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const print_sides[H2H_SIDES] = {"A", "B"};

static const char print_legend[] =
	"\nB is compared with A; + means that B takes longer. A WINS, B WINS: different, beyond "
	"what chance\n"
	"explains at that confidence. EQUIVALENT: shown to differ by less than the margin. "
	"DIFFERENT BUT\n"
	"TRIVIAL: both. INCONCLUSIVE: neither was shown; more pairs may.\n";

/* Three significant digits. */
static void print_ms(char *text, size_t room, double ns)
{
	double ms = ns / (double)CLOCK_NS_PER_MS;

	snprintf(text, room, "%.*f", ms < 1 ? 4 : ms < 10 ? 3 : ms < 100 ? 2 : 1, ms);
}

static void print_percent(char *text, size_t room, double ratio)
{
	double percent = 100 * ratio;

	snprintf(text, room, "%+.*f %%",
		 fabs(percent) < 10    ? 2
		 : fabs(percent) < 100 ? 1
				       : 0,
		 percent);
}

static void print_row(FILE *out, const struct h2h_row *row)
{
	char a[32], b[32], effect[32] = "", low[32] = "", high[32] = "", interval[80] = "";

	print_ms(a, sizeof(a), row->ns[0]);
	print_ms(b, sizeof(b), row->ns[1]);
	if (row->judged) {
		print_percent(effect, sizeof(effect), row->effect);
		print_percent(low, sizeof(low), row->low);
		print_percent(high, sizeof(high), row->high);
		snprintf(interval, sizeof(interval), "%s ... %s", low, high);
	}
	fprintf(out, "%-8s p%-5g %10s %10s %11s  %-25s %s", h2h_operation_name(row->operation),
		100 * row->quantile, a, b, effect, interval,
		row->judged ? stats_verdict_name(row->comparison.verdict)
			    : "INCONCLUSIVE (too few blocks)");
	if (row->pairs_needed > 0)
		fprintf(out, " (about %" PRId64 " pairs would decide)", row->pairs_needed);
	fputc('\n', out);
}

static void print_failures(FILE *out, const struct h2h *h2h)
{
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct tally *arm = &h2h->cells[i].arms[side];

			if (arm->ok == arm->tried)
				continue;
			fprintf(out, "%s of %s: %" PRIu64 " of %" PRIu64 " failed",
				h2h_operation_name((enum h2h_operation)i), print_sides[side],
				arm->tried - arm->ok, arm->tried);
			for (size_t error = 0; error < arm->error_count; error++)
				fprintf(out, "; %s: %" PRIu64, arm->errors[error].text,
					arm->errors[error].count);
			fputc('\n', out);
		}
	}
}

static void print_calls(FILE *out, struct bench_calls (*calls)[H2H_SIDES])
{
	bool headed = false;

	for (int i = 0; i < H2H_OPERATIONS; i++) {
		for (int side = 0; side < H2H_SIDES; side++) {
			const struct bench_calls *of = &calls[i][side];

			if (!of->counted)
				continue;
			if (!headed)
				fputs("\ncalls to the database an operation\n", out);
			headed = true;
			fprintf(out, "%-8s %s  %.2f", h2h_operation_name((enum h2h_operation)i),
				print_sides[side], of->calls);
			if (of->statements > 0)
				fprintf(out, ", %.2f statements", of->statements);
			if (of->has_units)
				fprintf(out, ", %.2f read units, %.2f write units", of->read_units,
					of->write_units);
			fputc('\n', out);
		}
	}
}

void h2h_print(FILE *out, const struct h2h *h2h, const struct h2h_names *names,
	       const struct h2h_question *question, const struct h2h_judgement *judgement,
	       struct bench_calls (*calls)[H2H_SIDES])
{
	for (int side = 0; side < H2H_SIDES; side++)
		fprintf(out, "%s  %s  %s%s\n", print_sides[side], names->label[side],
			names->target[side],
			names->stand_in[side] ? "  (a local server in place of DynamoDB: says "
						"nothing of AWS's times)"
					      : "");
	fprintf(out,
		"\n%" PRId64 " blocks of %" PRId64 " pairs each operation, %.0f s; margin %.3g %%, "
		"confidence %.3g %%\n\n",
		h2h->blocks_done, h2h->config.pairs, (double)h2h->took_ns / (double)CLOCK_NS_PER_S,
		100 * question->margin, 100 * question->confidence);
	fprintf(out, "%-8s %-6s %10s %10s %11s  %-25s %s\n", "", "", "A, ms", "B, ms",
		"B against A", "interval", "verdict");
	for (size_t i = 0; i < judgement->count; i++)
		print_row(out, &judgement->rows[i]);
	print_failures(out, h2h);
	fputs(print_legend, out);
	if (calls != NULL)
		print_calls(out, calls);
}

void h2h_print_progress(char *line, size_t room, const struct h2h *h2h)
{
	const struct h2h_config *config = &h2h->config;
	int64_t cycles = 0;
	int used;

	for (int64_t i = 0; i < config->blocks; i++)
		cycles += h2h->block_cycles[i];
	if (h2h->began_ns == 0) {
		snprintf(line, room, "warming up");
		return;
	}
	used = snprintf(line, room, "pair %" PRId64 " of %" PRId64, cycles,
			config->blocks * config->pairs);
	for (int i = 0; i < H2H_OPERATIONS && used > 0 && (size_t)used < room; i++) {
		const struct h2h_cell *cell = &h2h->cells[i];
		char a[32], b[32];

		print_ms(a, sizeof(a), (double)bench_hdr_quantile(cell->arms[0].service, 0.5));
		print_ms(b, sizeof(b), (double)bench_hdr_quantile(cell->arms[1].service, 0.5));
		used += snprintf(line + used, room - (size_t)used, "; %s %s, %s ms",
				 h2h_operation_name((enum h2h_operation)i), a, b);
	}
}

void h2h_rows(struct buf *out, const struct h2h_judgement *judgement)
{
	char line[320];

	buf_add_string(out, "operation,quantile,a_ns,b_ns,effect,low,high,blocks,p_difference,"
			    "p_wilcoxon,p_equivalence,verdict,pairs_needed\n");
	for (size_t i = 0; i < judgement->count; i++) {
		const struct h2h_row *row = &judgement->rows[i];

		snprintf(line, sizeof(line),
			 "%s,%g,%.0f,%.0f,%.6g,%.6g,%.6g,%zu,%.6g,%.6g,%.6g,%s,%" PRId64 "\n",
			 h2h_operation_name(row->operation), row->quantile, row->ns[0], row->ns[1],
			 row->effect, row->low, row->high, row->block_count,
			 row->comparison.p_difference, row->p_wilcoxon,
			 row->comparison.p_equivalence, stats_verdict_name(row->comparison.verdict),
			 row->pairs_needed);
		buf_add_string(out, line);
	}
}
