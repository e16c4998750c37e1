/*
 * A clock for limits of time in tests, so that no test depends on how fast the machine is.
 *
 * It runs slower than the system's: by as many times as more threads want to run than there are
 * processors, and again where the build is slower (sanitizers). Use it for how long to wait for a
 * condition, and to measure what must not take longer than a limit. What must take at least some
 * time is measured by the system's clock.
 */
#ifndef TESTS_LIB_PATIENCE_H
#define TESTS_LIB_PATIENCE_H

#include <stdint.h>

/* Under a sanitizer memory and times say nothing about the program. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* From any thread. */
int64_t patience_ns(void);
int64_t patience_ms(void);
/* The limit of what took its time by the system's clock: longer than limit_ns by as much as this
 * clock is slower now, or was lately. */
int64_t patience_at_most_ns(int64_t limit_ns);
/* The limit of what waits for nothing, also where the machine stands still for some seconds. What
 * it must not wait for has to last for 20 s or more. */
int64_t patience_at_once_ms(void);

#endif
