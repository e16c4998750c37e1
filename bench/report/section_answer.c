/* The first screen: what was compared, what this run decided and what not, and the next step. */
#include "bench/report/answer.h"
#include "bench/h2h/show.h"
#include "bench/result/html.h"
#include "bench/result/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BRIEF_LINES 17 /* of a terminal; ./cart compare adds two */
#define ANSWER_NAME	   44 /* characters of a column's title; the page's has all */
#define ANSWER_BRIEF_WIDTH 118

/* ---- the rows of the table: each writes what is known of a side ---- */

static void answer_server(const struct answer *answer, size_t side, struct buf *out)
{
	const struct report_side *of = answer->sides[side];
	bool named = *of->server != '\0' && strncmp(of->server, "not AWS", 7) != 0;

	if (of->stand_in)
		buf_printf(out, "%s%s%s; not AWS", named ? of->server : "", named ? ", " : "",
			   *of->about != '\0' ? of->about : "a local stand-in for DynamoDB");
	else
		buf_printf(out, "%s",
			   *of->server != '\0'			 ? of->server
			   : strcmp(of->database, "sqlite") == 0 ? "SQLite, a file"
			   : strcmp(of->database, "memory") == 0 ? "cartd's own memory"
								 : of->database);
}

/* When a change that was answered is safe, as far as it is known from here. */
static void answer_durability(const struct answer *answer, size_t side, struct buf *out)
{
	const struct report_side *of = answer->sides[side];

	if (*of->durability != '\0')
		buf_add_string(out, of->durability);
	else if (strcmp(of->database, "memory") == 0 || strstr(of->about, "in memory") != NULL)
		buf_add_string(out, "in memory: lost when it ends");
	else if (strcmp(of->database, "dynamodb") == 0 && !of->stand_in)
		buf_add_string(out, "AWS's: in several zones before it is answered");
	else
		buf_add_string(out, "not known");
}

static const json_t *answer_operations(const struct answer *answer)
{
	return answer->h2h != NULL ? json_object_get(answer->h2h->results, "operations") : NULL;
}

static void answer_held(const struct answer *answer, size_t side, struct buf *out)
{
	const json_t *operation, *back;
	double tried = 0, failed = 0, wrong, carts;
	char text[NUMBER_TEXT];

	member_each(i, operation, answer_operations(answer)) {
		const json_t *success = member_item(operation, "success", side);
		double of = member_number(success, "tried"), ok = member_number(success, "ok");

		if (isfinite(of) && isfinite(ok)) {
			tried += of;
			failed += of - ok;
		}
	}
	if (tried > 0)
		buf_printf(out, "%s calls, ", number_count(tried, text));
	if (tried > 0)
		buf_printf(out, "%s failed",
			   failed > 0 ? number_share(failed / tried, text) : "none");
	back = answer->h2h != NULL ? member_item(answer->h2h->results, "read_back", side) : NULL;
	wrong = member_number(back, "wrong");
	carts = member_number(back, "carts");
	if (!(carts > 0))
		return;
	buf_printf(out, "%s%s carts read back, ", out->len > 0 ? "; " : "",
		   number_count(carts, text));
	if (wrong > 0)
		buf_printf(out, "%s WRONG", number_count(wrong, text));
	else
		buf_add_string(out, "none wrong");
}

static void answer_consistency(const struct answer *answer, size_t side, struct buf *out)
{
	struct answer_probes probes = answer_probes_of(answer, side);
	char text[NUMBER_TEXT];

	if (probes.promised + probes.seen + probes.unmeasured == 0)
		return;
	buf_printf(out, "%zu promises tried %s times, ", probes.promised,
		   number_count(probes.trials, text));
	if (probes.broken > 0)
		buf_printf(out, "%zu BROKEN", probes.broken);
	else
		buf_add_string(out, "none broken");
	if (probes.unmeasured > 0)
		buf_printf(out, "; %zu not measured", probes.unmeasured);
}

static bool answer_is_in_process(const struct report_side *side)
{
	return strcmp(side->database, "sqlite") == 0 || strcmp(side->database, "memory") == 0;
}

static void answer_calls(const struct answer *answer, size_t side, struct buf *out)
{
	const json_t *calls;
	char text[NUMBER_TEXT];

	if (answer_is_in_process(answer->sides[side]))
		buf_add_string(out, "none: it is part of cartd");
	if (answer->h2h == NULL)
		return;
	member_each(i, calls, json_object_get(answer->h2h->results, "calls")) {
		double statements = member_number(calls, "statements_per_op");

		if (report_side_of(answer->h2h, calls) != side)
			continue;
		buf_printf(out, "%s%.40s\xc2\xa0%s", out->len > 0 ? ", " : "",
			   member_text(calls, "operation"),
			   number_plain(round(member_number(calls, "calls_per_op") * 100) / 100,
					text));
		if (statements > 1)
			buf_printf(out, " (%s\xc2\xa0statements)",
				   number_plain(round(statements * 100) / 100, text));
	}
}

static void answer_units(const struct answer *answer, size_t side, struct buf *out)
{
	const struct money_side *money = &answer->money.sides[side];
	char read[NUMBER_TEXT], write[NUMBER_TEXT];

	if (money->basis == MONEY_BY_REQUEST)
		buf_printf(out, "%s write and %s read units a cart, as AWS counts",
			   number_plain(money->sum.write, write),
			   number_plain(money->sum.read, read));
	else
		buf_add_string(out, "none: it is not paid by the request");
}

static void answer_price(const struct answer *answer, size_t side, struct buf *out)
{
	const struct money_side *money = &answer->money.sides[side];
	char text[NUMBER_TEXT];

	if (money->basis == MONEY_BY_REQUEST)
		buf_printf(out, "%s, by the request", answer_money(answer, money->million, text));
	else if (money->basis == MONEY_BY_MONTH)
		buf_printf(out, "%s, however many: %s", answer_money(answer, money->month, text),
			   answer->report->prices.instance);
	else
		buf_printf(out, "no price: %s", money->why != NULL ? money->why : "no prices");
}

static const struct answer_row {
	const char *name;
	void (*write)(const struct answer *answer, size_t side, struct buf *out);
} answer_rows[] = {
	{"what it is", answer_server},
	{"an answered change", answer_durability},
	{"answers", answer_held},
	{"consistency", answer_consistency},
	{"database calls for each", answer_calls},
	{"units", answer_units},
	{"a million carts a month", answer_price},
};

/* A row is left out where nothing is known of any side. */
static void answer_row(struct page_table *table, const struct answer *answer,
		       const struct answer_row *row)
{
	struct buf cells[ANSWER_SIDES] = {{0}};
	bool any = false;

	for (size_t i = 0; i < answer->side_count; i++) {
		row->write(answer, i, &cells[i]);
		any = any || cells[i].len > 0;
	}
	if (any)
		page_cell(table, "%s", row->name);
	for (size_t i = 0; i < answer->side_count; i++) {
		if (any)
			page_cell(table, "%s",
				  cells[i].len > 0 ? buf_string(&cells[i]) : "not measured");
		buf_free(&cells[i]);
	}
}

static void answer_table(struct answer *answer)
{
	struct page_table table;
	char text[TABLE_TEXT];
	bool cut;

	page_table_begin(&table, answer->report, "What was compared");
	page_column(&table, 'l', "%s", "");
	for (size_t i = 0; i < answer->side_count; i++) {
		answer_name(answer, i, false, text);
		cut = text[html_bytes_of(text, ANSWER_NAME)] != '\0';
		page_column(&table, 'l', "%.*s%s", (int)html_bytes_of(text, ANSWER_NAME), text,
			    cut ? "\xe2\x80\xa6" : "");
	}
	for (size_t i = 0; i < sizeof(answer_rows) / sizeof(*answer_rows); i++)
		answer_row(&table, answer, &answer_rows[i]);
	page_table_end(&table, PAGE_BOTH);
	page_note(answer->report, PAGE_BOTH,
		  "A cart is created, filled with %d lines one by one, read %d times and checked "
		  "out%s. Prices: AWS's, %s. The effects below are B's time against A's.",
		  MONEY_LINES, MONEY_GETS,
		  answer->h2h != NULL ? h2h_describe_reads(answer->h2h->results) : "",
		  answer->report->prices.as_of);
}

/* ---- the lists ---- */

static void answer_show_list(struct report *report, const char *id, const char *title,
			     const struct answer_list *list)
{
	if (list->count == 0)
		return;
	page_part_begin(report, id, title);
	page_list_begin(report);
	for (size_t i = 0; i < list->count; i++)
		page_command(report, list->items[i].text, list->items[i].command);
	page_list_end(report, PAGE_BOTH);
	page_part_end(report);
}

/* For a terminal: lines are broken between words, and what does not fit is left out with a line
 * that says so. */
struct answer_brief {
	struct buf *out;
	size_t lines, most;
};

static size_t brief_line_end(const char *text, size_t width)
{
	size_t len = html_bytes_of(text, width), at = len;

	if (text[len] == '\0')
		return len;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : len;
}

static void brief_add(struct answer_brief *brief, const char *first, const char *text)
{
	const char *before = first;

	while (*text != '\0' && brief->lines < brief->most) {
		size_t len = brief_line_end(text, ANSWER_BRIEF_WIDTH);

		brief->lines++;
		buf_add_string(brief->out, before);
		buf_add(brief->out, text, len);
		text += len + (text[len] == ' ');
		if (*text != '\0' && brief->lines == brief->most)
			buf_add_string(brief->out, " \xe2\x80\xa6");
		buf_add_char(brief->out, '\n');
		before = *first == ' ' ? "    " : "  ";
	}
}

/* keep: lines that must be left for what follows. */
static void brief_add_list(struct answer_brief *brief, const char *title,
			   const struct answer_list *list, size_t keep)
{
	size_t most = brief->most;

	if (list->count == 0)
		return;
	brief->most -= keep < most ? keep : most;
	brief_add(brief, "", title);
	for (size_t i = 0; i < list->count; i++) {
		if (brief->lines + 1 >= brief->most && i + 1 < list->count) {
			brief_add(brief, "  ", "\xe2\x80\xa6 more of this is in the report");
			break;
		}
		brief_add(brief, "  ", list->items[i].text);
	}
	brief->most = most;
}

static void answer_brief(struct answer *answer)
{
	struct answer_brief brief = {.out = &answer->report->brief, .most = ANSWER_BRIEF_LINES};
	size_t next = 2 * answer->next.count;
	char name[TABLE_TEXT];

	for (size_t i = 0; i < answer->side_count; i++) {
		struct buf line = {0};

		buf_printf(&line, "%s; an answered change: ", answer_name(answer, i, true, name));
		answer_durability(answer, i, &line);
		brief_add(&brief, "", buf_string(&line));
		buf_free(&line);
	}
	brief_add_list(&brief, "Decided:", &answer->decided, next + 4);
	brief_add_list(&brief, "Not decided:", &answer->open, next);
	for (size_t i = 0; i < answer->next.count; i++) {
		brief_add(&brief, i == 0 ? "Next: " : "      ", answer->next.items[i].text);
		if (answer->next.items[i].command != NULL)
			brief_add(&brief, "  ", answer->next.items[i].command);
	}
}

/* ---- */

static bool answer_has_side(const struct answer *answer, const struct report_side *side)
{
	for (size_t i = 0; i < answer->side_count; i++)
		if (strcmp(answer->sides[i]->label, side->label) == 0)
			return true;
	return false;
}

static void answer_gather(struct answer *answer)
{
	struct report *report = answer->report;

	answer->h2h = report_first(report, REPORT_H2H);
	for (size_t i = 0; answer->h2h != NULL && i < answer->h2h->side_count; i++)
		answer->sides[answer->side_count++] = &answer->h2h->sides[i];
	for (size_t i = 0; answer->h2h == NULL && i < report->side_count; i++)
		if (answer->side_count < ANSWER_SIDES && !answer_has_side(answer, report->sides[i]))
			answer->sides[answer->side_count++] = report->sides[i];
	for (size_t i = 0; i < answer->side_count; i++) {
		answer->stand_in = answer->stand_in || answer->sides[i]->stand_in;
		money_of_side(&answer->money.sides[i], report, answer->sides[i]);
	}
	if (answer->h2h != NULL)
		money_of(&answer->money, report, answer->h2h);
	answer->invalid = answer->h2h != NULL && *member_text(answer->h2h->json, "invalid") != '\0';
}

static void answer_show(struct report *report)
{
	struct answer answer = {.report = report, .money = {.even = NAN}};

	answer_gather(&answer);
	if (answer.side_count == 0)
		return;
	answer_decide(&answer);
	answer_table(&answer);
	page_parts_begin(report);
	answer_show_list(report, "decided", "What this run decided", &answer.decided);
	answer_show_list(report, "not-decided", "What it did not decide", &answer.open);
	answer_show_list(report, "next", "The next step", &answer.next);
	page_parts_end(report);
	answer_brief(&answer);
	answer_clear(&answer);
}

const struct page_section section_answer = {.before = answer_show};
