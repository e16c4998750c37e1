/*
 * Threads that leave all signals to the main thread, and condition variables whose waits end by the
 * monotonic clock: setting the wall clock neither shortens nor lengthens them.
 */
#ifndef CORE_BASE_THREAD_H
#define CORE_BASE_THREAD_H

#include "core/base/attr.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define THREAD_FOREVER INT64_MAX

/* Starts a thread in which all signals are blocked. 0, or what pthread_create() returns. */
CART_MUST_CHECK int thread_start(pthread_t *thread, void *(*run)(void *user), void *user);

/* End it with pthread_cond_destroy(). */
void thread_condition_init(pthread_cond_t *condition);
/* Waits, with the lock held, until a signal or until_ns (of cart_clock_system). False: the time is
 * over. May return true without a signal, as pthread_cond_wait() does. */
bool thread_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ns);

#endif
