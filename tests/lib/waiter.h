/*
 * Clients that wait for a place at the server. Over TLS a handshake waits for it too, so each is in
 * a thread of its own; all of them wait in the server's queue when waiter_start() returns.
 */
#ifndef TESTS_LIB_WAITER_H
#define TESTS_LIB_WAITER_H

#include "tests/lib/http_client.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct waiter {
	struct http_client client; /* the thread's until waiter_join() */
	const char *text;	   /* what it sends; NULL: it is closed */
	pthread_t thread;
	bool joined;
};

void waiter_start(struct waiter *waiter, int port, const char *text);
/* Whether it has sent its text, or has done so within the time. Without TLS it needs no place for
 * that. */
bool waiter_join(struct waiter *waiter, int within_ms);

struct waiter *waiters_start(int port, size_t count, const char *text);
/* Those that have a place make room for the others. Frees them. */
void waiters_close(struct waiter *waiters, size_t count);

#endif
