#include "core/base/thread.h"

#include "core/base/clock.h"

#include <signal.h>
#include <time.h>

int thread_start(pthread_t *thread, void *(*run)(void *user), void *user)
{
	sigset_t all, mask;
	int rc;

	/* The new thread inherits the mask: there is no moment in which it could get a signal. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	rc = pthread_create(thread, NULL, run, user);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return rc;
}

void thread_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

bool thread_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns)
{
	const struct timespec until = {.tv_sec = until_ns / CLOCK_NS_PER_S,
				       .tv_nsec = until_ns % CLOCK_NS_PER_S};

	if (until_ns == THREAD_FOREVER)
		return pthread_cond_wait(condition, lock) == 0;
	return pthread_cond_timedwait(condition, lock, &until) == 0;
}
