#include "bench/cli/progress.h"

#include "core/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROGRESS_ERASE "\r\033[K"

void bench_progress_begin(struct bench_progress *progress, bool quiet)
{
	const char *terminal = getenv("TERM");

	*progress = (struct bench_progress){.fd = STDERR_FILENO, .quiet = quiet};
	progress->live =
		isatty(progress->fd) == 1 && terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static void progress_write(const struct bench_progress *progress, const char *text, size_t len)
{
	/* A failed write of progress must not end the measurement. */
	if (write(progress->fd, text, len) < 0)
		return;
}

/* Cuts the line to the terminal's width: a line that wraps cannot be erased. */
static size_t progress_width(const struct bench_progress *progress, size_t len)
{
	struct winsize size;

	if (ioctl(progress->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && len >= size.ws_col)
		return size.ws_col - 1u;
	return len;
}

void bench_progress_show(struct bench_progress *progress, const char *format, ...)
{
	int64_t now_ns = clock_monotonic_ns(&cart_clock_system);
	char text[512] = PROGRESS_ERASE;
	size_t erase = progress->live ? strlen(PROGRESS_ERASE) : 0, len;
	va_list arguments;

	if (progress->quiet)
		return;
	if (!progress->live && progress->last_ns != 0 &&
	    now_ns - progress->last_ns < BENCH_PROGRESS_PLAIN_MS * CLOCK_NS_PER_MS)
		return;
	progress->last_ns = now_ns;
	va_start(arguments, format);
	vsnprintf(text + erase, sizeof(text) - erase - 1, format, arguments);
	va_end(arguments);
	len = strlen(text + erase);
	if (progress->live)
		len = progress_width(progress, len);
	else
		text[len++] = '\n';
	progress_write(progress, text, erase + len);
	progress->shown = progress->live;
}

void bench_progress_end(struct bench_progress *progress)
{
	if (progress->shown)
		progress_write(progress, PROGRESS_ERASE, strlen(PROGRESS_ERASE));
	progress->shown = false;
	progress->last_ns = 0;
}
