/* The cores that a target's work is done on, as far as that can be seen on this machine: of two
 * sides with different ones a verdict would be on the cores. */
#ifndef BENCH_TARGET_CORES_H
#define BENCH_TARGET_CORES_H

#include "core/base/attr.h"

#include <sched.h>
#include <stdbool.h>

struct http_address;

/* Those on which threads of the processes may run that listen at the address. False: it is not of
 * this machine, or they are not ours to see. */
CART_MUST_CHECK bool cores_of_listener(cpu_set_t *cores, const struct http_address *address);
/* "0,2" */
#define CORES_TEXT 128
const char *cores_format(const cpu_set_t *cores, char text[CORES_TEXT]);

#endif
