/* The machine that a measurement ran on: without it the figures say little. */
#ifndef BENCH_RESULT_MACHINE_H
#define BENCH_RESULT_MACHINE_H

#include <jansson.h>

/*
 * {"id", "cpu", "cores", "kernel", "memory_bytes", "generator_cores": [...]}. id: twelve hex digits
 * of the SHA-256 of /etc/machine-id, or of the host's name: tells machines apart without naming
 * them. generator_cores: those that this process may run on. NULL: no memory.
 */
json_t *bench_machine_json(void);

#endif
