/*
 * Who of this machine works for a load: the processes that this one is connected with, and those
 * that they are connected with, which are services and their databases. What other processes use
 * meanwhile disturbs the measurement.
 *
 * /proc/net/tcp names both ends of a connection within this machine by their inodes, and
 * /proc/PID/fd who has them. Where that does not say all, nothing is said: another user's process,
 * a container's network, a Unix socket, a connection for each request.
 */
#ifndef BENCH_LOAD_PARTIES_H
#define BENCH_LOAD_PARTIES_H

#include "core/base/attr.h"

#include <stdbool.h>

struct parties;

/* How much each process of this machine has used so far. Aborts without memory. */
struct parties *parties_now(void);
void parties_free(struct parties **parties);
/* The processor time, in seconds, that those who work for this process have used since `began`, its
 * own not counted. alone: nobody need be connected with it. False: they cannot be told apart from
 * others. */
CART_MUST_CHECK bool parties_used(const struct parties *began, bool alone, double *used_s);

#endif
