/* When a call is tried again: the budget, the pauses, and what an error of the service means. */
#ifndef BACKENDS_DYNAMODB_WIRE_RETRY_H
#define BACKENDS_DYNAMODB_WIRE_RETRY_H

#include "backends/dynamodb/wire/types.h"

void ddb_shared_init(struct ddb_shared *shared);

/* What one try has come to. */
enum ddb_try {
	DDB_TRY_DONE,	   /* 200 */
	DDB_TRY_CONDITION, /* the condition was false */
	DDB_TRY_REFUSED,   /* certainly not applied, and worth another try */
	DDB_TRY_LOST,	   /* it may have been applied */
	DDB_TRY_REJECTED   /* certainly not applied, and will not be */
};

/* An error answer: its type ("ThrottlingException", "" where it has none) and HTTP status. *why is
 * set for REFUSED and LOST. */
enum ddb_try ddb_classify(const char *type, long status, enum ddb_retry *why);

/* Tokens of the retry budget that a retry for that cause takes. */
int ddb_retry_tokens(enum ddb_retry why);

/* While the budget is empty, a process makes one retry in this time, to find out whether the
 * service is well again. */
#define DDB_PROBE_NS (50 * CLOCK_NS_PER_MS)

/*
 * The pause before try number tries + 1, in us, at random up to the limit that doubles with each
 * try, to a second: what failed for a moment is tried again within a second, and the budget bounds
 * what a service in trouble gets. It is at most half of what is left until the deadline, so that a
 * last try has the other half. asked_ms: the least that the service asks for, -1: nothing. -1: no
 * time is left for a retry.
 */
int64_t ddb_retry_pause_us(enum ddb_retry why, int tries, int64_t asked_ms, int64_t left_us,
			   uint64_t random);

#endif
