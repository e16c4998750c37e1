#include "tests/lib/patience.h"

#include "core/base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define PATIENCE_BUILD 3
#elif defined(__SANITIZE_THREAD__)
#define PATIENCE_BUILD 10
#else
#define PATIENCE_BUILD 1
#endif
#define PATIENCE_LOOK_NS (20 * CLOCK_NS_PER_MS)

static pthread_mutex_t patience_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t patience_read_ns, patience_is_ns;
static double patience_crowd = 1;

/* Threads that want to run for each processor that we may use, now or over the last minute; 1 at
 * least. */
static double patience_crowding(void)
{
	FILE *file = fopen("/proc/loadavg", "re");
	double minute = 1, crowd;
	int runnable = 1;
	cpu_set_t mine;

	if (file != NULL && fscanf(file, "%lf %*s %*s %d/", &minute, &runnable) != 2)
		minute = runnable = 1;
	if (file != NULL)
		fclose(file);
	if (sched_getaffinity(0, sizeof(mine), &mine) != 0)
		return 1;
	crowd = (runnable > minute ? runnable : minute) / CPU_COUNT(&mine);
	return crowd > 1 ? crowd : 1;
}

int64_t patience_ns(void)
{
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system), is_ns;

	pthread_mutex_lock(&patience_lock);
	if (patience_read_ns == 0)
		patience_read_ns = now_ns;
	if (now_ns - patience_read_ns >= PATIENCE_LOOK_NS) {
		double crowd = patience_crowding();
		/* The larger one of when the time began and when it was over. */
		double most = crowd > patience_crowd ? crowd : patience_crowd;

		patience_is_ns +=
			(int64_t)((double)(now_ns - patience_read_ns) / (most * PATIENCE_BUILD));
		patience_read_ns = now_ns;
		patience_crowd = crowd;
	}
	is_ns = patience_is_ns;
	pthread_mutex_unlock(&patience_lock);
	return is_ns;
}

int64_t patience_at_most_ns(int64_t limit_ns)
{
	double crowd = patience_crowding(), lately;

	(void)patience_ns();
	pthread_mutex_lock(&patience_lock);
	lately = patience_crowd;
	pthread_mutex_unlock(&patience_lock);
	return (int64_t)((double)limit_ns * (crowd > lately ? crowd : lately) * PATIENCE_BUILD);
}

int64_t patience_ms(void)
{
	return patience_ns() / CLOCK_NS_PER_MS;
}

int64_t patience_at_once_ms(void)
{
	return patience_at_most_ns(5 * CLOCK_NS_PER_S) / CLOCK_NS_PER_MS;
}
