/* The options of modes that measure in pairs. */
#ifndef BENCH_H2H_SETUP_H
#define BENCH_H2H_SETUP_H

#include "bench/h2h/h2h.h"
#include "bench/result/session.h"

#define H2H_TAKES "blocks", "pairs", "warmup", "clients=1"

/* Takes --blocks, --pairs, --warmup, --clients, --for and --seed. False: refused, with a message.
 */
CART_MUST_CHECK bool h2h_setup(struct h2h_config *config, const struct bench_session *session);

#endif
