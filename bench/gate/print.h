/* Prints the gate's findings as plain lines for the log of a CI; the last is the outcome. */
#ifndef BENCH_GATE_PRINT_H
#define BENCH_GATE_PRINT_H

#include "bench/gate/gate.h"

#include <jansson.h>
#include <stdio.h>

struct buf;

/* Prints a finished run: its name and one line for each operation. */
void gate_print_step(FILE *out, const struct gate *gate, enum gate_step step);
/* "gate: PASS: ..." */
void gate_print_outcome(FILE *out, enum bench_exit outcome, const char *why);
/* CSV: a row a run and operation, with a header. */
void gate_rows(struct buf *out, const struct gate *gate);
/* The "results" of a gate's document: schemas/bench-result.schema.json. runs: [step], what
 * h2h_json() made of it, or NULL where it was not made; they are taken. */
json_t *gate_json(const struct gate *gate, json_t *runs[GATE_STEPS], enum bench_exit outcome,
		  const char *why);

#endif
