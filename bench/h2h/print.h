/* What came out, for people; and as rows for a spreadsheet. */
#ifndef BENCH_H2H_PRINT_H
#define BENCH_H2H_PRINT_H

#include "bench/target/calls.h"
#include "bench/h2h/judge.h"

#include <stdio.h>

struct buf;

struct h2h_names {
	const char *label[H2H_SIDES];
	const char *target[H2H_SIDES];
	bool stand_in[H2H_SIDES];
};

void h2h_print(FILE *out, const struct h2h *h2h, const struct h2h_names *names,
	       const struct h2h_question *question, const struct h2h_judgement *judgement,
	       struct bench_calls (*calls)[H2H_SIDES]);
/* One line of what has come so far, at most room bytes. */
void h2h_print_progress(char *line, size_t room, const struct h2h *h2h);
/* CSV: a row an operation and quantile, with a header. */
void h2h_rows(struct buf *out, const struct h2h_judgement *judgement);

#endif
