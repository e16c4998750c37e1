#include "bench/gate/print.h"

#include "core/base/buf.h"
#include "core/base/clock.h"

#include <inttypes.h>

static const char *print_outcome(enum bench_exit outcome)
{
	return outcome == BENCH_PASS ? "PASS" : outcome == BENCH_FAILED ? "REGRESSION" : "INVALID";
}

static void print_title(FILE *out, const struct gate *gate, enum gate_step step)
{
	static const char *const titles[GATE_STEPS] = {
		[GATE_SAME] = "control: SAME, the binary of BASE; must be alike",
		[GATE_SLOW] = "control: SAME, made slower; must be found",
		[GATE_SLOW_AGAIN] = "control: SAME, made slower, second run; must be found",
		[GATE_HEAD] = "HEAD",
		[GATE_HEAD_AGAIN] = "HEAD, second run",
	};

	fprintf(out, "\n%s", titles[step]);
	if (gate_steps[step].slowed)
		fprintf(out, " (%+g %%)", 100 * gate->rule.slow);
	fprintf(out, "\n%-8s %10s %10s %8s  %-19s %s\n", "p50", "BASE, ms",
		gate_steps[step].target == GATE_IS_HEAD ? "HEAD, ms" : "SAME, ms", "more",
		"interval", "");
}

static void print_line(FILE *out, const struct gate_line *line, const char *operation)
{
	char interval[48];

	snprintf(interval, sizeof(interval), "%+.1f ... %+.1f %%", 100 * line->low,
		 100 * line->high);
	if (line->judged)
		fprintf(out, "%-8s %10.4f %10.4f %+6.1f %%  %-19s %s%s\n", operation,
			line->ns[0] / (double)CLOCK_NS_PER_MS,
			line->ns[1] / (double)CLOCK_NS_PER_MS, 100 * line->effect, interval,
			line->slower ? "SLOWER; " : "", stats_verdict_names[line->verdict]);
	else
		fprintf(out, "%-8s not judged: too few pairs succeeded\n", operation);
	for (int side = 0; side < H2H_SIDES; side++)
		if (line->failed[side] > 0)
			fprintf(out, "%-8s %" PRIu64 " of %" PRIu64 " failed on %s%s\n", operation,
				line->failed[side], line->tried[side],
				side == 0 ? "BASE" : "the other side",
				side == 1 && line->failing ? ": FAILING" : "");
}

void gate_print_step(FILE *out, const struct gate *gate, enum gate_step step)
{
	print_title(out, gate, step);
	for (int i = 0; i < H2H_OPERATIONS; i++)
		print_line(out, &gate->runs[step].lines[i],
			   h2h_operation_name((enum h2h_operation)i));
}

void gate_print_outcome(FILE *out, enum bench_exit outcome, const char *why)
{
	fprintf(out, "\ngate: %s: %s\n", print_outcome(outcome), why);
}

void gate_rows(struct buf *out, const struct gate *gate)
{
	buf_add_string(out, "run,operation,base_ns,other_ns,effect,low,high,verdict,slower,failing,"
			    "base_failed,other_failed\n");
	for (int step = 0; step < GATE_STEPS; step++) {
		if (!gate->runs[step].made)
			continue;
		for (int i = 0; i < H2H_OPERATIONS; i++) {
			const struct gate_line *line = &gate->runs[step].lines[i];

			buf_printf(out,
				   "%s,%s,%.0f,%.0f,%.6g,%.6g,%.6g,%s,%d,%d,%" PRIu64 ",%" PRIu64
				   "\n",
				   gate_steps[step].name, h2h_operation_name((enum h2h_operation)i),
				   line->ns[0], line->ns[1], line->effect, line->low, line->high,
				   stats_verdict_names[line->verdict], line->slower, line->failing,
				   line->failed[0], line->failed[1]);
		}
	}
}

/* The operations that are slower or fail more often in this run. */
static json_t *print_worse(const struct gate_run *run)
{
	json_t *worse = json_array();

	for (int i = 0; i < H2H_OPERATIONS; i++)
		if (run->lines[i].slower || run->lines[i].failing)
			json_array_append_new(
				worse, json_string(h2h_operation_name((enum h2h_operation)i)));
	return worse;
}

json_t *gate_json(const struct gate *gate, json_t *runs[GATE_STEPS], enum bench_exit outcome,
		  const char *why)
{
	static const char *const outcomes[] = {"pass", "regression", "invalid"};
	json_t *made = json_array();

	for (int step = 0; step < GATE_STEPS; step++)
		if (gate->runs[step].made)
			json_array_append_new(
				made,
				json_pack("{s:s, s:s, s:s, s:f, s:o, s:o}", "run",
					  gate_steps[step].name, "a", gate_target_names[GATE_BASE],
					  "b", gate_target_names[gate_steps[step].target], "slowed",
					  gate_steps[step].slowed ? gate->rule.slow : 0.0, "worse",
					  print_worse(&gate->runs[step]), "h2h", runs[step]));
	return json_pack("{s:s, s:s, s:f, s:f, s:f, s:o}", "outcome", outcomes[outcome], "why", why,
			 "limit", gate->rule.limit, "slow", gate->rule.slow, "confidence",
			 gate->rule.confidence, "runs", made);
}
