#include "core/base/wake.h"

#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct wake {
	int fd;
	struct event *event;
	wake_fn *fn;
	void *user;
};

int wake_fd_open(void)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void wake_fd_send(int fd)
{
	const uint64_t one = 1;

	/* EAGAIN: the counter is full, so the descriptor is readable anyway. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

static void wake_ready(evutil_socket_t fd, short what, void *user)
{
	struct wake *wake = user;
	uint64_t count;

	(void)what;
	/* Read before the call: what is sent during the call is not lost. */
	if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		wake->fn(wake->user);
}

struct wake *wake_new(struct event_base *base, wake_fn *fn, void *user)
{
	struct wake *wake = calloc(1, sizeof(*wake));

	if (wake == NULL)
		return NULL;
	wake->fn = fn;
	wake->user = user;
	wake->fd = wake_fd_open();
	if (wake->fd >= 0)
		wake->event = event_new(base, wake->fd, EV_READ | EV_PERSIST, wake_ready, wake);
	if (wake->event == NULL || event_add(wake->event, NULL) != 0)
		wake_free(&wake);
	return wake;
}

void wake_send(struct wake *wake)
{
	wake_fd_send(wake->fd);
}

void wake_free(struct wake **out)
{
	struct wake *wake = *out;

	*out = NULL;
	if (wake == NULL)
		return;
	if (wake->event != NULL)
		event_free(wake->event);
	if (wake->fd >= 0)
		close(wake->fd);
	free(wake);
}
