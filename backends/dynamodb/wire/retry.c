#include "backends/dynamodb/wire/retry.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_BASE_MS	     25
#define RETRY_THROTTLED_MS   50
#define RETRY_MAX_MS	     1000
#define RETRY_LEAST_US	     25000 /* less time than this is no time for another try */
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

int64_t ddb_retry_pause_us(enum ddb_retry why, int tries, int64_t asked_ms, int64_t left_us,
			   uint64_t random)
{
	int64_t asked_us = (asked_ms > RETRY_ASKED_MAX_MS ? RETRY_ASKED_MAX_MS : asked_ms) * 1000;
	int64_t base_ms = why == DDB_RETRY_THROTTLED ? RETRY_THROTTLED_MS : RETRY_BASE_MS;
	int64_t us = retry_pause_us(base_ms, RETRY_MAX_MS, (unsigned)tries, random);

	if (why == DDB_RETRY_SKEW)
		return left_us > 0 ? 0 : -1;
	if (left_us < RETRY_LEAST_US || asked_us >= left_us)
		return -1;
	if (us > left_us / 2)
		us = left_us / 2;
	/* At least what is asked for, and not much more. */
	return us > asked_us ? us : asked_us;
}

/* Errors after which a call was certainly not applied, and may be tried again. */
static const struct {
	const char *type;
	enum ddb_retry why;
} retry_refusals[] = {
	{"ProvisionedThroughputExceededException", DDB_RETRY_THROTTLED},
	{"ThrottlingException", DDB_RETRY_THROTTLED},
	{"ThrottledException", DDB_RETRY_THROTTLED},
	{"RequestThrottled", DDB_RETRY_THROTTLED},
	{"RequestThrottledException", DDB_RETRY_THROTTLED},
	{"RequestLimitExceeded", DDB_RETRY_THROTTLED},
	{"TooManyRequestsException", DDB_RETRY_THROTTLED},
	{"BandwidthLimitExceeded", DDB_RETRY_THROTTLED},
	{"SlowDown", DDB_RETRY_THROTTLED},
	{"PriorRequestNotComplete", DDB_RETRY_THROTTLED},
	{"TransactionConflictException", DDB_RETRY_CONFLICT},
	{"ReplicatedWriteConflictException", DDB_RETRY_CONFLICT},
	{"TransactionInProgressException", DDB_RETRY_CONFLICT},
	{"RequestTimeTooSkewed", DDB_RETRY_SKEW},
	{"RequestExpired", DDB_RETRY_SKEW},
	{"RequestInTheFuture", DDB_RETRY_SKEW},
	{"InvalidSignatureException", DDB_RETRY_SKEW},
	{"SignatureDoesNotMatch", DDB_RETRY_SKEW},
	{"AuthFailure", DDB_RETRY_SKEW},
	{"ExpiredTokenException", DDB_RETRY_CREDENTIALS},
	{"ExpiredToken", DDB_RETRY_CREDENTIALS},
	{"UnrecognizedClientException", DDB_RETRY_CREDENTIALS},
	{"InvalidClientTokenId", DDB_RETRY_CREDENTIALS},
};

enum ddb_try ddb_classify(const char *type, long status, enum ddb_retry *why)
{
	if (strcmp(type, "ConditionalCheckFailedException") == 0)
		return DDB_TRY_CONDITION;
	if (status == 429) {
		*why = DDB_RETRY_THROTTLED;
		return DDB_TRY_REFUSED;
	}
	for (size_t i = 0; i < sizeof(retry_refusals) / sizeof(retry_refusals[0]); i++)
		if (strcmp(type, retry_refusals[i].type) == 0) {
			*why = retry_refusals[i].why;
			return DDB_TRY_REFUSED;
		}
	*why = DDB_RETRY_SERVER;
	return status >= 500 ? DDB_TRY_LOST : DDB_TRY_REJECTED;
}
