#include "bench/load/busy.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double busy_own_s(void)
{
	struct timespec own = {0};

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	return (double)own.tv_sec + (double)own.tv_nsec / 1e9;
}

/* The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. */
static void busy_read_stat(struct busy_clock *clock)
{
	unsigned long long of[8] = {0};
	FILE *file = fopen("/proc/stat", "re");
	double tick_s = 1 / (double)sysconf(_SC_CLK_TCK);

	if (file == NULL)
		return;
	if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &of[0], &of[1], &of[2],
		   &of[3], &of[4], &of[5], &of[6], &of[7]) == 8) {
		clock->cores = (double)(of[0] + of[1] + of[2] + of[5] + of[6]) * tick_s;
		clock->stolen = (double)of[7] * tick_s;
	}
	fclose(file);
}

/* Of cgroup v2, as a container sees its own. */
static void busy_read_cgroup(struct busy_clock *clock)
{
	FILE *file = fopen("/sys/fs/cgroup/cpu.stat", "re");
	unsigned long long us;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "throttled_usec %llu", &us) == 1)
			clock->throttled = (double)us / 1e6;
	if (file != NULL)
		fclose(file);
}

struct busy_clock busy_now(void)
{
	struct busy_clock clock = {.at = (double)clock_monotonic_ns(&cart_clock_system) / 1e9};

	busy_read_stat(&clock);
	busy_read_cgroup(&clock);
	clock.cores -= busy_own_s();
	return clock;
}
