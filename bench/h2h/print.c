#include "bench/h2h/print.h"

#include "bench/h2h/columns.h"
#include "bench/result/table.h"
#include "bench/result/number.h"
#include "bench/result/member.h"

#include <inttypes.h>

static const char print_legend[] =
	"\nB is compared with A; + means that B takes longer. A WINS, B WINS: different, beyond "
	"what chance\n"
	"explains at that confidence. EQUIVALENT: shown to differ by less than the margin. "
	"DIFFERENT BUT\n"
	"TRIVIAL: both. INCONCLUSIVE: neither was shown; more pairs may.\n";

void h2h_print(FILE *out, const json_t *document)
{
	const json_t *results = json_object_get(document, "results"), *side;
	size_t i;

	json_array_foreach(json_object_get(document, "sides"), i, side)
	{
		fprintf(out, "%s  %s  %s%s\n", member_text(side, "name"),
			member_text(side, "label"), member_text(side, "target"),
			member_true(side, "stand_in") ? "  (a local server in place of DynamoDB: "
							"says nothing of AWS's times)"
						      : "");
	}
	fprintf(out,
		"\n%.0f blocks of %.0f pairs each operation, %.0f s; margin %.3g %%, confidence "
		"%.3g %%\n\n",
		member_number(results, "blocks"), member_number(results, "pairs_per_block"),
		member_number(results, "duration_s"), 100 * member_number(results, "margin"),
		100 * member_number(results, "confidence"));
	table_write(out, NULL, h2h_columns, document, "operations", "quantiles");
	fputs(print_legend, out);
	fputs("\n", out);
	table_write(out, NULL, h2h_success_columns, document, "operations", "success");
	if (json_array_size(json_object_get(results, "calls")) > 0) {
		fputs("\n", out);
		table_write(out, NULL, h2h_calls_columns, document, "calls", NULL);
	}
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
		char a[NUMBER_TEXT], b[NUMBER_TEXT];

		number_ms((double)bench_hdr_quantile(cell->arms[0].service, 0.5), a);
		number_ms((double)bench_hdr_quantile(cell->arms[1].service, 0.5), b);
		used += snprintf(line + used, room - (size_t)used, "; %s %s, %s",
				 h2h_operation_name((enum h2h_operation)i), a, b);
	}
}
