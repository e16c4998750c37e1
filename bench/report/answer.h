/*
 * What the first screen says, before any evidence: the two sides, what was decided and what was
 * not, and the next step. section_answer.c gathers it and writes it three times, as HTML, Markdown
 * and a few lines for a terminal; answer_lists.c finds the words.
 */
#ifndef BENCH_REPORT_ANSWER_H
#define BENCH_REPORT_ANSWER_H

#include "bench/report/money.h"
#include "bench/page/page.h"
#include "bench/result/number.h"

#define ANSWER_SIDES 4
#define ANSWER_ITEMS 24

struct answer_item {
	char *text;
	char *command; /* NULL: none */
};

struct answer_list {
	struct answer_item items[ANSWER_ITEMS];
	size_t count;
};

struct answer {
	struct report *report;
	const struct report_doc *h2h; /* NULL: there is none */
	const struct report_side *sides[ANSWER_SIDES];
	size_t side_count;
	bool stand_in;	    /* one of them is */
	bool invalid;	    /* the head-to-head is */
	struct money money; /* of the head-to-head; else of the first document */
	struct answer_list decided, open, next;
};

/* Fills the three lists. */
void answer_decide(struct answer *answer);
void answer_clear(struct answer *answer);

/* "A: mysql", "mysql" without a comparison; in full with what a stand-in is. */
const char *answer_name(const struct answer *answer, size_t side, bool in_full,
			char text[TABLE_TEXT]);
/* The probes of a side, by their outcome. */
struct answer_probes {
	size_t promised, broken, unmeasured, seen;
	double trials;
	const char *why; /* of the last that was not measured; "" */
};
struct answer_probes answer_probes_of(const struct answer *answer, size_t side);
/* "USD 7.85" */
const char *answer_money(const struct answer *answer, double money, char text[NUMBER_TEXT]);

#endif
