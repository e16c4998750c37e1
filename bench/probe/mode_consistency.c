/* `cartbench consistency`: options, targets, and what becomes of what the probes find. */
#include "bench/cli/common.h"
#include "bench/target/drive.h"
#include "bench/cli/interrupt.h"
#include "bench/probe/run.h"
#include "bench/probe/show.h"
#include "bench/cli/progress.h"
#include "bench/result/result.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct consistency {
	struct bench_common common;
	int64_t trials, adds, repeats, carts, clients, limit_ms;
	const char *delays, *probes, *promise;
	bool same_database;
	struct probe_plan plan;
	struct bench_texts targets;
	struct bench_drive *drives[BENCH_TEXTS_MAX];
	struct bench_progress progress;
	struct probe_report report; /* of the side at hand, */
	const char *label;	    /* which is called so */
	json_t *result, *seed, *findings;
	struct buf rows;
	enum bench_exit status;
};

#define AT(member_) .at = offsetof(struct consistency, member_)

static const struct bench_option consistency_options[] = {
	{.name = "probes",
	 .type = OPTION_TEXT,
	 AT(probes),
	 .value = "LIST",
	 .help = "which, out of: seed, staleness, customer_index, read_your_writes,\n"
		 "monotonic_reads, monotonic_writes, lost_updates, lost_updates_one_line,\n"
		 "exactly_once (default: all)"},
	{.name = "trials",
	 .type = OPTION_COUNT,
	 AT(trials),
	 .value = "N",
	 .fallback = "3000",
	 .min = 1,
	 .max = 1000000,
	 .help = "reads of each kind after each delay, and of each session guarantee"},
	{.name = "delays",
	 .type = OPTION_TEXT,
	 AT(delays),
	 .value = "LIST",
	 .fallback = "0,1,2,5,10,20,50,100",
	 .help = "milliseconds from a write's acknowledgement to its reads"},
	{.name = "adds",
	 .type = OPTION_COUNT,
	 AT(adds),
	 .value = "N",
	 .fallback = "960",
	 .min = 2,
	 .max = 1000000,
	 .help = "by clients at once, to distinct products and again to one line"},
	{.name = "clients",
	 .type = OPTION_COUNT,
	 AT(clients),
	 .value = "N",
	 .fallback = "8",
	 .min = 2,
	 .max = PROBE_CLIENTS_MAX,
	 .help = "that add to one cart at once"},
	{.name = "repeats",
	 .type = OPTION_COUNT,
	 AT(repeats),
	 .value = "N",
	 .fallback = "600",
	 .min = 1,
	 .max = 1000000,
	 .help = "adds whose client goes away and asks again with its Idempotency-Key"},
	{.name = "limit",
	 .type = OPTION_DURATION,
	 AT(limit_ms),
	 .value = "DURATION",
	 .fallback = "1m",
	 .min = 100,
	 .max = 86400000,
	 .help = "a part of a probe ends after this, with the trials that it has"},
	{.name = "carts",
	 .type = OPTION_COUNT,
	 AT(carts),
	 .value = "N",
	 .fallback = "32",
	 .min = 1,
	 .max = 256,
	 .help = "worked on at once; each takes four connections"},
	{.name = "promise",
	 .type = OPTION_TEXT,
	 AT(promise),
	 .value = "LIST",
	 .help = "what is promised beside strong reads, so that a stale one is a violation:\n"
		 "eventual, index (default: neither)"},
	{.name = "same-database",
	 .type = OPTION_FLAG,
	 AT(same_database),
	 .help = "the URLs are cartds on one database: writes go through one, reads through\n"
		 "the others"},
	{0},
};

/* The next of a list between commas; NULL: no more. */
static const char *consistency_word(const char **list, size_t *len)
{
	const char *word = *list;

	if (word == NULL)
		return NULL;
	*len = strcspn(word, ",");
	*list = word[*len] == ',' ? word + *len + 1 : NULL;
	return word;
}

static bool consistency_is(const char *word, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(word, text, len) == 0;
}

static bool consistency_take_delays(struct probe_plan *plan, const char *list)
{
	const char *word;
	size_t len;

	plan->delay_count = 0;
	while ((word = consistency_word(&list, &len)) != NULL) {
		char *end;
		long ms = strtol(word, &end, 10);

		if (len == 0 || *word < '0' || *word > '9' || end != word + len || ms > 60000 ||
		    plan->delay_count == PROBE_DELAYS_MAX)
			return false;
		plan->delays_ms[plan->delay_count++] = ms;
	}
	return true;
}

static bool consistency_take_probes(struct probe_plan *plan, const char *list)
{
	enum probe_kind kind;
	const char *word;
	size_t len;

	if (list == NULL)
		return true;
	plan->seed_tests = false;
	memset(plan->kinds, 0, sizeof(plan->kinds));
	while ((word = consistency_word(&list, &len)) != NULL) {
		if (consistency_is(word, len, "seed"))
			plan->seed_tests = true;
		else if (probe_kind_find(word, len, &kind))
			plan->kinds[kind] = true;
		else
			return false;
	}
	return true;
}

static bool consistency_take_promise(struct probe_plan *plan, const char *list)
{
	const char *word;
	size_t len;

	while ((word = consistency_word(&list, &len)) != NULL) {
		if (consistency_is(word, len, "eventual"))
			plan->promised[PROBE_EVENTUAL] = true;
		else if (consistency_is(word, len, "index"))
			plan->promised[PROBE_INDEX] = true;
		else
			return false;
	}
	return true;
}

/* False: status says how the mode ends, and the reason has been printed. */
static bool consistency_parse(struct consistency *mode, int argc, char **argv)
{
	const struct bench_options options = {
		.mode = "consistency",
		.arguments = "URL...",
		.arguments_min = 1,
		.arguments_max = PROBE_TARGETS_MAX,
		.about = "Tries what a cart service promises until it can be said how often it is "
			 "broken:\nthe seed's four tests; how often a read some time after a write "
			 "is stale, by the\nkind of read; what a session may expect; whether "
			 "updates at once are lost; whether\na repeated request is applied again. "
			 "Several URLs are probed one after another.\nThe carts stay in the "
			 "target.\n",
		.more = "A timeout is unknown, never failed. Of no event in n trials the rate is "
			"printed as\n< 1 - 0.05^(1/n).\n\n"
			"Exit status: 0 no promise was broken; 3 one was; 2 wrong usage, a target "
			"that was\nnot there or went away, an interrupted run, or a probe without "
			"one trial.\n",
		.example = "cartbench consistency http://127.0.0.1:8080",
		.tables = {{consistency_options, mode}, {bench_common_options, &mode->common}},
	};
	struct probe_plan *plan = &mode->plan;
	struct cart_error error;

	mode->status = BENCH_INVALID;
	if (!bench_options_parse(&options, argc, argv, &mode->targets, &mode->status))
		return false;
	probe_plan_init(plan);
	plan->trials = (size_t)mode->trials;
	plan->adds = (size_t)mode->adds;
	plan->repeats = (size_t)mode->repeats;
	plan->carts = (size_t)mode->carts;
	plan->clients = (size_t)mode->clients;
	plan->part_ms = mode->limit_ms;
	if (!consistency_take_delays(plan, mode->delays))
		bench_options_refuse(&options,
				     "--delays takes up to %d times in milliseconds as 0,1,50, "
				     "not \"%s\"",
				     PROBE_DELAYS_MAX, mode->delays);
	else if (!consistency_take_probes(plan, mode->probes))
		bench_options_refuse(&options, "--probes does not know all of \"%s\"",
				     mode->probes);
	else if (!consistency_take_promise(plan, mode->promise))
		bench_options_refuse(&options, "--promise takes eventual, index, not \"%s\"",
				     mode->promise);
	else if (mode->same_database && mode->targets.count < 2)
		bench_options_refuse(&options, "--same-database takes two URLs or more");
	else if (bench_common_prepare(&mode->common, &error) != 0)
		bench_options_refuse(&options, "%s", error.text);
	else {
		plan->seed = (uint64_t)mode->common.seed;
		return true;
	}
	return false;
}

/* "A", "B", ...; not reentrant. */
static const char *consistency_side(size_t at)
{
	static char name[2];

	name[0] = (char)('A' + at);
	return name;
}

/* All of them before any is probed: a typing mistake in the second costs nothing. */
static bool consistency_open(struct consistency *mode)
{
	const struct bench_drive_config config = {.timeout_ms = mode->common.timeout_ms};
	struct cart_error error;

	for (size_t i = 0; i < mode->targets.count; i++) {
		const char *target = mode->targets.items[i];

		if (bench_drive_open(&mode->drives[i], target, &config, &error) != 0 ||
		    bench_result_add_side(mode->result, consistency_side(i), mode->drives[i],
					  &mode->common, &error) != 0) {
			fprintf(stderr, "cartbench: %s: %s\n", target, error.text);
			return false;
		}
	}
	return true;
}

static void consistency_worsen(struct consistency *mode, enum bench_exit status)
{
	if (status > mode->status)
		mode->status = status;
}

static void consistency_begin(const char *what, void *user)
{
	struct consistency *mode = user;

	bench_progress_show(&mode->progress, "%s: %s", mode->label, what);
}

/* True: what one target has acknowledged the others show. */
static bool consistency_is_one_database(struct probe_rig *rig)
{
	bool same = true;

	for (size_t i = 1; i < rig->target_count && same; i++) {
		struct bench_link *first = probe_rig_link(rig, 0), *other = probe_rig_link(rig, i);
		struct cart_id id;
		struct cart cart;

		same = probe_rig_cart(rig, first, &id, NULL) &&
		       probe_rig_settled(rig, other, &id, 1, &cart);
		if (same)
			cart_clear(&cart);
		bench_link_close(&first);
		bench_link_close(&other);
	}
	return same;
}

/* What the findings of a side mean for the run. */
static void consistency_judge(struct consistency *mode, const char *side)
{
	for (size_t i = 0; i < mode->report.finding_count; i++) {
		const struct probe_finding *finding = &mode->report.findings[i];
		enum probe_verdict verdict = probe_verdict_of(finding);

		if (verdict == PROBE_VIOLATED)
			consistency_worsen(mode, BENCH_VIOLATED);
		if (verdict != PROBE_UNMEASURED)
			continue;
		bench_result_invalidate(mode->result, "%s: no trial of %s had an outcome", side,
					probe_kind_name(finding->kind));
		consistency_worsen(mode, BENCH_INVALID);
	}
}

static void consistency_keep(struct consistency *mode, const char *side,
			     const struct probe_rig *rig)
{
	probe_show_json(mode->seed, mode->findings, side, &mode->report);
	probe_show_csv(&mode->rows, side, &mode->report);
	if (bench_interrupted()) {
		bench_result_interrupt(mode->result);
		consistency_worsen(mode, BENCH_INVALID);
	}
	if (probe_rig_is_broken(rig)) {
		bench_result_invalidate(mode->result, "%s went away: %s", side, rig->trouble.text);
		consistency_worsen(mode, BENCH_INVALID);
	}
	consistency_judge(mode, side);
}

static void consistency_print(struct consistency *mode, size_t at, size_t count,
			      const struct probe_rig *rig)
{
	const struct bench_drive *drive = mode->drives[at];

	if (mode->common.json)
		return;
	printf("%s%s%s", at > 0 ? "\n" : "",
	       bench_result_label(&mode->common, consistency_side(at), drive),
	       bench_drive_is_local_stand_in(drive) ? ", a local server in its place" : "");
	for (size_t i = at; i < at + count; i++)
		printf("%s%s", i == at ? ": " : ", ", bench_drive_text(mode->drives[i]));
	puts(count > 1 ? " (writes through one, reads through the others)" : "");
	if (!probe_show_tables(stdout, &mode->report)) {
		fprintf(stderr, "cartbench: cannot print the results\n");
		consistency_worsen(mode, BENCH_INVALID);
	}
	if (rig->trouble.text[0] != '\0')
		printf("\nThe last operation without success: %s\n", rig->trouble.text);
	fflush(stdout);
}

/* A side: one target, or all of one database. False: the run ends here. */
static bool consistency_probe(struct consistency *mode, size_t at, size_t count)
{
	struct cart_error error;
	struct probe_rig rig;
	bool goes_on;

	if (probe_rig_open(&rig, &mode->plan, &mode->drives[at], count, &error) != 0) {
		fprintf(stderr, "cartbench: %s: %s\n", mode->targets.items[at], error.text);
		consistency_worsen(mode, BENCH_INVALID);
		return false;
	}
	if (!consistency_is_one_database(&rig)) {
		fprintf(stderr,
			"cartbench: the targets are not on the same database: a cart made through "
			"%s is not\nseen through all of the others\n",
			mode->targets.items[at]);
		bench_result_invalidate(mode->result, "the targets are not on one database");
		probe_rig_close(&rig);
		consistency_worsen(mode, BENCH_INVALID);
		return false;
	}
	mode->label = bench_result_label(&mode->common, consistency_side(at), mode->drives[at]);
	probe_run_all(&rig, &mode->report, consistency_begin, mode);
	bench_progress_end(&mode->progress);
	consistency_keep(mode, consistency_side(at), &rig);
	consistency_print(mode, at, count, &rig);
	goes_on = !bench_interrupted();
	probe_rig_close(&rig);
	return goes_on;
}

static void consistency_probe_all(struct consistency *mode)
{
	const char *invalid;

	bench_interrupt_catch();
	bench_progress_begin(&mode->progress, mode->common.quiet);
	probe_show_csv_head(&mode->rows);
	mode->status = BENCH_PASS;
	if (mode->same_database)
		consistency_probe(mode, 0, mode->targets.count);
	else
		for (size_t i = 0; i < mode->targets.count; i++)
			if (!consistency_probe(mode, i, 1))
				break;
	invalid = bench_result_invalid(mode->result);
	if (invalid != NULL)
		fprintf(stderr, "cartbench: invalid: %s\n", invalid);
}

static void consistency_deliver(struct consistency *mode)
{
	struct cart_error error;

	if (bench_result_deliver(mode->result, &mode->common, buf_string(&mode->rows), &error) == 0)
		return;
	fprintf(stderr, "cartbench: %s\n", error.text);
	consistency_worsen(mode, BENCH_INVALID);
}

static enum bench_exit consistency_run(int argc, char **argv)
{
	struct consistency mode = {.common = BENCH_COMMON_INIT};

	if (!consistency_parse(&mode, argc, argv))
		return mode.status;
	mode.result = bench_result_new("consistency", &mode.common, argc, argv);
	mode.seed = json_array();
	mode.findings = json_array();
	if (json_object_set_new(
		    mode.result, "results",
		    json_pack("{s:O, s:O}", "seed", mode.seed, "probes", mode.findings)) != 0) {
		fprintf(stderr, "cartbench: out of memory\n");
		mode.status = BENCH_INVALID;
	} else if (!consistency_open(&mode)) {
		mode.status = BENCH_INVALID;
	} else {
		consistency_probe_all(&mode);
		consistency_deliver(&mode);
	}
	for (size_t i = 0; i < mode.targets.count; i++)
		bench_drive_close(&mode.drives[i]);
	json_decref(mode.seed);
	json_decref(mode.findings);
	json_decref(mode.result);
	buf_free(&mode.rows);
	return mode.status;
}

const struct bench_mode consistency_mode = {
	.name = "consistency",
	.arguments = "[OPTIONS] URL...",
	.summary = "how often reads are stale, updates lost, repeats applied twice",
	.run = consistency_run,
};
