#include "core/base/random.h"

#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

void random_seed(struct random *random)
{
	struct timespec now;

	if (getrandom(&random->state, sizeof(random->state), 0) == (ssize_t)sizeof(random->state))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	/* The address tells generators apart that are seeded in the same nanosecond. */
	random->state =
		(uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)random;
}

uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
