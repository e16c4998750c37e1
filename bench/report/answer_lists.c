/* What the first screen says was decided, what was not, and what to do next. */
#include "bench/h2h/show.h"
#include "bench/report/answer.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *answer_name(const struct answer *answer, size_t side, bool in_full,
			char text[TABLE_TEXT])
{
	const struct report_side *of = answer->sides[side];
	bool about = in_full && *of->about != '\0';

	snprintf(text, TABLE_TEXT, "%.20s%s%.160s%s%.160s%s", answer->h2h != NULL ? of->name : "",
		 answer->h2h != NULL ? ": " : "", of->label, about ? " (" : "",
		 about ? of->about : "", about ? ")" : "");
	return text;
}

const char *answer_money(const struct answer *answer, double money, char text[NUMBER_TEXT])
{
	char digits[NUMBER_TEXT];

	snprintf(text, NUMBER_TEXT, "%.8s\xc2\xa0%.30s", answer->report->prices.currency,
		 money >= 1000 ? number_count(money, digits) : number_digits(money, 3, digits));
	return text;
}

CART_PRINTF(2, 3)
static void list_add(struct answer_list *list, const char *format, ...)
{
	va_list args;

	if (list->count == ANSWER_ITEMS)
		return;
	va_start(args, format);
	list->items[list->count++] = (struct answer_item){.text = page_format(format, args)};
	va_end(args);
}

CART_PRINTF(2, 3)
static void list_add_command(struct answer_list *list, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	free(list->items[list->count - 1].command);
	list->items[list->count - 1].command = page_format(format, args);
	va_end(args);
}

static void list_clear(struct answer_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].text);
		free(list->items[i].command);
	}
	list->count = 0;
}

void answer_clear(struct answer *answer)
{
	list_clear(&answer->decided);
	list_clear(&answer->open);
	list_clear(&answer->next);
}

/* ---- the verdicts, those with the same words together ---- */

/* "create, typical", "get, slowest 5 %", "steady load, slowest 1 %" */
static const char *verdict_name(const struct table_row *row, char text[TABLE_TEXT])
{
	const char *operation = member_text(row->of, "operation");
	double q = member_number(row->in, "q");

	operation = strcmp(operation, "open loop") == 0 ? "steady load" : operation;
	if (fabs(q - 0.5) < 1e-9)
		snprintf(text, TABLE_TEXT, "%.40s, typical", operation);
	else
		snprintf(text, TABLE_TEXT, "%.40s, slowest %.3g\xc2\xa0%%", operation,
			 100 * (1 - q));
	return text;
}

/* "create, typical +38 %", with what would decide it, or why it is as it is. */
static void verdict_add(const struct table_row *row, bool open, struct buf *out)
{
	double needed = member_number(row->in, "pairs_needed");
	const char *why = member_text(row->in, "why");
	char name[TABLE_TEXT], effect[NUMBER_TEXT], pairs[NUMBER_TEXT];

	buf_printf(out, "%s%s", out->len > 0 ? "; " : "", verdict_name(row, name));
	if (isfinite(member_number(row->in, "low")))
		buf_printf(out, " %s", number_effect(member_number(row->in, "effect"), effect));
	if (open && needed > 0)
		buf_printf(out, " (about %s pairs would decide)", number_digits(needed, 2, pairs));
	if (*why != '\0')
		buf_printf(out, " (%s)", why);
}

static bool verdict_is_decided(const json_t *quantile)
{
	return strcmp(member_text(quantile, "verdict"), "INCONCLUSIVE") != 0;
}

struct verdict_groups {
	struct {
		char words[TABLE_TEXT];
		bool decided;
		struct buf text;
	} groups[ANSWER_ITEMS];
	size_t count;
	struct buf thin; /* those with too few samples */
};

/* A reason that is a verdict's own is in its words already. */
static void verdict_group(struct verdict_groups *all, struct table_row *row)
{
	char words[TABLE_TEXT], name[TABLE_TEXT];
	const char *verdict = member_text(row->in, "verdict");
	size_t i = 0;
	bool refused;

	if (!h2h_quantile_holds(row)) {
		buf_printf(&all->thin, "%s%s", all->thin.len > 0 ? "; " : "",
			   verdict_name(row, name));
		return;
	}
	refused = strcmp(verdict, "WRONG") == 0 || strcmp(verdict, "NOT COMPARABLE") == 0;
	snprintf(words, sizeof(words), "%.20s%s%.480s", refused ? verdict : "", refused ? ": " : "",
		 h2h_get_words(row, name));
	while (i < all->count && strcmp(all->groups[i].words, words) != 0)
		i++;
	if (i == ANSWER_ITEMS)
		return;
	if (i == all->count) {
		strcpy(all->groups[all->count].words, words);
		all->groups[all->count++].decided = verdict_is_decided(row->in);
	}
	if (refused)
		buf_printf(&all->groups[i].text, "%s%s", all->groups[i].text.len > 0 ? "; " : "",
			   verdict_name(row, name));
	else
		verdict_add(row, !all->groups[i].decided, &all->groups[i].text);
}

static void verdict_groups_find(struct verdict_groups *all, const struct report_doc *h2h)
{
	struct table_row row = {.document = h2h->json};

	*all = (struct verdict_groups){0};
	member_each(i, row.of, json_object_get(h2h->results, "operations")) {
		json_array_foreach(json_object_get(row.of, "quantiles"), row.at, row.in)
			verdict_group(all, &row);
	}
}

static void verdict_groups_free(struct verdict_groups *all)
{
	for (size_t i = 0; i < all->count; i++)
		buf_free(&all->groups[i].text);
	buf_free(&all->thin);
}

/* "dynalite" of "dynalite (in memory, a stand-in for DynamoDB)": the server that was measured. */
static void decide_stand_in(const struct answer *answer, char name[TABLE_TEXT])
{
	strcpy(name, "a local server");
	for (size_t i = 0; i < answer->side_count; i++)
		if (answer->sides[i]->stand_in)
			snprintf(name, TABLE_TEXT, "%.*s",
				 (int)strcspn(answer->sides[i]->label, "("),
				 answer->sides[i]->label);
	for (size_t len = strlen(name); len > 0 && name[len - 1] == ' '; len--)
		name[len - 1] = '\0';
}

/* What was measured of a stand-in says nothing of what it stands for, so it decides nothing. */
static void decide_speed(struct answer *answer)
{
	struct verdict_groups all;
	char stand_in[TABLE_TEXT], here[TABLE_TEXT + 16] = "";

	verdict_groups_find(&all, answer->h2h);
	if (answer->stand_in) {
		decide_stand_in(answer, stand_in);
		snprintf(here, sizeof(here), "Here, with %s: ", stand_in);
		list_add(&answer->open,
			 "How fast DynamoDB on AWS is. Measured was %s, which stands in for it; "
			 "what follows is of this machine alone.",
			 stand_in);
	}
	if (answer->invalid)
		list_add(&answer->open, "Who is faster here. INVALID: %s.",
			 member_text(answer->h2h->json, "invalid"));
	for (size_t i = 0; i < all.count && !answer->invalid; i++)
		list_add(all.groups[i].decided && !answer->stand_in ? &answer->decided
								    : &answer->open,
			 "%s%s: %s.", here,
			 all.groups[i].decided ? all.groups[i].words : "INCONCLUSIVE",
			 buf_string(&all.groups[i].text));
	if (all.thin.len > 0)
		list_add(&answer->open, "Too few samples for: %s.", buf_string(&all.thin));
	verdict_groups_free(&all);
}

/* ---- consistency ---- */

static bool probe_is_of(const struct report_doc *doc, const json_t *probe,
			const struct report_side *side)
{
	return strcmp(doc->sides[report_side_of(doc, probe)].label, side->label) == 0;
}

struct answer_probes answer_probes_of(const struct answer *answer, size_t side)
{
	const struct report_doc *doc = report_first(answer->report, REPORT_CONSISTENCY);
	struct answer_probes found = {.why = ""};
	const json_t *probe;

	if (doc == NULL)
		return found;
	member_each(i, probe, json_object_get(doc->results, "probes")) {
		bool seen = member_number(probe, "violations") > 0;
		double trials = member_number(probe, "trials");

		if (!probe_is_of(doc, probe, answer->sides[side]))
			continue;
		if (!(trials > 0)) {
			found.unmeasured++;
			found.why = member_text(probe, "why");
			continue;
		}
		found.trials += trials;
		found.promised += member_true(probe, "promised");
		found.broken += seen && member_true(probe, "promised");
		found.seen += seen && !member_true(probe, "promised");
	}
	return found;
}

static void decide_consistency(struct answer *answer)
{
	struct answer_probes probes;
	size_t promised = 0, broken = 0;
	char name[TABLE_TEXT];

	for (size_t i = 0; i < answer->side_count; i++) {
		probes = answer_probes_of(answer, i);
		promised += probes.promised;
		broken += probes.broken;
		if (probes.broken > 0)
			list_add(&answer->decided,
				 "%s BROKE %zu of %zu promises of consistency: see \xe2\x80\x9c"
				 "What a read may miss\xe2\x80\x9d.",
				 answer->h2h != NULL ? answer->sides[i]->name
						     : answer->sides[i]->label,
				 probes.broken, probes.promised);
		if (probes.unmeasured > 0)
			list_add(&answer->open,
				 "%zu probes of consistency on %s could not be measured%s%s.",
				 probes.unmeasured, answer_name(answer, i, false, name),
				 *probes.why != '\0' ? ": " : "", probes.why);
	}
	if (promised > 0 && broken == 0)
		list_add(&answer->decided, "No promise of consistency was broken on %s.",
			 answer->side_count > 1 ? "either side" : "it");
	if (promised == 0)
		list_add(&answer->open, "Consistency: it was not measured.");
}

/* ---- money ---- */

static void decide_money(struct answer *answer)
{
	const struct money *money = &answer->money;
	char even[NUMBER_TEXT];
	size_t request = 0, month = 0;

	for (size_t i = 0; i < answer->side_count; i++) {
		request = money->sides[i].basis == MONEY_BY_REQUEST ? i : request;
		month = money->sides[i].basis == MONEY_BY_MONTH ? i : month;
	}
	if (answer->stand_in)
		list_add(&answer->decided,
			 "Calls of each operation, which are the same on AWS; its units and money "
			 "are computed by AWS's rules.");
	if (money->even > 0)
		list_add(&answer->decided,
			 "Money: break-even at %s million carts a month. With fewer DynamoDB (%s) "
			 "costs less, with more the instance (%s), if it can serve them.",
			 number_digits(money->even / MONEY_MILLION, 3, even),
			 answer->sides[request]->name, answer->sides[month]->name);
}

/* ---- delays ---- */

static void decide_delays(struct answer *answer)
{
	const json_t *all = json_object_get(answer->report->comparison, "delays"), *side;
	struct buf text = {0};
	char total[NUMBER_TEXT], share[NUMBER_TEXT];

	member_each(i, side, json_object_get(all, "sides")) {
		const json_t *overall =
			json_object_get(json_object_get(side, "predicted_ms"), "overall");
		double ms = member_number(overall, "total");

		if (ms > 0)
			buf_printf(&text, "%s%.20s %s\xc2\xa0ms, %s\xc2\xa0%% of it the database's",
				   text.len > 0 ? "; " : "", member_text(side, "side"),
				   number_digits(ms, 3, total),
				   number_digits(100 * member_number(overall, "database") / ms, 2,
						 share));
	}
	if (text.len > 0)
		list_add(&answer->decided,
			 "A call of the seed's, by the delays that were given: %s.",
			 buf_string(&text));
	buf_free(&text);
}

/* ---- the next step ---- */

/* A word as a shell takes it. */
static void next_add_word(struct buf *command, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./:=%,+@";
	bool quoted = *word == '\0' || word[strspn(word, plain)] != '\0';

	buf_printf(command, quoted ? " '%s'" : " %s", word);
}

/* ./cart compare as it was called, without what says how long and where to. */
static void next_compare(const struct answer *answer, struct buf *command)
{
	const json_t *arguments = json_object_get(answer->report->comparison, "arguments"), *json;

	buf_add_string(command, "./cart compare");
	member_each(i, json, arguments) {
		const char *word = json_is_string(json) ? json_string_value(json) : "";

		if (strcmp(word, "--out") == 0 || strcmp(word, "--keep") == 0)
			i++;
		else if (*word != '\0' && strcmp(word, "--quick") != 0 &&
			 strcmp(word, "--busy") != 0 && strcmp(word, "--thorough") != 0 &&
			 strncmp(word, "--out=", 6) != 0 && strncmp(word, "--keep=", 7) != 0)
			next_add_word(command, word);
	}
}

static bool answer_is(const struct answer *answer, const char *database)
{
	for (size_t i = 0; i < answer->side_count; i++)
		if (strcmp(answer->sides[i]->database, database) == 0)
			return true;
	return false;
}

static void next_aws(struct answer *answer)
{
	struct buf command = {0};

	if (answer_is(answer, "mysql")) {
		list_add(&answer->next, "Measure RDS and DynamoDB on AWS. This says what it would "
					"create there and what that costs; --yes does it:");
		list_add_command(&answer->next, "deploy/aws/compare --region eu-central-1");
		return;
	}
	next_compare(answer, &command);
	list_add(&answer->next, "Measure it on AWS, from a host in the table's region:");
	list_add_command(&answer->next, "CART_DYNAMODB_REGION=eu-central-1 %s",
			 buf_string(&command));
	buf_free(&command);
}

static bool answer_has_verdict(const struct answer *answer, const char *verdict)
{
	const json_t *operation, *quantile;

	member_each(i, operation, json_object_get(answer->h2h->results, "operations")) {
		member_each(k, quantile, json_object_get(operation, "quantiles"))
			if (strcmp(member_text(quantile, "verdict"), verdict) == 0)
				return true;
	}
	return false;
}

static void decide_next(struct answer *answer)
{
	struct buf command = {0};

	next_compare(answer, &command);
	if (answer_has_verdict(answer, "WRONG") || answer_has_verdict(answer, "NOT COMPARABLE"))
		list_add(&answer->next, "Find out why: cartd-A.log, cartd-B.log and compare.log in "
					"the report's folder say more.");
	if (answer->invalid) {
		list_add(&answer->next, "Measure again on a machine that does nothing else:");
		list_add_command(&answer->next, "%s", buf_string(&command));
	} else if (answer_has_verdict(answer, "INCONCLUSIVE") && !answer->stand_in) {
		list_add(&answer->next, "Measure longer, for what is not decided:");
		list_add_command(&answer->next, "%s --thorough", buf_string(&command));
	}
	if (answer->stand_in) {
		next_aws(answer);
	} else {
		list_add(&answer->next, "Measure where it will run, with the data and the network "
					"that it will have:");
		list_add_command(&answer->next,
				 "./cart compare --a http://HOST-A:8080 --b http://HOST-B:8080");
	}
	buf_free(&command);
}

/* What failed, as ./cart compare noted it; an invalid head-to-head has its own line. */
static void decide_problems(struct answer *answer)
{
	const json_t *problem;

	member_each(i, problem, json_object_get(answer->report->comparison, "problems"))
		if (json_is_string(problem) &&
		    strstr(json_string_value(problem), "INVALID") == NULL)
			list_add(&answer->open, "Not measured: %s.", json_string_value(problem));
}

void answer_decide(struct answer *answer)
{
	if (answer->h2h != NULL)
		decide_speed(answer);
	decide_consistency(answer);
	decide_money(answer);
	decide_delays(answer);
	if (answer->decided.count == 0)
		list_add(&answer->decided, "Nothing that counts.");
	decide_problems(answer);
	list_add(&answer->open, "Other machines, larger tables, other mixes of operations.");
	if (answer->h2h != NULL)
		decide_next(answer);
}
