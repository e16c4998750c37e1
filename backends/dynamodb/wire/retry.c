#include "backends/dynamodb/wire/retry.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_BASE_MS	     25
#define RETRY_THROTTLED_MS   1000
#define RETRY_MAX_MS	     20000
#define RETRY_ASKED_MAX_MS   5000
#define RETRY_TOKENS	     5
#define RETRY_TIMEOUT_TOKENS 10

void ddb_shared_init(struct ddb_shared *shared)
{
	retry_budget_init(&shared->budget, DDB_BUDGET);
	atomic_init(&shared->skew_s, 0);
}

int ddb_retry_tokens(enum ddb_retry why)
{
	return why == DDB_RETRY_TIMEOUT ? RETRY_TIMEOUT_TOKENS : RETRY_TOKENS;
}

int64_t ddb_retry_pause_us(enum ddb_retry why, int tries, int64_t asked_ms, uint64_t random)
{
	int64_t base_ms = why == DDB_RETRY_THROTTLED ? RETRY_THROTTLED_MS : RETRY_BASE_MS;
	int64_t us = retry_pause_us(base_ms, RETRY_MAX_MS, (unsigned)tries, random);

	if (why == DDB_RETRY_SKEW)
		return 0;
	if (asked_ms < 0)
		return us;
	/* At least what is asked for, and not much more. */
	if (asked_ms > RETRY_ASKED_MAX_MS)
		asked_ms = RETRY_ASKED_MAX_MS;
	return us > asked_ms * 1000 ? us : asked_ms * 1000;
}

static bool retry_is_one_of(const char *type, const char *const *types)
{
	for (; *types != NULL; types++)
		if (strcmp(type, *types) == 0)
			return true;
	return false;
}

enum ddb_try ddb_classify(const char *type, long status, enum ddb_retry *why)
{
	static const char *const throttled[] = {"ProvisionedThroughputExceededException",
						"ThrottlingException",
						"ThrottledException",
						"RequestThrottled",
						"RequestThrottledException",
						"RequestLimitExceeded",
						"TooManyRequestsException",
						"BandwidthLimitExceeded",
						"SlowDown",
						"PriorRequestNotComplete",
						NULL};
	static const char *const skewed[] = {"RequestTimeTooSkewed",
					     "RequestExpired",
					     "RequestInTheFuture",
					     "InvalidSignatureException",
					     "SignatureDoesNotMatch",
					     "AuthFailure",
					     NULL};
	static const char *const stale[] = {"ExpiredTokenException", "ExpiredToken",
					    "UnrecognizedClientException", "InvalidClientTokenId",
					    NULL};
	static const char *const conflicts[] = {"TransactionConflictException",
						"ReplicatedWriteConflictException",
						"TransactionInProgressException", NULL};

	*why = DDB_RETRY_SERVER;
	if (strcmp(type, "ConditionalCheckFailedException") == 0)
		return DDB_TRY_CONDITION;
	if (retry_is_one_of(type, throttled) || status == 429) {
		*why = DDB_RETRY_THROTTLED;
		return DDB_TRY_REFUSED;
	}
	if (retry_is_one_of(type, conflicts)) {
		*why = DDB_RETRY_CONFLICT;
		return DDB_TRY_REFUSED;
	}
	if (retry_is_one_of(type, skewed)) {
		*why = DDB_RETRY_SKEW;
		return DDB_TRY_REFUSED;
	}
	if (retry_is_one_of(type, stale)) {
		*why = DDB_RETRY_CREDENTIALS;
		return DDB_TRY_REFUSED;
	}
	return status >= 500 ? DDB_TRY_LOST : DDB_TRY_REJECTED;
}
