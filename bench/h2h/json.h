/* The "results" of an h2h document: schemas/bench-result.schema.json. */
#ifndef BENCH_H2H_JSON_H
#define BENCH_H2H_JSON_H

#include "bench/target/calls.h"
#include "bench/h2h/judge.h"

#include <jansson.h>

/* calls: [operation][side], or NULL. NULL: no memory. */
json_t *h2h_json(const struct h2h *h2h, const struct h2h_question *question,
		 const struct h2h_judgement *judgement, struct bench_calls (*calls)[H2H_SIDES],
		 bool cold);

#endif
