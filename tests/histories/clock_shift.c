/*
 * Preloaded into a cartd (LD_PRELOAD) to give it a wall clock that is wrong by as many milliseconds as the file $CLOCK_SHIFT holds (eight
 * bytes, of this machine's order). The file is mapped, so a test can change the error while cartd runs. Monotonic clocks stay right.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift_ms;
static int (*real_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void shift_open(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (file < 0)
		return;
	void *map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
	if (map != MAP_FAILED)
		shift_ms = map;
	close(file);
}

static int shift_real(clockid_t clock, struct timespec *at)
{
	if (!real_clock)
		*(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
	return real_clock(clock, at);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
	int status = shift_real(clock, at);

	if (status == 0 && shift_ms && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		int64_t ns = at->tv_nsec + *shift_ms % 1000 * 1000000;

		at->tv_sec += *shift_ms / 1000 + (ns >= 1000000000) - (ns < 0);
		at->tv_nsec = ns + (ns < 0) * 1000000000 - (ns >= 1000000000) * 1000000000;
	}
	return status;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *at)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (at)
		*at = now.tv_sec;
	return now.tv_sec;
}
