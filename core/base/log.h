/*
 * The log: one event a line, as text for people or JSON for machines, each written by one write(2)
 * so that threads never mix. A message is a constant phrase; what varies goes into fields.
 *
 *	log_event(LOG_WARN, "checkpoint failed", LOG_STR("path", path), LOG_INT("code", rc));
 *
 *	2025-11-01T23:30:00.123Z WARN  checkpoint failed path=/var/lib/cart/carts.db code=10
 *	{"time":"2025-11-01T23:30:00.123Z","level":"warn","message":"checkpoint failed",
 *	 "path":"/var/lib/cart/carts.db","code":10}
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include "core/base/attr.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/log_field.h"
#include "core/settings/settings.h"

#include <stdatomic.h>
#include <stdint.h>

/* log_event(level, message, field...): at least one field, at most 16; nothing is evaluated below
 * the level. */
#define log_event(level_, message_, ...)                                                           \
	do {                                                                                       \
		if (log_enabled(level_)) {                                                         \
			const struct log_field log_fields_[] = {__VA_ARGS__};                      \
			log_write(level_, message_, log_fields_,                                   \
				  sizeof(log_fields_) / sizeof(log_fields_[0]));                   \
		}                                                                                  \
	} while (0)
/* An event that needs no field. */
#define log_message(level_, message_) log_write(level_, message_, NULL, 0)

/*
 * For events that a client can cause: at once as many as LOG_LIMIT_BURST, and then one in
 * LOG_LIMIT_NS. A zeroed struct is ready; any thread.
 */
#define LOG_LIMIT_BURST 10
#define LOG_LIMIT_NS	(10 * CLOCK_NS_PER_S)
struct log_limit {
	atomic_int_fast64_t next_ns; /* monotonic; when the next event of an even flow is due */
	atomic_int_fast64_t left_out;
};
/* Whether an event may be logged now. *left_out: how many were not since the last one that was. */
CART_MUST_CHECK bool log_limit_pass(struct log_limit *limit, int64_t now_ns, int64_t *left_out);

/* log.level, log.format, log.file, log.requests. */
extern const struct setting log_settings[];

/* Opens the log as the settings say; before that it is text at info on standard error. At start,
 * before other threads. */
CART_MUST_CHECK int log_open(const struct settings *settings, struct cart_error *error);
/* Opens log.file again, for rotation; keeps the old one if it cannot. Nothing to do on standard
 * error. Any thread, and not twice at once. */
CART_MUST_CHECK int log_reopen(struct cart_error *error);
/* Back to what it was before log_open(); other threads have ended. */
void log_close(void);
/* For a program that does not open a log of its own: events below the level are left out. */
void log_set_level(enum log_level level);

bool log_enabled(enum log_level level);
/*
 * Control characters, quotes and bytes that are not UTF-8 are escaped, so that no field can forge a
 * line, nor rearrange it on a terminal. A line is cut at 4 KiB, which a pipe takes whole, and then
 * ends with cut=true. Never fails: an event that cannot be written is dropped and counted. It
 * blocks as long as the file does: whoever reads a pipe has to read it.
 */
void log_write(enum log_level level, const char *message, const struct log_field *fields,
	       size_t count);
/* Events dropped since start. */
uint64_t log_dropped(void);

#endif
