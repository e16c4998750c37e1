#include "bench/gate/gate.h"

#include "bench/stats/describe.h"

#include "core/base/buf.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GATE_QUANTILE	 0.5
#define GATE_SUCCESS_MIN 0.5 /* of BASE; below it the gate is invalid */

const char *const gate_target_names[GATE_TARGETS + 1] = {"BASE", "SAME", "HEAD"};

const struct gate_measure gate_steps[GATE_STEPS] = {
	[GATE_SAME] = {"same", GATE_IS_SAME, false},
	[GATE_SLOW] = {"slow", GATE_IS_SAME, true},
	[GATE_SLOW_AGAIN] = {"slow_again", GATE_IS_SAME, true},
	[GATE_HEAD] = {"head", GATE_IS_HEAD, false},
	[GATE_HEAD_AGAIN] = {"head_again", GATE_IS_HEAD, false},
};

struct h2h_question gate_question(const struct gate_rule *rule, enum gate_step step)
{
	return (struct h2h_question){.quantiles = {GATE_QUANTILE},
				     .quantile_count = 1,
				     .margin = rule->limit,
				     .confidence = rule->confidence,
				     .names = {gate_target_names[GATE_BASE],
					       gate_target_names[gate_steps[step].target]}};
}

/* The first reason stays. */
CART_PRINTF(2, 3) static void gate_invalidate(struct gate_run *run, const char *format, ...)
{
	va_list arguments;

	if (run->invalid[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(run->invalid, sizeof(run->invalid), format, arguments);
	va_end(arguments);
}

static void gate_note_success(struct gate_line *line, const struct h2h *h2h,
			      enum h2h_operation operation, double confidence)
{
	struct stats_proportion ok[H2H_SIDES] = {{0}};

	for (int side = 0; side < H2H_SIDES; side++) {
		const struct tally *arm = h2h_tally(h2h, operation, side);

		line->tried[side] = arm->tried;
		line->failed[side] = arm->tried - arm->ok;
		if (arm->tried > 0)
			ok[side] = stats_wilson(arm->ok, arm->tried, confidence);
	}
	line->failing = line->tried[1] > 0 && ok[1].high < ok[0].low;
}

static void gate_note_row(struct gate_line *line, const struct h2h_row *row, double limit)
{
	line->judged = row->judged;
	line->effect = row->effect;
	line->low = row->low;
	line->high = row->high;
	line->verdict = row->comparison.verdict;
	line->slower = (row->judged && row->low > limit) || line->stalled;
	memcpy(line->why, row->why, sizeof(line->why));
	for (int side = 0; side < H2H_SIDES; side++)
		line->ns[side] = row->ns[side];
}

static bool gate_has_failing(const struct gate_run *run)
{
	for (int i = 0; i < GATE_LINES; i++)
		if (run->lines[i].failing)
			return true;
	return false;
}

static void gate_validate(struct gate_run *run, enum gate_step step, const struct h2h *h2h,
			  const struct gate_rule *rule)
{
	char why[200];
	const char *names[H2H_SIDES] = {gate_target_names[GATE_BASE],
					gate_target_names[gate_steps[step].target]};

	if (!rule->busy && h2h_is_disturbed(h2h, why, sizeof(why)))
		gate_invalidate(run, "%s", why);
	if (h2h->interrupted)
		gate_invalidate(run, "interrupted");
	if (h2h->gone >= 0)
		gate_invalidate(run, "%s stopped answering; the last error: %s", names[h2h->gone],
				h2h->gone_error);
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		const struct gate_line *line = &run->lines[i];
		const char *operation = h2h_operation_name((enum h2h_operation)i);

		if ((double)line->failed[0] > (1 - GATE_SUCCESS_MIN) * (double)line->tried[0])
			gate_invalidate(run, "%s failed %llu of %llu operations (%s)", names[0],
					(unsigned long long)line->failed[0],
					(unsigned long long)line->tried[0], operation);
		if (!line->judged && !line->failing)
			gate_invalidate(run, "too few blocks with pairs enough of %s", operation);
		if (line->verdict != STATS_NOT_COMPARABLE || gate_has_failing(run))
			continue;
		run->noisy = run->noisy || run->invalid[0] == '\0';
		gate_invalidate(run,
				"%s: NOT COMPARABLE: %s; the machine is too noisy, or %s "
				"changes while it is measured",
				operation, line->why, names[1]);
	}
}

/* Whether an operation is slower or fails more often in this run. */
static bool gate_is_worse(const struct gate_run *run, int operation)
{
	return run->made && (run->lines[operation].slower || run->lines[operation].failing);
}

static int gate_count_worse(const struct gate_run *run)
{
	int count = 0;

	for (int i = 0; i < GATE_LINES; i++)
		count += gate_is_worse(run, i);
	return count;
}

/* Slower, and slower again; or failing, and failing again. */
static bool gate_is_regression(const struct gate_run *run, const struct gate_run *again,
			       int operation)
{
	const struct gate_line *first = &run->lines[operation], *second = &again->lines[operation];

	return run->made && again->made &&
	       ((first->slower && second->slower) || (first->failing && second->failing));
}

/* Of a run without failures; with some it is about those alone. */
static bool gate_is_alike(const struct gate_run *run, int operation)
{
	const struct gate_line *line = &run->lines[operation];

	if (gate_has_failing(run))
		return !line->failing;
	if (operation == H2H_OPEN)
		return !line->slower;
	return line->judged &&
	       (line->verdict == STATS_EQUIVALENT || line->verdict == STATS_TRIVIAL);
}

/* Whether a line of a control is not as it must be. */
static bool gate_line_fails(const struct gate_run *run, enum gate_step step, int operation)
{
	if (step == GATE_SAME)
		return !gate_is_alike(run, operation);
	return gate_steps[step].slowed && operation != H2H_OPEN && !run->lines[operation].slower;
}

/* Whether a run that does not tell may tell with more blocks: it is noisy, or a control's line is
 * not as it must be, and the interval holds what it must be. */
static bool gate_may_be_decided(const struct gate_run *run, enum gate_step step,
				const struct gate_rule *rule)
{
	bool may = false;

	if (run->invalid[0] != '\0')
		return run->noisy;
	for (int i = 0; i < H2H_OPERATIONS; i++) {
		const struct gate_line *line = &run->lines[i];

		if (!gate_line_fails(run, step, i))
			continue;
		if (line->failing ||
		    line->high <= (step == GATE_SAME ? 1 / (1 + rule->limit) - 1 : rule->limit))
			return false;
		if (step == GATE_SAME && line->low >= rule->limit)
			return false;
		may = true;
	}
	return may;
}

bool gate_note(struct gate *gate, enum gate_step step, const struct h2h *h2h,
	       const struct h2h_judgement *judgement)
{
	struct gate_run *run = &gate->runs[step];

	*run = (struct gate_run){.made = true};
	for (int i = 0; i < GATE_LINES; i++)
		gate_note_success(&run->lines[i], h2h, (enum h2h_operation)i,
				  gate->rule.confidence);
	run->lines[H2H_OPEN].stalled = h2h_open_stalled(&h2h->open) == 1;
	for (size_t i = 0; i < judgement->count; i++)
		gate_note_row(&run->lines[judgement->rows[i].operation], &judgement->rows[i],
			      gate->rule.limit);
	run->wrong = judgement->wrong;
	if (run->wrong)
		gate_invalidate(run, "%s", judgement->rows[0].why);
	gate_validate(run, step, h2h, &gate->rule);
	if (gate->doublings == GATE_DOUBLINGS_MAX || !gate_may_be_decided(run, step, &gate->rule))
		return true;
	gate->doublings++;
	run->made = false;
	return false;
}

/* "add +7.1 % (+5.9 % ... +8.3 %)", or what failed. */
static void gate_tell(char *text, size_t room, const struct gate_run *run, int operation)
{
	const struct gate_line *line = &run->lines[operation];
	const char *name = h2h_operation_name((enum h2h_operation)operation);

	if (line->failing)
		snprintf(text, room, "%s failed %llu of %llu times", name,
			 (unsigned long long)line->failed[1], (unsigned long long)line->tried[1]);
	else if (line->stalled)
		snprintf(text, room, "%s: %s", name, line->why);
	else
		snprintf(text, room, "%s %+.1f %% (%+.1f ... %+.1f %%)", name, 100 * line->effect,
			 100 * line->low, 100 * line->high);
}

/* Whether a control failed, so that nothing can be concluded on this machine; why says which. */
static bool gate_controls_fail(const struct gate *gate, char why[GATE_WHY_MAX])
{
	const struct gate_run *same = &gate->runs[GATE_SAME], *slow = &gate->runs[GATE_SLOW];
	const struct gate_run *again = &gate->runs[GATE_SLOW_AGAIN];
	char told[128];

	for (int i = 0; i < GATE_LINES; i++) {
		if (same->made && gate_line_fails(same, GATE_SAME, i)) {
			gate_tell(told, sizeof(told), same,
				  same->lines[H2H_OPEN].stalled ? H2H_OPEN : i);
			snprintf(why, GATE_WHY_MAX,
				 "the control of one binary against itself was not shown to be "
				 "within %g %%: %s; the machine is too noisy for --blocks so few, "
				 "or SAME is not the binary that BASE is",
				 100 * gate->rule.limit, told);
			return true;
		}
		if ((slow->made && gate_line_fails(slow, GATE_SLOW, i)) ||
		    (again->made && gate_line_fails(again, GATE_SLOW_AGAIN, i))) {
			gate_tell(told, sizeof(told),
				  again->made && slow->lines[i].slower ? again : slow, i);
			snprintf(why, GATE_WHY_MAX,
				 "the control that was made %g %% slower was not found to be a "
				 "regression: %s; the machine is too noisy for --blocks so few",
				 100 * gate->rule.slow, told);
			return true;
		}
	}
	return false;
}

static const struct gate_run *gate_first_invalid(const struct gate *gate)
{
	for (int i = 0; i < GATE_STEPS; i++)
		if (gate->runs[i].made && gate->runs[i].invalid[0] != '\0')
			return &gate->runs[i];
	return NULL;
}

enum gate_step gate_next(const struct gate *gate)
{
	char why[GATE_WHY_MAX];

	if (gate_first_invalid(gate) != NULL || gate_controls_fail(gate, why))
		return GATE_END;
	for (int i = 0; i < GATE_STEPS; i++) {
		if (gate->runs[i].made)
			continue;
		/* The first run found nothing, so there is nothing to confirm. */
		if (i == GATE_HEAD_AGAIN && gate_count_worse(&gate->runs[GATE_HEAD]) == 0)
			return GATE_END;
		return (enum gate_step)i;
	}
	return GATE_END;
}

static bool gate_tell_regressions(const struct gate *gate, char why[GATE_WHY_MAX])
{
	const struct gate_run *run = &gate->runs[GATE_HEAD], *again = &gate->runs[GATE_HEAD_AGAIN];
	int used = snprintf(why, GATE_WHY_MAX, "HEAD is worse, twice:");
	int count = 0;

	for (int i = 0; i < GATE_LINES; i++) {
		char first[128], second[128];

		if (!gate_is_regression(run, again, i) || used < 0 || used >= GATE_WHY_MAX)
			continue;
		gate_tell(first, sizeof(first), run, i);
		gate_tell(second, sizeof(second), again, i);
		used += snprintf(why + used, GATE_WHY_MAX - (size_t)used, "%s %s, then %s",
				 count++ > 0 ? ";" : "", first, second);
	}
	return count > 0;
}

enum bench_exit gate_decide(const struct gate *gate, char why[GATE_WHY_MAX])
{
	const struct gate_run *invalid = gate_first_invalid(gate);

	if (invalid != NULL) {
		memcpy(why, invalid->invalid, GATE_WHY_MAX);
		return invalid->wrong ? BENCH_VIOLATED : BENCH_INVALID;
	}
	if (gate_controls_fail(gate, why))
		return BENCH_INVALID;
	if (gate_next(gate) != GATE_END) {
		snprintf(why, GATE_WHY_MAX, "%s was not measured",
			 gate_steps[gate_next(gate)].name);
		return BENCH_INVALID;
	}
	if (gate_tell_regressions(gate, why))
		return BENCH_FAILED;
	snprintf(why, GATE_WHY_MAX,
		 "no operation of HEAD was found to be more than %g %% slower than BASE's at "
		 "p50%s%s",
		 100 * gate->rule.limit,
		 gate->runs[GATE_HEAD].lines[H2H_OPEN].judged
			 ? ", nor at p99 in the open loop"
			 : "; p99 in the open loop was not judged",
		 gate->runs[GATE_HEAD_AGAIN].made
			 ? "; what the first run found, the second run does not agree with"
			 : "");
	return BENCH_PASS;
}

static const char *gate_outcome_name(enum bench_exit outcome)
{
	static const char *const names[] = {"PASS", "REGRESSION", "INVALID", "WRONG"};

	return names[outcome];
}

static void gate_print_title(FILE *out, const struct gate *gate, enum gate_step step)
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

static void gate_print_line(FILE *out, const struct gate_line *line, const char *operation)
{
	char interval[48];

	snprintf(interval, sizeof(interval), "%+.1f ... %+.1f %%", 100 * line->low,
		 100 * line->high);
	if (line->judged)
		fprintf(out, "%-8s %10.4f %10.4f %+6.1f %%  %-19s %s%s%s%s\n", operation,
			line->ns[0] / (double)CLOCK_NS_PER_MS,
			line->ns[1] / (double)CLOCK_NS_PER_MS, 100 * line->effect, interval,
			line->slower ? "SLOWER; " : "", stats_verdict_names[line->verdict],
			line->why[0] != '\0' ? ": " : "", line->why);
	else if (line->tried[0] > 0)
		fprintf(out, "%-8s not judged: %s\n", operation,
			line->why[0] != '\0' ? line->why : "too few pairs succeeded");
	for (int side = 0; side < H2H_SIDES; side++)
		if (line->failed[side] > 0)
			fprintf(out, "%-8s %" PRIu64 " of %" PRIu64 " failed on %s%s\n", operation,
				line->failed[side], line->tried[side],
				side == 0 ? "BASE" : "the other side",
				side == 1 && line->failing ? ": FAILING" : "");
}

void gate_print_step(FILE *out, const struct gate *gate, enum gate_step step)
{
	gate_print_title(out, gate, step);
	for (int i = 0; i < GATE_LINES; i++)
		gate_print_line(out, &gate->runs[step].lines[i],
				h2h_operation_name((enum h2h_operation)i));
}

void gate_print_outcome(FILE *out, enum bench_exit outcome, const char *why)
{
	fprintf(out, "\ngate: %s: %s\n", gate_outcome_name(outcome), why);
}

void gate_rows(struct buf *out, const struct gate *gate)
{
	buf_add_string(out, "run,operation,base_ns,other_ns,effect,low,high,verdict,slower,failing,"
			    "base_failed,other_failed\n");
	for (int step = 0; step < GATE_STEPS; step++) {
		if (!gate->runs[step].made)
			continue;
		for (int i = 0; i < GATE_LINES; i++) {
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
static json_t *gate_worse_json(const struct gate_run *run)
{
	json_t *worse = json_array();

	for (int i = 0; i < GATE_LINES; i++)
		if (run->lines[i].slower || run->lines[i].failing)
			json_array_append_new(
				worse, json_string(h2h_operation_name((enum h2h_operation)i)));
	return worse;
}

json_t *gate_json(const struct gate *gate, json_t *runs[GATE_STEPS], enum bench_exit outcome,
		  const char *why)
{
	static const char *const outcomes[] = {"pass", "regression", "invalid", "wrong"};
	json_t *made = json_array();

	for (int step = 0; step < GATE_STEPS; step++) {
		if (gate->runs[step].made)
			json_array_append_new(
				made,
				json_pack("{s:s, s:s, s:s, s:f, s:o, s:o}", "run",
					  gate_steps[step].name, "a", gate_target_names[GATE_BASE],
					  "b", gate_target_names[gate_steps[step].target], "slowed",
					  gate_steps[step].slowed ? gate->rule.slow : 0.0, "worse",
					  gate_worse_json(&gate->runs[step]), "h2h", runs[step]));
		else
			json_decref(runs[step]);
	}
	return json_pack("{s:s, s:s, s:f, s:f, s:f, s:o}", "outcome", outcomes[outcome], "why", why,
			 "limit", gate->rule.limit, "slow", gate->rule.slow, "confidence",
			 gate->rule.confidence, "runs", made);
}
