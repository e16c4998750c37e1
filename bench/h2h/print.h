/* Prints the result for people. */
#ifndef BENCH_H2H_PRINT_H
#define BENCH_H2H_PRINT_H

#include "bench/h2h/h2h.h"

#include <stdio.h>

void h2h_print(FILE *out, const json_t *document);
/* Writes one line of progress into line, at most room bytes. */
void h2h_print_progress(char *line, size_t room, const struct h2h *h2h);

#endif
