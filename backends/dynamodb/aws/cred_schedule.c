/* When a source is asked again. */
#include "backends/dynamodb/aws/cred.h"

#include <sys/random.h>

#define CRED_EARLY_MS	    INT64_C(300000) /* before they expire */
#define CRED_JITTER_MS	    INT64_C(60000)
#define CRED_REFRESH_MS_MIN INT64_C(250)
#define CRED_BACKOFF_MS_MIN INT64_C(1000)
#define CRED_BACKOFF_MS_MAX INT64_C(60000)

uint32_t cred_random(void)
{
	uint32_t random = 0;

	/* Spreads processes that began together; nothing secret hangs on it. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)clock_monotonic_ns(&cart_clock_system);
	return random;
}

/* Five to six minutes early; short-lived ones when half of their life is over. */
int64_t cred_refresh_ms(int64_t lifetime_ms, uint32_t random)
{
	int64_t ms = lifetime_ms - CRED_EARLY_MS - (int64_t)(random % CRED_JITTER_MS);

	if (ms < lifetime_ms / 2)
		ms = lifetime_ms / 2;
	return ms > CRED_REFRESH_MS_MIN ? ms : CRED_REFRESH_MS_MIN;
}

/* 1 s, 2 s, ... 60 s, of which a random half is left out; never less than a second. */
int64_t cred_backoff_ms(unsigned failures, uint32_t random)
{
	int64_t ms = failures > 6 ? CRED_BACKOFF_MS_MAX
				  : CRED_BACKOFF_MS_MIN << (failures > 0 ? failures - 1 : 0);

	if (ms > CRED_BACKOFF_MS_MAX)
		ms = CRED_BACKOFF_MS_MAX;
	ms -= (int64_t)random % (ms / 2);
	return ms > CRED_BACKOFF_MS_MIN ? ms : CRED_BACKOFF_MS_MIN;
}
