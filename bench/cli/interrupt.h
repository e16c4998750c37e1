/* Ctrl-C ends a measurement, not the program: what was measured is kept. A second one ends that. */
#ifndef BENCH_CLI_INTERRUPT_H
#define BENCH_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGINT and SIGTERM are remembered, once each. */
void bench_interrupt_catch(void);
/* Any thread. */
bool bench_interrupted(void);
/* Sleeps so long, or until the first signal. Returns bench_interrupted(). One thread. */
bool bench_interrupt_wait(int64_t ms);

#endif
