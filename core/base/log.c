/* The log's file. Each line is written by one write(2), so threads never mix their lines. They
 * share a read lock, because log_reopen() replaces the file under the write lock. */
#include "core/base/log.h"

#include "core/base/log_line.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_requests[] = {"off", "errors", "all", NULL};

const struct setting log_settings[] = {
	{
		.key = "log.level",
		.type = SETTING_CHOICE,
		.choices = log_levels,
		.fallback = "info",
		.help = "Least severe events to log",
	},
	{
		.key = "log.format",
		.type = SETTING_CHOICE,
		.choices = log_formats,
		.fallback = "text",
		.help = "One line for each event, for people or for machines",
	},
	{
		.key = "log.file",
		.type = SETTING_STRING,
		.fallback = "",
		.help = "File to append to, opened again on SIGHUP; none: standard error",
	},
	{
		.key = "log.requests",
		.type = SETTING_CHOICE,
		.choices = log_requests,
		.fallback = "errors",
		.help = "Requests to log: none (but defects), those that failed in the service "
			"(some "
			"of them if there are many), or all",
	},
	{0},
};

static struct {
	pthread_rwlock_t lock; /* over fd */
	int fd;
	char *path; /* NULL: standard error */
	atomic_int level;
	atomic_bool json;
	atomic_bool torn; /* the last line was not written to its end */
	atomic_uint_fast64_t dropped;
} log_state = {
	.lock = PTHREAD_RWLOCK_INITIALIZER,
	.fd = STDERR_FILENO,
	.level = LOG_INFO,
};

static int log_open_file(const char *path, struct cart_error *error)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		cart_error_set(error, "log.file: cannot open %s: %s", path, strerror(errno));
	return fd;
}

static int log_level_named(const char *name)
{
	int level = 0;

	while (strcmp(log_levels[level], name) != 0)
		level++;
	return level;
}

int log_open(const struct settings *settings, struct cart_error *error)
{
	const char *path = settings_string(settings, "log.file");

	log_close();
	if (*path != '\0') {
		int fd = log_open_file(path, error);

		if (fd < 0)
			return -1;
		log_state.path = strdup(path);
		if (log_state.path == NULL) {
			close(fd);
			return cart_error_set(error, "out of memory");
		}
		log_state.fd = fd;
	}
	log_set_level((enum log_level)log_level_named(settings_string(settings, "log.level")));
	atomic_store_explicit(&log_state.json,
			      strcmp(settings_string(settings, "log.format"), "json") == 0,
			      memory_order_relaxed);
	return 0;
}

int log_reopen(struct cart_error *error)
{
	int fd, old;

	if (log_state.path == NULL)
		return 0;
	fd = log_open_file(log_state.path, error);
	if (fd < 0)
		return -1;
	pthread_rwlock_wrlock(&log_state.lock);
	old = log_state.fd;
	log_state.fd = fd;
	atomic_store(&log_state.torn, false);
	pthread_rwlock_unlock(&log_state.lock);
	close(old);
	return 0;
}

void log_close(void)
{
	if (log_state.path != NULL)
		close(log_state.fd);
	free(log_state.path);
	log_state.path = NULL;
	log_state.fd = STDERR_FILENO;
	atomic_store(&log_state.torn, false);
	atomic_store_explicit(&log_state.json, false, memory_order_relaxed);
	log_set_level(LOG_INFO);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_state.level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

/* True: all of it was written. */
static bool log_put(const char *data, size_t len)
{
	ssize_t put;

	do
		put = write(log_state.fd, data, len);
	while (put < 0 && errno == EINTR);
	if (put > 0 && (size_t)put < len)
		atomic_store(&log_state.torn, true);
	return put == (ssize_t)len;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       size_t count)
{
	int saved_errno = errno; /* callers log an error and then return errno */
	int64_t now_ms;
	struct log_line line;
	bool written;

	if (!log_enabled(level))
		return;
	now_ms = clock_wall_ms(&cart_clock_system);
	line.len = 0;
	line.cut = false;
	if (atomic_load_explicit(&log_state.json, memory_order_relaxed))
		log_line_json(&line, now_ms, level, message, fields, count);
	else
		log_line_text(&line, now_ms, level, message, fields, count);
	pthread_rwlock_rdlock(&log_state.lock);
	/* The disk was full and is not any more: end the line that was written in part before a new
	 * one. */
	if (atomic_exchange(&log_state.torn, false) && !log_put("\n", 1))
		atomic_store(&log_state.torn, true);
	written = log_put(line.data, line.len);
	pthread_rwlock_unlock(&log_state.lock);
	if (!written)
		atomic_fetch_add_explicit(&log_state.dropped, 1, memory_order_relaxed);
	errno = saved_errno;
}

bool log_limit_pass(struct log_limit *limit, int64_t now_ns, int64_t *left_out)
{
	int_fast64_t next = atomic_load(&limit->next_ns), then;

	do {
		if (next - now_ns > (LOG_LIMIT_BURST - 1) * LOG_LIMIT_NS) {
			atomic_fetch_add(&limit->left_out, 1);
			return false;
		}
		then = (next > now_ns ? next : now_ns) + LOG_LIMIT_NS;
	} while (!atomic_compare_exchange_weak(&limit->next_ns, &next, then));
	*left_out = atomic_exchange(&limit->left_out, 0);
	return true;
}

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&log_state.dropped, memory_order_relaxed);
}
