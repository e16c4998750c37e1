/* How severe an event of the log is, and what varies in it. */
#ifndef CORE_BASE_LOG_FIELD_H
#define CORE_BASE_LOG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *name;   /* an identifier; in JSON not time, level, message or cut */
	const char *string; /* NULL: an integer, unless skip */
	int64_t integer;
	bool skip; /* a string that was NULL, or a count that was 0: left out */
};

#define LOG_STR(name_, value_) log_field_string(name_, value_) /* NULL: the field is left out */
#define LOG_COUNT(name_, value_)                                                                   \
	((struct log_field){                                                                       \
		.name = (name_), .integer = (value_), .skip = (value_) == 0}) /* 0: left out */
#define LOG_INT(name_, value_) ((struct log_field){.name = (name_), .integer = (value_)})

static inline struct log_field log_field_string(const char *name, const char *value)
{
	return (struct log_field){.name = name, .string = value, .skip = value == NULL};
}

#endif
