/* `cartbench consistency`: what the probes are to try, and what becomes of what they find. */
#include "bench/cli/interrupt.h"
#include "bench/probe/all.h"
#include "bench/probe/show.h"
#include "bench/result/table.h"
#include "bench/result/result.h"
#include "bench/result/session.h"
#include "bench/result/member.h"

#include <stdlib.h>
#include <string.h>

#define CONSISTENCY_CARTS_MAX	 256 /* each takes four connections */
#define CONSISTENCY_NO_END_MS	 86400000
#define CONSISTENCY_DELAY_MAX_MS 60000

struct consistency {
	struct bench_session *session;
	struct probe_plan plan;
	struct probe_report report; /* of the side that is being probed */
	json_t *seed, *findings;
	enum bench_exit status;
};

#define CONSISTENCY_LIST_MAX 256

/* Each word of a list between commas. False: take() refuses one, or the list is too long. */
static bool consistency_each(const char *list, bool (*take)(struct probe_plan *plan, char *word),
			     struct probe_plan *plan)
{
	char copy[CONSISTENCY_LIST_MAX], *rest = copy, *word;

	if (list == NULL)
		return true;
	if (snprintf(copy, sizeof(copy), "%s", list) >= (int)sizeof(copy))
		return false;
	while ((word = strsep(&rest, ",")) != NULL)
		if (!take(plan, word))
			return false;
	return true;
}

static bool consistency_take_delay(struct probe_plan *plan, char *word)
{
	char *end;
	long ms = strtol(word, &end, 10);

	if (*word < '0' || *word > '9' || *end != '\0' || ms > CONSISTENCY_DELAY_MAX_MS ||
	    plan->delay_count == PROBE_DELAYS_MAX)
		return false;
	plan->delays_ms[plan->delay_count++] = ms;
	return true;
}

static bool consistency_take_probe(struct probe_plan *plan, char *word)
{
	enum probe_kind kind;

	if (strcmp(word, "seed") == 0)
		plan->seed_tests = true;
	else if (probe_kind_find(word, &kind))
		plan->kinds[kind] = true;
	else
		return false;
	return true;
}

static bool consistency_take_promise(struct probe_plan *plan, char *word)
{
	enum probe_read read = strcmp(word, "eventual") == 0 ? PROBE_EVENTUAL : PROBE_INDEX;

	plan->promised[read] = true;
	return read == PROBE_EVENTUAL || strcmp(word, "index") == 0;
}

/* False: the reason has been printed. */
static bool consistency_take(struct probe_plan *plan, const struct bench_session *session)
{
	const struct bench_values *values = &session->values;

	probe_plan_init(plan);
	plan->seed = (uint64_t)values->seed;
	plan->trials = (size_t)values->trials;
	plan->adds = (size_t)values->adds;
	plan->repeats = (size_t)values->repeats;
	plan->carts = (size_t)values->carts;
	plan->clients = (size_t)values->clients;
	plan->part_ms = values->for_ms > 0 ? values->for_ms : CONSISTENCY_NO_END_MS;
	if (!bench_options_within(session->mode, "clients", values->clients, 2,
				  PROBE_CLIENTS_MAX) ||
	    !bench_options_within(session->mode, "carts", values->carts, 1,
				  CONSISTENCY_CARTS_MAX) ||
	    !bench_options_within(session->mode, "adds", values->adds, 2, 1000000))
		return false;
	plan->delay_count = 0;
	plan->seed_tests = plan->seed_tests && values->probes == NULL;
	for (int kind = 0; kind < PROBE_KINDS; kind++)
		plan->kinds[kind] = plan->kinds[kind] && values->probes == NULL;
	if (!consistency_each(values->delays, consistency_take_delay, plan))
		bench_options_refuse(
			session->mode,
			"--delays takes up to %d times in milliseconds as 0,1,50, not \"%s\"",
			PROBE_DELAYS_MAX, values->delays);
	else if (!consistency_each(values->probes, consistency_take_probe, plan))
		bench_options_refuse(session->mode, "--probes does not know all of \"%s\"",
				     values->probes);
	else if (!consistency_each(values->promise, consistency_take_promise, plan))
		bench_options_refuse(session->mode, "--promise takes eventual, index, not \"%s\"",
				     values->promise);
	else if (values->same_database && session->arguments.count < 2)
		bench_options_refuse(session->mode, "--same-database takes two URLs or more");
	else
		return true;
	return false;
}

static void consistency_worsen(struct consistency *mode, enum bench_exit status)
{
	if (status > mode->status)
		mode->status = status;
}

/* Whether all targets show a cart that was created through the first. */
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

/* Takes the findings of a side into the exit status. */
static void consistency_judge(struct consistency *mode, const char *side)
{
	for (size_t i = 0; i < mode->report.finding_count; i++) {
		const struct probe_finding *finding = &mode->report.findings[i];
		enum probe_verdict verdict = probe_verdict_of(finding);

		if (verdict == PROBE_VIOLATED)
			consistency_worsen(mode, BENCH_VIOLATED);
		if (verdict != PROBE_UNMEASURED)
			continue;
		bench_result_invalidate(mode->session->result, "%s: no trial of %s had an outcome",
					side, probe_kind_names[finding->kind]);
		consistency_worsen(mode, BENCH_INVALID);
	}
}

/* Why something was not measured on this side. */
static void consistency_say_why(const struct probe_rig *rig, char *why, size_t room)
{
	if (bench_interrupted())
		snprintf(why, room, "the run was interrupted");
	else if (probe_rig_is_broken(rig))
		snprintf(why, room, "the service went away: %.300s", rig->trouble.text);
	else if (rig->trouble.text[0] != '\0')
		snprintf(why, room,
			 "no operation had an outcome that counts; the last failure: %.300s",
			 rig->trouble.text);
	else
		snprintf(why, room,
			 "its time (--for) was over before the first trial: give it more");
}

/* The document of a side, whose findings are added to the result. */
static json_t *consistency_keep(struct consistency *mode, size_t at, const char *why)
{
	struct bench_session *session = mode->session;
	json_t *found = probe_show_json(&mode->report, &mode->plan, session->names[at], why);

	json_array_extend(mode->seed, json_object_get(found, "seed"));
	json_array_extend(mode->findings, json_object_get(found, "probes"));
	return json_pack("{s:O, s:o}", "sides", json_object_get(session->result, "sides"),
			 "results", found);
}

static void consistency_print_side(struct consistency *mode, size_t at, size_t count)
{
	struct bench_session *session = mode->session;

	printf("%s%s%s", at > 0 ? "\n" : "", bench_session_label(session, at),
	       session->drives[at]->stand_in ? ", a local server in its place" : "");
	for (size_t i = at; i < at + count; i++)
		printf("%s%s", i == at ? ": " : ", ", session->drives[i]->text);
	puts(count > 1 ? " (writes through one, reads through the others)" : "");
}

static void consistency_deliver_side(struct consistency *mode, size_t at, size_t count,
				     const struct probe_rig *rig)
{
	struct bench_session *session = mode->session;
	char why[400];
	json_t *document;

	consistency_say_why(rig, why, sizeof(why));
	document = consistency_keep(mode, at, why);
	if (!session->values.json)
		consistency_print_side(mode, at, count);
	probe_show(session->values.json ? NULL : stdout, &session->rows, document);
	if (!session->values.json && rig->trouble.text[0] != '\0')
		printf("\nThe last operation without success: %s\n", rig->trouble.text);
	fflush(stdout);
	if (bench_interrupted())
		consistency_worsen(mode, BENCH_INVALID);
	if (probe_rig_is_broken(rig)) {
		bench_result_invalidate(session->result, "%s went away: %s", session->names[at],
					rig->trouble.text);
		consistency_worsen(mode, BENCH_INVALID);
	}
	consistency_judge(mode, session->names[at]);
	json_decref(document);
}

/* A side whose turn did not come, or that could not be probed. */
static void consistency_leave_out(struct consistency *mode, size_t at, size_t count,
				  const char *why)
{
	json_t *document;

	consistency_worsen(mode, BENCH_INVALID);
	mode->report = (struct probe_report){0};
	probe_report_complete(&mode->report, &mode->plan);
	document = consistency_keep(mode, at, why);
	if (!mode->session->values.json)
		consistency_print_side(mode, at, count);
	probe_show(mode->session->values.json ? NULL : stdout, &mode->session->rows, document);
	json_decref(document);
}

/* Probes one side: one target, or all targets of one database. False: the run ends here. */
static bool consistency_probe(struct consistency *mode, size_t at, size_t count)
{
	struct cart_error error;
	struct probe_rig rig;
	bool goes_on;

	if (probe_rig_open(&rig, &mode->plan, &mode->session->drives[at], count, &error) != 0) {
		fprintf(stderr, "cartbench: %s: %s\n", mode->session->arguments.items[at],
			error.text);
		consistency_leave_out(mode, at, count, error.text);
		return false;
	}
	if (!consistency_is_one_database(&rig)) {
		fprintf(stderr,
			"cartbench: the targets are not on the same database: a cart made through "
			"%s is not\nseen through all of the others\n",
			mode->session->arguments.items[at]);
		bench_result_invalidate(mode->session->result,
					"the targets are not on one database");
		probe_rig_close(&rig);
		consistency_leave_out(mode, at, count, "the targets are not on one database");
		return false;
	}
	probe_run_all(&rig, &mode->report, &mode->session->progress,
		      bench_session_label(mode->session, at));
	bench_progress_end(&mode->session->progress);
	consistency_deliver_side(mode, at, count, &rig);
	goes_on = !bench_interrupted();
	probe_rig_close(&rig);
	return goes_on;
}

static enum bench_exit consistency_run(struct bench_session *session)
{
	struct consistency mode = {.session = session};
	bool goes_on = true;

	if (!consistency_take(&mode.plan, session) || !bench_session_open(session, NULL))
		return BENCH_INVALID;
	mode.seed = json_array();
	mode.findings = json_array();
	json_object_set_new(session->result, "results",
			    json_pack("{s:o, s:o}", "seed", mode.seed, "probes", mode.findings));
	table_csv_head(&session->rows, probe_columns);
	if (session->values.same_database)
		consistency_probe(&mode, 0, session->drive_count);
	else
		for (size_t i = 0; i < session->drive_count; i++)
			if (goes_on)
				goes_on = consistency_probe(&mode, i, 1);
			else
				consistency_leave_out(&mode, i, 1, "the run ended before its turn");
	return bench_session_end(session, mode.status);
}

const struct bench_mode consistency_mode = {
	.name = "consistency",
	.arguments = "URL...",
	.arguments_min = 1,
	.arguments_max = PROBE_TARGETS_MAX,
	.summary = "how often reads are stale, updates lost, repeats applied twice",
	.takes = {"probes", "trials", "delays", "adds=960", "clients=8", "repeats", "for=1m",
		  "carts=32", "promise", "same-database", BENCH_TAKES_COMMON},
	.about = "Tries what a cart service promises until it can be said how often it is\n"
		 "broken: the seed's four tests; how often a read some time after a write is\n"
		 "stale, by the kind of read; what a session may expect; whether updates at\n"
		 "once are lost; whether a repeated request is applied again. Several URLs are\n"
		 "probed one after another. The carts stay in the target.\n",
	.more = "A timeout is unknown, never failed. Of no event in n trials the rate is\n"
		"printed as < 1 - 0.05^(1/n).\n"
		"\n"
		"Exit status: 0 no promise was broken; 3 one was; 2 wrong usage, a target\n"
		"that was not there or went away, an interrupted run, or a probe without one\n"
		"trial.\n",
	.example = "cartbench consistency http://127.0.0.1:8080",
	.run = consistency_run,
};
