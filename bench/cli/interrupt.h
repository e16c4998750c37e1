/* Ctrl-C ends the measurement and keeps what was measured. A second Ctrl-C ends the program. */
#ifndef BENCH_CLI_INTERRUPT_H
#define BENCH_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on the first SIGINT and the first SIGTERM do not end the program. */
void bench_interrupt_catch(void);
/* May be called on any thread. */
bool bench_interrupted(void);
/* Sleeps for ms, or until the first signal. Returns bench_interrupted(). For one thread only. */
bool bench_interrupt_wait(int64_t ms);

#endif
