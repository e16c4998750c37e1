/*
 * Retries that do not bury a service in trouble: a bucket of tokens that all loops of the process
 * share (each retry takes some, each success gives some back), and pauses with full jitter. Source:
 * "Timeouts, retries, and backoff with jitter" (Amazon Builders' Library).
 */
#ifndef CORE_BASE_RETRY_BUDGET_H
#define CORE_BASE_RETRY_BUDGET_H

#include "core/base/attr.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct retry_budget {
	atomic_int tokens;
	int room;			/* tokens at most */
	atomic_int_least64_t probed_ns; /* when the last retry without tokens was let through */
};

/* The bucket is full at first. */
void retry_budget_init(struct retry_budget *budget, int room);
/* From any thread. False: fewer tokens than that are left, none was taken, and the retry must not
 * be made. */
CART_MUST_CHECK bool retry_budget_spend(struct retry_budget *budget, int tokens);
/* From any thread, where none is left. True, once in every_ns: a retry may be made without tokens,
 * to find out whether the service is well again. */
CART_MUST_CHECK bool retry_budget_probe(struct retry_budget *budget, int64_t now_ns,
					int64_t every_ns);
/* From any thread, after a success. The bucket never holds more than its room. */
void retry_budget_earn(struct retry_budget *budget, int tokens);

/*
 * The pause after try number `tries` (from 1), in us: at random from 0 to a limit that is base_ms
 * after the first try and doubles with each further one up to max_ms.
 */
int64_t retry_pause_us(int64_t base_ms, int64_t max_ms, unsigned tries, uint64_t random);

#endif
