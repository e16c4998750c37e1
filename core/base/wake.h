/*
 * Waking an event loop, or a thread that waits in poll(), from another thread: an eventfd.
 *
 * A thread that hands something to a loop first puts it where the loop finds it (under a lock, or
 * atomically) and then calls wake_send(). The loop calls the function once for any number of sends
 * that came before it; what is put down after that call has begun wakes the loop again. Whoever
 * sends must have stopped before wake_free(): keep both under the lock of the list.
 */
#ifndef CORE_BASE_WAKE_H
#define CORE_BASE_WAKE_H

#include "core/base/attr.h"

struct event_base;
struct wake;

typedef void wake_fn(void *user);

/* fn is called on the loop's thread. NULL: no memory, or no descriptor. */
CART_MUST_CHECK struct wake *wake_new(struct event_base *base, wake_fn *fn, void *user);
/* From any thread. */
void wake_send(struct wake *wake);
/* On the loop's thread. Takes NULL; sets it. */
void wake_free(struct wake **wake);

/* The eventfd alone, for poll(): close() it yourself. -1: errno says why. */
CART_MUST_CHECK int wake_fd_open(void);
/* Makes it readable; each send adds 1 to what read() returns. */
void wake_fd_send(int fd);

#endif
