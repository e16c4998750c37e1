#include "bench/h2h/liars.h"

#include "bench/cli/interrupt.h"
#include "bench/h2h/judge.h"

#include <stdio.h>
#include <string.h>

#define LIARS_BLOCKS	  20
#define LIARS_BLOCKS_SLOW 40
#define LIARS_PAIRS	  200
#define LIARS_PAIRS_MANY                                                                           \
	400 /* of 8,000 adds one in a thousand is lost, but for a chance of 1 in 3,000 */
#define LIARS_WARMUP	  50 /* ms */
#define LIARS_WARMUP_SLOW 5
/* Both sides work for as long as a fast service does: where the memory of two stores lies, and
 * other work of the machine, is up to 5 % of a get that takes a microsecond. */
#define LIARS_HONEST "store:fault?fault.work=10000"
#define LIARS_RATE   300
#define LIARS_OPEN   4500 /* ms: longer than a stall and the time between two */

static const struct liar {
	const char *name, *settings; /* of the fault backend */
	enum stats_verdict verdict;  /* that a line must have */
	const char *why;	     /* what it must say; NULL: no line may accuse the side */
	bool open;
	bool clock;    /* what it says of its own time must not be believed; no line is looked at */
	bool slow;     /* it needs more blocks, and a short warm-up, as it has begun by its end */
	int64_t pairs; /* a block; 0: LIARS_PAIRS */
} liars[] = {
	{"an honest side", "", STATS_EQUIVALENT, .open = false},
	{"an honest side, open loop too", "", STATS_EQUIVALENT, .open = true},
	{"stalls", "fault.stall=3s&fault.stall_every=4s", STATS_A_WINS, "stood still",
	 .open = true},
	{"drifts", "fault.drift=2000", STATS_A_WINS, "growing", .slow = true},
	{"drops", "fault.mutant=dropped-write&fault.mutant_share=100", STATS_WRONG,
	 .why = "does not hold"},
	{"drops 1 in 1,000", "fault.mutant=dropped-write&fault.mutant_share=1", STATS_WRONG,
	 .why = "B ", .pairs = LIARS_PAIRS_MANY},
	{"serves old carts", "fault.mutant=stale-cache&fault.mutant_age=50ms", STATS_WRONG,
	 .why = "B "},
	{"sheds", "fault.ops=get&fault.busy_every=50", STATS_NOT_COMPARABLE, .why = "failed"},
	{"fails fast", "fault.ops=change&fault.fail_every=3", STATS_NOT_COMPARABLE,
	 .why = "failed"},
	{"burns the other's processor", "fault.burn=30000", STATS_NOT_COMPARABLE,
	 .why = "carry-over"},
	{"has a clock that is fast", "fault.clock=1000000", STATS_EQUIVALENT, .clock = true},
	{"has a clock that goes back", "fault.clock=-1000000", STATS_EQUIVALENT, .clock = true},
};

/* Whether the times that both sides say are believed as they should be. */
static bool liar_times_are_right(const struct liar *liar, const struct h2h *h2h,
				 char why[TALLY_WHY])
{
	return h2h_times_hold(h2h, 0, why) && h2h_times_hold(h2h, 1, why) != liar->clock;
}

/* An honest side is accused by any verdict but that nothing was shown. A liar has got away where no
 * line says what it does, or one says that it is faster or alike. decided is the line that shows
 * it. */
static bool liar_is_caught(const struct liar *liar, const struct h2h_judgement *judgement,
			   const struct h2h_row **decided)
{
	bool said = false;

	*decided = &judgement->rows[0];
	for (size_t i = 0; i < judgement->count; i++) {
		const struct h2h_row *row = &judgement->rows[i];
		enum stats_verdict verdict = row->comparison.verdict;
		bool says = liar->why != NULL && verdict == liar->verdict &&
			    strstr(row->why, liar->why) != NULL;

		if (liar->why == NULL ? verdict != STATS_EQUIVALENT && verdict != STATS_TRIVIAL &&
						verdict != STATS_INCONCLUSIVE
				      : verdict == STATS_B_WINS || verdict == STATS_EQUIVALENT) {
			*decided = row;
			return false;
		}
		if (says && !said)
			*decided = row;
		said = said || says;
	}
	return said || liar->why == NULL;
}

static bool liar_run(struct h2h *h2h, const struct liar *liar, uint64_t seed,
		     struct cart_error *error)
{
	const struct bench_drive_config asked = {.timeout_ms = 10000};
	const struct h2h_config config = {
		.blocks = liar->slow ? LIARS_BLOCKS_SLOW : LIARS_BLOCKS,
		.pairs = liar->pairs > 0 ? liar->pairs : LIARS_PAIRS,
		.warmup_ms = liar->slow ? LIARS_WARMUP_SLOW : LIARS_WARMUP,
		.clients = 1,
		.seed = seed,
		.open = {.rate = LIARS_RATE, .duration_ms = liar->open ? LIARS_OPEN : 0}};
	struct bench_drive *drives[H2H_SIDES] = {NULL};
	char target[160];
	bool done;

	snprintf(target, sizeof(target), LIARS_HONEST "&%s", liar->settings);
	done = bench_drive_open(&drives[0], LIARS_HONEST, &asked, error) == 0 &&
	       bench_drive_open(&drives[1], target, &asked, error) == 0;
	h2h_init(h2h, &config, drives);
	done = done && h2h_run(h2h, NULL, NULL, error) == 0;
	for (int side = 0; side < H2H_SIDES; side++)
		bench_drive_close(&drives[side]);
	return done;
}

static bool liar_judge(const struct liar *liar, const struct h2h *h2h)
{
	const struct h2h_question question = {.quantiles = {0.5},
					      .quantile_count = 1,
					      .margin = 0.05,
					      .confidence = 0.95,
					      .names = {"A", "B"}};
	bool honest = liar->why == NULL && !liar->clock;
	const char *outcome = honest ? "not accused" : "caught";
	const struct h2h_row *decided;
	struct h2h_judgement judgement;
	char busy[200], why[TALLY_WHY];
	bool right;

	h2h_judge(&judgement, h2h, &question);
	right = liar_is_caught(liar, &judgement, &decided) || liar->clock;
	if (!right && liar->why == NULL && h2h_is_disturbed(h2h, busy, sizeof(busy))) {
		right = true; /* which accuses nobody */
		outcome = "INVALID";
	}
	right = liar_times_are_right(liar, h2h, why) && right;
	if (!right)
		outcome = honest ? "ACCUSED" : "NOT CAUGHT";
	if (h2h_times_hold(h2h, 1, why))
		snprintf(why, sizeof(why), "%s", decided->why);
	printf("%-32s %s%s%s: %s p%g %s\n", liar->name, outcome, why[0] != '\0' ? ", " : "", why,
	       h2h_operation_name(decided->operation), 100 * decided->quantile,
	       stats_verdict_names[decided->comparison.verdict]);
	fflush(stdout);
	h2h_judgement_free(&judgement);
	return right;
}

bool h2h_catches_liars(uint64_t seed)
{
	bool right = true;

	puts("\nHead to head against sides that lie, and honest ones.\n");
	for (size_t i = 0; i < sizeof(liars) / sizeof(*liars) && !bench_interrupted(); i++) {
		struct cart_error error;
		struct h2h h2h;

		if (!liar_run(&h2h, &liars[i], seed, &error)) {
			printf("%-32s %s\n", liars[i].name, error.text);
			right = false;
		} else if (!liar_judge(&liars[i], &h2h)) {
			right = false;
		}
		h2h_free(&h2h);
	}
	return right;
}
